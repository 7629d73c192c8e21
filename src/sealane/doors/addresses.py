"""Ranges of network addresses: behind one range may sit one attacker, or a whole office."""

from __future__ import annotations

import ipaddress
from typing import Final

_PREFIX_V4: Final = 24
_PREFIX_V6: Final = 64


def address_range(address: str) -> str:
    """Return the range that is counted together: /24 of IPv4, /64 of IPv6. IPv4 inside IPv6 counts as IPv4."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    prefix = _PREFIX_V4 if isinstance(parsed, ipaddress.IPv4Address) else _PREFIX_V6
    return str(ipaddress.ip_network((parsed, prefix), strict=False))
