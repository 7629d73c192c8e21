"""Operations on whose data is in files: officers and how folders are read, what is known, people lists for the officer.

Counts and coverage are told in clear to whoever may read a file or audits its organization; a people list goes to
officers alone, and opens with their key only, which is nowhere here.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

import msgspec

from sealane.operations.accounts import AdminOperation, RowsAre
from sealane.operations.envelope import Answer, Asker, Done, Operation
from sealane.operations.inspection import Exposed, LayoutOf

# --- The administrator -----------------------------------------------------------------------------------------------


class SetOfficer(AdminOperation, frozen=True):
    """Say to whom an organization's people lists are sealed from now on, instead of all that was said before."""

    answer: ClassVar[type[Answer]] = Done
    organization: str
    recipients: tuple[str, ...]
    recovery: tuple[str, ...] = ()


class ListOfficers(AdminOperation, frozen=True):
    """To whom people lists are sealed, how many lists there are, how many were made for other keys."""

    answer: ClassVar[type[Answer]] = RowsAre
    organization: str = ""


class SetReading(AdminOperation, frozen=True):
    """Say how a folder is read with all below it. What is None stays as it is."""

    answer: ClassVar[type[Answer]] = Done
    folder: str
    reading: bool | None = None
    owner: str | None = None
    """Whose people's data is in it; "" takes it away."""
    owner_recipient: str | None = None
    """A public key of theirs, to which its people lists are sealed too; "" takes it away."""
    publish: Literal["at-once", "after-reading"] | None = None
    """When an ordinary file is visible to others."""
    unread_after_seconds: int | None = None
    """What waits to be read is published unread after so long; 0: never."""


class ListReading(AdminOperation, frozen=True):
    """The folders of which it was said how they are read."""

    answer: ClassVar[type[Answer]] = RowsAre


class LookReading(AdminOperation, frozen=True):
    """How a folder is read, by what was said of it or of the nearest folder above it: one row, or none was said."""

    answer: ClassVar[type[Answer]] = RowsAre
    folder: str


class QueueIs(Answer, frozen=True):
    """What the inspector has before it."""

    waiting: int
    oldest: datetime | None
    """Since when the oldest one waits."""
    settled: int
    """Closed uploads that wait to be sealed, or to be read before they are visible."""
    held_files: int = 0
    """Those of the latter kind."""
    held_bytes: int = 0
    held_since: datetime | None = None
    """Since when the oldest of them is held back."""


class LookQueue(AdminOperation, frozen=True):
    """How much waits for the inspector?"""

    answer: ClassVar[type[Answer]] = QueueIs


class BacklogIs(Answer, frozen=True):
    """What waits to be read, in numbers alone: what `/metrics` and the API tell."""

    waiting_files: int
    """Published files that are not read yet, and closed uploads that are to be read first."""
    waiting_since: datetime | None
    held_files: int
    """Of these the ones that are acknowledged and not visible to others."""
    held_bytes: int
    held_since: datetime | None
    behind: bool
    """Whether folders that publish after reading take no new upload now."""


class LookBacklog(Operation, frozen=True):
    """How much waits to be read? A door's own question, and the administrator's; its answer names nothing."""

    askers: ClassVar[Asker] = Asker.DOOR | Asker.ADMIN
    answer: ClassVar[type[Answer]] = BacklogIs


class RescanIs(Answer, frozen=True):
    """How many versions are put before the inspector (again)."""

    queued: int
    after: str
    """Where to go on; "" at the end."""


class Rescan(AdminOperation, frozen=True):
    """Have stored ordinary files read that nobody has read, that older readers have, or that have no list; or all.

    A bounded number in one step; go on with `after`.
    """

    answer: ClassVar[type[Answer]] = RescanIs
    folder: str = ""
    """`ORG:/PATH`, with all below it; empty: everything."""
    everything: bool = False
    after: str = ""


class CorrectLayout(AdminOperation, frozen=True):
    """Say what the columns of a sender's tables in a folder hold. Earlier layouts are kept."""

    answer: ClassVar[type[Answer]] = Done
    folder: str
    user: str
    layout: LayoutOf


class ListLayouts(AdminOperation, frozen=True):
    """The layouts that are known of a folder's tables, with their revisions."""

    answer: ClassVar[type[Answer]] = RowsAre
    folder: str


# --- What is known of files ------------------------------------------------------------------------------------------


class ExposureIs(Answer, frozen=True):
    """What is known of whose data is in a version."""

    path: str
    version: str
    state: Literal["read", "waiting", "not-read"]
    """not-read: it was said that nothing is, or nobody has asked for it yet."""
    sealed: bool
    """Only its readers can open the file."""
    exposed: Exposed | None
    """Without what the officer alone may have."""
    listed: bool
    """There is a people list of it, for the officer."""


