"""Events of whose data is in files: what was read, to whom lists are sealed, who received one."""

from __future__ import annotations

from typing import ClassVar

from sealane.ledger.events.base import INSPECTOR, KEEPER, OPERATOR, Event, Kind, Private, Who


class ReadingSet(Event, frozen=True, kw_only=True):
    """It was said how a folder is read with all below it: whether at all, and whose people's data is in it."""

    kind: ClassVar[Kind] = Kind.READING_SET
    who: Who = OPERATOR
    folder_id: int
    owner_organization_id: int
    path: Private
    reading: bool
    data_owner: Private = ""
    recipient: Private = ""
    """The data owner's public key."""
    publish: str = "at-once"
    """When an ordinary file is visible to others: at-once or after-reading."""
    unread_after_seconds: int = 0
    """After which time one that was not read is visible all the same; 0: never."""


class ReadingAsked(Event, frozen=True, kw_only=True):
    """Stored files are to be read (again)."""

    kind: ClassVar[Kind] = Kind.READING_ASKED
    who: Who = OPERATOR
    folder_id: int | None = None
    """None: everything."""
    owner_organization_id: int | None = None
    path: Private = ""
    queued: int


class ExposureRecorded(Event, frozen=True, kw_only=True):
    """Whose data is in a version is known: counts, coverage, and the digest of the sealed people list."""

    kind: ClassVar[Kind] = Kind.EXPOSURE_RECORDED
    who: Who = INSPECTOR
    version_id: str
    file_id: int
    owner_organization_id: int
    folder_id: int
    format: str
    coverage: str
    records: int
    people: int
    readers: int
    """The generation of readers."""
    list_digest: str = ""
    """SHA-256 in hex of the list's payload, the bytes after its header; left out where there is no list."""
    recipients: Private = ""
    """Public keys, separated by line feeds."""


class PeopleListReceived(Event, frozen=True, kw_only=True):
    """An officer's session is about to receive a sealed people list."""

    kind: ClassVar[Kind] = Kind.PEOPLE_LIST_RECEIVED
    version_id: str
    file_id: int
    owner_organization_id: int


class ListHeaderReplaced(Event, frozen=True, kw_only=True):
    """An officer has made a people list's header anew; the list was not touched."""

    kind: ClassVar[Kind] = Kind.LIST_HEADER_REPLACED
    version_id: str
    file_id: int
    owner_organization_id: int
    recipients: Private


class ExposureForgotten(Event, frozen=True, kw_only=True):
    """What was known of a version that is long gone was dropped with its people list: their time was over."""

    kind: ClassVar[Kind] = Kind.EXPOSURE_FORGOTTEN
    who: Who = KEEPER
    version_id: str
    file_id: int
    owner_organization_id: int


class LayoutCorrected(Event, frozen=True, kw_only=True):
    """It was said what the columns of a sender's tables in a folder hold."""

    kind: ClassVar[Kind] = Kind.LAYOUT_CORRECTED
    who: Who = OPERATOR
    account_id: int
    account_name: Private
    owner_organization_id: int
    folder_id: int
    fingerprint: str
    revision: int
