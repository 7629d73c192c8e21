"""The witness's HTTP server: granian around the ASGI application of `witness.py`."""

from __future__ import annotations

import asyncio
import ipaddress
import signal
from typing import TYPE_CHECKING

from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from sealane.errors import Invalid, Unsupported
from sealane.jobs.witness import Door

if TYPE_CHECKING:
    from pathlib import Path

    from sealane.jobs.witness import Witness

_BACKLOG = 256
_CONNECTIONS_MAX = 256
_HEAD_MILLISECONDS_MAX = 20_000
_BUFFER_BYTES_MAX = 65_536


def serve(witness: Witness, http: str, tls_cert: Path | None, tls_key: Path | None) -> None:
    """Serve until SIGINT or SIGTERM. Raises `Invalid` for no address, `Unsupported` for clear text outside."""
    host, _, port = http.rpartition(":")
    try:
        address = ipaddress.ip_address(host.strip("[]"))
        number = int(port)
    except ValueError:
        raise Invalid("The address to listen at has the form IP:PORT.") from None
    if (tls_cert is None or tls_key is None) and not address.is_loopback:
        raise Unsupported("Without TLS a witness listens on loopback only. Give --tls-cert and --tls-key.")
    asyncio.run(_served(witness, str(address), number, tls_cert, tls_key))


async def _served(witness: Witness, host: str, port: int, tls_cert: Path | None, tls_key: Path | None) -> None:
    server = Server(
        Door(witness),
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.auto,
        websockets=False,
        backlog=_BACKLOG,
        backpressure=_CONNECTIONS_MAX,
        http1_settings=HTTP1Settings(header_read_timeout=_HEAD_MILLISECONDS_MAX, max_buffer_size=_BUFFER_BYTES_MAX),
        log_level=LogLevels.error,
        ssl_cert=tls_cert,
        ssl_key=tls_key,
        ssl_protocol_min=SSLProtocols.tls12,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stop)
    await server.serve()
