"""Folders for the administrator: all or a part of them, with who has which rights on each.

Here a folder is shown whatever anybody may see of it; what administrators may see of other organizations is decided
where they are let in (administering.py), by the organization that the operation names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane import paths
from sealane.domain import accounts, names, rights, rows
from sealane.domain.queries import folders as statements
from sealane.domain.queries import grants as grant_statements
from sealane.domain.rights import Right
from sealane.operations.accounts import Granted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealane.domain.queries.folders import ListedFolder
    from sealane.domain.work import Work
    from sealane.ids import FolderId
    from sealane.operations.accounts import ListFolders, RowsAre


def list_folders(work: Work, op: ListFolders) -> RowsAre:
    """List folders of one organization or of all, with who has which rights on each."""
    if op.organization:
        accounts.find_organization(work, op.organization)
    found = {row.id: row for row in work.transaction.all(statements.LISTED, organization=op.organization)}
    on_roots = _granted(work, [row.id for row in found.values() if row.parent_id is None])
    listed = sorted(
        (f"{row.organization}:{_path_of(found, row)}", row.id)
        for row in found.values()
        if row.parent_id is not None or row.id in on_roots
    )
    if op.folder:
        listed = [(path, folder) for path, folder in listed if path == op.folder]
    part, total = rows.cut(listed, op.part, lambda one: one[0].partition(":")[2])
    granted = _granted(work, [folder for _, folder in part])
    return rows.listing(
        ("folder", "rights", "used_bytes", "quota_bytes", "used_files", "quota_files", "sealed"),
        (
            (
                path,
                tuple(granted.get(folder, ())),
                found[folder].used_bytes,
                found[folder].quota_bytes,
                found[folder].used_files,
                found[folder].quota_files,
                found[folder].sealed_by is not None,
            )
            for path, folder in part
        ),
        total=total,
    )


_AT_ONCE = 500
"""Folders that one statement is asked about."""


def _granted(work: Work, folders: Sequence[FolderId]) -> dict[FolderId, list[Granted]]:
    """Return what is granted on these folders themselves, oldest first."""
    granted: dict[FolderId, list[Granted]] = {}
    for start in range(0, len(folders), _AT_ONCE):
        for grant in work.transaction.all(grant_statements.LISTED, folders=list(folders[start : start + _AT_ONCE])):
            grantee = f"{grant.user}@{grant.user_organization}"
            if grant.group is not None:
                grantee = f"{names.GROUP_PREFIX}{grant.group}@{grant.group_organization}"
            granted.setdefault(grant.folder_id, []).append(
                Granted(grantee, tuple(rights.names(Right(grant.rights))), grant.shown_as or "")
            )
    return granted


def _path_of(found: dict[FolderId, ListedFolder], row: ListedFolder) -> str:
    parts: list[str] = []
    at: ListedFolder | None = row
    while at is not None and at.parent_id is not None:
        parts.append(at.name)
        at = found.get(at.parent_id)
    return paths.show(tuple(reversed(parts)))
