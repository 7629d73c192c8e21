"""What is written down of an incident: records that are only ever added, and what they come to.

A date that moves is a further record; the one before it stays. Everything an officer decides is one too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec.structs import replace

from sealane.desk.failures import IncidentInvalid, IncidentMissing
from sealane.desk.folder import numbered

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealane.desk.folder import Folder

Moment = Literal["occurred", "discovered", "determined", "alerted", "contained"]
Unit = Literal["people", "rows"]
Notifier = Literal["owner", "processor"]
DeliveryState = Literal["sent", "returned", "bounced", "delivered"]
TEXT_MAX = 4096


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """Base of all records."""

    at: datetime
    """When it was written down."""


class Opened(Record, frozen=True, kw_only=True, tag="opened"):
    """The incident was opened."""

    title: str


class Dated(Record, frozen=True, kw_only=True, tag="dated"):
    """A date of the incident as it is known now."""

    what: Moment
    value: datetime
    why: str = ""


class Scope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the intruder did or could reach. Values of one kind are alternatives; kinds narrow each other."""

    users: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    everything_at: datetime | None = None
    """All that was stored then, as far as `folders` go."""
    record_doubted: bool = False
    """The ledger's silence is not believed: what somebody's rights would have reached counts as affected too."""

    @property
    def is_of_somebody(self) -> bool:
        """Whether it is of accounts, sessions or addresses; else it is of a place or of everything: the worst case."""
        return bool(self.users or self.sessions or self.addresses)


class Scoped(Record, frozen=True, kw_only=True, tag="scoped"):
    """The scope as it is seen now."""

    scope: Scope


class Disclosed(Record, frozen=True, kw_only=True, tag="disclosed"):
    """Somebody told somebody a number."""

    by: str
    to: str
    count: int
    on: date
    unit: Unit = "people"
    about: str = ""
    """The data owner whose individuals it is about; empty: all of them."""
    at_least: bool = False
    """It was said as "more than"."""
    basis: str = ""


class Decided(Record, frozen=True, kw_only=True, tag="decided"):
    """Who notifies the individuals of one data owner."""

    owner: str
    notifier: Notifier
    by: str = ""


class Renamed(Record, frozen=True, kw_only=True, tag="renamed"):
    """A data owner that files name otherwise is this one: it has another name now, or is written in several ways."""

    owner: str
    to: str


class Called(Record, frozen=True, kw_only=True, tag="called"):
    """What kind of file a path holds, as letters say it."""

    path: str
    """`/PATH` of any organization or `ORG:/PATH`: a file, or a folder with all below it."""
    name: str


class Died(Record, frozen=True, kw_only=True, tag="died"):
    """An individual is known to have died: the next of kin is written to instead (45 CFR 164.404(d)(1))."""

    alias: tuple[int, int]
    """The two numbers of one of their tellings (`facts.py`): they stay when people are linked anew."""
    kin: str = ""
    line: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""


class Done(Record, frozen=True, kw_only=True, tag="done"):
    """A duty was fulfilled."""

    duty: str
    """The rule's id; for a rule that is owed to several, `ID@PARTY`."""
    on: date


class Delivered(Record, frozen=True, kw_only=True, tag="delivered"):
    """What became of notices to individuals of one owner."""

    owner: str
    state: DeliveryState
    count: int
    on: date
    by_desk: bool = False
    """The desk itself sent them (`notices/sending.py`)."""


class Answered(Record, frozen=True, kw_only=True, tag="answered"):
    """An answer that was given: its figures, what it cites, and its digest (`counting.py`)."""

    answer: bytes
    digest: str


AnyRecord = Opened | Dated | Scoped | Disclosed | Decided | Renamed | Called | Died | Done | Delivered | Answered


