"""Operations of the administrator: organizations, users, groups, keys, tokens, folders' rights, and settings of them.

They come by the administrator's socket (`Asker.ADMIN`), where whoever may open the socket is the operator.
Names are `NAME@ORG`, groups `group:NAME@ORG`, folders `ORG:/PATH`.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal, TypeAlias

import msgspec

from sealane.operations.envelope import Answer, Asker, Done, Operation

Role = Literal["admin", "auditor", "officer", "member"]
Scope = Literal["read", "write", "admin"]
RightName = Literal["list", "read", "write", "delete", "admin"]


class AdminOperation(Operation, frozen=True):
    """Base of what only the administrator's socket understands."""

    askers: ClassVar[Asker] = Asker.ADMIN


class Granted(msgspec.Struct, frozen=True):
    """Who has which rights on a folder."""

    grantee: str
    """`NAME@ORG` or `group:NAME@ORG`."""
    rights: tuple[str, ...]
    shown_as: str = ""
    """The name under which they see it at their root, if the grant gives one."""


Value: TypeAlias = str | int | bool | tuple[str | Granted, ...] | None
"""What a column of a listing holds; times as ISO 8601 text in UTC."""


class Row(msgspec.Struct, frozen=True, array_like=True):
    """One line of a listing for people: its column names and values, in order."""

    columns: tuple[str, ...]
    values: tuple[Value, ...]


class Part(msgspec.Struct, frozen=True):
    """What of a listing is wanted: of what a search finds (case aside), so many from such a place on."""

    search: str = ""
    start: int = 0
    limit: int = 0
    """0: all."""


class RowsAre(Answer, frozen=True):
    """A listing, or a part of one."""

    rows: tuple[Row, ...]
    total: int = 0
    """How many rows there are in all where a part was asked for."""


class AddOrganization(AdminOperation, frozen=True):
    """Make an organization, with its own key."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = Done
    name: str
    quota_bytes: int | None = None
    quota_files: int | None = None


class SetOrganizationQuota(AdminOperation, frozen=True):
    """Set an organization's quota; 0 is none."""

    answer: ClassVar[type[Answer]] = Done
    name: str
    quota_bytes: int | None = None
    quota_files: int | None = None


class ListOrganizations(AdminOperation, frozen=True):
    """All organizations."""

    answer: ClassVar[type[Answer]] = RowsAre


class AddUser(AdminOperation, frozen=True):
    """Make a user. Keys are lines as in `authorized_keys`; `recipients` are age recipients."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = Done
    user: str
    role: Role = "member"
    email: str = ""
    password: str | None = None
    ssh_keys: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()


class ListUsers(AdminOperation, frozen=True):
    """Users, of one organization or of all; of one role, or this one alone, where that is said."""

    answer: ClassVar[type[Answer]] = RowsAre
    organization: str = ""
    part: Part = Part()
    role: str = ""
    user: str = ""


class DisableUser(AdminOperation, frozen=True):
    """Disable a user: no more sign-in, and everything they are doing ends."""

    answer: ClassVar[type[Answer]] = Done
    user: str


class EnableUser(AdminOperation, frozen=True):
    """Let a disabled user sign in again."""

    answer: ClassVar[type[Answer]] = Done
    user: str


class SetPassword(AdminOperation, frozen=True):
    """Set a user's password; their sessions end."""

    answer: ClassVar[type[Answer]] = Done
    user: str
    password: str


class SetRole(AdminOperation, frozen=True):
    """Change a user's role."""

    answer: ClassVar[type[Answer]] = Done
    user: str
    role: Role


class AddSshKey(AdminOperation, frozen=True):
    """Add an SSH public key, a line as in `authorized_keys`."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = Done
    user: str
    line: str


class RemoveSshKey(AdminOperation, frozen=True):
    """Remove an SSH public key by its fingerprint (`SHA256:…`); sessions that it opened end."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = Done
    user: str
    fingerprint: str


class ListSshKeys(AdminOperation, frozen=True):
    """A user's SSH keys."""

    answer: ClassVar[type[Answer]] = RowsAre
    user: str


class TokenIs(Answer, frozen=True):
    """A new token. It is shown once; only its hash is stored."""

    token: str
    name: str
    """What it is called in listings and in the ledger."""


class AddToken(AdminOperation, frozen=True):
    """Make an API token."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = TokenIs
    user: str
    scopes: tuple[Scope, ...]
    expires: datetime | None


class RevokeToken(AdminOperation, frozen=True):
    """Revoke a token by its name; sessions that it opened end."""

    answer: ClassVar[type[Answer]] = Done
    user: str
    name: str


class ListTokens(AdminOperation, frozen=True):
    """A user's tokens, without their secrets."""

    answer: ClassVar[type[Answer]] = RowsAre
    user: str


