"""Events of the way in and the way out: uploads, what becomes of them, downloads."""

from __future__ import annotations

from typing import ClassVar

from sealane.ledger.events.base import INSPECTOR, KEEPER, Event, Kind, Private, Who


class UploadBegun(Event, frozen=True, kw_only=True):
    """An upload began; its key went to the door."""

    kind: ClassVar[Kind] = Kind.UPLOAD_BEGUN
    upload_id: str
    mode: str
    """create, update or resume."""
    key_id: int
    owner_organization_id: int
    folder_id: int | None = None
    """None for a part of a later whole."""
    path: Private = ""
    declared: int | None = None
    base_version_id: str = ""
    """The version that an update goes on from."""


class UploadResumed(Event, frozen=True, kw_only=True):
    """An interrupted upload was taken up again; its key went to the door once more."""

    kind: ClassVar[Kind] = Kind.UPLOAD_RESUMED
    upload_id: str
    generation: int
    key_id: int
    owner_organization_id: int
    folder_id: int | None = None
    path: Private = ""
    size: int
    """Bytes it stands at."""


class UploadFinished(Event, frozen=True, kw_only=True):
    """A file became a version (or, without one, a part is whole)."""

    kind: ClassVar[Kind] = Kind.UPLOAD_FINISHED
    upload_id: str
    key_id: int | None = None
    """The key that went to the door, of an upload that was begun and finished at once (no `UploadBegun` says it)."""
    owner_organization_id: int
    folder_id: int | None = None
    file_id: int | None = None
    version_id: str = ""
    replaced_version_id: str = ""
    path: Private = ""
    size: int
    digest: Private = ""
    """SHA-256 in hex; left out while it is owed (`DigestRecorded` follows)."""
    joined: tuple[str, ...] = ()
    """The uploads that it was joined from."""


class UploadRemoved(Event, frozen=True, kw_only=True):
    """An upload was thrown away unfinished."""

    kind: ClassVar[Kind] = Kind.UPLOAD_REMOVED
    upload_id: str
    owner_organization_id: int
    folder_id: int | None = None
    path: Private = ""
    size: int
    reason: str
    """A code: abandoned, expired, replaced, unchanged, removed."""


class UploadMoved(Event, frozen=True, kw_only=True):
    """An unfinished upload will become a file of another name or folder."""

    kind: ClassVar[Kind] = Kind.UPLOAD_MOVED
    upload_id: str
    owner_organization_id: int
    folder_id: int
    """Where it was."""
    target_folder_id: int
    path: Private
    target: Private


class ContentShared(Event, frozen=True, kw_only=True):
    """Bytes of a version were placed in an upload without being copied (SFTP copy-data)."""

    kind: ClassVar[Kind] = Kind.CONTENT_SHARED
    upload_id: str
    download_id: int
    version_id: str
    file_id: int | None = None
    start: int
    length: int
    offset: int


class ArrivalOpened(Event, frozen=True, kw_only=True):
    """The keys of a version went to the inspector."""

    kind: ClassVar[Kind] = Kind.ARRIVAL_OPENED
    who: Who = INSPECTOR
    version_id: str
    file_id: int | None = None
    owner_organization_id: int
    key_ids: tuple[int, ...]


class DigestRecorded(Event, frozen=True, kw_only=True):
    """The SHA-256 of record of a version, read back by the inspector."""

    kind: ClassVar[Kind] = Kind.DIGEST_RECORDED
    who: Who = INSPECTOR
    version_id: str
    file_id: int | None = None
    owner_organization_id: int
    digest: Private


class DamageFound(Event, frozen=True, kw_only=True):
    """Stored bytes or a version's list are not what was written; the version is not delivered."""

    kind: ClassVar[Kind] = Kind.DAMAGE_FOUND
    version_id: str
    file_id: int | None = None
    owner_organization_id: int
    sentence: Private


class VersionExpired(Event, frozen=True, kw_only=True):
    """A replaced or removed version was cleared; its bytes go."""

    kind: ClassVar[Kind] = Kind.VERSION_EXPIRED
    who: Who = KEEPER
    version_id: str
    file_id: int | None = None
    owner_organization_id: int
    size: int


class DownloadBegun(Event, frozen=True, kw_only=True):
    """A session is about to receive a version; its keys went to the door after this was durable."""

    kind: ClassVar[Kind] = Kind.DOWNLOAD_BEGUN
    download_id: int
    version_id: str
    file_id: int
    owner_organization_id: int
    folder_id: int | None = None
    path: Private
    size: int
    key_ids: tuple[int, ...]


class DownloadEnded(Event, frozen=True, kw_only=True):
    """What the door says it sent. Absent `sent` and `ranges`: it never said."""

    kind: ClassVar[Kind] = Kind.DOWNLOAD_ENDED
    download_id: int
    version_id: str
    file_id: int | None = None
    owner_organization_id: int | None = None
    folder_id: int | None = None
    path: Private = ""
    sent: int | None = None
    ranges: tuple[tuple[int, int], ...] | None = None
    """(start, end-exclusive)."""
    whole: bool
