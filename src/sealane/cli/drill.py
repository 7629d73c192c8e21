"""`sealane drill`: a break-in played on throw-away data, and answered."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import click

from sealane.cli.asking import json_option
from sealane.cli.desk_options import check_libraries
from sealane.cli.exposure import check_installed
from sealane.errors import Integrity


class DrillNotExact(Integrity):
    """A figure of the drill was not the one that it had put in."""

    code = "drill-not-exact"
    default = "The answer was not exact. Do not rely on this installation; ask for help."


@click.group()
def drill() -> None:
    """Play what one hopes never to see, on throw-away data."""


@drill.command()
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write the notices of the drill into this new folder.",
)
@json_option
def breach(keep: Path | None, *, as_json: bool) -> None:
    """Steal from a server of its own, twice, and say exactly whose data it was. Takes less than a minute.

    Exits with 5 when a figure is not the one that is known, or the thief could read what they should not.
    """
    check_installed()
    check_libraries()
    from sealane.drill.breach import play

    place = Path(tempfile.mkdtemp(prefix="sealane-drill-"))
    try:
        played = play(place, (lambda _line: None) if as_json else click.echo, keep)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    if as_json:
        click.echo(played.as_json())
    if not played.exact:
        raise DrillNotExact
