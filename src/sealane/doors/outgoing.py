"""The bytes of one download on their way out: read ahead for whoever reads in order, decrypted in the threads, counted.

The keeper has opened the version and has the record of it; here its bytes are read, and at the end told how much of it
was given. Not here: deciding, protocols. Must stay true: nothing of a slot is given before its tag is verified; memory
is bounded by a few windows whatever the client does; what was given is never told smaller than it was.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sealane.errors import Integrity, SessionEnded
from sealane.operations.contents import content_of
from sealane.operations.failures import SealedContent
from sealane.operations.files import EndDownload
from sealane.settings import SLOT_BYTES
from sealane.vault.content import Content

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from datetime import datetime

    from sealane.doors.plane import Plane
    from sealane.operations.contents import AnyContent
    from sealane.operations.envelope import Answer, Operation
    from sealane.operations.files import VersionOpened
    from sealane.vault.blobs import Buffer
    from sealane.vault.extents import Extent


class Outgoing:
    """One version that a door delivers. `close` ends it."""

    def __init__(
        self, opened: VersionOpened, handle: str, ask: Callable[[Operation], Awaitable[Answer]], plane: Plane
    ) -> None:
        """Deliver what the keeper has opened for the session `handle`. Nothing is read yet."""
        self._opened = opened
        self._handle = handle
        self._ask = ask
        self._plane = plane
        self._content = content_of(opened, plane.store)
        self._in_memory = all(segment.inline is not None for segment in opened.segments)
        self._windows: list[_Window] = []
        self._turn = asyncio.Lock()
        """Reads that have to wait are served one after another."""
        self._expected = 0
        """Where a reader in order reads next."""
        self._slots_ahead = 1
        """Slots of the next window: more the quicker the client takes them, so that slow ones hold little."""
        self._passed_at = asyncio.get_running_loop().time()
        """When it was done with a window, or began."""
        self._given = Given(plane.settings.download_ranges_max)
        self._closed = False

    @property
    def size(self) -> int:
        """Bytes that are delivered: of the version's plaintext, or of the age file."""
        return self._content.size

    @property
    def modified(self) -> datetime:
        """The version's modification time."""
        return self._opened.modified

    @property
    def digest(self) -> bytes | None:
        """SHA-256 of record of what is delivered, once it exists; an age file, whose header changes, has none."""
        return self._opened.digest if self._opened.sealed is None else None

    @property
    def version(self) -> str:
        """The version's id."""
        return self._opened.version

    @property
    def download(self) -> int:
        """The download's number."""
        return self._opened.download

    def read_now(self, offset: int, length: int) -> list[Buffer] | None:
        """Return `length` bytes that lie ready, fewer only at the end of the file. None: `blocks` is to be awaited.

        They are given where they lie, and are good until the event loop goes on: whoever needs them longer copies them.
        Raises `Integrity` where what is stored is not what was written.
        """
        assert not self._closed
        end = min(offset + length, self.size)
        if offset >= end:
            return []
        if self._in_memory and end - offset <= SLOT_BYTES:
            target = bytearray(end - offset)
            self._content.read_into(offset, target)
            self._given.add(offset, end - offset)
            return [bytes(target)]
        parts: list[Buffer] = []
        at = offset
        while at < end:
            window = self._window(at)
            if window is None or not self._is_ready(window):
                return None
            stop = min(end, window.end)
            parts.append(window.view(at, stop))
            at = stop
        self._went_on(offset, end)
        self._given.add(offset, end - offset)
        return parts

    async def blocks(self, offset: int, length: int) -> list[Buffer]:
        """Return `length` bytes from `offset` on, fewer only at the end of the file, none past it; as `read_now` does.

        Raises `Integrity` where what is stored is not what was written, `Unavailable` when the store cannot be reached,
        `SessionEnded` when it was closed meanwhile.
        """
        parts = self.read_now(offset, length)
        if parts is not None:
            return parts
        async with self._turn:  # two at once would drop each other's windows without end
            end = min(offset + length, self.size)
            given: list[Buffer] = []
            at = offset
            while at < end:
                window = await self._ready_window(at, end - at, in_order=offset == self._expected)
                stop = min(end, window.end)
                # The last is given where it lies; the windows of those before may be dropped while it is waited for.
                given.append(window.view(at, stop) if stop == end else window.copied(at, stop))
                at = stop
            self._went_on(offset, end)
            self._given.add(offset, end - offset)
            return given

    async def read(self, offset: int, length: int) -> bytes:
        """Return what `blocks` gives, in one piece and to keep."""
        return b"".join(await self.blocks(offset, length))

    async def pieces(self, begin: int, end: int) -> AsyncIterator[bytes | bytearray]:
        """Yield the bytes from `begin` up to `end`, in order, a window at a time, each good until the next is asked."""
        end = min(end, self.size)
        self._expected = begin
        while begin < end:
            if self._in_memory:
                piece: bytes | bytearray = await self.read(begin, min(end - begin, SLOT_BYTES))
                yield piece
                begin += len(piece)
                continue
            async with self._turn:
                window = await self._ready_window(begin, end - begin, in_order=True)
            stop = min(end, window.end)
            if stop < end:
                self._fetch_ahead()
            self._given.add(begin, stop - begin)
            yield window.all_bytes() if begin == window.begin and stop == window.end else window.copied(begin, stop)
            self._expected = stop
            self._let_go_of_passed()
            begin = stop

    async def read_run(self, run: Extent, offset: int) -> bytes:
        """Return bytes of a segment of this version which now belong at `offset` of a file that shares them."""
        target = bytearray(run.length)
        content = self._content
        if not isinstance(content, Content):
            raise SealedContent
        await self._plane.run(lambda: content.reader.read_into(run, target))
        self._given.add(offset, len(target))
        return bytes(target)

    async def close(self) -> None:
        """Let go of the buffers and tell the keeper how much was given. May be called again."""
        if self._closed:
            return
        self._closed = True
        while self._windows:
            self._windows.pop().drop()
        given = self._given
        whole = given.ranges() == ((0, self.size),) or not self.size
        await self._ask(EndDownload(self._handle, self._opened.download, given.bytes, given.ranges(), whole))

    # --- windows ----------------------------------------------------------------------------------------------------

    def _window(self, offset: int) -> _Window | None:
        for window in self._windows:
            if window.begin <= offset < window.end:
                return window
        return None

    async def _ready_window(self, at: int, wanted: int, *, in_order: bool) -> _Window:
        """Return the window that has the byte at `at`, once its bytes are there."""
        while True:
            if self._closed:
                raise SessionEnded
            window = self._window(at) or self._fetch(at, wanted, in_order=in_order)
            if self._is_ready(window):
                return window
            await window.ready()  # another reader may have had it dropped meanwhile, so it is looked for again

    def _is_ready(self, window: _Window) -> bool:
        """Whether a window's bytes are there. Raises what kept them from being read, and forgets that window."""
        try:
            return window.is_ready
        except BaseException:
            self._windows.remove(window)
            window.drop()
            raise

    def _fetch(self, begin: int, wanted: int, *, in_order: bool) -> _Window:
        """Begin to read a window, making place for it first."""
        slots_max = self._plane.settings.read_ahead_slots
        slots = self._slots_ahead if in_order else max(1, min(slots_max, -(-wanted // SLOT_BYTES)))
        while len(self._windows) >= _WINDOWS_MAX:
            self._windows.pop(0).drop()
        buffer = self._plane.lend(slots) or self._plane.lend(1, at_any_rate=True)
        assert buffer is not None
        window = _Window(self._plane, self._content, begin, self._end_of_window(begin, len(buffer)), buffer)
        self._windows.append(window)
        return window

    def _end_of_window(self, begin: int, length: int) -> int:
        """Return where a window ends: within its buffer, and where a stored slot ends, so that none is opened twice."""
        end = self._content.slot_end(begin)
        while end < self.size and (further := self._content.slot_end(end)) - begin <= length:
            end = further
        return end

    def _went_on(self, begin: int, end: int) -> None:
        """Note that a reader was given these bytes where they lie; if it reads in order, fetch what comes next.

        A window that it has passed is let go of only when the event loop goes on, since its bytes are still looked at.
        """
        in_order, self._expected = begin == self._expected, end
        if not in_order:
            return
        if self._windows and self._windows[0].end <= end:
            asyncio.get_running_loop().call_soon(self._let_go_of_passed)
        elif len(self._windows) < _WINDOWS_MAX:
            self._fetch_ahead()

    def _let_go_of_passed(self) -> None:
        """Give back the windows that a reader in order has passed, and fetch what comes next."""
        while self._windows and self._windows[0].end <= self._expected:
            self._windows.pop(0).drop()
            self._set_pace()
        if not self._closed:
            self._fetch_ahead()

    def _set_pace(self) -> None:
        """Read more at once for a client that took a window quickly, less for one that took its time."""
        now = asyncio.get_running_loop().time()
        taken, self._passed_at = now - self._passed_at, now
        if taken < _QUICK_SECONDS:
            self._slots_ahead = min(2 * self._slots_ahead, self._plane.settings.read_ahead_slots)
        elif taken > _SLOW_SECONDS:
            self._slots_ahead = max(1, self._slots_ahead // 2)

    def _fetch_ahead(self) -> None:
        """Begin to read what a reader in order asks for next, where there is place for it."""
        ahead = self._windows[-1].end if self._windows else self._expected
        if ahead < self.size and len(self._windows) < _WINDOWS_MAX and self._plane.can_lend(1):
            self._fetch(ahead, 0, in_order=True)


_WINDOWS_MAX = 2
_QUICK_SECONDS = 0.25
_SLOW_SECONDS = 1.0


class _Window:
    """A stretch of plaintext, read by a thread into a lent buffer."""

    __slots__ = ("_buffer", "_dropped", "_given_back", "_plane", "_reading", "begin", "end")

    def __init__(self, plane: Plane, content: AnyContent, begin: int, end: int, buffer: bytearray) -> None:
        self.begin = begin
        self.end = end
        self._plane = plane
        self._buffer = buffer
        self._dropped = False
        self._given_back = False
        view = memoryview(buffer)[: end - begin]
        self._reading = asyncio.ensure_future(plane.run(lambda: content.read_into(begin, view)))
        self._reading.add_done_callback(self._read)

    @property
    def is_ready(self) -> bool:
        """Whether its bytes are there; raises what kept them from being read."""
        if not self._reading.done():
            return False
        if self._reading.result() != self.end - self.begin:
            raise Integrity  # never to be waited for again
        return True

    async def ready(self) -> None:
        """Wait until its bytes are there, or were dropped; whether they are is to be asked again."""
        await asyncio.wait({self._reading})

    def view(self, begin: int, end: int) -> memoryview:
        """Return a part of it, to be copied before anything else is awaited."""
        return memoryview(self._buffer)[begin - self.begin : end - self.begin]

    def all_bytes(self) -> bytes | bytearray:
        """Return all of it, to be used before it is dropped; not copied where it fills its buffer."""
        whole = self.end - self.begin == len(self._buffer)
        return self._buffer if whole else self.copied(self.begin, self.end)

    def copied(self, begin: int, end: int) -> bytes:
        """Return a part of it, to keep."""
        return bytes(self.view(begin, end))

    def drop(self) -> None:
        """Give the buffer back as soon as nobody writes to it."""
        self._dropped = True
        if self._reading.done():
            self._give_back()

    def _read(self, reading: asyncio.Future[int]) -> None:
        if not reading.cancelled():
            reading.exception()  # it is raised to whoever reads here, if anybody does
        if self._dropped:
            self._give_back()

    def _give_back(self) -> None:
        """Give the buffer back once: a window may be dropped when its reading is done and has not called back yet.

        Twice would lend one buffer to two downloads, and each would deliver the other's bytes.
        """
        if not self._given_back:
            self._given_back = True
            self._plane.give_back(self._buffer)


class Given:
    """Which bytes were given: their number, and the ranges they lie in, a bounded number of them."""

    __slots__ = ("_ranges", "_ranges_max", "bytes")

    def __init__(self, ranges_max: int) -> None:
        """Nothing was given yet."""
        self._ranges_max = ranges_max
        self._ranges: list[tuple[int, int]] = []
        self.bytes = 0
        """All that was given; what was given twice counts twice."""

    def add(self, begin: int, length: int) -> None:
        """Count bytes that were given."""
        if not length:
            return
        self.bytes += length
        end = begin + length
        ranges = self._ranges
        if ranges and ranges[-1][0] <= begin <= ranges[-1][1]:
            ranges[-1] = (ranges[-1][0], max(end, ranges[-1][1]))
            return
        merged: list[tuple[int, int]] = []
        for there in ranges:
            if there[1] < begin or there[0] > end:
                merged.append(there)
            else:
                begin, end = min(begin, there[0]), max(end, there[1])
        merged.append((begin, end))
        merged.sort()
        while len(merged) > self._ranges_max:  # the nearest two become one: more is told than was given, never less
            nearest = min(range(len(merged) - 1), key=lambda at: merged[at + 1][0] - merged[at][1])
            merged[nearest : nearest + 2] = [(merged[nearest][0], merged[nearest + 1][1])]
        self._ranges = merged

    def ranges(self) -> tuple[tuple[int, int], ...]:
        """Return the ranges in order, as begin and end (exclusive)."""
        return tuple(self._ranges)
