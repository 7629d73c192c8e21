"""Operations on the versions of a name: which are still kept, and having one of them back.

An earlier version is opened like the present one, by its id (`files.OpenVersion`).
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import msgspec

from sealane.operations.envelope import Answer, Operation
from sealane.operations.files import Entry, Seen


class StoredVersion(msgspec.Struct, frozen=True, array_like=True):
    """One version that stands at a name, or stood there and is still kept."""

    entry: Entry
    """As a look at it shows it; `entry.version` is its id."""
    made: datetime
    """When its sender was told that it is kept."""
    sender: str
    """`NAME@ORGANIZATION`."""
    replaced: datetime | None
    """When something was written over it, or it was removed; None for the one that stands there."""
    kept_until: datetime | None
    """When it is cleared at the latest; it goes earlier where its organization keeps too much."""
    damaged: bool
    """It cannot be had any more: what is stored is not what was sent."""
    left_behind: bool = False
    """Its own folder is gone, or was: it has to be restored before it can be read."""


class VersionsAre(Answer, frozen=True):
    """The versions of a name, the present one first, then those written over or removed, the newest first."""

    versions: tuple[StoredVersion, ...]
    after: str
    """Ask for the next page with this; empty at the end."""


class ListVersions(Operation, frozen=True):
    """A page of the versions of this path, also of one where nothing stands any more.

    The present one is shown to whoever may learn its digest; earlier ones to those who may also write there.
    """

    answer: ClassVar[type[Answer]] = VersionsAre
    handle: str
    path: str
    after: str = ""
    limit: int = 1000


class LookVersion(Operation, frozen=True):
    """What is this version, which stands at this path or stood there before?"""

    answer: ClassVar[type[Answer]] = Seen
    handle: str
    path: str
    version: str


class RestoreVersion(Operation, frozen=True):
    """Let an earlier version of this path stand there again; what stands there now is kept as an earlier one.

    One that stands there already stays.
    """

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = Seen
    handle: str
    path: str
    version: str


class RemovedFile(msgspec.Struct, frozen=True, array_like=True):
    """A name at which nothing stands any more, and of which versions are still kept."""

    name: str
    versions: int
    removed: datetime
    """When its last version went."""


class RemovedAre(Answer, frozen=True):
    """A page of such names, in the order of their code points."""

    files: tuple[RemovedFile, ...]
    after: str


class ListRemoved(Operation, frozen=True):
    """A page of the files that were removed from this folder and can be had back, those after the name `after`."""

    answer: ClassVar[type[Answer]] = RemovedAre
    handle: str
    path: str
    after: str = ""
    limit: int = 1000
