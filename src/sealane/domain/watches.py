"""Who is told when something in a folder may have changed: doors that answer again from what they were told.

A watch stands for one connection and one folder, and ends once: with the first change that may concern it, after which
its door asks again. What is not known to leave a folder as it was ends every watch of it, or all there are.
Must stay true: whatever a `Look` or a `BeginUpload` would answer otherwise than before has an event in the ledger or
says so by `Work.touch`; views and tree count what is forgotten because it changed, and where room has ended. Memory
only: a keeper that starts has no watches, and a door that connects has none of an earlier keeper.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final, NamedTuple

from sealane.ledger.events import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealane.ids import FolderId
    from sealane.ledger.events import Event


class Watched(enum.Enum):
    """What of a folder is watched."""

    ENTRIES = "entries"
    """What is in it: names, sizes, times."""
    UPLOADS = "uploads"
    """Whether an upload of a new content may begin in it, and that none there is unfinished."""


class Ended(NamedTuple):
    """A watch that is over."""

    connection: str
    number: int


NOTHING_CHANGES: Final = frozenset(
    {
        Kind.KEEPER_STARTED,
        Kind.KEEPER_STOPPED,
        Kind.CLOCK_SET_BACK,
        Kind.SIGN_IN,
        Kind.SIGN_IN_REFUSED,
        Kind.STRANGERS_REFUSED,
        Kind.SESSION_ENDED,
        Kind.REQUEST_REFUSED,
        Kind.ARRIVAL_OPENED,
        Kind.DIGEST_RECORDED,
        Kind.VERSION_EXPIRED,
        Kind.DOWNLOAD_BEGUN,
        Kind.DOWNLOAD_ENDED,
        Kind.SIGNING_KEY_SET,
        Kind.READING_ASKED,
        Kind.EXPOSURE_RECORDED,
        Kind.EXPOSURE_FORGOTTEN,
        Kind.PEOPLE_LIST_RECEIVED,
        Kind.LIST_HEADER_REPLACED,
    }
)
"""After these an ordinary folder shows the same names, sizes, times and rights, and takes the same uploads."""
_FILES: Final = frozenset(
    {Kind.UPLOAD_FINISHED, Kind.FILE_REMOVED, Kind.FILE_RESTORED, Kind.FILE_MOVED, Kind.MODIFIED_SET}
)
"""These change what is in the folders that they name, and not whether uploads may begin there."""
_UPLOADS: Final = frozenset({Kind.UPLOAD_BEGUN, Kind.UPLOAD_RESUMED, Kind.UPLOAD_MOVED, Kind.UPLOAD_REMOVED})
"""These change both."""
_PARTS: Final = frozenset({Kind.UPLOAD_BEGUN, Kind.UPLOAD_RESUMED, Kind.UPLOAD_REMOVED, Kind.UPLOAD_FINISHED})
"""These name no folder where they are about a part of a whole, which is shown nowhere."""


class Watches:
    """The watches of one keeper. Used by its writer's thread."""

    def __init__(self, per_connection_max: int) -> None:
        """Nobody watches anything."""
        self._per_connection_max = per_connection_max
        self._number = 0
        self._of_folder: dict[FolderId, dict[tuple[str, Watched], int]] = {}
        self._of_connection: dict[str, set[FolderId]] = {}

    def watch(self, connection: str, folder: FolderId, what: Watched) -> int:
        """Watch a folder for a connection; return the watch's number, 0 where it has as many as it may have."""
        folders = self._of_connection.setdefault(connection, set())
        if folder not in folders and len(folders) >= self._per_connection_max:
            return 0
        folders.add(folder)
        watching = self._of_folder.setdefault(folder, {})
        number = watching.get((connection, what))
        if number is None:
            self._number += 1
            number = watching[connection, what] = self._number
        return number

    def end_all(self) -> int:
        """End every watch; return the number up to which all have ended, 0 where there was none."""
        if not self._of_folder:
            return 0
        self._of_folder.clear()
        self._of_connection.clear()
        return self._number

    def end(self, events: Iterable[Event], touched: Iterable[FolderId]) -> list[Ended] | None:
        """End what these events and folders concern, and return it; None: they may concern every watch."""
        if not self._of_folder:
            return []
        ended: list[Ended] = []
        for folder in touched:
            self._end(ended, folder, Watched.ENTRIES)
        for event in events:
            if event.kind in NOTHING_CHANGES:
                continue
            folder = getattr(event, "folder_id", None)
            if event.kind not in _FILES and event.kind not in _UPLOADS:
                return None
            if folder is None:
                if event.kind not in _PARTS:
                    return None
                continue
            target = getattr(event, "target_folder_id", None)
            for named in (folder,) if target is None else (folder, target):
                self._end(ended, named, Watched.ENTRIES)
                if event.kind in _UPLOADS:
                    self._end(ended, named, Watched.UPLOADS)
        return ended

    def close(self, connection: str) -> None:
        """Forget a connection that is gone."""
        for folder in self._of_connection.pop(connection, ()):
            watching = self._of_folder[folder]
            for what in Watched:
                watching.pop((connection, what), None)
            if not watching:
                del self._of_folder[folder]

    def _end(self, ended: list[Ended], folder: FolderId, what: Watched) -> None:
        watching = self._of_folder.get(folder)
        if watching is None:
            return
        for place in [place for place in watching if place[1] is what]:
            connection = place[0]
            ended.append(Ended(connection, watching.pop(place)))
            if not any(other == connection for other, _ in watching):
                self._of_connection[connection].discard(folder)
        if not watching:
            del self._of_folder[folder]
