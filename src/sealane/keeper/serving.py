"""The life of the keeper's process: opened, on record as started, serving, on record as stopped, closed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from sealane import process
from sealane.errors import LeaseHeld, StoreFull, Unavailable
from sealane.keeper import node
from sealane.keeper.batch import Request
from sealane.keeper.core import Keeper
from sealane.keeper.server import Server
from sealane.keeper.ticks import Ticks
from sealane.operations.envelope import Asker
from sealane.vault.stores import open_store

if TYPE_CHECKING:
    from sealane.process import Beginning

log = logging.getLogger(__name__)


_LEASE_SECONDS = 5.0
"""How long the lease is waited for: an operator's command that was begun a moment before holds it for as long."""
_PAUSE_SECONDS = 0.05
_ROOM_SECONDS = 1.0
"""How often it is tried again to record the start, while there is no room for that."""


async def opened(beginning: Beginning, stop: asyncio.Event) -> Keeper:
    """Open the node. Raises `LeaseHeld` where another holds it for so long that it must be a keeper, or on `stop`."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _LEASE_SECONDS
    while True:
        try:
            return Keeper.open(beginning.data_dir, beginning.settings)
        except LeaseHeld:
            if stop.is_set() or loop.time() > deadline:
                raise
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _PAUSE_SECONDS)


async def serve(beginning: Beginning) -> int:
    """Serve until SIGTERM, answer what was taken, return the exit code. Raises `SealaneError` if it cannot begin."""
    stop = process.stop_asked(asyncio.get_running_loop())
    keeper = await opened(beginning, stop)
    try:
        store = open_store(beginning.settings, beginning.data_dir)
        server = Server(keeper, beginning.run_dir)
        if await begun(keeper, server, stop):
            log.info("the keeper serves")
            ticking = asyncio.create_task(Ticks(server, store).run(), name="ticks")
            await stop.wait()
            log.info("the keeper ends")
            ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ticking
            await server.stop()
            keeper.perform_one(Request(node.end_serving, Asker.ADMIN, "keeper"))
        else:
            await server.stop()
        store.close()
    finally:
        keeper.close()
    return 0


async def begun(keeper: Keeper, server: Server, stop: asyncio.Event) -> bool:
    """Record the start and listen; whether that was done before `stop`. Raises `SealaneError` if it cannot be.

    While there is no room for the record, whoever asks is told so at once: that says more than a keeper which is away,
    and nobody need start it again when there is room.
    """
    try:
        keeper.perform_one(Request(node.begin_serving, Asker.ADMIN, "keeper"))
    except StoreFull as failure:
        log.error("ALARM: the start cannot be recorded, so nothing is done: %s", failure.sentence)  # noqa: TRY400  # expected
        server.turned_away = failure
    await server.start()
    while server.turned_away is not None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _ROOM_SECONDS)
        if stop.is_set():
            return False
        try:
            await server.perform(node.begin_serving)
        except Unavailable as failure:  # a database that is away for want of room comes back too
            server.turned_away = failure
        else:
            server.turned_away = None
    return True
