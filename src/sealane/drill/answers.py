"""The privacy officer's answers to the two thefts, and whether each figure is the one that is known to be true."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sealane.desk import taking
from sealane.desk.incidents import answering, deadlines, reconciling, records
from sealane.desk.incidents.records import Called, Decided, Disclosed, Scope, Scoped
from sealane.desk.notices import addressees, making
from sealane.desk.notices.party import Party
from sealane.desk.server import Remote
from sealane.drill.house import wait_for
from sealane.drill.invented import CLAIMS, CLINIC, DENIALS, ENROLMENT, FILES, ORGANIZATION, PLAN, TUMOURS, Truth
from sealane.drill.thefts import TAKEN_BY_ACCOUNT

if TYPE_CHECKING:
    from datetime import datetime

    from sealane.client.server import Server
    from sealane.desk.folder import Folder
    from sealane.desk.incidents.counting import Figures
    from sealane.desk.incidents.reconciling import Contradiction
    from sealane.desk.notices.addressees import Addressee
    from sealane.desk.taking import Taken
    from sealane.drill.invented import InventedFile

_SYNC_SECONDS: Final = 60
TOLD_FIRST: Final = 250
"""The figure that somebody gives to the newspapers before it is known."""
PARTY: Final = Party(
    name="Drill Hospital", address=("1 Invented St", "Portland, ME 04101"), phone="1-800-555-0100",
    happened=("A thief signed in with a stolen token and copied files.",),
    doing=("We ended the session, revoked the token, and look at every other one.",),
    signed_by="The privacy officer of a drill",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Check:
    """A figure of the desk's beside the one that is known."""

    what: str
    expected: object
    found: object

    @property
    def exact(self) -> bool:
        """Whether they are the same."""
        return self.expected == self.found


@dataclass(slots=True)
class Answered:
    """An incident, answered."""

    number: int
    figures: Figures
    checks: list[Check] = field(default_factory=list)


def synced(desk: Folder, server: Server, downloads: int) -> Taken:
    """Sync until every list and download is under a signed checkpoint, and return what the desk knows."""
    known: list[Taken] = []
    lists = sum(bool(file.people) for file in FILES)

    def is_there() -> bool:
        known[:] = [taking.sync(desk, Remote(server)).taken]
        return len(known[0].facts.files) >= lists and len(known[0].history.accesses) == downloads

    wait_for(is_there, _SYNC_SECONDS, "the ledger's next checkpoint")
    return known[0]


def to_the_account(desk: Folder, taken: Taken, user: str, since: datetime, until: datetime) -> Answered:
    """Answer for a stolen account: what it received, and what its rights would have reached beside it."""
    scope = Scope(users=(user,), since=since, until=until)
    number, figures = _counted(desk, taken, "A stolen account", scope, since, until)
    took = [file for file in TAKEN_BY_ACCOUNT if not file.sealed]
    beside = set(DENIALS.people) - _people(took)
    sealed = set(TUMOURS.people) - _people(took) - beside
    return Answered(
        number,
        figures,
        [
            *_against(figures, Truth.of(took)),
            Check("files that left", len(took), figures.evidence["exfiltrated"]),
            Check("files within the account's rights that did not leave", 1, figures.evidence["reachable"]),
            Check("individuals of these only", len(beside), figures.people_by_evidence["reachable"]),
            Check("files that left as ciphertext only", 1, figures.evidence["sealed"]),
            Check("individuals of these only", len(sealed), figures.people_by_evidence["sealed"]),
            Check("files that could not be read", 1, figures.coverage["unreadable"]),
        ],
    )


def to_the_disk(desk: Folder, taken: Taken, copied: datetime) -> Answered:
    """Answer for a copy of the whole disk, of which the ledger knows nothing: all that was stored then."""
    number, figures = _counted(desk, taken, "A copied disk", Scope(everything_at=copied), copied, copied)
    lay = [file for file in FILES if not file.sealed]
    sealed = set(TUMOURS.people) - _people(lay)
    return Answered(
        number,
        figures,
        [
            *_against(figures, Truth.of(lay)),
            Check("files within reach", len(lay), figures.evidence["reachable"]),
            Check("files of which only ciphertext lay there", 1, figures.evidence["sealed"]),
            Check("individuals of these only", len(sealed), figures.people_by_evidence["sealed"]),
        ],
    )


def _counted(
    desk: Folder, taken: Taken, title: str, scope: Scope, since: datetime, until: datetime
) -> tuple[int, Figures]:
    number = records.open_(desk, title, occurred=since, discovered=until, now=until)
    records.add(desk, number, Scoped(at=until, scope=scope))
    found = answering.answer(desk, taken, number, until)
    kept = records.load(desk, number).answers[-1]
    answering.again(desk, number, kept)  # raises where it does not come out the same to the bit
    return number, found.figures


def _against(figures: Figures, truth: Truth) -> list[Check]:
    return [
        Check("people", truth.people, figures.people["strict"]),
        Check("people by data owner", truth.by_owner, figures.by_owner),
        Check("people by state", truth.by_state, figures.by_state),
        Check("people by kind of data", truth.by_class, dict(sorted(figures.by_class.items()))),
        Check("people of both data owners", truth.shared, figures.shared),
    ]


def _people(files: list[InventedFile]) -> set[int]:
    return {number for file in files for number in file.people}


def contradicted(desk: Folder, answered: Answered, today: datetime) -> list[Contradiction]:
    """Keep that somebody told the newspapers a number, and return what contradicts it."""
    record = Disclosed(at=today, by=f"the {ORGANIZATION}", to="the newspapers", count=TOLD_FIRST, on=today.date())
    records.add(desk, answered.number, record)
    incident = records.load(desk, answered.number)
    duties = deadlines.duties(deadlines.load(), incident, answered.figures)
    return reconciling.contradictions(incident, answered.figures, duties, today.date())


@dataclass(frozen=True, slots=True)
class Written:
    """The notices of an incident."""

    made: making.Made
    checks: list[Check]
    quoted: Addressee
    """Somebody who is in files of both data owners."""


def notices(desk: Folder, taken: Taken, answered: Answered, now: datetime) -> Written:
    """Make every notice, and see that each individual gets one letter: nobody none, nobody two from one party."""
    for path, name in ((ENROLMENT.path, "enrollment file"), (CLAIMS.path, "claims file")):
        records.add(desk, answered.number, Called(at=now, path=path, name=name))
    for owner in (PLAN, CLINIC):
        records.add(desk, answered.number, Decided(at=now, owner=owner, notifier="processor"))
    incident = records.load(desk, answered.number)
    made = making.make(
        desk, taken, incident, answered.figures, party=PARTY, rules=deadlines.load(), recipients={},
        url="https://drill.example/notice", now=now,
    )  # fmt: skip
    assert taken.map is not None, "something was synced"
    told = addressees.of_incident(incident, taken.history)
    written = addressees.everybody(taken.facts, taken.map, told, now.date())
    truth = _people([ENROLMENT, CLAIMS])
    both = next(one for one in written if len(one.files) > 1)
    return Written(
        made,
        [
            Check("letters", len(truth), sum(made.letters.values())),
            Check("individuals with a letter", len(truth), len({one.number for one in written})),
        ],
        both,
    )


def first_deadline(desk: Folder, answered: Answered) -> deadlines.Duty | None:
    """Return what is owed first."""
    incident = records.load(desk, answered.number)
    duties = deadlines.duties(deadlines.load(), incident, answered.figures)
    return next((duty for duty in duties if duty.due is not None), None)
