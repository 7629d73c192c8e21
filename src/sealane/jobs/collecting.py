"""Sending the ledger to a collector of logs: syslog (RFC 5424) over TLS (RFC 5425), every entry, in order.

A collector does not acknowledge. So an entry counts as sent once the line has held for some seconds after it: after a
broken line or a restart the last entries come twice (each carries its number), and none is left out. Must stay true: a
collector that is away holds up nothing; nothing is sent in clear.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections import deque
from typing import TYPE_CHECKING, Protocol

from sealane.errors import Integrity, Invalid, SealaneError
from sealane.ledger import exports
from sealane.operations.audit import EntriesAre, ForwardedUpTo, WhatToForward

if TYPE_CHECKING:
    from sealane.operations.audit import LedgerEntry
    from sealane.operations.envelope import Answer, Operation
    from sealane.settings import Settings

log = logging.getLogger(__name__)

_BATCH_ENTRIES = 500
_IDLE_SECONDS = 1.0
_HELD_SECONDS = 10.0
"""How long a line must hold after an entry was written before the entry counts as sent."""
_PAUSE_SECONDS_MAX = 60.0


class Ask(Protocol):
    """Asks the keeper; raises the `SealaneError` of its answer."""

    async def __call__(self, operation: Operation, /) -> Answer:
        """Ask."""
        ...


def collector(text: str) -> tuple[str, int]:
    """Return host and port of the setting `syslog`. Raises `Invalid`."""
    return host_and_port(text, "syslog")


def host_and_port(text: str, setting: str) -> tuple[str, int]:
    """Return the host and port that a setting names. Raises `Invalid`."""
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise Invalid(f"The setting {setting!r} has the form HOST:PORT.")
    return host.strip("[]"), int(port)


class Collecting:
    """Sends what is new, over one line at a time."""

    def __init__(self, ask: Ask, settings: Settings) -> None:
        """Nothing is sent yet. Raises `Invalid` for a setting that names no collector."""
        self._ask = ask
        self._settings = settings
        self._host, self._port = collector(settings.syslog)

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop`; connect again after pauses that double."""
        pause = _IDLE_SECONDS
        while not stop.is_set():
            try:
                await self._send(stop)
                pause = _IDLE_SECONDS
            except (OSError, SealaneError) as problem:
                log.warning("the collector of logs is not reached: %s", type(problem).__name__)
            await _rest(stop, pause)
            pause = min(2 * pause, _PAUSE_SECONDS_MAX)

    async def _send(self, stop: asyncio.Event) -> None:
        """Send over one connection until it breaks or `stop`."""
        context = ssl.create_default_context(cafile=self._settings.syslog_ca or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        _, writer = await asyncio.wait_for(
            asyncio.open_connection(self._host, self._port, ssl=context), self._settings.witness_wait_seconds
        )
        try:
            sent: int | None = None
            under_way: deque[tuple[float, int]] = deque()
            while not stop.is_set():
                page = await self._ask(WhatToForward(after=sent, limit=_BATCH_ENTRIES))
                assert isinstance(page, EntriesAre)
                if writer.transport.is_closing():
                    raise ConnectionResetError
                sent = page.after
                if page.entries:
                    writer.write(b"".join(framed(message) for message in map(_message, page.entries)))
                    await asyncio.wait_for(writer.drain(), self._settings.witness_wait_seconds)
                    under_way.append((asyncio.get_running_loop().time(), sent))
                else:
                    await _rest(stop, _IDLE_SECONDS)
                await self._remember(under_way)
        finally:
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), _IDLE_SECONDS)

    async def _remember(self, under_way: deque[tuple[float, int]]) -> None:
        """Count as sent what was written long enough ago on a line that still holds."""
        held = asyncio.get_running_loop().time() - _HELD_SECONDS
        arrived = 0
        while under_way and under_way[0][0] <= held:
            _, arrived = under_way.popleft()
        if arrived:
            await self._ask(ForwardedUpTo(seq=arrived))


def _message(entry: LedgerEntry) -> str:
    try:
        return exports.syslog(entry)
    except Integrity:
        return exports.damaged(entry.seq)


def framed(message: str) -> bytes:
    """Return a message with its length before it (RFC 5425, 4.3)."""
    octets = message.encode()
    return f"{len(octets)} ".encode() + octets


async def _rest(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