class AddGroup(AdminOperation, frozen=True):
    """Make a group: `NAME@ORG`."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = Done
    group: str


class ListGroups(AdminOperation, frozen=True):
    """Groups and their members. A search finds groups by name, and those that have a member of such a name."""

    answer: ClassVar[type[Answer]] = RowsAre
    organization: str = ""
    part: Part = Part()
    member: str = ""
    """Only the groups that this user is in, and of their members only them."""


class SetMembership(AdminOperation, frozen=True):
    """Put a user of the same organization into a group or out of it."""

    answer: ClassVar[type[Answer]] = Done
    group: str
    user: str
    member: bool


class AddFolder(AdminOperation, frozen=True):
    """Make a folder, and the folders above it that are missing."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = Done
    folder: str
    sealed: bool = False
    recovery: tuple[str, ...] = ()
    settle_seconds: int | None = None
    quota_bytes: int | None = None
    quota_files: int | None = None
    plain_names: bool = False


class SealFolder(AdminOperation, frozen=True):
    """Seal a folder with all below it, or change how it is sealed. What is not said stays."""

    answer: ClassVar[type[Answer]] = Done
    folder: str
    recovery: tuple[str, ...] = ()
    settle_seconds: int | None = None
    plain_names: bool | None = None


class ListSealed(AdminOperation, frozen=True):
    """Sealed folders, of one organization or of all: who can open them, and what is still on its way to be sealed."""

    answer: ClassVar[type[Answer]] = RowsAre
    organization: str = ""


class SetRecovery(AdminOperation, frozen=True):
    """Add the public half of an off-line recovery key to an organization, or take it away."""

    answer: ClassVar[type[Answer]] = Done
    organization: str
    recipient: str
    present: bool


class SetRecipient(AdminOperation, frozen=True):
    """Add an age recipient (public key) to a user, or take it away."""

    answer: ClassVar[type[Answer]] = Done
    user: str
    recipient: str
    present: bool


class ListRecipients(AdminOperation, frozen=True):
    """A user's age recipients."""

    answer: ClassVar[type[Answer]] = RowsAre
    user: str


class SetFolderQuota(AdminOperation, frozen=True):
    """Set a folder's quota, which counts everything below it; 0 is none."""

    answer: ClassVar[type[Answer]] = Done
    folder: str
    quota_bytes: int | None = None
    quota_files: int | None = None


class ListFolders(AdminOperation, frozen=True):
    """Folders, of one organization or of all, with who has which rights; this one alone where that is said."""

    answer: ClassVar[type[Answer]] = RowsAre
    organization: str = ""
    part: Part = Part()
    folder: str = ""


class GrantFolder(AdminOperation, frozen=True):
    """Give rights on a folder and all below it to a user or group of any organization. Replaces an earlier grant."""

    answer: ClassVar[type[Answer]] = Done
    folder: str
    grantee: str
    rights: tuple[RightName, ...]
    shown_as: str = ""
    """The name under which the grantee sees it at their root."""


class RevokeFolder(AdminOperation, frozen=True):
    """Take a grant back; what runs by it ends."""

    answer: ClassVar[type[Answer]] = Done
    folder: str
    grantee: str


class ListSessions(AdminOperation, frozen=True):
    """Sessions that are open now: of one user, of one organization, or all. Oldest first; a part, newest first."""

    answer: ClassVar[type[Answer]] = RowsAre
    user: str = ""
    organization: str = ""
    part: Part = Part()


class EndSession(AdminOperation, frozen=True):
    """End a session by its name."""

    answer: ClassVar[type[Answer]] = Done
    session: str


class ListUploads(AdminOperation, frozen=True):
    """Uploads that are not finished."""

    answer: ClassVar[type[Answer]] = RowsAre


class RotateNodeKey(AdminOperation, frozen=True):
    """Make a new node key and wrap every organization's key anew. No content is touched."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = Done


class RotateOrganizationKey(AdminOperation, frozen=True):
    """Make a new organization key and wrap every upload key of the organization anew. No content is touched."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = Done
    name: str


class SweptIs(Answer, frozen=True):
    """What was cleared."""

    uploads: int
    versions: int
    blobs: int


class Sweep(AdminOperation, frozen=True):
    """Clear what is past its time: uploads, old versions, blobs that nothing names. The keeper does so by itself."""

    answer: ClassVar[type[Answer]] = SweptIs
