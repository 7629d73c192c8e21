"""What the keeper does by the clock: strangers to the ledger, sessions past their time, sweeping.

Each piece of work is an act of bounded size in the writer's next batch, so that nothing waits long behind it; the blob
store is only touched in a thread of its own. Must stay true: a blob is deleted only after the row that says so is
durable, and what fails is tried again at the next tick.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any, TypeVar

from sealane.domain import attempts, forgetting, held_reading, links, passkeys, sessions, sign_in, sweep, visits
from sealane.domain.blob_sweep import BlobSweeper
from sealane.errors import KeeperAway, SealaneError
from sealane.operations.accounts import SweptIs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from sealane.domain.blob_sweep import Run
    from sealane.domain.work import Work
    from sealane.keeper.server import Server
    from sealane.vault.blobs import BlobStore

log = logging.getLogger(__name__)

T = TypeVar("T")

_BY_THE_MINUTE: tuple[Callable[[Work], int], ...] = (
    attempts.write_strangers,
    attempts.forget_old,
    sign_in.forget_exchanges,
    links.forget_old,
    visits.forget_codes,
    forgetting.forget_shares,
    passkeys.forget_old,
    held_reading.publish_unread,
)
_SOON_SECONDS = 0.1
"""What lies at least between two looks at which sessions are over."""
_NOTHING = SweptIs(uploads=0, versions=0, blobs=0)


class Ticks:
    """The keeper's clockwork."""

    def __init__(self, server: Server, store: BlobStore) -> None:
        """Nothing runs yet."""
        self._server = server
        self._blobs = BlobSweeper(store, server.settings, server.keeper.clock)
        self._at_blobs = asyncio.Lock()
        self._to_next_end: float = server.settings.strangers_seconds

    async def run(self) -> None:
        """Tick until cancelled."""
        settings = self._server.settings
        async with asyncio.TaskGroup() as group:
            group.create_task(_every(settings.strangers_seconds, self._by_the_minute))
            group.create_task(self._end_sessions())
            group.create_task(_every(settings.sweep_seconds, self._sweep))
            group.create_task(_every(settings.checkpoint_seconds, self._sign))
            group.create_task(_whenever(self._server.much_is_dead, self._delete_dead))

    async def _by_the_minute(self) -> None:
        for act in _BY_THE_MINUTE:
            await self._server.perform(act)

    async def _end_sessions(self) -> None:
        """End sessions when their time is over, and not only at some tick after it: what runs in them ends with them.

        One that begins meanwhile and ends before the next look waits for that, `strangers_seconds` at most; only the
        session of a token can be so short, and the door that renews it knows when it ends.
        """
        while True:
            self._server.sessions_cut.clear()
            self._to_next_end = self._server.settings.strangers_seconds
            await _tried(self.end_sessions)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._to_next_end):
                    await self._server.sessions_cut.wait()

    async def end_sessions(self) -> None:
        """End what is over now, and note when the next session may be."""
        await self._server.perform(sessions.end_expired)
        seconds = await self._server.perform(sessions.next_end)
        if seconds is not None:
            self._to_next_end = min(self._to_next_end, max(seconds, _SOON_SECONDS))

    async def _sign(self) -> None:
        """Give the signer its turn where nobody else does: it looks after every transaction."""
        await self._server.perform(_nothing)

    async def _sweep(self) -> None:
        """Clear rows round by round, then blobs in a thread; each act waits its turn in the writer's queue."""
        cleared = SweptIs(uploads=1, versions=0, blobs=0)
        while cleared != _NOTHING:
            cleared = await self._server.perform(sweep.clear)
        await self._at_store(self._blobs.clear)

    async def _delete_dead(self) -> None:
        """Delete what is marked as dead without waiting for the next sweep."""
        await self._at_store(self._blobs.delete_dead)

    async def _at_store(self, clear: Callable[[Run], int]) -> None:
        """Clear the store in a thread, one act of it at a time."""
        loop = asyncio.get_running_loop()
        async with self._at_blobs:
            await asyncio.to_thread(clear, lambda act: _done_by(loop, self._perform(act)))

    async def _perform(self, act: Callable[[Work], Any]) -> Any:
        """Have the writer do an act, unless the keeper is stopping: its writer may have ended already."""
        if self._server.stopping:
            raise KeeperAway
        return await self._server.perform(act)


def _nothing(work: Work) -> None:
    """Do nothing: the transaction itself is what is wanted."""
    del work


def _done_by(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    """Have the event loop do this and wait for it, in a thread."""
    return asyncio.run_coroutine_threadsafe(work, loop).result()


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        await _tried(work)


async def _whenever(wanted: asyncio.Event, work: Callable[[], Awaitable[None]]) -> None:
    """Work each time that it is wanted; what fails then is left to the next time, or to what runs by the clock."""
    while True:
        await wanted.wait()
        wanted.clear()
        await _tried(work)


async def _tried(work: Callable[[], Awaitable[None]]) -> None:
    try:
        await work()
    except SealaneError as failure:
        log.warning("a tick failed and is tried again: %s", failure.code)
    except Exception:
        log.exception("a tick failed and is tried again")
