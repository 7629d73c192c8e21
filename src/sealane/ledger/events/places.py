"""Events of files, folders, rights and quotas."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from sealane.ledger.events.base import OPERATOR, Event, Kind, Private, Who


class FileRemoved(Event, frozen=True, kw_only=True):
    """A file was removed; its versions are kept as long as the settings say."""

    kind: ClassVar[Kind] = Kind.FILE_REMOVED
    file_id: int
    version_id: str
    owner_organization_id: int
    folder_id: int
    path: Private


class FileRestored(Event, frozen=True, kw_only=True):
    """An earlier version stands at its name again: a removal was undone, or what was written over it gave way."""

    kind: ClassVar[Kind] = Kind.FILE_RESTORED
    file_id: int
    version_id: str
    owner_organization_id: int
    folder_id: int
    path: Private
    replaced_version_id: str = ""
    """What stood there until now."""
    former_file_id: int | None = None
    """The file that it was a version of, where another one has its name now."""


class FileMoved(Event, frozen=True, kw_only=True):
    """A file has another name or folder."""

    kind: ClassVar[Kind] = Kind.FILE_MOVED
    file_id: int
    version_id: str
    owner_organization_id: int
    folder_id: int
    """Where it was."""
    target_folder_id: int
    path: Private
    target: Private
    replaced_file_id: int | None = None
    replaced_version_id: str = ""


class ModifiedSet(Event, frozen=True, kw_only=True):
    """The modification time that is shown was set."""

    kind: ClassVar[Kind] = Kind.MODIFIED_SET
    owner_organization_id: int
    folder_id: int
    """The folder itself, or the one the file is in."""
    file_id: int | None = None
    path: Private
    modified: datetime


class FolderMade(Event, frozen=True, kw_only=True):
    """A folder was made."""

    kind: ClassVar[Kind] = Kind.FOLDER_MADE
    folder_id: int
    owner_organization_id: int
    path: Private


class FolderRemoved(Event, frozen=True, kw_only=True):
    """An empty folder was removed."""

    kind: ClassVar[Kind] = Kind.FOLDER_REMOVED
    folder_id: int
    owner_organization_id: int
    path: Private


class FolderMoved(Event, frozen=True, kw_only=True):
    """A folder has another name or place; what is below it moved along."""

    kind: ClassVar[Kind] = Kind.FOLDER_MOVED
    folder_id: int
    owner_organization_id: int
    path: Private
    target: Private


class RightGranted(Event, frozen=True, kw_only=True):
    """A user or group has these rights on a folder and below it, and no others by grant there."""

    kind: ClassVar[Kind] = Kind.RIGHT_GRANTED
    folder_id: int
    owner_organization_id: int
    path: Private
    account_id: int | None = None
    group_id: int | None = None
    grantee: Private
    rights: tuple[str, ...]
    shown_as: Private = ""


class RightRevoked(Event, frozen=True, kw_only=True):
    """A grant was taken back."""

    kind: ClassVar[Kind] = Kind.RIGHT_REVOKED
    folder_id: int
    owner_organization_id: int
    path: Private
    account_id: int | None = None
    group_id: int | None = None
    grantee: Private


class QuotaSet(Event, frozen=True, kw_only=True):
    """The quota of an organization, or of a folder where one is named; 0 is none."""

    kind: ClassVar[Kind] = Kind.QUOTA_SET
    who: Who = OPERATOR
    owner_organization_id: int
    folder_id: int | None = None
    path: Private = ""
    quota_bytes: int
    quota_files: int
