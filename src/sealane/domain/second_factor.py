"""One-time codes of authenticator apps (TOTP, RFC 6238: SHA-1, 30 seconds, 6 digits), and what stands in for one.

Must stay true: a secret is stored wrapped by the node key; a code counts once, and none of an earlier step after it; a
recovery code counts once and is stored hashed (it has 80 random bits).
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from sealane.domain.queries import browser as statements
from sealane.ledger import events
from sealane.operations.browser import RecoveryCodesAre, SecondFactorBegun
from sealane.operations.failures import CodeWrong, SecondFactorThere

if TYPE_CHECKING:
    from datetime import datetime

    from sealane.domain.work import Work
    from sealane.ids import OrganizationId, UserId
    from sealane.ledger.events import Who

SECRET_BYTES: Final = 20
STEP_SECONDS: Final = 30
_DIGITS: Final = 6
_STEPS_AROUND: Final = 1
"""Clocks of telephones may be off by this many steps, either way."""
RECOVERY_CODES: Final = 10
_RECOVERY_BYTES: Final = 10
_CODE: Final = re.compile(r"\d{6}", re.ASCII)


def code_at(secret: bytes, step: int) -> str:
    """Return the code of a time step (RFC 4226, 5.3). Pure."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    place = digest[-1] & 0x0F
    number = int.from_bytes(digest[place : place + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**_DIGITS:0{_DIGITS}d}"


def step_of(secret: bytes, code: str, now: datetime, *, after: int) -> int | None:
    """Return the time step, near now and later than `after`, whose code this is; None for no such. Pure."""
    code = code.strip().replace(" ", "")
    if not _CODE.fullmatch(code):
        return None
    present = int(now.timestamp()) // STEP_SECONDS
    found: int | None = None
    for step in range(present - _STEPS_AROUND, present + _STEPS_AROUND + 1):
        if hmac.compare_digest(code_at(secret, step), code) and step > after and found is None:
            found = step
    return found


def is_on(work: Work, user_id: UserId) -> bool:
    """Return whether this user signs in with a one-time code too."""
    row = work.transaction.first(statements.SECOND_FACTOR, user_id=user_id)
    return row is not None and row.confirmed is not None


def accepts(work: Work, user_id: UserId, code: str) -> bool:
    """Return whether this is a code, or recovery code, that counts for the user now, and use it up."""
    row = work.transaction.first(statements.SECOND_FACTOR, user_id=user_id)
    if row is None or row.confirmed is None:
        return False
    step = step_of(_unwrapped(work, user_id, row.wrapped_secret), code, work.now, after=row.last_step)
    if step is not None:
        return work.transaction.run(statements.USE_STEP, whose=user_id, step=step) == 1
    used = work.transaction.run(statements.USE_RECOVERY_CODE, user_id=user_id, code_hash=_recovery_hash(code))
    return used == 1


def begin(work: Work, user_id: UserId) -> SecondFactorBegun:
    """Make a fresh secret, in place of one that was never confirmed. Raises `SecondFactorThere`."""
    if is_on(work, user_id):
        raise SecondFactorThere
    secret = secrets.token_bytes(SECRET_BYTES)
    work.transaction.run(statements.DELETE_SECOND_FACTOR, user_id=user_id)
    work.transaction.run(
        statements.ADD_SECOND_FACTOR,
        user_id=user_id,
        wrapped_secret=work.keys.wrap_secret(_name(user_id), secret),
        made=work.now,
        last_step=0,
    )
    return SecondFactorBegun(secret=base64.b32encode(secret).decode())


def confirm(
    work: Work, user_id: UserId, code: str, *, who: Who, account_name: str, organization_id: OrganizationId
) -> RecoveryCodesAre:
    """Switch it on by its first code; return the recovery codes. Raises `CodeWrong`, `SecondFactorThere`."""
    row = work.transaction.first(statements.SECOND_FACTOR, user_id=user_id)
    if row is None:
        raise CodeWrong
    if row.confirmed is not None:
        raise SecondFactorThere
    step = step_of(_unwrapped(work, user_id, row.wrapped_secret), code, work.now, after=row.last_step)
    if step is None:
        raise CodeWrong
    work.transaction.run(statements.CONFIRM_SECOND_FACTOR, whose=user_id, at=work.now, step=step)
    work.transaction.run(statements.DELETE_RECOVERY_CODES, user_id=user_id)
    codes = tuple(_new_recovery_code() for _ in range(RECOVERY_CODES))
    work.transaction.run_many(
        statements.ADD_RECOVERY_CODE, [{"user_id": user_id, "code_hash": _recovery_hash(one)} for one in codes]
    )
    work.record(
        events.SecondFactorSet(
            who=who, account_id=user_id, account_name=account_name, owner_organization_id=organization_id, on=True
        )
    )
    return RecoveryCodesAre(codes=codes)


def remove(work: Work, user_id: UserId, *, who: Who, account_name: str, organization_id: OrganizationId) -> None:
    """Switch it off, if it is on; recovery codes go with it."""
    was_on = is_on(work, user_id)
    work.transaction.run(statements.DELETE_SECOND_FACTOR, user_id=user_id)
    work.transaction.run(statements.DELETE_RECOVERY_CODES, user_id=user_id)
    if was_on:
        work.record(
            events.SecondFactorSet(
                who=who, account_id=user_id, account_name=account_name, owner_organization_id=organization_id, on=False
            )
        )


def wrap_anew(work: Work) -> None:
    """Wrap every secret by the newest node key."""
    for row in work.transaction.all(statements.SECOND_FACTORS):
        secret = _unwrapped(work, row.user_id, row.wrapped_secret)
        wrapped = work.keys.wrap_secret(_name(row.user_id), secret)
        work.transaction.run(statements.REWRAP_SECOND_FACTOR, whose=row.user_id, wrapped=wrapped)


def _unwrapped(work: Work, user_id: UserId, wrapped: bytes) -> bytes:
    return work.keys.unwrap_secret(_name(user_id), wrapped)


def _name(user_id: UserId) -> str:
    return f"second-factor-{user_id}"


def _new_recovery_code() -> str:
    """Return 16 letters and digits in four groups."""
    plain = base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().lower()
    return "-".join(plain[place : place + 4] for place in range(0, len(plain), 4))


def _recovery_hash(code: str) -> bytes:
    plain = "".join(letter for letter in code.lower() if letter.isalnum())
    return sha256(plain.encode("utf-8", "surrogatepass")).digest()
