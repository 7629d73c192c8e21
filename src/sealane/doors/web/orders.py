"""In which order somebody has been shown a folder: its names, so that a further page need not sort all of it again.

A door keeps a few for some minutes, each for one session and one way of asking. Must stay true: nothing but names is
kept; what a name stands for, and whether this person may still see it, the keeper is asked anew for every page.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Hashable
    from datetime import datetime

KEPT: Final = timedelta(minutes=5)
NAMES_MAX: Final = 200_000
"""In all orders together: some 20 MB."""


@dataclass(frozen=True, slots=True)
class Order:
    """The names of a folder as they were sorted, all of them."""

    names: tuple[str, ...]
    cut: bool
    """The folder is larger than what was sorted."""
    until: datetime


class Orders:
    """The orders that are remembered, the one that was used last at the end."""

    def __init__(self) -> None:
        """None yet."""
        self._kept: OrderedDict[Hashable, Order] = OrderedDict()
        self.names = 0
        """How many names are kept in all."""

    def remember(self, key: Hashable, names: tuple[str, ...], *, cut: bool, now: datetime) -> None:
        """Keep an order in the place of an earlier one; the oldest ones go where there are too many."""
        self._forget(key)
        if len(names) > NAMES_MAX:
            return
        self._kept[key] = Order(names, cut, now + KEPT)
        self.names += len(names)
        while self.names > NAMES_MAX:
            self._forget(next(iter(self._kept)))

    def known(self, key: Hashable, now: datetime) -> Order | None:
        """Return an order that was remembered not long ago."""
        found = self._kept.get(key)
        if found is None or found.until <= now:
            self._forget(key)
            return None
        self._kept.move_to_end(key)
        return found

    def _forget(self, key: Hashable) -> None:
        gone = self._kept.pop(key, None)
        if gone is not None:
            self.names -= len(gone.names)
