"""Sessions: opened after a verified sign-in, found by their handle, ended for a reason that is on record.

A session has a name for the ledger and a handle, the secret by which a door speaks for it; only the handle's hash is
stored. A session that is used lives on until its lifetime is over, one that a token opened is short and never extended.
Must stay true: whatever ends a session goes through `end`, so that every door is told, the ledger says why, and what a
guest has left unfinished holds nothing any more.
"""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from sealane import ids
from sealane.domain import guests
from sealane.domain.queries import browser as browser_statements
from sealane.domain.queries import downloads as download_statements
from sealane.domain.queries import sessions as statements
from sealane.domain.queries import shares as share_statements
from sealane.domain.rights import ALL_SCOPES
from sealane.domain.work import Caller
from sealane.errors import NotAllowed, SessionEnded, TooMany
from sealane.ids import SessionId
from sealane.ledger import events
from sealane.operations.envelope import Done
from sealane.operations.signing import KeepAlive, SignedIn, SignOut

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sealane.database.engine import Transaction
    from sealane.domain.queries.sessions import OpenSession, SessionRow
    from sealane.domain.queries.shares import OpenRow as OpenVisit
    from sealane.domain.queries.sign_in import AccountRow, TokenRow
    from sealane.domain.work import Guest, Work
    from sealane.ids import UserId
    from sealane.ledger.events import Who
    from sealane.settings import Settings

TOKEN = "token"  # noqa: S105  # the name of a way to sign in
KEY = "key"
PASSWORD = "password"  # noqa: S105  # likewise
PASSWORD_AND_CODE = "password+code"  # noqa: S105  # likewise
LINK = "link"
"""The setup link."""
WEB = "web"
"""The door of people at a browser."""


def begin(work: Work, account: AccountRow, *, method: str, credential: str, door: str, address: str) -> SignedIn:
    """Open a session for a user who proved who they are by a key or a password."""
    expires = work.now + timedelta(seconds=min(work.settings.session_idle_seconds, _lifetime_seconds(work, door)))
    opened = _begin(
        work,
        user_id=account.id,
        user=f"{account.name}@{account.organization}",
        method=method,
        credential=credential,
        scopes=ALL_SCOPES,
        expires=expires,
        door=door,
        address=address,
    )
    if door == WEB:
        prove(work, SessionId(opened.session))
    return opened


def begin_on_record(
    work: Work, account: AccountRow, *, method: str, door: str, address: str, credential: str = ""
) -> SignedIn:
    """Open a session as `begin` does, and write that down."""
    opened = begin(work, account, method=method, credential=credential, door=door, address=address)
    work.record(signed_in_event(opened, account, method=method, door=door, address=address))
    return opened


def signed_in_event(opened: SignedIn, account: AccountRow, *, method: str, door: str, address: str) -> events.SignedIn:
    """Return what the ledger says of a session that a user opened without key or token."""
    return events.SignedIn(
        who=events.Who(
            door=door,
            organization_id=account.organization_id,
            user_id=account.id,
            session_id=opened.session,
            user_name=opened.user,
            address=address,
        ),
        method=method,
        scopes=opened.scopes,
        expires=opened.expires,
    )


def prove(work: Work, session: SessionId) -> None:
    """Note that the owner of a session has just proved who they are."""
    work.transaction.run(browser_statements.FORGET_PROOF, session_id=session)
    work.transaction.run(browser_statements.ADD_PROOF, session_id=session, proved=work.now)


def begin_visit(
    work: Work, *, user_id: UserId, user: str, share: str, scopes: frozenset[str], until: datetime, address: str
) -> SignedIn:
    """Open the session of a guest, for a share that lets them in until then."""
    return _begin(
        work,
        user_id=user_id,
        user=user,
        method=guests.METHOD,
        credential=share,
        scopes=scopes,
        expires=min(until, work.now + timedelta(seconds=work.settings.session_idle_seconds)),
        door=WEB,
        address=address,
    )


