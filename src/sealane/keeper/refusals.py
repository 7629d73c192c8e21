"""Which refusals of signed-in callers are written to the ledger, so that a looping client cannot flood it.

Each session may have `refusals_recorded_per_minute_max` of them written in a minute; the rest of that minute are
counted, and the count is told by the first record of that session after it. Memory is bounded by forgetting minutes
gone by.
Not here: strangers' refusals (domain, counted per address range).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealane.errors import Kind

if TYPE_CHECKING:
    from datetime import datetime

    from sealane.errors import SealaneError

RECORDED_KINDS = frozenset({Kind.REFUSED, Kind.MISSING, Kind.EXHAUSTED, Kind.INTEGRITY})


@dataclass(slots=True)
class _Minute:
    minute: int
    recorded: int = 0
    omitted: int = 0


class Refusals:
    """Counts each session's refusals by minute."""

    def __init__(self, *, per_minute_max: int) -> None:
        """Let `per_minute_max` refusals of a session be written in each minute."""
        self._per_minute_max = per_minute_max
        self._by_session: dict[str, _Minute] = {}
        self._swept = 0

    def to_record(self, session: str, error: SealaneError, now: datetime) -> int | None:
        """Return how many earlier refusals went unwritten if this one is to be written, else None."""
        if error.kind not in RECORDED_KINDS:
            return None
        minute = int(now.timestamp()) // 60
        self._forget_before(minute)
        counted = self._by_session.setdefault(session, _Minute(minute))
        if counted.minute != minute:
            counted.minute, counted.recorded = minute, 0
        if counted.recorded >= self._per_minute_max:
            counted.omitted += 1
            return None
        counted.recorded += 1
        omitted, counted.omitted = counted.omitted, 0
        return omitted

    def forget(self, session: str) -> None:
        """Drop what is counted of a session that has ended."""
        self._by_session.pop(session, None)

    def _forget_before(self, minute: int) -> None:
        """Once a minute, drop the sessions that were quiet in it and owe no count."""
        if minute != self._swept:
            self._swept = minute
            self._by_session = {s: c for s, c in self._by_session.items() if c.omitted or c.minute == minute}
