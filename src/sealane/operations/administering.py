"""Administering from a session: an administrator's operations, asked by somebody who has signed in.

The same operations as on the administrator's socket, wrapped; who may ask which of them is decided in
`domain/administering.py`, and the ledger names the person.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal, TypeAlias

from sealane.operations.accounts import (
    AddFolder,
    AddGroup,
    AddOrganization,
    AddToken,
    AddUser,
    AdminOperation,
    DisableUser,
    EnableUser,
    EndSession,
    GrantFolder,
    ListFolders,
    ListGroups,
    ListOrganizations,
    ListRecipients,
    ListSealed,
    ListSessions,
    ListSshKeys,
    ListTokens,
    ListUsers,
    Part,
    RemoveSshKey,
    RevokeFolder,
    RevokeToken,
    RowsAre,
    SetFolderQuota,
    SetMembership,
    SetOrganizationQuota,
    SetRecovery,
    SetRole,
    TokenIs,
)
from sealane.operations.audit import OwnEntriesAre
from sealane.operations.browser import LinkIs, NewPasswordLink, RemoveSecondFactorOf
from sealane.operations.envelope import Answer, Done, Operation
from sealane.operations.exposures import ListOfficers, LookReading, SetReading
from sealane.operations.settings import ListSettings, SetSetting


class RightsOfUser(AdminOperation, frozen=True):
    """What may this user see? A row for each folder on which something is granted to them or their groups."""

    answer: ClassVar[type[Answer]] = RowsAre
    user: str
    part: Part = Part()


class RightsOnFolder(AdminOperation, frozen=True):
    """Who may see this folder? A row for each user with a right on it, by grants on it and above it."""

    answer: ClassVar[type[Answer]] = RowsAre
    folder: str
    part: Part = Part()


class ListRecovery(AdminOperation, frozen=True):
    """The recovery recipients of an organization."""

    answer: ClassVar[type[Answer]] = RowsAre
    organization: str


Administrable: TypeAlias = (
    AddFolder
    | AddGroup
    | AddOrganization
    | AddToken
    | AddUser
    | DisableUser
    | EnableUser
    | EndSession
    | GrantFolder
    | ListFolders
    | ListGroups
    | ListOfficers
    | ListOrganizations
    | ListRecipients
    | ListRecovery
    | ListSealed
    | ListSessions
    | ListSettings
    | ListSshKeys
    | ListTokens
    | ListUsers
    | LookReading
    | NewPasswordLink
    | RemoveSecondFactorOf
    | RemoveSshKey
    | RevokeFolder
    | RevokeToken
    | RightsOfUser
    | RightsOnFolder
    | SetFolderQuota
    | SetMembership
    | SetOrganizationQuota
    | SetReading
    | SetRecovery
    | SetRole
    | SetSetting
)


class Administered(Answer, frozen=True):
    """What the operation itself is answered with."""

    told: Done | LinkIs | RowsAre | TokenIs


class Administer(Operation, frozen=True):
    """Do an administrator's operation for the one who has signed in."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = Administered
    handle: str
    operation: Administrable


class SearchLedger(Operation, frozen=True):
    """Entries about the caller's organization that fit every filter given. For auditors, officers, administrators."""

    answer: ClassVar[type[Answer]] = OwnEntriesAre
    handle: str
    after: int = 0
    limit: int = 100
    since: datetime | None = None
    until: datetime | None = None
    user: str = ""
    """`NAME@ORG` of the caller's organization."""
    path: str = ""
    """`ORG:/PATH`, of the caller's organization."""
    session: str = ""
    address: str = ""
    outcome: Literal["", "done", "refused", "damaged"] = ""
    folder: str = ""
    """`ORG:/PATH` of the caller's organization: in it and below."""
    door: str = ""
    kind: str = ""
