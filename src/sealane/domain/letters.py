"""Mail that is to go out: put into the queue with the act that causes it, lent to the jobs process, told of by it.

What a letter says is kept wrapped by the node key and goes with its row. Must stay true: nothing that a user or a
guest has typed stands in a letter but a mailbox that `checked` has passed; a letter that nobody takes is given up on
record.
"""

from __future__ import annotations

import contextlib
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from sealane.domain.queries import mails as statements
from sealane.errors import TooMany
from sealane.ledger import events
from sealane.operations.envelope import Done
from sealane.operations.failures import MailboxInvalid
from sealane.operations.sharing import Letter, Mail, MailsAre

if TYPE_CHECKING:
    from sealane.domain.queries.mails import MailRow
    from sealane.domain.queries.shares import ShareRow
    from sealane.domain.work import Work
    from sealane.ids import OrganizationId
    from sealane.operations.sharing import LeaseMails, TellMail

_LETTERS: Final = "letters"
_CHARACTERS_MAX: Final = 254
_LOCAL_MAX: Final = 64
_PAUSE_SECONDS_MAX: Final = 3600
_LEASED_MAX: Final = 100
_MAILBOX: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*"
    r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)
"""A dot-atom at a host name (RFC 5321, 4.1.2, without quoted strings and address literals): nothing of it can end a
header or begin another."""
_decoder = msgspec.msgpack.Decoder(Letter)


def checked(mailbox: str) -> str:
    """Return an e-mail address that mail may be sent to. Raises `MailboxInvalid`. Pure."""
    local = mailbox.rpartition("@")[0]
    if len(mailbox) > _CHARACTERS_MAX or len(local) > _LOCAL_MAX or not _MAILBOX.fullmatch(mailbox):
        raise MailboxInvalid
    if local.startswith(("-", ".")) or local.endswith(".") or ".." in local:
        raise MailboxInvalid
    return mailbox


def is_on(work: Work) -> bool:
    """Return whether mail goes out from here, with links in it that lead here."""
    return bool(work.settings.smtp and work.settings.public_url)


def post(work: Work, organization: OrganizationId, letter: Letter) -> None:
    """Put a letter into the queue. Raises `TooMany`, `MailboxInvalid`."""
    checked(letter.to)
    waiting = work.transaction.first(statements.COUNT_MAILS)
    if waiting is not None and waiting.count >= work.settings.mails_waiting_max:
        raise TooMany("Too much mail is waiting to go out. Try again later.")
    work.transaction.insert(
        statements.ADD_MAIL,
        wrapped_letter=work.keys.wrap_secret(_LETTERS, msgspec.msgpack.encode(letter)),
        owner_organization_id=organization,
        made=work.now,
        due=work.now,
    )


def tell_sender(work: Work, share: ShareRow, kind: Literal["replied", "arrived"]) -> None:
    """Tell a share's sender by mail where to look, if they have a mailbox and mail goes out from here."""
    if not is_on(work) or not share.sender_mailbox:
        return
    link = f"{work.settings.public_url.rstrip('/')}/sent/{share.id}"
    letter = Letter(kind=kind, to=share.sender_mailbox, language=share.language, link=link)
    with contextlib.suppress(MailboxInvalid, TooMany):  # what the guest did is done all the same
        post(work, share.organization_id, letter)


def lease(work: Work, op: LeaseMails) -> MailsAre:
    """Lend out what is due; whoever has it says in time what became of it, or it is due again."""
    found: list[Mail] = []
    for row in work.transaction.all(statements.MAILS_DUE, at=work.now, limit=max(1, min(op.limit, _LEASED_MAX))):
        letter = _read(work, row)
        if _is_too_late(work, row, letter):
            _give_up(work, row, letter)
            continue
        until = work.now + timedelta(seconds=work.settings.mail_lease_seconds)
        work.transaction.run(statements.LEASE_MAIL, mail=row.id, until=until)
        found.append(Mail(row.id, letter))
    return MailsAre(tuple(found))


def tell(work: Work, op: TellMail) -> Done:
    """Forget what was taken or refused; have the rest tried again after a pause that doubles."""
    row = work.transaction.first(statements.MAIL, mail=op.mail)
    if row is None:
        return Done()
    if op.outcome == "taken":
        work.transaction.run(statements.DELETE_MAIL, mail=row.id)
    elif op.outcome == "refused":
        _give_up(work, row, _read(work, row))
    else:
        pause = min(work.settings.mail_retry_seconds << min(max(row.tries - 1, 0), 16), _PAUSE_SECONDS_MAX)
        due = work.now + timedelta(seconds=pause)
        work.transaction.run(statements.POSTPONE_MAIL, mail=row.id, until=due)
    return Done()


def wrap_anew(work: Work) -> None:
    """Wrap every letter that waits by the newest node key."""
    for row in work.transaction.all(statements.LETTERS):
        anew = work.keys.wrap_secret(_LETTERS, work.keys.unwrap_secret(_LETTERS, row.wrapped))
        work.transaction.run(statements.REWRAP_LETTER, which=row.key, anew=anew)


def _read(work: Work, row: MailRow) -> Letter:
    return _decoder.decode(work.keys.unwrap_secret(_LETTERS, row.wrapped_letter))


def _is_too_late(work: Work, row: MailRow, letter: Letter) -> bool:
    over = letter.until is not None and letter.until <= work.now
    return over or row.made + timedelta(seconds=work.settings.mail_keep_seconds) <= work.now


def _give_up(work: Work, row: MailRow, letter: Letter) -> None:
    work.transaction.run(statements.DELETE_MAIL, mail=row.id)
    work.record(
        events.MailGivenUp(
            owner_organization_id=row.owner_organization_id, letter=letter.kind, mailbox=letter.to, tries=row.tries
        )
    )
