"""Statements of signing in: who a name names, their keys and tokens, exchanges, failures, strangers."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from sealane.database.statements import Statement
from sealane.database.tables import exchanges, failures, organizations, ssh_keys, strangers, tokens, users
from sealane.ids import OrganizationId, SshKeyId, TokenId, UserId


class AccountRow(NamedTuple):
    """A user as signing in needs them."""

    id: UserId
    organization_id: OrganizationId
    name: str
    organization: str
    password_hash: str | None
    disabled: datetime | None


class ExchangeRow(NamedTuple):
    """An exchange that the keeper has signed."""

    signed: datetime


class TokenRow(NamedTuple):
    """A token and its user."""

    id: TokenId
    name: str
    scopes: str
    expires: datetime | None
    revoked: datetime | None
    user_id: UserId
    organization_id: OrganizationId
    user: str
    organization: str
    disabled: datetime | None


class KeyRow(NamedTuple):
    """An SSH key's number."""

    id: SshKeyId


class FailureRow(NamedTuple):
    """What is remembered of failed sign-ins."""

    count: int
    window_began: datetime
    locked_until: datetime | None


class SubjectRow(NamedTuple):
    """Whose failures."""

    subject: str


class StrangersRow(NamedTuple):
    """Strangers' refusals of one address range and minute, not yet in the ledger."""

    address_range: str
    minute: datetime
    door: str
    count: int


class CountRow(NamedTuple):
    """One number."""

    count: int


_ACCOUNT = sa.select(
    users.c.id,
    users.c.organization_id,
    users.c.name,
    organizations.c.name.label("organization"),
    users.c.password_hash,
    users.c.disabled,
).join_from(users, organizations, organizations.c.id == users.c.organization_id)

BY_NAME = Statement(
    "sign_in.by_name", _ACCOUNT.where(users.c.name == sa.bindparam("name")).order_by(users.c.id).limit(2), AccountRow
)
BY_FULL_NAME = Statement(
    "sign_in.by_full_name",
    _ACCOUNT.where(users.c.name == sa.bindparam("name"), organizations.c.name == sa.bindparam("organization")),
    AccountRow,
)
BY_ID = Statement("sign_in.by_id", _ACCOUNT.where(users.c.id == sa.bindparam("user_id")), AccountRow)
KEY_OF = Statement(
    "sign_in.key_of",
    sa.select(ssh_keys.c.id).where(
        ssh_keys.c.user_id == sa.bindparam("user_id"),
        ssh_keys.c.fingerprint == sa.bindparam("fingerprint"),
        ssh_keys.c.blob == sa.bindparam("blob"),
    ),
    KeyRow,
)
TOKEN = Statement(
    "sign_in.token",
    sa.select(
        tokens.c.id,
        tokens.c.name,
        tokens.c.scopes,
        tokens.c.expires,
        tokens.c.revoked,
        users.c.id.label("user_id"),
        users.c.organization_id,
        users.c.name.label("user"),
        organizations.c.name.label("organization"),
        users.c.disabled,
    )
    .join_from(tokens, users, users.c.id == tokens.c.user_id)
    .join(organizations, organizations.c.id == users.c.organization_id)
    .where(tokens.c.secret_hash == sa.bindparam("secret_hash")),
    TokenRow,
)

REMEMBER_EXCHANGE = Statement(
    "sign_in.remember_exchange",
    exchanges.insert().values(exchange_hash=sa.bindparam("exchange_hash"), signed=sa.bindparam("signed")),
)
USE_EXCHANGE = Statement(
    "sign_in.use_exchange",
    exchanges.update()
    .where(
        exchanges.c.exchange_hash == sa.bindparam("hash_used"),
        exchanges.c.used.is_(None),
        exchanges.c.signed >= sa.bindparam("not_before"),
    )
    .values(used=sa.bindparam("at")),
)
KNOWN_EXCHANGE = Statement(
    "sign_in.known_exchange",
    sa.select(exchanges.c.signed).where(exchanges.c.exchange_hash == sa.bindparam("exchange_hash")),
    ExchangeRow,
)
FORGET_EXCHANGES = Statement(
    "sign_in.forget_exchanges",
    exchanges.delete().where(exchanges.c.signed < sa.bindparam("before"), exchanges.c.used.is_(None)),
)

FAILURE = Statement(
    "sign_in.failure",
    sa.select(failures.c.count, failures.c.window_began, failures.c.locked_until).where(
        failures.c.subject == sa.bindparam("subject")
    ),
    FailureRow,
)
ADD_FAILURE = Statement(
    "sign_in.add_failure",
    failures.insert().values(
        subject=sa.bindparam("subject"),
        count=sa.bindparam("count"),
        window_began=sa.bindparam("window_began"),
        last=sa.bindparam("last"),
        locked_until=sa.bindparam("locked_until"),
    ),
)
SET_FAILURE = Statement(
    "sign_in.set_failure",
    failures.update()
    .where(failures.c.subject == sa.bindparam("whose"))
    .values(
        count=sa.bindparam("failed"),
        window_began=sa.bindparam("since"),
        last=sa.bindparam("at"),
        locked_until=sa.bindparam("until"),
    ),
)
FORGET_FAILURE = Statement(
    "sign_in.forget_failure", failures.delete().where(failures.c.subject == sa.bindparam("subject"))
)
COUNT_FAILURES = Statement(
    "sign_in.count_failures", sa.select(sa.func.count().label("count")).select_from(failures), CountRow
)
OLDEST_FAILURE = Statement(
    "sign_in.oldest_failure",
    sa.select(failures.c.subject).order_by(failures.c.last, failures.c.subject).limit(1),
    SubjectRow,
)
FORGET_OLD_FAILURES = Statement(
    "sign_in.forget_old_failures",
    failures.delete().where(
        failures.c.last < sa.bindparam("before"),
        sa.or_(failures.c.locked_until.is_(None), failures.c.locked_until <= sa.bindparam("at")),
    ),
)

COUNT_STRANGER = Statement(
    "sign_in.count_stranger",
    strangers.update()
    .where(
        strangers.c.address_range == sa.bindparam("from_range"),
        strangers.c.minute == sa.bindparam("in_minute"),
        strangers.c.door == sa.bindparam("at_door"),
    )
    .values(count=strangers.c.count + 1),
)
ADD_STRANGER = Statement(
    "sign_in.add_stranger",
    strangers.insert().values(
        address_range=sa.bindparam("address_range"), minute=sa.bindparam("minute"), door=sa.bindparam("door"), count=1
    ),
)
COUNT_STRANGERS = Statement(
    "sign_in.count_strangers", sa.select(sa.func.count().label("count")).select_from(strangers), CountRow
)
STRANGERS_BEFORE = Statement(
    "sign_in.strangers_before",
    sa.select(strangers.c.address_range, strangers.c.minute, strangers.c.door, strangers.c.count)
    .where(strangers.c.minute < sa.bindparam("before"))
    .order_by(strangers.c.minute, strangers.c.address_range, strangers.c.door)
    .limit(sa.bindparam("limit", type_=sa.Integer)),
    StrangersRow,
)
FORGET_STRANGER = Statement(
    "sign_in.forget_stranger",
    strangers.delete().where(
        strangers.c.address_range == sa.bindparam("address_range"),
        strangers.c.minute == sa.bindparam("minute"),
        strangers.c.door == sa.bindparam("door"),
    ),
)
