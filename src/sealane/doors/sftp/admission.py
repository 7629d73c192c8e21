"""How many connections that have not signed in there may be, in all and from one address range. Pure counting.

A stranger costs memory and a place until the login grace time is over; one range of addresses must not take them all.
"""

from __future__ import annotations

from collections import Counter

from sealane.doors.addresses import address_range


class Admission:
    """The places for connections that have not signed in."""

    def __init__(self, *, all_max: int, range_max: int) -> None:
        """All places are free."""
        self._all_max = all_max
        self._range_max = range_max
        self._taken: Counter[str] = Counter()
        self._all = 0

    def enter(self, address: str) -> bool:
        """Take a place and return True, or return False if there is none. Every True is answered by one `leave`."""
        where = address_range(address)
        if self._all >= self._all_max or self._taken.get(where, 0) >= self._range_max:
            return False
        self._taken[where] += 1
        self._all += 1
        return True

    def leave(self, address: str) -> None:
        """Give the place back: the connection has signed in or ended."""
        where = address_range(address)
        self._all -= 1
        self._taken[where] -= 1
        if not self._taken[where]:
            del self._taken[where]
