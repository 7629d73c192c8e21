"""837 claims by the column: many subscribers at once, where each is the patient and nothing unusual is told of them.

`x12_loops.py` reads any set, segment by segment; what this module reads, it reads the same (`test_exposure_x12.py`).
Subscribers with dependants, other insurances or numbers of their own are left to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from sealane.exposure.people.mentions import MARKS
from sealane.exposure.readers.segments import Segments, number_of
from sealane.exposure.readers.x12_individuals import readable
from sealane.exposure.tables.values import MBI

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from sealane.exposure.readers.segments import Fields
    from sealane.exposure.readers.x12_loops import Marks

    Numbers = npt.NDArray[Any]

_GROUPS_LEAST: Final = 64
"""Of fewer loops each is read quicker segment by segment."""
_SETTERS: Final = ("NM1", "LX", "CLM", "SBR", "HL", "ST", "SE")
"""Segments behind which N3, N4, DMG and REF are told of somebody else."""
_ODD: Final = ("N1", "INS", "CLP", "TRN", "STC", "LIN", "PER", "ISA", "GS", "GE", "IEA")
_NUMBERS: Final = ("0F", "1W", "EA", "F6")
_SERVICES: Final = ((("SVC", "SV1", "SV3"), 1), (("SV2",), 2))
"""Where a service's code stands."""
_BILLING, _SUBSCRIBER = number_of("20"), number_of("22")
_INSURED: Final = number_of("IL")
_OTHER_LEVEL: Final = 1


