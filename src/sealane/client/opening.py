"""Opening an age file on the user's machine, of any size, in bounded memory.

Must stay true: a name is given only to a file that opened to its last chunk; what fails leaves nothing behind but what
was already written to a pipe, and that is said; no file is ever overwritten.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

from sealane.client.failures import LocalFailure
from sealane.vault.age import armor, files
from sealane.vault.age.failures import HeaderCut
from sealane.vault.age.header import HEADER_BYTES_MAX
from sealane.vault.age.payload import NONCE_BYTES, STORED_CHUNK_BYTES
from sealane.vault.age.streams import Opener
from sealane.vault.disk import sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from sealane.vault.age.keys import Identity
    from sealane.vault.age.payload import PayloadKey

_BLOCK_BYTES: Final = 16 * STORED_CHUNK_BYTES
_START_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """What was opened, to its last chunk."""

    size: int
    sha256: str
    """Hexadecimal."""


class Pieces:
    """What comes in pieces of any size, read like a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        """Take nothing of it yet."""
        self._pieces = pieces
        self._held = b""

    def read(self, wanted: int) -> bytes:
        """Return some bytes, `wanted` at most; none at the end."""
        held = self._held or next((piece for piece in self._pieces if piece), b"")
        self._held = held[wanted:]
        return held[:wanted]


def open_to_file(source: IO[bytes], identities: Sequence[Identity], target: Path) -> OpenedFile:
    """Open an age file into a new file, which has its name only once it is whole and on disk; that is durable too.

    Raises `LocalFailure` where `target` is there already, and what `open_to_stream` raises.
    """
    if target.exists() or target.is_symlink():
        raise _taken(target)
    unfinished = target.with_name(f".{target.name[:200]}.{secrets.token_hex(8)}.part")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError as problem:
        raise LocalFailure(f"{target} cannot be written: {problem.strerror}.") from None
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            opened = open_to_stream(source, identities, lambda plain: _write(file, plain, str(target)))
            os.fsync(file.fileno())
        os.link(unfinished, target)  # unlike a rename, it never replaces a file that came meanwhile
        sync_folder(target.parent)
    except FileExistsError:
        raise _taken(target) from None
    except OSError as problem:
        raise LocalFailure(f"{target} cannot be written: {problem.strerror}.") from None
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink()
    return opened


def open_to_stream(
    source: IO[bytes] | Pieces, identities: Sequence[Identity], write: Callable[[memoryview], object]
) -> OpenedFile:
    """Open an age file, binary or in its text form, giving each chunk to `write` once it is authenticated.

    Returns only when the last chunk has proved that nothing is missing. Raises `NoIdentityMatches`, `HeaderInvalid` and
    its like, `PayloadDamaged`, `ArmorInvalid`, `LocalFailure`.
    """
    start = _read(source, _START_BYTES)
    if armor.is_armored(start):
        text = start + _read(source, armor.ARMOR_BYTES_MAX + 1 - len(start))
        start, rest = armor.open_armor(text), None
    else:
        rest = source
    key, begins, start = _prefix(start, rest, identities)
    digest, size = hashlib.sha256(), 0
    for plain in _opened(key, start[begins:], rest):
        view = memoryview(plain)
        write(view)
        digest.update(view)
        size += len(view)
    return OpenedFile(size, digest.hexdigest())


def _prefix(
    start: bytes, rest: IO[bytes] | Pieces | None, identities: Sequence[Identity]
) -> tuple[PayloadKey, int, bytes]:
    """Return the payload's key, where its chunks begin, and all that was read so far."""
    while True:
        try:
            key, begins = files.open_prefix(start, identities)
        except HeaderCut:
            more = b"" if rest is None or len(start) > HEADER_BYTES_MAX + NONCE_BYTES else _read(rest, len(start))
            if not more:
                raise
            start += more
        else:
            return key, begins, start


def _opened(key: PayloadKey, held: bytes, rest: IO[bytes] | Pieces | None) -> Iterator[bytearray]:
    """Yield the plaintext in order; the last of it only once it is known that nothing follows."""
    opener = Opener(key)
    yield opener.update(held)
    while rest is not None and (block := _read(rest, _BLOCK_BYTES)):
        yield opener.update(block)
    yield opener.finish()


def _read(source: IO[bytes] | Pieces, wanted: int) -> bytes:
    """Return `wanted` bytes, fewer only at the end."""
    pieces: list[bytes] = []
    left = wanted
    try:
        while left > 0 and (piece := source.read(left)):
            pieces.append(piece)
            left -= len(piece)
    except OSError as problem:
        raise LocalFailure(f"The sealed file cannot be read: {problem.strerror}.") from None
    return b"".join(pieces)


def _write(file: IO[bytes], plain: memoryview, name: str) -> None:
    try:
        while plain:
            plain = plain[file.write(plain) :]
    except OSError as problem:
        full = problem.errno in {errno.ENOSPC, errno.EDQUOT}
        why = "there is not enough room" if full else str(problem.strerror)
        raise LocalFailure(f"{name} cannot be written: {why}.") from None


def _taken(target: Path) -> LocalFailure:
    return LocalFailure(f"{target} is there already. Name another file with --out.")
