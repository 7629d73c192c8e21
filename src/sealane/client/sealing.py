"""Sealing a file on the user's machine while it is sent: any stretch of the age file, at any time, in any order.

What lives here: the key of one age file under way, what is kept of it beside the upload's journal, and the record of
the chunks that were sealed. Not here: sending (`uploads.py`), who may open (`remote.recipients`). Must stay true:
**no chunk nonce is ever used for two plaintexts**, whatever becomes of the source, of this process or of another one
that goes on; so before a chunk's bytes are given out, its tag stands in a file, and a chunk that would get another
tag ends this age file for good (`ChangedHere`): the next try begins a new one with a new key. The key is in a file of
the user alone, and overwritten when the file is sent or given up.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from sealane.client.failures import ChangedHere, LocalFailure
from sealane.client.handover import Handover
from sealane.client.journals import KEY_SUFFIX, TAGS_SUFFIX, wipe
from sealane.client.positions import read_at
from sealane.vault.age import files, keys, stretches
from sealane.vault.age.header import FILE_KEY_BYTES
from sealane.vault.age.payload import (
    CHUNK_BYTES,
    NONCE_BYTES,
    STORED_CHUNK_BYTES,
    TAG_BYTES,
    PayloadKey,
    sealed_length,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sealane.client.journals import Beside

_CHUNKS_A_BLOCK: Final = 16
_ID_BYTES: Final = 16
_KEY_FILE_BYTES_MAX: Final = 4 << 20
_NEVER_SEALED: Final = bytes(TAG_BYTES)
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class _Kept(msgspec.Struct, forbid_unknown_fields=True):
    """What it takes to go on with an age file."""

    id: bytes
    boot: str
    """Of which start of this machine. What a crash of the machine left of the record of tags is not relied on."""
    size: int
    recipients: list[str]
    file_key: bytes
    nonce: bytes
    prefix: bytes


class TagRecord:
    """The tags of all chunks that were ever sealed under one key: a file of 16 bytes a chunk, after the age file's id.

    A chunk's tag is on record before its bytes leave; a process that is killed at any moment leaves a record that is
    complete. (A machine that crashes may not: see `_Kept.boot`.)
    """

    def __init__(self, descriptor: int) -> None:
        """Own the descriptor of a file that begins with the id."""
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def note(self, first: int, tags: bytes) -> None:
        """Put the tags of consecutive chunks on record. Raises `ChangedHere` where another stands there already."""
        offset = _ID_BYTES + first * TAG_BYTES
        try:
            with self._lock:
                known = os.pread(self._descriptor, len(tags), offset).ljust(len(tags), b"\0")
                if known == tags:
                    return
                for start in range(0, len(tags), TAG_BYTES):
                    one = known[start : start + TAG_BYTES]
                    if one not in (_NEVER_SEALED, tags[start : start + TAG_BYTES]):
                        raise ChangedHere
                if os.pwrite(self._descriptor, tags, offset) != len(tags):
                    raise LocalFailure("What was sealed cannot be recorded: the disk is full.")
        except OSError as problem:
            raise LocalFailure(f"What was sealed cannot be recorded: {problem.strerror}.") from None

    def has(self, first: int, tags: bytes) -> bool:
        """Say whether exactly these tags of consecutive chunks are on record."""
        with self._lock:
            return os.pread(self._descriptor, len(tags), _ID_BYTES + first * TAG_BYTES) == tags

    def close(self) -> None:
        """Close the file; it stays for whoever goes on. A thread that comes late is refused."""
        with self._lock:
            os.close(self._descriptor)
            self._descriptor = -1


class SealedSource:
    """The age file that a local file becomes. Bytes of it can be had again, from any thread, and are the same then."""

    def __init__(
        self,
        descriptor: int,
        size: int,
        key: PayloadKey,
        prefix: bytes,
        note: Callable[[int, bytes], None],
        *,
        ahead_bytes_max: int = 0,
    ) -> None:
        """`prefix` is header and nonce; `note` is told of every chunk's tag before the chunk is given out.

        `ahead_bytes_max`: how much of what was given out is kept for whoever reads in order (`read`).
        """
        self.prefix = prefix
        self.size = len(prefix) + sealed_length(size)
        self._descriptor = descriptor
        self._plain_size = size
        self._last = stretches.last_chunk(size)
        self._key = key
        self._note = note
        self._handover = Handover(ahead_bytes_max)

    def blocks(self, offset: int, end: int) -> Iterator[bytes | bytearray]:
        """Yield the bytes from `offset` to `end` in pieces of about a MiB. Raises `ChangedHere`, `LocalFailure`."""
        assert 0 <= offset <= end <= self.size
        begins = len(self.prefix)
        if offset < min(begins, end):
            yield self.prefix[offset:end]
            offset = min(begins, end)
        room = bytearray(min(_CHUNKS_A_BLOCK * CHUNK_BYTES, self._plain_size))
        while offset < end:
            first, within = divmod(offset - begins, STORED_CHUNK_BYTES)
            last = min(first + _CHUNKS_A_BLOCK, -(-(end - begins) // STORED_CHUNK_BYTES)) - 1
            sealed = self._chunks(first, last, memoryview(room))
            past = end - begins - first * STORED_CHUNK_BYTES
            whole = within == 0 and past >= len(sealed)
            if whole:
                self._handover.give(first, sealed)
            piece = sealed if whole else sealed[within:past]
            offset += len(piece)
            yield piece

    def read(self, wanted: int, offset: int) -> bytes | bytearray:
        """Return some bytes from `offset` on, where a chunk begins: those that were given out, if they are kept.

        For one reader, in order. They may be more than `wanted`, since a stretch is hashed as it is.
        """
        first, within = divmod(offset - len(self.prefix), STORED_CHUNK_BYTES)
        assert within == 0, "a digest goes from chunk to chunk"
        kept = self._handover.take(first)
        if kept is not None:
            return kept
        stretch = -(-wanted // STORED_CHUNK_BYTES)
        following = self._handover.next_after(first)
        after = min(first + min(stretch, _CHUNKS_A_BLOCK), self._last + 1 if following is None else following)
        room = bytearray(min((after - first) * CHUNK_BYTES, self._plain_size))
        return self._chunks(first, after - 1, memoryview(room))

    def _chunks(self, first: int, last: int, room: memoryview) -> bytearray:
        start = first * CHUNK_BYTES
        plain = room[: min((last + 1) * CHUNK_BYTES, self._plain_size) - start]
        read_into(self._descriptor, plain, start)
        sealed = stretches.seal(self._key, first, plain, last=last == self._last)
        self._note(first, stretches.tags(sealed))
        return sealed


class Sealing:
    """One age file under way: its id, and its bytes."""

    def __init__(self, kept: _Kept, source: SealedSource) -> None:
        """Use `sealing_of`."""
        self.id = kept.id.hex()
        self.nonce = kept.nonce
        self.source = source


@contextlib.contextmanager
def sealing_of(
    beside: Beside, descriptor: int, size: int, recipients: Sequence[keys.Recipient], *, ahead_bytes_max: int = 0
) -> Iterator[Sealing]:
    """Give the age file that an earlier process left for this very source and these recipients, or a new one.

    The caller holds the journal, so nobody else uses it. What is given may be one that was begun just now, with an id
    that nobody knows yet: what the server has of any other age file does not belong to it.
    """
    texts = [str(one) for one in recipients]
    kept = _kept(beside, size, texts)
    tags = None if kept is None else _open_tags(beside(TAGS_SUFFIX), kept.id)
    if kept is None or tags is None:
        kept, tags = _begun(beside, size, recipients, texts)
    record = TagRecord(tags)
    try:
        key = PayloadKey(kept.file_key, kept.nonce)
        yield Sealing(
            kept, SealedSource(descriptor, size, key, kept.prefix, record.note, ahead_bytes_max=ahead_bytes_max)
        )
    finally:
        record.close()


def forget(beside: Beside) -> None:
    """Overwrite and remove the key and what was kept with it, as far as a file system really overwrites."""
    wipe(beside(KEY_SUFFIX))
    with contextlib.suppress(OSError):
        beside(TAGS_SUFFIX).unlink()


def read_into(descriptor: int, room: memoryview, offset: int) -> None:
    """Fill `room` from a place of a file; a file that ends before has changed."""
    try:
        while room:
            filled = os.preadv(descriptor, [room], offset)
            if not filled:
                raise ChangedHere
            room, offset = room[filled:], offset + filled
    except OSError as problem:
        raise LocalFailure(f"The file cannot be read: {problem.strerror}.") from None


def read_exactly(descriptor: int, wanted: int, offset: int) -> bytes:
    """Return `wanted` bytes of a file from `offset`; a file that ends before has changed."""
    block = read_at(descriptor, wanted, offset) if wanted else b""
    while len(block) < wanted:
        block += read_at(descriptor, wanted - len(block), offset + len(block))
    return block


def record_of(beside: Beside, nonce: bytes) -> TagRecord:
    """Return the record of the chunks of this payload that were opened: an earlier run's, or a new one."""
    id_ = hashlib.sha256(nonce).digest()[:_ID_BYTES]
    tags = _open_tags(beside(TAGS_SUFFIX), id_)
    if tags is None:
        with contextlib.suppress(OSError):
            beside(TAGS_SUFFIX).unlink()
        tags = _new(beside(TAGS_SUFFIX), id_)
    return TagRecord(tags)


