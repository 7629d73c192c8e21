"""Rows out of JSON values: members become columns named by their path, lists of objects become rows of their own.

A list inside a record (dependants of a member) is a table of its own where its objects speak of people; else
(diagnoses, claims) what it tells is told of the record that it is in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from sealane.exposure.model import PartUnreadable, Why
from sealane.exposure.tables.headers import meaning_of
from sealane.exposure.tables.slots import IDENTIFYING, MARKING
from sealane.exposure.tables.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealane.exposure.model import Batch
    from sealane.exposure.readers.part import Part

Row = dict[str, str]
_VALUE_CHARACTERS_MAX: Final = 1000
_TABLES_MAX: Final = 200


class _Rows:
    """Rows of one path, until there are enough of them."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._paths: dict[str, None] = {}
        self._table: Table | None = None
        self.rows: list[Row] = []

    def flushed(self) -> Iterator[Batch]:
        rows = self.rows
        self.rows = []
        for row in rows:
            if not row.keys() <= self._paths.keys():
                self._paths |= dict.fromkeys(row)
                self._table = None
        if len(self._paths) > self._part.limits.columns_max:
            raise PartUnreadable(Why.TOO_LARGE)
        header = list(self._paths)
        self._table = self._table or Table(self._part, header)
        columns = [[row.get(path) for row in rows] for path in header]
        frame = pl.DataFrame([pl.Series(f"c{at}", values, dtype=pl.String) for at, values in enumerate(columns)])
        yield from self._table.feed(frame)


class JsonTables:
    """Takes values one by one; hands over the mentions of their rows."""

    def __init__(self, part: Part) -> None:
        """Nothing was taken yet."""
        self._part = part
        self._tables: dict[str, _Rows] = {}
        self._waiting = 0

    def take(self, value: object) -> None:
        """Take one value: a record, or a list of them."""
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                before = self._waiting
                row = self._row(each, "", "", 0)
                # What is around a list of people (when it was exported, how many there are) is no record itself.
                if row and (self._waiting == before or _of_people(row)):
                    self._put("", row)

    def full(self) -> Iterator[Batch]:
        """Yield mentions where enough rows were taken."""
        if self._waiting >= self._part.limits.batch_mentions:
            yield from self.rest()

    def rest(self) -> Iterator[Batch]:
        """Yield the mentions of all rows taken since."""
        self._waiting = 0
        for rows in self._tables.values():
            if rows.rows:
                yield from rows.flushed()

    def _put(self, path: str, row: Row) -> None:
        if path not in self._tables and len(self._tables) >= _TABLES_MAX:
            raise PartUnreadable(Why.TOO_LARGE)
        self._tables.setdefault(path, _Rows(self._part)).rows.append(row)
        self._waiting += 1

    def _row(self, record: dict[str, object], prefix: str, table: str, depth: int) -> Row:
        """Return a record's own row; rows of lists within it that are of people are put in their tables."""
        if depth > self._part.limits.nesting_max:
            raise PartUnreadable(Why.TOO_LARGE)
        row: Row = {}
        for name, value in record.items():
            path = f"{prefix}{name}"
            for found, told in self._told(value, path, table, depth).items():
                row.setdefault(found, told)
        return row

    def _told(self, value: object, path: str, table: str, depth: int) -> Row:
        match value:
            case None | bool() | "":
                return {}
            case dict():
                return self._row(value, f"{path}.", table, depth + 1)
            case list():
                return self._listed(value, path, table, depth)
            case _:
                return {path: str(value)[:_VALUE_CHARACTERS_MAX]}

    def _listed(self, values: list[object], path: str, table: str, depth: int) -> Row:
        """Return what a list tells of its record: nothing where its objects are of people themselves."""
        merged: Row = {}
        for value in values:
            inner = f"{table}/{path}"
            row = (
                self._row(value, f"{path}.", inner, depth + 1)
                if isinstance(value, dict)
                else self._told(value, path, table, depth + 1)
            )
            if isinstance(value, dict) and _of_people(row):
                self._put(inner, row)
            else:
                for found, told in row.items():
                    merged.setdefault(found, told)
        return merged


_NUMBERS: Final = IDENTIFYING - {"phone", "email"}


def _of_people(row: Row) -> bool:
    slots = {meaning_of(path).slot for path in row}
    names = {slot for slot in slots if slot in IDENTIFYING}
    return (
        bool(names)
        and not (slots & MARKING.keys() and len(names) == 1 and "name" not in " ".join(names))
        and bool(names & {"given", "family", "full_name", "ssn", "medicare_id"})
    )
