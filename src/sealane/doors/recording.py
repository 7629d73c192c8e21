"""The records of one upload: closed segments, reported to the keeper in order, each once it is durable.

Must stay true: a segment is durable before it is reported; records go out one after the other, numbered without a gap;
what the keeper has answered is what may be acknowledged. Not here: when a segment is closed (`incoming.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, Final

from sealane.errors import SealaneError
from sealane.operations.uploads import DropSegments, Recorded, RecordSegments, SuspendUpload

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sealane.doors.sealing import OpenSegment
    from sealane.operations.envelope import Answer, Operation
    from sealane.operations.uploads import Edit, NewSegment, UploadOpened

_DROPPED_AT_ONCE: Final = 16


class Recorder:
    """What of an upload is closed and not yet recorded, and the task that records it."""

    def __init__(
        self,
        opened: UploadOpened,
        handle: str,
        ask: Callable[[Operation], Awaitable[Answer]],
        *,
        acknowledged: int,
        moved: Callable[[], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        """Record for the session `handle`; `moved` is called after each record, `failed` once where one fails."""
        self._handle = handle
        self._ask = ask
        self._moved = moved
        self._failed = failed
        self._task: asyncio.Task[None] | None = None
        self._number = 0
        self.closed: deque[OpenSegment] = deque()
        """Closed segments in order, each until it is recorded; they are being made durable meanwhile."""
        self.upload = opened.upload
        self.generation = opened.generation
        self.begin = opened.begin
        """The keeper's note of an upload of which nothing is kept yet."""
        self._path = opened.path
        self._is_known = not opened.begin
        self.acknowledged = acknowledged
        """Bytes recorded, contiguous from the start, as the keeper answered last."""

    def stand(self, opened: UploadOpened, *, acknowledged: int) -> None:
        """Go on where the keeper says that the upload stands; a new generation counts its records anew."""
        if opened.generation != self.generation:
            self.generation, self._number = opened.generation, 0
        self.acknowledged = acknowledged

    def waiting(self, *, held: bool) -> int:
        """Return how many segments are on their way to be recorded; of what is `held` back, to be durable."""
        return sum(not segment.is_durable for segment in self.closed) if held else len(self.closed)

    def start(self) -> None:
        """Record what is closed, beside whatever else is done."""
        if self._task is None and self.closed:
            self._task = asyncio.get_running_loop().create_task(self._record_closed())

    async def done(self) -> None:
        """Wait until every closed segment is recorded, or one could not be (`failed` was called)."""
        while self._task is not None:
            await asyncio.wait({self._task})

    async def keep(self) -> None:
        """See to it that the keeper knows the upload, also before the first byte of it is recorded."""
        if self.begin:
            await self._record((), ())

    async def suspend(self, *, keep: bool, clean: bool = False, unrecorded: tuple[str, ...] = ()) -> None:
        """Tell the keeper that nobody writes the upload any more, whether to keep it, and whether it is `clean`.

        Not where it cannot know the upload: a first record whose answer nobody waited for may have been done.
        `unrecorded`: what was thrown away of it; the store is rid of it soon, and not only after a day.
        """
        if self._is_known:
            await self._ask(SuspendUpload(self._handle, self.upload, self.generation, keep=keep, clean=clean))
        with contextlib.suppress(SealaneError):
            for begin in range(0, len(unrecorded), _DROPPED_AT_ONCE):
                await self._ask(DropSegments(self._handle, unrecorded[begin : begin + _DROPPED_AT_ONCE]))

    def let_go(self) -> tuple[str, ...]:
        """End without waiting; what is not recorded is thrown away. Return which segments of it may be stored."""
        if self._task is not None:
            self._task.cancel()
        for segment in self.closed:
            segment.let_go()
        unrecorded = tuple(segment.segment for segment in self.closed)
        self.closed.clear()
        return unrecorded

    async def _record_closed(self) -> None:
        """Record closed segments in order, each once it is durable, until none is left."""
        try:
            while self.closed:
                segment = self.closed[0]
                await segment.finish()
                await self._record(segment.new_segments(), segment.edits())
                self.closed.popleft()
                self._moved()
        except asyncio.CancelledError:
            raise
        except BaseException as failure:  # noqa: BLE001  # raised to the writer, who asks next
            self._failed(failure)
        finally:
            self._task = None

    async def _record(self, segments: tuple[NewSegment, ...], edits: tuple[Edit, ...]) -> None:
        self._is_known = True
        answer = await self._ask(
            RecordSegments(
                self._handle,
                self.upload,
                self.generation,
                self._number + 1,
                segments,
                edits,
                self.begin,
                self._path if self.begin else "",
            )
        )
        if not isinstance(answer, Recorded):
            raise TypeError(type(answer).__name__)
        self.begin = b""
        self._number += 1
        self.acknowledged = answer.size
