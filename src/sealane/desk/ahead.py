"""Work on one thing after another, begun ahead of whoever takes the results, by as many threads as processors.

What is worked on here (opening, decoding, hashing, sorting) lets other threads run meanwhile. Must stay true: results
come in the order of what they are made of, however long each takes, and only few are there at once; the first
failure is raised where its result would have come.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

Thing = TypeVar("Thing")
Made = TypeVar("Made")

_THREADS_MAX: Final = 4
"""More would hold more at once than a desk's memory is made for."""
THREADS: Final = max(1, min(_THREADS_MAX, os.cpu_count() or 1))


def each_ahead(work: Callable[[Thing], Made], things: Iterable[Thing], threads: int = THREADS) -> Iterator[Made]:
    """Yield what `work` makes of each of these, in their order; `things` are asked for by the caller's thread alone."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="ahead")
    begun: deque[Future[Made]] = deque()
    try:
        for thing in things:
            begun.append(pool.submit(work, thing))
            if len(begun) > threads:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class Ahead(Generic[Thing, Made]):
    """The same for things that are given one after the other: `take` gets what is made of each, in order."""

    def __init__(self, work: Callable[[Thing], Made], take: Callable[[Made], None], threads: int = THREADS) -> None:
        """Nothing is begun."""
        self._work = work
        self._take = take
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self._begun: deque[Future[Made]] = deque()

    def begin(self, thing: Thing) -> None:
        """Begin with this one; raises what an earlier one failed with."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="ahead")
        self._begun.append(self._pool.submit(self._work, thing))
        if len(self._begun) > self._threads:
            self._take(self._begun.popleft().result())

    def finish(self) -> None:
        """Wait for all that was begun."""
        try:
            while self._begun:
                self._take(self._begun.popleft().result())
        finally:
            if self._pool is not None:
                self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
