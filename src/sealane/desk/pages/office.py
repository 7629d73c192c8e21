"""What the pages are made of: the open desk, what it knows, and each incident's answer, reckoned once."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sealane.clock import Clock
from sealane.desk import taking
from sealane.desk.failures import DeskDamaged
from sealane.desk.incidents import answering, deadlines, reconciling, records, scoping
from sealane.desk.notices import addressees

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sealane.desk.folder import Folder
    from sealane.desk.incidents.counting import Figures
    from sealane.desk.incidents.deadlines import Duty, Rules
    from sealane.desk.incidents.reconciling import Contradiction
    from sealane.desk.incidents.records import AnyRecord, Incident
    from sealane.desk.incidents.scoping import Evidence
    from sealane.desk.maps import IdentityMap
    from sealane.desk.notices.addressees import Addressee
    from sealane.desk.taking import Taken


@dataclass(frozen=True, slots=True)
class Answer:
    """An incident as it stands."""

    incident: Incident
    figures: Figures
    exposed: Mapping[str, Evidence]
    duties: list[Duty]
    contradictions: list[Contradiction]


@dataclass(slots=True)
class Office:
    """The desk while its pages are served. One request at a time asks it."""

    folder: Folder
    taken: Taken
    rules: Rules
    clock: Clock = field(default_factory=Clock)
    lock: threading.Lock = field(default_factory=threading.Lock)
    _answers: dict[tuple[int, int], Answer] = field(default_factory=dict)
    _people: dict[tuple[int, int], list[Addressee]] = field(default_factory=dict)

    @classmethod
    def opened(cls, folder: Folder, rules: Rules) -> Office:
        """Return the office of a desk as it was last synced."""
        return cls(folder, taking.load(folder), rules)

    @property
    def identity(self) -> IdentityMap:
        """Who is who. Raises `DeskDamaged` before the first sync."""
        if self.taken.map is None:
            raise DeskDamaged("Nothing was synced yet: run 'sealane desk sync' first, then start this again.")
        return self.taken.map

    def incidents(self) -> list[Incident]:
        """Return every incident."""
        return [records.load(self.folder, number) for number in records.numbers(self.folder)]

    def answer(self, number: int) -> Answer:
        """Return an incident as it stands, reckoned anew where something was written down. Raises `IncidentMissing`."""
        key = (number, records.places(self.folder, number))
        if key not in self._answers:
            self._answers = {kept: one for kept, one in self._answers.items() if kept[0] != number}
            incident = records.load(self.folder, number)
            self._answers[key] = self.preview(incident)
        return self._answers[key]

    def preview(self, incident: Incident) -> Answer:
        """Return what an incident would come to; keeps nothing."""
        figures = answering.look(self.taken, incident).figures
        duties = deadlines.duties(self.rules, incident, figures)
        found = reconciling.contradictions(incident, figures, duties, self.clock.now().date())
        return Answer(incident, figures, scoping.exposed(incident, self.taken.history), duties, found)

    def people(self, number: int) -> list[Addressee]:
        """Return every affected individual of an incident."""
        key = (number, records.places(self.folder, number))
        if key not in self._people:
            incident = self.answer(number).incident
            told = addressees.of_incident(incident, self.taken.history)
            found = addressees.everybody(self.taken.facts, self.identity, told, incident.discovered.date())
            self._people = {key: found}  # of one incident at a time: there may be millions
        return self._people[key]

    def keep(self, number: int, record: AnyRecord) -> None:
        """Write something down about an incident. Raises `IncidentMissing`."""
        records.load(self.folder, number)
        records.add(self.folder, number, record)
