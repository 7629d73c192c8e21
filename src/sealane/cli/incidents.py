"""`sealane desk incident`: opening, scoping, counting. Two further modules have what is decided, and the notices."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sealane.cli import incident_decisions, incident_mail, incident_notices
from sealane.cli.asking import json_option
from sealane.cli.desk_options import MOMENT, with_desk
from sealane.cli.incident_options import add, number_argument
from sealane.cli.showing import printable, show_rows

if TYPE_CHECKING:
    from datetime import datetime

    from sealane.desk.folder import Folder
    from sealane.desk.incidents.counting import Figures

_SHOWN_MAX = 20


@click.group()
def incident() -> None:
    """Incidents: what was taken, who is affected, what each of them is told."""


for command in (*incident_decisions.COMMANDS, *incident_notices.COMMANDS, *incident_mail.COMMANDS):
    incident.add_command(command)


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
@number_argument
@click.argument("what", type=click.Choice(["occurred", "discovered", "determined", "alerted", "contained"]))
@click.argument("value", type=MOMENT, metavar="T")
@click.option("--why", default="", help="What is known now and was not before.")
@with_desk
def date_(desk: Folder, number: int, what: Any, value: datetime, why: str) -> None:
    """Say a date as it is known now; the one before it is kept."""
    from sealane.desk.incidents.records import Dated

    add(desk, number, Dated, what=what, value=value, why=why)


@incident.command()
@number_argument
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
    add(desk, number, records.Scoped, scope=records.Scope(since=since, until=until, **kinds))
    _show_figures(answering.look(taking.load(desk), records.load(desk, number)).figures)


@incident.command()
@number_argument
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
@number_argument
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
@number_argument
@click.option("--owner", default="", metavar="O", help="Only of this data owner.")
@click.option("--state", default="", metavar="ME", help="Only of this state.")
@click.option("--csv", "csv_file", type=click.Path(dir_okay=False, path_type=Path), required=True, metavar="FILE")
@with_desk
def people(desk: Folder, number: int, owner: str, state: str, csv_file: Path) -> None:
    """Write the individuals with address and classes of data to a new CSV file, readable by you alone.

    Of a data owner's individuals it has what that owner's own files tell, and nothing of another's.
    """
    from sealane.desk import taking
    from sealane.desk.failures import OutputExists
    from sealane.desk.incidents import records
    from sealane.desk.notices import addressees, merges

    taken, told = taking.load(desk), records.load(desk, number)
    assert taken.map is not None, "an incident is asked for after a sync"
    exposed = addressees.of_incident(told, taken.history)
    told_of = taken.facts, taken.map, exposed, told.discovered.date()
    found = addressees.of_owner(*told_of, owner) if owner else addressees.everybody(*told_of)
    wanted = [one for one in found if not state or one.state == state.upper()]
    try:
        handle = os.open(csv_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise OutputExists(f"{csv_file} is there already, and is never written over.") from None
    with os.fdopen(handle, "wb") as file:
        file.write(merges.as_csv(wanted))
    click.echo(f"{len(wanted)} individuals are in {csv_file}. Destroy it when it is done with.")


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
