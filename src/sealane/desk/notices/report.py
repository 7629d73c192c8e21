"""The report of an incident, for whoever must know: contradictions first, then figures, each chart beside its table.

Two files say the same: HTML without scripts or network, and a tagged PDF (PDF/UA-1, by typst).
"""

from __future__ import annotations

import importlib.resources
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from sealane.desk.clocks import in_words as clocks_in_words
from sealane.desk.incidents.scoping import Evidence
from sealane.desk.notices import charts
from sealane.desk.notices.addressees import in_words
from sealane.desk.notices.markup import STYLE, Markup, document, table, tag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from sealane.desk.history import History
    from sealane.desk.incidents.counting import Figures
    from sealane.desk.incidents.deadlines import Duty
    from sealane.desk.incidents.reconciling import Contradiction
    from sealane.desk.incidents.records import Incident
    from sealane.desk.notices.charts import Chart

_UNREAD_SHOWN: Final = 200
_EVIDENCE: Final = {
    Evidence.EXFILTRATED: "exfiltrated: the ledger shows that it left",
    Evidence.REACHABLE: "reachable: could have been read; nothing shows that it left, or not",
    Evidence.SEALED: "sealed: only ciphertext could leave",
}


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its caption; the first cell of a row is its head."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markup(self) -> Markup:
        """Return it as HTML."""
        return table(self.heads, self.rows, caption=self.caption)


@dataclass(frozen=True, slots=True)
class Told:
    """What the report says, before it is laid out."""

    title: str
    contradictions: tuple[str, ...]
    people: int
    paragraphs: tuple[str, ...]
    evidence: Table
    charts: tuple[Chart, ...]
    tables: tuple[Table, ...]
    computed: str
    checkpoint: str


def told(
    incident: Incident,
    figures: Figures,
    contradictions: Sequence[Contradiction],
    duties: Sequence[Duty],
    history: History,
    exposed: Mapping[str, Evidence],
    today: date,
) -> Told:
    """Return what the report of an incident says."""
    unread = _unread(figures)
    return Told(
        title=f"Incident {incident.number}: {incident.title}",
        contradictions=tuple(f"{one.seen}: {one.sentence}" for one in contradictions),
        people=figures.people["strict"],
        paragraphs=tuple(_paragraphs(figures, history)),
        evidence=Table(
            "What shows it, in files and in individuals by the strongest evidence of a file that they are in",
            ("Evidence", "Files", "Individuals", "In the total"),
            tuple(
                (_EVIDENCE[kind], f"{figures.evidence[kind.value]:,}", f"{figures.people_by_evidence[kind.value]:,}",
                 "yes" if kind.value in figures.counted else "no")
                for kind in Evidence
            ),
        ),
        charts=tuple(_charts(figures, history, exposed)),
        tables=(_dates(incident), _owed(duties, today), *([unread] if unread else [])),
        computed=f"Files {figures.cited.files}; policy {figures.policy}; identity map {figures.cited.map}"
        f" ({figures.cited.map_digest}); {figures.cited.ledger:,} entries of the ledger:",
        checkpoint=figures.checkpoint,
    )  # fmt: skip


def _paragraphs(figures: Figures, history: History) -> list[str]:
    unread = figures.coverage["partial"] + figures.coverage["unreadable"]
    looser = (
        f"This is under the policy {figures.policy}. Under the looser one it is {figures.people['loose']:,}, which"
        " shows how much lower the truth could be and is no bound."
    )
    several = (
        f"The data owners' counts add up to {figures.owners_sum:,}; {figures.shared:,} individuals are of several"
        " owners and are counted once."
    )
    said = [looser, several]
    if unread:
        said.insert(0, f"At least: {unread:,} of {figures.files:,} files could not be read wholly, and who is in them"
                    " only is not counted. They are listed at the end.")  # fmt: skip
    if Evidence.REACHABLE.value not in figures.counted and figures.evidence["reachable"]:
        said.append(
            f"The rights of whoever this is about would have reached {figures.people_by_evidence['reachable']:,} more"
            " individuals. The ledger does not show that their data left, and they are not counted."
        )
    if figures.evidence["sealed"]:
        said.append("Of sealed files only ciphertext could leave. Their individuals are not counted; whether that is"
                    " a safe harbour, counsel decides.")  # fmt: skip
    clocks = clocks_in_words(history.clock_set_back)
    return [*said, clocks] if clocks else said


