"""Times where a server's clock was set back: the ledger proves the order of its entries, and not their times.

What was written just before or after may have been at any time between the two that the clock then showed, and the
wider reading is taken. A step back of less than a second is what clocks do that follow a time server.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from sealane.desk.rights import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

SLIGHT: Final = timedelta(seconds=1)
_AHEAD: Final = timedelta(minutes=5)


class SetBack(NamedTuple):
    """A clock showed an earlier time than for the entry before."""

    seq: int
    """The first entry by the earlier time."""
    before: datetime
    to: datetime

    @property
    def by(self) -> timedelta:
        """How far it was set back."""
        return self.before - self.to


def spread(before: Sequence[SetBack], at: datetime) -> Span:
    """Return when that was which is written down with this time after these steps back."""
    return Span(at, max([at, *(one.before for one in before)]))


def is_ahead(last: datetime | None, now: datetime) -> bool:
    """Tell whether a ledger's last entry is of a time that has not come yet here: one of the two clocks is wrong."""
    return last is not None and last > now + _AHEAD


def in_words(steps: Sequence[SetBack]) -> str:
    """Say where a clock was set back; empty: nowhere by as much as a second."""
    told = [one for one in steps if one.by >= SLIGHT]
    if not told:
        return ""
    most = max(told, key=lambda one: one.by)
    times = "once" if len(told) == 1 else f"{len(told)} times"
    return (
        f"The server's clock was set back {times}, at entry {most.seq} of the ledger from"
        f" {most.before:%Y-%m-%d %H:%M:%S} to {most.to:%Y-%m-%d %H:%M:%S} UTC. The order of entries is proven and their"
        " times are not: what may have been within the scope is in it."
    )
