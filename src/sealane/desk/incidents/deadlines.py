"""What is owed to whom until when: the rules' rows applied to an incident's figures and dates. Pure.

No state's law stands here; `rules.toml` has it, and a replacement is read with the same checks.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec

from sealane.desk import dated_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sealane.desk.incidents.counting import Figures
    from sealane.desk.incidents.records import Incident

SURE: Final = "A"
_RETURNED: Final = ("returned", "bounced")

Trigger = Literal["discovered", "determined", "notified", "year_end", "returned"]


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One duty as the law has it."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,64}$")]
    where: Annotated[str, msgspec.Meta(pattern=r"^([A-Z]{2}|each-state)$")]
    """A state, US for all, or each-state."""
    to: Literal["individuals", "regulator", "media", "agencies", "owner"]
    trigger: Trigger = msgspec.field(name="from")
    days: Annotated[int, msgspec.Meta(ge=0, le=3650)] | None = None
    least: Annotated[int, msgspec.Meta(ge=1)] = 1
    most: int | None = None
    each: Literal["", "owner"] = ""
    since: date | None = None
    """Discoveries before this day are under other law."""
    citation: Annotated[str, msgspec.Meta(min_length=1)]
    says: Annotated[str, msgspec.Meta(min_length=1)]
    source: Annotated[str, msgspec.Meta(min_length=1)]
    verified_on: date
    certainty: Literal["A", "B", "C"]


class Substitute(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a state's law allows a notice in another way than by letter. Allowed, never owed."""

    where: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}$")]
    least: Annotated[int, msgspec.Meta(ge=1)]
    """From so many people on."""
    cost_usd: Annotated[int, msgspec.Meta(ge=0)]
    """Or where letters cost more."""
    how: Annotated[str, msgspec.Meta(min_length=1)]
    citation: Annotated[str, msgspec.Meta(min_length=1)]
    source: Annotated[str, msgspec.Meta(min_length=1)]
    verified_on: date
    certainty: Literal["A", "B", "C"]

    def sentence(self) -> str:
        """Return when it is allowed, and how it is done."""
        doubt = "" if self.certainty == SURE else "; confirm with counsel"
        return (
            f"substitute notice is allowed from {self.least:,} people on, where letters cost more than"
            f" ${self.cost_usd:,}, or without sufficient addresses: {self.how} ({self.citation}{doubt})"
        )


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file of rules."""

    version: str
    rule: tuple[Rule, ...]
    substitute: tuple[Substitute, ...] = ()


@dataclass(frozen=True, slots=True)
class Duty:
    """Something that is owed."""

    name: str
    """The rule's id, with `@PARTY` where it is owed once for each."""
    rule: Rule
    where: str
    about: str
    """The data owner that it is about, or empty."""
    count: int
    """Individuals whom it is owed for."""
    begins: date
    due: date | None
    """None: without unreasonable delay, no fixed day."""
    done: date | None

    @property
    def unsure(self) -> bool:
        """Whether counsel is to confirm it."""
        return self.rule.certainty != SURE

    def missed(self, today: date) -> bool:
        """Tell whether its day went by before it was done."""
        return self.due is not None and (self.done or today) > self.due


def load(path: Path | None = None) -> Rules:
    """Return the rules that come with the program, or those of a file. Raises `RulesInvalid`."""
    return dated_files.load(Rules, ("sealane.desk.incidents", "rules.toml"), path, what="rules", ids=_ids)


def _ids(told: Rules) -> list[str]:
    return [one.id for one in told.rule]


def duties(rules: Rules, incident: Incident, figures: Figures) -> list[Duty]:
    """Return all that is owed, the earliest day first, what has no fixed day at the end."""
    found = [duty for rule in rules.rule for duty in _of_rule(rule, incident, figures)]
    return sorted(found, key=lambda duty: (duty.due is None, duty.due or date.max, duty.name))


