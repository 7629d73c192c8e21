"""The rate over a moving window, and the time left by it. Pure: the caller says what time it is."""

from __future__ import annotations

from collections import deque


class RateWindow:
    """Remembers how far a total was over the last `seconds`, in at most a few hundred readings."""

    _READINGS = 200

    def __init__(self, seconds: float) -> None:
        """Nothing is known yet."""
        self._seconds = seconds
        self._readings: deque[tuple[float, int]] = deque()

    def read(self, now: float, total: int) -> None:
        """Note that the total is `total` at `now`. A total that falls (a part begun again) starts the window anew."""
        if self._readings and total < self._readings[-1][1]:
            self._readings.clear()
        if len(self._readings) > 1 and now - self._readings[-2][0] < self._seconds / self._READINGS:
            self._readings[-1] = (now, total)
        else:
            self._readings.append((now, total))
        while len(self._readings) > 1 and now - self._readings[1][0] >= self._seconds:
            self._readings.popleft()

    def rate(self, now: float) -> float:
        """Return bytes a second over the window; 0 while too little is known, and when nothing moves."""
        if len(self._readings) < 2:  # noqa: PLR2004  a rate needs two readings
            return 0.0
        (began, first), (_, last) = self._readings[0], self._readings[-1]
        took = now - began
        return (last - first) / took if took > 0 else 0.0

    def seconds_left(self, now: float, remaining: int) -> float | None:
        """Return how long `remaining` bytes take at the present rate; None when nothing moves."""
        rate = self.rate(now)
        return remaining / rate if rate > 0 else None
