"""Signing in: by a key, by a password, by a token. The one place where somebody becomes a session.

Every way ends in an `Outcome`: an answer or a refusal, and how long the keeper holds it back. A refusal is returned and
not raised, since what was counted of it must be committed. For strangers all refusals are one answer after the same
work: unknown names, wrong proofs, disabled users. Who comes with a right key or token, which nobody can guess, is no
stranger: if it opens nothing any more they are told why, never that they are locked out, and nobody else is slowed
down for it.

Not here: hashing passwords (the keeper's pool: `password_to_check`, then `finish_password`), what a session is
(`sessions.py`), counting failures (`attempts.py`).
Must stay true: an SSH exchange opens one session at most, only within `login_grace_seconds` of the keeper's signature;
a locked name or address range gets no password tried, while a right key or token still opens a session, since neither
can be guessed.
"""

from __future__ import annotations

import secrets
import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from sealane import paths
from sealane.domain import attempts, passwords, second_factor, sessions, ssh_keys
from sealane.domain.outcomes import Outcome
from sealane.domain.queries import browser as browser_statements
from sealane.domain.queries import sign_in as statements
from sealane.errors import ExchangeKnown, Locked, NotSignedIn, PathInvalid, TooMany
from sealane.ledger import events
from sealane.operations.browser import SignInStep
from sealane.operations.signing import KeyAcceptable, KeyAcceptableIs, SignedIn

if TYPE_CHECKING:
    from sealane.domain.queries.sign_in import AccountRow, TokenRow
    from sealane.domain.work import Work
    from sealane.ids import SshKeyId, TokenId
    from sealane.operations.browser import SignInAtPage, SignInWithCode
    from sealane.operations.signing import SignInWithKey, SignInWithPassword, SignInWithToken

TOKEN_PREFIX = "sealane_"  # noqa: S105  # a mark by which leaked tokens are found, no secret
_TICKET_BYTES = 32
_TOLD_TO_OWNERS = {
    "expired": "This token has expired. Ask your administrator for a new one.",
    "revoked": "This token was revoked. Ask your administrator for a new one.",
    "disabled": "This account is disabled. Ask your administrator.",
}


@dataclass(frozen=True, slots=True)
class _Try:
    """What every way of signing in has in common."""

    method: str
    name: str
    """As typed, in normal form C; empty where the method has none."""
    address: str
    door: str
    stands: attempts.Standing


@dataclass(frozen=True, slots=True)
class _Proof:
    """By what somebody has proved who they are: a key, a token, or (empty) the password."""

    id: SshKeyId | TokenId | None = None
    name: str = ""
    """The key's fingerprint or the token's name."""
    token: TokenRow | None = None


def remember_exchange(work: Work, exchange_hash: bytes) -> None:
    """Note that the keeper signs this exchange as a connection's first; one session may be opened for it.

    Raises `ExchangeKnown` for one that was signed before: signed again, a recorded signature would count again.
    """
    if work.transaction.first(statements.KNOWN_EXCHANGE, exchange_hash=exchange_hash) is not None:
        raise ExchangeKnown
    work.transaction.run(statements.REMEMBER_EXCHANGE, exchange_hash=exchange_hash, signed=work.now)


def forget_exchanges(work: Work) -> int:
    """Forget exchanges for which nobody signed in, long after; those that were used are kept for good.

    Returns how many; called by the keeper's tick.
    """
    kept = timedelta(seconds=work.settings.unused_exchange_keep_seconds)
    return work.transaction.run(statements.FORGET_EXCHANGES, before=work.now - kept)


def key_acceptable(work: Work, op: KeyAcceptable) -> KeyAcceptableIs:
    """Say whether a signature by this key would be accepted for this name. Nothing is counted for asking."""
    account = _account(work, op.name)
    key = _key_of(work, account, op.key)
    return KeyAcceptableIs(acceptable=key is not None and account is not None and account.disabled is None)


