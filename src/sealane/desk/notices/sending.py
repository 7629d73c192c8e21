"""Handing an incident's e-mails to the officer's own mail server: each once, slowly, and going on where it ended.

Some messages at a time: they are put on record (`mailings.py`), handed over, and the answers are put on record. However
that ends, nobody is written to twice: what nobody answered for is doubtful, and stays until the officer has looked.
"""

from __future__ import annotations

import smtplib
from dataclasses import dataclass
from email.policy import SMTP
from email.utils import format_datetime
from secrets import token_hex
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
import polars as pl

from sealane.desk.aliases import CHECK, KEY
from sealane.desk.failures import MailNotTaken, PartyInvalid
from sealane.desk.incidents import records
from sealane.desk.incidents.records import Delivered
from sealane.desk.notices import emails, mailings
from sealane.desk.notices.mailings import Begun, Ended, Message
from sealane.jobs.relay import outcome_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from sealane.desk.facts import Facts
    from sealane.desk.folder import Folder
    from sealane.desk.incidents.records import DeliveryState
    from sealane.desk.maps import IdentityMap
    from sealane.desk.notices.addressees import Addressee
    from sealane.desk.notices.letters import Occasion
    from sealane.desk.notices.mailings import Outcome, State
    from sealane.jobs.relay import Relay

TOGETHER: Final = 10
"""Messages that are put on record together: at most so many are doubtful when a sending is cut short."""
_OURS: Final = "sealane.invalid"
"""The right side of each Message-ID: a name that no host has (RFC 2606)."""
_STATES: Final[Mapping[DeliveryState, tuple[State, ...]]] = {
    "sent": ("taken", "bounced"),
    "bounced": ("refused", "bounced"),
}
_SECONDS: Final = 60


class Pace(Protocol):
    """Time, as a sending needs it."""

    def now(self) -> datetime:
        """Return the time."""
        ...

    def wait(self, seconds: float, /) -> None:
        """Wait."""
        ...


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to one individual from one party."""

    occasion: Occasion
    to: Addressee
    alias: tuple[int, int]
    """The telling by which the individual is put on record."""
    party: str
    """What it is called in records, whatever name letters are signed with."""
    before: frozenset[tuple[int, int]] = frozenset()
    """Tellings by which this party has the same individual on record already, however people were linked then."""

    def as_bytes(self, token: str, now: datetime) -> bytes:
        """Return it as it goes over the wire, in lines of seven bits."""
        made = emails.message(self.occasion, self.to)
        made["Message-ID"] = message_id(token)
        made["Date"] = format_datetime(now)
        made["Auto-Submitted"] = "auto-generated"
        return made.as_bytes(policy=SMTP.clone(cte_type="7bit"))


def message_id(token: str) -> str:
    """Return the Message-ID of a message."""
    return f"<{token}@{_OURS}>"


def token_of(text: str) -> str | None:
    """Return the token of a Message-ID, if it is one of ours."""
    token, at, host = text.strip().strip("<>").partition("@")
    return token if at and host == _OURS else None


def check(occasion: Occasion) -> None:
    """Raise `PartyInvalid` where what would be sent is a draft, or is from nobody."""
    gaps = occasion.party.gaps()
    if gaps:
        raise PartyInvalid(f"Drafts are not sent. Say in the file for --party: {', '.join(gaps)}.")
    if not emails.is_address(occasion.party.email):
        raise PartyInvalid("Say in the file for --party the e-mail address that messages are from and come back to.")


def letters_to(
    facts: Facts, identity: IdentityMap, addressees: Sequence[Addressee], occasion: Occasion, party: str,
    mailing: mailings.Mailing,
) -> list[Letter]:  # fmt: skip
    """Return a party's letters, with what is on record of each individual."""
    numbers = np.array([one.number for one in addressees], dtype=np.int64)
    aliases = facts.aliases.rows(numbers, KEY, CHECK).rows()
    known = [one.alias for one in mailing.messages.values() if one.party == party]
    before: dict[int, set[tuple[int, int]]] = {}
    if known:
        wanted = pl.DataFrame(known, schema={KEY: pl.UInt64, CHECK: pl.UInt64}, orient="row").unique()
        found = facts.aliases.whole(KEY, CHECK).with_row_index("alias").join(wanted, on=[KEY, CHECK], how="semi")
        for alias, key, check_ in found.rows():
            before.setdefault(int(identity.strict[alias]), set()).add((key, check_))
    return [
        Letter(occasion, one, alias, party, frozenset(before.get(one.number, ())))
        for one, alias in zip(addressees, aliases, strict=True)
    ]


