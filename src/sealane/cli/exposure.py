"""`sealane exposure`: whose data is in a file. `scan` reads a local file; the rest is in `exposure_on_server.py`."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sealane.cli.exposure_on_server import COMMANDS
from sealane.cli.showing import printable
from sealane.errors import Conflict, Unsupported

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import polars as pl

    from sealane.exposure.scan import Exposure


class ReadersMissing(Unsupported):
    """The libraries that read files are an extra, and are not installed."""

    code = "readers-missing"
    default = "Reading files needs more libraries. Install them with: pip install 'sealane[exposure]'."


class PeopleFileExists(Conflict):
    """A list of people is never written over another file."""

    code = "people-file-exists"
    default = "The file for the people is there already. Name another one."


@click.group()
def exposure() -> None:
    """Whose data is in files."""


for command in COMMANDS:
    exposure.add_command(command)


def check_installed() -> None:
    """Raise `ReadersMissing` where the libraries that read files are not there."""
    if any(
        importlib.util.find_spec(name) is None
        for name in ("polars", "numpy", "pyarrow", "python_calamine", "pypdfium2")
    ):
        raise ReadersMissing


@exposure.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--people", type=click.Path(dir_okay=False, path_type=Path), help="Write the individuals, one JSON object a line."
)
@click.option(
    "--layout", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="What columns hold, as JSON."
)
def scan(file: Path, *, as_json: bool, people: Path | None, layout: Path | None) -> None:
    """Read FILE and say how many individuals are in it, and what could not be read.

    The file written by --people holds their data in clear: it is new, and for its owner alone.
    """
    check_installed()
    from sealane.clock import Clock
    from sealane.exposure.scan import scan as read
    from sealane.exposure.tables.layouts import Layouts

    layouts = Layouts.of_json(layout.read_bytes()) if layout else Layouts()
    with file.open("rb") as stream:
        found = read(stream, file.name, today=Clock().now().date(), listed=people is not None, layouts=layouts)
    if people is not None:
        write_lines(people, found.crowd.people())
    if as_json:
        click.echo(json.dumps(found.told(), ensure_ascii=False))
    else:
        _show(found)


def write_lines(path: Path, people: Iterable[pl.DataFrame]) -> None:
    """Write individuals to a new file of the user alone, one JSON object a line. Raises `PeopleFileExists`."""
    from sealane.exposure.people.listing import lines_of

    try:
        created = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise PeopleFileExists from None
    with os.fdopen(created, "w", encoding="utf-8") as out:
        for frame in people:
            out.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines_of(frame))


def _show(found: Exposure) -> None:
    count = found.count
    click.echo(f"{printable(found.file)}: {found.format.value}, {found.records} records, {count.people} people")
    for title, counted in (("Classes", count.classes), ("States", count.states), ("Owners", count.owners)):
        click.echo("".join(_lines(title, counted)), nl=False)
    click.echo(f"Coverage: {found.coverage.value}")
    for each in found.unreadable:
        click.echo(f"  not read: {printable(each.part)} ({each.why.value})")


def _lines(title: str, counted: dict[str, int]) -> Iterator[str]:
    if counted:
        yield f"{title}:\n"
    for name, number in sorted(counted.items(), key=lambda each: (-each[1], each[0])):
        yield f"  {number:>12} {printable(name)}\n"
