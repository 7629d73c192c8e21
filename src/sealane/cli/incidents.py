"""`sealane desk incident`: opening, scoping, counting; what was disclosed; what is owed; notices."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sealane.cli.asking import json_option
from sealane.cli.desk_options import DAY, MOMENT, with_desk
from sealane.cli.showing import printable, show_rows

if TYPE_CHECKING:
    from datetime import date, datetime

    from sealane.desk.folder import Folder
    from sealane.desk.incidents.counting import Figures
    from sealane.desk.incidents.deadlines import Duty

_number = click.argument("number", metavar="N", type=click.IntRange(min=1))
_rules = click.option(
    "--rules", "rules_file", type=click.Path(dir_okay=False, exists=True, path_type=Path), help="Other legal rules."
)
_SHOWN_MAX = 20


@click.group()
def incident() -> None:
    """Incidents: what was taken, who is affected, what each of them is told."""


@incident.command("open")
@click.argument("title")
@click.option("--occurred", type=MOMENT, required=True, metavar="T", help="When it began.")
@click.option("--discovered", type=MOMENT, required=True, metavar="T", help="When it was discovered.")
@with_desk
def open_(desk: Folder, title: str, occurred: datetime, discovered: datetime) -> None:
    """Open an incident. Its number is printed, alone on the last line."""
    from sealane.clock import Clock
    from sealane.desk.incidents import records

    click.echo(records.open_(desk, title, occurred=occurred, discovered=discovered, now=Clock().now()))


@incident.command("list")
@json_option
@with_desk
def list_(desk: Folder, *, as_json: bool) -> None:
    """List incidents."""
    from sealane.desk.incidents import records

    found = [records.load(desk, number) for number in records.numbers(desk)]
    rows = [
        {"number": one.number, "title": one.title, "occurred": one.occurred, "discovered": one.discovered}
        for one in found
    ]
    show_rows(rows, as_json=as_json, empty="There are no incidents.")


@incident.command("date")
@_number
@click.argument("what", type=click.Choice(["occurred", "discovered", "determined", "alerted", "contained"]))
@click.argument("value", type=MOMENT, metavar="T")
@click.option("--why", default="", help="What is known now and was not before.")
@with_desk
def date_(desk: Folder, number: int, what: Any, value: datetime, why: str) -> None:
    """Say a date as it is known now; the one before it is kept."""
    from sealane.desk.incidents.records import Dated

    _add(desk, number, Dated, what=what, value=value, why=why)


@incident.command()
@_number
@click.option("--user", "users", multiple=True, metavar="U", help="Sessions of this user (NAME@ORG).")
@click.option("--session", "sessions", multiple=True, metavar="S", help="This session.")
@click.option("--address", "addresses", multiple=True, metavar="A", help="Sessions from this address.")
@click.option("--folder", "folders", multiple=True, metavar="/P", help="In this folder (/PATH or ORG:/PATH).")
@click.option("--between", type=(MOMENT, MOMENT), metavar="T T", help="From one time to another.")
@click.option("--everything-at", type=MOMENT, metavar="T", help="All that was stored then.")
@click.option(
    "--record-doubted", is_flag=True, help="Count what their rights would have reached, not only what they received."
)
@with_desk
def scope(desk: Folder, number: int, between: tuple[datetime, datetime] | None, **kinds: Any) -> None:
    """Say what the intruder did or could reach, and see at once what that comes to.

    Without options it is the worst case of a compromised server: all that was stored while it went on. Of users,
    sessions and addresses it is what they received; what their rights would have reached is shown beside it.
    """
    from sealane.desk import taking
    from sealane.desk.incidents import answering, records

    since, until = between or (None, None)
    _add(desk, number, records.Scoped, scope=records.Scope(since=since, until=until, **kinds))
    _show_figures(answering.look(taking.load(desk), records.load(desk, number)).figures)


@incident.command()
@_number
@json_option
@with_desk
def count(desk: Folder, number: int, *, as_json: bool) -> None:
    """Count the individuals: total, by owner, by state, by class of data, with what could not be read. Is kept."""
    from sealane.clock import Clock
    from sealane.desk import taking
    from sealane.desk.incidents import answering

    taken = taking.load(desk)
    found = answering.answer(desk, taken, number, Clock().now())
    if as_json:
        click.echo(_json(found.figures))
        return
    _show_figures(found.figures)
    for other, shared in answering.overlaps(desk, taken, number, found):
        click.echo(f"{shared} of them are in incident {other.number} too: {printable(other.title)}.")


@incident.command()
@_number
@with_desk
def verify(desk: Folder, number: int) -> None:
    """Compute every answer that was given again from what it cites; each must come out the same to the bit."""
    from sealane.desk.incidents import answering, records

    kept = records.load(desk, number).answers
    for one in kept:
        answering.again(desk, number, one)
        click.echo(f"{one.at:%Y-%m-%d %H:%M}  {one.digest}  the same")
    if not kept:
        click.echo("No answer was given yet.")


@incident.command()
@_number
@click.option("--owner", default="", metavar="O", help="Only of this data owner.")
@click.option("--state", default="", metavar="ME", help="Only of this state.")
@click.option("--csv", "csv_file", type=click.Path(dir_okay=False, path_type=Path), required=True, metavar="FILE")
@with_desk
def people(desk: Folder, number: int, owner: str, state: str, csv_file: Path) -> None:
    """Write the individuals with address and classes of data to a new CSV file, readable by you alone."""
    from sealane.desk import taking
    from sealane.desk.failures import OutputExists
    from sealane.desk.incidents import records
    from sealane.desk.notices import addressees, merges

    taken, told = taking.load(desk), records.load(desk, number)
    assert taken.map is not None, "an incident is asked for after a sync"
    exposed = addressees.of_incident(told, taken.history)
    everybody = addressees.everybody(taken.facts, taken.map, exposed, told.discovered.date())
    wanted = [
        one for one in everybody if (not owner or owner in one.owners) and (not state or one.state == state.upper())
    ]
    try:
        handle = os.open(csv_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise OutputExists(f"{csv_file} is there already, and is never written over.") from None
    with os.fdopen(handle, "wb") as file:
        file.write(merges.as_csv(wanted))
    click.echo(f"{len(wanted)} individuals are in {csv_file}. Destroy it when it is done with.")


@incident.command()
@_number
@click.option("--by", required=True, metavar="WHO")
@click.option("--to", required=True, metavar="WHOM")
@click.option("--count", "told", required=True, type=click.IntRange(min=0), metavar="X")
@click.option("--date", "on", required=True, type=DAY, metavar="D")
@click.option("--about", default="", metavar="OWNER", help="The data owner it is about.  [all; WHO where that is one]")
@click.option("--rows", is_flag=True, help="Lines were counted, not people.")
@click.option("--at-least", is_flag=True, help='It was said as "more than".')
@with_desk
def disclose(desk: Folder, number: int, told: int, on: date, about: str, *, rows: bool, **more: Any) -> None:
    """Keep that somebody told somebody a number. Contradictions are raised by `reconcile` and stand in the report."""
    from sealane.desk import taking
    from sealane.desk.incidents.records import Disclosed

    owners = taking.load(desk).facts.owners
    about = about or (more["by"] if more["by"] in owners else "")
    _add(desk, number, Disclosed, count=told, on=on, about=about, unit="rows" if rows else "people", **more)
    click.echo(f"Kept, about {printable(about) if about else 'all individuals'}.")


@incident.command()
@_number
@json_option
@_rules
@with_desk
def reconcile(desk: Folder, number: int, rules_file: Path | None, *, as_json: bool) -> None:
    """Hold disclosures, dates and deadlines against the figures; exits with 5 while a contradiction is open."""
    from sealane.clock import Clock
    from sealane.desk.incidents import reconciling

    told, figures, duties = _state(desk, number, rules_file)
    found = reconciling.contradictions(told, figures, duties, Clock().now().date())
    if as_json:
        rows = [
            {"why": one.why.value, "seen": str(one.seen), "sentence": one.sentence, "figures": one.figures}
            for one in found
        ]
        click.echo(json.dumps(rows, ensure_ascii=False))
    else:
        click.echo("\n".join(f"{one.seen}  {printable(one.sentence)}" for one in found) or "Nothing contradicts.")
    if found:
        click.get_current_context().exit(5)


@incident.command()
@_number
@click.option("--ics", type=click.Path(dir_okay=False, path_type=Path), help="Write them as iCalendar.")
@json_option
@_rules
@with_desk
def clock(desk: Folder, number: int, ics: Path | None, rules_file: Path | None, *, as_json: bool) -> None:
    """List what is owed to whom until when. This is no legal advice."""
    from sealane.clock import Clock
    from sealane.desk.incidents import deadlines

    told, _, duties = _state(desk, number, rules_file)
    now = Clock().now()
    if ics is not None:
        ics.write_text(deadlines.calendar(duties, told, now), encoding="utf-8", newline="")
    show_rows([_duty_row(duty, now.date()) for duty in duties], as_json=as_json, empty="Nothing is owed.")


@incident.command()
@_number
@click.argument("owner")
@click.argument("notifier", type=click.Choice(["owner", "processor"]))
@with_desk
def decide(desk: Folder, number: int, owner: str, notifier: Any) -> None:
    """Keep who notifies the individuals of a data owner: the owner, or the processor for it."""
    from sealane.desk.incidents.records import Decided

    _add(desk, number, Decided, owner=owner, notifier=notifier)


@incident.command("rename-owner")
@_number
@click.argument("owner")
@click.argument("name")
@with_desk
def rename_owner(desk: Folder, number: int, owner: str, name: str) -> None:
    """Keep that OWNER, as files name it, is called NAME now: its individuals are counted once, under that name."""
    from sealane.desk.incidents.records import Renamed

    _add(desk, number, Renamed, owner=owner, to=name)


@incident.command()
@_number
@click.argument("individual", type=click.IntRange(min=0), metavar="INDIVIDUAL")
@click.option("--kin", default="", help="The next of kin or personal representative who is written to.")
@click.option("--line", default="", help="Their address: street or box.")
@click.option("--city", default="")
@click.option("--state", default="")
@click.option("--zip", default="")
@with_desk
def died(desk: Folder, number: int, individual: int, **kin: str) -> None:
    """Keep that INDIVIDUAL, by their number in `people`, has died: who writes to them writes to their next of kin.

    Without an address of theirs no letter is written, and the individual is listed with those without an address.
    """
    from sealane.desk import taking
    from sealane.desk.failures import IncidentInvalid
    from sealane.desk.incidents.records import Died

    aliases = taking.load(desk).facts.aliases
    if individual >= len(aliases):
        raise IncidentInvalid("There is no individual of this number.")
    key, check = aliases.select("key", "check").row(individual)
    _add(desk, number, Died, alias=(key, check), **kin)


@incident.command("call")
@_number
@click.argument("path")
@click.argument("kind")
@with_desk
def call_(desk: Folder, number: int, path: str, kind: str) -> None:
    """Say what kind of file PATH is, or those below it are, as letters say it: "enrollment file"."""
    from sealane.desk.incidents.records import Called

    _add(desk, number, Called, path=path, name=kind)


@incident.command()
@_number
@click.argument("duty")
@click.option("--date", "on", required=True, type=DAY, metavar="D")
@with_desk
def done(desk: Folder, number: int, duty: str, on: date) -> None:
    """Keep that a duty was fulfilled, by its name in `clock`."""
    from sealane.desk.incidents.records import Done

    _add(desk, number, Done, duty=duty, on=on)


@incident.command()
@_number
@click.option("--owner", required=True)
@click.option("--state", required=True, type=click.Choice(["sent", "returned", "bounced", "delivered"]))
@click.option("--count", "told", required=True, type=click.IntRange(min=1))
@click.option("--date", "on", required=True, type=DAY, metavar="D")
@with_desk
def deliver(desk: Folder, number: int, owner: str, state: Any, told: int, on: date) -> None:
    """Keep what became of letters; ten that come back open the duty of a substitute notice."""
    from sealane.desk.incidents.records import Delivered

    _add(desk, number, Delivered, owner=owner, state=state, count=told, on=on)


@incident.command()
@_number
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR")
@click.option("--party", type=click.Path(dir_okay=False, exists=True, path_type=Path), help="Who writes (TOML).")
@click.option("--owner-key", "owner_keys", multiple=True, type=(str, str), metavar="OWNER age1…")
@click.option("--url", default="", help="Where the public page will stand.")
@click.option(
    "--forms",
    "forms_file",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="Another file of authorities' forms.",
)
@click.option("--emails", "by_email", is_flag=True, help="Write e-mails too (EML), for those who agreed to them.")
@_rules
@with_desk
def notices(
    desk: Folder,
    number: int,
    out: Path,
    party: Path | None,
    owner_keys: tuple[tuple[str, str], ...],
    url: str,
    forms_file: Path | None,
    rules_file: Path | None,
    *,
    by_email: bool,
) -> None:
    """Make all notices: letters, mail-merge tables, owners' packages, field sheets, page, report, attestation."""
    from sealane.clock import Clock
    from sealane.desk import taking
    from sealane.desk.incidents import answering, deadlines, records
    from sealane.desk.notices import making, sheets
    from sealane.desk.notices import party as parties

    taken, now = taking.load(desk), Clock().now()
    found = answering.answer(desk, taken, number, now)
    recipients: dict[str, list[str]] = {}
    for owner, key in owner_keys:
        recipients.setdefault(owner, []).append(key)
    made = making.make(
        desk,
        taken,
        records.load(desk, number),
        found.figures,
        party=parties.load(party),
        rules=deadlines.load(rules_file),
        recipients=recipients,
        url=url,
        now=now,
        forms=sheets.load(forms_file),
        by_email=by_email,
    )
    making.write(made, out)
    if by_email:
        click.echo(f"{made.emails} e-mails, to whom one may be sent who agreed to it (45 CFR 164.404(d)(1)).")
    for writer, letters in made.letters.items():
        missing = made.without_address[writer]
        click.echo(f"{printable(writer)}: {letters} letters" + f", {missing} without an address" * bool(missing))
    for owner in made.unsealed:
        click.echo(f"No package for {printable(owner)}: its key is not known (--owner-key).")
    if made.gaps:
        click.echo(f"These are drafts. Say in a file for --party: {', '.join(made.gaps)}.")


