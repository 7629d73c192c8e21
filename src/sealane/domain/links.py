"""Links that count once: the first start (`first_start.py`), and a password that its owner is to set.

A link's secret has 256 random bits and is stored hashed; guesses are counted against their address range all the same.
Must stay true: a new link takes the place of the one before it; the setup link opens nothing once the node has a
user, however it got one: a node that is run by the command line prints no link that could take it over.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

from sealane.domain import accounts, attempts, passwords, sessions
from sealane.domain.outcomes import Outcome
from sealane.domain.queries import accounts as account_statements
from sealane.domain.queries import browser as statements
from sealane.errors import Locked, SealaneError, TooMany
from sealane.ledger import events
from sealane.operations.browser import LinkIs, LinkSays
from sealane.operations.envelope import Done
from sealane.operations.failures import LinkOver

if TYPE_CHECKING:
    from sealane.domain.queries.browser import LinkRow
    from sealane.domain.work import Work
    from sealane.ids import UserId
    from sealane.operations.browser import LookLink, NewPasswordLink, NewSetupLink, SetPasswordByLink

SETUP: Literal["setup"] = "setup"
PASSWORD: Literal["password"] = "password"  # noqa: S105  # a purpose, no secret
_SECRET_BYTES = 32


def new_setup_link(work: Work, op: NewSetupLink) -> LinkIs:
    """Make the link of the first start; an empty one where there is any user already."""
    del op
    if _has_users(work):
        return LinkIs(secret="")
    return _new(work, SETUP, None)


def new_password_link(work: Work, op: NewPasswordLink) -> LinkIs:
    """Make a link by which a user sets their own password."""
    user = accounts.find_user(work, op.user)
    link = _new(work, PASSWORD, user.id)
    work.record(
        events.PasswordLinkMade(account_id=user.id, account_name=op.user, owner_organization_id=user.organization_id)
    )
    return link


def look_link(work: Work, op: LookLink) -> Outcome:
    """Say what a link is for."""
    found = look_up(work, op.secret, op.address)
    if isinstance(found, Outcome):
        return found
    user = ""
    if found.user_id is not None:
        row = work.transaction.first(statements.USER, user_id=found.user_id)
        if row is None or row.disabled is not None:
            return Outcome(LinkOver(), 0.0)
        user = f"{row.name}@{row.organization}"
    purpose = SETUP if found.purpose == SETUP else PASSWORD
    return Outcome(LinkSays(purpose=purpose, user=user, expires=found.expires), 0.0)


def check_password_by_link(work: Work, op: SetPasswordByLink) -> Outcome | None:
    """Return the refusal of a link, or None; raise what speaks against the password."""
    found = look_up(work, op.secret, op.address, purpose=PASSWORD)
    if isinstance(found, Outcome):
        return found
    row = None if found.user_id is None else work.transaction.first(statements.USER, user_id=found.user_id)
    known = () if row is None else (row.name, row.organization)
    passwords.check_strength(op.password, work.settings, *known)
    return None


def finish_password_by_link(work: Work, op: SetPasswordByLink, password_hash: str) -> Outcome:
    """Set the password; all the user's sessions end, and the link is used up."""
    found = look_up(work, op.secret, op.address, purpose=PASSWORD)
    if isinstance(found, Outcome):
        return found
    assert found.user_id is not None
    row = work.transaction.first(statements.USER, user_id=found.user_id)
    if row is None or row.disabled is not None:
        return Outcome(LinkOver(), 0.0)
    name = f"{row.name}@{row.organization}"
    who = events.Who(
        door="web", organization_id=row.organization_id, user_id=found.user_id, user_name=name, address=op.address
    )
    work.transaction.run(account_statements.SET_PASSWORD, user_id=found.user_id, hashed=password_hash)
    used_up(work, PASSWORD, found.user_id)
    sessions.end_of_user(work, found.user_id, who=who, reason="password set")
    work.record(
        events.PasswordSet(
            who=who, account_id=found.user_id, account_name=name, owner_organization_id=row.organization_id
        )
    )
    return Outcome(Done(), 0.0)


def forget_old(work: Work) -> int:
    """Forget links and sign-in tickets whose time is over. Returns how many; called by the keeper's tick."""
    tickets_before = work.now - timedelta(seconds=work.settings.sign_in_ticket_seconds)
    return work.transaction.run(statements.FORGET_LINKS, at=work.now) + work.transaction.run(
        statements.FORGET_TICKETS, before=tickets_before
    )


def used_up(work: Work, purpose: Literal["setup", "password"], user_id: UserId | None) -> None:
    """Let no link of this purpose open anything any more."""
    work.transaction.run(statements.DELETE_LINKS, purpose=purpose, user_id=user_id)


def _new(work: Work, purpose: Literal["setup", "password"], user_id: UserId | None) -> LinkIs:
    used_up(work, purpose, user_id)
    kept = work.transaction.first(statements.COUNT_LINKS)
    if kept is not None and kept.count >= work.settings.one_time_rows_max:
        raise TooMany
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    work.transaction.run(
        statements.ADD_LINK,
        secret_hash=_hash(secret),
        purpose=purpose,
        user_id=user_id,
        expires=work.now + timedelta(seconds=work.settings.link_seconds),
    )
    return LinkIs(secret=secret)


def look_up(work: Work, secret: str, address: str, *, purpose: str = "") -> LinkRow | Outcome:
    """Return a link that is valid for this purpose, or the refusal, counted as a stranger's is."""
    stands = attempts.standing(work, name="", address=address)
    if stands.locked:
        return Outcome(Locked(), attempts.wait_seconds(work, stands))
    row = work.transaction.first(statements.LINK, secret_hash=_hash(secret), at=work.now)
    usable = row is not None and purpose in {"", row.purpose} and not (row.purpose == SETUP and _has_users(work))
    if row is not None and usable:
        return row
    failure: SealaneError = LinkOver()
    if row is None:
        attempts.count_stranger(work, address=address, door="web")
        attempts.failed(work, name="", address=address)
    return Outcome(failure, attempts.wait_seconds(work, attempts.standing(work, name="", address=address)))


def _has_users(work: Work) -> bool:
    found = work.transaction.first(statements.COUNT_USERS)
    return found is not None and found.count > 0


def _hash(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()
