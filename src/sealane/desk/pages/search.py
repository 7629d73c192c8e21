"""Whether somebody is in it: for a caller on the telephone, by name or by any number of theirs. Pure of HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from sealane.desk.incidents.scoping import Evidence
from sealane.desk.notices import kinds
from sealane.desk.notices.addressees import in_words
from sealane.desk.notices.markup import table, tag
from sealane.desk.pages.layout import Field, Shown, form, wide
from sealane.exposure.model import classes_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sealane.desk.notices.markup import Markup
    from sealane.desk.pages.office import Answer, Office

_FOUND_MAX: Final = 50
_WORDS_MAX: Final = 8
_CHARACTERS_MAX: Final = 200
_NUMBERS: Final = ("ssn", "medicare_id", "medicaid_id", "member_id", "medical_record_number", "email", "phone")
_LEAST: Final = 4
"""Characters of a number: fewer would be in too many."""
_IN_WORDS: Final = {
    Evidence.EXFILTRATED: "left",
    Evidence.REACHABLE: "could have been read",
    Evidence.SEALED: "left, or lay there, as ciphertext only",
}


def show(office: Office, token: str, told: Mapping[str, str] | None = None) -> Shown:
    """Return the form, and who was found. What is asked comes as a form, so that no name stands in an address."""
    fields = [
        Field("asked", "Name, or any number of theirs", (told or {}).get("asked", "")[:_CHARACTERS_MAX],
              hint="given and family name; Social Security, Medicare or member number; e-mail; telephone", needed=True)
    ]  # fmt: skip
    parts = [form("/search", fields, {"search": "Look"}, token)]
    if told is not None:
        found = find(office, told.get("asked", ""))
        parts.append(tag("p", _count(len(found)), role="status", class_="note"))
        for person in found[:_FOUND_MAX]:
            parts += _person(office, person)
    return Shown("Is somebody in it?", tuple(parts), place="search")


def _count(count: int) -> str:
    if not count:
        return "Nobody was found under this. Files that could not be read are listed with each incident."
    return f"{count} individuals" + (f"; the first {_FOUND_MAX}" if count > _FOUND_MAX else "") + "."


def find(office: Office, asked: str) -> list[int]:
    """Return the individuals, each by their first telling, whose name has all these words or who have this number."""
    asked = asked.strip()[:_CHARACTERS_MAX].lower()
    words = asked.split()[:_WORDS_MAX]
    if not words:
        return []
    name = pl.concat_str([pl.col("given").fill_null(""), pl.col("family").fill_null("")], separator=" ")
    named = pl.all_horizontal(*(name.str.to_lowercase().str.contains(word, literal=True) for word in words))
    number = "".join(one for one in asked if one.isalnum())
    tests = [named]
    if len(number) >= _LEAST:
        tests += [pl.col(column).str.to_lowercase().str.replace_all(r"[^0-9a-z]", "") == number for column in _NUMBERS]
    hit, begin = pl.any_horizontal(*(test.fill_null(value=False) for test in tests)).alias("hit"), 0
    found: set[int] = set()
    for frame in office.taken.facts.aliases.frames("given", "family", *_NUMBERS):
        rows = np.flatnonzero(frame.select(hit)["hit"].to_numpy()) + begin
        found.update(office.identity.strict[rows].tolist())
        begin += len(frame)
    return sorted(found)


def _person(office: Office, person: int) -> list[Markup]:
    facts = office.taken.facts
    tellings = np.flatnonzero(office.identity.strict[: len(facts.aliases)] == person)
    known = facts.aliases.rows(tellings, "given", "family", "birth_date", "line", "city", "state", "zip")
    last = {name: known[name].drop_nulls().to_list()[-1:] for name in known.columns}
    shown = " ".join(str(value) for name in ("given", "family") for value in last[name]) or "(no name)"
    where = ", ".join(str(value) for name in ("line", "city", "state", "zip") for value in last[name])
    born = "".join(f", born {value}" for value in last["birth_date"])
    wanted = np.zeros(len(facts.aliases), dtype=bool)
    wanted[tellings] = True
    rows = facts.runs.of_aliases(wanted).unique(["file", "owner", "mask"])
    parts = [tag("h2", f"{shown}{born}"), tag("p", where or "No address is known.")]
    told = [
        row for incident in office.incidents() for row in _in_incident(office, office.answer(incident.number), rows)
    ]
    if told:
        heads = ("Incident", "File", "Data owner", "Data", "What happened to it", "Counted")
        return [*parts, wide(table(heads, told, caption=f"Where {shown} is"), f"Where {shown} is")]
    return [*parts, tag("p", "In no file of any incident.")]


def _in_incident(office: Office, answer: Answer, rows: pl.DataFrame) -> list[tuple[str, ...]]:
    facts, incident = office.taken.facts, answer.incident
    found: list[tuple[str, ...]] = []
    for file, owner, mask in rows.sort("file", "owner").select("file", "owner", "mask").iter_rows():
        version = facts.files[file].version_id
        if facts.file_numbers([version]).get(version) != file or version not in answer.exposed:
            continue
        evidence = answer.exposed[version]
        kind = kinds.of_versions([version], incident, office.taken.history)[version]
        classes = ", ".join(in_words(each.value) for each in classes_of(mask))
        counted = "yes" if evidence.value in answer.figures.counted else "no"
        name = f"{incident.number}: {incident.title}"
        found.append((name, kind, incident.owner_now(facts.owners[owner]), classes, _IN_WORDS[evidence], counted))
    return found
