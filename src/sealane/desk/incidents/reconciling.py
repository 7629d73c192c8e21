"""Whether what was said of an incident can be so: disclosures, dates and duties against figures and each other. Pure.

A contradiction is raised by itself and stays open until what it is about is amended; it has the first day on which it
could be seen. The reader is the officer: each says which figures contradict each other, and by how much.
"""

from __future__ import annotations

import enum
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from sealane.desk.incidents.counting import Figures
    from sealane.desk.incidents.deadlines import Duty
    from sealane.desk.incidents.records import Disclosed, Incident


class Why(enum.StrEnum):
    """What kind of contradiction it is."""

    BELOW_UNION = "below-union"
    BELOW_PART = "below-part"
    SUM_OVER_TOTAL = "sum-over-total"
    OWNER_BELOW = "owner-below"
    ABOVE_COUNT = "above-count"
    ROWS_AS_PEOPLE = "rows-as-people"
    COUNT_SHRANK = "count-shrank"
    DATE_MOVED = "date-moved"
    DEADLINE_MISSED = "deadline-missed"
    COVERAGE_OPEN = "coverage-open"


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Something that cannot be so, or was not as it must be."""

    why: Why
    seen: date
    """The first day on which it could be seen."""
    sentence: str
    figures: dict[str, int] = field(default_factory=dict)


def contradictions(incident: Incident, figures: Figures, duties: Sequence[Duty], today: date) -> list[Contradiction]:
    """Return all contradictions, in the order of the days on which they could be seen."""
    said = sorted(incident.disclosures, key=lambda one: one.on)
    found = [
        *_against_count(said, figures),
        *_sums(said, figures),
        *_shrunk(said),
        *_moved(incident),
        *_missed(duties, today),
    ]
    unread = figures.coverage.get("partial", 0) + figures.coverage.get("unreadable", 0)
    final = [one for one in said if not one.at_least and not one.about]
    if unread and final:
        found.append(
            Contradiction(
                Why.COVERAGE_OPEN,
                final[0].on,
                f"{unread} files of the scope could not be read wholly: a total is at least so many, and not all.",
                {"files": unread},
            )
        )
    return sorted(found, key=lambda one: (one.seen, one.why.value, one.sentence))


def _against_count(said: Sequence[Disclosed], figures: Figures) -> Iterator[Contradiction]:
    """Each disclosure against what the lists say."""
    for one in said:
        ours = figures.by_owner.get(one.about) if one.about else figures.people["strict"]
        if ours is None:
            continue
        rows = figures.rows
        if one.unit == "people" and not one.about and one.count == rows != ours:
            yield Contradiction(
                Why.ROWS_AS_PEOPLE,
                one.on,
                f"{one.by} told {one.to} of {one.count:,} people: so many lines are in the files, of {ours:,} people.",
                {"told": one.count, "rows": rows, "people": ours},
            )
        elif one.unit == "rows" and one.count != ours:
            yield Contradiction(
                Why.ROWS_AS_PEOPLE,
                one.on,
                f"{one.by} told {one.to} of {one.count:,} lines; they are {ours:,} people.",
                {"told": one.count, "people": ours},
            )
        elif one.count < ours:
            about = f"individuals of {one.about}" if one.about else "the individuals of all data owners, each once,"
            yield Contradiction(
                Why.OWNER_BELOW if one.about else Why.BELOW_UNION,
                one.on,
                f"{one.by} told {one.to} of {'more than ' * one.at_least}{one.count:,}: {about} come to {ours:,},"
                f" {ours - one.count:,} more.",
                {"told": one.count, "people": ours},
            )
        elif one.count > ours and not one.at_least:
            yield Contradiction(
                Why.ABOVE_COUNT,
                one.on,
                f"{one.by} told {one.to} of {one.count:,}; the lists have {ours:,} people.",
                {"told": one.count, "people": ours},
            )


def _sums(said: Sequence[Disclosed], figures: Figures) -> Iterator[Contradiction]:
    """Hold what all owners were said to have against each total, as of every day on which one of them was said."""
    overlap = figures.owners_sum - figures.people["strict"]
    for total in (one for one in said if not one.about and one.unit == "people"):
        owners: dict[str, int] = {}
        for part in (one for one in said if one.about and one.unit == "people"):
            owners[part.about] = part.count
            seen = max(part.on, total.on)
            alone = max(owners.values())
            if alone > total.count:
                yield Contradiction(
                    Why.BELOW_PART,
                    seen,
                    f"{total.by} told {total.to} of {total.count:,} in all; one data owner alone has {alone:,}.",
                    {"told": total.count, "owner": alone},
                )
                break
            together = sum(owners.values())
            if together > total.count:
                excess = together - total.count
                why = (
                    f"{overlap:,} of it is double counting: {figures.shared:,} people are of several data owners."
                    if overlap
                    else "No individual is of two data owners, so nothing of it is double counting."
                )
                yield Contradiction(
                    Why.SUM_OVER_TOTAL,
                    seen,
                    f"{total.by} told {total.to} of {'more than ' * total.at_least}{total.count:,} in all; the data"
                    f" owners' own figures add up to {together:,}, {excess:,} more. {why}"
                    + (f" {excess - overlap:,} stay unexplained." if excess > overlap else ""),
                    {
                        "told": total.count,
                        "sum": together,
                        "excess": excess,
                        "overlap": overlap,
                        "shared": figures.shared,
                    },
                )
                break


def _shrunk(said: Sequence[Disclosed]) -> Iterator[Contradiction]:
    last: dict[tuple[str, str, str], Disclosed] = {}
    for one in said:
        key = (one.by, one.about, one.unit)
        before = last.get(key)
        if before is not None and one.count < before.count:
            yield Contradiction(
                Why.COUNT_SHRANK,
                one.on,
                f"{one.by} told {before.to} of {before.count:,} on {before.on},"
                f" and {one.to} of {one.count:,} on {one.on}.",
                {"before": before.count, "told": one.count},
            )
        last[key] = one


def _moved(incident: Incident) -> Iterator[Contradiction]:
    for what, versions in incident.dates.items():
        for before, after in itertools.pairwise(versions):
            if before.value.date() != after.value.date():
                why = f" ({after.why})" if after.why else ""
                yield Contradiction(
                    Why.DATE_MOVED,
                    after.at.date(),
                    f"The day it was {what} was {before.value.date()} and is {after.value.date()} now{why}.",
                )


def _missed(duties: Sequence[Duty], today: date) -> Iterator[Contradiction]:
    for duty in duties:
        if duty.due is not None and duty.missed(today):
            about = f" for {duty.about}" if duty.about else ""
            late = ((duty.done or today) - duty.due).days
            state = f"done on {duty.done}, {late} days late" if duty.done else f"{late} days ago, and not done"
            yield Contradiction(
                Why.DEADLINE_MISSED,
                _day_after(duty.due),
                f"{duty.rule.citation}{about}: due on {duty.due}, {state}.",
                {"days": late},
            )


def _day_after(day: date) -> date:
    return day.fromordinal(day.toordinal() + 1)
