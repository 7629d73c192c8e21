"""One table: takes blocks of rows as columns of text, finds its layout in the first, and hands over mentions.

A row may speak of several individuals (a member and their subscriber): each role that has a name or a number of its own
is a mention of its own; what belongs to no such role belongs to whom the row is about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from sealane.exposure.model import BIT, Batch
from sealane.exposure.people.mentions import MARKS
from sealane.exposure.tables.columns import Column, Layout, find_layout
from sealane.exposure.tables.layouts import fingerprint_of
from sealane.exposure.tables.slots import FIELD_OF, IDENTIFYING, MAIN, MARKING, NAMING, Slot

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sealane.exposure.readers.part import Part


class Table:
    """A table of which blocks arrive one after the other, all with the same columns."""

    def __init__(self, part: Part, header: Sequence[str] | None) -> None:
        """Take its header, or None where it has none. The layout is found in the first block."""
        self._part = part
        self._header = header
        self._layout: Layout | None = None
        self._roles: dict[str, list[tuple[int, Column]]] = {}

    @property
    def wanted(self) -> list[int] | None:
        """The columns that tell anything of individuals, once the first block has shown it; None before."""
        if self._layout is None:
            return None
        places = {place for columns in self._roles.values() for place, _ in columns}
        return sorted(places) or [0]

    def is_of_people(self, block: pl.DataFrame) -> bool:
        """Return whether these rows, as the first of a table, would be of individuals. Nothing is remembered."""
        known = self._part.layouts.known.get(fingerprint_of(self._header, block.width))
        if known is None:
            samples = [_sample(block[name], self._part.limits.sample_values) for name in block.columns]
            known = find_layout(self._header, samples, today=self._part.today)
        return known.of_people

    def feed(self, block: pl.DataFrame) -> Iterator[Batch]:
        """Take rows: columns of text, named in order `c0`, `c1`, …; those not `wanted` may be left out."""
        if block.is_empty():
            return
        if self._layout is None:
            self._layout = self._found(block)
            self._roles = _roles(self._layout) if self._layout.of_people else {}
        records = len(block)
        for columns in self._roles.values():
            days = next((column.day_first for _, column in columns if column.slot is Slot.BIRTH_DATE), None)
            yield Batch(records=records, mentions=_mentions(block, columns), day_first=days)
            records = 0
        if records:
            yield Batch(records=records, mentions=pl.DataFrame({MARKS: []}, schema={MARKS: pl.UInt32}))

    def _found(self, block: pl.DataFrame) -> Layout:
        layouts = self._part.layouts
        key = fingerprint_of(self._header, block.width)
        known = layouts.known.get(key)
        if known is None or len(known.columns) != block.width:
            samples = [_sample(block[name], self._part.limits.sample_values) for name in block.columns]
            known = find_layout(self._header, samples, today=self._part.today)
            layouts.known[key] = known
        return layouts.corrected(known, self._header)


def _sample(column: pl.Series, size: int) -> list[str]:
    """Values that are not empty, from the head, the middle and the tail."""
    if len(column) > 4 * size:
        third = size // 3
        middle = len(column) // 2
        column = pl.concat([column[: 2 * third], column[middle : middle + 2 * third], column[-2 * third :]])
    told = [value.strip() for value in column.to_list() if value is not None]
    step = max(1, len(told) // size)
    return [value for value in told if value][::step][:size]


def _roles(layout: Layout) -> dict[str, list[tuple[int, Column]]]:
    """Return the columns of each individual that a row speaks of."""
    roles: dict[str, list[tuple[int, Column]]] = {}
    for place, column in enumerate(layout.columns):
        if column.slot not in {Slot.OTHER, Slot.NPI}:
            roles.setdefault(column.role, []).append((place, column))
    own = {role for role, columns in roles.items() if any(column.slot in NAMING for _, column in columns)}
    if MAIN not in own:
        # Where nobody is named without a role, the row is about the first role that is.
        main = next((role for role in roles if role in own), MAIN)
        return {
            MAIN: [each for role, columns in roles.items() if role == main or role not in own for each in columns]
        } | {role: columns for role, columns in roles.items() if role in own and role != main}
    merged = {role: columns for role, columns in roles.items() if role in own}
    merged[MAIN] = [each for role, columns in roles.items() if role == MAIN or role not in own for each in columns]
    return {MAIN: merged.pop(MAIN), **merged}


def _mentions(block: pl.DataFrame, columns: list[tuple[int, Column]]) -> pl.DataFrame:
    fields: dict[str, pl.Expr] = {}
    marks: list[pl.Expr] = []
    for place, column in columns:
        name = f"c{place}"
        if name not in block.columns:
            continue
        if column.slot in MARKING:
            told = pl.col(name).is_not_null() & (pl.col(name).str.len_bytes() > 0)
            marks.append(pl.when(told).then(BIT[MARKING[column.slot]]).otherwise(0).cast(pl.UInt32))
        elif column.slot in FIELD_OF:
            field = FIELD_OF[column.slot]
            fields[field] = pl.coalesce(fields[field], pl.col(name)) if field in fields else pl.col(name)
    bits = pl.lit(0, dtype=pl.UInt32)
    for mark in marks:
        bits = bits | mark
    return block.select(*(expression.alias(field) for field, expression in fields.items()), bits.alias(MARKS))


assert NAMING <= IDENTIFYING, "who is named is somebody"
