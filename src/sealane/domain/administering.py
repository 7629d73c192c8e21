"""Administering from a session: which administrator's operations a person may ask, and for which organizations.

An administrator (role `admin`, in a session that has the scope) administers their own organization; those of the
organization that runs the node administer every one. Every operation must stand in `_TOUCHES`, which says which
organizations it touches; what does not is refused. What changes something needs a proof (`browsing.demand_proof`).
Must stay true: the ledger names the person; another organization's users, folders and sessions are neither changed nor
shown; naming a grantee of another organization is what granting is for, and the only exception.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sealane.domain import audit, browsing, names, rights, users
from sealane.domain.queries import sessions as session_statements
from sealane.errors import Invalid, Missing, NotAllowed
from sealane.ledger import reader
from sealane.operations import accounts, administering, browser, exposures, settings
from sealane.operations.administering import Administered
from sealane.operations.failures import OrganizationMissing, SessionMissing

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealane.domain.work import Caller, Work
    from sealane.operations.administering import Administer, SearchLedger
    from sealane.operations.audit import OwnEntriesAre
    from sealane.operations.envelope import Operation

_NODE: Final = "*"
"""Stands for every organization: only who runs the node may."""


def _of_user(op: Any) -> tuple[str, ...]:
    return (names.parse_account(op.user).organization,)


def _of_group(op: Any) -> tuple[str, ...]:
    return (names.parse_account(op.group.removeprefix(names.GROUP_PREFIX)).organization,)


def _of_folder(op: Any) -> tuple[str, ...]:
    return (names.parse_place(op.folder)[0],)


def _of_organization(op: Any) -> tuple[str, ...]:
    return (op.organization or _NODE,)


def _of_node(op: Any) -> tuple[str, ...]:
    del op
    return (_NODE,)


def _of_sessions(op: Any) -> tuple[str, ...]:
    return _of_user(op) if op.user else _of_organization(op)


def _of_membership(op: Any) -> tuple[str, ...]:
    return (*_of_group(op), *_of_user(op))


_TOUCHES: Final[dict[type[Operation], Callable[[Any], tuple[str, ...]]]] = {
    accounts.AddFolder: _of_folder,
    accounts.AddGroup: _of_group,
    accounts.AddOrganization: _of_node,
    accounts.AddToken: _of_user,
    accounts.AddUser: _of_user,
    accounts.DisableUser: _of_user,
    accounts.EnableUser: _of_user,
    accounts.GrantFolder: _of_folder,
    accounts.ListFolders: _of_organization,
    accounts.ListGroups: _of_organization,
    exposures.ListOfficers: _of_organization,
    accounts.ListOrganizations: _of_node,
    accounts.ListRecipients: _of_user,
    administering.ListRecovery: _of_organization,
    accounts.ListSealed: _of_organization,
    accounts.ListSessions: _of_sessions,
    settings.ListSettings: _of_node,
    accounts.ListSshKeys: _of_user,
    accounts.ListTokens: _of_user,
    accounts.ListUsers: _of_organization,
    exposures.LookReading: _of_folder,
    browser.NewPasswordLink: _of_user,
    browser.RemoveSecondFactorOf: _of_user,
    accounts.RemoveSshKey: _of_user,
    accounts.RevokeFolder: _of_folder,
    accounts.RevokeToken: _of_user,
    administering.RightsOfUser: _of_user,
    administering.RightsOnFolder: _of_folder,
    accounts.SetFolderQuota: _of_folder,
    accounts.SetMembership: _of_membership,
    accounts.SetOrganizationQuota: _of_node,
    exposures.SetReading: _of_folder,
    accounts.SetRecovery: _of_organization,
    accounts.SetRole: _of_user,
    settings.SetSetting: _of_node,
}
"""Which organizations an operation touches. `EndSession` names none and is looked up."""

_READING: Final = frozenset(
    {
        accounts.ListFolders,
        accounts.ListGroups,
        exposures.ListOfficers,
        accounts.ListOrganizations,
        accounts.ListRecipients,
        administering.ListRecovery,
        accounts.ListSealed,
        accounts.ListSessions,
        settings.ListSettings,
        accounts.ListSshKeys,
        accounts.ListTokens,
        accounts.ListUsers,
        exposures.LookReading,
        administering.RightsOfUser,
        administering.RightsOnFolder,
    }
)
"""What changes nothing, and needs no fresh proof."""


def allow(work: Work, caller: Caller, operation: Operation) -> None:
    """Raise unless this caller may ask this operation of the administrator's; note who does it.

    Raises `NotAllowed`, `ProofWanted`; for another organization's things `OrganizationMissing`, as if it were not
    there, or `SessionMissing`.
    """
    reach = browsing.administers(work, caller)
    if not reach:
        raise NotAllowed("Only an administrator may do this.")
    if reach != "node":
        _check_reach(work, caller, operation)
    if isinstance(operation, exposures.SetReading):
        _check_reading(operation)
    if type(operation) not in _READING:
        browsing.demand_proof(work, caller)
    work.operator = caller.who


def _check_reach(work: Work, caller: Caller, operation: Operation) -> None:
    if isinstance(operation, accounts.EndSession):
        found = work.transaction.first(session_statements.OPEN_BY_ID, session_id=operation.session)
        if found is None or found.organization_id != caller.organization_id:
            raise SessionMissing
        return
    touches = _TOUCHES.get(type(operation))
    if touches is None:
        raise NotAllowed
    own = caller.name.rpartition("@")[2]
    for organization in touches(operation):
        if organization == _NODE:
            raise NotAllowed("Only an administrator of the organization that runs this server may do this.")
        if organization != own:
            raise OrganizationMissing


def _check_reading(operation: exposures.SetReading) -> None:
    """Raise for what only the operator says: whether a folder is read, whose people are in it, who gets their lists.

    Else whoever has an administrator's session could have lists of people sealed to a key of their own.
    """
    if (operation.reading, operation.owner, operation.owner_recipient) != (None, None, None):
        raise NotAllowed("Only the operator may say this, by the command line: sealane exposure set.")


def check_own_hand(caller: Caller, operation: Operation) -> None:
    """Raise where somebody would lock themselves out: disable themselves, or give up their own role."""
    if isinstance(operation, accounts.DisableUser | accounts.SetRole) and operation.user == caller.name:
        raise Invalid("Have another administrator do this: you would lock yourself out.")


def administer(work: Work, caller: Caller, op: Administer) -> Administered:
    """Do an administrator's operation for a person."""
    from sealane.domain.table import PLAIN_ACTS  # noqa: PLC0415  # the table has this very act in it

    allow(work, caller, op.operation)
    check_own_hand(caller, op.operation)
    return Administered(told=PLAIN_ACTS[type(op.operation)](work, op.operation))


def search_ledger(work: Work, caller: Caller, op: SearchLedger) -> OwnEntriesAre:
    """Return a page of the entries about the caller's organization that fit every filter."""
    rights.demand_audit(caller)
    own = caller.name.rpartition("@")[2]
    user_id: int | None = None
    if op.user:
        if names.parse_account(op.user).organization != own:
            raise Missing("There is no user of this name in your organization.")
        user_id = users.number_of(work, op.user)
    if any(place and names.parse_place(place)[0] != own for place in (op.path, op.folder)):
        raise Missing("There is no such folder in your organization.")
    question = reader.Question(
        organization_id=caller.organization_id,
        since=op.since,
        until=op.until,
        kinds=audit.kinds_of(op.kind, op.outcome),
        not_kinds=audit.REFUSED + audit.DAMAGED if op.outcome == "done" else None,
        door=op.door or None,
        user_id=user_id,
        session_id=op.session or None,
        folder_ids=audit.folders_below(work, op.folder) if op.folder else None,
        paths=(op.path,) if op.path else None,
        address=op.address or None,
    )
    return audit.own_page(work, question, after=op.after, limit=op.limit)
