"""Statements on sessions: opening, finding by handle, ending, listing."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from sealane.database.statements import Statement
from sealane.database.tables import memberships, organizations, sessions, users
from sealane.domain.queries.wanted import any_or, of_organization
from sealane.ids import GroupId, OrganizationId, SessionId, UserId


class SessionRow(NamedTuple):
    """An open session and its user."""

    id: SessionId
    user_id: UserId
    user: str
    role: str
    disabled: datetime | None
    organization_id: OrganizationId
    organization: str
    door: str
    address: str
    scopes: str
    method: str
    began: datetime
    expires: datetime


class OpenSession(NamedTuple):
    """A session that is to end."""

    id: SessionId
    user_id: UserId
    organization_id: OrganizationId


class EndRow(NamedTuple):
    """When a session ends that is not used any more."""

    expires: datetime


class TimesRow(NamedTuple):
    """When an open session began, and when it ends that is not used any more."""

    id: SessionId
    began: datetime
    expires: datetime


class SessionName(NamedTuple):
    """A session's name."""

    id: SessionId


class ListedSession(NamedTuple):
    """A session, for the administrator's listing."""

    id: SessionId
    user: str
    organization: str
    door: str
    address: str
    method: str
    credential: str
    began: datetime
    expires: datetime


class CountRow(NamedTuple):
    """One number."""

    count: int


class GroupRow(NamedTuple):
    """A group's number."""

    id: GroupId


_WITH_USER = sessions.join(users, users.c.id == sessions.c.user_id).join(
    organizations, organizations.c.id == users.c.organization_id
)
_OPEN = (
    (sa.select(sessions.c.id, sessions.c.user_id, users.c.organization_id))
    .select_from(_WITH_USER)
    .where(sessions.c.ended.is_(None))
)

INSERT = Statement(
    "sessions.insert",
    sessions.insert().values(
        id=sa.bindparam("id"),
        handle_hash=sa.bindparam("handle_hash"),
        user_id=sa.bindparam("user_id"),
        door=sa.bindparam("door"),
        address=sa.bindparam("address"),
        method=sa.bindparam("method"),
        credential=sa.bindparam("credential"),
        scopes=sa.bindparam("scopes"),
        began=sa.bindparam("began"),
        expires=sa.bindparam("expires"),
    ),
)
_BY_HANDLE = (
    sa.select(
        sessions.c.id,
        sessions.c.user_id,
        users.c.name.label("user"),
        users.c.role,
        users.c.disabled,
        organizations.c.id.label("organization_id"),
        organizations.c.name.label("organization"),
        sessions.c.door,
        sessions.c.address,
        sessions.c.scopes,
        sessions.c.method,
        sessions.c.began,
        sessions.c.expires,
    )
    .select_from(_WITH_USER)
    .where(sessions.c.handle_hash == sa.bindparam("handle_hash"))
)
BY_HANDLE = Statement("sessions.by_handle", _BY_HANDLE.where(sessions.c.ended.is_(None)), SessionRow)
BY_HANDLE_EVER = Statement("sessions.by_handle_ever", _BY_HANDLE, SessionRow)
GROUPS_OF = Statement(
    "sessions.groups_of",
    sa.select(memberships.c.group_id.label("id")).where(memberships.c.user_id == sa.bindparam("user_id")),
    GroupRow,
)
COUNT_OPEN_OF = Statement(
    "sessions.count_open_of",
    sa.select(sa.func.count().label("count"))
    .select_from(sessions)
    .where(sessions.c.user_id == sa.bindparam("user_id"), sessions.c.ended.is_(None)),
    CountRow,
)
EXTEND = Statement(
    "sessions.extend",
    sessions.update().where(sessions.c.id == sa.bindparam("session_id")).values(expires=sa.bindparam("until")),
)
END = Statement(
    "sessions.end",
    sessions.update()
    .where(sessions.c.id == sa.bindparam("session_id"), sessions.c.ended.is_(None))
    .values(ended=sa.bindparam("at")),
)
OPEN_OF_USER = Statement(
    "sessions.open_of_user", _OPEN.where(sessions.c.user_id == sa.bindparam("user_id")), OpenSession
)
OPEN_OF_CREDENTIAL = Statement(
    "sessions.open_of_credential",
    _OPEN.where(
        sessions.c.user_id == sa.bindparam("user_id"),
        sessions.c.method == sa.bindparam("method"),
        sessions.c.credential == sa.bindparam("credential"),
    ),
    OpenSession,
)
OPEN_BY_ID = Statement("sessions.open_by_id", _OPEN.where(sessions.c.id == sa.bindparam("session_id")), OpenSession)
EXPIRED = Statement(
    "sessions.expired",
    _OPEN.where(sessions.c.expires <= sa.bindparam("at"))
    .order_by(sessions.c.expires)
    .limit(sa.bindparam("limit", type_=sa.Integer)),
    OpenSession,
)
NEXT_END = Statement(
    "sessions.next_end",
    sa.select(sessions.c.expires).where(sessions.c.ended.is_(None)).order_by(sessions.c.expires).limit(1),
    EndRow,
)
CUT_IDLE = Statement(
    "sessions.cut_idle",
    sessions.update()
    .where(
        sessions.c.ended.is_(None),
        sessions.c.expires > sa.bindparam("until"),
        sessions.c.method != sa.bindparam("but_method"),
    )
    .values(expires=sa.bindparam("until")),
)
OPEN_OF_DOOR = Statement(
    "sessions.open_of_door",
    sa.select(sessions.c.id, sessions.c.began, sessions.c.expires).where(
        sessions.c.ended.is_(None),
        sessions.c.door == sa.bindparam("of_door"),
        sessions.c.began < sa.bindparam("began_before"),
    ),
    TimesRow,
)
ENDED_SINCE = Statement(
    "sessions.ended_since",
    sa.select(sessions.c.id)
    .where(sessions.c.ended >= sa.bindparam("since"))
    .order_by(sessions.c.ended.desc())
    .limit(sa.bindparam("limit", type_=sa.Integer)),
    SessionName,
)
LISTED = Statement(
    "sessions.listed",
    sa.select(
        sessions.c.id,
        users.c.name.label("user"),
        organizations.c.name.label("organization"),
        sessions.c.door,
        sessions.c.address,
        sessions.c.method,
        sessions.c.credential,
        sessions.c.began,
        sessions.c.expires,
    )
    .select_from(_WITH_USER)
    .where(
        sessions.c.ended.is_(None),
        sessions.c.expires > sa.bindparam("at"),
        of_organization(),
        any_or(users.c.name, "user"),
    )
    .order_by(sessions.c.began, sessions.c.id),
    ListedSession,
)
