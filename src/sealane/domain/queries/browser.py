"""Statements of people at a browser: proofs, second factors, tickets, one-time links, who runs the node."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from sealane.database.browser_tables import (
    node_organizations,
    one_time_links,
    recovery_codes,
    second_factors,
    session_proofs,
    sign_in_tickets,
)
from sealane.database.statements import Statement, parameters
from sealane.database.tables import organizations, sessions, users
from sealane.ids import OrganizationId, SessionId, UserId


class ProofRow(NamedTuple):
    """When somebody last gave their password."""

    proved: datetime


class MethodRow(NamedTuple):
    """How a session was opened."""

    method: str


class SecondFactorRow(NamedTuple):
    """A user's authenticator."""

    wrapped_secret: bytes
    confirmed: datetime | None
    last_step: int


class WrappedRow(NamedTuple):
    """A secret of an authenticator, as stored."""

    user_id: UserId
    wrapped_secret: bytes


class TicketRow(NamedTuple):
    """A password that was right and waits for its code."""

    user_id: UserId
    name: str
    tries: int


class LinkRow(NamedTuple):
    """A one-time link that is valid."""

    purpose: str
    user_id: UserId | None
    expires: datetime


class UserRow(NamedTuple):
    """A user by number."""

    name: str
    organization: str
    organization_id: OrganizationId
    password_hash: str | None
    disabled: datetime | None


class CountRow(NamedTuple):
    """One number."""

    count: int


class OrganizationIdRow(NamedTuple):
    """An organization's number."""

    organization_id: OrganizationId


class OwnSession(NamedTuple):
    """One of a user's open sessions."""

    id: SessionId
    door: str
    address: str
    method: str
    credential: str
    began: datetime
    expires: datetime


PROOF = Statement(
    "browser.proof",
    sa.select(session_proofs.c.proved).where(session_proofs.c.session_id == sa.bindparam("session_id")),
    ProofRow,
)
ADD_PROOF = Statement("browser.add_proof", session_proofs.insert().values(**parameters("session_id", "proved")))
FORGET_PROOF = Statement(
    "browser.forget_proof", session_proofs.delete().where(session_proofs.c.session_id == sa.bindparam("session_id"))
)
METHOD_OF = Statement(
    "browser.method_of", sa.select(sessions.c.method).where(sessions.c.id == sa.bindparam("session_id")), MethodRow
)
OWN_SESSIONS = Statement(
    "browser.own_sessions",
    sa.select(
        sessions.c.id,
        sessions.c.door,
        sessions.c.address,
        sessions.c.method,
        sessions.c.credential,
        sessions.c.began,
        sessions.c.expires,
    )
    .where(
        sessions.c.user_id == sa.bindparam("user_id"),
        sessions.c.ended.is_(None),
        sessions.c.expires > sa.bindparam("at"),
    )
    .order_by(sessions.c.began.desc(), sessions.c.id),
    OwnSession,
)
USER = Statement(
    "browser.user",
    sa.select(
        users.c.name,
        organizations.c.name.label("organization"),
        users.c.organization_id,
        users.c.password_hash,
        users.c.disabled,
    )
    .join_from(users, organizations, organizations.c.id == users.c.organization_id)
    .where(users.c.id == sa.bindparam("user_id")),
    UserRow,
)
COUNT_USERS = Statement("browser.count_users", sa.select(sa.func.count().label("count")).select_from(users), CountRow)

