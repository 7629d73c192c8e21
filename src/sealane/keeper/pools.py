"""Bounded pools of threads for what is slow and decides nothing: password hashes, host key signatures."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from sealane.errors import TooMany

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Pool:
    """Some threads, and a limit on how much may wait for them."""

    def __init__(self, name: str, threads: int, waiting_max: int) -> None:
        """Begin with no thread; they are made as needed."""
        self._threads = ThreadPoolExecutor(max_workers=max(1, threads), thread_name_prefix=name)
        self._waiting_max = waiting_max
        self._taken = 0

    async def run(self, work: Callable[[], T], *, limited: bool = True) -> T:
        """Return what `work` returns, done in a thread. Raises `TooMany` when too much waits already, if `limited`."""
        if limited and self._taken >= self._waiting_max:
            raise TooMany
        self._taken += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._taken -= 1

    def close(self) -> None:
        """Let the threads end; what runs is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)
