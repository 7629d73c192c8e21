"""The closed list of what is written down: one kind, one frozen class. `docs/formats/ledger.md` documents each.

An event says who, from where, by which door, did what to what. What names or describes a person (user names,
addresses, paths, digests of contents, free text) is `Private`: the entry holds only a salted commitment to it, and the
opening is kept apart, so that a lawful erasure can remove it while the ledger still proves.

Fields that are None or "" are left out of the entry. Numbers are at most 2^53 - 1 in size (RFC 7493, 2.2). Times are
aware UTC. A released class is never changed but by a new `version`; a field that is added is optional.
"""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Annotated, ClassVar, Literal

import msgspec

from sealane.ledger.limits import check_fields

PRIVATE = "private"
Private = Annotated[str, PRIVATE]
"""Text that is committed to, not shown."""


class Kind(enum.Enum):
    """Every kind of event there is."""

    KEEPER_STARTED = "keeper_started"
    KEEPER_STOPPED = "keeper_stopped"
    SIGN_IN = "sign_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    STRANGERS_REFUSED = "strangers_refused"
    SESSION_ENDED = "session_ended"
    REQUEST_REFUSED = "request_refused"
    UPLOAD_BEGUN = "upload_begun"
    UPLOAD_RESUMED = "upload_resumed"
    UPLOAD_FINISHED = "upload_finished"
    UPLOAD_REMOVED = "upload_removed"
    CONTENT_SHARED = "content_shared"
    ARRIVAL_OPENED = "arrival_opened"
    DIGEST_RECORDED = "digest_recorded"
    DAMAGE_FOUND = "damage_found"
    VERSION_EXPIRED = "version_expired"
    DOWNLOAD_BEGUN = "download_begun"
    DOWNLOAD_ENDED = "download_ended"
    FILE_REMOVED = "file_removed"
    FILE_MOVED = "file_moved"
    MODIFIED_SET = "modified_set"
    FOLDER_MADE = "folder_made"
    FOLDER_REMOVED = "folder_removed"
    FOLDER_MOVED = "folder_moved"
    RIGHT_GRANTED = "right_granted"
    RIGHT_REVOKED = "right_revoked"
    QUOTA_SET = "quota_set"
    ORGANIZATION_ADDED = "organization_added"
    USER_ADDED = "user_added"
    USER_DISABLED = "user_disabled"
    USER_ENABLED = "user_enabled"
    ROLE_SET = "role_set"
    PASSWORD_SET = "password_set"  # noqa: S105 - the name of an event
    SSH_KEY_ADDED = "ssh_key_added"
    SSH_KEY_REMOVED = "ssh_key_removed"
    TOKEN_ADDED = "token_added"  # noqa: S105 - the name of an event
    TOKEN_REVOKED = "token_revoked"  # noqa: S105 - the name of an event
    RECIPIENT_ADDED = "recipient_added"
    OFFICER_SET = "officer_set"
    GROUP_ADDED = "group_added"
    MEMBERSHIP_SET = "membership_set"
    NODE_KEY_ROTATED = "node_key_rotated"
    ORGANIZATION_KEY_ROTATED = "organization_key_rotated"


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """Who did it, from where and by which door."""

    door: str
    """sftp, http, local; or admin, inspector, keeper for what has no session."""
    organization_id: int | None = None
    """The user's own organization."""
    user_id: int | None = None
    session_id: str = ""
    user_name: Private = ""
    """`NAME@ORGANIZATION`."""
    address: Private = ""

    def __post_init__(self) -> None:
        """Raise `Invalid` for what an entry cannot hold."""
        check_fields(self)


OPERATOR = Who(door="admin")
"""Whoever may open the administrator's socket."""
INSPECTOR = Who(door="inspector")
KEEPER = Who(door="keeper")


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every event. Making one checks its fields, so that what is made can be written."""

    kind: ClassVar[Kind]
    version: ClassVar[int] = 1
    who: Who

    def __post_init__(self) -> None:
        """Raise `Invalid` for a number or text that an entry cannot hold: one act fails then, and not its batch."""
        check_fields(self)


# --- the node ---------------------------------------------------------------------------------------------------------


class KeeperStarted(Event, frozen=True, kw_only=True):
    """The keeper has taken the lease."""

    kind: ClassVar[Kind] = Kind.KEEPER_STARTED
    who: Who = KEEPER
    previous: Literal["first", "clean", "crash"]
    """How the last run ended."""
    release: str


class KeeperStopped(Event, frozen=True, kw_only=True):
    """The keeper stops of its own accord; an end without this entry was a crash."""

    kind: ClassVar[Kind] = Kind.KEEPER_STOPPED
    who: Who = KEEPER


class NodeKeyRotated(Event, frozen=True, kw_only=True):
    """The node has a new key; organizations' keys were wrapped anew."""

    kind: ClassVar[Kind] = Kind.NODE_KEY_ROTATED
    who: Who = OPERATOR
    node_key: str
    """Which one is in force now."""
    rewrapped: int
    """Keys wrapped anew."""


class OrganizationKeyRotated(Event, frozen=True, kw_only=True):
    """An organization has a new key; its upload keys were wrapped anew."""

    kind: ClassVar[Kind] = Kind.ORGANIZATION_KEY_ROTATED
    who: Who = OPERATOR
    owner_organization_id: int
    rewrapped: int
    """Keys wrapped anew."""


# --- signing in -------------------------------------------------------------------------------------------------------