def _of_rule(rule: Rule, incident: Incident, figures: Figures) -> Iterator[Duty]:
    if rule.since is not None and incident.discovered.date() < rule.since:
        return
    begins = _begins(rule.trigger, incident)
    for where, about, count in _owed(rule, incident, figures):
        started = begins if rule.trigger != "returned" else _tenth_returned(incident, about, rule.least)
        if started is None or count < rule.least or (rule.most is not None and count > rule.most):
            continue
        name = "@".join(part for part in (rule.id, about, where if rule.where == "each-state" else "") if part)
        due = None if rule.days is None else started + timedelta(days=rule.days)
        yield Duty(name, rule, where, about, count, started, due, incident.done.get(name))


def _owed(rule: Rule, incident: Incident, figures: Figures) -> list[tuple[str, str, int]]:
    """Return where, about which owner, and for how many a rule may be owed."""
    if rule.trigger == "returned":
        returned: Counter[str] = Counter()
        for delivery in incident.deliveries:
            if delivery.state in _RETURNED:
                returned[delivery.owner] += delivery.count
        return [("US", owner, count) for owner, count in sorted(returned.items())]
    if rule.where == "each-state":
        return [(state, "", count) for state, count in figures.by_state.items() if len(state) == 2]  # noqa: PLR2004
    if rule.where != "US":
        return [(rule.where, "", figures.by_state.get(rule.where, 0))]
    if rule.each:
        return [("US", owner, count) for owner, count in figures.by_owner.items()]
    return [("US", "", figures.people["strict"])]


def _begins(trigger: Trigger, incident: Incident) -> date | None:
    match trigger:
        case "discovered":
            return incident.discovered.date()
        case "determined":
            return (incident.moment("determined") or incident.discovered).date()
        case "year_end":
            return date(incident.discovered.year, 12, 31)
        case "notified":
            told = [one.on for one in incident.deliveries if one.state == "sent"]
            return min(told, default=None)
        case "returned":
            return None


def _tenth_returned(incident: Incident, owner: str, least: int) -> date | None:
    count = 0
    for delivery in sorted(incident.deliveries, key=lambda each: each.on):
        if delivery.owner == owner and delivery.state in _RETURNED:
            count += delivery.count
            if count >= least:
                return delivery.on
    return None


_FOLD_BYTES: Final = 75


def calendar(duties_: Sequence[Duty], incident: Incident, now: datetime) -> str:
    """Return the duties that have a day as iCalendar (RFC 5545): an event of a whole day each, with alarms before."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Sealane//Desk//EN", "CALSCALE:GREGORIAN"]
    for duty in duties_:
        if duty.due is None:
            continue
        sure = " Confirm with counsel." if duty.unsure else ""
        text = f"{duty.rule.says} {duty.rule.citation}.{sure} For {duty.count} individuals."
        lines += [
            "BEGIN:VEVENT",
            f"UID:{_escaped(duty.name)}.{incident.number}.{incident.opened:%Y%m%dT%H%M%SZ}@sealane.invalid",
            f"DTSTAMP:{now.astimezone(UTC):%Y%m%dT%H%M%SZ}",
            f"DTSTART;VALUE=DATE:{duty.due:%Y%m%d}",
            f"DTEND;VALUE=DATE:{duty.due + timedelta(days=1):%Y%m%d}",
            f"SUMMARY:{_escaped(f'{incident.title}: {duty.name}')}",
            f"DESCRIPTION:{_escaped(text)}",
            f"STATUS:{'CANCELLED' if duty.done else 'CONFIRMED'}",
            *("BEGIN:VALARM", "ACTION:DISPLAY", f"DESCRIPTION:{_escaped(duty.name)}", "TRIGGER:-P7D", "END:VALARM"),
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return "".join(_folded(line) for line in lines)


def _escaped(text: str) -> str:
    for mark in "\\;,":
        text = text.replace(mark, "\\" + mark)
    return " ".join(text.split())


def _folded(line: str) -> str:
    """Break a line of more than 75 bytes, never within a character (RFC 5545, 3.1)."""
    pieces: list[str] = []
    piece = ""
    for character in line:
        if len((piece + character).encode()) > _FOLD_BYTES:
            pieces.append(piece)
            piece = " "
        piece += character
    return "\r\n".join([*pieces, piece]) + "\r\n"
