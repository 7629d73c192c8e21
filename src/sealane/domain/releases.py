"""How much left, by session and in all, in the present hour: the keeper's memory of it, nothing durable.

A key that is released cannot be called back, so each is counted before it goes, with the bytes of the whole version.
Past a limit of the settings nothing more is released until the hour is over, the refusal is on record like every other,
and the log says it once: whoever took over a session or a door gets so much and no more. A keeper that is started again
begins to count anew. Used by the keeper's writer thread alone.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealane.errors import ReleaseLimit

if TYPE_CHECKING:
    from datetime import datetime

    from sealane.ids import SessionId
    from sealane.settings import Settings

log = logging.getLogger(__name__)

_HOUR_SECONDS = 3600


@dataclass(slots=True)
class _Count:
    """What was released."""

    files: int = 0
    bytes: int = 0
    told: bool = False
    """The log has said that the limit is reached."""

    def holds(self, size: int, *, files_max: int, bytes_max: int) -> bool:
        """Return whether one more version of this size is within the limits."""
        return self.files < files_max and self.bytes + size <= bytes_max

    def add(self, size: int) -> None:
        """Count one more."""
        self.files += 1
        self.bytes += size


class Releases:
    """Counts what is released in the hour that it is."""

    def __init__(self) -> None:
        """Nothing was released yet."""
        self._hour = -1
        self._all = _Count()
        self._by_session: dict[SessionId, _Count] = {}

    def take(self, session: SessionId, size: int, now: datetime, settings: Settings) -> None:
        """Count the release of a version to a session. Raises `ReleaseLimit`, and counts nothing, past a limit."""
        hour = int(now.timestamp()) // _HOUR_SECONDS
        if hour != self._hour:
            self._hour, self._all = hour, _Count()
            self._by_session.clear()
        own = self._by_session.setdefault(session, _Count())
        limits = (
            (own, f"session {session}", settings.released_session_files_max, settings.released_session_bytes_max),
            (self._all, "this node", settings.released_files_max, settings.released_bytes_max),
        )
        for count, whose, files_max, bytes_max in limits:
            if not count.holds(size, files_max=files_max, bytes_max=bytes_max):
                if not count.told:
                    log.error(
                        "ALARM: %s has received %d files of %d bytes in this hour; no more goes out until it is over",
                        whose,
                        count.files,
                        count.bytes,
                    )
                    count.told = True
                raise ReleaseLimit
        own.add(size)
        self._all.add(size)
