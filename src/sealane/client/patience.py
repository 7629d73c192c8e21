"""When to try again, how long to pause, and when to give up. One `Patience` belongs to one file or part."""

from __future__ import annotations

import secrets
import threading
from typing import TYPE_CHECKING

from sealane.client.events import FileWaits
from sealane.client.failures import AnswerInvalid, Interrupted
from sealane.errors import OffsetConflict, SealaneError, StoreFull, TooMany, Unavailable, UploadBusy

if TYPE_CHECKING:
    from sealane.client.events import Tell
    from sealane.clock import Clock
    from sealane.settings import ClientSettings

_FIRST_PAUSE_SECONDS = 0.25
_CHANCE = secrets.SystemRandom()


class Stop:
    """Ends a run from outside: by the user, or because nothing can succeed any more."""

    def __init__(self) -> None:
        """Nothing has stopped it."""
        self._stopped = threading.Event()

    def now(self) -> None:
        """Stop; every thread notices at its next block."""
        self._stopped.set()

    def check(self) -> None:
        """Raise `Interrupted` once it is stopped."""
        if self._stopped.is_set():
            raise Interrupted

    def pause(self, seconds: float) -> None:
        """Sleep, unless it is stopped in between."""
        if self._stopped.wait(seconds):
            raise Interrupted


def is_passing(error: SealaneError) -> bool:
    """Say whether trying again may help: a broken line, a server restarting, an upload that a dead line still holds."""
    if isinstance(error, StoreFull | AnswerInvalid):
        return False
    return isinstance(error, Unavailable | UploadBusy | OffsetConflict | TooMany)


class Patience:
    """Counts failures since bytes last moved. Pauses double, with jitter: many clients must not come back at once."""

    def __init__(self, name: str, *, settings: ClientSettings, clock: Clock, stop: Stop, tell: Tell) -> None:
        """Tell of every pause under `name`."""
        self._name = name
        self._settings = settings
        self._clock = clock
        self._stop = stop
        self._tell = tell
        self._pause = _FIRST_PAUSE_SECONDS
        self._since: float | None = None

    def moved(self) -> None:
        """Bytes moved: failures are counted from nothing again."""
        self._pause = _FIRST_PAUSE_SECONDS
        self._since = None

    def wait_after(self, error: SealaneError) -> None:
        """Pause before the next try; raise `error` if there is none."""
        self._stop.check()
        if not is_passing(error):
            raise error
        now = self._clock.monotonic()
        self._since = now if self._since is None else self._since
        if now - self._since > self._settings.give_up_seconds:
            raise error
        seconds = self._pause * _CHANCE.uniform(0.5, 1.0)
        self._pause = min(self._pause * 2, self._settings.pause_seconds_max)
        self._tell(FileWaits(self._name, error.sentence, seconds))
        self._stop.pause(seconds)
