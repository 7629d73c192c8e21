"""Answers: an incident's figures, kept with what they were computed from, and computed again to the same bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from sealane.desk import facts as fact_store
from sealane.desk import maps, refusals, taking
from sealane.desk.failures import AnswerChanged, DeskDamaged
from sealane.desk.incidents import counting, records, scoping
from sealane.desk.incidents.counting import Affected, Figures

if TYPE_CHECKING:
    from datetime import datetime

    from sealane.desk.folder import Folder
    from sealane.desk.incidents.records import Answered, Incident
    from sealane.desk.taking import Taken


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `Answered.answer` holds."""

    figures: Figures
    places: int
    """Files of records that the incident had then."""


def look(taken: Taken, incident: Incident) -> Affected:
    """Return who is affected as the incident's scope is now; keeps nothing. Raises `DeskDamaged`."""
    if taken.map is None:
        raise DeskDamaged("Nothing was synced yet: the desk knows of no files.")
    return counting.affected(
        taken.facts,
        taken.map,
        scoping.exposed(incident, taken.history),
        counted=scoping.counted(incident.scope),
        owner_now=incident.owner_now,
        checkpoint=taken.checkpoint,
        ledger=taken.history.size,
        refused=taken.refused,
    )


def overlaps(folder: Folder, taken: Taken, number: int, found: Affected) -> list[tuple[Incident, int]]:
    """Return the other incidents that share individuals with this one, and how many: they are counted in each."""
    shared: list[tuple[Incident, int]] = []
    for other in records.numbers(folder):
        if other != number:
            incident = records.load(folder, other)
            count = len(np.intersect1d(found.roots, look(taken, incident).roots, assume_unique=True))
            if count:
                shared.append((incident, count))
    return shared


def answer(folder: Folder, taken: Taken, number: int, now: datetime) -> Affected:
    """Return who is affected, and keep the answer where it is another one than the last."""
    incident = records.load(folder, number)
    found = look(taken, incident)
    if not incident.answers or incident.answers[-1].digest != found.digest:
        kept = _Kept(found.figures, records.places(folder, number))
        records.add(folder, number, records.Answered(at=now, answer=msgspec.json.encode(kept), digest=found.digest))
    return found


def figures_of(answered: Answered) -> Figures:
    """Return the figures of an answer that was kept."""
    return msgspec.json.decode(answered.answer, type=_Kept).figures


def again(folder: Folder, number: int, answered: Answered) -> Affected:
    """Compute a kept answer again from what it cites. Raises `AnswerChanged` where it differs in any bit."""
    kept = msgspec.json.decode(answered.answer, type=_Kept)
    cited = kept.figures.cited
    incident = records.load(folder, number, places=kept.places)
    found = counting.affected(
        fact_store.load(folder, cited.batches),
        maps.load(folder, cited.map),
        scoping.exposed(incident, taking.history_at(folder, cited.ledger)),
        counted=scoping.counted(incident.scope),
        owner_now=incident.owner_now,
        checkpoint=cited.checkpoint,
        ledger=cited.ledger,
        refused=refusals.load(folder, cited.refused),
    )
    if found.digest != answered.digest:
        raise AnswerChanged
    return found