SECOND_FACTOR = Statement(
    "browser.second_factor",
    sa.select(second_factors.c.wrapped_secret, second_factors.c.confirmed, second_factors.c.last_step).where(
        second_factors.c.user_id == sa.bindparam("user_id")
    ),
    SecondFactorRow,
)
SECOND_FACTORS = Statement(
    "browser.second_factors",
    sa.select(second_factors.c.user_id, second_factors.c.wrapped_secret).order_by(second_factors.c.user_id),
    WrappedRow,
)
ADD_SECOND_FACTOR = Statement(
    "browser.add_second_factor",
    second_factors.insert().values(**parameters("user_id", "wrapped_secret", "made", "last_step")),
)
REWRAP_SECOND_FACTOR = Statement(
    "browser.rewrap_second_factor",
    second_factors.update()
    .where(second_factors.c.user_id == sa.bindparam("whose"))
    .values(wrapped_secret=sa.bindparam("wrapped")),
)
CONFIRM_SECOND_FACTOR = Statement(
    "browser.confirm_second_factor",
    second_factors.update()
    .where(second_factors.c.user_id == sa.bindparam("whose"))
    .values(confirmed=sa.bindparam("at"), last_step=sa.bindparam("step")),
)
USE_STEP = Statement(
    "browser.use_step",
    second_factors.update()
    .where(second_factors.c.user_id == sa.bindparam("whose"), second_factors.c.last_step < sa.bindparam("step"))
    .values(last_step=sa.bindparam("step")),
)
DELETE_SECOND_FACTOR = Statement(
    "browser.delete_second_factor", second_factors.delete().where(second_factors.c.user_id == sa.bindparam("user_id"))
)
ADD_RECOVERY_CODE = Statement(
    "browser.add_recovery_code", recovery_codes.insert().values(**parameters("user_id", "code_hash"))
)
USE_RECOVERY_CODE = Statement(
    "browser.use_recovery_code",
    recovery_codes.delete().where(
        recovery_codes.c.user_id == sa.bindparam("user_id"), recovery_codes.c.code_hash == sa.bindparam("code_hash")
    ),
)
DELETE_RECOVERY_CODES = Statement(
    "browser.delete_recovery_codes", recovery_codes.delete().where(recovery_codes.c.user_id == sa.bindparam("user_id"))
)

TICKET = Statement(
    "browser.ticket",
    sa.select(sign_in_tickets.c.user_id, sign_in_tickets.c.name, sign_in_tickets.c.tries).where(
        sign_in_tickets.c.ticket_hash == sa.bindparam("ticket_hash"),
        sign_in_tickets.c.began >= sa.bindparam("not_before"),
    ),
    TicketRow,
)
ADD_TICKET = Statement(
    "browser.add_ticket",
    sign_in_tickets.insert().values(**parameters("ticket_hash", "user_id", "name", "began"), tries=0),
)
COUNT_TICKETS = Statement(
    "browser.count_tickets", sa.select(sa.func.count().label("count")).select_from(sign_in_tickets), CountRow
)
TRY_TICKET = Statement(
    "browser.try_ticket",
    sign_in_tickets.update()
    .where(sign_in_tickets.c.ticket_hash == sa.bindparam("used"))
    .values(tries=sign_in_tickets.c.tries + 1),
)
DELETE_TICKET = Statement(
    "browser.delete_ticket", sign_in_tickets.delete().where(sign_in_tickets.c.ticket_hash == sa.bindparam("used"))
)
FORGET_TICKETS = Statement(
    "browser.forget_tickets", sign_in_tickets.delete().where(sign_in_tickets.c.began < sa.bindparam("before"))
)

LINK = Statement(
    "browser.link",
    sa.select(one_time_links.c.purpose, one_time_links.c.user_id, one_time_links.c.expires).where(
        one_time_links.c.secret_hash == sa.bindparam("secret_hash"), one_time_links.c.expires > sa.bindparam("at")
    ),
    LinkRow,
)
COUNT_LINKS = Statement(
    "browser.count_links", sa.select(sa.func.count().label("count")).select_from(one_time_links), CountRow
)
ADD_LINK = Statement(
    "browser.add_link", one_time_links.insert().values(**parameters("secret_hash", "purpose", "user_id", "expires"))
)
DELETE_LINKS = Statement(
    "browser.delete_links",
    one_time_links.delete().where(
        one_time_links.c.purpose == sa.bindparam("purpose"),
        one_time_links.c.user_id.is_not_distinct_from(sa.bindparam("user_id", type_=sa.BigInteger)),
    ),
)
FORGET_LINKS = Statement(
    "browser.forget_links", one_time_links.delete().where(one_time_links.c.expires <= sa.bindparam("at"))
)

RUNS_NODE = Statement(
    "browser.runs_node",
    sa.select(node_organizations.c.organization_id).where(
        node_organizations.c.organization_id == sa.bindparam("organization_id")
    ),
    OrganizationIdRow,
)
LET_RUN_NODE = Statement("browser.let_run_node", node_organizations.insert().values(**parameters("organization_id")))
