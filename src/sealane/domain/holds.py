"""Who is writing an upload at this moment: the keeper's memory of it, nothing durable.

A hold says that a session is sending to an upload by some connection of a door. It goes when the upload ends or is
suspended, when the door's connection breaks, and it counts for nothing once its session is over. What makes a lost hold
harmless is the upload's `generation` in the database: whoever takes an upload over raises it, and the old writer's next
record is refused.
Also here: which connection of the inspector an arrival is leased to and which one it has open, since it may hold the
keys of one at a time; a lease is void once its connection is gone. Several inspectors are as many connections.
Must stay true: used by the keeper's writer thread alone; what a rolled-back transaction did here counts for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

    from sealane.ids import SessionId, UploadId, VersionId


_BACKLOG_LASTS: Final = timedelta(seconds=2)
_PUT_OFF_MAX: Final = 10_000
"""Arrivals that are remembered as slow; one that is forgotten is tried in a little time once more."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Who writes: a session, by a connection."""

    connection: str
    session: SessionId


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much waits to be read, as it was at a time."""

    at: datetime
    files: int
    bytes: int


class Holds:
    """The uploads that are being written and the arrivals that are being read."""

    def __init__(self) -> None:
        """Start with none: after a restart of the keeper each door takes its own up again by its next record."""
        self._held: dict[UploadId, Hold] = {}
        self._before: list[tuple[UploadId, Hold | None]] = []
        self._leases: dict[VersionId, str] = {}
        self._open: dict[str, VersionId] = {}
        self._put_off: dict[VersionId, None] = {}
        self._backlog: Backlog | None = None

    # --- uploads ----------------------------------------------------------------------------------------------------

    def of(self, upload: UploadId) -> Hold | None:
        """Return who writes this upload."""
        return self._held.get(upload)

    def take(self, upload: UploadId, hold: Hold) -> None:
        """Note who writes this upload from now on."""
        before = self._held.get(upload)
        if before != hold:
            self._before.append((upload, before))
            self._held[upload] = hold

    def let_go(self, upload: UploadId) -> None:
        """Nobody writes this upload any more."""
        before = self._held.pop(upload, None)
        if before is not None:
            self._before.append((upload, before))

    # --- arrivals ---------------------------------------------------------------------------------------------------

    def lease(self, version: VersionId, connection: str) -> None:
        """Note which connection of the inspector an arrival is leased to. The row says until when, and must agree."""
        self._leases[version] = connection

    def leaseholder(self, version: VersionId) -> str | None:
        """Return the connection that an arrival is leased to; None once that connection is gone."""
        return self._leases.get(version)

    def is_with_another(self, version: VersionId, connection: str, *, in_time: bool) -> bool:
        """Return whether a living connection other than this one has the arrival: leased in time, or open.

        What is open stays with whoever has it as long as the connection lives, however long it takes. One that asks
        again has no more use for its own earlier leases: what it could not read is given to it once more.
        """
        holder = self._leases.get(version)
        if holder is None or holder == connection:
            return False
        return in_time or self._open.get(holder) == version

    def put_off(self, version: VersionId) -> None:
        """Note that an arrival takes longer than who takes only small ones may take."""
        if len(self._put_off) >= _PUT_OFF_MAX:
            del self._put_off[next(iter(self._put_off))]
        self._put_off[version] = None

    def is_put_off(self, version: VersionId) -> bool:
        """Return whether an arrival is to be left to who takes all."""
        return version in self._put_off

    def backlog(self, now: datetime) -> Backlog | None:
        """Return how much waits to be read, if that was looked at lately."""
        if self._backlog is None or not timedelta(0) <= now - self._backlog.at < _BACKLOG_LASTS:
            return None
        return self._backlog

    def note_backlog(self, now: datetime, files: int, size: int) -> Backlog:
        """Remember how much waits to be read, so that not every upload counts it."""
        self._backlog = Backlog(now, files, size)
        return self._backlog

    def leased(self) -> int:
        """Return how many arrivals are leased to living connections."""
        return len(self._leases)

    def open_arrival(self, connection: str, version: VersionId) -> VersionId | None:
        """Note which arrival a connection has open; return the one that it had open and unanswered until now."""
        before = self._open.get(connection)
        self._open[connection] = version
        if before is None or before == version:
            return None
        self._leases.pop(before, None)
        return before

    def end_lease(self, version: VersionId) -> None:
        """Note that an arrival was answered: nobody has it leased or open any more."""
        self._put_off.pop(version, None)
        connection = self._leases.pop(version, None)
        if connection is not None and self._open.get(connection) == version:
            del self._open[connection]

    # --- connections and transactions -------------------------------------------------------------------------------

    def close(self, connection: str) -> None:
        """Forget what a connection held; it is broken. Called between transactions."""
        self._held = {upload: hold for upload, hold in self._held.items() if hold.connection != connection}
        self._leases = {version: holder for version, holder in self._leases.items() if holder != connection}
        self._open.pop(connection, None)

    def committed(self) -> None:
        """Let stand what was done here since the last transaction: this one is durable."""
        self._before.clear()

    def mark(self) -> int:
        """Return where this transaction stands, to come back to when one act of it fails."""
        return len(self._before)

    def rolled_back(self, to: int = 0) -> None:
        """Undo what was done to uploads here since the transaction began, or since a mark in it, newest first.

        Leases need no undoing: they count only together with their row.
        """
        while len(self._before) > to:
            upload, hold = self._before.pop()
            if hold is None:
                self._held.pop(upload, None)
            else:
                self._held[upload] = hold