def _charts(figures: Figures, history: History, exposed: Mapping[str, Evidence]) -> list[Chart]:
    return [
        charts.over_time("Files that left, over time", first_accesses(exposed, history), "Files"),
        charts.bars("Individuals per data owner", figures.by_owner, "Data owner"),
        charts.state_map("Individuals per state of their latest address", figures.by_state),
        charts.bars(
            "Individuals per kind of data",
            {in_words(kind): count for kind, count in figures.by_class.items()},
            "Kind of data",
        ),
        charts.bars("Files by how much of them could be read", figures.coverage, "Read", "Files"),
    ]


def first_accesses(exposed: Mapping[str, Evidence], history: History) -> list[datetime]:
    """Return when each exposed file first left, as far as the ledger tells."""
    seen: dict[str, datetime] = {}
    for access in history.accesses:
        if exposed.get(access.version_id) in {Evidence.EXFILTRATED, Evidence.SEALED}:
            seen[access.version_id] = min(access.at, seen.get(access.version_id, access.at))
    return sorted(seen.values())


def _dates(incident: Incident) -> Table:
    rows = tuple(
        (each.what, f"{each.value:%Y-%m-%d %H:%M}", f"{each.at:%Y-%m-%d}", each.why)
        for versions in incident.dates.values()
        for each in versions
    )
    return Table("Every version of every date", ("What", "When", "Written down on", "Why"), rows)


def _owed(duties: Sequence[Duty], today: date) -> Table:
    rows = tuple(
        (
            duty.name,
            str(duty.due or "without unreasonable delay"),
            f"done {duty.done}" if duty.done else "missed" if duty.missed(today) else "open",
            duty.rule.citation + (" (confirm with counsel)" if duty.unsure else ""),
        )
        for duty in duties
    )
    return Table("What is owed", ("Duty", "Until", "State", "By"), rows)


def _unread(figures: Figures) -> Table | None:
    if not figures.unreadable:
        return None
    rows = tuple((one.version_id, one.part, one.why) for one in figures.unreadable[:_UNREAD_SHOWN])
    shown = f"What could not be read ({len(rows)} of {len(figures.unreadable)})"
    return Table(shown, ("File version", "Part", "Why"), rows)


def sections(said: Told) -> list[Markup]:
    """Return the report's parts, without its title."""
    alarms = [
        tag("section", tag("h2", f"{len(said.contradictions)} open contradictions"),
            tag("ul", *(tag("li", one) for one in said.contradictions)), class_="alarm")
    ] if said.contradictions else [tag("p", "Nothing that was said contradicts the figures.")]  # fmt: skip
    return [
        *alarms,
        tag("h2", "How many individuals"),
        tag("p", tag("strong", f"{said.people:,}"), class_="figure"),
        *(tag("p", one) for one in said.paragraphs),
        said.evidence.markup(),
        *(one.markup() for one in said.charts),
        *(one.markup() for one in said.tables),
        tag("h2", "What it was computed from"),
        tag("p", said.computed),
        tag("pre", said.checkpoint),
    ]


def as_html(said: Told) -> bytes:
    """Return the report as one HTML file."""
    return document(said.title, tag("h1", said.title), *sections(said), style=STYLE)


def as_pdf(said: Told, today: date) -> bytes:
    """Return the report as a tagged PDF (PDF/UA-1)."""
    import typst  # noqa: PLC0415  heavy, and only wanted here

    told_charts = [one for one in said.charts if one.rows]
    data = {
        "title": said.title,
        "today": str(today),
        "contradictions": said.contradictions,
        "people": f"{said.people:,}",
        "paragraphs": said.paragraphs,
        "evidence": said.evidence,
        "charts": [
            {"title": one.title, "said": one.said, "heads": one.heads, "rows": one.rows, "file": f"chart-{number}.svg"}
            for number, one in enumerate(told_charts)
        ],
        "tables": said.tables,
        "computed": said.computed,
        "checkpoint": said.checkpoint,
    }
    files = {f"chart-{number}.svg": one.drawing.encode() for number, one in enumerate(told_charts)}
    files |= {
        "main": importlib.resources.files("sealane.desk.notices").joinpath("report.typ").read_bytes(),
        "report.json": msgspec.json.encode(data),
    }
    made = typst.compile(  # pyrefly: ignore  # its stub does not know that several files may be given
        files,
        format="pdf",
        pdf_standards=["ua-1"],
        ignore_system_fonts=True,
        timestamp=datetime(today.year, today.month, today.day, tzinfo=UTC),
    )
    assert isinstance(made, bytes), "a PDF is one file"
    return made