def sign_in_with_key(work: Work, op: SignInWithKey) -> Outcome:
    """Verify a user's SSH signature (RFC 4252, 7) and open a session for the exchange it was made for."""
    attempt = _Try(sessions.KEY, "", op.address, op.door, attempts.standing(work, name="", address=op.address))
    account = _account(work, op.name)
    message = ssh_keys.request_signed(
        session_identifier=op.session_identifier, user=op.name, algorithm=op.algorithm, blob=op.key
    )
    signed = ssh_keys.is_signed(blob=op.key, algorithm=op.algorithm, signature=op.signature, message=message)
    key = _key_of(work, account, op.key)
    if account is None or key is None:
        return _refused(work, attempt, account, "unknown-key")
    if not signed:
        return _refused(work, attempt, account, "wrong-signature")
    if account.disabled is not None:
        return _refused_owner(work, attempt, account, f"key:{key}", "disabled")
    if not _use_exchange(work, op.session_identifier):
        return _refused(work, attempt, account, "replayed")
    return _opened(work, attempt, account, _Proof(id=key, name=ssh_keys.fingerprint(op.key)))


def password_to_check(work: Work, op: SignInWithPassword | SignInAtPage) -> str | None:
    """Return the hash that the keeper is to check the password against; None where it is not to be tried (locked).

    A hash comes for every name, also one that nobody has.
    """
    account = _account(work, op.name)
    if attempts.standing(work, name=_counted(op.name), address=op.address).locked:
        return None
    if account is None or account.password_hash is None:
        return passwords.NOBODYS_HASH
    return account.password_hash


def finish_password(work: Work, op: SignInWithPassword, *, checked: str | None, right: bool) -> Outcome:
    """Open a session if the password was right for the hash `checked` and everything still stands as it did then.

    Who has set up one-time codes is not let in by the password alone, and this way asks for none.
    """
    attempt = _password_try(work, op.name, op.address, op.door)
    account = _judged(work, attempt, op.name, checked=checked, right=right)
    if isinstance(account, Outcome):
        return account
    if second_factor.is_on(work, account.id):
        return _refused(work, attempt, account, "code-needed")
    if op.door == "sftp" and not _use_exchange(work, op.session_identifier):
        return _refused(work, attempt, account, "replayed")
    attempts.succeeded(work, name=attempt.name)
    return _opened(work, attempt, account, _Proof())


def finish_page_password(work: Work, op: SignInAtPage, *, checked: str | None, right: bool) -> Outcome:
    """Open a browser's session likewise, or give a ticket for the one-time code where the user has set that up."""
    attempt = _password_try(work, op.name, op.address, sessions.WEB)
    account = _judged(work, attempt, op.name, checked=checked, right=right)
    if isinstance(account, Outcome):
        return account
    if not second_factor.is_on(work, account.id):
        attempts.succeeded(work, name=attempt.name)
        opened = _opened(work, attempt, account, _Proof())
        step = SignInStep(signed=opened.answer) if isinstance(opened.answer, SignedIn) else opened.answer
        return Outcome(step, opened.wait_seconds)
    kept = work.transaction.first(browser_statements.COUNT_TICKETS)
    if kept is not None and kept.count >= work.settings.one_time_rows_max:
        return Outcome(TooMany(), 0.0)
    ticket = secrets.token_urlsafe(_TICKET_BYTES)
    work.transaction.run(
        browser_statements.ADD_TICKET,
        ticket_hash=token_hash(ticket),
        user_id=account.id,
        name=attempt.name,
        began=work.now,
    )
    return Outcome(SignInStep(signed=None, ticket=ticket), attempts.wait_seconds(work, attempt.stands))


