"""Who gets a letter from whom, where to, and about which of their data.

One letter for each individual and notifying party: who is of several owners that leave notifying to the processor gets
one letter that names them all. Who has no address is listed apart: a substitute notice is for them. Must stay true: a
party is told of a person only what files of the data owners hold for whom it writes.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import polars as pl

from sealane.desk.facts import REGIONS
from sealane.desk.incidents import scoping
from sealane.desk.notices import kinds
from sealane.exposure.model import classes_of
from sealane.exposure.people.places import ELSEWHERE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from datetime import date

    import numpy.typing as npt

    from sealane.desk.facts import Facts
    from sealane.desk.history import History
    from sealane.desk.incidents.records import Died, Incident
    from sealane.desk.maps import IdentityMap

    Numbers = npt.NDArray[Any]

PROCESSOR: Final = "the processor"
"""The notifying party of owners who left notifying to whoever held their data."""
_ADULT_YEARS: Final = 18
_NAMES: Final = {
    "ssn": "Social Security number", "itin": "taxpayer identification number", "birth_date": "date of birth",
    "drivers_license": "driver's license number", "medicare_id": "Medicare number", "medicaid_id": "Medicaid number",
    "member_id": "health plan member number", "email": "e-mail address", "phone": "telephone number",
    "diagnosis": "diagnoses", "procedure": "treatments and procedures", "medication": "medications",
    "claim": "claims and what was paid", "account_number": "bank or other account number",
    "card_number": "payment card number", "credential": "user name or password", "passport": "passport number",
}  # fmt: skip


class InFiles(NamedTuple):
    """Which data of somebody was in files of one kind and data owner."""

    kind: str
    owner: str
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Addressee:
    """One individual to be notified by one party."""

    number: int
    """Of the individual: their first alias."""
    given: str
    family: str
    minor: bool
    line: str
    city: str
    state: str
    zip: str
    email: str
    owners: tuple[str, ...]
    classes: tuple[str, ...]
    files: tuple[InFiles, ...] = ()
    """The same by kind of file and data owner."""
    deceased: bool = False
    kin: str = ""
    """Who is written to in place of somebody who has died; the address is theirs."""

    @property
    def reachable(self) -> bool:
        """Whether a letter can be sent."""
        return bool(self.line and (self.zip or (self.city and self.state)) and (self.given or self.family))

    @property
    def name(self) -> str:
        """Their name as it is written on an envelope."""
        return " ".join(part for part in (self.given, self.family) if part)

    @property
    def addressed(self) -> str:
        """To whom the letter goes: for a child, the parent or guardian; for the deceased, the next of kin."""
        if self.deceased:
            return self.kin or f"Next of kin or personal representative of {self.name}"
        return f"Parent or guardian of {self.name}" if self.minor else self.name


def in_words(kind: str) -> str:
    """Return a class of data as a letter says it."""
    return _NAMES.get(kind, kind.replace("_", " "))


@dataclass(frozen=True, slots=True)
class Exposed:
    """What of the facts an incident's letters are about."""

    versions: Collection[str]
    """Those whose individuals count as affected."""
    kinds: Mapping[str, str]
    """What kind of file each version is."""
    notifiers: Mapping[str, str]
    died: Mapping[tuple[int, int], Died] = field(default_factory=dict)
    owner_now: Callable[[str], str] = str


def of_incident(incident: Incident, history: History) -> Exposed:
    """Return what an incident's letters are about."""
    versions = scoping.to_notify(incident, history)
    kind_of = kinds.of_versions(versions, incident, history)
    return Exposed(versions, kind_of, incident.notifiers, incident.died, incident.owner_now)


def by_party(facts: Facts, identity: IdentityMap, exposed: Exposed, on: date) -> Iterator[tuple[str, list[Addressee]]]:
    """Yield each notifying party and whom it writes to, in order of name. `on`: the day that tells a child."""
    roots = identity.strict[: len(facts.aliases)].astype(np.int64)
    owners = [exposed.owner_now(name) for name in facts.owners]
    table = _exposed_rows(facts, roots, exposed, owners)
    party_of = {name: PROCESSOR if exposed.notifiers.get(name) == "processor" else name for name in owners}
    cards = _cards(facts, roots, table["person"].unique(), [party_of[name] for name in owners])
    cards_of = cards.partition_by("party", as_dict=True, include_key=False)
    died = _died(facts, roots, exposed.died)
    table = table.with_columns(pl.col("owner").replace_strict(party_of, return_dtype=pl.String).alias("party"))
    for (party,), rows in sorted(table.partition_by("party", as_dict=True).items()):
        within = rows.group_by("person", "owner", "kind").agg(pl.col("mask").bitwise_or())
        people = (
            within.sort("person", "owner", "kind")
            .group_by("person", maintain_order=True)
            .agg("owner", "kind", pl.col("mask").alias("masks"), pl.col("mask").bitwise_or())
        )
        joined = people.join(cards_of[(party,)], on="person", how="left", maintain_order="left")
        people_of = (_addressee(row, on) for row in joined.iter_rows(named=True))
        yield str(party), [_of_kin(one, died[one.number]) if one.number in died else one for one in people_of]


