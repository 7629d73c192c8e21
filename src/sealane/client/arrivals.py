"""How the bytes of a remote file become those of the local one: as they come, or opened while they come.

An arrival says which bytes to ask for, for a stretch of the local file, and turns the answer into that stretch. Must
stay true: of a sealed file only whole chunks are given on, each after it was authenticated at its very place; that
the last chunk is the last is authenticated too, so a cut file is never whole.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, Literal, Protocol

from sealane.client import remote
from sealane.client.failures import AnswerInvalid
from sealane.client.sealing import read_exactly
from sealane.vault.age import header, keys, stretches
from sealane.vault.age.failures import HeaderCut, HeaderInvalid, NoIdentityMatches, PayloadDamaged
from sealane.vault.age.payload import (
    CHUNK_BYTES,
    NONCE_BYTES,
    STORED_CHUNK_BYTES,
    PayloadKey,
    RangeReader,
    plain_length,
    sealed_length,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sealane import paths
    from sealane.client.parts import Part
    from sealane.client.remote import RemoteFile
    from sealane.client.sealing import TagRecord
    from sealane.client.server import Server
    from sealane.vault.blobs import Buffer

_HEADER_READ_BYTES: Final = 16 * 1024
"""So much of a sealed file is asked for first: the header of some nine post-quantum recipients."""
_VERIFIED_AT_ONCE_BYTES: Final = 16 * CHUNK_BYTES


class Arrival(Protocol):
    """A way for a remote file to become a local one."""

    form: Literal["plain", "opened", "kept"]
    size: int
    """Of the local file."""
    step: int
    """Parts begin at multiples of it."""
    hashed_from: int
    """Where the bytes begin that the server's digest is of."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return from where to where the remote bytes lie that make up `start` to `end` of the local file."""
        ...

    def pieces(self, blocks: Iterable[bytes], start: int, end: int) -> Iterator[Buffer]:
        """Yield the local bytes from `start` on that these remote bytes make up. Raises `PayloadDamaged`."""
        ...


