"""How a text table is written: its delimiter and quoting, or its fixed width."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass
from typing import Final

_DELIMITERS: Final = (",", "\t", "|", ";", "\x1f", "\x01", "^", "~")
_LINES_LOOKED_AT: Final = 200
_AGREE_LEAST: Final = 0.9
_TITLES_MAX: Final = 20
"""Lines above a table's header."""
_TABLE_NAMES: Final = (".csv", ".tsv", ".tab", ".psv", ".txt.csv")
_FIXED_LINES_LEAST: Final = 5
_FIXED_WIDTH_LEAST: Final = 20
_FIXED_AGREE_LEAST: Final = 0.95
_DIGITS_LEAST: Final = 8


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the records of a delimited text are written."""

    delimiter: str
    quoted: bool
    columns: int


def find_dialect(text: str, name: str) -> Dialect | None:
    """Return how a text is delimited, or None where it is no table of at least two columns.

    A text of one column counts as a table where its name says so.
    """
    lines = _lines(text)
    if not lines:
        return None
    best: tuple[float, int, Dialect] | None = None
    for delimiter in _DELIMITERS:
        found = _as_delimited(lines, delimiter)
        if found and (best is None or found[:2] > best[:2]):
            best = found
    if best is not None and (len(lines) > 1 or name.lower().endswith(_TABLE_NAMES)):
        return best[2]
    if name.lower().endswith(_TABLE_NAMES):
        return Dialect(delimiter=",", quoted='"' in text, columns=1)
    return None


def _lines(text: str) -> list[str]:
    """Return the first lines; the last, which may be cut, only where it is alone."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    whole = lines[:-1] if len(lines) > 1 and len(text) > 60_000 else lines  # noqa: PLR2004  a head that is full was cut
    return [line for line in whole[:_LINES_LOOKED_AT] if line.strip()]


def _as_delimited(lines: list[str], delimiter: str) -> tuple[float, int, Dialect] | None:
    if sum(delimiter in line for line in lines) < len(lines) * 0.5:
        return None
    quoted = any(re.search(rf'(^|{re.escape(delimiter)})\s{{0,8}}"', line) for line in lines)
    rows = list(_rows(lines, delimiter)) if quoted else [line.split(delimiter) for line in lines]
    titles = next((place for place, row in enumerate(rows) if len(row) > 1), 0)
    rows = rows[titles:] if titles <= _TITLES_MAX else rows
    counts = Counter(len(row) for row in rows)
    columns, agreeing = max(counts.items(), key=lambda item: (item[1], item[0]))
    share = agreeing / len(rows)
    if columns < 2 or share < _AGREE_LEAST - (0.1 if len(rows) < 20 else 0):  # noqa: PLR2004  a title line or two in a short table
        return None
    if delimiter in ",;" and not quoted and _is_prose(rows, delimiter):
        return None
    return share, columns, Dialect(delimiter=delimiter, quoted=quoted, columns=columns)


def _rows(lines: list[str], delimiter: str) -> list[list[str]]:
    try:
        return [
            row for row in csv.reader((line + "\n" for line in lines), delimiter=delimiter, doublequote=True) if row
        ]
    except csv.Error:
        return [line.split(delimiter) for line in lines]


def _is_prose(rows: list[list[str]], delimiter: str) -> bool:
    """Sentences have commas too, but a space behind each, and long pieces of many words."""
    cells = [cell for row in rows for cell in row[1:]]
    spaced = sum(cell[:1] == " " for cell in cells)
    if delimiter != "," or spaced <= len(cells) * 0.8:
        return False
    words = sum(len(cell.split()) > 4 for row in rows for cell in row)  # noqa: PLR2004  a sentence
    return words > len(cells) * 0.2


def find_fixed(text: str) -> list[tuple[int, int]] | None:
    """Return the columns (begin, end) of a text whose lines are equally long, or None where it is none.

    A column is a run of places that are not blank in every line; where nothing is blank throughout, the change from
    letters to digits that all lines share is taken for a border.
    """
    lines = [line.rstrip("\r") for line in text.split("\n")]
    lines = [line for line in (lines[:-1] if len(lines) > 1 else lines)[:_LINES_LOOKED_AT] if line]
    if len(lines) < _FIXED_LINES_LEAST:
        return None
    width, agreeing = Counter(map(len, lines)).most_common(1)[0]
    if width < _FIXED_WIDTH_LEAST or agreeing < len(lines) * _FIXED_AGREE_LEAST:
        return None
    columns = _borders([line for line in lines if len(line) == width], width)
    return columns if len(columns) > 1 else None


def _borders(lines: list[str], width: int) -> list[tuple[int, int]]:
    blank = [all(line[place] == " " for line in lines) for place in range(width)]
    kinds = [{_kind(line[place]) for line in lines} - {" "} for place in range(width)]
    columns: list[tuple[int, int]] = []
    begin = None
    for place in range(width):
        if blank[place]:
            continue
        begins = place == 0 or blank[place - 1] or _changes(lines, kinds, place)
        if begins and begin is not None:
            columns.append((begin, place))
            begin = None
        if begin is None:
            begin = place
    if begin is not None:
        columns.append((begin, width))
    return columns


def _changes(lines: list[str], kinds: list[set[str]], place: int) -> bool:
    """Tell a border: letters behind a long run of digits throughout, or text that always begins anew after blanks."""
    run = kinds[max(0, place - _DIGITS_LEAST) : place]
    if kinds[place] == {"a"} and len(run) == _DIGITS_LEAST and all(kind == {"9"} for kind in run):
        return True
    starts = sum(line[place] != " " for line in lines)
    padded = sum(line[place - 1] == " " for line in lines)
    return starts == len(lines) and padded > len(lines) * 0.5


def _kind(character: str) -> str:
    if character == " ":
        return " "
    if character.isdigit():
        return "9"
    return "a" if character.isalpha() else "."