def begin_by_token(work: Work, token: TokenRow, *, door: str, address: str) -> SignedIn:
    """Open the short session of a token, with the token's scopes."""
    expires = work.now + timedelta(seconds=work.settings.token_session_seconds)
    return _begin(
        work,
        user_id=token.user_id,
        user=f"{token.user}@{token.organization}",
        method=TOKEN,
        credential=token.name,
        scopes=frozenset(token.scopes.split()),
        expires=expires if token.expires is None else min(expires, token.expires),
        door=door,
        address=address,
    )


def _begin(
    work: Work,
    *,
    user_id: UserId,
    user: str,
    method: str,
    credential: str,
    scopes: frozenset[str],
    expires: datetime,
    door: str,
    address: str,
) -> SignedIn:
    count = work.transaction.first(statements.COUNT_OPEN_OF, user_id=user_id)
    if count is not None and count.count >= work.settings.sessions_per_user_max:
        raise TooMany("Too many sessions of this user are open. Close some, or wait until they end.")
    session, handle = SessionId(ids.random_name()), ids.new_session_handle()
    ordered = tuple(sorted(scopes))
    work.transaction.run(
        statements.INSERT,
        id=session,
        handle_hash=_hash(handle),
        user_id=user_id,
        door=door,
        address=address,
        method=method,
        credential=credential,
        scopes=" ".join(ordered),
        began=work.now,
        expires=expires,
    )
    return SignedIn(handle=handle, session=session, user=user, scopes=ordered, expires=expires)


def caller_of(work: Work, handle: str, *, for_guests: bool = False) -> Caller:
    """Return who speaks by this handle. Raises `SessionEnded`; `NotAllowed` to a guest for what is not for them.

    The keeper may keep the answer for a quarter of `session_idle_seconds`, until the session is told as ended, and no
    longer than `Caller.expires`; asking again is what keeps a session alive that is in use.
    """
    row = work.transaction.first(statements.BY_HANDLE, handle_hash=_hash(handle))
    if row is None or row.expires <= work.now or row.disabled is not None:
        raise SessionEnded
    guest = guests.of_session(work, row, after_the_end=False) if row.method == guests.METHOD else None
    if guest is not None and not for_guests:
        raise NotAllowed
    expires = _extended(work, row, guest)
    if expires <= work.now:  # its lifetime has been made shorter, and is over
        raise SessionEnded
    return _caller(work, row, guest, expires=expires)


def caller_that_was(work: Work, handle: str) -> Caller:
    """Return who spoke by this handle, also if the session has ended, as long as its row is kept.

    For what only completes the record (`Operation.after_the_end`). Raises `SessionEnded`.
    """
    row = work.transaction.first(statements.BY_HANDLE_EVER, handle_hash=_hash(handle))
    if row is None:
        raise SessionEnded
    guest = guests.of_session(work, row, after_the_end=True) if row.method == guests.METHOD else None
    return _caller(work, row, guest, expires=row.expires)


def _caller(work: Work, row: SessionRow, guest: Guest | None, *, expires: datetime) -> Caller:
    groups = work.transaction.all(statements.GROUPS_OF, user_id=row.user_id)
    return Caller(
        user_id=row.user_id,
        organization_id=row.organization_id,
        name=f"{row.user}@{row.organization}",
        role=row.role if guest is None else guests.ROLE,
        groups=frozenset(group.id for group in groups),
        scopes=frozenset(row.scopes.split()),
        session=row.id,
        door=row.door,
        address=row.address,
        expires=expires if guest is None else min(expires, guest.inviter.expires),
        guest=guest,
    )


def sign_out(work: Work, caller: Caller, op: SignOut) -> Done:
    """End the caller's own session."""
    found = work.transaction.all(statements.OPEN_BY_ID, session_id=caller.session)
    end(work, found, who=caller.who, reason=op.reason)
    return Done()


def end(work: Work, found: Iterable[OpenSession | OpenVisit], *, who: Who, reason: str) -> int:
    """End these sessions: rows, ledger, and the notice to every door. Returns how many."""
    count = 0
    for session in found:
        if work.transaction.run(statements.END, session_id=session.id, at=work.now):
            work.ended.append(session.id)
            work.transaction.run(browser_statements.FORGET_PROOF, session_id=session.id)
            guests.leave_unfinished(work, session.user_id, session.id)
            work.record(
                events.SessionEnded(who=who, ended_session_id=session.id, account_id=session.user_id, reason=reason)
            )
            count += 1
    return count


