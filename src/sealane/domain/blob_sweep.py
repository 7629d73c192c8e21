"""Deleting blobs from the store: those marked as dead, and those that a crash left without a row.

Runs in a thread of its own, never in the keeper's writer: the store may be slow. Each act goes to the writer by `run`,
which returns once the act is durable. Whatever crashes in between, a blob that a row needs is never deleted, and one
that no row needs is found again.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Protocol, TypeVar

from sealane.domain import sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from sealane.clock import Clock
    from sealane.domain.work import Work
    from sealane.ids import SegmentId
    from sealane.settings import Settings
    from sealane.vault.blobs import BlobStore

ResultT = TypeVar("ResultT")


class Run(Protocol):
    """Performs an act in a transaction of its own and returns its result once that is durable."""

    def __call__(self, act: Callable[[Work], ResultT], /) -> ResultT:
        """Perform it."""
        ...


class BlobSweeper:
    """Deletes blobs. Remembers since when it has seen each blob that no row names; after a restart it begins anew."""

    def __init__(self, store: BlobStore, settings: Settings, clock: Clock) -> None:
        """Nothing is touched yet."""
        self._store = store
        self._clock = clock
        self._batch = settings.sweep_rows_max
        self._keep = timedelta(seconds=settings.unnamed_blob_keep_seconds)
        self._unnamed: dict[SegmentId, datetime] = {}
        self._looked: datetime | None = None

    def clear(self, run: Run) -> int:
        """Delete every dead blob; now and then look for blobs without a row. Return how many were deleted."""
        deleted = self.delete_dead(run)
        now = self._clock.now()
        if self._looked is None or now - self._looked >= self._keep:
            self._look_for_unnamed(run, now)
            self._looked = now
            self._store.clear_unfinished(now - self._keep)
            deleted += self.delete_dead(run)
        return deleted

    def delete_dead(self, run: Run) -> int:
        """Delete every blob that is marked as dead; return how many."""
        deleted = 0
        while dead := run(sweep.dead_blobs):
            for name in dead:
                self._store.delete(name)
            deleted += run(lambda work, gone=dead: sweep.forget_dead_blobs(work, gone))
        return deleted

    def _look_for_unnamed(self, run: Run, now: datetime) -> None:
        """Mark as dead what no row names now and none named a whole time ago."""
        names = self._store.names()
        still: dict[SegmentId, datetime] = {}
        while some := _next(names, self._batch):
            found = run(lambda work, asked=some: sweep.unnamed(work, asked))
            still |= {name: self._unnamed.get(name, now) for name in found}
        old = [name for name, since in still.items() if now - since >= self._keep]
        for begin in range(0, len(old), self._batch):
            run(lambda work, these=old[begin : begin + self._batch]: sweep.bury(work, these))
        self._unnamed = {name: since for name, since in still.items() if now - since < self._keep}


def _next(names: Iterator[SegmentId], count: int) -> list[SegmentId]:
    return list(islice(names, count))
