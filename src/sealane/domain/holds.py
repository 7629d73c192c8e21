"""Who is writing an upload at this moment: the keeper's memory of it, nothing durable.

A hold says that a session is sending to an upload by some connection of a door. It goes when the upload ends or is
suspended, when the door's connection breaks, and it counts for nothing once its session is over. What makes a lost hold
harmless is the upload's `generation` in the database: whoever takes an upload over raises it, and the old writer's next
record is refused.
Also here: which arrival each connection of the inspector has open, since it may hold the keys of one at a time.
Must stay true: used by the keeper's writer thread alone; what a rolled-back transaction did here is undone with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sealane.ids import SessionId, UploadId, VersionId


@dataclass(frozen=True, slots=True)
class Hold:
    """Who writes: a session, by a connection."""

    connection: str
    session: SessionId


class Holds:
    """The uploads that are being written and the arrivals that are being read."""

    def __init__(self) -> None:
        """Start with none: after a restart of the keeper each door takes its own up again by its next record."""
        self._held: dict[UploadId, Hold] = {}
        self._arrivals: dict[str, VersionId] = {}
        self._before: list[tuple[UploadId, Hold | None]] = []
        self._arrivals_before: list[tuple[str, VersionId | None]] = []

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

    def arrival_of(self, connection: str) -> VersionId | None:
        """Return the arrival that this connection of the inspector has open."""
        return self._arrivals.get(connection)

    def open_arrival(self, connection: str, version: VersionId | None) -> None:
        """Note which arrival a connection has open; None when it has answered."""
        before = self._arrivals.get(connection)
        self._arrivals_before.append((connection, before))
        self._put_arrival(connection, version)

    def close(self, connection: str) -> None:
        """Forget what a connection held; it is broken. Called between transactions."""
        self._held = {upload: hold for upload, hold in self._held.items() if hold.connection != connection}
        self._arrivals.pop(connection, None)

    def committed(self) -> None:
        """Let stand what was done here since the last transaction: this one is durable."""
        self._before.clear()
        self._arrivals_before.clear()

    def mark(self) -> tuple[int, int]:
        """Return where this transaction stands, to come back to when one act of it fails."""
        return len(self._before), len(self._arrivals_before)

    def rolled_back(self, to: tuple[int, int] = (0, 0)) -> None:
        """Undo what was done here since the transaction began, or since a mark in it, newest first."""
        held, arrivals = to
        while len(self._before) > held:
            upload, hold = self._before.pop()
            if hold is None:
                self._held.pop(upload, None)
            else:
                self._held[upload] = hold
        while len(self._arrivals_before) > arrivals:
            self._put_arrival(*self._arrivals_before.pop())

    def _put_arrival(self, connection: str, version: VersionId | None) -> None:
        if version is None:
            self._arrivals.pop(connection, None)
        else:
            self._arrivals[connection] = version
