"""Guests: what a link says to a stranger, codes to mailboxes, being let in, what is shown inside, a reply.

Refusals are returned and not raised, so that what is counted of them is committed. Must stay true: a link that opens
nothing answers like one that never was; asking for a code answers alike whoever's mailbox was typed, and costs the
same rows; a code counts once, for a short time, few tries, in the browser that asked for it, and is stored hashed.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sealane.domain import attempts, guest_rooms, guests, letters, places, sessions, sharing
from sealane.domain.guest_rooms import CALLED_MAX
from sealane.domain.outcomes import Outcome
from sealane.domain.queries import shares as statements
from sealane.errors import Invalid, Locked, NotSignedIn, SessionEnded, TooMany
from sealane.ledger import events
from sealane.operations.envelope import Done
from sealane.operations.failures import LinkOver
from sealane.operations.sharing import CodeAsked, InvitationIs, Letter, VisitIs

if TYPE_CHECKING:
    from sealane.domain.queries.shares import GuestRow, ShareRow
    from sealane.domain.work import Caller, Work
    from sealane.ids import UserId
    from sealane.operations.envelope import Answer
    from sealane.operations.sharing import (
        AskCode,
        EnterWithCode,
        EnterWithLink,
        LookInvitation,
        LookVisit,
        ReplyToShare,
    )

_CODE_DIGITS: Final = 8
_WRONG = "The code or the password is not right, or its time is over."


def look_invitation(work: Work, op: LookInvitation) -> Outcome:
    """Say what a link is for, to whoever has it."""
    found = _found(work, op.secret, op.address)
    if isinstance(found, Outcome):
        return found
    share, _ = found
    return Outcome(
        InvitationIs(kind="package" if share.kind == "package" else "request", proof=sharing.proof_of(share)), 0.0
    )


def _found(work: Work, secret: str, address: str) -> tuple[ShareRow, GuestRow] | Outcome:
    """Return the open share and the guest of a link, or the refusal, counted as a stranger's is."""
    stands = attempts.standing(work, name="", address=address)
    if stands.locked:
        return Outcome(Locked(), attempts.wait_seconds(work, stands))
    hashed = sharing.hash_of(secret)
    guest = work.transaction.first(statements.GUEST_BY_LINK, link_hash=hashed)
    share = None if guest is None else work.transaction.first(statements.SHARE, share_id=guest.share_id)
    if guest is None or share is None:
        attempts.count_stranger(work, address=address, door=sessions.WEB)
        attempts.failed(work, name="", address=address)
        return Outcome(LinkOver(), attempts.wait_seconds(work, attempts.standing(work, name="", address=address)))
    if not guests.is_open(work, share) or sharing.folder_of(work, share) is None:
        return Outcome(LinkOver(), 0.0)
    return share, guest


# --- by a code -------------------------------------------------------------------------------------------------------


def ask_code(work: Work, op: AskCode) -> Outcome:
    """Send a code to the guest's mailbox, if that is what was typed; answer alike if it is not."""
    found = _found(work, op.secret, op.address)
    if isinstance(found, Outcome):
        return found
    share, guest = found
    if share.proof != "code":
        return Outcome(LinkOver(), 0.0)
    since = work.now - timedelta(hours=1)
    lately = work.transaction.first(statements.CODES_LATELY, share_id=share.id, since=since)
    if lately is not None and lately.count >= work.settings.share_codes_per_hour_max:
        return Outcome(TooMany("Too many codes were asked for. Try again in an hour."), 0.0)
    theirs = op.mailbox.strip().casefold() == guest.mailbox.casefold()
    ticket, code = secrets.token_urlsafe(sharing.SECRET_BYTES), _new_code()
    work.transaction.run(
        statements.ADD_CODE,
        ticket_hash=sharing.hash_of(ticket),
        share_id=share.id,
        user_id=guest.user_id if theirs else None,
        browser_hash=sharing.hash_of(op.browser),
        code_hash=sharing.hash_of(ticket + code),
        made=work.now,
    )
    if theirs and letters.is_on(work):
        _send_code(work, share, guest, code, op.address)
    elif not theirs:
        attempts.failed(work, name="", address=op.address)
    return Outcome(CodeAsked(ticket=ticket), 0.0)


