"""The one source of time. Everything that needs "now" takes a `Clock`, so that tests move time instead of sleeping."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """The system's clock: aware UTC for what is recorded, a monotonic reading for what is measured."""

    def now(self) -> datetime:
        """Return the present time, aware, UTC, whole microseconds."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go back; only differences mean something."""
        return time.monotonic()


class ManualClock(Clock):
    """A clock for tests and rehearsals that stands still until it is moved."""

    def __init__(self, start: datetime) -> None:
        """Start at `start`, which must be aware."""
        if start.tzinfo is None:
            msg = "a clock needs an aware time"
            raise ValueError(msg)
        self._now = start
        self._monotonic = 0.0

    def now(self) -> datetime:
        """Return the time this clock was last moved to."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds this clock was moved by."""
        return self._monotonic

    def advance(self, by: timedelta) -> None:
        """Move on by `by`."""
        self._now += by
        self._monotonic += by.total_seconds()
