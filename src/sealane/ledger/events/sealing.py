"""Events of sealed folders: what is sealed, to whom, and which keys are no more."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from sealane.ledger.events.base import INSPECTOR, OPERATOR, Event, Kind, Private, Who


class FolderSealed(Event, frozen=True, kw_only=True):
    """A folder is sealed with all below it, or how it is sealed was changed."""

    kind: ClassVar[Kind] = Kind.FOLDER_SEALED
    who: Who = OPERATOR
    folder_id: int
    owner_organization_id: int
    path: Private
    settle_seconds: int
    plain_names: bool


class RecoverySet(Event, frozen=True, kw_only=True):
    """An organization has a further recovery key, or one less."""

    kind: ClassVar[Kind] = Kind.RECOVERY_SET
    who: Who = OPERATOR
    owner_organization_id: int
    recipient: Private
    present: bool


class RecipientRemoved(Event, frozen=True, kw_only=True):
    """A user has one public key less."""

    kind: ClassVar[Kind] = Kind.RECIPIENT_REMOVED
    who: Who = OPERATOR
    account_id: int
    account_name: Private
    owner_organization_id: int
    recipient: Private


class UploadClosed(Event, frozen=True, kw_only=True):
    """An upload is whole, as its sender says; it is sealed once it has settled, or published once it was read."""

    kind: ClassVar[Kind] = Kind.UPLOAD_CLOSED
    upload_id: str
    owner_organization_id: int
    folder_id: int
    path: Private
    size: int
    digest: Private = ""
    """SHA-256 of the plaintext in hex; left out while it is owed."""
    settles: datetime


class SealingOpened(Event, frozen=True, kw_only=True):
    """The keys of an upload that is to be sealed, or read before it is published, went to the inspector."""

    kind: ClassVar[Kind] = Kind.SEALING_OPENED
    who: Who = INSPECTOR
    upload_id: str
    owner_organization_id: int
    key_ids: tuple[int, ...]


class FileSealed(Event, frozen=True, kw_only=True):
    """A file was sealed: its header is written and the keys that it was written with are destroyed."""

    kind: ClassVar[Kind] = Kind.FILE_SEALED
    upload_id: str
    version_id: str
    file_id: int
    owner_organization_id: int
    folder_id: int
    recipients: Private
    """Public keys, separated by line feeds."""
    destroyed_key_ids: tuple[int, ...]
    """Empty for a file that its sender sealed."""


class PayloadDigestRecorded(Event, frozen=True, kw_only=True):
    """The SHA-256 of a sealed file's payload, the bytes after its header, read back by the inspector."""

    kind: ClassVar[Kind] = Kind.PAYLOAD_DIGEST_RECORDED
    who: Who = INSPECTOR
    version_id: str
    file_id: int | None = None
    owner_organization_id: int
    digest: Private


class HeaderReplaced(Event, frozen=True, kw_only=True):
    """A recipient's client has made a sealed file's header anew; the payload was not touched."""

    kind: ClassVar[Kind] = Kind.HEADER_REPLACED
    version_id: str
    file_id: int
    owner_organization_id: int
    folder_id: int
    recipients: Private
