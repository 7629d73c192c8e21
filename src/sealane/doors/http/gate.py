"""The gate: every request comes in here and every answer goes out here.

Lives here: what is refused before any route is looked at, what every answer carries, failures turned into problem
documents, bodies that nobody read. Not here: routes and handlers. Must stay true: an answer always comes, an unexpected
failure is logged under the reference that the client is told, and routing sees the raw path.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from sealane.doors.http.bodies import ClientGone
from sealane.doors.http.connections import Connections
from sealane.doors.http.exchange import SCOPE_KEY, Exchange
from sealane.doors.http.locations import names_of
from sealane.doors.http.problems import (
    RETRY_SECONDS,
    BodyBroken,
    BodyTooSlow,
    ContentCoded,
    HeaderInvalid,
    HeadersTooLarge,
    new_reference,
    problem,
)
from sealane.errors import InternalFailure, Locked, PathInvalid, SealaneError, Unavailable

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from sealane.doors.http.exchange import HttpDoor
    from sealane.doors.http.metrics import Metrics

log = logging.getLogger(__name__)

_ONCE = frozenset(
    b"authorization content-digest content-encoding content-length content-range content-type expect host "
    b"if-match if-modified-since if-none-match if-range if-unmodified-since last-modified range repr-digest "
    b"origin sealane-form-token sec-fetch-dest sec-fetch-mode sec-fetch-site transfer-encoding tus-resumable "
    b"upload-checksum upload-concat upload-defer-length upload-length upload-metadata upload-offset "
    b"x-http-method-override".split()
)
"""Every header that this door reads. Twice in a request, two readers could believe two different ones."""

_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"sandbox; default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
    (b"server", b"sealane"),
)
_UNDER_TLS = (b"strict-transport-security", b"max-age=31536000")


class Gate:
    """The outermost ASGI application."""

    def __init__(self, inner: ASGIApp, door: HttpDoor, metrics: Metrics) -> None:
        """Put the gate before `inner`."""
        self._inner = inner
        self._door = door
        self._metrics = metrics
        self.connections = Connections(door.settings, door.clock)
        """Those by which the requests come."""
        self._running: set[Exchange] = set()
        self._idle = asyncio.Event()

    def __len__(self) -> int:
        """How many requests are under way."""
        return len(self._running)

    async def end_all(self, seconds: float) -> None:
        """End every request that is under way, and wait for their uploads to be let go of."""
        for exchange in tuple(self._running):
            exchange.end(Unavailable("The server is being restarted. Resume in a moment; nothing was lost."))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._running:
                    self._idle.clear()
                    await self._idle.wait()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Anything but HTTP requests is not for this door."""
        if scope["type"] != "http":
            return
        connection = self.connections.entered(scope)
        exchange = Exchange(self._door, scope, receive, _dressed(scope, send))
        scope[SCOPE_KEY] = exchange
        self._running.add(exchange)
        try:
            await self._answer(exchange)
            await self._read_off(exchange)
        finally:
            self.connections.left(connection, signed_in=exchange.is_signed_in)
            exchange.leave()
            self._running.discard(exchange)
            if not self._running:
                self._idle.set()
            self._metrics.answered(exchange)

    async def _answer(self, exchange: Exchange) -> None:
        reference = ""
        failure: SealaneError
        try:
            _admit(exchange, self._door.settings.header_bytes_max)
            await self._inner(exchange.scope, exchange.receive, exchange.send)
        except ClientGone:
            # Most have gone; one whose body broke off may still read. It is told, if it is there.
            exchange.stalled = True
            failure = BodyBroken()
        except SealaneError as error:
            exchange.stalled = isinstance(error, BodyTooSlow)
            # Without its traceback, which leads back to this frame: a circle would keep the connection open.
            failure = error.with_traceback(None)
        except asyncio.CancelledError:
            if exchange.ended_by is None:
                raise
            exchange.forgive()
            failure = exchange.ended_by
        except Exception:
            reference = new_reference()
            log.exception("unexpected failure %s", reference)
            failure = InternalFailure()
        else:
            return
        if exchange.answered and not isinstance(failure, BodyBroken):
            log.warning("an answer was broken off: %s", failure.code)
        elif not exchange.answered:
            # Until when a lock holds is not told to strangers; after its whole length it is over whenever it began.
            lock_seconds = self._door.settings.sign_in_lock_seconds
            retry_seconds = lock_seconds if isinstance(failure, Locked) else RETRY_SECONDS
            answer = problem(failure, reference=reference, retry_seconds=retry_seconds)
            await answer(exchange.scope, exchange.receive, exchange.send)

    async def _read_off(self, exchange: Exchange) -> None:
        """Take what a client still sends of a body that was refused, so that it reads its answer before a broken line.

        Bounded in bytes and time; the connection is closed afterwards, as the answer said. A client that waits to be
        told to go on (`Expect: 100-continue`) sends nothing: the first read would tell it to.
        """
        if exchange.stalled or (exchange.came == 0 and "expect" in exchange.headers):
            return
        settings = self._door.settings
        limit = exchange.came + settings.refused_body_bytes_max
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(settings.refused_body_seconds):
                while _has_body(exchange) and not exchange.body_ended and exchange.came < limit:
                    await exchange.receive()


def _has_body(exchange: Exchange) -> bool:
    return exchange.content_length != 0


def _dressed(scope: Scope, send: Send) -> Send:
    """Return `send` with what every answer carries."""
    always = (*_ALWAYS, _UNDER_TLS) if scope["scheme"] == "https" else _ALWAYS

    async def dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            exchange: Exchange = scope[SCOPE_KEY]
            names = {name for name, _ in headers}
            headers += [(name, value) for name, value in (*always, *exchange.always) if name not in names]
            if _has_body(exchange) and not exchange.body_ended and scope["http_version"].startswith("1"):
                headers.append((b"connection", b"close"))
            message = {**message, "headers": headers}
        await send(message)

    return dressed


def _admit(exchange: Exchange, header_bytes_max: int) -> None:
    """Raise what is wrong with a request whatever its route; let routing see the raw path."""
    scope = exchange.scope
    seen: set[bytes] = set()
    size = len(scope["raw_path"]) + len(scope["query_string"])
    for name, value in scope["headers"]:
        size += len(name) + len(value)
        if name in seen:
            raise HeaderInvalid(f"The header {name.decode('latin-1')} is there twice.")
        if name in _ONCE:
            seen.add(name)
    if size > header_bytes_max:
        raise HeadersTooLarge
    headers = exchange.headers
    if headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise ContentCoded
    raw: bytes = scope["raw_path"]
    if not raw.isascii():
        raise PathInvalid("The path has bytes in it that are not percent-encoded.")
    names_of(raw)
    scope["path"] = raw.decode("ascii")
