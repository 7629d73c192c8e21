"""The administrator's side of folders: making them, their quotas, and who may what in them. Listing: folder_listing.py.

Must stay true: what takes a right away ends the sessions that may be using it; a grant is one row a folder and grantee.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sealane import paths
from sealane.domain import (
    accounts,
    folders,
    named_folders,
    names,
    organizations,
    rights,
    sealed_folders,
    sessions,
)
from sealane.domain.queries import files as file_statements
from sealane.domain.queries import folders as folder_statements
from sealane.domain.queries import grants as statements
from sealane.domain.rights import Right
from sealane.errors import AlreadyExists, Invalid, NotAFolder
from sealane.ids import GroupId, OrganizationId, UserId
from sealane.ledger import events
from sealane.operations.envelope import Done
from sealane.operations.failures import GrantMissing

if TYPE_CHECKING:
    from sealane.domain.queries.folders import FolderRow
    from sealane.domain.work import Work
    from sealane.operations.accounts import (
        AddFolder,
        GrantFolder,
        RevokeFolder,
        SetFolderQuota,
    )


class Grantee(NamedTuple):
    """Who is granted something: a user or a group."""

    name: str
    organization_id: OrganizationId
    user_id: UserId | None
    group_id: GroupId | None


def add_folder(work: Work, op: AddFolder) -> Done:
    """Make a folder, and the folders above it that are missing. Raises `AlreadyExists`."""
    if not op.sealed and (op.recovery or op.settle_seconds is not None or op.plain_names):
        raise Invalid("A recovery key, a settle time and plain names are for sealed folders: add --sealed.")
    organization, path = names.parse_place(op.folder)
    parent = named_folders.root(work, organization)
    quota_bytes = organizations.check_quota(op.quota_bytes, 0)
    quota_files = organizations.check_quota(op.quota_files, 0)
    if path and path[0].startswith("@"):
        raise Invalid(
            "A folder at an organization's root may not begin with '@': partners' organizations are shown so."
        )
    made = False
    for depth, name in enumerate(path, start=1):
        found = work.transaction.first(folder_statements.BY_NAME, parent_id=parent.id, name=name)
        if found is None:
            last = depth == len(path)
            found = _made(
                work,
                parent,
                name,
                shown=f"{organization}:{paths.show(path[:depth])}",
                quota_bytes=quota_bytes if last else 0,
                quota_files=quota_files if last else 0,
            )
            made = True
        parent = found
    if not made:
        raise AlreadyExists("This folder is already there.")
    if op.sealed:
        sealed_folders.seal(
            work,
            parent,
            op.folder,
            settle_seconds=op.settle_seconds,
            plain_names=op.plain_names,
            recovery=op.recovery,
        )
    work.views.forget()
    return Done()


def set_folder_quota(work: Work, op: SetFolderQuota) -> Done:
    """Set a folder's quota, which counts everything below it; what is not given stays, 0 is none."""
    folder = named_folders.find(work, op.folder)
    quota_bytes = organizations.check_quota(op.quota_bytes, folder.quota_bytes)
    quota_files = organizations.check_quota(op.quota_files, folder.quota_files)
    work.transaction.run(folder_statements.SET_QUOTA, folder_id=folder.id, bytes_max=quota_bytes, files_max=quota_files)
    work.tree.forget()
    work.record(
        events.QuotaSet(
            owner_organization_id=folder.organization_id,
            folder_id=folder.id,
            path=op.folder,
            quota_bytes=quota_bytes,
            quota_files=quota_files,
        )
    )
    return Done()


def grant_folder(work: Work, op: GrantFolder) -> Done:
    """Give rights on a folder and all below it. Replaces an earlier grant; where that gave more, sessions end."""
    folder = named_folders.find(work, op.folder)
    grantee = find_grantee(work, op.grantee)
    wanted = rights.parse(op.rights)
    if not wanted:
        raise Invalid("A grant needs at least one right.")
    shown_as = _checked_alias(work, op.shown_as, folder, grantee)
    before = work.transaction.first(
        statements.EXACT, folder_id=folder.id, user_id=grantee.user_id, group_id=grantee.group_id
    )
    if before is None:
        work.transaction.insert(
            statements.INSERT,
            folder_id=folder.id,
            user_id=grantee.user_id,
            group_id=grantee.group_id,
            rights=int(wanted),
            shown_as=shown_as,
            made=work.now,
        )
    else:
        if Right(before.rights) & ~wanted:
            _end_sessions(work, grantee, reason="rights narrowed")
        work.transaction.run(statements.UPDATE, grant_id=before.id, new_rights=int(wanted), new_shown_as=shown_as)
    work.views.forget()
    work.record(
        events.RightGranted(
            who=events.OPERATOR,
            folder_id=folder.id,
            owner_organization_id=folder.organization_id,
            path=op.folder,
            account_id=grantee.user_id,
            group_id=grantee.group_id,
            grantee=grantee.name,
            rights=rights.names(wanted),
            shown_as=shown_as,
        )
    )
    return Done()


