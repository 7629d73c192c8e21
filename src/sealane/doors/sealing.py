"""One segment of a running upload, from the first byte that arrives to the record of it.

Bytes are packed in order of arrival into slots; full slots go to the threads, where they are encrypted and hashed; the
edits say where in the file each belongs. Not here: when a segment is closed and recorded (`incoming.py`).
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

from sealane.operations.uploads import NewSegment, Place, Resize
from sealane.settings import SLOT_BYTES
from sealane.vault.segments import SegmentPlace, SegmentWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from sealane.doors.plane import Lane, Plane
    from sealane.ids import SegmentId
    from sealane.operations.uploads import Edit
    from sealane.vault.blobs import Buffer
    from sealane.vault.segments import SegmentWritten


class RunningDigest:
    """SHA-256 of the bytes as they arrive, in a lane of its own. Worth something only while they arrive in order."""

    __slots__ = ("_hash", "_lane", "bytes_given", "in_order")

    def __init__(self, lane: Lane, *, in_order: bool) -> None:
        """`in_order`: the file begins empty, and its digest will be asked for."""
        self._hash = hashlib.sha256()
        self._lane = lane
        self.in_order = in_order
        self.bytes_given = 0

    def add(self, view: memoryview, done: Callable[[], None]) -> None:
        """Hash a block; `done` is called on the event loop when it is no longer needed."""
        self.bytes_given += len(view)
        self._lane.add(lambda: self._hash.update(view), lambda _: done())

    def add_now(self, view: memoryview) -> None:
        """Hash a small block on the spot; nothing may be under way."""
        self.bytes_given += len(view)
        self._hash.update(view)

    async def of(self, size: int, tail: Buffer = b"") -> bytes | None:
        """Return the digest of what was given and `tail`, or None if that is not a whole file of `size` bytes."""
        if not self.in_order or self.bytes_given + len(tail) != size:
            return None
        if not self._lane.idle:
            await self._lane.run(lambda: None)
        whole = self._hash.copy()
        whole.update(tail)
        return whole.digest()


class OpenSegment:
    """A segment that takes bytes. Its buffers are lent by the plane and counted here."""

    __slots__ = (
        "_begun",
        "_digest",
        "_edits",
        "_ended",
        "_failure",
        "_fill",
        "_freed",
        "_hashed_before",
        "_lane",
        "_plane",
        "_sealed",
        "_settled",
        "_slot",
        "_writer",
        "length",
        "unrecorded_chunks",
        "written",
    )

    def __init__(self, plane: Plane, key: AESGCM, digest: RunningDigest, freed: Callable[[], None]) -> None:
        """Begin a segment; `freed` is called whenever a buffer of its has gone back."""
        self._plane = plane
        self._digest = digest
        self._freed = freed
        self._writer = SegmentWriter(key, plane.store, inline_bytes_max=plane.settings.inline_bytes_max)
        self._lane = plane.lane()
        self._slot: bytearray | None = None
        self._fill = 0
        self._sealed = 0
        self._edits: list[list[int] | int] = []
        """A place as [offset, length, start], a resize as its size."""
        self.length = 0
        """Bytes taken so far."""
        self.unrecorded_chunks = False
        """Some age chunk was sealed of it; it counts until the segment is recorded."""
        self.written: SegmentWritten | None = None
        """What it became, once it is durable; None also of a segment that took no bytes."""
        self._hashed_before = 0
        """Bytes at its start that the digest has had already."""
        self._begun = False
        self._ended = asyncio.Event()
        self._failure: BaseException | None = None
        self._settled: Callable[[OpenSegment, BaseException | None], None] | None = None

    @property
    def is_durable(self) -> bool:
        """Whether all it took is durable."""
        return self._ended.is_set() and self._failure is None

    @property
    def segment(self) -> SegmentId:
        """The segment's id."""
        return self._writer.segment

    @property
    def edit_count(self) -> int:
        """How many edits are noted."""
        return len(self._edits)

    @property
    def room(self) -> int:
        """Bytes that fit without another buffer."""
        return 0 if self._slot is None else SLOT_BYTES - self._fill

    def make_way(self) -> None:
        """Let the slot at hand be encrypted, if it is not yet: more bytes follow, and need another buffer."""

    def give(self, buffer: bytearray) -> None:
        """Go on in this buffer; the one before is full."""
        assert self._slot is None
        self._slot = buffer
        self._fill = 0

    def take(self, offset: int, view: memoryview) -> None:
        """Copy bytes that belong at `offset` of the file; there is `room` for them."""
        assert self._slot is not None
        assert len(view) <= self.room
        self._slot[self._fill : self._fill + len(view)] = view
        self._note(offset, len(view), self.length)
        self._fill += len(view)
        self.length += len(view)
        if self._fill == SLOT_BYTES:
            self._filled()

    def overwrite(self, start: int, view: memoryview) -> bool:
        """Replace bytes from `start` of the segment on if they all lie in the slot that is still in the clear."""
        if self._slot is None or start < self._sealed or start + len(view) > self.length:
            return False
        self._slot[start - self._sealed : start - self._sealed + len(view)] = view
        return True

    def peek(self, start: int, length: int) -> bytes | None:
        """Return bytes from `start` of the segment on if they all lie in the slot that is still in the clear."""
        if self._slot is None or start < self._sealed or start + length > self.length:
            return None
        return bytes(memoryview(self._slot)[start - self._sealed : start - self._sealed + length])

    @property
    def tail(self) -> Buffer:
        """The bytes that lie in the slot that is still in the clear."""
        return b"" if self._slot is None else memoryview(self._slot)[: self._fill]

    @property
    def unhashed(self) -> Buffer:
        """The bytes of the slot in the clear that the digest has not had."""
        return memoryview(self.tail)[self._hashed_before :]

    def note_resize(self, size: int) -> None:
        """Note that the file was cut or made longer."""
        self._edits.append(size)

    def edits(self) -> tuple[Edit, ...]:
        """Return what was noted, in order."""
        return tuple(
            Resize(size=edit) if isinstance(edit, int) else Place(edit[0], edit[1], self.segment, edit[2])
            for edit in self._edits
        )

    def new_segments(self) -> tuple[NewSegment, ...]:
        """Return what to report of it: nothing if it took no bytes."""
        if self.written is None:
            return ()
        return (NewSegment(*self.written),)

    def holds(self, segment: str) -> bool:
        """Whether bytes that the map says are in this segment are here."""
        return segment == self.segment

    def places(self, key_id: int) -> tuple[SegmentPlace, ...]:
        """Return where its bytes are, once they are durable; `key_id` is the upload's own key."""
        assert self.written is not None
        return (SegmentPlace(self.segment, key_id, self.length, self.written.inline),)

    def begin_finish(self, settled: Callable[[OpenSegment, BaseException | None], None]) -> None:
        """Take no more bytes; make it durable, or ready to be kept inline, and call `settled` then (on the loop)."""
        assert not self._begun, "a segment is finished once"
        self._begun = True
        self._settled = settled
        if not self.length:
            self._end(None)
        elif self._is_small():
            assert self._slot is not None
            view = memoryview(self._slot)[: self._fill]
            if self._digest.in_order:
                self._digest.add_now(view)
            self._writer.append(view)
            self.written = self._writer.finish()
            self._return(self._slot)
            self._slot = None
            self._end(None)
        else:
            if self._slot is not None:
                self._seal()
            self._lane.add(self._finish, self._end)

    async def finish(self) -> None:
        """Wait until it is durable. Raises what kept it from that."""
        assert self._begun, "begin_finish comes first"
        if not self._ended.is_set():
            await self._ended.wait()
        if self._failure is not None:
            raise self._failure

    def let_go(self) -> None:
        """Throw away what is not yet durable. Harmless afterwards."""
        self._settled = None
        self._lane.add(self._writer.abort, lambda _: None, always=True)
        if self._slot is not None:
            self._return(self._slot)
            self._slot = None

    def _is_small(self) -> bool:
        """Whether so little came that a thread would cost more than the work, and none is at it."""
        small = self.length == self._fill <= self._plane.settings.inline_bytes_max
        return small and self._lane.idle and self._digest.bytes_given == 0

    def _finish(self) -> None:
        self.written = self._writer.finish()

    def _end(self, failure: BaseException | None) -> None:
        self._failure = failure
        self._ended.set()
        if self._settled is not None:
            self._settled(self, failure)

    def _filled(self) -> None:
        """Go on after the slot at hand was filled."""
        self._seal()

    def _note(self, offset: int, length: int, start: int) -> None:
        last = self._edits[-1] if self._edits else None
        if isinstance(last, list) and last[0] + last[1] == offset and last[2] + last[1] == start:
            last[1] += length
        else:
            self._edits.append([offset, length, start])

    def _seal(self) -> None:
        """Give the slot at hand to the threads. Its buffer goes back when the last of them is through with it."""
        assert self._slot is not None
        slot, view = self._slot, memoryview(self._slot)[: self._fill]
        self._slot = None
        self._sealed += self._fill
        users = 1 + self._digest.in_order

        def used() -> None:
            nonlocal users
            users -= 1
            if not users:
                self._return(slot)

        if self._digest.in_order:
            known = min(self._hashed_before, len(view))
            self._hashed_before -= known
            self._digest.add(view[known:], used)
        self._lane.add(lambda: self._write(view), lambda _: used())

    def _write(self, view: memoryview) -> None:
        """Encrypt a slot, in a thread."""
        self._writer.append(view)

    def _return(self, slot: bytearray) -> None:
        self._plane.give_back(slot)
        self._freed()