class SignedIn(Event, frozen=True, kw_only=True):
    """A session began."""

    kind: ClassVar[Kind] = Kind.SIGN_IN
    method: str
    """key, password or token."""
    credential_id: int | None = None
    """The id of the SSH key or token."""
    credential: Private = ""
    """The SSH key's fingerprint or the token's name."""
    scopes: tuple[str, ...] = ()
    expires: datetime | None = None


class SignInRefused(Event, frozen=True, kw_only=True):
    """A sign-in to an account that exists was refused. Strangers' ones are counted in `StrangersRefused`."""

    kind: ClassVar[Kind] = Kind.SIGN_IN_REFUSED
    account_id: int
    account_name: Private = ""
    method: str
    reason: str
    """A code: wrong-password, unknown-key, disabled, locked, expired, revoked, replayed …"""


class StrangersRefused(Event, frozen=True, kw_only=True):
    """Refused sign-ins to accounts that do not exist, from one address range in one minute."""

    kind: ClassVar[Kind] = Kind.STRANGERS_REFUSED
    address_range: Private
    minute: datetime
    count: int


class SessionEnded(Event, frozen=True, kw_only=True):
    """A session ended: signed out, expired, or ended by somebody else (`who`)."""

    kind: ClassVar[Kind] = Kind.SESSION_ENDED
    ended_session_id: str
    account_id: int
    reason: Private
    """In words: signed out, expired, disabled, revoked …"""


class RequestRefused(Event, frozen=True, kw_only=True):
    """An operation of somebody signed in, or of a process that may not ask it, was refused."""

    kind: ClassVar[Kind] = Kind.REQUEST_REFUSED
    operation: str
    """The operation's class."""
    code: str
    """The error's code (`errors.py`)."""
    path: Private = ""
    target: Private = ""
    omitted: int = 0
    """Refusals of this session before this one that were only counted."""


# --- the way in -------------------------------------------------------------------------------------------------------


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


# --- the way out ------------------------------------------------------------------------------------------------------


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


# --- files and folders ------------------------------------------------------------------------------------------------


class FileRemoved(Event, frozen=True, kw_only=True):
    """A file was removed; its versions are kept as long as the settings say."""

    kind: ClassVar[Kind] = Kind.FILE_REMOVED
    file_id: int
    version_id: str
    owner_organization_id: int
    folder_id: int
    path: Private


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


# --- accounts ---------------------------------------------------------------------------------------------------------


class OrganizationAdded(Event, frozen=True, kw_only=True):
    """An organization was made."""

    kind: ClassVar[Kind] = Kind.ORGANIZATION_ADDED
    who: Who = OPERATOR
    owner_organization_id: int
    organization_name: Private
    quota_bytes: int
    quota_files: int


class AccountEvent(Event, frozen=True, kw_only=True):
    """Base of what is done to an account."""

    who: Who = OPERATOR
    account_id: int
    account_name: Private
    owner_organization_id: int


class UserAdded(AccountEvent, frozen=True, kw_only=True):
    """A user was made."""

    kind: ClassVar[Kind] = Kind.USER_ADDED
    role: str
    email: Private = ""


class UserDisabled(AccountEvent, frozen=True, kw_only=True):
    """A user was disabled."""

    kind: ClassVar[Kind] = Kind.USER_DISABLED


class UserEnabled(AccountEvent, frozen=True, kw_only=True):
    """A disabled user may sign in again."""

    kind: ClassVar[Kind] = Kind.USER_ENABLED


class RoleSet(AccountEvent, frozen=True, kw_only=True):
    """A user's role was changed."""

    kind: ClassVar[Kind] = Kind.ROLE_SET
    role: str
    previous_role: str


class PasswordSet(AccountEvent, frozen=True, kw_only=True):
    """A user's password was set."""

    kind: ClassVar[Kind] = Kind.PASSWORD_SET


class SshKeyAdded(AccountEvent, frozen=True, kw_only=True):
    """A user has a further SSH key."""

    kind: ClassVar[Kind] = Kind.SSH_KEY_ADDED
    ssh_key_id: int
    fingerprint: Private


class SshKeyRemoved(AccountEvent, frozen=True, kw_only=True):
    """An SSH key was removed."""

    kind: ClassVar[Kind] = Kind.SSH_KEY_REMOVED
    ssh_key_id: int
    fingerprint: Private


class TokenAdded(AccountEvent, frozen=True, kw_only=True):
    """An API token was made."""

    kind: ClassVar[Kind] = Kind.TOKEN_ADDED
    token_id: int
    token_name: Private
    scopes: tuple[str, ...]
    expires: datetime | None = None


class TokenRevoked(AccountEvent, frozen=True, kw_only=True):
    """An API token was revoked."""

    kind: ClassVar[Kind] = Kind.TOKEN_REVOKED
    token_id: int
    token_name: Private


class RecipientAdded(AccountEvent, frozen=True, kw_only=True):
    """A user has a further age recipient (public key)."""

    kind: ClassVar[Kind] = Kind.RECIPIENT_ADDED
    recipient: Private


class OfficerSet(Event, frozen=True, kw_only=True):
    """The privacy officer's recipients of an organization, to which its people lists are sealed."""

    kind: ClassVar[Kind] = Kind.OFFICER_SET
    who: Who = OPERATOR
    owner_organization_id: int
    recipients: Private


class GroupAdded(Event, frozen=True, kw_only=True):
    """A group was made."""

    kind: ClassVar[Kind] = Kind.GROUP_ADDED
    who: Who = OPERATOR
    group_id: int
    group_name: Private
    owner_organization_id: int


class MembershipSet(AccountEvent, frozen=True, kw_only=True):
    """A user was put into a group or out of it."""

    kind: ClassVar[Kind] = Kind.MEMBERSHIP_SET
    group_id: int
    group_name: Private
    member: bool
