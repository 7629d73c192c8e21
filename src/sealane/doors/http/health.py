"""Is this worker alive, is it ready to serve? Anybody may ask, so the answer says no more and is kept for a moment."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

from sealane.errors import Integrity, SealaneError, Unavailable
from sealane.ids import new_segment_id
from sealane.operations.signing import Health
from sealane.vault import blobs

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealane.doors.http.exchange import Exchange
    from sealane.vault.blobs import BlobStore

_CANARY = b"sealane canary"


def check_store(store: BlobStore) -> None:
    """Write a blob, read it back, delete it. Raises what the store raises, `Integrity` where it reads otherwise."""
    name = new_segment_id()
    writer = store.create(name)
    try:
        writer.append(_CANARY)
        writer.commit()
    except BaseException:
        writer.abort()
        raise
    try:
        if blobs.read(store, name, 0, len(_CANARY)) != _CANARY:
            raise Integrity
    finally:
        store.delete(name)


class Readiness:
    """Whether the keeper writes and the blob store keeps, looked at again after `ready_seconds`."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._looked = float("-inf")
        self._failure: SealaneError | None = None
        self._looking = asyncio.Lock()

    async def ready(self, exchange: Exchange) -> Response:
        """Answer `/readyz`."""
        async with self._looking:
            now = exchange.door.clock.monotonic()
            if now - self._looked >= exchange.door.settings.ready_seconds:
                self._failure = await self._look(exchange)
                self._looked = exchange.door.clock.monotonic()
        if self._failure is not None:
            raise Unavailable
        return JSONResponse({"status": "ready"})

    async def _look(self, exchange: Exchange) -> SealaneError | None:
        try:
            await exchange.door.asker.ask(Health())
            await asyncio.to_thread(check_store, exchange.door.plane.store)
        except SealaneError as failure:
            return failure
        return None


async def alive(exchange: Exchange) -> Response:
    """Answer `/livez`: the event loop turns."""
    del exchange
    return JSONResponse({"status": "alive"})
