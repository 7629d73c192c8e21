"""How answers are printed: tables for people, JSON for programs. Names from outside never reach a terminal raw."""

from __future__ import annotations

import json
import unicodedata
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Told(NamedTuple):
    """One of several things in a cell: in words for people, as an object for programs."""

    words: str
    row: dict[str, object]


Cell = str | int | bool | datetime | None | tuple[str | Told, ...]


def printable(text: str) -> str:
    """Return `text` with every control and invisible character made visible, so that a name cannot steer a terminal."""
    return "".join(
        character if character == " " or unicodedata.category(character)[0] not in "CZ" else f"\\u{ord(character):04x}"
        for character in text
    )


def show_moment(moment: datetime) -> str:
    """Return a UTC time in whole seconds, as ISO 8601 with Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def show_size(size: float) -> str:
    """Return a size in the largest binary unit that keeps a digit before the point."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:  # noqa: PLR2004  the unit's own step
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def show_rows(rows: Sequence[Mapping[str, Cell]], *, as_json: bool, empty: str) -> None:
    """Print a listing: with `as_json` one array of objects, else aligned columns, or `empty` where there is nothing."""
    if as_json:
        click.echo(json.dumps([_plain(row) for row in rows], ensure_ascii=False))
        return
    if not rows:
        click.echo(empty)
        return
    columns = list(rows[0])
    show_table(columns, [[_cell(row[column]) for column in columns] for row in rows])


def show_table(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Print aligned columns under their names; the last is not padded."""
    widths = [max(len(title), *(len(line[at]) for line in lines)) for at, title in enumerate(columns)]
    for line in ([title.replace("_", " ").upper() for title in columns], *lines):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def show_json_lines(things: Iterable[Mapping[str, Cell]]) -> None:
    """Print one JSON object a line."""
    for thing in things:
        click.echo(json.dumps(_plain(thing), ensure_ascii=False))


def _plain(row: Mapping[str, Cell]) -> dict[str, object]:
    return {name: _plain_cell(value) for name, value in row.items()}


def _plain_cell(value: Cell) -> object:
    match value:
        case datetime():
            return show_moment(value)
        case tuple():
            return [one.row if isinstance(one, Told) else one for one in value]
        case _:
            return value


def _cell(value: Cell) -> str:
    match value:
        case None | "" | ():
            return "-"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return show_moment(value)
        case tuple():
            return printable("; ".join(one.words if isinstance(one, Told) else one for one in value))
        case _:
            return printable(str(value))
