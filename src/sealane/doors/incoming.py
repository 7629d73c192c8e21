"""The bytes of one upload on their way in: taken in any order, encrypted at once, made durable, recorded, finished.

A door gives blocks (`write_now`, `write`) and asks for what its protocol promises: `flush` (an offset may be
acknowledged), `finish`, `suspend`, `abandon`. Segments are closed when they are full and recorded in the background, so
a crash loses at most what is in flight. Not here: deciding (the keeper), the format (`vault/`).
Must stay true: what a segment holds is durable in the blob store before it is recorded, and recorded before it is
acknowledged; records go out in order; memory is bounded whatever the client does. One event loop; one writer at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealane.doors import reading_back
from sealane.doors.age_headers import told_sealed
from sealane.doors.allowed import check_write
from sealane.doors.buffers import Buffers
from sealane.doors.chunking import ChunkedSegment, Chunks
from sealane.doors.recording import Recorder
from sealane.doors.sealing import OpenSegment, RunningDigest
from sealane.doors.stored import Stored
from sealane.errors import NotAllowed
from sealane.ids import SegmentId
from sealane.operations.uploads import CopyInto, Finished, FinishUpload, UploadOpened
from sealane.settings import SLOT_BYTES
from sealane.vault.age.payload import CHUNK_BYTES
from sealane.vault.extents import ExtentMap

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from sealane.doors.outgoing import Outgoing
    from sealane.doors.plane import Plane
    from sealane.errors import SealaneError
    from sealane.operations.envelope import Answer, Operation
    from sealane.operations.uploads import SentSealed
    from sealane.vault.blobs import Buffer


class Incoming:
    """One upload that a door writes. Ends with `finish`, `suspend` or `abandon`; each may follow a failed `finish`."""

    def __init__(
        self,
        opened: UploadOpened,
        handle: str,
        ask: Callable[[Operation], Awaitable[Answer]],
        plane: Plane,
        *,
        held: bool = False,
    ) -> None:
        """Go on with an upload that the keeper has opened for the session `handle`.

        `held`: nothing is recorded before `flush` or `finish`, so that a body whose checksum turns out wrong can be
        dropped (`suspend(keep=False)`).
        """
        self.interrupted = opened.interrupted
        """It was taken up again and was never whole: untouched it is to be suspended, not finished."""
        self._handle = handle
        self._ask = ask
        self._plane = plane
        self._settings = plane.settings
        self._held = held
        self._cipher = AESGCM(opened.key)
        self._chunks = None if opened.age is None else Chunks(opened.age, None if opened.extents else b"")
        """Of a sealed upload, as long as its bytes come in order."""
        self._digest = RunningDigest(plane.lane(), in_order=not (opened.extents or opened.partial))
        self._open: OpenSegment | None = None
        self._buffers = Buffers(plane, self._raise_failure)
        self._failure: BaseException | None = None
        self._stored = Stored(plane, opened, None)
        self._ended = False
        self._stand(opened)
        self._records = Recorder(
            opened, handle, ask, acknowledged=self._map.contiguous, moved=self._buffers.moved, failed=self._fail
        )

    @property
    def size(self) -> int:
        """The file's length as its writer sees it."""
        return self._map.size

    @property
    def contiguous(self) -> int:
        """Bytes from the start up to the first that was never written."""
        return self._map.contiguous

    @property
    def upload(self) -> str:
        """The upload's id."""
        return self._opened.upload

    # --- writing ----------------------------------------------------------------------------------------------------

    def write_now(self, offset: int, view: Buffer) -> bool:
        """Take all of a block if there is room for it at once. False: nothing was taken, `write` has to be awaited.

        The block may be used again when this returns. Raises what `write` raises.
        """
        block = memoryview(view).cast("B")
        self._check(offset, len(block))
        if not self._has_room(len(block)) or (self._chunks is not None and self._chunks.tail is None):
            return False
        while block:
            taken = self._take(offset, block)
            assert taken, "there was room"
            block, offset = block[taken:], offset + taken
        return True

    async def write(self, offset: int, view: Buffer) -> None:
        """Take a block, waiting for room. It may be used again when this returns.

        Raises `QuotaExceeded`, `TooLarge` and `LengthMismatch` before any of the block is taken, and whatever stopped
        this upload in the background: `SessionEnded`, `UploadTakenOver`, `StoreFull`, `Unavailable`, …
        """
        block = memoryview(view).cast("B")
        self._check(offset, len(block))
        if self._chunks is not None and self._chunks.tail is None:
            await self._read_tail(self._chunks)
        while block:
            taken = self._take(offset, block)
            block = block[taken:]
            offset += taken
            if not taken:
                await self._buffers.wait()

    async def resize(self, size: int) -> None:
        """Cut the file, or make it longer with zeros."""
        self._check(size, 0)
        if size == self._map.size:
            return
        self._stage()
        while (segment := self._segment()) is None:
            await self._buffers.wait()
        self._map.resize(size)
        self._digest.in_order = False
        segment.note_resize(size)
        self._close_if_full(segment)

    async def copy_from(self, source: Outgoing, start: int, length: int, offset: int) -> None:
        """Share `length` bytes of a download from `start` on, at `offset`. Raises `CopyNotShared`: then write them."""
        self._check(offset, length)
        await self.flush()
        await self.keep()
        upload, generation = self._opened.upload, self._opened.generation
        answer = await self._ask(CopyInto(self._handle, upload, generation, source.download, start, length, offset))
        if not isinstance(answer, UploadOpened):
            raise TypeError(type(answer).__name__)
        self._digest.in_order = False
        self._chunks = None
        self._stand(answer)
        self._records.stand(answer, acknowledged=self._map.contiguous)

    async def keep(self) -> None:
        """See to it that the keeper knows the upload, also before the first byte of it is recorded."""
        await self._record_all()
        await self._records.keep()

    # --- reading back -----------------------------------------------------------------------------------------------

    def read_base_from(self, base: Outgoing) -> None:
        """Read the bytes that the upload shares with an earlier version through that version's download."""
        self._stored.base = base

    async def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes as they stand now, none at the end.

        Raises `NotAllowed` for bytes of an earlier version that was not opened for reading (`read_base_from`).
        """
        self._raise_failure()
        runs = tuple(self._map.runs(offset, length))
        if reading_back.is_under_way(runs, self._open, self._records.closed):
            self._close_segment()
            for segment in tuple(self._records.closed):
                await segment.finish()
        return await reading_back.read(runs, offset, self._open, self._stored)

    # --- ending -----------------------------------------------------------------------------------------------------

    async def flush(self) -> int:
        """Make everything written so far durable and recorded; return the durable size, contiguous from the start."""
        self._raise_failure()
        self._close_segment()
        await self._record_all()
        return self._records.acknowledged

    async def digest(self) -> bytes | None:
        """Return the SHA-256 of what was written so far, or None if it did not come in order from the start."""
        self._raise_failure()
        return await self._digest.of(self._map.size, self._open.unhashed if self._open else b"")

    async def finish(
        self,
        *,
        modified: datetime | None = None,
        exclusive: bool = False,
        expected_version: str = "",
        settles: bool = False,
        sent: SentSealed | None = None,
    ) -> Finished:
        """End the upload: it is whole, durable and a version when this returns.

        In a sealed folder it is durable and will be a version once it is sealed; `settles`: not before its client had
        time to go on. `sent`: what the client says of a file that it has sealed itself; its header is read here.
        """
        self._raise_failure()
        sent = await told_sealed(self._opened, lambda wanted: self.read(0, wanted), self._map.size, sent)
        await self._record_all()
        last, self._open = self._open, None
        if last is not None:
            self._split(last)
            self._records.closed.append(last)  # if this fails it is still to be recorded
            last.begin_finish(self._settled)
            await last.finish()
        answer = await self._ask(
            FinishUpload(
                self._handle,
                self._opened.upload,
                self._opened.generation,
                segments=last.new_segments() if last else (),
                edits=last.edits() if last else (),
                size=self._map.size,
                digest=await self._digest.of(self._map.size),
                modified=modified,
                exclusive=exclusive,
                expected_version=expected_version,
                begin=self._records.begin,
                settles=settles,
                sent_sealed=sent,
                path=self._opened.path if self._records.begin else "",
            )
        )
        if not isinstance(answer, Finished):
            raise TypeError(type(answer).__name__)
        self._records.closed.clear()
        self._ended = True
        return answer

    async def suspend(self, *, keep: bool = True) -> None:
        """Let go of the upload, so that it can be taken up again; what came is recorded first, unless not to be kept.

        It is let go of in any case; what went wrong on the way is raised.
        """
        if self._ended:
            return
        try:
            if keep:
                await self.flush()
        finally:
            clean = not any(one.unrecorded_chunks for one in (*self._records.closed, self._open) if one is not None)
            unrecorded = self._let_go()
            await self._records.suspend(keep=True, clean=clean, unrecorded=unrecorded)

    async def abandon(self) -> None:
        """Throw the upload away, also after the session has ended; not if somebody else took it up meanwhile."""
        if self._ended:
            return
        unrecorded = self._let_go()
        await self._records.suspend(keep=False, unrecorded=unrecorded)

    def stop(self, failure: SealaneError) -> None:
        """Take no more bytes: whatever is asked next raises this (its session has ended)."""
        self._fail(failure)

    # --- room and segments ------------------------------------------------------------------------------------------

    def _stand(self, opened: UploadOpened) -> None:
        """Stand where the keeper says that the upload stands."""
        self._opened = opened
        self._map = ExtentMap(opened.extents, extents_max=self._settings.extents_max)
        self._stored = Stored(self._plane, opened, self._stored.base)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure
        assert not self._ended, "the upload was ended already"

    def _check(self, offset: int, length: int) -> None:
        """Raise for a write that may not be, before any of it is taken."""
        self._raise_failure()
        check_write(self._opened, self._settings, self._map.size, offset, length)

    def _is_ahead(self) -> bool:
        """Whether so many segments are on their way to be durable and recorded that no other may begin."""
        return self._records.waiting(held=self._held) >= self._settings.upload_segments_ahead_max

    def _has_room(self, length: int) -> bool:
        """Whether all of a block could be taken without waiting."""
        segment = self._open
        if segment is None and self._is_ahead():
            return False
        tail = 0 if self._chunks is None else len(self._chunks.tail or b"")
        taken, room = (segment.length, segment.room) if segment else (0, -tail)
        if taken + length > self._settings.segment_bytes_max:
            return False
        more = -(-max(0, length - room) // SLOT_BYTES)
        return not more or self._buffers.can_lend(more)

    def _segment(self) -> OpenSegment | None:
        """Return the segment that takes bytes, or None while no other may begin."""
        if self._open is None and not self._is_ahead():
            if self._chunks is None:
                self._open = OpenSegment(self._plane, self._cipher, self._digest, self._buffers.freed)
            else:
                self._open = self._begin_chunks(self._chunks)
        return self._open

    # --- sealed uploads ---------------------------------------------------------------------------------------------

    def _begin_chunks(self, chunks: Chunks) -> ChunkedSegment | None:
        """Begin a segment of chunks with the tail of the one before; None while there is no buffer for it."""
        slot = self._buffers.lend() if chunks.tail else None
        if chunks.tail and slot is None:
            return None
        segment = chunks.begin(self._plane, self._cipher, self._digest, self._buffers.freed, slot)
        if segment.length:
            self._map.place(self._map.size - segment.length, segment.length, segment.segment, 0)
        return segment

    async def _read_tail(self, chunks: Chunks) -> None:
        """Read back what no chunk holds yet of an upload that is gone on with; if that is too much, stage the rest."""
        begin = chunks.next_chunk * CHUNK_BYTES
        left = self._map.size - begin
        if not 0 <= left <= CHUNK_BYTES or self._map.contiguous != self._map.size:
            self._stage()
            return
        try:
            chunks.tail = await self.read(begin, left)
        except NotAllowed:  # it lies in a segment of an earlier key
            self._stage()

    def _stage(self) -> None:
        """Write to slots from now on: the client does not write in order, and the file is sealed when it is whole."""
        if self._chunks is not None:
            if isinstance(self._open, ChunkedSegment):
                self._close_segment()
            self._chunks = None

    def _split(self, segment: OpenSegment, *, followed: bool = False) -> None:
        """Let the map say where the tail of a segment of chunks is."""
        if isinstance(segment, ChunkedSegment) and self._chunks is not None:
            tail = self._chunks.end(segment, followed=followed)
            if tail is not None:
                self._map.place(tail.offset, tail.length, SegmentId(tail.segment), tail.start)

    # --- taking -----------------------------------------------------------------------------------------------------

    def _take(self, offset: int, block: memoryview) -> int:
        """Take what can be taken of a block without waiting; return how many bytes that was."""
        if offset < self._map.size and self._overwrite(offset, block):
            return len(block)
        if offset != self._map.size:
            self._stage()
        if self._open is not None and self._open.length >= self._settings.segment_bytes_max:
            self._close_segment(followed=True)  # of chunks: it was kept open until something followed
        segment = self._segment()
        if segment is None:
            return 0
        if not segment.room:
            segment.make_way()
            slot = self._buffers.lend()
            if slot is None:
                return 0
            segment.give(slot)
        count = min(len(block), segment.room, self._settings.segment_bytes_max - segment.length)
        in_order = offset == self._map.size
        self._map.place(offset, count, segment.segment, segment.length)
        if not in_order:
            self._digest.in_order = False
        segment.take(offset, block[:count])
        self._close_if_full(segment)
        return count

    def _overwrite(self, offset: int, block: memoryview) -> bool:
        """Replace bytes that lie in the slot at hand: a client that rewrites a place again and again costs nothing."""
        segment = self._open
        if segment is None:
            return False
        run = next(self._map.runs(offset, len(block)))
        return run.segment == segment.segment and run.length == len(block) and segment.overwrite(run.start, block)

    def _close_if_full(self, segment: OpenSegment) -> None:
        settings = self._settings
        is_full = segment.length >= settings.segment_bytes_max and not isinstance(segment, ChunkedSegment)
        if is_full or segment.edit_count >= settings.edits_per_record_max:
            self._close_segment()

    def _close_segment(self, *, followed: bool = False) -> None:
        """Send the open segment, if any, on its way to be durable, and (unless held) recorded."""
        segment, self._open = self._open, None
        if segment is None:
            return
        self._split(segment, followed=followed)
        self._records.closed.append(segment)
        segment.begin_finish(self._settled)
        if not self._held and self._failure is None:
            self._records.start()

    def _settled(self, segment: OpenSegment, failure: BaseException | None) -> None:
        """Go on after a closed segment became durable, or could not be made so."""
        if failure is not None:
            self._fail(failure)
        elif segment.length:
            self._stored.know(segment.places(self._opened.key_id))
        self._buffers.moved()

    def _fail(self, failure: BaseException) -> None:
        if self._failure is None:
            self._failure = failure
        self._buffers.moved()

    # --- recording --------------------------------------------------------------------------------------------------

    async def _record_all(self) -> None:
        """Wait until every closed segment is recorded."""
        if self._failure is None:
            self._records.start()
        await self._records.done()
        self._raise_failure()

    def _let_go(self) -> tuple[str, ...]:
        """End without waiting: what is not durable is thrown away by the threads, and every buffer goes back.

        Return the segments that may be in the store and are not known to be recorded.
        """
        self._ended = True
        unrecorded = self._records.let_go()
        if self._open is not None:
            self._open.let_go()
            self._open = None
        return unrecorded
