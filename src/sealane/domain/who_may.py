"""The two questions of administrators: what may this user see, and who may see this folder.

Answered from the grants themselves, as `places.py` decides: a right holds on the folder it was granted on and below it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sealane import paths
from sealane.domain import accounts, named_folders, names, rights, rows
from sealane.domain.queries import folders as folder_statements
from sealane.domain.queries import who_may as statements
from sealane.domain.rights import NO_RIGHTS, Right

if TYPE_CHECKING:
    from sealane.domain.work import Work
    from sealane.ids import FolderId
    from sealane.operations.accounts import RowsAre
    from sealane.operations.administering import RightsOfUser, RightsOnFolder


class _Way(NamedTuple):
    """How somebody came by a right."""

    on: str
    """The folder that the grant is on."""
    through: str
    """The group, or empty for a grant of their own."""


def rights_of_user(work: Work, op: RightsOfUser) -> RowsAre:
    """List the folders on which something is granted to a user: which rights, and through which group."""
    user = accounts.find_user(work, op.user)
    found = work.transaction.all(statements.GRANTS_OF_USER, user_id=user.id)
    listed = sorted(
        (
            _path_of(work, row.folder_id, row.organization),
            rights.names(Right(row.rights)),
            "" if row.group is None else f"{names.GROUP_PREFIX}{row.group}@{row.group_organization}",
            row.shown_as or "",
        )
        for row in found
    )
    part, total = rows.cut(listed, op.part, lambda row: row[0].partition(":")[2])
    return rows.listing(("folder", "rights", "through", "shown_as"), part, total=total)


def rights_on_folder(work: Work, op: RightsOnFolder) -> RowsAre:
    """List every user with a right on a folder: the union of what they have, and each way by which they have it."""
    folder = named_folders.find(work, op.folder)
    organization = names.parse_place(op.folder)[0]
    chain = work.transaction.all(folder_statements.CHAIN, folder_id=folder.id)
    shown = {link.id: _path_of(work, link.id, organization) for link in chain}
    granted: dict[str, Right] = {}
    ways: dict[str, list[_Way]] = {}
    for row in work.transaction.all(statements.USERS_ON_FOLDERS, folders=[link.id for link in chain]):
        user = f"{row.user}@{row.user_organization}"
        granted[user] = granted.get(user, NO_RIGHTS) | Right(row.rights)
        through = "" if row.group is None else f"{names.GROUP_PREFIX}{row.group}@{row.group_organization}"
        ways.setdefault(user, []).append(_Way(shown[row.folder_id], through))
    part, total = rows.cut(sorted(granted), op.part, str)
    return rows.listing(
        ("user", "rights", "by"),
        (
            (
                user,
                rights.names(granted[user]),
                tuple(f"{way.on} {way.through}".strip() for way in sorted(ways[user])),
            )
            for user in part
        ),
        total=total,
    )


def _path_of(work: Work, folder_id: FolderId, organization: str) -> str:
    chain = work.transaction.all(folder_statements.CHAIN, folder_id=folder_id)
    inside = tuple(link.name for link in reversed(chain) if link.parent_id is not None)
    return f"{organization}:{paths.show(inside)}"
