"""What one session was told of folders: the entries that it listed, and uploads that are begun ahead for it.

Clients list a folder and then ask for each name in it, or send one new file after another to the same folder; each
question would cost a turn through the keeper. What is given here is what the keeper would answer (watching.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sealane.doors.sftp import attributes
from sealane.operations.uploads import UploadOpened

if TYPE_CHECKING:
    from datetime import datetime

    from sealane.doors.watching import Watching
    from sealane.operations.files import Page
    from sealane.operations.uploads import Ahead, BegunAhead

_FOLDERS_MAX: Final = 8
"""Folders that a session remembers entries of, the latest."""
_ENTRIES_MAX: Final = 4000
"""Entries that it remembers in all."""
_AHEAD_SECONDS: Final = 30.0
"""How long an upload that was begun ahead waits for a name."""
_MANY: Final = 2
"""New files in one folder after which more are expected."""


@dataclass(slots=True)
class _Listed:
    """The entries of a folder, as far as they were listed."""

    watch: int
    connection: int
    until: datetime
    """The session may have ended then."""
    attributes: dict[str, bytes] = field(default_factory=dict)
    """By name, packed."""


@dataclass(slots=True)
class _Begun:
    """Uploads that are begun ahead in a folder."""

    folder: str
    """Where they were begun, whatever folder files come to meanwhile."""
    connection: int
    until: float
    told: Ahead
    room: int
    left: list[BegunAhead]


class Remembered:
    """What one session was told. Holds no more than its limits say, whatever the client does."""

    def __init__(self, watching: Watching) -> None:
        """Nothing was told yet."""
        self._watching = watching
        self._listed: dict[str, _Listed] = {}
        self._counted = 0
        """Entries as they were counted for the worker."""
        self._begun: _Begun | None = None
        self._folder = ""
        """The folder into which new files came last."""
        self._came = 0
        """How many came there, one after another."""

    @property
    def connection(self) -> int:
        """The keeper's connection, to be asked before and after a question whose answer is to be remembered."""
        return self._watching.connection

    # --- entries ----------------------------------------------------------------------------------------------------

    def listed(self, folder: str, page: Page, connection: int) -> None:
        """Remember a page of a folder that was asked for by this connection."""
        there = self._listed.pop(folder, None)
        if not page.watch or page.until is None or not connection or connection != self.connection:
            self._count()
            return
        if there is None or (there.watch, there.connection) != (page.watch, connection):
            there = _Listed(page.watch, connection, page.until)
        there.until = min(there.until, page.until)
        there.attributes.update((entry.name, attributes.of(entry)) for entry in page.entries)
        self._listed[folder] = there
        while self._listed and (len(self._listed) > _FOLDERS_MAX or self._entries > _ENTRIES_MAX):
            del self._listed[next(iter(self._listed))]
        self._count()

    @property
    def _entries(self) -> int:
        return sum(len(one.attributes) for one in self._listed.values())

    def _count(self) -> None:
        """Count what is remembered for the worker; where it has no room, forget it."""
        if not self._watching.make_room(self._counted, self._entries):
            self._listed.clear()
            self._watching.make_room(self._counted, 0)
        self._counted = self._entries

    def attributes_of(self, path: str, now: datetime) -> bytes | None:
        """Return the packed attributes of what is at a path, as a `Look` would tell them, if they were told.

        Not once the session may be over: it is the keeper who knows whether it was extended.
        """
        folder, _, name = path.rpartition("/")
        listed = self._listed.get(folder or "/")
        if listed is None:
            return None
        if now >= listed.until or not self._watching.holds(listed.watch, listed.connection):
            del self._listed[folder or "/"]
            self._count()
            return None
        return listed.attributes.get(name)

    # --- uploads ----------------------------------------------------------------------------------------------------

    def wanted(self, path: str, most: int) -> int:
        """Note that a new file is sent to a path; return how many more are to be begun ahead: twice as many as came."""
        folder = path.rpartition("/")[0]
        self._came = self._came + 1 if folder == self._folder else 1
        self._folder = folder
        return 0 if self._came < _MANY else min(2 * self._came, most)

    def begin(self, path: str, opened: UploadOpened, connection: int, now: float) -> None:
        """Remember what was begun ahead beside an upload to a path, asked for by this connection."""
        self._begun = None
        told = opened.ahead
        if told is not None and connection and connection == self.connection:
            self._folder = path.rpartition("/")[0]
            self._begun = _Begun(self._folder, connection, now + _AHEAD_SECONDS, told, told.room, list(told.uploads))

    def upload(self, path: str, now: float) -> UploadOpened | None:
        """Return an upload of a new content at a path, if one was begun ahead that may go there."""
        begun = self._begun
        folder, _, name = path.rpartition("/")
        if begun is None or folder != begun.folder:
            return None
        if not begun.left or now >= begun.until or not self._watching.holds(begun.told.watch, begun.connection):
            self._begun = None
            return None
        if not name or name in begun.told.folders or begun.room <= 0:
            return None
        taken = begun.left.pop()
        self._came += 1
        return UploadOpened(
            upload=taken.upload,
            generation=1,
            key_id=0,
            key=taken.key,
            size=0,
            extents=(),
            segments=(),
            declared=None,
            room=begun.room,
            begin=taken.begin,
            path=path,
        )

    def finished(self, path: str, size: int) -> None:
        """Note that a file came to a path: it takes of the room."""
        if self._begun is not None and path.rpartition("/")[0] == self._begun.folder:
            self._begun.room -= size

    def forget(self) -> None:
        """Forget everything, since the session is over."""
        self._listed.clear()
        self._count()
        self._begun = None