def _send_code(work: Work, share: ShareRow, guest: GuestRow, code: str, address: str) -> None:
    until = work.now + timedelta(seconds=work.settings.share_code_seconds)
    letter = Letter(kind="code", to=guest.mailbox, language=share.language, code=code, until=until)
    try:
        letters.post(work, share.organization_id, letter)
    except TooMany:
        return  # said aloud, a full queue would tell which mailbox is the right one
    work.record(
        events.ShareCodeSent(
            share_id=share.id,
            owner_organization_id=share.organization_id,
            account_id=guest.user_id,
            mailbox=guest.mailbox,
            address_range=attempts.range_of(address),
        )
    )


def _new_code() -> str:
    return f"{secrets.randbelow(10**_CODE_DIGITS):0{_CODE_DIGITS}d}"


def enter_with_code(work: Work, op: EnterWithCode) -> Outcome:
    """Let a guest in by the code that came to their mailbox."""
    stands = attempts.standing(work, name="", address=op.address)
    if stands.locked:
        return Outcome(Locked(), attempts.wait_seconds(work, stands))
    hashed = sharing.hash_of(op.ticket)
    not_before = work.now - timedelta(seconds=work.settings.share_code_seconds)
    row = work.transaction.first(statements.CODE, ticket_hash=hashed, not_before=not_before)
    if row is None:
        return _wrong(work, op.address)
    work.transaction.run(statements.TRY_CODE, used=hashed)
    typed = "".join(letter for letter in op.code if letter.isalnum())
    right = secrets.compare_digest(row.code_hash, sharing.hash_of(op.ticket + typed))
    here = secrets.compare_digest(row.browser_hash, sharing.hash_of(op.browser))
    spent = row.tries >= work.settings.sign_in_ticket_tries_max
    if row.user_id is None or spent or not (right and here):
        return _wrong(work, op.address)
    guest = work.transaction.first(statements.GUEST, user_id=row.user_id)
    share = work.transaction.first(statements.SHARE, share_id=row.share_id)
    work.transaction.run(statements.DELETE_CODES_OF, guest=row.user_id)
    if guest is None or share is None or share.proof != "code":
        return Outcome(LinkOver(), 0.0)
    return _let_in(work, share, guest, called=op.name, address=op.address)


def _wrong(work: Work, address: str, name: str = "") -> Outcome:
    attempts.count_stranger(work, address=address, door=sessions.WEB)
    attempts.failed(work, name=name, address=address)
    stands = attempts.standing(work, name=name, address=address)
    return Outcome(NotSignedIn(_WRONG), attempts.wait_seconds(work, stands))


# --- by the link, with a password or without -------------------------------------------------------------------------


def password_to_check(work: Work, op: EnterWithLink) -> str | Outcome | None:
    """Return the hash to hold the password against; None where the link alone opens; or the refusal."""
    found = _found(work, op.secret, op.address)
    if isinstance(found, Outcome):
        return found
    share, _ = found
    if share.proof == "code":
        return Outcome(LinkOver(), 0.0)
    stands = attempts.standing(work, name=_subject(share), address=op.address)
    if stands.locked:
        return Outcome(Locked(), attempts.wait_seconds(work, stands))
    return share.password_hash


def enter_with_link(work: Work, op: EnterWithLink, *, checked: str | None, right: bool) -> Outcome:
    """Let a guest in by the link, if the password that it asks for was right."""
    found = _found(work, op.secret, op.address)
    if isinstance(found, Outcome):
        return found
    share, guest = found
    if share.proof == "code" or share.password_hash != checked:
        return Outcome(LinkOver(), 0.0)
    if checked is not None and not right:
        return _wrong(work, op.address, _subject(share))
    attempts.succeeded(work, name=_subject(share))
    return _let_in(work, share, guest, called=op.name, address=op.address)


def _subject(share: ShareRow) -> str:
    return f"share:{share.id}"


# --- inside ----------------------------------------------------------------------------------------------------------


