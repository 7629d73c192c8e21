"""What the keeper does by the clock: strangers to the ledger, sessions past their time, sweeping.

Each piece of work is an act of bounded size in the writer's next batch, so that nothing waits long behind it; the blob
store is only touched in a thread of its own. Must stay true: a blob is deleted only after the row that says so is
durable, and what fails is tried again at the next tick.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from sealane.domain import attempts, sessions, sign_in
from sealane.errors import SealaneError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sealane.domain.work import Work
    from sealane.keeper.server import Server
    from sealane.vault.blobs import BlobStore

log = logging.getLogger(__name__)

_BY_THE_MINUTE: tuple[Callable[[Work], int], ...] = (
    attempts.write_strangers,
    attempts.forget_old,
    sign_in.forget_exchanges,
    sessions.end_expired,
)


class Ticks:
    """The keeper's clockwork."""

    def __init__(self, server: Server, store: BlobStore) -> None:
        """Nothing runs yet."""
        self._server = server
        self._store = store

    async def run(self) -> None:
        """Tick until cancelled."""
        settings = self._server.settings
        async with asyncio.TaskGroup() as group:
            group.create_task(_every(settings.strangers_seconds, self._by_the_minute))
            group.create_task(_every(settings.sweep_seconds, self._sweep))

    async def _by_the_minute(self) -> None:
        for act in _BY_THE_MINUTE:
            await self._server.perform(act)

    async def _sweep(self) -> None:
        raise NotImplementedError


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except SealaneError as failure:
            log.warning("a tick failed and is tried again: %s", failure.code)
        except Exception:
            log.exception("a tick failed and is tried again")
