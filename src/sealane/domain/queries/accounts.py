"""Statements of administration: organizations, users, groups, keys, tokens, recipients, unfinished uploads."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from sealane.database.share_tables import share_guests
from sealane.database.statements import Statement, parameters
from sealane.database.tables import (
    groups,
    memberships,
    organizations,
    recipients,
    ssh_keys,
    tokens,
    upload_keys,
    uploads,
    users,
)
from sealane.domain.queries.wanted import any_or, of_organization
from sealane.ids import GroupId, KeyId, OrganizationId, SshKeyId, TokenId, UploadId, UserId


class OrganizationRow(NamedTuple):
    """An organization."""

    id: OrganizationId
    name: str
    wrapped_key: bytes
    quota_bytes: int
    quota_files: int
    used_bytes: int
    used_files: int
    made: datetime


class UserRow(NamedTuple):
    """A user."""

    id: UserId
    organization_id: OrganizationId
    name: str
    role: str


class NameRow(NamedTuple):
    """A name that is taken."""

    name: str


class ListedUser(NamedTuple):
    """A user, for the administrator's listing."""

    name: str
    organization: str
    role: str
    email: str
    has_password: int
    keys: int
    tokens: int
    made: datetime
    disabled: datetime | None


class GroupRow(NamedTuple):
    """A group."""

    id: GroupId
    organization_id: OrganizationId


class ListedGroup(NamedTuple):
    """A group and one of its members, or none."""

    id: GroupId
    name: str
    organization: str
    user: str | None


class ListedKey(NamedTuple):
    """An SSH key."""

    id: SshKeyId
    fingerprint: str
    comment: str
    made: datetime


class ListedToken(NamedTuple):
    """A token, without its secret."""

    id: TokenId
    name: str
    scopes: str
    made: datetime
    expires: datetime | None
    revoked: datetime | None


class UploadKeyRow(NamedTuple):
    """An upload's key, wrapped by its organization's."""

    id: KeyId
    wrapped_key: bytes


class ListedUpload(NamedTuple):
    """An upload that is not finished."""

    id: UploadId
    user: str
    organization: str
    path: str
    size: int
    declared: int | None
    began: datetime
    expires: datetime


_ORGANIZATION = sa.select(
    organizations.c.id,
    organizations.c.name,
    organizations.c.wrapped_key,
    organizations.c.quota_bytes,
    organizations.c.quota_files,
    organizations.c.used_bytes,
    organizations.c.used_files,
    organizations.c.made,
)

ORGANIZATION = Statement(
    "accounts.organization", _ORGANIZATION.where(organizations.c.name == sa.bindparam("name")), OrganizationRow
)
ORGANIZATIONS = Statement("accounts.organizations", _ORGANIZATION.order_by(organizations.c.name), OrganizationRow)
ADD_ORGANIZATION = Statement(
    "accounts.add_organization",
    organizations.insert()
    .values(**parameters("name", "wrapped_key", "quota_bytes", "quota_files", "made"))
    .returning(organizations.c.id),
)
SET_ORGANIZATION_KEY = Statement(
    "accounts.set_organization_key",
    organizations.update()
    .where(organizations.c.id == sa.bindparam("whose"))
    .values(wrapped_key=sa.bindparam("wrapped")),
)
SET_ORGANIZATION_QUOTA = Statement(
    "accounts.set_organization_quota",
    organizations.update()
    .where(organizations.c.id == sa.bindparam("whose"))
    .values(quota_bytes=sa.bindparam("bytes_max"), quota_files=sa.bindparam("files_max")),
)
UPLOAD_KEYS_OF = Statement(
    "accounts.upload_keys_of",
    sa.select(upload_keys.c.id, upload_keys.c.wrapped_key)
    .where(
        upload_keys.c.organization_id == sa.bindparam("organization_id"),
        upload_keys.c.id > sa.bindparam("after"),
        upload_keys.c.wrapped_key != sa.literal(b""),
    )
    .order_by(upload_keys.c.id)
    .limit(sa.bindparam("limit", type_=sa.Integer)),
    UploadKeyRow,
)
SET_UPLOAD_KEY = Statement(
    "accounts.set_upload_key",
    upload_keys.update().where(upload_keys.c.id == sa.bindparam("key")).values(wrapped_key=sa.bindparam("wrapped")),
)

