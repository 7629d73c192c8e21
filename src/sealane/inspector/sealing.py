"""Sealing a settled upload: chunks that are not yet in their places are sealed, its digest is made if it is owed.

Synchronous; in a thread it frees the GIL. What is done is told piece by piece (`record`), so that a terabyte that was
staged need not be begun again, and can be sealed in turns. Each byte is read once, to be hashed and sealed. Not here:
which chunks and under which key (domain), the header (the keeper writes it).
Must stay true: the last chunk is told with the end only; every piece is durable before it is told; the plaintext is
nowhere but in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sealane.inspector.turns import BUFFER_BYTES
from sealane.operations.uploads import NewSegment, Place
from sealane.vault.age.payload import CHUNK_BYTES, PayloadKey
from sealane.vault.chunks import ChunkWriter
from sealane.vault.content import Content

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sealane.inspector.turns import RunningHash, Turn
    from sealane.operations.sealing import SealingOpened
    from sealane.settings import Settings
    from sealane.vault.blobs import BlobStore


class Sealed(NamedTuple):
    """A piece that is sealed and durable, and where it belongs."""

    segments: tuple[NewSegment, ...]
    edits: tuple[Place, ...]


class Outcome(NamedTuple):
    """The last piece, and the digest of the plaintext."""

    last: Sealed
    digest: bytes


def seal(
    opened: SealingOpened,
    store: BlobStore,
    settings: Settings,
    record: Callable[[Sealed], None],
    hashed: RunningHash,
    turn: Turn,
) -> Outcome:
    """Seal what is left of an upload; where its digest is owed, `hashed` is what an earlier turn has hashed of it.

    Raises `Integrity` where the stored bytes are not those that were written, `Unavailable`, `StoreFull`, `Stopped`,
    and `TurnOver` after a piece, of which all were recorded.
    """
    content = Content(store, opened.extents, opened.segments, opened.keys)
    owed = hashed if opened.digest is None else None
    key = PayloadKey.derived(opened.age_key)
    last_chunk = max(0, -(-opened.size // CHUNK_BYTES) - 1)
    for first, after in _pieces(opened.chunks, last_chunk, settings.segment_bytes_max // CHUNK_BYTES):
        if owed is not None:
            owed.read_on(content, first * CHUNK_BYTES, turn)
        turn.check()
        writer = ChunkWriter(key, store, first_chunk=first, inline_bytes_max=settings.inline_bytes_max)
        try:
            _copy(content, writer, first, after, owed, turn)
            record(_told(writer, first))
        finally:
            writer.abort()
    if owed is not None:
        owed.read_on(content, opened.size, turn)
    digest = hashed.digest() if opened.digest is None else opened.digest
    if not opened.size:
        return Outcome(Sealed((), ()), digest)
    writer = ChunkWriter(key, store, first_chunk=last_chunk, inline_bytes_max=settings.inline_bytes_max)
    try:
        tail = bytearray(opened.size - last_chunk * CHUNK_BYTES)
        content.read_into(last_chunk * CHUNK_BYTES, tail)
        writer.append_last(tail)
        return Outcome(_told(writer, last_chunk), digest)
    finally:
        writer.abort()


def _pieces(ranges: tuple[tuple[int, int], ...], last_chunk: int, chunks_max: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of chunks that fit a segment each, without the file's last chunk."""
    for first, after in ranges:
        for begin in range(first, min(after, last_chunk), chunks_max):
            yield begin, min(begin + chunks_max, after, last_chunk)


def _copy(content: Content, writer: ChunkWriter, first: int, after: int, owed: RunningHash | None, turn: Turn) -> None:
    buffer = memoryview(bytearray(min(BUFFER_BYTES, (after - first) * CHUNK_BYTES)))
    at, end = first * CHUNK_BYTES, after * CHUNK_BYTES
    while at < end:
        turn.check_stopped()
        block = buffer[: min(len(buffer), end - at)]
        content.read_into(at, block)
        turn.spend(len(block))
        if owed is not None:
            owed.add(at, block)
        writer.append(block)
        at += len(block)


def _told(writer: ChunkWriter, first: int) -> Sealed:
    length = writer.length
    written = writer.finish()
    return Sealed((NewSegment(*written),), (Place(first * CHUNK_BYTES, length, written.segment, 0),))
