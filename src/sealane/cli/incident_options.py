"""What the commands of an incident have in common: its number, rules, writing something down of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sealane.desk.folder import Folder
    from sealane.desk.incidents.counting import Figures
    from sealane.desk.incidents.deadlines import Duty

number_argument = click.argument("number", metavar="N", type=click.IntRange(min=1))
rules_option = click.option(
    "--rules", "rules_file", type=click.Path(dir_okay=False, exists=True, path_type=Path), help="Other legal rules."
)


def add(desk: Folder, number: int, kind: Any, /, **fields: Any) -> None:
    """Write down a record of an incident. Raises `IncidentMissing`."""
    from sealane.clock import Clock
    from sealane.desk.incidents import records

    records.load(desk, number)
    records.add(desk, number, kind(at=Clock().now(), **fields))


def state_of(desk: Folder, number: int, rules_file: Path | None) -> tuple[Any, Figures, list[Duty]]:
    """Return an incident, its figures as its scope is now, and what is owed."""
    from sealane.desk import taking
    from sealane.desk.incidents import answering, deadlines, records

    told = records.load(desk, number)
    figures = answering.look(taking.load(desk), told).figures
    return told, figures, deadlines.duties(deadlines.load(rules_file), told, figures)