def _add(desk: Folder, number: int, kind: Any, /, **fields: Any) -> None:
    from sealane.clock import Clock
    from sealane.desk.incidents import records

    records.load(desk, number)
    records.add(desk, number, kind(at=Clock().now(), **fields))


def _state(desk: Folder, number: int, rules_file: Path | None) -> tuple[Any, Figures, list[Duty]]:
    from sealane.desk import taking
    from sealane.desk.incidents import answering, deadlines, records

    told = records.load(desk, number)
    figures = answering.look(taking.load(desk), told).figures
    return told, figures, deadlines.duties(deadlines.load(rules_file), told, figures)


def _duty_row(duty: Duty, today: date) -> dict[str, Any]:
    state = "done" if duty.done else "missed" if duty.missed(today) else "open"
    return {
        "duty": duty.name,
        "due": str(duty.due) if duty.due else "without unreasonable delay",
        "state": state,
        "individuals": duty.count,
        "law": duty.rule.citation,
        "certainty": f"{duty.rule.certainty}, confirm with counsel" if duty.unsure else duty.rule.certainty,
    }


def _json(figures: Figures) -> str:
    import msgspec

    return msgspec.json.encode(figures).decode()


def _show_figures(figures: Figures) -> None:
    click.echo(f"{figures.people['strict']} people ({figures.people['loose']} under the looser policy)")
    files = ", ".join(f"{count} {kind}" for kind, count in figures.evidence.items())
    click.echo(f"Files: {files}")
    if "reachable" not in figures.counted and figures.evidence["reachable"]:
        more = figures.people_by_evidence["reachable"]
        click.echo(
            f"Their rights would have reached {more} people more, whose data the ledger does not show to have left:"
        )
        click.echo("these are not counted (--record-doubted counts them).")
    unread = figures.coverage["partial"] + figures.coverage["unreadable"]
    click.echo(f"Not read wholly: {unread} files: whoever is in them only is not counted." if unread else "All read.")
    for title, counts in (("Owners", figures.by_owner), ("States", figures.by_state), ("Data", figures.by_class)):
        click.echo(f"{title}:")
        ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
        for name, number in ordered[:_SHOWN_MAX]:
            click.echo(f"  {number:>12} {printable(name)}")
        if len(ordered) > _SHOWN_MAX:
            click.echo(f"  {'':>12} and {len(ordered) - _SHOWN_MAX} more (--json)")
    click.echo(f"Policy {figures.policy}; ledger of {figures.cited.ledger} entries.")
