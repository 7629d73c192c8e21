"""What all transfers of one door process share: the threads for crypto and disk, and the buffers, both bounded.

Lives here: `Plane` (one a process) and `Lane` (work in order, off the event loop). Not here: what the work is
(`incoming.py`, `outgoing.py`). Everything but the work itself runs on the event loop, so nothing here needs a lock.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from sealane.settings import SLOT_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealane.settings import Settings
    from sealane.vault.blobs import BlobStore

ResultT = TypeVar("ResultT")

_FREE_KEPT_MAX: Final = 64
"""Buffers kept for the next transfer; what a burst took beyond goes back to the system."""


class Plane:
    """The blob store, a bounded pool of threads and a bounded number of slot buffers."""

    def __init__(self, store: BlobStore, settings: Settings) -> None:
        """Threads start when they are first needed."""
        self.store = store
        self.settings = settings
        self._threads = ThreadPoolExecutor(settings.data_threads, thread_name_prefix="data")
        self._free: dict[int, list[bytearray]] = {}
        self._lent: set[int] = set()
        """Which buffers are out, by identity: one that came back twice would carry two transfers' plaintext."""
        self._slots_lent = 0

    @property
    def slots_lent(self) -> int:
        """Slots of memory that transfers hold now."""
        return self._slots_lent

    def lend(self, slots: int = 1, *, at_any_rate: bool = False) -> bytearray | None:
        """Lend a buffer of that many slots, or None when too many are out. What it holds is not defined.

        `at_any_rate`: what a transfer needs to go on at all, so that transfers never wait for each other in a circle.
        """
        if not at_any_rate and not self.can_lend(slots):
            return None
        self._slots_lent += slots
        free = self._free.get(slots)
        buffer = free.pop() if free else bytearray(slots * SLOT_BYTES)
        self._lent.add(id(buffer))
        return buffer

    def can_lend(self, slots: int) -> bool:
        """Whether so many slots can be lent now."""
        return self._slots_lent + slots <= self.settings.door_slots_max

    def give_back(self, buffer: bytearray) -> None:
        """Take a buffer back. Nobody may use it any more."""
        assert id(buffer) in self._lent, "a buffer comes back once"
        self._lent.discard(id(buffer))
        slots = len(buffer) // SLOT_BYTES
        self._slots_lent -= slots
        free = self._free.setdefault(slots, [])
        if len(free) * slots < _FREE_KEPT_MAX:
            free.append(buffer)

    async def run(self, work: Callable[[], ResultT]) -> ResultT:
        """Do `work` in a thread, beside whatever else is done, and return its result."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def lane(self) -> Lane:
        """Return a new lane."""
        return Lane(self._threads)

    def close(self) -> None:
        """End the threads, after what they are doing."""
        self._threads.shutdown()


@dataclass(slots=True)
class _Job:
    work: Callable[[], object]
    done: Callable[[BaseException | None], None]
    always: bool
    failure: BaseException | None = None


class Lane:
    """Work for the threads, one piece after another, in order; what is added while they are busy goes as one batch.

    After a failure the rest is not done but told the same failure, save what is to be done `always`.
    """

    __slots__ = ("_busy", "_failure", "_loop", "_threads", "_waiting")

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        """Use these threads, and call back on the running event loop."""
        self._threads = threads
        self._loop = asyncio.get_running_loop()
        self._waiting: list[_Job] = []
        self._busy = False
        self._failure: BaseException | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing is being done and nothing waits."""
        return not self._busy

    def add(
        self, work: Callable[[], object], done: Callable[[BaseException | None], None], *, always: bool = False
    ) -> None:
        """Do `work` in a thread, then call `done` on the event loop with its failure, if any."""
        self._waiting.append(_Job(work, done, always))
        if not self._busy:
            self._send()

    async def run(self, work: Callable[[], object]) -> None:
        """Do `work` after all that was added before, and wait for it; raise its failure."""
        ended: asyncio.Future[None] = self._loop.create_future()

        def done(failure: BaseException | None) -> None:
            if ended.cancelled():
                return
            if failure is None:
                ended.set_result(None)
            else:
                ended.set_exception(failure)

        self.add(work, done)
        await ended

    def _send(self) -> None:
        batch = self._waiting
        self._waiting = []
        self._busy = True
        self._threads.submit(self._work, batch)

    def _work(self, batch: list[_Job]) -> None:
        for job in batch:
            if self._failure is not None and not job.always:
                job.failure = self._failure
                continue
            try:
                job.work()
            except BaseException as failure:  # noqa: BLE001  # told on the event loop, where it is raised
                job.failure = self._failure = failure
        self._loop.call_soon_threadsafe(self._worked, batch)

    def _worked(self, batch: list[_Job]) -> None:
        self._busy = False
        if self._waiting:
            self._send()
        for job in batch:
            job.done(job.failure)
