"""The HTTP worker process: granian on inherited listening sockets, served until it is asked to stop, drained.

`python -m sealane.doors.http --data DIR --fd N`; the supervisor starts it. ASGI only: granian's other interface has no
back-pressure for streamed answers. Must stay true: without TLS it serves on loopback only; asked to stop, it accepts
nothing more, lets running transfers come to their end for `drain_seconds`, then suspends them.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import granian
from granian._granian import ASGIWorker, SocketHolder
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings, HTTP2Settings
from granian.log import LogLevels
from granian.server.embed import Server

from sealane.clock import Clock
from sealane.doors.http import application
from sealane.doors.http.exchange import HttpDoor
from sealane.doors.http.metrics import Metrics, serve_metrics
from sealane.doors.http.reading_metrics import ReadingBacklog
from sealane.doors.http.sessions import Sessions
from sealane.doors.plane import Plane
from sealane.doors.process import begin_door
from sealane.errors import Unsupported
from sealane.process import stop_asked

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from starlette.types import ASGIApp

    from sealane.doors.http.gate import Gate
    from sealane.settings import Settings

log = logging.getLogger(__name__)

_BACKLOG: Final = 1024
_GRANIAN: Final = "2.8."
_LET_GO_SECONDS: Final = 5.0
"""How long running uploads may take to be suspended once the time for draining is over."""
_HEAD_SECONDS: Final = 86400
"""granian's own limit on the time to an HTTP/1.1 request's head, so long that it is none: its clock begins when an
answer was written to buffers, so that it would break off a slow download and cut the request after it. connections.py
watches instead."""
_HTTP1_FRAME_BYTES: Final = 1024 * 1024
"""The most that is read from an HTTP/1 connection at once."""
_LOGGING: Final[dict[str, Any]] = {
    "handlers": {"console": {"class": "logging.NullHandler"}, "access": {"class": "logging.NullHandler"}},
    "loggers": {"_granian": {"handlers": [], "propagate": True}, "granian.access": {"handlers": []}},
}


class ClearTextRefused(Unsupported):
    """Without TLS, whoever is on the line reads tokens and files."""

    code = "clear-text-refused"
    default = "HTTP without TLS is served on loopback only. Give tls_cert and tls_key."


def check_foundations() -> None:
    """Raise a clear error where granian is not the one whose inner names are relied on here."""
    names = (
        (Server, "_init_shared_socket"),
        (Server, "stop"),
        (Server, "serve"),
        (ASGIWorker, "serve_async"),
        (SocketHolder, "get_fd"),
    )
    missing = [f"{owner.__name__}.{name}" for owner, name in names if not hasattr(owner, name)]
    if missing or not granian.__version__.startswith(_GRANIAN):
        raise RuntimeError(f"granian {granian.__version__} is not {_GRANIAN}x as it is known here: {missing}")


class InheritedServer(Server):
    """granian's embedded server on a listening socket that is there already."""

    def __init__(self, gate: Gate, listener: socket.socket, settings: Settings) -> None:
        """Serve `gate` on `listener`, which belongs to this server from now on."""
        host, port = listener.getsockname()[:2]
        if not settings.tls_cert and not ipaddress.ip_address(host).is_loopback:
            raise ClearTextRefused
        super().__init__(
            gate,
            address=host,
            port=port,
            interface=Interfaces.ASGINL,
            http=HTTPModes.auto,
            websockets=False,
            backlog=_BACKLOG,
            backpressure=settings.http_connections_max,
            http1_settings=HTTP1Settings(header_read_timeout=_HEAD_SECONDS * 1000, max_buffer_size=_HTTP1_FRAME_BYTES),
            http2_settings=HTTP2Settings(
                initial_connection_window_size=settings.http2_window_bytes,
                initial_stream_window_size=settings.http2_window_bytes,
                max_headers_size=settings.header_bytes_max,
                max_concurrent_streams=100,
                keep_alive_interval=20_000,
            ),
            log_level=LogLevels.error,
            log_dictconfig=_LOGGING,
            ssl_cert=Path(settings.tls_cert) if settings.tls_cert else None,
            ssl_key=Path(settings.tls_key) if settings.tls_key else None,
            ssl_protocol_min=SSLProtocols.tls12,
        )
        # granian closes the descriptor itself: it gets one that no Python object will close a second time.
        self._fd = listener.detach()

    def _init_shared_socket(self) -> None:
        """Take the inherited socket instead of binding one."""
        self._ssp = None
        self._shd = SocketHolder(self._fd, False, _BACKLOG)  # noqa: FBT003  # pyrefly: ignore  # its stub has no signature
        self._sfd = self._fd


async def serve(
    door: HttpDoor, listeners: tuple[socket.socket, ...], stop: asyncio.Event, pages: ASGIApp | None = None
) -> None:
    """Serve on the listening sockets until `stop`, then drain."""
    check_foundations()
    metrics = Metrics()
    gate = application.build(door, metrics, pages)
    metrics.collect_from(ReadingBacklog(door, asyncio.get_running_loop()))
    told = serve_metrics(metrics, door.settings.metrics) if door.settings.metrics else None
    ports = frozenset(listener.getsockname()[1] for listener in listeners)
    servers = [InheritedServer(gate, listener, door.settings) for listener in listeners]
    beside = (
        asyncio.create_task(gate.connections.watch(ports)),
        asyncio.create_task(door.keeping_alive.run(), name="keeping-alive"),
    )
    serving = asyncio.gather(*(server.serve() for server in servers))
    log.info("the HTTP door is open")
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    log.info("the HTTP door closes")
    for server in servers:
        server.stop()
    await asyncio.wait({serving}, timeout=door.settings.drain_seconds)
    await gate.end_all(_LET_GO_SECONDS)
    await asyncio.wait({serving}, timeout=_LET_GO_SECONDS)
    for task in beside:
        task.cancel()
    if told is not None:
        told.shutdown()
        told.server_close()
    if serving.done():
        serving.result()


async def _run(arguments: list[str] | None, pages: Callable[[HttpDoor], ASGIApp] | None) -> None:
    begun = begin_door(arguments)
    settings = begun.beginning.settings
    stop = stop_asked(asyncio.get_running_loop())
    clock = Clock()
    plane = Plane(begun.store, settings)
    sessions = Sessions(begun.caller, settings, clock)
    door = HttpDoor(settings, clock, begun.caller, plane, sessions)
    begun.caller.on_notice(sessions.noticed)
    begun.caller.on_notice(door.noticed)
    begun.caller.start()
    await serve(door, begun.beginning.listeners, stop, None if pages is None else pages(door))
    await begun.caller.close()
    plane.close()
    begun.store.close()


def main(arguments: list[str] | None = None, pages: Callable[[HttpDoor], ASGIApp] | None = None) -> None:
    """Run one worker until it is asked to stop; `pages` makes what is shown to people at a browser."""
    asyncio.run(_run(arguments, pages))
    logging.shutdown()
    os._exit(0)  # granian's threads may still hold a connection whose client does not let go