class ShowExposure(Operation, frozen=True):
    """Whose data is in the file at this path, in counts."""

    answer: ClassVar[type[Answer]] = ExposureIs
    handle: str
    path: str


class Reach(msgspec.Struct, frozen=True, array_like=True):
    """A pile of files, and how many individuals are in them at most: who is in several files counts in each."""

    files: int = 0
    people: int = 0
    classes: dict[str, int] = {}
    coverage: dict[str, int] = {}
    """Files by how much of them was read: complete, partial, unreadable, waiting, not-read."""


class ForecastIs(Answer, frozen=True):
    """What a theft would reach today."""

    open: Reach
    """Files that whoever takes over the server could read."""
    sealed: Reach
    """Files of which they would get what they cannot open."""
    kept: Reach
    """Versions that were replaced or removed and are kept for their time."""


class ForecastAll(AdminOperation, frozen=True):
    """What a theft of the whole server would reach today."""

    answer: ClassVar[type[Answer]] = ForecastIs


class Forecast(Operation, frozen=True):
    """What a theft of a folder would reach, of all that a `user` may read, or (neither named) of an organization."""

    answer: ClassVar[type[Answer]] = ForecastIs
    handle: str
    path: str = ""
    user: str = ""


# --- How a folder is read, from a session -----------------------------------------------------------------------------


class FolderReadingIs(Answer, frozen=True):
    """How a folder is read with all below it, and when it publishes."""

    path: str
    reading: bool
    publish: Literal["at-once", "after-reading"]
    unread_after_seconds: int
    said_here: bool
    """Said of this folder itself; else of one above it, or nowhere."""


class LookFolderReading(Operation, frozen=True):
    """How is a folder of the caller's organization read? For its administrators."""

    answer: ClassVar[type[Answer]] = FolderReadingIs
    handle: str
    path: str


class SetFolderPublishing(Operation, frozen=True):
    """Say when a folder publishes, as `SetReading` does. For administrators. What is None stays as it is."""

    answer: ClassVar[type[Answer]] = FolderReadingIs
    handle: str
    path: str
    publish: Literal["at-once", "after-reading"] | None = None
    unread_after_seconds: int | None = None


class LookOwnBacklog(Operation, frozen=True):
    """How much waits to be read on the node? For administrators."""

    answer: ClassVar[type[Answer]] = BacklogIs
    handle: str


# --- People lists ----------------------------------------------------------------------------------------------------


class ListOf(msgspec.Struct, frozen=True, array_like=True):
    """A people list, and what is known in clear of its file."""

    number: int
    version: str
    file: int
    path: str
    made: datetime
    size: int
    """Bytes of the age file after its header."""
    digest: bytes
    """SHA-256 of what follows the header; the ledger has it too."""
    header: bytes
    recipients: tuple[str, ...]
    lacking: tuple[str, ...]
    """Present recipients whom the header does not name."""
    extra: tuple[str, ...]
    exposed: Exposed
    sent: bool
    """Made by the sender of a sealed file."""


class ListsAre(Answer, frozen=True):
    """A page of people lists, in the order in which they were made. `after` is 0 at the end."""

    lists: tuple[ListOf, ...]
    after: int


class ListPeopleLists(Operation, frozen=True):
    """The people lists of the caller's organization. For officers."""

    answer: ClassVar[type[Answer]] = ListsAre
    handle: str
    after: int = 0
    limit: int = 100


class PeopleListOpened(Answer, frozen=True):
    """Where a people list is. That this session receives it is already on record."""

    version: str
    header: bytes
    size: int
    digest: bytes
    blob: str
    inline: bytes | None
    revision: int


class OpenPeopleList(Operation, frozen=True):
    """The sealed people list of a version. For officers."""

    answer: ClassVar[type[Answer]] = PeopleListOpened
    handle: str
    version: str


class ListRecipientsAre(Answer, frozen=True):
    """To whom people lists are sealed; none: there is no officer."""

    recipients: tuple[str, ...]
    reading: bool = True
    """Whether whose data it is is wanted there at all."""
    owner: str = ""
    """Whose people they are, where a file does not tell."""


class ListRecipientsOf(Operation, frozen=True):
    """To whom is a people list sealed? At a path for whoever may write there; without one for officers."""

    answer: ClassVar[type[Answer]] = ListRecipientsAre
    handle: str
    path: str = ""


class ReplaceListHeader(Operation, frozen=True):
    """Put a header that an officer made anew in the place of a people list's. The first one is kept."""

    answer: ClassVar[type[Answer]] = Done
    handle: str
    version: str
    header: bytes
    recipients: tuple[str, ...]


class KeepPeopleList(Operation, frozen=True):
    """The people list of a file that its sender sealed, made on the sender's machine. Only for who sent the file."""

    answer: ClassVar[type[Answer]] = Done
    handle: str
    version: str
    exposed: Exposed
