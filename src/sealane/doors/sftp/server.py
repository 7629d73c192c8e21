"""The SFTP worker process: listens on inherited sockets, serves until it is asked to stop, drains.

`python -m sealane.doors.sftp --data DIR --fd N`; the supervisor starts it. Must stay true: it listens only once the
keeper has answered which host keys the node has; asked to stop, it accepts nothing more, lets running transfers come to
their end for `drain_seconds`, then suspends them.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

import asyncssh
from asyncssh.encryption import get_encryption_algs
from asyncssh.mac import get_mac_algs

from sealane import __version__
from sealane.doors.process import begin_door
from sealane.doors.sftp import algorithms, foundations
from sealane.doors.sftp.connection import Owner, SftpConnection
from sealane.doors.sftp.door import SftpDoor
from sealane.doors.sftp.exchange import PublicHostKey
from sealane.operations.signing import HostKeys, HostKeysAre
from sealane.process import stop_asked

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from sealane.settings import Settings

log = logging.getLogger(__name__)

_BACKLOG: Final = 1024
_DRAIN_LOOK_SECONDS: Final = 0.1
_DRAINING: Final = "The server is being restarted. Connect again."


async def connection_options(settings: Settings, host_keys: Sequence[bytes]) -> asyncssh.SSHServerConnectionOptions:
    """Return asyncssh's options: only what is written here is offered."""
    return await asyncssh.SSHServerConnectionOptions.construct(
        config=None,
        server_factory=Owner,
        server_version=f"Sealane_{__version__}",
        server_host_keys=[PublicHostKey(blob) for blob in host_keys],
        kex_algs=[name.decode() for name in algorithms.KEY_EXCHANGES],
        encryption_algs=[name.decode() for name in algorithms.GCM],
        mac_algs=[name.decode() for name in algorithms.ETM],
        signature_algs=[name.decode() for name in algorithms.SIGNATURES],
        compression_algs=None,
        host_based_auth=False,
        public_key_auth=True,
        password_auth=True,
        kbdint_auth=True,
        gss_host=None,
        gss_kex=False,
        gss_auth=False,
        allow_pty=False,
        line_editor=False,
        rdns_lookup=False,
        x11_forwarding=False,
        agent_forwarding=False,
        encoding=None,
        login_timeout=settings.login_grace_seconds,
        rekey_bytes=settings.sftp_rekey_bytes,
        tcp_keepalive=True,
    )


class Listener:
    """The listening sockets of one worker, and the connections that came by them."""

    def __init__(self, door: SftpDoor, options: asyncssh.SSHServerConnectionOptions) -> None:
        """Listen on nothing yet."""
        self._door = door
        self._options = options
        self._servers: list[asyncio.Server] = []

    async def listen(self, listener: socket.socket) -> None:
        """Accept connections on a listening socket."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: SftpConnection(self._options, self._door), sock=listener, backlog=_BACKLOG
        )
        self._servers.append(server)

    async def drain(self) -> None:
        """Accept nothing more, let what runs come to its end, then end it; uploads that are cut off are suspended."""
        for server in self._servers:
            server.close()
        clock = self._door.clock
        until = clock.monotonic() + self._door.settings.drain_seconds
        while self._door.connections:
            late = clock.monotonic() >= until
            for connection in tuple(self._door.connections):
                if late or not connection.is_busy:
                    connection.end(_DRAINING)
            await asyncio.sleep(_DRAIN_LOOK_SECONDS)
        await self._door.finish_tasks()


async def open_listener(door: SftpDoor) -> Listener:
    """Ask the keeper for the host keys and make a listener of them."""
    foundations.check()
    if lacking := foundations.lacks_for_express():
        log.warning("everything goes through asyncssh, which lacks %s for the express path", ", ".join(lacking))
        door.express = False
    algorithms.check(door.settings, ciphers=frozenset(get_encryption_algs()), macs=frozenset(get_mac_algs()))
    host_keys = await door.ask(HostKeys(), HostKeysAre)
    return Listener(door, await connection_options(door.settings, host_keys.keys))


async def _serve(arguments: list[str] | None) -> None:
    begun = begin_door(arguments)
    asyncssh.set_log_level(logging.ERROR)
    stop = stop_asked(asyncio.get_running_loop())
    door = SftpDoor(begun.caller.ask, begun.store, begun.beginning.settings, line=begun.caller)
    begun.caller.on_notice(door.notice)
    begun.caller.start()
    listener = await open_listener(door)
    for listening in begun.beginning.listeners:
        await listener.listen(listening)
    keeping_alive = asyncio.create_task(door.keeping_alive.run(), name="keeping-alive")
    log.info("the SFTP door is open")
    await stop.wait()
    log.info("the SFTP door closes")
    await listener.drain()
    keeping_alive.cancel()
    await begun.caller.close()
    begun.store.close()


def main(arguments: list[str] | None = None) -> None:
    """Run one worker until it is asked to stop."""
    asyncio.run(_serve(arguments))
