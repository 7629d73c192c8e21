"""One segment of a running upload into a sealed folder: age chunks as the bytes arrive, and what is left in a slot.

A chunk can be sealed once bytes follow it, since only then it is not the file's last. So the slot at hand is kept in
the clear while it is full, and when the segment ends, its last chunk, full or not, goes into a small segment of slots
beside it: the tail, with which the next segment begins again.
Must stay true: a chunk number is sealed once under one key; what is sealed is known by `unrecorded_chunks`, so that
whoever lets go of the upload can say whether all of it is recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane.doors.sealing import OpenSegment
from sealane.operations.uploads import NewSegment, Place
from sealane.settings import SLOT_BYTES
from sealane.vault.age.payload import CHUNK_BYTES, PayloadKey
from sealane.vault.chunks import ChunkWriter
from sealane.vault.segments import SegmentPlace, SegmentWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from sealane.doors.plane import Plane
    from sealane.doors.sealing import RunningDigest
    from sealane.ids import SegmentId
    from sealane.operations.uploads import AgeKey, Edit
    from sealane.vault.segments import SegmentWritten


class ChunkedSegment(OpenSegment):
    """A segment of chunks in order, from the begin of one on."""

    __slots__ = ("_age_key_id", "_chunks", "_offset", "_tail_length", "_tail_writer", "tail_written")

    def __init__(
        self,
        plane: Plane,
        key: AESGCM,
        payload: PayloadKey,
        digest: RunningDigest,
        freed: Callable[[], None],
        *,
        age_key_id: int,
        chunk: int,
        hashed_before: int,
    ) -> None:
        """Begin at a chunk of the file. `hashed_before`: bytes of it that the digest has had, in the segment before."""
        super().__init__(plane, key, digest, freed)
        limit = plane.settings.inline_bytes_max
        self._chunks = ChunkWriter(payload, plane.store, first_chunk=chunk, inline_bytes_max=limit)
        self._age_key_id = age_key_id
        self._offset = chunk * CHUNK_BYTES
        self._hashed_before = hashed_before
        self._tail_writer = SegmentWriter(key, plane.store, inline_bytes_max=limit)
        self._tail_length = 0
        self.tail_written: SegmentWritten | None = None
        """What the tail became, once it is durable."""

    @property
    def segment(self) -> SegmentId:
        """The id of the segment of chunks."""
        return self._chunks.segment

    @property
    def next_chunk(self) -> int:
        """The first chunk that is not sealed when this segment has ended."""
        return (self._offset + self._chunk_bytes) // CHUNK_BYTES

    def make_way(self) -> None:
        """Let the full slot be sealed: bytes follow it, so that it holds no last chunk."""
        if self._slot is not None and self._fill == SLOT_BYTES:
            self._seal()

    def overwrite(self, start: int, view: memoryview) -> bool:
        """Replace bytes in the slot at hand; where the digest has had them before, it is worth nothing any more."""
        if not super().overwrite(start, view):
            return False
        if start < self._hashed_before:
            self._digest.in_order = False
        return True

    @property
    def is_whole(self) -> bool:
        """Whether every byte was given to be sealed: a full slot had to make way, and there is no other buffer yet."""
        return self._slot is None

    def holds(self, segment: str) -> bool:
        """Whether bytes that the map says are in this segment are here."""
        return segment in {self.segment, self._tail_writer.segment}

    def split(self) -> Place:
        """Decide what is the tail, and return where it belongs: the map is to say so from now on.

        Not where bytes follow the last whole chunk in another segment: then there is no tail.
        """
        assert self.length, "a segment of no bytes is not split"
        self._tail_length = (self.length - 1) % CHUNK_BYTES + 1
        return Place(self._offset + self._chunk_bytes, self._tail_length, self._tail_writer.segment, 0)

    def tail_bytes(self) -> bytes:
        """Return the tail, with which the next segment begins."""
        return bytes(self.tail[-self._tail_length :])

    def edits(self) -> tuple[Edit, ...]:
        """Return where its bytes belong."""
        chunks = Place(self._offset, self._chunk_bytes, self.segment, 0)
        tail = Place(self._offset + self._chunk_bytes, self._tail_length, self._tail_writer.segment, 0)
        return tuple(place for place in (chunks, tail) if place.length)

    def new_segments(self) -> tuple[NewSegment, ...]:
        """Return what to report of it."""
        return tuple(NewSegment(*written) for written in (self.written, self.tail_written) if written is not None)

    def places(self, key_id: int) -> tuple[SegmentPlace, ...]:
        """Return where its bytes are, once they are durable."""
        found: list[SegmentPlace] = []
        if self.written is not None:
            made = self.written
            found.append(SegmentPlace(made.segment, self._age_key_id, made.length, made.inline, made.first_chunk))
        if self.tail_written is not None:
            found.append(SegmentPlace(self.tail_written.segment, key_id, self._tail_length, self.tail_written.inline))
        return tuple(found)

    def begin_finish(self, settled: Callable[[OpenSegment, BaseException | None], None]) -> None:
        """Take no more bytes; make it durable and call `settled` then (on the loop). `split` came before, or never."""
        assert not self._begun, "a segment is finished once"
        self._begun = True
        self._settled = settled
        if not self.length:
            self._end(None)
            return
        if self._slot is None:
            self._lane.add(self._finish, self._end)
            return
        if self._is_small() and self.length <= CHUNK_BYTES:
            slot, view = self._slot, memoryview(self._slot)[: self._fill]
            if self._digest.in_order:
                self._digest.add_now(view[self._hashed_before :])
            self._finish_tail(view)
            self._slot = None
            self._return(slot)
            self._end(None)
            return
        self._seal()
        self._lane.add(self._finish, self._end)

    def let_go(self) -> None:
        """Throw away what is not yet durable. Harmless afterwards."""
        super().let_go()
        self._lane.add(self._chunks.abort, lambda _: None, always=True)
        self._lane.add(self._tail_writer.abort, lambda _: None, always=True)

    @property
    def _chunk_bytes(self) -> int:
        return self.length - self._tail_length

    def _filled(self) -> None:
        """Keep the full slot in the clear: whether its last chunk is the file's is not known yet."""

    def _write(self, view: memoryview) -> None:
        """Seal what is whole of a slot; what is left when the segment ends is its tail."""
        whole = min(len(view), self._chunk_bytes - self._chunks.length) if self._tail_length else len(view)
        if whole:
            self._chunks.append(view[:whole])
        if self._tail_length and whole < len(view):
            self._finish_tail(view[whole:])

    def _seal(self) -> None:
        self.unrecorded_chunks = True
        super()._seal()

    def _finish(self) -> None:
        """Make the chunks durable; the tail is small, and was written with the last slot."""
        if self._chunks.length:
            self.written = self._chunks.finish()

    def _finish_tail(self, view: memoryview) -> None:
        self._tail_writer.append(view)
        self.tail_written = self._tail_writer.finish()


