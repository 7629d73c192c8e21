"""The connections of one worker: which of them bring requests, and which only take up places, so that they are closed.

granian gives a connection time without end until it knows which HTTP is spoken, and HTTP/2 as much between requests; a
few thousand that say nothing would lock everybody out. Over HTTP/1.1 it would have a limit, but one whose clock runs
while the client still takes the answer before. It tells nobody of its connections, so they are looked for every second
among this process's descriptors and matched by the client's address and port with the requests that the gate sees.

Looks are counted, and not seconds, where a connection is judged by its silence: when this process is late, so are they.
Must stay true: no connection with a request under way is touched, nor one whose answer is still being taken, nor, while
there is room, one of which something was heard lately.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import stat
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from sealane.doors.addresses import address_range
from sealane.doors.http import sockets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Scope

    from sealane.clock import Clock
    from sealane.doors.http.sockets import Peer, Traffic
    from sealane.settings import Settings

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 1.0
_PATIENT_LOOKS: Final = 10
"""Looks at which a stranger's connection must have been silent before it can be closed to make room: an honest client
on a busy machine needs seconds for each step of a TLS handshake."""
_HURRIED_LOOKS: Final = 3
"""The same where half of all places are taken; and how often one whose time is over, but says something, is spared."""
_DESCRIPTORS: Final = "/proc/self/fd"


class Connection:
    """What is known of one connection."""

    __slots__ = ("came", "inode", "late", "looks", "peer", "running", "silent", "since", "taken", "trusted", "used")

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
        self.came = self.taken = 0
        """Bytes from and to its client, when they were last looked at."""
        self.be_patient()

    def be_patient(self) -> None:
        """Count anew what it has been waited for."""
        self.looks = self.silent = self.late = 0
        """Looks at it among a crowd of strangers; of those the last ones in which nothing came; looks past its time."""

    def hears(self, traffic: Traffic) -> bool:
        """Return whether its client has said anything since this was last asked."""
        before, self.came = self.came, traffic.came
        return traffic.came != before or traffic.unread > 0


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
        peer = sockets.peer_at(*scope["client"])
        connection = self._by_peer.get(peer)
        if connection is None:
            connection = self._by_peer[peer] = Connection(peer, self._clock.monotonic())
        connection.running += 1
        connection.used = True
        connection.be_patient()
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
        strangers: list[Connection] = []
        for peer, connection in tuple(self._by_peer.items()):
            if connection.running:
                continue
            if connection.inode not in descriptors:
                del self._by_peer[peer]
            elif now - connection.since >= self._seconds_for(connection):
                self._end(connection, descriptors, now)
            elif not connection.trusted:
                strangers.append(connection)
        for connection in self._too_many(self._waited_for(strangers, descriptors)):
            self._close(connection, descriptors, "strangers hold too many")

    def _seconds_for(self, connection: Connection) -> int:
        settings = self._settings
        return settings.http_idle_seconds if connection.used else settings.http_first_request_seconds

    def _end(self, connection: Connection, descriptors: dict[int, int], now: float) -> None:
        """Close one whose time is over, unless its client still takes an answer, or says something just now."""
        traffic = _traffic(connection, descriptors)
        if traffic is None:
            return
        if traffic.waiting and traffic.taken != connection.taken:
            connection.taken, connection.since, connection.late = traffic.taken, now, 0
            return
        heard = connection.hears(traffic)
        connection.late += 1
        if connection.late == 1 or (heard and connection.late <= _HURRIED_LOOKS):
            return  # what came may be the next request
        self._close(connection, descriptors, "its time is over")

    def _waited_for(self, strangers: list[Connection], descriptors: dict[int, int]) -> list[Connection]:
        """Return those that were given time enough to bring a request, where there are so many that it matters.

        While there is room, only silence counts: whoever makes progress, however slowly, is a client on a bad line as
        far as can be seen. Where half of the places are taken, whoever trickles has had time enough at some point as
        well; where all are, nobody new comes in before somebody goes.
        """
        limits = self._settings
        if len(strangers) <= min(
            limits.unauthenticated_connections_per_range_max, limits.unauthenticated_connections_max
        ):
            return []
        scarce = len(descriptors) > limits.http_connections_max // 2
        patience = _HURRIED_LOOKS if scarce else _PATIENT_LOOKS
        time_enough = _HURRIED_LOOKS if len(descriptors) >= limits.http_connections_max else _PATIENT_LOOKS
        waited: list[Connection] = []
        for connection in strangers:
            traffic = _traffic(connection, descriptors)
            if traffic is None:
                continue
            connection.looks += 1
            connection.silent = 0 if connection.hears(traffic) else connection.silent + 1
            if connection.silent >= patience or (scarce and connection.looks >= time_enough):
                waited.append(connection)
        return waited

    def _too_many(self, waited: list[Connection]) -> Iterator[Connection]:
        """Yield what strangers hold past the limits, of the ranges that hold the most.

        What never brought a request goes first, of that what is silent, and of that what waits longest: whoever brings
        one as soon as the connection stands finds a place among however many that bring none.
        """
        limits = self._settings
        ranges: defaultdict[str, list[Connection]] = defaultdict(list)
        for connection in sorted(waited, key=lambda one: (one.used, not one.silent, one.since), reverse=True):
            ranges[_range_of(connection.peer.address)].append(connection)
        left = len(waited)
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
            peer = self._peers[inode] if inode in self._peers else sockets.peer_of(descriptor, inode, ports)
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

    def _close(self, connection: Connection, descriptors: dict[int, int], why: str) -> None:
        """Shut a connection down; granian then closes it."""
        log.debug(
            "%s is closed after %d looks, %d silent: %s", connection.peer, connection.looks, connection.silent, why
        )
        try:
            sockets.shut_down(descriptors[connection.inode], connection.inode)
        except OSError:  # closed meanwhile
            return
        self.closed += 1


def _traffic(connection: Connection, descriptors: dict[int, int]) -> Traffic | None:
    """Return what has passed on a connection, None if it is gone."""
    try:
        return sockets.traffic_of(descriptors[connection.inode], connection.inode)
    except OSError:
        return None


@functools.lru_cache(maxsize=4096)
def _range_of(address: str) -> str:
    return address_range(address)
