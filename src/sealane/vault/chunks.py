"""Segments of a sealed file: chunks of one age payload, in immutable objects like any other segment.

Lives here: sealing into a segment (`ChunkWriter`), and the bytes of a whole age file read through its map
(`SealedContent`). Not here: the age format (`age/`), plaintext of such segments (`segments.py`), who holds which key.
Must stay true: a writer never seals two chunks of one number; only the file's last chunk is sealed as the last; what is
read here needs no key.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sealane.errors import Integrity
from sealane.ids import SegmentId, new_segment_id
from sealane.settings import SLOT_BYTES
from sealane.vault.age.payload import CHUNK_BYTES, STORED_CHUNK_BYTES, TAG_BYTES, PayloadKey, sealed_length
from sealane.vault.content import blocks_of
from sealane.vault.extents import ExtentMap
from sealane.vault.segments import SegmentWritten, scratch, stored_length

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sealane.vault.blobs import BlobStore, BlobWriter, Buffer
    from sealane.vault.extents import Extent
    from sealane.vault.segments import SegmentPlace


class ChunkWriter:
    """Seals consecutive whole chunks into one new segment: in memory up to `inline_bytes_max`, past it in the store.

    Used by one thread at a time. Ends with `finish` or `abort`.
    """

    __slots__ = (
        "_blob",
        "_first",
        "_inline_bytes_max",
        "_key",
        "_next",
        "_pending",
        "_store",
        "_tags",
        "length",
        "segment",
    )

    def __init__(self, key: PayloadKey, store: BlobStore, *, first_chunk: int, inline_bytes_max: int) -> None:
        """Begin a segment under a fresh random id; nothing touches the store before it outgrows its memory."""
        self.segment = new_segment_id()
        self.length = 0
        """Plaintext bytes taken so far."""
        self._key = key
        self._store = store
        self._first = self._next = first_chunk
        self._inline_bytes_max = min(inline_bytes_max, CHUNK_BYTES)
        self._blob: BlobWriter | None = None
        self._pending = b""
        self._tags = hashlib.sha256()

    def append(self, buffer: Buffer) -> None:
        """Seal whole chunks that something follows."""
        view = memoryview(buffer).cast("B")
        assert len(view) % CHUNK_BYTES == 0, "only the last chunk of a file is shorter"
        for at in range(0, len(view), CHUNK_BYTES):
            self._seal(view[at : at + CHUNK_BYTES], last=False)

    def append_last(self, buffer: Buffer) -> None:
        """Seal the last chunk of the file, full or not, but not empty."""
        assert 0 < len(memoryview(buffer)) <= CHUNK_BYTES
        self._seal(memoryview(buffer).cast("B"), last=True)

    def finish(self) -> SegmentWritten:
        """Make the segment durable (or hand it over to be kept inline) and describe it."""
        assert self.length > 0, "an empty segment is never written"
        inline = self._pending if self._blob is None else None
        if self._blob is not None:
            self._blob.commit()
            self._blob = None
        return SegmentWritten(self.segment, self.length, self._tags.digest(), inline, self._first)

    def abort(self) -> None:
        """Throw the segment away; harmless after `finish` has returned."""
        if self._blob is not None:
            self._blob.abort()
            self._blob = None

    def _seal(self, plain: memoryview, *, last: bool) -> None:
        out = scratch(len(plain) + TAG_BYTES)
        self._key.seal_into(self._next, plain, out, last=last)
        self._next += 1
        self._tags.update(out[-TAG_BYTES:])
        self.length += len(plain)
        if self._blob is None and self.length <= self._inline_bytes_max:
            self._pending += bytes(out)
            return
        if self._blob is None:
            self._blob = self._store.create(self.segment)
            if self._pending:
                self._blob.append(self._pending)
                self._pending = b""
        self._blob.append(out)


class SealedContent:
    """The bytes of one age file: what stands before its chunks, then the chunks as they are stored. Needs no key.

    Raises `Integrity` when made of a map that is not that of whole chunks in order.
    """

    __slots__ = ("_map", "_places", "_prefix", "_store", "size")

    def __init__(
        self, store: BlobStore, extents: Iterable[Extent], places: Iterable[SegmentPlace], prefix: bytes
    ) -> None:
        """Hold the map; nothing is read yet."""
        told = tuple(extents)
        self._map = ExtentMap(told, extents_max=len(told))
        self._places = {place.segment: place for place in places}
        self._prefix = prefix
        self._store = store
        chunks = sealed_length(self._map.size) if self._map.size else 0
        self.size = len(prefix) + chunks
        """Bytes of the age file; of an empty one the only chunk belongs to the prefix."""

    def read_into(self, offset: int, target: Buffer) -> int:
        """Fill `target` with the bytes from `offset` on, up to the end; return how many those are."""
        view = memoryview(target).cast("B")
        done = 0
        before = self._prefix[offset : offset + len(view)]
        view[: len(before)] = before
        done = len(before)
        at = offset + done - len(self._prefix)
        end = min(at + len(view) - done, self.size - len(self._prefix))
        while at < end:
            count = self._stored_into(at, view[done : done + end - at])
            done += count
            at += count
        return done

    def slot_end(self, offset: int) -> int:
        """Return a place to stop reading, one slot on: stored bytes are not opened here, so any place is as good."""
        return min(offset + SLOT_BYTES, self.size)

    def blocks(self, buffer: bytearray) -> Iterator[memoryview]:
        """Yield the whole file in order, in pieces as large as `buffer`, each valid until the next is asked for."""
        return blocks_of(self, buffer)

    def _stored_into(self, at: int, target: memoryview) -> int:
        """Put stored bytes from `at` of the chunks on into `target`, within one segment; return how many."""
        chunk, within = divmod(at, STORED_CHUNK_BYTES)
        plain_at = chunk * CHUNK_BYTES
        run = next(self._map.runs(plain_at, self._map.size))
        place = self._places.get(run.segment)
        if place is None or place.first_chunk is None or place.first_chunk * CHUNK_BYTES + run.start != plain_at:
            raise Integrity
        begin = run.start // CHUNK_BYTES * STORED_CHUNK_BYTES + within
        count = min(len(target), stored_length(run.length, chunks=True) - within)
        if place.inline is None:
            self._store.read_into(SegmentId(place.segment), begin, target[:count])
            return count
        if len(place.inline) != stored_length(place.length, chunks=True):
            raise Integrity
        target[:count] = place.inline[begin : begin + count]
        return count