def _died(facts: Facts, roots: Numbers, died: Mapping[tuple[int, int], Died]) -> dict[int, Died]:
    """Return who has died, by the number of the individual."""
    if not died:
        return {}
    keys = facts.aliases.whole("key", "check").with_row_index("alias")
    found = keys.filter(pl.col("key").is_in([key for key, _ in died])).rows()
    return {int(roots[alias]): died[key, check] for alias, key, check in found if (key, check) in died}


def _of_kin(one: Addressee, died: Died) -> Addressee:
    """Return whom to write to about somebody who has died: nobody where the address of their kin is not known."""
    return replace(one, deceased=True, minor=False, kin=died.kin, line=died.line, city=died.city, state=died.state,
                   zip=died.zip, email="")  # fmt: skip


def of_owner(facts: Facts, identity: IdentityMap, exposed: Exposed, on: date, owner: str) -> list[Addressee]:
    """Return a data owner's individuals, each with what that owner's own files tell and nothing else."""
    return next((people for name, people in by_party(facts, identity, alone(exposed), on) if name == owner), [])


def alone(exposed: Exposed) -> Exposed:
    """Return the same, with every data owner as a party of its own."""
    return replace(exposed, notifiers={})


def everybody(facts: Facts, identity: IdentityMap, exposed: Exposed, on: date) -> list[Addressee]:
    """Return every individual once, with all their owners."""
    at_once = {exposed.owner_now(name): "processor" for name in facts.owners}
    return [one for _, people in by_party(facts, identity, replace(exposed, notifiers=at_once), on) for one in people]


def _exposed_rows(facts: Facts, roots: Numbers, exposed: Exposed, owners: list[str]) -> pl.DataFrame:
    numbers = facts.file_numbers(list(exposed.versions))
    kind_of = {number: exposed.kinds.get(version, kinds.UNKNOWN) for version, number in numbers.items()}
    rows = facts.runs.table(facts.runs.chosen(np.array(sorted(kind_of), dtype=np.int64)))
    return rows.select(
        pl.col("owner").replace_strict(dict(enumerate(owners)), return_dtype=pl.String),
        "mask",
        pl.col("file").replace_strict(kind_of, return_dtype=pl.String).alias("kind"),
        pl.Series("person", roots[rows["alias"].to_numpy()], dtype=pl.Int64),
    )


def _cards(facts: Facts, roots: Numbers, persons: pl.Series, parties: list[str]) -> pl.DataFrame:
    """Return name, birth date, e-mail and latest dated address of these individuals, as each party may know them.

    A party gets of a person only what files of the data owners for whom it writes hold, whether these files were
    exposed or not: what another owner's file tells stays there. `parties`: of each data owner the party.
    """
    wanted = np.zeros(len(roots), dtype=bool)
    wanted[persons.to_numpy()] = True
    seen = facts.runs.of_aliases(wanted[roots])
    dates = np.array([one.stored.timestamp() for one in facts.files] or [0.0])
    aliases = seen["alias"].to_numpy()
    seen = seen.select(
        "file",
        "alias",
        pl.col("owner").replace_strict(dict(enumerate(parties)), return_dtype=pl.String).alias("party"),
        pl.Series("person", roots[aliases], dtype=pl.Int64),
        pl.Series("when", dates[seen["file"].to_numpy()]),
    ).sort("when", "file", "alias")
    told = pl.concat([seen, facts.aliases.rows(seen["alias"].to_numpy(), *_CARD)], how="horizontal")
    somewhere = pl.col("line").is_not_null()
    named = pl.col("given").is_not_null() & pl.col("family").is_not_null()
    return told.group_by("party", "person", maintain_order=True).agg(
        *(
            pl.coalesce(pl.col(name).filter(named).last(), pl.col(name).drop_nulls().last()).alias(name)
            for name in ("given", "family")
        ),
        *(pl.col(name).filter(somewhere).last() for name in ("line", "city", "state", "zip")),
        *(pl.col(name).drop_nulls().last() for name in ("birth_date", "email")),
    )


_CARD: Final = ("given", "family", "line", "city", "state", "zip", "birth_date", "email")


def _addressee(row: dict[str, Any], on: date) -> Addressee:
    born = row["birth_date"]
    state = row["state"] or ""
    return Addressee(
        number=row["person"],
        given=row["given"] or "",
        family=row["family"] or "",
        minor=born is not None and (on.year - born.year - ((on.month, on.day) < (born.month, born.day))) < _ADULT_YEARS,
        line=row["line"] or "",
        city=row["city"] or "",
        state="" if state in {REGIONS[0], ELSEWHERE} else state,
        zip=row["zip"] or "",
        email=row["email"] or "",
        owners=tuple(dict.fromkeys(row["owner"])),
        classes=_classes(row["mask"]),
        files=tuple(
            InFiles(kind, owner, _classes(mask))
            for kind, owner, mask in zip(row["kind"], row["owner"], row["masks"], strict=True)
        ),
    )


@functools.cache  # a few hundred sets of classes, millions of rows
def _classes(mask: int) -> tuple[str, ...]:
    return tuple(kind.value for kind in classes_of(mask))