_IS_NO_GUEST = ~sa.exists().where(share_guests.c.user_id == users.c.id)
USER = Statement(
    "accounts.user",
    sa.select(users.c.id, users.c.organization_id, users.c.name, users.c.role)
    .join_from(users, organizations, organizations.c.id == users.c.organization_id)
    .where(users.c.name == sa.bindparam("name"), organizations.c.name == sa.bindparam("organization"), _IS_NO_GUEST),
    UserRow,
)
"""No guest: nobody gives one a password, a key, a group or a grant."""
NUMBER_OF = Statement(
    "accounts.number_of",
    sa.select(users.c.id, users.c.organization_id, users.c.name, users.c.role)
    .join_from(users, organizations, organizations.c.id == users.c.organization_id)
    .where(users.c.name == sa.bindparam("name"), organizations.c.name == sa.bindparam("organization")),
    UserRow,
)
"""A guest too: what they did is searched for by it."""
USER_NAMES = Statement(
    "accounts.user_names",
    sa.select(users.c.name).where(users.c.organization_id == sa.bindparam("organization_id")),
    NameRow,
)
ADD_USER = Statement(
    "accounts.add_user",
    users.insert()
    .values(**parameters("organization_id", "name", "role", "email", "password_hash", "made"))
    .returning(users.c.id),
)
SET_DISABLED = Statement(
    "accounts.set_disabled",
    users.update().where(users.c.id == sa.bindparam("user_id")).values(disabled=sa.bindparam("at")),
)
SET_PASSWORD = Statement(
    "accounts.set_password",
    users.update().where(users.c.id == sa.bindparam("user_id")).values(password_hash=sa.bindparam("hashed")),
)
SET_ROLE = Statement(
    "accounts.set_role",
    users.update().where(users.c.id == sa.bindparam("user_id")).values(role=sa.bindparam("new_role")),
)
ADD_RECIPIENT = Statement(
    "accounts.add_recipient", recipients.insert().values(**parameters("user_id", "recipient", "made"))
)
_keys_of = sa.select(sa.func.count().label("count")).select_from(ssh_keys).where(ssh_keys.c.user_id == users.c.id)
_tokens_of = (
    sa.select(sa.func.count().label("count"))
    .select_from(tokens)
    .where(tokens.c.user_id == users.c.id, tokens.c.revoked.is_(None))
)
USERS = Statement(
    "accounts.users",
    sa.select(
        users.c.name,
        organizations.c.name.label("organization"),
        users.c.role,
        users.c.email,
        sa.case((users.c.password_hash.is_(None), 0), else_=1).label("has_password"),
        _keys_of.correlate(users).scalar_subquery().label("keys"),
        _tokens_of.correlate(users).scalar_subquery().label("tokens"),
        users.c.made,
        users.c.disabled,
    )
    .join_from(users, organizations, organizations.c.id == users.c.organization_id)
    .where(_IS_NO_GUEST, of_organization(), any_or(users.c.role, "role"), any_or(users.c.name, "user"))
    .order_by(organizations.c.name, users.c.name),
    ListedUser,
)

GROUP = Statement(
    "accounts.group",
    sa.select(groups.c.id, groups.c.organization_id)
    .join_from(groups, organizations, organizations.c.id == groups.c.organization_id)
    .where(groups.c.name == sa.bindparam("name"), organizations.c.name == sa.bindparam("organization")),
    GroupRow,
)
GROUP_NAMES = Statement(
    "accounts.group_names",
    sa.select(groups.c.name).where(groups.c.organization_id == sa.bindparam("organization_id")),
    NameRow,
)
ADD_GROUP = Statement(
    "accounts.add_group",
    groups.insert().values(**parameters("organization_id", "name", "made")).returning(groups.c.id),
)
ADD_MEMBER = Statement("accounts.add_member", memberships.insert().values(**parameters("group_id", "user_id")))
REMOVE_MEMBER = Statement(
    "accounts.remove_member",
    memberships.delete().where(
        memberships.c.group_id == sa.bindparam("group_id"), memberships.c.user_id == sa.bindparam("user_id")
    ),
)
GROUPS = Statement(
    "accounts.groups",
    sa.select(groups.c.id, groups.c.name, organizations.c.name.label("organization"), users.c.name.label("user"))
    .select_from(
        groups.join(organizations, organizations.c.id == groups.c.organization_id)
        .outerjoin(memberships, memberships.c.group_id == groups.c.id)
        .outerjoin(users, users.c.id == memberships.c.user_id)
    )
    .where(of_organization(), any_or(users.c.name, "user"))
    .order_by(organizations.c.name, groups.c.name, users.c.name),
    ListedGroup,
)

SSH_KEYS = Statement(
    "accounts.ssh_keys",
    sa.select(ssh_keys.c.id, ssh_keys.c.fingerprint, ssh_keys.c.comment, ssh_keys.c.made)
    .where(ssh_keys.c.user_id == sa.bindparam("user_id"))
    .order_by(ssh_keys.c.id),
    ListedKey,
)
ADD_SSH_KEY = Statement(
    "accounts.add_ssh_key",
    ssh_keys.insert()
    .values(**parameters("user_id", "fingerprint", "blob", "comment", "made"))
    .returning(ssh_keys.c.id),
)
REMOVE_SSH_KEY = Statement("accounts.remove_ssh_key", ssh_keys.delete().where(ssh_keys.c.id == sa.bindparam("key")))

TOKENS = Statement(
    "accounts.tokens",
    sa.select(tokens.c.id, tokens.c.name, tokens.c.scopes, tokens.c.made, tokens.c.expires, tokens.c.revoked)
    .where(tokens.c.user_id == sa.bindparam("user_id"))
    .order_by(tokens.c.id),
    ListedToken,
)
ADD_TOKEN = Statement(
    "accounts.add_token",
    tokens.insert()
    .values(**parameters("user_id", "name", "secret_hash", "scopes", "made", "expires"))
    .returning(tokens.c.id),
)
REVOKE_TOKEN = Statement(
    "accounts.revoke_token",
    tokens.update().where(tokens.c.id == sa.bindparam("token")).values(revoked=sa.bindparam("at")),
)

UNFINISHED_UPLOADS = Statement(
    "accounts.unfinished_uploads",
    sa.select(
        uploads.c.id,
        users.c.name.label("user"),
        organizations.c.name.label("organization"),
        uploads.c.shown_path.label("path"),
        uploads.c.contiguous.label("size"),
        uploads.c.declared,
        uploads.c.began,
        uploads.c.expires,
    )
    .select_from(
        uploads.join(users, users.c.id == uploads.c.user_id).join(
            organizations, organizations.c.id == users.c.organization_id
        )
    )
    .where(uploads.c.state.in_(["open", "part"]))
    .order_by(uploads.c.began, uploads.c.id),
    ListedUpload,
)
