"""Mentions made alike: values trimmed and brought into one form, what is no value taken away, classes marked.

Only forms change here, never facts: a name keeps its letters and case (a notice is addressed to it); keys to compare
people by are made in `keys.py`. What a typed slot says is believed (a Social Security number that no office would issue
stays one); what cannot be a value at all (dashes, "unknown", a birth date in the future) becomes absent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from sealane.exposure.model import BIT
from sealane.exposure.people.dates import dates_of
from sealane.exposure.people.mentions import CLASS_OF, MARKS
from sealane.exposure.people.places import ELSEWHERE, STATE_OF_NAME, STATE_OF_PREFIX, STATES

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

MASK: Final = "mask"
"""The column of class bits of what is made alike."""

_NOTHING: Final = [
    "",
    "-",
    "--",
    "?",
    ".",
    "n/a",
    "N/A",
    "NULL",
    "null",
    "None",
    "none",
    "unknown",
    "UNKNOWN",
    "Unknown",
]
_SUFFIX: Final = r"(?i)[ ,]+(jr|sr|ii|iii|iv|2nd|3rd)\.?$"
_TITLE: Final = r"(?i)^(mr|mrs|ms|miss|mx|dr|prof|rev|herr|frau|mme)\.? +"
_DEGREE: Final = r"(?i)[ ,]+(md|m\.d\.|phd|ph\.d\.|rn|esq|dds|do)\.?$"
_PARTICLES: Final = "van|von|der|den|de|del|della|di|da|dos|du|la|le|al|el|bin|ibn|ben|ter|ten|st\\.?"
_GIVEN_FIRST: Final = rf"(?i)^(\S+)(?:\s+\S+)*?\s+((?:(?:{_PARTICLES})\s+)*\S+)$"
_FAMILY_FIRST: Final = r"^([^,]+),\s*(\S+)"
_SSN_DIGITS: Final = 9
_SSN_DIGITS_LEAST: Final = 7
_ZIP_DIGITS: Final = 5
_PHONE_DIGITS: Final = (7, 15)
_PHONE_KEPT: Final = 10


def alike(mentions: pl.DataFrame, *, today: date, day_first: bool | None = None, trimmed: bool = False) -> pl.DataFrame:
    """Return mentions in one form: only the columns that are there, `birth_date` as dates, and `mask`."""
    marks = mentions[MARKS] if MARKS in mentions.columns else pl.Series(MARKS, [0] * len(mentions), dtype=pl.UInt32)
    columns = {name: _clean(mentions[name], trimmed=trimmed) for name in mentions.columns if name != MARKS}
    columns = {name: column for name, column in columns.items() if column.null_count() < len(column)}
    _split_full_names(columns)
    _split_suffixes(columns)
    for name, change in _FORMS.items():
        if name in columns:
            columns[name] = change(columns[name])
    if "birth_date" in columns:
        dates = dates_of(columns["birth_date"], today=today, day_first=day_first)
        columns["birth_date"] = dates.set(dates == pl.Series([_NO_DATE]).cast(pl.Date)[0], None)
    _place(columns)
    made = pl.DataFrame([column.alias(name) for name, column in columns.items()])
    return _masked(made, marks)


def _clean(column: pl.Series, *, trimmed: bool) -> pl.Series:
    """Values without space around them; what stands for no value is absent."""
    column = column if trimmed else column.str.strip_chars()
    nothing = column.is_in(_NOTHING)
    return column.set(nothing.fill_null(value=False), None) if nothing.any() else column


_NO_DATE: Final = -25567
"""1900-01-01, in days since 1970: what old programs write for an unknown date."""


def _masked(frame: pl.DataFrame, marks: pl.Series) -> pl.DataFrame:
    bits = pl.Series(MASK, marks, dtype=pl.UInt32)
    for name, kind in CLASS_OF.items():
        if name in frame.columns:
            bits = bits | (frame[name].is_not_null().cast(pl.UInt32) * BIT[kind])
    return frame.with_columns(bits.alias(MASK)) if frame.width else pl.DataFrame([bits.alias(MASK)])


def on_some(column: pl.Series, where: pl.Series, change: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Return `column` with `change` made only where `where` is true: most rows need none of the costly changes."""
    places = where.fill_null(value=False).arg_true()
    if places.is_empty():
        return column
    if len(places) == len(column):
        return change(column)
    return column.scatter(places, change(column.gather(places)))


def _split_full_names(columns: dict[str, pl.Series]) -> None:
    whole = columns.pop("full_name", None)
    if whole is None:
        return
    named = whole.str.replace(_TITLE, "").str.replace(_DEGREE, "")
    suffix = named.str.extract(_SUFFIX, 1)
    named = named.str.replace(_SUFFIX, "")
    comma = named.str.contains(",", literal=True).fill_null(value=False)
    turned = named.str.extract_groups(_FAMILY_FIRST).struct
    plain = named.str.extract_groups(_GIVEN_FIRST).struct
    given = turned.field("2").zip_with(comma, plain.field("1"))
    # A name of one word is a family name: it is what lists are sorted by.
    family = turned.field("1").zip_with(comma, plain.field("2"))
    family = family.zip_with(family.is_not_null(), named)
    for name, column in (("given", given), ("family", family), ("suffix", suffix)):
        there = columns.get(name)
        columns[name] = column if there is None else there.zip_with(there.is_not_null(), column)