class AsItComes:
    """The local file has the remote bytes."""

    step = 1

    def __init__(self, size: int, *, hashed_from: int = 0, form: Literal["plain", "kept"] = "plain") -> None:
        """Take the size of both."""
        self.form: Literal["plain", "opened", "kept"] = form
        self.size = size
        self.hashed_from = hashed_from

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the same."""
        return start, end

    def pieces(self, blocks: Iterable[bytes], start: int, end: int) -> Iterator[Buffer]:
        """Yield the same, at most as many as were asked for."""
        for block in blocks:
            start += len(block)
            if start > end:
                raise AnswerInvalid
            yield block


class Opened:
    """The local file has what is sealed in the remote one."""

    form: Literal["plain", "opened", "kept"] = "opened"
    step = CHUNK_BYTES
    hashed_from = 0

    def __init__(self, key: PayloadKey, begins: int, remote_size: int) -> None:
        """Take the payload's key and where its chunks begin. Raises `PayloadDamaged` for a size that no file has."""
        self.size = plain_length(remote_size - begins)
        self.record: TagRecord | None = None
        """Where the tags of opened chunks go; set before anything is fetched."""
        self._key = key
        self._begins = begins

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where the chunks that hold it lie; `start` is where one begins, `end` likewise, or the file's end."""
        past = sealed_length(self.size) if end == self.size else stretches.stored_at(end)
        return self._begins + stretches.stored_at(start), self._begins + past

    def pieces(self, blocks: Iterable[bytes], start: int, end: int) -> Iterator[Buffer]:
        """Open whole chunks as they are there."""
        first, past = self.span(start, end)
        missing = past - first
        number = start // CHUNK_BYTES
        held = bytearray()
        for block in blocks:
            held += block
            missing -= len(block)
            if missing < 0:
                raise AnswerInvalid
            whole = len(held) - (len(held) % STORED_CHUNK_BYTES if missing else 0)
            if whole:
                sealed = bytes(memoryview(held)[:whole])
                plain = stretches.open_(self._key, number, sealed, last=missing == 0 and end == self.size)
                if self.record is not None:
                    self.record.note(number, stretches.tags(sealed))
                number += -(-whole // STORED_CHUNK_BYTES)
                del held[:whole]
                yield plain

    def still_there(self, descriptor: int, part: Part, written: int) -> int:
        """Return how much of what an earlier run wrote of a part is still what it opened, by the tags on record."""
        assert self.record is not None
        written -= 0 if written == part.length else written % CHUNK_BYTES
        done = 0
        while done < written:
            start = part.start + done
            length = min(_VERIFIED_AT_ONCE_BYTES, written - done)
            plain = read_exactly(descriptor, length, start) if os.fstat(descriptor).st_size >= start + length else b""
            if len(plain) < length:
                break
            last = start + length == self.size
            sealed = stretches.seal(self._key, start // CHUNK_BYTES, plain, last=last)
            if not self.record.has(start // CHUNK_BYTES, stretches.tags(sealed)):
                break
            done += length
        return done


class Sight:
    """A remote file as it was looked at, and how it will arrive."""

    def __init__(self, file: RemoteFile, arrival: Arrival, nonce: bytes = b"") -> None:
        """`nonce`: of the payload, where the file is opened; it tells one payload from every other."""
        self.file = file
        self.arrival = arrival
        self.nonce = nonce


def look(server: Server, path: paths.Path, identities: Sequence[keys.Identity], version: str = "") -> Sight:
    """Look at a file; a sealed one will be opened where an identity opens it, and else arrives as it is."""
    file = remote.look(server, path, version)
    if not file.sealed:
        return Sight(file, AsItComes(file.size))
    start, parsed, length = _header(server, file)
    try:
        key = PayloadKey(keys.find_file_key(parsed, identities), start[length : length + NONCE_BYTES])
    except NoIdentityMatches:
        return Sight(file, AsItComes(file.size, hashed_from=length, form="kept"))
    begins = length + NONCE_BYTES
    return Sight(file, Opened(key, begins, file.size), start[length:begins])


def reader(server: Server, path: paths.Path, identities: Sequence[keys.Identity]) -> RangeReader:
    """Return what reads ranges of a sealed file without fetching the rest: one request for both ends, one each chunk.

    Raises `HeaderInvalid` for a file that is not sealed, `NoIdentityMatches`, `PayloadDamaged`; `ChangedThere` once the
    file is replaced.
    """
    seen = remote.ends(server, path, _HEADER_READ_BYTES, STORED_CHUNK_BYTES)
    file, start, end = (remote.look(server, path), b"", b"") if seen is None else seen
    start, parsed, length = _header(server, file, start)
    key = PayloadKey(keys.find_file_key(parsed, identities), start[length : length + NONCE_BYTES])
    begins = length + NONCE_BYTES
    at_hand = file.size - len(end)

    def read(offset: int, wanted: int) -> bytes:
        first = begins + offset
        if first >= at_hand:
            return end[first - at_hand : first - at_hand + wanted]
        return remote.range_of(server, file, first, first + wanted)

    return RangeReader(key, read, file.size - begins)


def _header(server: Server, file: RemoteFile, start: bytes = b"") -> tuple[bytes, header.Header, int]:
    """Return the beginning of a sealed file with its header and nonce, the header, and the header's length.

    `start`: what is at hand of the beginning.
    """
    wanted = max(_HEADER_READ_BYTES, len(start))
    while True:
        start = start or remote.range_of(server, file, 0, min(wanted, file.size))
        try:
            parsed, length = header.parse(start)
            if len(start) >= length + NONCE_BYTES:
                return start, parsed, length
        except HeaderCut:
            pass
        if wanted >= min(file.size, header.HEADER_BYTES_MAX + NONCE_BYTES):
            raise PayloadDamaged if file.size < header.HEADER_BYTES_MAX else HeaderInvalid
        start, wanted = b"", wanted * 4
