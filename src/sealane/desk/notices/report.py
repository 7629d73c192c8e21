"""The report of an incident: one page for whoever must know, open contradictions first."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sealane.desk.incidents.scoping import Evidence
from sealane.desk.notices import charts
from sealane.desk.notices.addressees import in_words
from sealane.desk.notices.markup import STYLE, document, table, tag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from sealane.desk.history import History
    from sealane.desk.incidents.counting import Figures
    from sealane.desk.incidents.deadlines import Duty
    from sealane.desk.incidents.reconciling import Contradiction
    from sealane.desk.incidents.records import Incident

_UNREAD_SHOWN = 200


def report(
    incident: Incident,
    figures: Figures,
    contradictions: Sequence[Contradiction],
    duties: Sequence[Duty],
    left: Mapping[str, int],
    today: date,
) -> bytes:
    """Return the report as one HTML file without scripts. `left`: files that left, by day."""
    total = tag("strong", f"{figures.people['strict']:,}")
    unread = figures.coverage["partial"] + figures.coverage["unreadable"]
    return document(
        f"Incident {incident.number}: {incident.title}",
        tag("h1", f"Incident {incident.number}: {incident.title}"),
        *_alarms(contradictions),
        tag("h2", "How many individuals"),
        tag(
            "p",
            total,
            f" under the policy {figures.policy}; {figures.people['loose']:,} under the looser one, which shows how"
            " much lower the truth could be and is no bound.",
            f" {unread} of {figures.files} files could not be read wholly: who is in them only is not counted."
            * bool(unread),
        ),
        table(
            ("Evidence", "Files", "Individuals"),
            [
                (kind.value, f"{figures.evidence[kind.value]:,}", f"{figures.people_by_evidence[kind.value]:,}")
                for kind in Evidence
            ],
            caption="What shows it. Sealed: only ciphertext left; these individuals are not in the total.",
        ),
        tag("p", f"The data owners' counts add up to {figures.owners_sum:,}; {figures.shared:,} are of several."),
        charts.bars("Individuals per data owner", figures.by_owner),
        charts.bars("Individuals per state of their latest address", figures.by_state),
        charts.bars("Individuals per kind of data", {in_words(kind): n for kind, n in figures.by_class.items()}),
        charts.over_time("Files that left, by day", left),
        charts.bars("Files by how much of them could be read", figures.coverage),
        *_dates(incident),
        _owed(duties, today),
        *_unread(figures),
        tag("h2", "What it was computed from"),
        tag("p", f"Files {figures.cited.files}; policy {figures.policy}; identity map {figures.cited.map}"
            f" ({figures.cited.map_digest}); ledger:"),
        tag("pre", figures.checkpoint),
        style=STYLE,
    )  # fmt: skip


def files_by_day(exposed: Mapping[str, Evidence], history: History) -> dict[str, int]:
    """Return how many files left on each day, by what the ledger says of accesses to exposed files."""
    days: Counter[str] = Counter()
    seen: set[tuple[str, str]] = set()
    for access in history.accesses:
        if exposed.get(access.version_id) in {Evidence.EXFILTRATED, Evidence.SEALED}:
            day = str(access.at.date())
            days[day] += (day, access.version_id) not in seen
            seen.add((day, access.version_id))
    return dict(days)


def _alarms(contradictions: Sequence[Contradiction]) -> list[str]:
    if not contradictions:
        return [tag("p", "Nothing that was said contradicts the figures.")]
    return [
        tag(
            "section",
            tag("h2", f"{len(contradictions)} open contradictions"),
            tag("ul", *(tag("li", f"{one.seen}: {one.sentence}") for one in contradictions)),
            class_="alarm",
        )
    ]


def _dates(incident: Incident) -> list[str]:
    rows = [
        (each.what, f"{each.value:%Y-%m-%d %H:%M}", f"{each.at:%Y-%m-%d}", each.why)
        for versions in incident.dates.values()
        for each in versions
    ]
    return [
        tag("h2", "Dates"),
        table(("What", "When", "Written down on", "Why"), rows, caption="Every version of every date"),
    ]


def _owed(duties: Sequence[Duty], today: date) -> str:
    rows = [
        (
            duty.name,
            str(duty.due or "without unreasonable delay"),
            f"done {duty.done}" if duty.done else "missed" if duty.missed(today) else "open",
            duty.rule.citation + (" (confirm with counsel)" if duty.unsure else ""),
        )
        for duty in duties
    ]
    return table(("Duty", "Until", "State", "By"), rows, caption="What is owed")


def _unread(figures: Figures) -> list[str]:
    if not figures.unreadable:
        return []
    rows = [(one.version_id, one.part, one.why) for one in figures.unreadable[:_UNREAD_SHOWN]]
    shown = f"What could not be read ({len(rows)} of {len(figures.unreadable)})"
    return [table(("File version", "Part", "Why"), rows, caption=shown)]
