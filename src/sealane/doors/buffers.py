"""The slot buffers of one upload: lent by the plane, counted here, and waited for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealane.doors.plane import Plane


class Buffers:
    """What one upload holds of the plane's buffers. One event loop."""

    __slots__ = ("_check", "_max", "_moved", "_plane", "held")

    def __init__(self, plane: Plane, check: Callable[[], None]) -> None:
        """Hold none. `check` raises what has stopped the upload; whoever waits asks it."""
        self._plane = plane
        self._max = plane.settings.upload_slots_max
        self._check = check
        self._moved = asyncio.Event()
        self.held = 0

    def can_lend(self, more: int) -> bool:
        """Whether so many can be had now."""
        return self.held + more <= self._max and self._plane.can_lend(more)

    def lend(self) -> bytearray | None:
        """Return a buffer, or None when it has to be waited for; an upload that has none gets one at any rate."""
        if self.held >= self._max:
            return None
        slot = self._plane.lend(at_any_rate=not self.held)
        if slot is not None:
            self.held += 1
        return slot

    def freed(self) -> None:
        """Note that a buffer went back."""
        self.held -= 1
        self.moved()

    def moved(self) -> None:
        """Let whoever waits look again: a buffer went back, a segment was recorded, or the upload was stopped."""
        self._moved.set()

    async def wait(self) -> None:
        """Wait until half of the buffers are back: then many blocks are taken without waiting, not each for itself."""
        while True:
            self._moved.clear()
            await self._moved.wait()
            self._check()
            if self.held <= max(1, self._max // 2):
                return
