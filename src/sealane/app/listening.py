"""The addresses that the server listens on: `HOST:PORT` to bound, listening sockets."""

from __future__ import annotations

import contextlib
import ipaddress
import socket

from sealane.errors import Invalid, Unavailable

BACKLOG = 1024
_PORT_MAX = 65535


class AddressInvalid(Invalid):
    """An address to listen on cannot be read."""

    code = "address-invalid"


class AddressTaken(Unavailable):
    """An address cannot be bound."""

    code = "address-taken"


def parsed(address: str) -> tuple[str, int]:
    """Return host and port of `HOST:PORT`, `[IPv6]:PORT`, `:PORT` or `*:PORT` (both mean every address: host "")."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > _PORT_MAX:
        raise AddressInvalid(f"{address!r} is not HOST:PORT.")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise AddressInvalid(f"Write the IPv6 address of {address!r} as [ADDRESS]:PORT.")
    return ("" if host == "*" else host), int(port)


def shown(listener: socket.socket) -> str:
    """Return the address that a socket is bound to, as `HOST:PORT`."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(listener: socket.socket) -> bool:
    """Return whether only this machine can reach the socket."""
    return ipaddress.ip_address(listener.getsockname()[0]).is_loopback


def bound(address: str) -> list[socket.socket]:
    """Return listening sockets for every address that `address` names, IPv4 and IPv6. Raises `AddressTaken`."""
    host, port = parsed(address)
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        raise AddressInvalid(f"The name in {address!r} is not known.") from None
    listeners: list[socket.socket] = []
    try:
        for family, kind, protocol, _, place in dict.fromkeys(found):
            if not host and family == socket.AF_INET6 and not socket.has_dualstack_ipv6() and listeners:
                continue  # a machine without IPv6 still serves every address that it has
            listener = socket.socket(family, kind, protocol)
            listeners.append(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(_same_port(place, listeners))
            listener.listen(BACKLOG)
    except OSError as problem:
        for listener in listeners:
            with contextlib.suppress(OSError):
                listener.close()
        raise AddressTaken(f"Cannot listen on {address}: {problem.strerror}.") from None
    return listeners


def _same_port(place: tuple[object, ...], listeners: list[socket.socket]) -> tuple[object, ...]:
    """Let port 0 be the same free port for every address."""
    host, port, *rest = place
    if port == 0 and len(listeners) > 1:
        port = listeners[0].getsockname()[1]
    return (host, port, *rest)
