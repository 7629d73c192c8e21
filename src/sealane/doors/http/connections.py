"""The connections of one worker: which of them bring requests, and which only take up places, so that they are closed.

granian gives a connection time without end until it knows which HTTP is spoken, and HTTP/2 as much between requests; a
few thousand that say nothing would lock everybody out. It tells nobody of its connections, so they are looked for every
second among this process's descriptors and matched by the client's address and port with the requests that the gate
sees. Must stay true: no connection with a request under way is touched, nor one whose answer is still being taken; no
descriptor is kept, since a second one would keep open what granian closes.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import errno
import fcntl
import functools
import ipaddress
import logging
import os
import socket
import stat
import struct
import termios
from collections import defaultdict
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from sealane.doors.addresses import address_range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Scope

    from sealane.clock import Clock
    from sealane.settings import Settings

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 1.0
_PATIENT_LOOKS: Final = 3
"""Looks at which a connection must have been without a request before it can be closed to make room."""
_DESCRIPTORS: Final = "/proc/self/fd"
_TCP_INFO_BYTES: Final = 192
_BYTES_ACKED = struct.Struct("=Q")
_BYTES_ACKED_AT: Final = 120
"""Where `tcpi_bytes_acked` stands in `struct tcp_info` (linux/tcp.h)."""


class Peer(NamedTuple):
    """The client's side of a connection."""

    address: str
    port: int


class Connection:
    """What is known of one connection."""

    __slots__ = ("acked", "idle_looks", "inode", "peer", "running", "since", "trusted", "used")

    def __init__(self, peer: Peer, now: float) -> None:
        """Begin without a request."""
        self.peer = peer
        self.inode = 0
        """Of its socket, once that was found."""
        self.renew(now)
        self.running = 0
        """Requests under way."""

    def renew(self, now: float) -> None:
        """Know nothing of it but that it is here since now."""
        self.since = now
        """When it came, or its last request ended, or what is left of an answer was last seen to be taken."""
        self.used = False
        """It has brought a request."""
        self.trusted = False
        """A request on it was somebody's who had signed in."""
        self.idle_looks = 0
        self.acked = -1