def end_of_user(work: Work, user_id: UserId, *, who: Who, reason: str) -> int:
    """End all sessions of a user, and those of the guests whom they have let in."""
    end(work, work.transaction.all(share_statements.VISITS_OF_SENDER, sender_id=user_id), who=who, reason=reason)
    return end(work, work.transaction.all(statements.OPEN_OF_USER, user_id=user_id), who=who, reason=reason)


def end_of_credential(work: Work, user_id: UserId, *, who: Who, method: str, credential: str, reason: str) -> int:
    """End the sessions that one key or token opened."""
    found = work.transaction.all(statements.OPEN_OF_CREDENTIAL, user_id=user_id, method=method, credential=credential)
    return end(work, found, who=who, reason=reason)


def end_expired(work: Work, limit: int = 500) -> int:
    """End up to `limit` sessions whose time is over. Returns how many; called by the keeper's tick."""
    found = work.transaction.all(statements.EXPIRED, at=work.now, limit=limit)
    return end(work, found, who=events.KEEPER, reason="expired")


def next_end(work: Work) -> float | None:
    """Return in how many seconds the next session ends if it is not used any more; None: there is none."""
    row = work.transaction.first(statements.NEXT_END)
    return None if row is None else (row.expires - work.now).total_seconds()


def cut_short(transaction: Transaction, settings: Settings, now: datetime) -> None:
    """Let settings that have just been changed count for sessions that were told a later end."""
    until = now + timedelta(seconds=settings.session_idle_seconds)
    transaction.run(statements.CUT_IDLE, until=until, but_method=TOKEN)
    lifetime = timedelta(seconds=settings.web_session_lifetime_seconds)
    for row in transaction.all(statements.OPEN_OF_DOOR, of_door=WEB, began_before=until - lifetime):
        if row.expires > row.began + lifetime:
            transaction.run(statements.EXTEND, session_id=row.id, until=max(now, row.began + lifetime))


def keep_alive(work: Work, caller: Caller, op: KeepAlive) -> Done:
    """Say that a session is in use. Finding who asks (`caller_of`) has extended it."""
    del work, caller, op
    return Done()


def ended_lately(work: Work) -> tuple[SessionId, ...]:
    """Return the sessions that ended within `ended_sessions_told_seconds`, latest first, a bounded number of them.

    A door that connects is told of them: the notice that it should have had may have died with the last keeper.
    """
    since = work.now - timedelta(seconds=work.settings.ended_sessions_told_seconds)
    found = work.transaction.all(statements.ENDED_SINCE, since=since, limit=work.settings.ended_sessions_told_max)
    return tuple(row.id for row in found)


def _extended(work: Work, row: SessionRow, guest: Guest | None) -> datetime:
    """Return when the session ends, now that it was used; a token's session stays as it was begun.

    A guest's does not outlive what they are in, so that what it has left unfinished goes with it.
    It ends sooner than it was told where settings have been made stricter meanwhile.
    """
    idle = timedelta(seconds=work.settings.session_idle_seconds)
    latest = row.began + timedelta(seconds=_lifetime_seconds(work, row.door))
    latest = latest if guest is None else min(latest, guest.inviter.expires)
    stricter = row.expires > min(work.now + idle, latest)
    if row.method == TOKEN or (row.expires - work.now > idle / 2 and not stricter):
        return row.expires
    until = min(work.now + idle, latest)
    if until > row.expires or stricter:
        work.transaction.run(statements.EXTEND, session_id=row.id, until=until)
        return until
    return row.expires


def _lifetime_seconds(work: Work, door: str) -> int:
    settings = work.settings
    return settings.web_session_lifetime_seconds if door == WEB else settings.session_lifetime_seconds


def follow(work: Work, opened: SignedIn, user: UserId, before: str) -> None:
    """Let what is being downloaded in the session of a handle, of the same user, go on in one that was just opened."""
    work.transaction.run(download_statements.GO_ON, handle_hash=_hash(before), user=user, session=opened.session)


def _hash(handle: str) -> bytes:
    return sha256(handle.encode("utf-8", "surrogatepass")).digest()