def revoke_folder(work: Work, op: RevokeFolder) -> Done:
    """Take a grant back. All sessions of whoever had it end, so that nothing goes on by it."""
    folder = named_folders.find(work, op.folder)
    grantee = find_grantee(work, op.grantee)
    before = work.transaction.first(
        statements.EXACT, folder_id=folder.id, user_id=grantee.user_id, group_id=grantee.group_id
    )
    if before is None:
        raise GrantMissing
    _end_sessions(work, grantee, reason="grant revoked")
    work.transaction.run(statements.DELETE, grant_id=before.id)
    work.views.forget()
    work.record(
        events.RightRevoked(
            who=events.OPERATOR,
            folder_id=folder.id,
            owner_organization_id=folder.organization_id,
            path=op.folder,
            account_id=grantee.user_id,
            group_id=grantee.group_id,
            grantee=grantee.name,
        )
    )
    return Done()


def find_grantee(work: Work, name: str) -> Grantee:
    """Return the user `NAME@ORG` or group `group:NAME@ORG`."""
    if name.startswith(names.GROUP_PREFIX):
        group = accounts.find_group(work, name.removeprefix(names.GROUP_PREFIX))
        return Grantee(name, group.organization_id, None, group.id)
    user = accounts.find_user(work, name)
    return Grantee(name, user.organization_id, user.id, None)


def _made(work: Work, parent: FolderRow, name: str, *, shown: str, quota_bytes: int, quota_files: int) -> FolderRow:
    if work.transaction.first(file_statements.BY_NAME, folder_id=parent.id, name=name) is not None:
        raise NotAFolder("A file stands where a folder is needed.")
    folders.check_room_for_folder(work, parent.id, height=0)
    folder_id = folders.add(
        work,
        organization_id=parent.organization_id,
        parent_id=parent.id,
        name=name,
        modified=work.now,
        quota_bytes=quota_bytes,
        quota_files=quota_files,
    )
    work.record(
        events.FolderMade(
            who=events.OPERATOR,
            folder_id=folder_id,
            owner_organization_id=parent.organization_id,
            path=shown,
        )
    )
    row = work.transaction.first(folder_statements.BY_ID, folder_id=folder_id)
    if row is None:
        raise LookupError("the folder that was just made is not there")
    return row


def _checked_alias(work: Work, shown_as: str, folder: FolderRow, grantee: Grantee) -> str:
    """Return the name at the grantee's root, or raise if it is not one or is taken. Own folders always go before."""
    if not shown_as:
        return ""
    alias = paths.check_name(shown_as.removeprefix("/"))
    if alias.startswith("@"):
        raise Invalid("A name at the root may not begin with '@': partners' organizations are shown so.")
    root = work.transaction.first(folder_statements.ROOT_OF, organization_id=grantee.organization_id)
    own = None if root is None else work.transaction.first(folder_statements.BY_NAME, parent_id=root.id, name=alias)
    others = work.transaction.all(statements.SHOWN_AS, user_id=grantee.user_id, group_id=grantee.group_id)
    taken = any(other.shown_as == alias and other.folder_id != folder.id for other in others)
    if taken or (own is not None and own.id != folder.id):
        raise AlreadyExists(f"The name /{alias} is taken at the root of {grantee.name}.")
    return alias


def _end_sessions(work: Work, grantee: Grantee, *, reason: str) -> None:
    if grantee.user_id is not None:
        sessions.end_of_user(work, grantee.user_id, who=events.OPERATOR, reason=reason)
        return
    for member in work.transaction.all(statements.MEMBERS_OF, group_id=grantee.group_id):
        sessions.end_of_user(work, member.id, who=events.OPERATOR, reason=reason)