class Connections:
    """All connections of this worker."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """There are none yet."""
        self._settings = settings
        self._clock = clock
        self._by_peer: dict[Peer, Connection] = {}
        self._peers: dict[int, Peer | None] = {}
        """Whose socket an inode is; None for descriptors that are no client's."""
        self._found = 0
        self.closed = 0
        """How many have been closed here."""

    def __len__(self) -> int:
        """How many there were at the last look."""
        return self._found

    # --- what the gate tells ----------------------------------------------------------------------------------------

    def entered(self, scope: Scope) -> Connection:
        """Note that a request has come; to be answered by `left`."""
        peer = _peer(*scope["client"])
        connection = self._by_peer.get(peer)
        if connection is None:
            connection = self._by_peer[peer] = Connection(peer, self._clock.monotonic())
        connection.running += 1
        connection.used = True
        connection.idle_looks = 0
        return connection

    def left(self, connection: Connection, *, signed_in: bool) -> None:
        """Note that a request is over."""
        connection.running -= 1
        connection.since = self._clock.monotonic()
        connection.trusted |= signed_in

    # --- looking ----------------------------------------------------------------------------------------------------

    async def watch(self, ports: frozenset[int]) -> None:
        """Look every second at the connections that came in by these ports, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            closed = self.closed
            try:
                self.look(ports)
            except Exception:
                # Whatever it was, without the next look everybody could be locked out.
                log.exception("the connections could not be looked at")
            if self.closed > closed:
                log.info("%d connections without a request were closed", self.closed - closed)

    def look(self, ports: frozenset[int]) -> None:
        """Find all connections, and close those whose time is over or whose place is needed."""
        now = self._clock.monotonic()
        descriptors = self._find(ports, now)
        idle: list[Connection] = []
        for peer, connection in tuple(self._by_peer.items()):
            if connection.running:
                continue
            if connection.inode not in descriptors:
                del self._by_peer[peer]
                continue
            connection.idle_looks += 1
            if now - connection.since >= self._seconds_for(connection):
                self._close(connection, descriptors, now, gently=True)
            elif not connection.trusted and connection.idle_looks >= _PATIENT_LOOKS:
                idle.append(connection)
        for connection in self._too_many(idle):
            self._close(connection, descriptors, now, gently=False)

    def _seconds_for(self, connection: Connection) -> int:
        settings = self._settings
        return settings.http_idle_seconds if connection.used else settings.http_first_request_seconds

    def _too_many(self, idle: list[Connection]) -> Iterator[Connection]:
        """Yield what strangers hold past the limits, of the ranges that hold the most.

        What never brought a request goes first, and of that what waits longest: whoever brings one as soon as the
        connection stands finds a place among however many that bring none.
        """
        limits = self._settings
        ranges: defaultdict[str, list[Connection]] = defaultdict(list)
        for connection in sorted(idle, key=attrgetter("used", "since"), reverse=True):
            ranges[_range_of(connection.peer.address)].append(connection)
        left = len(idle)
        for held in sorted(ranges.values(), key=len, reverse=True):
            while held and (
                len(held) > limits.unauthenticated_connections_per_range_max
                or left > limits.unauthenticated_connections_max
            ):
                yield held.pop()
                left -= 1

    def _find(self, ports: frozenset[int], now: float) -> dict[int, int]:
        """Return the descriptor of every client's socket by its inode; know every connection that is there."""
        seen: dict[int, Peer | None] = {}
        descriptors: dict[int, int] = {}
        for name in os.listdir(_DESCRIPTORS):  # noqa: PTH208  # names are all that is wanted of thousands
            descriptor = int(name)
            try:
                status = os.fstat(descriptor)
            except OSError:  # closed meanwhile
                continue
            if not stat.S_ISSOCK(status.st_mode):
                continue
            inode = status.st_ino
            peer = self._peers[inode] if inode in self._peers else _peer_of(descriptor, inode, ports)
            seen[inode] = peer
            if peer is None:
                continue
            descriptors[inode] = descriptor
            connection = self._by_peer.get(peer)
            if connection is None:
                connection = self._by_peer[peer] = Connection(peer, now)
            elif connection.inode and connection.inode != inode and not connection.running:
                connection.renew(now)  # another one from the same port
            connection.inode = inode
        self._peers = seen
        self._found = len(descriptors)
        return descriptors

    def _close(self, connection: Connection, descriptors: dict[int, int], now: float, *, gently: bool) -> None:
        """Shut a connection down; granian then closes it. `gently`: not while its client still takes an answer."""
        with contextlib.suppress(OSError), _borrowed(descriptors[connection.inode], connection.inode) as borrowed:
            if gently and _waiting_bytes(borrowed):
                acked = _acked_bytes(borrowed)
                if acked != connection.acked:
                    connection.acked, connection.since = acked, now
                    return
            borrowed.shutdown(socket.SHUT_RDWR)
            self.closed += 1


@functools.lru_cache(maxsize=4096)
def _written(address: str) -> str:
    """Return an address as Python writes it, whoever wrote it."""
    try:
        return str(ipaddress.ip_address(address.partition("%")[0]))
    except ValueError:
        return address


@functools.lru_cache(maxsize=4096)
def _range_of(address: str) -> str:
    return address_range(address)


def _peer(address: str, port: str | int) -> Peer:
    return Peer(_written(address), int(port))


@contextlib.contextmanager
def _borrowed(descriptor: int, inode: int) -> Iterator[socket.socket]:
    """Give a socket object for a descriptor that somebody else owns. Raises `OSError` if it is another one by now."""
    copy = os.dup(descriptor)
    try:
        borrowed = socket.socket(fileno=copy)
    except OSError:
        os.close(copy)
        raise
    with borrowed:
        if os.fstat(copy).st_ino != inode:
            raise OSError(errno.EBADF, "another descriptor by now")
        yield borrowed


def _peer_of(descriptor: int, inode: int, ports: frozenset[int]) -> Peer | None:
    """Return whose connection a socket is, None if it is none that came in by one of the ports."""
    try:
        with _borrowed(descriptor, inode) as borrowed:
            if borrowed.family not in {socket.AF_INET, socket.AF_INET6} or borrowed.getsockname()[1] not in ports:
                return None
            return _peer(*borrowed.getpeername()[:2])
    except OSError:  # a listening socket, or broken already
        return None


def _waiting_bytes(borrowed: socket.socket) -> int:
    """Return how many bytes the client has not acknowledged yet."""
    waiting = array.array("i", [0])
    fcntl.ioctl(borrowed, termios.TIOCOUTQ, waiting)
    return waiting[0]


def _acked_bytes(borrowed: socket.socket) -> int:
    """Return how many bytes the client has acknowledged in all."""
    told = borrowed.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    acked: int = _BYTES_ACKED.unpack_from(told, _BYTES_ACKED_AT)[0]
    return acked
