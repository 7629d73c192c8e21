"""Sessions in which something is under way are kept alive, however long nothing else is asked in them.

A download is one question and then bytes, for hours perhaps; an upload that trickles asks seldom. One of these a worker
tells the keeper now and then of every session in which a request or a transfer runs, whatever the protocol and however
many run in it. Must stay true: it only says that a session is in use: the keeper, which looks it up as for any other
operation, extends none that has ended, whose user is disabled or whose lifetime is over. What is asked at once is
bounded, and a session in which nothing runs is not told.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Final

from sealane.errors import SealaneError
from sealane.operations.signing import KeepAlive

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from sealane.operations.envelope import Answer, Operation

log = logging.getLogger(__name__)

ROUNDS: Final = 8
"""Rounds in the time after which a session that is not used ends. The keeper extends one of which less than half of
that time is left, and may believe for a quarter what it has looked up: so an eighth is left at least when it looks."""
TOGETHER_MAX: Final = 64
"""Sessions that are told at once; the next when these were answered."""


class KeepingAlive:
    """The sessions of one worker in which something is under way, told to the keeper round by round."""

    def __init__(
        self,
        ask: Callable[[Operation], Awaitable[Answer]],
        in_use: Callable[[], Iterable[str]],
        idle_seconds: Callable[[], float],
    ) -> None:
        """`in_use`: handles of the sessions in which something runs; `idle_seconds`: after which an unused one ends."""
        self._ask = ask
        self._in_use = in_use
        self._idle_seconds = idle_seconds
        self._now = asyncio.Event()

    async def run(self) -> None:
        """Make rounds until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._idle_seconds() / ROUNDS):
                    await self._now.wait()
            self._now.clear()
            await self.round()

    def soon(self) -> None:
        """Make the next round now: sessions may end sooner than they did before, or the keeper was away."""
        self._now.set()

    async def round(self) -> None:
        """Tell the keeper of every session that is in use, once each."""
        handles = tuple(dict.fromkeys(self._in_use()))
        for begin in range(0, len(handles), TOGETHER_MAX):
            await asyncio.gather(*map(self._keep, handles[begin : begin + TOGETHER_MAX]))

    async def _keep(self, handle: str) -> None:
        """Tell of one. That it has ended comes by notice, to whoever has to do with it."""
        try:
            await self._ask(KeepAlive(handle))
        except SealaneError as error:
            log.info("a session could not be kept alive: %s", error.code)
        except Exception:
            # Whatever it was, without the next round every long transfer of this worker would be cut off.
            log.exception("a session could not be kept alive")
