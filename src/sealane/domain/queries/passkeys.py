"""Statements of passkeys and their challenges."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from sealane.database.passkey_tables import passkey_challenges, passkeys
from sealane.database.statements import Statement, parameters
from sealane.ids import UserId


class PasskeyRow(NamedTuple):
    """A passkey."""

    id: int
    user_id: UserId
    credential_id: bytes
    public_key: bytes
    sign_count: int
    name: str
    made: datetime
    used: datetime | None


class ChallengeRow(NamedTuple):
    """A challenge that was given out."""

    purpose: str
    bound_hash: bytes
    made: datetime


class CountRow(NamedTuple):
    """One number."""

    count: int


_passkey = sa.select(
    passkeys.c.id,
    passkeys.c.user_id,
    passkeys.c.credential_id,
    passkeys.c.public_key,
    passkeys.c.sign_count,
    passkeys.c.name,
    passkeys.c.made,
    passkeys.c.used,
)
OF_USER = Statement(
    "passkeys.of_user",
    _passkey.where(passkeys.c.user_id == sa.bindparam("user_id")).order_by(passkeys.c.id),
    PasskeyRow,
)
BY_CREDENTIAL = Statement(
    "passkeys.by_credential", _passkey.where(passkeys.c.credential_id == sa.bindparam("credential_id")), PasskeyRow
)
ADD = Statement(
    "passkeys.add",
    passkeys.insert()
    .values(**parameters("user_id", "credential_id", "public_key", "sign_count", "name", "made"))
    .returning(passkeys.c.id),
)
USE = Statement(
    "passkeys.use",
    passkeys.update()
    .where(passkeys.c.id == sa.bindparam("passkey"))
    .values(sign_count=sa.bindparam("counted"), used=sa.bindparam("at")),
)
RENAME = Statement(
    "passkeys.rename",
    passkeys.update()
    .where(passkeys.c.id == sa.bindparam("passkey"), passkeys.c.user_id == sa.bindparam("whose"))
    .values(name=sa.bindparam("new_name")),
)
REMOVE = Statement(
    "passkeys.remove",
    passkeys.delete().where(passkeys.c.id == sa.bindparam("passkey"), passkeys.c.user_id == sa.bindparam("whose")),
)
REMOVE_OF_USER = Statement(
    "passkeys.remove_of_user", passkeys.delete().where(passkeys.c.user_id == sa.bindparam("whose"))
)

CHALLENGE = Statement(
    "passkeys.challenge",
    sa.select(passkey_challenges.c.purpose, passkey_challenges.c.bound_hash, passkey_challenges.c.made).where(
        passkey_challenges.c.challenge_hash == sa.bindparam("challenge_hash")
    ),
    ChallengeRow,
)
ADD_CHALLENGE = Statement(
    "passkeys.add_challenge",
    passkey_challenges.insert().values(**parameters("challenge_hash", "purpose", "bound_hash", "made")),
)
DELETE_CHALLENGE = Statement(
    "passkeys.delete_challenge",
    passkey_challenges.delete().where(passkey_challenges.c.challenge_hash == sa.bindparam("challenge_hash")),
)
COUNT_CHALLENGES = Statement(
    "passkeys.count_challenges",
    sa.select(sa.func.count().label("count")).select_from(passkey_challenges),
    CountRow,
)
FORGET_CHALLENGES = Statement(
    "passkeys.forget_challenges", passkey_challenges.delete().where(passkey_challenges.c.made < sa.bindparam("before"))
)