def sign_in_with_code(work: Work, op: SignInWithCode) -> Outcome:
    """Open a browser's session for a ticket and the code that belongs to it."""
    not_before = work.now - timedelta(seconds=work.settings.sign_in_ticket_seconds)
    used = token_hash(op.ticket)
    ticket = work.transaction.first(browser_statements.TICKET, ticket_hash=used, not_before=not_before)
    if ticket is None:
        attempt = _password_try(work, "", op.address, sessions.WEB)
        return _refused(work, attempt, None, "unknown-ticket")
    attempt = _Try(
        sessions.PASSWORD_AND_CODE,
        ticket.name,
        op.address,
        sessions.WEB,
        attempts.standing(work, name=ticket.name, address=op.address),
    )
    account = work.transaction.first(statements.BY_ID, user_id=ticket.user_id)
    over = account is None or account.disabled is not None
    if account is None or over or attempt.stands.locked or not second_factor.accepts(work, account.id, op.code):
        tries_left = ticket.tries + 1 < work.settings.sign_in_ticket_tries_max and not over
        statement = browser_statements.TRY_TICKET if tries_left else browser_statements.DELETE_TICKET
        work.transaction.run(statement, used=used)
        return _refused(work, attempt, account, "locked" if attempt.stands.locked else "wrong-code")
    work.transaction.run(browser_statements.DELETE_TICKET, used=used)
    attempts.succeeded(work, name=attempt.name)
    return _opened(work, attempt, account, _Proof())


def _password_try(work: Work, name: str, address: str, door: str) -> _Try:
    counted = _counted(name)
    return _Try(sessions.PASSWORD, counted, address, door, attempts.standing(work, name=counted, address=address))


def _judged(work: Work, attempt: _Try, name: str, *, checked: str | None, right: bool) -> AccountRow | Outcome:
    """Return whose password was right, or the refusal."""
    account = _account(work, name)
    if checked is None or attempt.stands.locked:
        return _refused(work, attempt, account, "locked")
    if account is None or not right or account.password_hash != checked:
        return _refused(work, attempt, account, "wrong-password")
    if account.disabled is not None:
        return _refused(work, attempt, account, "disabled")
    return account


def sign_in_with_token(work: Work, op: SignInWithToken) -> Outcome:
    """Open the short session of an API token."""
    attempt = _Try(sessions.TOKEN, "", op.address, op.door, attempts.standing(work, name="", address=op.address))
    secret_hash = token_hash(op.token)
    token = work.transaction.first(statements.TOKEN, secret_hash=secret_hash)
    if token is None:
        return _refused(work, attempt, None, "unknown-token")
    account = work.transaction.first(statements.BY_ID, user_id=token.user_id)
    reason = _unusable(work, token)
    if account is None:
        return _refused(work, attempt, None, "unknown-token")
    if reason:
        return _refused_owner(work, attempt, account, f"token:{token.id}", reason)
    outcome = _opened(work, attempt, account, _Proof(id=token.id, name=token.name, token=token))
    if op.follows and isinstance(outcome.answer, SignedIn):
        sessions.follow(work, outcome.answer, account.id, op.follows)
    return outcome


def token_hash(token: str) -> bytes:
    """Return what is stored of a token: it has 256 random bits, so a plain hash does."""
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


def _opened(work: Work, attempt: _Try, account: AccountRow, proof: _Proof) -> Outcome:
    """Open the session, on record."""
    try:
        if proof.token is None:
            opened = sessions.begin(
                work,
                account,
                method=attempt.method,
                credential=proof.name,
                door=attempt.door,
                address=attempt.address,
            )
        else:
            opened = sessions.begin_by_token(work, proof.token, door=attempt.door, address=attempt.address)
    except TooMany as full:
        return Outcome(full, 0.0)
    work.record(
        events.SignedIn(
            who=events.Who(
                door=attempt.door,
                organization_id=account.organization_id,
                user_id=account.id,
                session_id=opened.session,
                user_name=opened.user,
                address=attempt.address,
            ),
            method=attempt.method,
            credential_id=proof.id,
            credential=proof.name,
            scopes=opened.scopes,
            expires=opened.expires,
        )
    )
    # Keys and tokens cannot be guessed, so a right one is not held back for what its neighbours did.
    guessable = attempt.method in {sessions.PASSWORD, sessions.PASSWORD_AND_CODE}
    return Outcome(opened, attempts.wait_seconds(work, attempt.stands) if guessable else 0.0)