def waiting(
    letters: Iterable[Letter], mailing: mailings.Mailing, agreed: Collection[str], *, doubtful_too: bool
) -> list[Letter]:
    """Return the letters that are to be sent: to whom agreed to e-mail and got none from this party yet.

    `agreed`: addresses in lower case; `doubtful_too`: also those of which it is not known whether they were taken.
    """
    settled = mailing.settled(doubtful_too=doubtful_too)
    return [
        one
        for one in letters
        if emails.can_be_sent(one.to)
        and one.to.email.lower() in agreed
        and not any((one.party, alias) in settled for alias in one.before | {one.alias})
    ]


def send(
    folder: Folder, number: int, letters: Sequence[Letter], relay: Relay, pace: Pace, *, a_minute: int
) -> dict[State, int]:
    """Send letters; return how many in all were taken and refused, are for later, and are doubtful.

    Raises `MailNotTaken` where the mail server cannot be used; what was sent before that is on record.
    """
    for begin in range(0, len(letters), TOGETHER):
        some = letters[begin : begin + TOGETHER]
        tokens = {token_hex(16): letter for letter in some}
        messages = tuple(Message(token, one.party, one.alias, one.to.email) for token, one in tokens.items())
        mailings.add(folder, number, Begun(pace.now(), messages))
        outcomes: dict[str, Outcome] = dict.fromkeys(tokens, "later")
        try:
            _hand_over(tokens, relay, pace, outcomes, seconds=_SECONDS / a_minute)
        finally:
            mailings.add(folder, number, Ended(pace.now(), outcomes))
    return dict(mailings.load(folder, number).counts_of_all())


def _hand_over(
    tokens: Mapping[str, Letter], relay: Relay, pace: Pace, outcomes: dict[str, Outcome], *, seconds: float
) -> None:
    """Hand over some letters, one after the other; what `outcomes` has no answer for in the end is doubtful."""
    try:
        server = relay.connected()
    except (OSError, smtplib.SMTPException) as problem:
        raise MailNotTaken(f"The mail server cannot be used: {type(problem).__name__}.") from problem
    with server:
        for token, letter in tokens.items():
            content = letter.as_bytes(token, pace.now())
            sender, to = letter.occasion.party.email, letter.to.email
            del outcomes[token]  # from here on it may have been taken
            try:
                outcomes[token] = outcome_of(lambda: server.sendmail(sender, [to], content))  # noqa: B023  called at once
            except (OSError, smtplib.SMTPException) as problem:
                raise MailNotTaken(f"The mail server went away: {type(problem).__name__}.") from problem
            pace.wait(seconds)


def tell(folder: Folder, number: int, party: str, now: datetime) -> None:
    """Keep with the incident what became of a party's e-mails since that was kept last."""
    incident = records.load(folder, number)
    counts = mailings.load(folder, number).counts(party)
    for state, of in _STATES.items():
        kept = sum(
            one.count
            for one in incident.deliveries
            if one.by_desk and one.state == state and one.owner == incident.owner_now(party)
        )
        more = sum(counts[each] for each in of) - kept
        if more > 0:
            told = Delivered(at=now, owner=party, state=state, count=more, on=now.date(), by_desk=True)
            records.add(folder, number, told)
