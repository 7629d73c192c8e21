"""Statements for the questions who may see what: grants of a user, users on a chain of folders."""

from __future__ import annotations

from typing import Any, NamedTuple

import sqlalchemy as sa

from sealane.database.statements import Statement
from sealane.database.tables import folders, grants, groups, memberships, organizations, users
from sealane.ids import FolderId


class UserGrant(NamedTuple):
    """A grant that a user has, by themselves or through a group."""

    folder_id: FolderId
    organization: str
    rights: int
    shown_as: str
    group: str | None
    group_organization: str | None


class FolderGrant(NamedTuple):
    """A user with a right on a folder."""

    folder_id: FolderId
    rights: int
    user: str
    user_organization: str
    group: str | None
    group_organization: str | None


_owners = organizations.alias("owners")
_users_organizations = organizations.alias("users_organizations")
_groups_organizations = organizations.alias("groups_organizations")
_nobody: tuple[sa.ColumnElement[Any], ...] = (
    sa.null().cast(sa.String).label("group"),
    sa.null().cast(sa.String).label("group_organization"),
)
_group: tuple[sa.ColumnElement[Any], ...] = (
    groups.c.name.label("group"),
    _groups_organizations.c.name.label("group_organization"),
)

_grant = (grants.c.folder_id, _owners.c.name.label("organization"), grants.c.rights, grants.c.shown_as)
_granted = grants.join(folders, folders.c.id == grants.c.folder_id).join(
    _owners, _owners.c.id == folders.c.organization_id
)
GRANTS_OF_USER = Statement(
    "who_may.grants_of_user",
    sa.union_all(
        sa.select(*_grant, *_nobody).select_from(_granted).where(grants.c.user_id == sa.bindparam("user_id")),
        sa.select(*_grant, *_group)
        .select_from(
            _granted.join(groups, groups.c.id == grants.c.group_id)
            .join(_groups_organizations, _groups_organizations.c.id == groups.c.organization_id)
            .join(memberships, memberships.c.group_id == groups.c.id)
        )
        .where(memberships.c.user_id == sa.bindparam("user_id")),
    ),
    UserGrant,
)

_right = (
    grants.c.folder_id,
    grants.c.rights,
    users.c.name.label("user"),
    _users_organizations.c.name.label("user_organization"),
)
_on = grants.c.folder_id.in_(sa.bindparam("folders", expanding=True))
USERS_ON_FOLDERS = Statement(
    "who_may.users_on_folders",
    sa.union_all(
        sa.select(*_right, *_nobody)
        .select_from(
            grants.join(users, users.c.id == grants.c.user_id).join(
                _users_organizations, _users_organizations.c.id == users.c.organization_id
            )
        )
        .where(_on),
        sa.select(*_right, *_group)
        .select_from(
            grants.join(groups, groups.c.id == grants.c.group_id)
            .join(_groups_organizations, _groups_organizations.c.id == groups.c.organization_id)
            .join(memberships, memberships.c.group_id == groups.c.id)
            .join(users, users.c.id == memberships.c.user_id)
            .join(_users_organizations, _users_organizations.c.id == users.c.organization_id)
        )
        .where(_on),
    ),
    FolderGrant,
)
