"""People at a browser: who a session is, what it lately proved, its owner's account. Signing in itself: `sign_in.py`.

Dangerous steps need a proof (`demand_proof`): the password given lately, at signing in or again. A refused proof is
counted as a refused sign-in is, against the same name, and returned and not raised so that the count is committed.
Must stay true: a password is changed, and a second factor removed, only by somebody who proved lately who they are.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from sealane.domain import attempts, passwords, rows, second_factor, sessions
from sealane.domain.outcomes import Outcome
from sealane.domain.queries import accounts as account_statements
from sealane.domain.queries import browser as statements
from sealane.domain.queries import sessions as session_statements
from sealane.errors import Locked, NotSignedIn
from sealane.ledger import events
from sealane.operations.browser import SessionIs
from sealane.operations.envelope import Done
from sealane.operations.failures import ProofWanted, SessionMissing

if TYPE_CHECKING:
    from datetime import datetime

    from sealane.domain.work import Caller, Work
    from sealane.operations.accounts import RowsAre
    from sealane.operations.browser import (
        BeginSecondFactor,
        ChangeOwnPassword,
        ConfirmSecondFactor,
        EndOwnSession,
        ListOwnSessions,
        LookSession,
        ProveAgain,
        RecoveryCodesAre,
        RemoveSecondFactor,
        SecondFactorBegun,
    )


def look_session(work: Work, caller: Caller, op: LookSession) -> SessionIs:
    """Say who speaks by a handle."""
    del op
    method = work.transaction.first(statements.METHOD_OF, session_id=caller.session)
    return SessionIs(
        session=caller.session,
        user=caller.name,
        organization=caller.name.rpartition("@")[2],
        role=caller.role,
        scopes=tuple(sorted(caller.scopes)),
        method="" if method is None else method.method,
        expires=caller.expires,
        proved_until=_proved_until(work, caller),
        second_factor=second_factor.is_on(work, caller.user_id),
        administers=administers(work, caller),
    )


def administers(work: Work, caller: Caller) -> Literal["", "organization", "node"]:
    """Return what this caller administers: nothing, their organization, or the whole node."""
    if caller.role != "admin" or "admin" not in caller.scopes:
        return ""
    runs = work.transaction.first(statements.RUNS_NODE, organization_id=caller.organization_id)
    return "organization" if runs is None else "node"


def demand_proof(work: Work, caller: Caller) -> None:
    """Raise `ProofWanted` unless the caller proved lately, in this session, who they are."""
    until = _proved_until(work, caller)
    if until is None or until <= work.now:
        raise ProofWanted


def _proved_until(work: Work, caller: Caller) -> datetime | None:
    row = work.transaction.first(statements.PROOF, session_id=caller.session)
    return None if row is None else row.proved + timedelta(seconds=work.settings.proof_seconds)


# --- proving again ---------------------------------------------------------------------------------------------------


def own_password_to_check(work: Work, handle: str) -> str | None:
    """Return the hash of the password of whoever speaks by this handle; None where it is not to be tried (locked).

    Raises `SessionEnded`.
    """
    caller = sessions.caller_of(work, handle)
    if attempts.standing(work, name=caller.name, address=caller.address).locked:
        return None
    row = work.transaction.first(statements.USER, user_id=caller.user_id)
    return passwords.NOBODYS_HASH if row is None or row.password_hash is None else row.password_hash


def finish_proof(work: Work, op: ProveAgain, *, checked: str | None, right: bool) -> Outcome:
    """Open dangerous steps for a while if password and code were right."""
    caller = sessions.caller_of(work, op.handle)
    refused = _judged(work, caller, checked=checked, right=right)
    if refused is not None:
        return refused
    if second_factor.is_on(work, caller.user_id) and not second_factor.accepts(work, caller.user_id, op.code):
        return _refused(work, caller, "wrong-code")
    attempts.succeeded(work, name=caller.name)
    sessions.prove(work, caller.session)
    return Outcome(Done(), 0.0)


def check_own_password(work: Work, op: ChangeOwnPassword) -> None:
    """Raise what speaks against the new password, so that nothing is hashed in vain."""
    caller = sessions.caller_of(work, op.handle)
    passwords.check_strength(op.new_password, work.settings, caller.name)


def finish_own_password(
    work: Work, op: ChangeOwnPassword, *, checked: str | None, right: bool, hashed: str | None
) -> Outcome:
    """Set the caller's password if the one that they have was right; all their other sessions end."""
    caller = sessions.caller_of(work, op.handle)
    refused = _judged(work, caller, checked=checked, right=right)
    if refused is not None:
        return refused
    assert hashed is not None
    passwords.check(op.new_password, work.settings)
    attempts.succeeded(work, name=caller.name)
    work.transaction.run(account_statements.SET_PASSWORD, user_id=caller.user_id, hashed=hashed)
    others = [
        one
        for one in work.transaction.all(session_statements.OPEN_OF_USER, user_id=caller.user_id)
        if one.id != caller.session
    ]
    sessions.end(work, others, who=caller.who, reason="password changed")
    work.record(
        events.PasswordSet(
            who=caller.who,
            account_id=caller.user_id,
            account_name=caller.name,
            owner_organization_id=caller.organization_id,
        )
    )
    return Outcome(Done(), 0.0)


