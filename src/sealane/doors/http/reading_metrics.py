"""How far reading is behind, for `/metrics`: asked of the keeper when somebody scrapes, and at no other time.

The numbers are of the whole node, so that every worker tells the same.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from prometheus_client.core import GaugeMetricFamily

from sealane.errors import SealaneError
from sealane.operations.exposures import BacklogIs, LookBacklog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from sealane.doors.http.exchange import HttpDoor

_WAIT_SECONDS: Final = 5.0


class ReadingBacklog:
    """A collector: `collect` is called in the thread that answers `/metrics`, the door's loop asks."""

    def __init__(self, door: HttpDoor, loop: asyncio.AbstractEventLoop) -> None:
        """Ask through `door`, whose event loop is `loop`."""
        self._door = door
        self._loop = loop

    def describe(self) -> list[GaugeMetricFamily]:
        """Say nothing beforehand: a registry would ask the keeper to know the names."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield what waits now; nothing where the keeper does not answer."""
        try:
            told = asyncio.run_coroutine_threadsafe(self._ask(), self._loop).result(_WAIT_SECONDS)
        except (SealaneError, TimeoutError, RuntimeError):
            return
        now = self._door.clock.now()
        for name, words, value in _NUMBERS:
            yield GaugeMetricFamily(f"sealane_reading_{name}", words, value=value(told, now))

    async def _ask(self) -> BacklogIs:
        told = await self._door.asker.ask(LookBacklog())
        if not isinstance(told, BacklogIs):
            raise TypeError(type(told).__name__)
        return told


def _since(begun: datetime | None, now: datetime) -> float:
    return 0.0 if begun is None else max(0.0, (now - begun).total_seconds())


_NUMBERS: Final[tuple[tuple[str, str, Callable[[BacklogIs, datetime], float]], ...]] = (
    ("waiting_files", "Files that wait to be read, on the whole node.", lambda told, _: told.waiting_files),
    ("waiting_seconds", "How long the oldest of them waits.", lambda told, now: _since(told.waiting_since, now)),
    ("held_files", "Of these the ones that are not visible to others yet.", lambda told, _: told.held_files),
    ("held_bytes", "Their bytes.", lambda told, _: told.held_bytes),
    ("held_seconds", "How long the oldest of those waits.", lambda told, now: _since(told.held_since, now)),
    ("behind", "1 while folders that publish after reading take no new upload.", lambda told, _: told.behind),
)
