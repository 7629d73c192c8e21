"""Sealed stretches on their way from the lanes, which send them, to the digest, which follows in order.

So that no chunk is sealed a second time only to be hashed. Must stay true: what is kept is bounded; what is not kept,
or was never given, is sealed again by whoever needs it, and is the same then.
"""

from __future__ import annotations

import threading


class Handover:
    """The stretches that were sealed and not yet hashed, as far as there is room for them."""

    def __init__(self, bytes_max: int) -> None:
        """Keep nothing yet."""
        self._bytes_max = bytes_max
        self._kept: dict[int, bytearray] = {}
        self._bytes = 0
        self._reached = 0
        self._lock = threading.Lock()

    def give(self, first: int, sealed: bytearray) -> None:
        """Keep whole consecutive chunks from number `first` on, if there is room and they are still to be hashed.

        They must not be changed any more.
        """
        with self._lock:
            if first >= self._reached and first not in self._kept and self._bytes + len(sealed) <= self._bytes_max:
                self._kept[first] = sealed
                self._bytes += len(sealed)

    def take(self, first: int) -> bytearray | None:
        """Return the chunks from number `first` on, if they are here; what comes before is not asked for again."""
        with self._lock:
            for passed in [number for number in self._kept if number < first]:
                self._bytes -= len(self._kept.pop(passed))
            self._reached = first
            sealed = self._kept.pop(first, None)
            self._bytes -= 0 if sealed is None else len(sealed)
            return sealed

    def next_after(self, first: int) -> int | None:
        """Return where the next chunks begin that are here."""
        with self._lock:
            return min((number for number in self._kept if number > first), default=None)