def _judged(work: Work, caller: Caller, *, checked: str | None, right: bool) -> Outcome | None:
    """Return the refusal of a password, or None for one that was right and still is."""
    row = work.transaction.first(statements.USER, user_id=caller.user_id)
    locked = checked is None or attempts.standing(work, name=caller.name, address=caller.address).locked
    if locked:
        return _refused(work, caller, "locked")
    if not right or row is None or row.password_hash != checked:
        return _refused(work, caller, "wrong-password")
    return None


def _refused(work: Work, caller: Caller, reason: str) -> Outcome:
    work.record(
        events.SignInRefused(
            who=caller.who,
            account_id=caller.user_id,
            account_name=caller.name,
            method=sessions.PASSWORD,
            reason=reason,
        )
    )
    if reason == "locked":
        return Outcome(Locked(), 0.0)
    attempts.failed(work, name=caller.name, address=caller.address)
    stands = attempts.standing(work, name=caller.name, address=caller.address)
    sentence = "The password or the code is not right."
    return Outcome(NotSignedIn(sentence), attempts.wait_seconds(work, stands))


# --- the caller's own account ----------------------------------------------------------------------------------------


def list_own_sessions(work: Work, caller: Caller, op: ListOwnSessions) -> RowsAre:
    """List the caller's open sessions, newest first."""
    del op
    return rows.listing(
        ("session", "door", "address", "method", "credential", "began", "expires", "this"),
        (
            (*row, row.id == caller.session)
            for row in work.transaction.all(statements.OWN_SESSIONS, user_id=caller.user_id, at=work.now)
        ),
    )


def end_own_session(work: Work, caller: Caller, op: EndOwnSession) -> Done:
    """End one of the caller's sessions."""
    found = [
        row
        for row in work.transaction.all(session_statements.OPEN_BY_ID, session_id=op.session)
        if row.user_id == caller.user_id
    ]
    if not sessions.end(work, found, who=caller.who, reason="ended by its owner"):
        raise SessionMissing
    return Done()


def begin_second_factor(work: Work, caller: Caller, op: BeginSecondFactor) -> SecondFactorBegun:
    """Make a secret for the caller's authenticator."""
    del op
    demand_proof(work, caller)
    return second_factor.begin(work, caller.user_id)


def confirm_second_factor(work: Work, caller: Caller, op: ConfirmSecondFactor) -> RecoveryCodesAre:
    """Switch one-time codes on."""
    return second_factor.confirm(
        work,
        caller.user_id,
        op.code,
        who=caller.who,
        account_name=caller.name,
        organization_id=caller.organization_id,
    )


def remove_second_factor(work: Work, caller: Caller, op: RemoveSecondFactor) -> Done:
    """Switch one-time codes off."""
    del op
    demand_proof(work, caller)
    second_factor.remove(
        work, caller.user_id, who=caller.who, account_name=caller.name, organization_id=caller.organization_id
    )
    return Done()
