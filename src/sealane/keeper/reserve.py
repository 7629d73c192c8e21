"""Room that is kept for the record: uploads stop before the disk of the database is full, so that downloads need not.

What is fetched must be recorded first, so a disk that uploads have filled would stop everything. Looked at once a
second at most; where the database is elsewhere there is nothing to look at, and its own refusal is what stops.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from sealane.errors import StoreFull

if TYPE_CHECKING:
    from pathlib import Path

    from sealane.clock import Clock

log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0


class Reserve:
    """The room that is left on one file system, and how much of it is not for uploads."""

    def __init__(self, folder: Path | None, reserved_bytes: int, clock: Clock) -> None:
        """Watch the file system of this folder; None watches nothing."""
        self._folder = folder
        self._reserved_bytes = reserved_bytes
        self._clock = clock
        self._looked: float | None = None
        self._touched = False

    def check(self) -> None:
        """Raise `StoreFull` where no more is left than what is reserved."""
        if self._folder is None or not self._reserved_bytes:
            return
        now = self._clock.monotonic()
        if self._looked is None or not 0 <= now - self._looked < _LOOK_SECONDS:
            self._look(self._folder)
            self._looked = now
        if self._touched:
            raise StoreFull

    def _look(self, folder: Path) -> None:
        found = os.statvfs(folder)
        touched = found.f_bavail * found.f_frsize < self._reserved_bytes
        if touched and not self._touched:
            log.error(
                "ALARM: the disk is full but for what is reserved for the ledger; uploads stop until there is room"
            )
        self._touched = touched
