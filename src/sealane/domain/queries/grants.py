"""Statements on grants: those of a user and their groups, of a folder, and changing them."""

from __future__ import annotations

from typing import Any, NamedTuple

import sqlalchemy as sa

from sealane.database.statements import Statement
from sealane.database.tables import folders, grants, groups, memberships, organizations, users
from sealane.ids import FolderId, OrganizationId, UserId


class GrantRow(NamedTuple):
    """A grant that a user has, by themselves or by a group. Their own come first, then by age."""

    by_group: int
    id: int
    folder_id: FolderId
    rights: int
    shown_as: str
    organization_id: OrganizationId
    organization: str


class GrantId(NamedTuple):
    """A grant's number and what it says."""

    id: int
    rights: int
    shown_as: str


class ListedGrant(NamedTuple):
    """A grant, for the administrator's listing: who may what on which folder."""

    folder_id: FolderId
    user: str | None
    user_organization: str | None
    group: str | None
    group_organization: str | None
    rights: int
    shown_as: str


class UserIdRow(NamedTuple):
    """A user's number."""

    id: UserId


class ShownAsRow(NamedTuple):
    """A grant of one grantee that is shown under a name of its own."""

    folder_id: FolderId
    shown_as: str


def _of(by_group: int, condition: sa.ColumnElement[bool]) -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(
            sa.literal(by_group, sa.Integer).label("by_group"),
            grants.c.id.label("id"),
            grants.c.folder_id,
            grants.c.rights,
            grants.c.shown_as,
            organizations.c.id.label("organization_id"),
            organizations.c.name.label("organization"),
        )
        .join_from(grants, folders, folders.c.id == grants.c.folder_id)
        .join(organizations, organizations.c.id == folders.c.organization_id)
        .where(condition)
    )


_groups_of_user = sa.select(memberships.c.group_id).where(memberships.c.user_id == sa.bindparam("user_id"))
_all = sa.union_all(_of(0, grants.c.user_id == sa.bindparam("user_id")), _of(1, grants.c.group_id.in_(_groups_of_user)))

OF_USER = Statement("grants.of_user", _all.order_by("by_group", "id"), GrantRow)


def _exactly(prefix: str) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the condition that names one grant: its folder and its one grantee (the other is None)."""
    return (
        grants.c.folder_id == sa.bindparam(f"{prefix}folder_id"),
        grants.c.user_id.is_not_distinct_from(sa.bindparam(f"{prefix}user_id", type_=sa.BigInteger)),
        grants.c.group_id.is_not_distinct_from(sa.bindparam(f"{prefix}group_id", type_=sa.BigInteger)),
    )


EXACT = Statement(
    "grants.exact", sa.select(grants.c.id, grants.c.rights, grants.c.shown_as).where(*_exactly("")), GrantId
)
SHOWN_AS = Statement(
    "grants.shown_as",
    sa.select(grants.c.folder_id, grants.c.shown_as).where(*_exactly("")[1:], grants.c.shown_as != ""),
    ShownAsRow,
)
INSERT = Statement(
    "grants.insert",
    grants.insert()
    .values(
        folder_id=sa.bindparam("folder_id"),
        user_id=sa.bindparam("user_id"),
        group_id=sa.bindparam("group_id"),
        rights=sa.bindparam("rights"),
        shown_as=sa.bindparam("shown_as"),
        made=sa.bindparam("made"),
    )
    .returning(grants.c.id),
)
UPDATE = Statement(
    "grants.update",
    grants.update()
    .where(grants.c.id == sa.bindparam("grant_id"))
    .values(rights=sa.bindparam("new_rights"), shown_as=sa.bindparam("new_shown_as")),
)
DELETE = Statement("grants.delete", grants.delete().where(grants.c.id == sa.bindparam("grant_id")))
DELETE_OF_FOLDER = Statement(
    "grants.delete_of_folder", grants.delete().where(grants.c.folder_id == sa.bindparam("folder_id"))
)
MEMBERS_OF = Statement(
    "grants.members_of",
    sa.select(memberships.c.user_id.label("id")).where(memberships.c.group_id == sa.bindparam("group_id")),
    UserIdRow,
)

_group_organizations = organizations.alias("group_organizations")

LISTED = Statement(
    "grants.listed",
    sa.select(
        grants.c.folder_id,
        users.c.name.label("user"),
        organizations.c.name.label("user_organization"),
        groups.c.name.label("group"),
        _group_organizations.c.name.label("group_organization"),
        grants.c.rights,
        grants.c.shown_as,
    )
    .select_from(
        grants.outerjoin(users, users.c.id == grants.c.user_id)
        .outerjoin(organizations, organizations.c.id == users.c.organization_id)
        .outerjoin(groups, groups.c.id == grants.c.group_id)
        .outerjoin(_group_organizations, _group_organizations.c.id == groups.c.organization_id)
    )
    .where(grants.c.folder_id.in_(sa.bindparam("folders", expanding=True)))
    .order_by(grants.c.id),
    ListedGrant,
)
