"""What the kernel knows of the sockets that granian holds: whose they are, and what passes on them.

Must stay true: no descriptor is kept, since a second one would keep open what granian closes; nothing is done to a
socket that is another one by now.
"""

from __future__ import annotations

import array
import contextlib
import errno
import fcntl
import functools
import ipaddress
import os
import socket
import struct
import termios
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_TCP_INFO_BYTES: Final = 192
_TAKEN_AND_CAME: Final = struct.Struct("=QQ")
_TAKEN_AND_CAME_AT: Final = 120
"""Where `tcpi_bytes_acked` and `tcpi_bytes_received` stand in `struct tcp_info` (linux/tcp.h)."""


class Peer(NamedTuple):
    """The client's side of a connection."""

    address: str
    port: int


class Traffic(NamedTuple):
    """What has passed on a connection, in bytes."""

    came: int
    """From the client, in all."""
    unread: int
    """Of those, what granian has not taken yet."""
    taken: int
    """By the client, in all."""
    waiting: int
    """Sent, and not yet taken by the client."""


def peer_at(address: str, port: str | int) -> Peer:
    """Return a client's side as every room writes it."""
    return Peer(_written(address), int(port))


@functools.lru_cache(maxsize=4096)
def _written(address: str) -> str:
    """Return an address as Python writes it, whoever wrote it."""
    try:
        return str(ipaddress.ip_address(address.partition("%")[0]))
    except ValueError:
        return address


def peer_of(descriptor: int, inode: int, ports: frozenset[int]) -> Peer | None:
    """Return whose connection a socket is, None if it is none that came in by one of the ports."""
    try:
        with _borrowed(descriptor, inode) as borrowed:
            if borrowed.family not in {socket.AF_INET, socket.AF_INET6} or borrowed.getsockname()[1] not in ports:
                return None
            return peer_at(*borrowed.getpeername()[:2])
    except OSError:  # a listening socket, or broken already
        return None


def traffic_of(descriptor: int, inode: int) -> Traffic:
    """Return what has passed on a connection. Raises `OSError` if it is gone."""
    with _borrowed(descriptor, inode) as borrowed:
        told = borrowed.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
        taken, came = _TAKEN_AND_CAME.unpack_from(told, _TAKEN_AND_CAME_AT)
        unread, waiting = _queued(borrowed, termios.FIONREAD), _queued(borrowed, termios.TIOCOUTQ)
    return Traffic(came=came, unread=unread, taken=taken, waiting=waiting)


def shut_down(descriptor: int, inode: int) -> None:
    """Shut a connection down in both directions; granian then closes it. Raises `OSError` if it is gone."""
    with _borrowed(descriptor, inode) as borrowed:
        borrowed.shutdown(socket.SHUT_RDWR)


def _queued(borrowed: socket.socket, queue: int) -> int:
    """Return how many bytes wait in one of a socket's queues."""
    waiting = array.array("i", [0])
    fcntl.ioctl(borrowed, queue, waiting)
    return waiting[0]


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