def _let_in(work: Work, share: ShareRow, guest: GuestRow, *, called: str, address: str) -> Outcome:
    """Open the session of a guest who has proved what the share asks for."""
    folder = sharing.folder_of(work, share)
    if not guests.is_open(work, share) or folder is None:
        return Outcome(LinkOver(), 0.0)
    called = " ".join(called.split())
    if len(called) > CALLED_MAX or not called.isprintable():
        return Outcome(Invalid(f"Your name may have {CALLED_MAX} characters at most."), 0.0)
    lately = work.transaction.first(statements.VISITS_LATELY, share_id=share.id, since=work.now - timedelta(hours=1))
    if lately is not None and lately.count >= work.settings.share_visits_per_hour_max:
        return Outcome(TooMany("Too many people have opened this lately. Try again in an hour."), 0.0)
    user = f"{guest.account}@{share.organization}"
    scopes = {"write"} if share.kind == "request" else {"read"}
    if share.reply_folder_id is not None:
        scopes.add("write")
    opened = sessions.begin_visit(
        work,
        user_id=guest.user_id,
        user=user,
        share=share.id,
        scopes=frozenset(scopes),
        until=share.expires,
        address=address,
    )
    who = events.Who(
        door=sessions.WEB,
        organization_id=share.organization_id,
        user_id=guest.user_id,
        session_id=opened.session,
        user_name=user,
        address=address,
    )
    room = folder.id if share.kind == "package" else guest_rooms.make(work, who, folder, called or guest.mailbox)
    work.transaction.run(statements.ADD_VISIT, session_id=opened.session, folder_id=room, name=called)
    work.transaction.run(statements.NOTE_CAME, guest=guest.user_id, at=work.now)
    work.record(events.SignedIn(who=who, method=guests.METHOD, scopes=opened.scopes, expires=opened.expires))
    work.record(
        events.ShareEntered(
            who=who,
            share_id=share.id,
            owner_organization_id=share.organization_id,
            proof=share.proof,
            mailbox=guest.mailbox,
            called=called,
        )
    )
    return Outcome(opened, 0.0)


def _share_of(work: Work, caller: Caller) -> ShareRow:
    """Return the share that a guest is in. Raises `SessionEnded` for whoever is in none."""
    share = None
    if caller.guest is not None:
        share = work.transaction.first(statements.SHARE, share_id=caller.guest.share)
    if share is None:
        raise SessionEnded
    return share


def _guest_of(work: Work, user: UserId) -> GuestRow:
    guest = work.transaction.first(statements.GUEST, user_id=user)
    if guest is None:
        raise SessionEnded
    return guest


def look_visit(work: Work, caller: Caller, op: LookVisit) -> VisitIs:
    """Say what a guest is in."""
    del op
    share = _share_of(work, caller)
    others_files, others_bytes = guests.unfinished(work, share, but_session=caller.session)
    return VisitIs(
        kind="package" if share.kind == "package" else "request",
        path=f"/{places.GUESTS_ROOM}",
        title=share.title,
        note=sharing.note_of(work, share),
        sender=f"{share.sender}@{share.organization}",
        organization=share.organization,
        expires=share.expires,
        downloads_left=max(0, share.downloads_max - share.downloads) if share.downloads_max else None,
        bytes_left=max(0, share.bytes_max - share.came_bytes - others_bytes) if share.bytes_max else None,
        files_left=max(0, share.files_max - share.came_files - others_files) if share.files_max else None,
        endings=tuple(share.endings.split()),
        replied=_guest_of(work, caller.user_id).wrapped_reply is not None,
        reply_path=f"/{places.REPLIES_ROOM}" if sharing.reply_folder_of(work, share) is not None else "",
    )


def reply(work: Work, caller: Caller, op: ReplyToShare) -> Answer:
    """Keep a guest's answer for the sender, who is told by mail that there is one, not what it says."""
    share = _share_of(work, caller)
    text = op.text.strip()
    if not text or len(text) > work.settings.note_characters_max:
        raise Invalid(f"Write something, of {work.settings.note_characters_max} characters at most.")
    first = _guest_of(work, caller.user_id).replied is None
    wrapped = work.keys.wrap_secret(sharing.reply_name(caller.user_id), text.encode("utf-8", "replace"))
    work.transaction.run(statements.NOTE_REPLY, guest=caller.user_id, at=work.now, reply=wrapped)
    work.record(events.ShareReplied(who=caller.who, share_id=share.id, owner_organization_id=share.organization_id))
    if first:
        letters.tell_sender(work, share, "replied")
    return Done()


def forget_codes(work: Work) -> int:
    """Forget codes whose hour is over. Returns how many; called by the keeper's tick."""
    return work.transaction.run(statements.FORGET_CODES, before=work.now - timedelta(hours=1))
