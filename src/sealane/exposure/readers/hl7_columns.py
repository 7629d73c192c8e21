"""HL7 version 2 by the column: many messages at once, where each is about one patient and says no more than a PID does.

`hl7.py` reads any message, segment by segment; what this module reads, it reads the same (`test_exposure_hl7.py`).
Messages with next of kin, guarantors or insured, with another delimiter, or with several patients are left to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from sealane.exposure.people.mentions import MARKS
from sealane.exposure.readers.segments import Segments
from sealane.exposure.tables.values import MBI

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    Numbers = npt.NDArray[Any]

_LEAST: Final = 64
"""Fewer messages are read quicker one by one."""
_ODD: Final = ("NK1", "GT1", "IN1", "IN2")
_PID_FIELDS: Final = (2, 3, 4, 5, 7, 11, 13, 14, 18, 19, 20)
_HEAD: Final = 8
"""Characters of an MSH up to behind its delimiters, MSH-2 of four characters."""


@dataclass(frozen=True, slots=True)
class Lines:
    """The segments of whole messages that share their delimiters."""

    segments: Segments
    messages: Numbers
    """Which message each segment belongs to, from 1 on."""

    def of(self, *kinds: str) -> Numbers:
        """Return the messages of segments of some kinds, one for each."""
        return self.messages[self.segments.rows(*kinds)]

    def joined(self, wanted: Numbers) -> Iterator[tuple[int, str]]:
        """Yield some messages, by their numbers."""
        rows = np.flatnonzero(np.isin(self.messages, wanted))
        texts = [raw.decode("utf-8") for raw in self.segments.raw(rows)]
        numbers = self.messages[rows]
        starts = np.flatnonzero(np.diff(numbers, prepend=-1)).tolist()
        for begin, end in zip(starts, [*starts[1:], len(rows)], strict=True):
            yield int(numbers[begin]), "\r".join(texts[begin:end])


def lines_of(block: bytes, count: int) -> Lines | None:
    """Return the segments of so many whole messages in UTF-8; None where they are few or unusual."""
    start = block[:_HEAD].decode("latin-1")
    if count < _LEAST or len(start) < _HEAD or not start[3:_HEAD].isascii() or len(set(start[3:7])) < 4:  # noqa: PLR2004  delimiters
        return None
    if start[3] in "\r\n":
        return None
    segments = Segments(block.replace(b"\n", b"\r"), "\r", start[3])
    messages = np.cumsum(segments.named("MSH"), dtype=np.int32)
    heads = segments.begins[segments.rows("MSH")]
    alike = len(heads) == count and messages[0] == 1
    for place, byte in enumerate((start + start[3]).encode("latin-1")):
        alike = alike and bool((segments.bytes_at(heads + place) == byte).all())
    return Lines(segments, messages) if alike else None


def patients_of(
    lines: Lines, start: str, marks: Mapping[str, int], kinds: Mapping[str, str]
) -> tuple[pl.DataFrame, Numbers]:
    """Return the mentions of patients (with `message`), and which messages are to be read one by one.

    `start`: the first characters of an MSH. `marks`: class bits of a segment. `kinds`: what an identifier's type means.
    """
    field, component, repetition = start[3], start[4], start[5]
    persons = lines.segments.rows("PID")
    messages = lines.messages[persons]
    several = messages[1:][messages[1:] == messages[:-1]]
    # A delimiter behind the name tells a segment from another that begins likewise.
    unlike = messages[lines.segments.bytes_at(lines.segments.begins[persons] + 3) != ord(field)]
    odd = np.unique(np.concatenate((lines.of(*_ODD), several, unlike)))
    persons = persons[~np.isin(messages, odd)]
    messages = lines.messages[persons]
    fields = pl.DataFrame([_field(lines, persons, place).alias(f"f{place}") for place in _PID_FIELDS])
    rows = pl.int_range(len(fields), eager=True).alias("row")
    columns = _identifiers(fields, rows, component, repetition, kinds)
    columns |= _parts(fields["f5"], repetition, component, {"family": 0, "given": 1, "suffix": 3})
    columns |= _parts(fields["f11"], repetition, component, {"line": 0, "city": 2, "state": 3, "zip": 4})
    columns |= _phones(fields, rows, component, repetition)
    columns["birth_date"] = fields["f7"].str.slice(0, 8)
    for name, place in (("account_number", "f18"), ("ssn", "f19"), ("drivers_license", "f20")):
        first = _part(fields[place], component, 0)
        there = columns.get(name)
        # What stands in a place of its own counts before what an identifier list says.
        columns[name] = first if there is None else first.zip_with(first.is_not_null(), there)
    made = pl.DataFrame([_told(column).alias(name) for name, column in columns.items()])
    owner, bits = _about(lines, component, marks)
    return made.with_columns(
        pl.Series("message", messages, dtype=pl.UInt32),
        owner.gather(pl.Series(messages - 1)).alias("owner"),
        pl.Series(MARKS, bits[messages - 1], dtype=pl.UInt32),
    ), odd


def _field(lines: Lines, rows: Numbers, place: int) -> pl.Series:
    """Return a field of some segments as text; null where nothing is told."""
    text = _told(lines.segments.field(rows, place).text(_decoded))
    return text.set((text == '""').fill_null(value=False), None)


def _decoded(raw: bytes) -> str:
    return raw.decode("utf-8")


def _told(column: pl.Series) -> pl.Series:
    return column.set((column == "").fill_null(value=False), None)


def _part(column: pl.Series, component: str, place: int) -> pl.Series:
    """Return one component of each value, null where there is none."""
    parts = column.str.splitn(component, place + 2) if place == 0 else column.str.split_exact(component, place)
    return _told(parts.struct.field(f"field_{place}"))


def _parts(column: pl.Series, repetition: str, component: str, wanted: Mapping[str, int]) -> dict[str, pl.Series]:
    """Return components of the first repetition, each without what stands behind a subcomponent."""
    once = column.str.contains(repetition, literal=True).any()
    first = column.str.splitn(repetition, 2).struct.field("field_0") if once else column
    parts = first.str.split_exact(component, max(wanted.values()))
    made = {}
    for name, place in wanted.items():
        part = parts.struct.field(f"field_{place}")
        part = part.set((part == '""').fill_null(value=False), None)
        subs = part.str.contains("&", literal=True).any()
        made[name] = part.str.splitn("&", 2).struct.field("field_0") if subs else part
    return made


def _pieces(fields: pl.DataFrame, rows: pl.Series, places: tuple[str, ...], repetition: str) -> pl.DataFrame:
    """Return the repetitions of some fields, in order: `row` and `piece`."""
    found = []
    for place in places:
        told = pl.DataFrame([rows, fields[place].alias("piece")]).drop_nulls("piece")
        if told["piece"].str.contains(repetition, literal=True).any():
            told = told.with_columns(pl.col("piece").str.split(repetition)).explode("piece")
        found.append(told)
    return pl.concat(found)


def _firsts(pieces: pl.DataFrame, value: str, count: int) -> pl.Series:
    """Return for each row the first value told, null where none is."""
    first = pieces.unique("row", keep="first", maintain_order=True)
    return pl.Series([None], dtype=pl.String).new_from_index(0, count).scatter(first["row"], first[value])


def _identifiers(
    fields: pl.DataFrame, rows: pl.Series, component: str, repetition: str, kinds: Mapping[str, str]
) -> dict[str, pl.Series]:
    pieces = _pieces(fields, rows, ("f3", "f2", "f4"), repetition)
    parts = pieces["piece"].str.split_exact(component, 4)
    kind = parts.struct.field("field_4").fill_null("").str.to_uppercase()
    kind = kind.set(kind == '""', "").replace_strict(dict(kinds), default=None, return_dtype=pl.String)
    value = parts.struct.field("field_0")
    medicare = value.str.contains(f"^(?:{MBI.pattern})$") & kind.is_not_null()
    kind = kind.set(medicare.fill_null(value=False), "medicare_id")
    found = pl.DataFrame([pieces["row"], value.alias("value"), kind.alias("kind")])
    found = found.filter(pl.col("value") != "").drop_nulls("kind")
    return {
        name: _firsts(found.filter(pl.col("kind") == name), "value", len(fields))
        for name in found["kind"].unique().to_list()
    }


def _phones(fields: pl.DataFrame, rows: pl.Series, component: str, repetition: str) -> dict[str, pl.Series]:
    pieces = _pieces(fields, rows, ("f13", "f14"), repetition)
    mail = pieces["piece"].str.contains("@", literal=True)
    numbers = pieces.filter(~mail)
    columns: dict[str, pl.Series] = {}
    if len(numbers):
        plain = numbers["piece"]
        if plain.str.contains(component, literal=True).any():
            parts = plain.str.split_exact(component, 6)
            later = [_told(parts.struct.field(f"field_{place}")) for place in (5, 6)]
            later = [part.set((part == '""').fill_null(value=False), None).fill_null("") for part in later]
            first = _told(parts.struct.field("field_0"))
            plain = first.zip_with(first.is_not_null(), later[0] + later[1])
        columns["phone"] = _firsts(
            numbers.with_columns(plain.alias("piece")).filter(pl.col("piece") != ""), "piece", len(fields)
        )
    if len(numbers) < len(pieces):
        kept = f"([^{re.escape(component)}]*@[^{re.escape(component)}]*)"
        columns["email"] = _firsts(
            pieces.filter(mail).with_columns(pl.col("piece").str.extract(kept, 1)), "piece", len(fields)
        )
    return columns


def _about(lines: Lines, component: str, marks: Mapping[str, int]) -> tuple[pl.Series, Numbers]:
    """Return for each message its sending facility (MSH-4), and its class bits."""
    heads = lines.segments.rows("MSH")
    facility = _field(lines, heads, 3)
    owner = _told(facility.str.splitn(component, 2).struct.field("field_0").str.strip_chars())
    bits = np.zeros(len(heads), dtype=np.uint32)
    for kind, mark in marks.items():
        bits[lines.of(kind) - 1] |= np.uint32(mark)
    return owner, bits
