"""What is on record of an incident's e-mails: whom one was about to be handed over for, and what became of it.

Records are only ever added, sealed as all of the desk is. Must stay true: a message is on record, durably, before it is
handed over; one of which no answer is on record may have been sent, and is not sent again by itself.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import msgspec

from sealane.desk.folder import numbered

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealane.desk.folder import Folder

Outcome = Literal["taken", "refused", "later"]
State = Literal["taken", "refused", "later", "doubtful", "bounced"]
"""later: nothing of it was taken; doubtful: nobody answered whether it was."""


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message that was about to be handed over."""

    token: str
    """What its Message-ID has, and nobody can guess."""
    party: str
    alias: tuple[int, int]
    """The two numbers of one telling of the individual: they stay when people are linked anew."""
    to: str


class Begun(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="begun", tag_field="kind"):
    """These were about to be handed over."""

    at: datetime
    messages: tuple[Message, ...]


class Ended(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="ended", tag_field="kind"):
    """What the mail server answered, by token."""

    at: datetime
    outcomes: dict[str, Outcome]


class Bounced(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="bounced", tag_field="kind"):
    """These came back."""

    at: datetime
    tokens: tuple[str, ...]


AnyRecord = Begun | Ended | Bounced


@dataclass(slots=True)
class Mailing:
    """All that is on record of the e-mails of one incident."""

    messages: dict[str, Message] = field(default_factory=dict)
    states: dict[str, State] = field(default_factory=dict)

    def take(self, record: AnyRecord) -> None:
        """Take in one record."""
        match record:
            case Begun():
                self.messages.update({one.token: one for one in record.messages})
                self._are("doubtful", (one.token for one in record.messages))
            case Ended():
                self.states.update({token: state for token, state in record.outcomes.items() if token in self.states})
            case Bounced():
                self._are("bounced", (token for token in record.tokens if token in self.states))

    def _are(self, state: State, tokens: Iterable[str]) -> None:
        for token in tokens:
            self.states[token] = state

    def settled(self, *, doubtful_too: bool) -> dict[tuple[str, tuple[int, int]], State]:
        """Return by party and individual for whom nothing more is to be sent, and why."""
        open_ = {"later"} | ({"doubtful"} if doubtful_too else set())
        return {
            (one.party, one.alias): self.states[token]
            for token, one in self.messages.items()
            if self.states[token] not in open_
        }

    def counts_of_all(self) -> Counter[State]:
        """Return how many messages are in which state."""
        return Counter(self.states.values())

    def counts(self, party: str) -> Counter[State]:
        """Return how many messages of a party are in which state."""
        return Counter(self.states[token] for token, one in self.messages.items() if one.party == party)


def _kind(number: int) -> str:
    return numbered("mailings", number)


def load(folder: Folder, number: int) -> Mailing:
    """Return what is on record of an incident's e-mails. Raises `DeskDamaged`."""
    mailing = Mailing()
    for place in folder.numbers(_kind(number)):
        for record in msgspec.json.decode(folder.read(numbered(_kind(number), place)), type=list[AnyRecord]):
            mailing.take(record)
    return mailing


def add(folder: Folder, number: int, *records: AnyRecord) -> None:
    """Write down further records, together and durably."""
    place = len(folder.numbers(_kind(number))) + 1
    folder.write(numbered(_kind(number), place), msgspec.json.encode(records))