def _split_suffixes(columns: dict[str, pl.Series]) -> None:
    for name in ("family", "given"):
        column = columns.get(name)
        if column is None:
            continue
        spaced = column.str.contains(" ", literal=True).fill_null(value=False)
        if not spaced.any():
            continue
        found = on_some(pl.Series([None], dtype=pl.String).new_from_index(0, len(column)), spaced, lambda part: part)
        places = spaced.arg_true()
        found = found.scatter(places, column.gather(places).str.extract(_SUFFIX, 1))
        if found.null_count() == len(found):
            continue
        columns[name] = on_some(column, found.is_not_null(), lambda part: part.str.replace(_SUFFIX, ""))
        there = columns.get("suffix")
        columns["suffix"] = found if there is None else there.zip_with(there.is_not_null(), found)


def _number(column: pl.Series) -> pl.Series:
    """Digits of a nine-digit number; zeros that a spreadsheet took from its front are put back."""
    plain = column.str.replace_all("-", "", literal=True)
    odd = _not_numbers(plain)
    plain = on_some(plain, odd, lambda part: part.str.replace(r"\.0$", "").str.replace_all(r"[-\s.]", ""))
    length = plain.str.len_bytes()
    plain = on_some(plain, length < _SSN_DIGITS, lambda part: part.str.zfill(_SSN_DIGITS))
    bad = (length < _SSN_DIGITS_LEAST) | (length > _SSN_DIGITS) | _not_numbers(plain)
    return plain.set((bad | plain.is_in(["000000000", "999999999"])).fill_null(value=False), None)


def _not_numbers(column: pl.Series) -> pl.Series:
    """Tell which values are anything else than digits."""
    return column.cast(pl.UInt64, strict=False).is_null() & column.is_not_null() | column.str.starts_with("+")


def _compact(column: pl.Series) -> pl.Series:
    """Letters and digits, in capitals: how Medicare prints its numbers without dashes."""
    return _present(column.str.to_uppercase().str.replace_all(r"[^A-Z0-9]", ""))


def _digits(column: pl.Series) -> pl.Series:
    return _present(column.str.replace_all(r"\D", ""))


def _phone(column: pl.Series) -> pl.Series:
    plain = column.str.replace_all("-", "", literal=True)
    plain = on_some(
        plain,
        _not_numbers(plain),
        lambda part: part.str.replace(r"(?i)\s*(x|ext\.?)\s*\d+$", "").str.replace_all(r"\D", ""),
    )
    length = plain.str.len_bytes()
    plain = plain.set(((length < _PHONE_DIGITS[0]) | (length > _PHONE_DIGITS[1])).fill_null(value=True), None)
    return on_some(plain, plain.str.len_bytes() > _PHONE_KEPT, lambda part: part.str.strip_prefix("1"))


def _email(column: pl.Series) -> pl.Series:
    lower = column.str.to_lowercase()
    lower = on_some(lower, lower.str.starts_with("mailto:"), lambda part: part.str.strip_prefix("mailto:"))
    return lower.set(~lower.str.contains("@", literal=True).fill_null(value=False), None)


def _zip(column: pl.Series) -> pl.Series:
    """Five digits of a ZIP code; a postal code of elsewhere as it is."""
    plain = on_some(column, column.str.ends_with(".0"), lambda part: part.str.replace(r"\.0$", ""))
    length = plain.str.len_bytes()
    short = ((length == _ZIP_DIGITS - 1) | (length == _ZIP_DIGITS - 2)) & ~_not_numbers(plain)
    plain = on_some(plain, short, lambda part: part.str.zfill(_ZIP_DIGITS))
    long = (length > _ZIP_DIGITS) & plain.str.contains(r"^\d{5}-?\d{4}$")
    plain = on_some(plain, long, lambda part: part.str.slice(0, _ZIP_DIGITS))
    return plain.set((plain == "00000").fill_null(value=False), None)


def _present(column: pl.Series) -> pl.Series:
    return column.set((column == "").fill_null(value=False), None)


_FORMS: Final[dict[str, Callable[[pl.Series], pl.Series]]] = {
    "ssn": _number,
    "itin": _number,
    "medicare_id": _compact,
    "card_number": _digits,
    "phone": _phone,
    "email": _email,
    "zip": _zip,
}


def _place(columns: dict[str, pl.Series]) -> None:
    """Give `state` as a code: as told, else as its ZIP code lies."""
    told, code = columns.get("state"), columns.get("zip")
    state: pl.Series | None = None
    if told is not None:
        capital = told.str.to_uppercase()
        named = capital.replace(list(STATE_OF_NAME), list(STATE_OF_NAME.values()))
        known = named.is_in(list(STATES)).fill_null(value=False)
        state = on_some(
            named, ~known & named.is_not_null(), lambda part: pl.Series([ELSEWHERE]).new_from_index(0, len(part))
        )
    if code is not None and (state is None or state.null_count()):
        american = code.str.contains(r"^\d{5}$").fill_null(value=False)
        prefixes = code.str.slice(0, 3).set(~american, None)
        by_zip = prefixes.replace_strict(STATE_OF_PREFIX, default=None, return_dtype=pl.String)
        state = by_zip if state is None else state.zip_with(state.is_not_null(), by_zip)
    if state is not None:
        columns["state"] = state
