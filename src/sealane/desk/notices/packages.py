"""What a data owner is told: the package of 45 CFR 164.410, sealed to the owner's own key.

It identifies each of the owner's individuals with the classes of their data, and has what the owner's own notices need;
nothing in it is of another owner: neither of a person what another owner's files tell, nor the name of another's file.
"""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from sealane.desk.notices import merges
from sealane.vault.age import files, keys

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sealane.desk.facts import Facts
    from sealane.desk.history import History
    from sealane.desk.incidents.counting import Figures, Unread
    from sealane.desk.incidents.records import Incident
    from sealane.desk.notices.addressees import Addressee
    from sealane.desk.notices.letters import Occasion


@dataclass(frozen=True, slots=True)
class Told:
    """What all packages of an incident share."""

    incident: Incident
    figures: Figures
    occasion: Occasion
    whose: Mapping[str, frozenset[str]]
    """Of each version that could not be read wholly the data owners that are known of it."""


def whose(figures: Figures, facts: Facts, history: History, incident: Incident) -> dict[str, frozenset[str]]:
    """Return for each version that could not be read wholly whose it is, as far as that is known."""
    versions = {one.version_id for one in figures.unreadable}
    numbers = facts.file_numbers(list(versions))
    runs = facts.runs
    found: dict[str, frozenset[str]] = {}
    for version in versions:
        stored = history.versions.get(version)
        names = {stored.organization} if stored is not None else set[str]()
        if version in numbers:
            told = runs.owners[runs.chosen(np.array([numbers[version]]))].tolist()
            names = {facts.owners[owner] for owner in told} or names
        found[version] = frozenset(incident.owner_now(name) for name in names)
    return found


def unread(owner: str, told: Sequence[Unread], owners: Mapping[str, frozenset[str]]) -> list[dict[str, str]]:
    """Return what could not be read, all of it; names inside of files only where a file is this owner's alone."""
    return [
        {"version": one.version_id, "part": one.part if owners.get(one.version_id) == {owner} else "", "why": one.why}
        for one in told
    ]


def package(owner: str, addressees: Sequence[Addressee], told: Told) -> bytes:
    """Return an owner's package: a tar file of the individuals and of what is known of the breach, in clear."""
    incident, figures, occasion = told.incident, told.figures, told.occasion
    minors = sum(one.minor for one in addressees)
    states: dict[str, int] = {}
    classes: dict[str, int] = {}
    for one in addressees:
        states[one.state or "unknown"] = states.get(one.state or "unknown", 0) + 1
        for kind in one.classes:
            classes[kind] = classes.get(kind, 0) + 1
    about = {
        "under": "45 CFR 164.410(c)",
        "owner": owner,
        "incident": incident.title,
        "occurred": str(occasion.occurred),
        "discovered": str(occasion.discovered),
        "what_happened": occasion.party.happened,
        "individuals": len(addressees),
        "minors": minors,
        "by_state": dict(sorted(states.items())),
        "by_class": dict(sorted(classes.items())),
        "could_not_be_read": unread(owner, figures.unreadable, told.whose),
        "policy": figures.policy,
        "checkpoint": figures.checkpoint,
        "mitigation": occasion.party.doing,
        "advice_to_individuals": occasion.party.advice,
    }
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in (
            ("notice.json", msgspec.json.format(msgspec.json.encode(about)) + b"\n"),
            ("individuals.csv", merges.as_csv(addressees)),
        ):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o600
            archive.addfile(member, io.BytesIO(content))
    return written.getvalue()


def sealed(content: bytes, recipients: Sequence[str]) -> bytes:
    """Seal a package to its owner's keys. Raises `KeyInvalid`, `RecipientsMixed`."""
    return files.seal(content, [keys.recipient(text) for text in recipients])