@dataclass(slots=True)
class Incident:
    """An incident as its records tell it."""

    number: int
    title: str
    opened: datetime
    dates: dict[str, list[Dated]] = field(default_factory=dict)
    """Every version of every date, in order."""
    scope: Scope = field(default_factory=Scope)
    disclosures: list[Disclosed] = field(default_factory=list)
    notifiers: dict[str, Notifier] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    called: dict[str, str] = field(default_factory=dict)
    """Kinds of files by path."""
    died: dict[tuple[int, int], Died] = field(default_factory=dict)
    done: dict[str, date] = field(default_factory=dict)
    deliveries: list[Delivered] = field(default_factory=list)
    answers: list[Answered] = field(default_factory=list)

    def moment(self, what: Moment) -> datetime | None:
        """Return a date as it is known now."""
        versions = self.dates.get(what)
        return versions[-1].value if versions else None

    @property
    def occurred(self) -> datetime:
        """When it began."""
        return self.dates["occurred"][-1].value

    @property
    def discovered(self) -> datetime:
        """When it was discovered, as it is known now."""
        return self.dates["discovered"][-1].value

    def owner_now(self, name: str) -> str:
        """Return what a data owner is called now."""
        seen = {name}
        while (other := self.renamed.get(name)) is not None and other not in seen:
            seen.add(other)
            name = other
        return name

    def _decide(self, record: Decided | Renamed | Called | Died) -> None:
        match record:
            case Decided():
                self.notifiers[record.owner] = record.notifier
            case Renamed():
                self.renamed[record.owner] = record.to
            case Called():
                self.called[record.path] = record.name
            case Died():
                self.died[record.alias] = record

    def take(self, record: AnyRecord) -> None:
        """Take in one record."""
        match record:
            case Dated():
                self.dates.setdefault(record.what, []).append(record)
            case Scoped():
                self.scope = record.scope
            case Decided() | Renamed() | Called() | Died():
                self._decide(record)
            case Disclosed():
                self.disclosures.append(record)
            case Done():
                self.done[record.duty] = record.on
            case Delivered():
                self.deliveries.append(record)
            case Answered():
                self.answers.append(record)
            case Opened():
                raise IncidentInvalid("An incident is opened once.")


def open_(folder: Folder, title: str, *, occurred: datetime, discovered: datetime, now: datetime) -> int:
    """Open an incident and return its number. Raises `IncidentInvalid`."""
    if not title.strip() or len(title) > TEXT_MAX:
        raise IncidentInvalid("An incident needs a title.")
    if discovered < occurred:
        raise IncidentInvalid("It cannot have been discovered before it occurred.")
    number = len(folder.groups("incidents")) + 1
    add(
        folder,
        number,
        Opened(at=now, title=title),
        Dated(at=now, what="occurred", value=occurred),
        Dated(at=now, what="discovered", value=discovered),
    )
    return number


def add(folder: Folder, number: int, *records: AnyRecord) -> None:
    """Write down further records of an incident, together."""
    kind = numbered("incidents", number)
    place = len(folder.numbers(kind)) + 1
    folder.write(numbered(kind, place), msgspec.json.encode(records))


def places(folder: Folder, number: int) -> int:
    """Return how many files of records an incident has."""
    return len(folder.numbers(numbered("incidents", number)))


def load(folder: Folder, number: int, places: int | None = None) -> Incident:
    """Return an incident, or as it was after so many files of records. Raises `IncidentMissing`, `DeskDamaged`."""
    kind = numbered("incidents", number)
    records: list[AnyRecord] = []
    for place in folder.numbers(kind)[:places]:
        records += msgspec.json.decode(folder.read(numbered(kind, place)), type=list[AnyRecord])
    return told(number, records)


def told(number: int, records: Iterable[AnyRecord]) -> Incident:
    """Return what these records come to. Raises `IncidentMissing` where there are none."""
    rest = iter(records)
    first = next(rest, None)
    if not isinstance(first, Opened):
        raise IncidentMissing
    incident = Incident(number, first.title, first.at)
    for record in rest:
        incident.take(record)
    if incident.renamed:
        _by_present_names(incident)
    return incident


def _by_present_names(incident: Incident) -> None:
    """Let everything that was said of a data owner be said of the name that it has now."""
    now = incident.owner_now
    incident.disclosures = [replace(one, about=now(one.about)) for one in incident.disclosures]
    incident.notifiers = {now(owner): notifier for owner, notifier in incident.notifiers.items()}
    incident.deliveries = [replace(one, owner=now(one.owner)) for one in incident.deliveries]
    parted = ((duty.partition("@"), on) for duty, on in incident.done.items())
    incident.done = {f"{duty}{at}{now(about) if at else about}": on for (duty, at, about), on in parted}


def numbers(folder: Folder) -> list[int]:
    """Return the numbers of all incidents."""
    return [int(name) for name in folder.groups("incidents")]
