"""The pages of an incident: what it comes to, scope, files, individuals, what was said, what is owed. Pure of HTTP."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final, get_args
from urllib.parse import urlencode

from msgspec.structs import replace as changed

from sealane.desk.failures import IncidentInvalid
from sealane.desk.incidents import records
from sealane.desk.incidents.records import Decided, Delivered, DeliveryState, Disclosed, Done, Notifier, Scope, Scoped
from sealane.desk.notices import kinds, report
from sealane.desk.notices.addressees import PROCESSOR, in_words
from sealane.desk.notices.markup import Markup, table, tag
from sealane.desk.pages.layout import Field, Shown, form, listing, wide

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sealane.desk.history import Access
    from sealane.desk.notices.addressees import Addressee
    from sealane.desk.pages.office import Answer, Office

    Fields = Mapping[str, str]

_A_PAGE: Final = 100
_VALUES_MAX: Final = 1000
_TEXT_MAX: Final = 1000

_SAID: Final = ("Day", "Who", "Told whom", "Number", "About")
_OWED: Final = ("Duty", "Until", "State", "Individuals", "By")
_NOTIFIERS: Final = ("Data owner", "Who notifies")
_LETTERS: Final = ("Data owner", "State", "Letters", "Day")


def show_all(office: Office, token: str) -> Shown:
    """Return the list of incidents."""
    rows = [
        (str(one.number), one.title, f"{one.occurred:%Y-%m-%d %H:%M}", f"{one.discovered:%Y-%m-%d %H:%M}")
        for one in office.incidents()
    ]
    listed = tag("ul", *(tag("li", tag("a", f"{number}: {title}", href=f"/incidents/{number}"),
                             f" (occurred {occurred}, discovered {discovered})")
                         for number, title, occurred, discovered in rows))  # fmt: skip
    fields = [
        Field("title", "Title", needed=True),
        Field("occurred", "Occurred", hint="UTC, such as 2026-01-31T08:00", needed=True),
        Field("discovered", "Discovered", hint="UTC", needed=True),
    ]
    opening = form("/incidents", fields, {"open": "Open an incident"}, token)
    empty = tag("p", "There are no incidents.")
    return Shown("Incidents", (listed if rows else empty, tag("h2", "A new incident"), opening), place="incidents")


def open_(office: Office, told: Fields) -> int:
    """Open an incident and return its number. Raises `IncidentInvalid`."""
    occurred, discovered = _moment(told, "occurred"), _moment(told, "discovered")
    if occurred is None or discovered is None:
        raise IncidentInvalid("Say when it occurred and when it was discovered.")
    title = told.get("title", "")[:_TEXT_MAX]
    return records.open_(office.folder, title, occurred=occurred, discovered=discovered, now=office.clock.now())


def show(office: Office, number: int) -> Shown:
    """Return what an incident comes to, as its report says it."""
    answer = office.answer(number)
    return Shown(f"Incident {number}: {answer.incident.title}", tuple(_report(office, answer)), number)


def _report(office: Office, answer: Answer) -> list[Markup]:
    said = report.told(answer.incident, answer.figures, answer.contradictions, answer.duties, office.taken.history,
                       answer.exposed, office.clock.now().date())  # fmt: skip
    return report.sections(said)


# --- scope -----------------------------------------------------------------------------------------------------------


def show_scope(office: Office, number: int, token: str, preview: Scope | None = None) -> Shown:
    """Return the scope with what it comes to; with a preview, that of another one beside what is kept."""
    answer = office.answer(number)
    scope = answer.incident.scope if preview is None else preview
    fields = [
        Field("users", "Users", " ".join(scope.users), hint="NAME@ORG, separated by spaces"),
        Field("sessions", "Sessions", " ".join(scope.sessions)),
        Field("addresses", "Addresses", " ".join(scope.addresses)),
        Field("folders", "Folders", " ".join(scope.folders), hint="/PATH or ORG:/PATH"),
        Field("since", "From", _written(scope.since), hint="UTC; left empty: when it occurred"),
        Field("until", "Until", _written(scope.until), hint="UTC"),
        Field("everything_at", "All that was stored at", _written(scope.everything_at), hint="UTC"),
        Field("record_doubted", "The record is doubted", "yes" * scope.record_doubted, "checkbox",
              hint="count what their rights would have reached, not only what they received"),
    ]  # fmt: skip
    parts = [
        tag("p", "Left empty it is the worst case of a compromised server: all that was stored while it went on."),
        form(f"/incidents/{number}/scope", fields, {"preview": "Preview", "keep": "Keep this scope"}, token),
    ]
    if preview is None:
        parts += [tag("h2", "What the kept scope comes to"), *_brief(answer)]
    else:
        incident = records.load(office.folder, number)
        incident.scope = preview
        parts += [tag("h2", "What this scope would come to"), *_brief(office.preview(incident)),
                  tag("h2", "What the kept scope comes to"), *_brief(answer)]  # fmt: skip
    return Shown("Scope", tuple(parts), number, "/scope")


def scope_of(told: Fields) -> Scope:
    """Return the scope that a form tells. Raises `IncidentInvalid`."""
    lists = {name: tuple(told.get(name, "").split()) for name in ("users", "sessions", "addresses", "folders")}
    if any(len(values) > _VALUES_MAX for values in lists.values()):
        raise IncidentInvalid("These are more values than a scope takes here.")
    times = {name: _moment(told, name) for name in ("since", "until", "everything_at")}
    return changed(Scope(), **lists, **times, record_doubted=told.get("record_doubted") == "yes")


def keep_scope(office: Office, number: int, told: Fields) -> None:
    """Keep the scope that a form tells."""
    office.keep(number, Scoped(at=office.clock.now(), scope=scope_of(told)))


def _brief(answer: Answer) -> list[Markup]:
    figures = answer.figures
    rows = [(kind, f"{count:,}", f"{figures.people_by_evidence[kind]:,}", "yes" if kind in figures.counted else "no")
            for kind, count in figures.evidence.items()]  # fmt: skip
    unread = figures.coverage["partial"] + figures.coverage["unreadable"]
    least = f" At least: {unread:,} of {figures.files:,} files could not be read wholly." if unread else ""
    return [
        tag("p", tag("strong", f"{figures.people['strict']:,}"), f" individuals.{least}"),
        table(("Evidence", "Files", "Individuals", "In the total"), rows, caption="By evidence"),
        table(("Data owner", "Individuals"), _most(figures.by_owner), caption="By data owner, the largest"),
    ]


def _most(counts: Mapping[str, int]) -> list[tuple[str, str]]:
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:_A_PAGE]
    return [(name, f"{count:,}") for name, count in ordered]


# --- files and individuals -------------------------------------------------------------------------------------------


def show_files(office: Office, number: int, page: int) -> Shown:
    """Return the exposed files with what shows it."""
    answer = office.answer(number)
    history = office.taken.history
    by_version: dict[str, list[Access]] = {}
    for access in history.accesses:
        if access.version_id in answer.exposed:
            by_version.setdefault(access.version_id, []).append(access)
    called = kinds.of_versions(answer.exposed, answer.incident, history)
    numbers = office.taken.facts.file_numbers(list(answer.exposed))
    refused = office.taken.refused.lists
    rows = []
    for version, evidence in list(answer.exposed.items())[page * _A_PAGE : (page + 1) * _A_PAGE]:
        stored = history.versions.get(version)
        listed = office.taken.facts.files[numbers[version]] if version in numbers else None
        read = listed.coverage if listed is not None else "no list"
        rows.append(
            (
                (stored.path if stored is not None else "") or f"version {version}",
                called[version],
                evidence.value,
                f"{stored.stored:%Y-%m-%d %H:%M}" if stored is not None else "",
                f"list refused ({refused[version].why})" if version in refused else read,
                f"{listed.people:,}" if listed is not None else "",
                "; ".join(_access(one) for one in by_version.get(version, ())[:5]),
            )
        )
    heads = ("File", "Kind", "Evidence", "Stored", "Read", "People in it", "Received by")
    shown = wide(table(heads, rows, caption=f"{len(answer.exposed):,} exposed files"), "Exposed files")
    more = _pages(f"/incidents/{number}/files", {}, page, len(answer.exposed))
    return Shown("Exposed files", (shown, *more), number, "/files")


def _access(one: Access) -> str:
    sent = "" if one.sent is None else f", {one.sent:,} bytes" + ("" if one.whole else ", broken off")
    return f"{one.user or 'somebody'} from {one.address or 'somewhere'} at {one.at:%Y-%m-%d %H:%M:%S}{sent}"


def show_people(office: Office, number: int, query: Fields) -> Shown:
    """Return affected individuals, all or of one owner, state and class."""
    figures = office.answer(number).figures
    owner, state, kind = (query.get(name, "") for name in ("owner", "state", "class"))
    tests: list[Callable[[Addressee], bool]] = [
        lambda one: not owner or owner in one.owners,
        lambda one: not state or (one.state or "unknown") == state,
        lambda one: not kind or kind in one.classes,
    ]
    found = [one for one in office.people(number) if all(test(one) for test in tests)]
    page = page_of(query)
    rows = [
        (one.name or "(no name)", ", ".join(part for part in (one.line, one.city, one.state, one.zip) if part),
         "minor" if one.minor else "adult, or not told", "; ".join(one.owners),
         ", ".join(in_words(each) for each in one.classes))
        for one in found[page * _A_PAGE : (page + 1) * _A_PAGE]
    ]  # fmt: skip
    fields = [
        Field("owner", "Data owner", owner, choices=_choices(figures.by_owner)),
        Field("state", "State", state, choices=_choices(figures.by_state)),
        Field("class", "Kind of data", kind, choices=_choices(figures.by_class, in_words)),
    ]
    heads = ("Name", "Address", "Age", "Data owners", "Data")
    shown = wide(table(heads, rows, caption=f"{len(found):,} individuals"), "Individuals")
    chosen = {name: value for name, value in (("owner", owner), ("state", state), ("class", kind)) if value}
    at = f"/incidents/{number}/people"
    return Shown("Individuals", (_chooser(at, fields), shown, *_pages(at, chosen, page, len(found))), number, "/people")


def _choices(counts: Mapping[str, int], said: Callable[[str], str] = str) -> tuple[tuple[str, str], ...]:
    return (("", "all"), *((name, f"{said(name)} ({count:,})") for name, count in sorted(counts.items())))


def _chooser(address: str, fields: Sequence[Field]) -> Markup:
    """Return a form that asks by its address: what it says is no secret, and changes nothing."""
    drawn = []
    for one in fields:
        options = [
            tag("option", shown, value=value, **({"selected": "selected"} if value == one.value else {}))
            for value, shown in one.choices
        ]
        name = f"choose-{one.name}"
        drawn.append(tag("div", tag("label", one.label, for_=name), tag("select", *options, id=name, name=one.name)))
    return tag("form", *drawn, tag("button", "Show", type="submit"), method="get", action=address, class_="row")


def _pages(address: str, chosen: Mapping[str, str], page: int, count: int) -> list[Markup]:
    last = max(0, (count - 1) // _A_PAGE)
    if not last:
        return []
    links = [
        tag("li", tag("a", name, href=f"{address}?{urlencode({**chosen, 'page': str(at + 1)})}"))
        for name, at in (("Before", page - 1), ("After", page + 1))
        if 0 <= at <= last
    ]
    return [tag("nav", tag("p", f"Page {page + 1} of {last + 1}"), tag("ul", *links), aria_label="Pages")]


def page_of(query: Fields) -> int:
    """Return which page is asked for, from 0."""
    asked = query.get("page", "1")
    return max(0, int(asked) - 1) if asked.isdecimal() and len(asked) < 8 else 0  # noqa: PLR2004  a sane number


# --- what was said, what is owed -------------------------------------------------------------------------------------


def show_told(office: Office, number: int, token: str) -> Shown:
    """Return disclosures and what contradicts them."""
    answer = office.answer(number)
    rows = [
        (str(one.on), one.by, one.to, f"{'more than ' * one.at_least}{one.count:,} {one.unit}", one.about or "all")
        for one in sorted(answer.incident.disclosures, key=lambda each: each.on)
    ]
    alarms = tag("ul", *(tag("li", f"{one.seen}: {one.sentence}") for one in answer.contradictions))
    owners = (("", "all"), *((name, name) for name in sorted(answer.figures.by_owner)))
    fields = [
        Field("by", "Who", needed=True), Field("to", "told whom", needed=True),
        Field("count", "of how many", kind="number", needed=True),
        Field("on", "on which day", kind="date", needed=True),
        Field("about", "about the individuals of", choices=owners),
        Field("unit", "counted as", choices=(("people", "people"), ("rows", "lines"))),
        Field("at_least", 'It was said as "more than"', kind="checkbox"),
    ]  # fmt: skip
    parts = (
        tag("h2", f"{len(answer.contradictions)} contradictions"),
        alarms if answer.contradictions else tag("p", "Nothing that was said contradicts the figures."),
        listing(_SAID, rows, caption="Who told whom what", nothing="Nobody was told a number yet.", scrolls=True),
        tag("h2", "Keep that somebody told a number"),
        form(f"/incidents/{number}/told", fields, {"keep": "Keep"}, token),
    )
    return Shown("What was said", parts, number, "/told")


def keep_told(office: Office, number: int, told: Fields) -> None:
    """Keep a disclosure. Raises `IncidentInvalid`."""
    unit: Any = "rows" if told.get("unit") == "rows" else "people"
    office.keep(
        number,
        Disclosed(
            at=office.clock.now(), by=_text(told, "by"), to=_text(told, "to"), count=_count(told), on=_day(told),
            about=told.get("about", "")[:_TEXT_MAX], unit=unit, at_least=told.get("at_least") == "yes",
        ),
    )  # fmt: skip


def show_duties(office: Office, number: int, token: str) -> Shown:
    """Return what is owed until when, who notifies whom, and what became of notices."""
    answer = office.answer(number)
    incident, today, at = answer.incident, office.clock.now().date(), f"/incidents/{number}/duties"
    owed = [
        (one.name, str(one.due or "without unreasonable delay"), _state(one, today), f"{one.count:,}",
         one.rule.citation + (" (confirm with counsel)" if one.unsure else ""))
        for one in answer.duties
    ]  # fmt: skip
    delivered = [(one.owner, one.state, f"{one.count:,}", str(one.on)) for one in incident.deliveries]
    notifiers = [(name, PROCESSOR if incident.notifiers.get(name) == "processor" else "the owner itself")
                 for name in answer.figures.by_owner]  # fmt: skip
    owners = tuple((name, name) for name in answer.figures.by_owner)
    duty = [Field("duty", "Duty", choices=tuple((one.name, one.name) for one in answer.duties)),
            Field("on", "Done on", kind="date", needed=True)]  # fmt: skip
    deciding = [Field("owner", "Individuals of", choices=owners),
                Field("notifier", "are notified by",
                      choices=(("owner", "the owner"), ("processor", PROCESSOR)))]  # fmt: skip
    states = tuple((name, name) for name in get_args(DeliveryState))
    became = [Field("owner", "Letters to individuals of", choices=owners), Field("state", "were", choices=states),
              Field("count", "how many", kind="number", needed=True),
              Field("on", "on which day", kind="date", needed=True)]  # fmt: skip
    return Shown(
        "Deadlines and notices",
        (
            listing(_OWED, owed, caption="What is owed", nothing="These figures ask for no notice.", scrolls=True),
            *([form(at, duty, {"done": "Keep that it was done"}, token)] if owed else []),
            listing(_NOTIFIERS, notifiers, caption="Who notifies", nothing="No data owner has individuals in it."),
            *([form(at, deciding, {"decide": "Keep this decision"}, token)] if owners else []),
            listing(_LETTERS, delivered, caption="What became of letters", nothing="No letter is written down yet."),
            *([form(at, became, {"deliver": "Keep what became of letters"}, token)] if owners else []),
            tag(
                "p",
                "Notices are made by: ",
                tag("code", f"sealane desk incident notices {number}"),
            ),
        ),
        number,
        "/duties",
    )


def _state(duty: Any, today: date) -> str:
    return f"done {duty.done}" if duty.done else "missed" if duty.missed(today) else "open"


def keep_duty(office: Office, number: int, told: Fields) -> None:
    """Keep that a duty was fulfilled, who notifies, or what became of letters. Raises `IncidentInvalid`."""
    now = office.clock.now()
    match told.get("does"):
        case "done":
            office.keep(number, Done(at=now, duty=_text(told, "duty"), on=_day(told)))
        case "decide":
            notifier: Any = _one_of(told, "notifier", get_args(Notifier))
            office.keep(number, Decided(at=now, owner=_text(told, "owner"), notifier=notifier))
        case "deliver":
            state: Any = _one_of(told, "state", get_args(DeliveryState))
            record = Delivered(at=now, owner=_text(told, "owner"), state=state, count=_count(told), on=_day(told))
            office.keep(number, record)
        case _:
            raise IncidentInvalid


def _one_of(told: Fields, name: str, values: tuple[str, ...]) -> str:
    if told.get(name) not in values:
        raise IncidentInvalid
    return told[name]


def _text(told: Fields, name: str) -> str:
    text = told.get(name, "").strip()
    if not text or len(text) > _TEXT_MAX:
        raise IncidentInvalid("A field was left empty, or is too long.")
    return text


def _count(told: Fields) -> int:
    text = told.get("count", "")
    if not text.isdecimal() or len(text) > 12:  # noqa: PLR2004  more than all people
        raise IncidentInvalid("A count is a number.")
    return int(text)


def _day(told: Fields) -> date:
    try:
        return date.fromisoformat(told.get("on", ""))
    except ValueError:
        raise IncidentInvalid("A day is written as 2026-01-31.") from None


def _moment(told: Fields, name: str) -> datetime | None:
    text = told.get(name, "").strip()
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise IncidentInvalid("A time is written as 2026-01-31 or 2026-01-31T08:00.") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def _written(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%dT%H:%M:%S}"
