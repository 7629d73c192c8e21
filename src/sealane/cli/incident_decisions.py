"""`sealane desk incident`: what was said, decided and done, written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sealane.cli.desk_options import DAY, with_desk
from sealane.cli.incident_options import add, number_argument
from sealane.cli.showing import printable

if TYPE_CHECKING:
    from datetime import date

    from sealane.desk.folder import Folder


@click.command()
@number_argument
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
    add(desk, number, Disclosed, count=told, on=on, about=about, unit="rows" if rows else "people", **more)
    click.echo(f"Kept, about {printable(about) if about else 'all individuals'}.")


@click.command()
@number_argument
@click.argument("owner")
@click.argument("notifier", type=click.Choice(["owner", "processor"]))
@with_desk
def decide(desk: Folder, number: int, owner: str, notifier: Any) -> None:
    """Keep who notifies the individuals of a data owner: the owner, or the processor for it."""
    from sealane.desk.incidents.records import Decided

    add(desk, number, Decided, owner=owner, notifier=notifier)


@click.command("rename-owner")
@number_argument
@click.argument("owner")
@click.argument("name")
@with_desk
def rename_owner(desk: Folder, number: int, owner: str, name: str) -> None:
    """Keep that OWNER, as files name it, is called NAME now: its individuals are counted once, under that name."""
    from sealane.desk.incidents.records import Renamed

    add(desk, number, Renamed, owner=owner, to=name)


@click.command()
@number_argument
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
    import numpy as np

    from sealane.desk import taking
    from sealane.desk.failures import IncidentInvalid
    from sealane.desk.incidents.records import Died

    aliases = taking.load(desk).facts.aliases
    if individual >= len(aliases):
        raise IncidentInvalid("There is no individual of this number.")
    key, check = aliases.rows(np.array([individual]), "key", "check").row(0)
    add(desk, number, Died, alias=(key, check), **kin)


@click.command("call")
@number_argument
@click.argument("path")
@click.argument("kind")
@with_desk
def call_(desk: Folder, number: int, path: str, kind: str) -> None:
    """Say what kind of file PATH is, or those below it are, as letters say it: "enrollment file"."""
    from sealane.desk.incidents.records import Called

    add(desk, number, Called, path=path, name=kind)


@click.command()
@number_argument
@click.argument("duty")
@click.option("--date", "on", required=True, type=DAY, metavar="D")
@with_desk
def done(desk: Folder, number: int, duty: str, on: date) -> None:
    """Keep that a duty was fulfilled, by its name in `clock`."""
    from sealane.desk.incidents.records import Done

    add(desk, number, Done, duty=duty, on=on)


@click.command()
@number_argument
@click.option("--owner", required=True)
@click.option("--state", required=True, type=click.Choice(["sent", "returned", "bounced", "delivered"]))
@click.option("--count", "told", required=True, type=click.IntRange(min=1))
@click.option("--date", "on", required=True, type=DAY, metavar="D")
@with_desk
def deliver(desk: Folder, number: int, owner: str, state: Any, told: int, on: date) -> None:
    """Keep what became of letters; ten that come back open the duty of a substitute notice."""
    from sealane.desk.incidents.records import Delivered

    add(desk, number, Delivered, owner=owner, state=state, count=told, on=on)


COMMANDS = (disclose, decide, rename_owner, died, call_, done, deliver)