class Chunks:
    """Where a sealed upload that comes in order stands: which chunk is next, and what of it is there already."""

    __slots__ = ("_key", "_key_id", "next_chunk", "tail")

    def __init__(self, age: AgeKey, tail: bytes | None) -> None:
        """Go on where the keeper says; `tail` is None where it has to be read back."""
        self._key = PayloadKey.derived(age.key)
        self._key_id = age.key_id
        self.next_chunk = age.next_chunk
        self.tail = tail
        """Bytes before the end of the file that no chunk holds yet: the next one begins with them."""

    def begin(
        self,
        plane: Plane,
        key: AESGCM,
        digest: RunningDigest,
        freed: Callable[[], None],
        slot: bytearray | None,
    ) -> ChunkedSegment:
        """Begin the next segment; `slot` is there if there is a tail to go on from."""
        tail = self.tail or b""
        segment = ChunkedSegment(
            plane,
            key,
            self._key,
            digest,
            freed,
            age_key_id=self._key_id,
            chunk=self.next_chunk,
            hashed_before=len(tail),
        )
        if slot is not None:
            segment.give(slot)
            segment.take(self.next_chunk * CHUNK_BYTES, memoryview(tail))
        return segment

    def end(self, segment: ChunkedSegment, *, followed: bool) -> Place | None:
        """Keep the tail of a segment that takes no more bytes, and return where in the file it belongs.

        `followed`: bytes follow its last chunk, so that it has no tail.
        """
        if segment.length and (followed or segment.is_whole):
            self.tail, self.next_chunk = b"", segment.next_chunk
        elif segment.length:
            place = segment.split()
            self.tail, self.next_chunk = segment.tail_bytes(), segment.next_chunk
            return place
        return None