@dataclass(frozen=True, slots=True)
class Claims:
    """Segments of a run in loops: each `HL`, `ST` or `SE` begins one."""

    segments: Segments
    loops: Numbers
    """The loop of each segment; loop 0 belongs to what was before the run."""
    plain: Numbers
    """For each loop whether it is read by the column: subscribers, and the billing providers before them."""
    element: str
    component: str
    last: int
    scoped: Numbers
    """For each segment whether it is told of an insured: their NM1, and what stands behind it up to the next setter."""

    def rows(self, *names: str) -> Numbers:
        """Return which segments have one of these names."""
        return self.segments.rows(*_three(self.element, names))

    def others(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the loops that are read segment by segment, with their segments."""
        rows = np.flatnonzero(~self.plain[self.loops])
        texts = [raw.decode("latin-1") for raw in self.segments.raw(rows)]
        loops = self.loops[rows]
        starts = np.flatnonzero(np.diff(loops, prepend=-1)).tolist()
        for begin, end in zip(starts, [*starts[1:], len(rows)], strict=True):
            yield int(loops[begin]), texts[begin:end]


def _three(element: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Three characters tell every segment apart, the delimiter behind a short name among them."""
    return tuple(f"{name}{element}"[:3] for name in names)


def claims_of(text: str, terminator: str, element: str, component: str) -> Claims | None:
    """Return the loops of whole segments of 837 sets, None where it is not worth it."""
    if terminator in "\r\n" or not (terminator + element).isascii() or text.count(f"HL{element}") < _GROUPS_LEAST:
        return None
    segments = Segments(text.encode("latin-1").translate(None, b"\r\n"), terminator, element)
    loops = np.cumsum(segments.named(*_three(element, ("HL", "ST", "SE"))), dtype=np.int32)
    sets = segments.begins[segments.rows(*_three(element, ("ST",)))]
    if (segments.codes_at(sets + 3, 3) != number_of("837")).any():
        return None
    last = int(loops[-1])
    nothing = np.zeros(last + 2, dtype=bool), np.zeros(len(segments), dtype=bool)
    claims = Claims(segments, loops, nothing[0], element, component, last, nothing[1])
    claims.scoped[:] = _scoped(claims)
    claims.plain[:] = _plain(claims)
    return claims


def _plain(claims: Claims) -> Numbers:
    """Return the loops that say nothing which only the long way understands. The last one may go on behind the run."""
    segments, loops, count = claims.segments, claims.loops, claims.last + 2
    levels = claims.rows("HL")
    kinds = np.zeros(count, dtype=np.uint32)
    told = segments.field(levels, 3).codes()
    kinds[loops[levels]] = np.where((told == _BILLING) | (told == _SUBSCRIBER), told, _OTHER_LEVEL)
    good = (kinds == _BILLING) | (kinds == _SUBSCRIBER)
    good[:-1] &= kinds[1:] != _OTHER_LEVEL  # a dependant's loop belongs to the subscriber's before it
    good[0] = False
    good[claims.last :] = False
    names = claims.rows("NM1")
    code, kind = segments.field(names, 1).codes(), segments.field(names, 2)
    insured = np.bincount(loops[names[code == _INSURED]], minlength=count)
    good &= np.where(kinds == _SUBSCRIBER, insured == 1, insured == 0)
    other = np.isin(code, [number_of(each) for each in ("QC", "74", "03")])
    other |= (code == _INSURED) & (~kind.there | (kind.codes() == number_of("2")))
    odd = [loops[claims.rows(*_ODD)], loops[names[other]], _second(loops[claims.rows("SBR")])]
    odd += [_second(loops[_told(claims, name)]) for name in ("N3", "N4", "DMG", "REF")]
    births = claims.rows("DMG")
    odd += [loops[births[~claims.scoped[births]]], *_odd_numbers(claims), *_odd_services(claims)]
    good[np.concatenate(odd)] = False
    return good


def _told(claims: Claims, name: str) -> Numbers:
    """Return the segments of this name that are told of an insured."""
    rows = claims.rows(name)
    return rows[claims.scoped[rows]]


def _odd_numbers(claims: Claims) -> Iterator[Numbers]:
    """Yield the loops with a number of the insured that only the long way knows."""
    rows = _told(claims, "REF")
    code = claims.segments.field(rows, 1)
    yield claims.loops[rows[np.isin(code.codes(), [number_of(each) for each in _NUMBERS]) | code.spaced()]]


def _odd_services(claims: Claims) -> Iterator[Numbers]:
    for names, place in _SERVICES:
        rows = claims.rows(*names)
        yield claims.loops[rows[claims.segments.field(rows, place).spaced()]]


def _second(loops: Numbers) -> Numbers:
    """Return the loops that come more than once, of loops in order."""
    return loops[1:][loops[1:] == loops[:-1]]


def _scoped(claims: Claims) -> Numbers:
    scope = np.cumsum(claims.segments.named(*_three(claims.element, _SETTERS)), dtype=np.int32)
    names = claims.rows("NM1")
    code, kind = claims.segments.field(names, 1).codes(), claims.segments.field(names, 2)
    mine = np.zeros(int(scope[-1]) + 1 if len(scope) else 1, dtype=bool)
    mine[scope[names[(code == _INSURED) & kind.there]]] = True
    return mine[scope]


def _decoded(raw: bytes) -> str:
    return readable(raw.decode("latin-1"))


def mentions_of(claims: Claims, owners: pl.Series, marks: Marks) -> pl.DataFrame:
    """Return the mentions of plain loops, with `loop`. `owners`: see `owners_of`."""
    segments = claims.segments
    names = _told(claims, "NM1")
    names = names[claims.plain[claims.loops[names]]]
    loops = claims.loops[names]
    row_of = np.zeros(claims.last + 2, dtype=np.int64)
    row_of[loops] = np.arange(len(loops))

    def fields(name: str, place: int) -> Fields:
        rows = _told(claims, name)
        rows = rows[claims.plain[claims.loops[rows]]]
        return segments.field(rows, place).spread(row_of[claims.loops[rows]], len(loops))

    columns = {name: segments.field(names, place).text(_decoded) for name, place in _NAME_PLACES}
    columns |= _numbers_of(segments.field(names, 8), segments.field(names, 9))
    columns["line"] = _line(claims, fields("N3", 1), fields("N3", 2))
    columns |= {name: fields("N4", place).text(_decoded) for name, place in (("city", 1), ("state", 2), ("zip", 3))}
    columns["birth_date"] = fields("DMG", 2).text(_decoded).str.strip_chars()
    social = fields("REF", 1).codes() == number_of("SY")
    if social.any():
        number = fields("REF", 2).text(_decoded).fill_null("").str.strip_chars()
        columns["ssn"] = number.zip_with(pl.Series(social), columns["ssn"])
    frame = pl.DataFrame([pl.Series("loop", loops, dtype=pl.UInt32), *(c.alias(n) for n, c in columns.items())])
    someone = [pl.col(name).fill_null("") != "" for name in ("family", "given", "member_id")]
    someone += [pl.col(name).is_not_null() for name in ("ssn", "medicare_id", "medicaid_id")]
    frame = frame.filter(pl.any_horizontal(someone)).with_columns(pl.col(pl.String).replace("", None))
    kept = frame["loop"].to_numpy()
    return frame.with_columns(
        pl.Series(MARKS, _bits(claims, marks)[kept], dtype=pl.UInt32),
        owners.gather(frame["loop"]).replace("", None).alias("owner"),
    )


_NAME_PLACES: Final = (("family", 3), ("given", 4), ("suffix", 7))


def _numbers_of(kinds: Fields, values: Fields) -> dict[str, pl.Series]:
    """Return the numbers that an NM1 tells, by their kinds."""
    code = np.where(values.there, kinds.codes(), np.uint32(0))
    value = values.text(_decoded).str.strip_chars()
    number = np.isin(code, [number_of(each) for each in ("MI", "ZZ", "II")])
    medicare = number & value.str.contains(f"^(?:{MBI.pattern})$").fill_null(value=False).to_numpy()
    wanted = {
        "ssn": code == number_of("34"),
        "medicare_id": (code == number_of("HN")) | medicare,
        "medicaid_id": code == number_of("MR"),
        "member_id": number & ~medicare,
    }
    return {name: value.set(pl.Series(~these), None) for name, these in wanted.items()}


def _line(claims: Claims, first: Fields, second: Fields) -> pl.Series:
    """Return both lines of an address with a space between."""
    ends = np.where(second.there, second.ends, first.ends)
    both = claims.segments.text(first.begins, ends, _decoded).str.replace(claims.element, " ", literal=True)
    return both if first.there.all() else both.set(pl.Series(~first.there), None)


def _bits(claims: Claims, marks: Marks) -> npt.NDArray[np.uint32]:
    segments = claims.segments
    bits = np.zeros(claims.last + 2, dtype=np.uint32)

    def mark(rows: Numbers, bit: int) -> None:
        bits[claims.loops[rows]] |= np.uint32(bit)

    mark(claims.rows("CLM"), marks.claim)
    rows = claims.rows("HI")
    of, places = segments.every_field(rows)
    for bit, codes in marks.of_codes.items():
        mark(rows[of[_begin_with(claims, places, codes)]], bit)
    for names, place in _SERVICES:
        rows = claims.rows(*names)
        code = segments.field(rows, place)
        told = code.there & (code.ends > code.begins)
        told &= ~_end_at(claims, code.begins)
        medication = told & _begin_with(claims, code.begins, frozenset({"N4"}))
        mark(rows[medication], marks.medication)
        mark(rows[told & ~medication], marks.procedure)
    return bits


def _begin_with(claims: Claims, places: Numbers, codes: frozenset[str]) -> Numbers:
    """Tell where one of these codes stands, with the end of a component behind it."""
    found = np.zeros(len(places), dtype=bool)
    for size in sorted({len(code) for code in codes}):
        these = [number_of(code) for code in codes if len(code) == size]
        found |= np.isin(claims.segments.codes_at(places, size), these) & _end_at(claims, places + size)
    return found


def _end_at(claims: Claims, places: Numbers) -> Numbers:
    """Tell where a component ends."""
    there = claims.segments.bytes_at(places)
    ends = (there == ord(claims.element)) | (there == ord(">")) | (there == claims.segments.terminator)
    return ends | (there == ord(claims.component))


def owners_of(claims: Claims, owner: str) -> pl.Series:
    """Return the billing provider that holds in each loop: `owner` at first, then that of the loop of one before it."""
    segments, loops = claims.segments, claims.loops
    names = claims.rows("NM1")
    kind = segments.field(names, 2)
    names = names[(segments.field(names, 1).codes() == number_of("85")) & kind.there]
    last, first = (
        segments.field(names, place).text(_decoded).fill_null("").str.strip_chars() for place in (3, 4)
    )  # fmt: skip
    kinds = segments.field(names, 2).text(_decoded).str.strip_chars()
    person = (kinds == "1") & (first != "")
    called = (first + " " + last).str.strip_chars().zip_with(person, last)
    told = np.flatnonzero((called != "").to_numpy())
    levels = claims.rows("HL")
    begun = np.concatenate((loops[levels[segments.field(levels, 3).codes() == _BILLING]], loops[claims.rows("ST")]))
    which = np.full(claims.last + 2, -1, dtype=np.int64)
    which[0] = 0
    which[begun] = 1
    # The first that is named holds up to the next billing loop, or set.
    within, firsts = np.unique(np.cumsum(which == 1)[loops[names[told]]], return_index=True)
    told = told[firsts[within > 0] if owner else firsts]
    which[loops[names[told]]] = np.arange(len(told)) + 2
    places = np.maximum.accumulate(np.where(which >= 0, np.arange(len(which)), 0))
    known = pl.concat([pl.Series([owner, ""], dtype=pl.String), called.gather(told)])
    return known.gather(pl.Series(which[places]))
