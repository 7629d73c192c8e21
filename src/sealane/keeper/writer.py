"""The one thread that writes: takes what is queued, performs it as one batch, gives the outcomes back together.

While a commit is made durable the next requests gather, so that the cost of durability is shared by all that wait.
Must stay true: what was queued before `stop` is performed before the thread ends.
"""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealane.keeper.batch import Batch, Request
    from sealane.keeper.core import Keeper


@dataclass(frozen=True, slots=True)
class Queued:
    """A request and who is told what came of it (on the event loop)."""

    request: Request
    told: Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class _Closed:
    """A connection is gone."""

    connection: str


@dataclass(frozen=True, slots=True)
class _End:
    """Nothing comes after this."""


class Writer:
    """The queue and the thread behind it."""

    def __init__(self, keeper: Keeper, deliver: Callable[[list[Queued], Batch], None]) -> None:
        """Hand each performed batch to `deliver`, which is called in the writer's thread."""
        self._keeper = keeper
        self._deliver = deliver
        self._batch_max = max(1, keeper.settings.batch_operations_max)
        self._queue: queue.SimpleQueue[Queued | _Closed | _End] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="keeper-writer")

    def start(self) -> None:
        """Begin to perform."""
        self._thread.start()

    def put(self, queued: Queued) -> None:
        """Queue a request."""
        self._queue.put(queued)

    def put_closed(self, connection: str) -> None:
        """Queue the end of a connection: what it held is let go after all that was queued before."""
        self._queue.put(_Closed(connection))

    def waiting(self) -> int:
        """Return how many requests wait, about."""
        return self._queue.qsize()

    def stop(self) -> None:
        """Perform what is queued, then end the thread. Blocks until it has."""
        self._queue.put(_End())
        self._thread.join()

    def _run(self) -> None:
        going = True
        while going:
            batch: list[Queued] = []
            after = self._gather(batch)
            if batch:
                self._deliver(batch, self._keeper.perform_batch([queued.request for queued in batch]))
            if isinstance(after, _Closed):
                self._keeper.connection_closed(after.connection)
            going = not isinstance(after, _End)

    def _gather(self, batch: list[Queued]) -> _Closed | _End | None:
        """Fill a batch with what waits, at least one thing; return what ended it, if that is no request."""
        wait = True
        while len(batch) < self._batch_max:
            try:
                taken = self._queue.get(wait)
            except queue.Empty:
                return None
            if not isinstance(taken, Queued):
                return taken
            batch.append(taken)
            wait = False
        return None