def _refused(work: Work, attempt: _Try, account: AccountRow | None, reason: str) -> Outcome:
    """Refuse a try that may be a guess: counted against its name and address range, and answered as every other."""
    _record_refusal(work, attempt, None if attempt.stands.locked else account, reason)
    if attempt.stands.locked:
        return Outcome(Locked(), attempts.wait_seconds(work, attempt.stands))
    attempts.failed(work, name=attempt.name, address=attempt.address)
    stands = attempts.standing(work, name=attempt.name, address=attempt.address)
    return Outcome(NotSignedIn(), attempts.wait_seconds(work, stands))


def _refused_owner(work: Work, attempt: _Try, account: AccountRow, proof: str, reason: str) -> Outcome:
    """Refuse somebody whose proof is right and opens nothing any more: told why, slowed down by themselves alone."""
    locked = attempts.standing_of_proof(work, proof).locked
    _record_refusal(work, attempt, None if locked else account, reason)
    attempts.failed_with_proof(work, proof)
    stands = attempts.standing_of_proof(work, proof)
    return Outcome(NotSignedIn(_TOLD_TO_OWNERS[reason]), attempts.wait_seconds(work, stands))


def _record_refusal(work: Work, attempt: _Try, account: AccountRow | None, reason: str) -> None:
    """Record a refused try: of an account by itself; of nobody, or of one that goes on and on, by the minute."""
    if account is None:
        attempts.count_stranger(work, address=attempt.address, door=attempt.door)
        return
    work.record(
        events.SignInRefused(
            who=events.Who(door=attempt.door, address=attempt.address),
            account_id=account.id,
            account_name=f"{account.name}@{account.organization}",
            method=attempt.method,
            reason=reason,
        )
    )


def _account(work: Work, name: str) -> AccountRow | None:
    """Return the user of `NAME@ORG`, or of a bare `NAME` that only one user has."""
    try:
        name = paths.check_name(name)  # what is no name is nobody's, and never reaches the database
    except PathInvalid:
        name = ""
    bare, at, organization = name.rpartition("@")
    if at:
        return work.transaction.first(statements.BY_FULL_NAME, name=bare, organization=organization)
    found = work.transaction.all(statements.BY_NAME, name=name)
    return found[0] if len(found) == 1 else None


def _counted(name: str) -> str:
    """Return the name under which failures are counted: in normal form C, whether or not there is such an account.

    `NAME` and `NAME@ORG` stay two: counting them as one would tell a stranger that there is such an account.
    """
    return unicodedata.normalize("NFC", name)


def _key_of(work: Work, account: AccountRow | None, blob: bytes) -> SshKeyId | None:
    """Return the key if it is enrolled for this very user; for nobody it is looked up all the same."""
    row = work.transaction.first(
        statements.KEY_OF,
        user_id=0 if account is None else account.id,
        fingerprint=ssh_keys.fingerprint(blob),
        blob=blob,
    )
    return None if row is None else row.id


def _use_exchange(work: Work, exchange_hash: bytes) -> bool:
    """Use up an exchange. False if the keeper did not sign it, too long ago, or a session was opened for it already."""
    grace = timedelta(seconds=work.settings.login_grace_seconds)
    return (
        work.transaction.run(statements.USE_EXCHANGE, hash_used=exchange_hash, not_before=work.now - grace, at=work.now)
        == 1
    )


def _unusable(work: Work, token: TokenRow) -> str:
    """Return why a token opens nothing any more; empty if it does."""
    if token.revoked is not None:
        return "revoked"
    if token.expires is not None and token.expires <= work.now:
        return "expired"
    return "disabled" if token.disabled is not None else ""