def _kept(beside: Beside, size: int, recipients: list[str]) -> _Kept | None:
    """Return what an earlier process kept, if it may be gone on with: same size, recipients, start of the machine."""
    try:
        with beside(KEY_SUFFIX).open("rb") as file:
            kept = msgspec.json.decode(file.read(_KEY_FILE_BYTES_MAX), type=_Kept)
    except (OSError, msgspec.MsgspecError):
        return None
    boot = _boot()
    whole = len(kept.id) == _ID_BYTES and len(kept.file_key) == FILE_KEY_BYTES and len(kept.nonce) == NONCE_BYTES
    same = (kept.size, kept.recipients, kept.boot) == (size, recipients, boot)
    return kept if whole and same and boot and kept.prefix.endswith(kept.nonce) else None


def _begun(beside: Beside, size: int, recipients: Sequence[keys.Recipient], texts: list[str]) -> tuple[_Kept, int]:
    """Begin an age file; the order is such that an old key never meets a new record of tags."""
    forget(beside)
    file_key, nonce = secrets.token_bytes(FILE_KEY_BYTES), secrets.token_bytes(NONCE_BYTES)
    begun = files.begin(recipients, file_key=file_key, nonce=nonce)
    kept = _Kept(secrets.token_bytes(_ID_BYTES), _boot(), size, texts, file_key, nonce, begun.prefix)
    tags = _new(beside(TAGS_SUFFIX), kept.id)
    try:
        os.close(_new(beside(KEY_SUFFIX), msgspec.json.encode(kept)))
    except BaseException:
        os.close(tags)
        raise
    return kept, tags


def _new(path: Path, content: bytes) -> int:
    """Make a file of the user alone, in its place at once: of a key there is no second copy to overwrite."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        if os.pwrite(descriptor, content, 0) != len(content):
            os.close(descriptor)
            raise LocalFailure(f"{path} cannot be written: the disk is full.")
    except OSError as problem:
        raise LocalFailure(f"{path} cannot be written: {problem.strerror}.") from None
    return descriptor


def _open_tags(path: Path, id_: bytes) -> int | None:
    """Return a descriptor of the record of tags of this age file, None where it is not there or another's."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    if os.pread(descriptor, _ID_BYTES, 0) == id_:
        return descriptor
    os.close(descriptor)
    return None


def _boot() -> str:
    """Return what tells this start of the machine from every other, empty where that cannot be had."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""
