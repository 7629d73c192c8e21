"""837 claims by the column: many subscribers at once, where each is the patient and nothing unusual is told of them.

`x12_loops.py` reads any set, segment by segment; what this module reads, it reads the same (`test_exposure_x12.py`).
Subscribers with dependants, other insurances or numbers of their own are left to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from sealane.exposure.people.alike import on_some
from sealane.exposure.people.mentions import MARKS
from sealane.exposure.readers.x12_loops import readable
from sealane.exposure.tables.values import MBI

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from sealane.exposure.readers.x12_loops import Marks

_GROUPS_LEAST: Final = 64
"""Of fewer loops each is read quicker segment by segment."""
_SETTERS: Final = ("NM1", "LX", "CLM", "SBR", "HL")
"""Segments behind which N3, N4, DMG and REF are told of somebody else."""
_ODD: Final = ("N1", "INS", "CLP", "TRN", "STC", "LIN", "PER", "ISA", "GS", "GE", "IEA")
_NUMBERS: Final = ("0F", "1W", "EA", "F6")
_NAME_PLACES: Final = 9


@dataclass(frozen=True, slots=True)
class Claims:
    """Segments of a run in loops: each `HL`, `ST` or `SE` begins one."""

    segments: pl.DataFrame
    """`segment`, `name` and `loop`; loop 0 belongs to what was before the run."""
    plain: frozenset[int]
    """Loops that are read by the column: subscribers, and the billing providers before them."""
    last: int


def claims_of(text: str, terminator: str, element: str) -> Claims | None:
    """Return the loops of whole segments of 837 sets, None where it is not worth it."""
    if terminator in "\r\n" or not terminator.isascii() or "\x1e" in text or text.count(f"HL{element}") < _GROUPS_LEAST:
        return None
    frame = pl.read_csv(
        text.replace("\r", "").replace("\n", "").encode(),
        has_header=False,
        schema={"segment": pl.String},
        separator="\x1e",
        eol_char=terminator,
        quote_char=None,
        raise_if_empty=False,
    ).drop_nulls()
    # Three characters tell every segment apart, the delimiter behind a short name among them.
    name = frame["segment"].str.slice(0, 3).str.strip_suffix(element).alias("name")
    begins = name.is_in(["HL", "ST", "SE"])
    segments = frame.with_columns(name, begins.cum_sum().alias("loop"))
    sets = segments.filter(pl.col("name") == "ST")["segment"]
    if not sets.str.starts_with(f"ST{element}837").all():
        return None
    last = int(segments["loop"][-1])
    return Claims(segments, _plain(segments, element, last), last)


def _plain(segments: pl.DataFrame, element: str, last: int) -> frozenset[int]:
    """Return the loops that say nothing which only the long way understands. The last one may go on behind the run."""
    levels = segments.filter(pl.col("name") == "HL")
    level = _field(levels["segment"], element, 3)
    kinds = np.zeros(last + 2, dtype=np.int32)
    kinds[levels["loop"].to_numpy()] = level.cast(pl.Int32, strict=False).fill_null(0).to_numpy()
    good = np.isin(kinds, (20, 22))
    good[:-1] &= kinds[1:] != 23  # noqa: PLR2004  a dependant's loop belongs to the subscriber's before it
    good[0] = False
    good[last:] = False
    names = segments.filter(pl.col("name") == "NM1")
    code = _field(names["segment"], element, 1)
    insured = np.bincount(names["loop"].filter(code == "IL").to_numpy(), minlength=last + 2)
    good &= np.where(kinds == 22, insured == 1, insured == 0)  # noqa: PLR2004  the level of a subscriber
    scoped = _scoped(segments, element)
    inside = scoped["name"]
    odd = [
        segments["loop"].filter(segments["name"].is_in(_ODD)),
        names["loop"].filter(code.is_in(["QC", "74", "03"])),
        names["loop"].filter((code == "IL") & (_field(names["segment"], element, 2) == "2")),
        _second(segments, "SBR"),
        _second(scoped, "N3"),
        _second(scoped, "N4"),
        _second(scoped, "DMG"),
        scoped["loop"].filter(
            (inside == "REF") & _field(scoped["segment"], element, 1).str.strip_chars().is_in(_NUMBERS)
        ),
        _second(scoped, "REF"),
        _outside(segments, scoped, "DMG"),
    ]
    good[pl.concat(odd).to_numpy()] = False
    return frozenset(np.flatnonzero(good).tolist())


def _field(segments: pl.Series, element: str, place: int) -> pl.Series:
    return segments.str.split_exact(element, place).struct.field(f"field_{place}")


def _second(segments: pl.DataFrame, name: str) -> pl.Series:
    """Return the loops in which a segment comes more than once."""
    loops = segments["loop"].filter(segments["name"] == name)
    return loops.filter(loops.is_duplicated())


def _outside(segments: pl.DataFrame, scoped: pl.DataFrame, name: str) -> pl.Series:
    """Return the loops in which a segment stands that is not told of the insured."""
    there = segments["loop"].filter(segments["name"] == name)
    return there.filter(~there.is_in(scoped["loop"].filter(scoped["name"] == name).implode()))


def _scoped(segments: pl.DataFrame, element: str) -> pl.DataFrame:
    """Return the segments that are told of an insured: their NM1, and what stands behind it up to the next setter."""
    scope = segments["name"].is_in([*_SETTERS, "ST", "SE"]).cum_sum()
    mine = (segments["name"] == "NM1") & segments["segment"].str.starts_with(f"NM1{element}IL{element}")
    return segments.filter(scope.is_in(scope.filter(mine).implode()))


def mentions_of(claims: Claims, element: str, component: str, owners: pl.Series, marks: Marks) -> pl.DataFrame:
    """Return the mentions of plain loops, with `loop`. `owners`: see `owners_of`."""
    plain = pl.Series(sorted(claims.plain), dtype=pl.UInt32)
    segments = claims.segments.filter(pl.col("loop").is_in(plain.implode()))
    told = _scoped(segments, element)
    columns = _names(told.filter(pl.col("name") == "NM1"), element)
    for name, places in (
        ("N3", {"line": (1, 2)}),
        ("N4", {"city": 1, "state": 2, "zip": 3}),
        ("DMG", {"birth_date": 2}),
    ):
        columns = columns.join(_places(told, element, name, places), on="loop", how="left", maintain_order="left")
    numbers = told.filter(pl.col("name") == "REF")
    social = _field(numbers["segment"], element, 2).fill_null("").str.strip_chars()
    socials = pl.DataFrame(
        [numbers["loop"], social.alias("other"), _field(numbers["segment"], element, 1).alias("code")]
    )
    socials = socials.filter(pl.col("code").str.strip_chars() == "SY").drop("code")
    columns = columns.join(socials, on="loop", how="left", maintain_order="left")
    columns = columns.with_columns(pl.coalesce("other", "ssn").alias("ssn")).drop("other")
    someone = [pl.col(name).fill_null("") != "" for name in ("family", "given", "member_id")]
    someone += [pl.col(name).is_not_null() for name in ("ssn", "medicare_id", "medicaid_id")]
    columns = columns.filter(pl.any_horizontal(someone))
    bits = _bits(segments, element, component, marks, claims.last)
    loops = columns["loop"].to_numpy()
    columns = columns.with_columns(pl.col(pl.String).replace("", None))
    columns = columns.with_columns(_readable(column) for column in columns.iter_columns() if column.dtype == pl.String)
    return columns.with_columns(
        pl.Series(MARKS, bits[loops], dtype=pl.UInt32),
        owners.gather(pl.Series(loops, dtype=pl.UInt32)).replace("", None).alias("owner"),
    )


def _names(names: pl.DataFrame, element: str) -> pl.DataFrame:
    parts = names["segment"].str.split_exact(element, _NAME_PLACES).struct
    kind, value = parts.field("field_8"), parts.field("field_9").str.strip_chars()
    kind = kind.set(value.is_null(), None)
    number = kind.is_in(["MI", "ZZ", "II"]).fill_null(value=False)
    medicare = value.str.contains(f"^(?:{MBI.pattern})$").fill_null(value=False)
    return pl.DataFrame([
        names["loop"],
        parts.field("field_3").alias("family"),
        parts.field("field_4").alias("given"),
        parts.field("field_7").alias("suffix"),
        value.set(~(kind == "34").fill_null(value=False), None).alias("ssn"),
        value.set(~((kind == "HN").fill_null(value=False) | (number & medicare)), None).alias("medicare_id"),
        value.set(~(kind == "MR").fill_null(value=False), None).alias("medicaid_id"),
        value.set(~(number & ~medicare), None).alias("member_id"),
    ])  # fmt: skip


def _places(told: pl.DataFrame, element: str, name: str, places: Mapping[str, int | tuple[int, int]]) -> pl.DataFrame:
    rows = told.filter(pl.col("name") == name)
    parts = rows["segment"].str.split_exact(element, 3).struct
    columns = [rows["loop"]]
    for column, place in places.items():
        if isinstance(place, tuple):
            first, second = (parts.field(f"field_{each}").fill_null("") for each in place)
            there = parts.field(f"field_{place[1]}").is_not_null()
            made = (first + " " + second).zip_with(there, first)
        else:
            made = parts.field(f"field_{place}")
        columns.append((made.str.strip_chars() if column == "birth_date" else made).alias(column))
    return pl.DataFrame(columns)


def _bits(segments: pl.DataFrame, element: str, component: str, marks: Marks, last: int) -> npt.NDArray[np.uint32]:
    bits = np.zeros(last + 2, dtype=np.uint32)

    def mark(loops: pl.Series, bit: int) -> None:
        bits[loops.to_numpy()] |= np.uint32(bit)

    mark(segments["loop"].filter(segments["name"] == "CLM"), marks.claim)
    informed = segments.filter(pl.col("name") == "HI")
    for bit, codes in marks.of_codes.items():
        form = rf"{re.escape(element)}(?:{'|'.join(sorted(codes))})(?:{re.escape(component)}|>|{re.escape(element)}|$)"
        mark(informed["loop"].filter(informed["segment"].str.contains(form)), bit)
    for names, place in ((("SVC", "SV1", "SV3"), 1), (("SV2",), 2)):
        served = segments.filter(pl.col("name").is_in(names))
        code = _field(served["segment"], element, place).fill_null("").str.strip_chars()
        code = code.str.splitn(component, 2).struct.field("field_0").str.splitn(">", 2).struct.field("field_0")
        mark(served["loop"].filter(code == "N4"), marks.medication)
        mark(served["loop"].filter((code != "N4") & (code != "")), marks.procedure)
    return bits


def _readable(column: pl.Series) -> pl.Series:
    """Return text that was read byte by byte as what it is."""
    beyond = column.str.len_bytes() != column.str.len_chars()
    return on_some(column, beyond, _read_again).alias(column.name)


def _read_again(column: pl.Series) -> pl.Series:
    return pl.Series([readable(value) for value in column.to_list()], dtype=pl.String)


def owners_of(claims: Claims, element: str, owner: str) -> pl.Series:
    """Return the billing provider that holds in each loop: `owner` at first, then that of the loop of one before it."""
    segments = claims.segments
    names = segments.filter((pl.col("name") == "NM1") & pl.col("segment").str.starts_with(f"NM1{element}85{element}"))
    parts = names["segment"].str.split_exact(element, 4).struct
    last, first = (parts.field(f"field_{place}").fill_null("").str.strip_chars() for place in (3, 4))
    person = (parts.field("field_2").str.strip_chars() == "1") & (first != "")
    whole = (first + " " + last).str.strip_chars()
    called = pl.DataFrame([names["loop"], _readable(whole.zip_with(person, last)).alias("owner")])
    called = called.filter(pl.col("owner") != "").unique("loop", keep="first", maintain_order=True)
    levels = segments.filter(pl.col("name") == "HL")
    billing = levels["loop"].filter(_field(levels["segment"], element, 3) == "20")
    begun = pl.concat([billing, segments["loop"].filter(segments["name"] == "ST")])
    owners = pl.Series([None], dtype=pl.String).new_from_index(0, claims.last + 2)
    owners = owners.scatter(
        pl.concat([pl.Series([0], dtype=begun.dtype), begun]), pl.Series([owner] + [""] * len(begun))
    )
    return owners.scatter(called["loop"], called["owner"]).fill_null(strategy="forward")
