"""Mentions made alike: values trimmed and brought into one form, what is no value taken away, classes marked.

Only forms change here, never facts: a name keeps its letters and case (a notice is addressed to it); keys to compare
people by are made in `keys.py`. What a typed slot says is believed (a Social Security number that no office would issue
stays one); what cannot be a value at all (dashes, "unknown", a birth date in the future) becomes absent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from sealane.exposure.model import BIT
from sealane.exposure.people.coded import (
    by_distinct,
    bytes_of,
    changed,
    coded,
    is_empty,
    is_full,
    known_of,
    rows_of,
    series_of,
    told,
)
from sealane.exposure.people.dates import dates_of
from sealane.exposure.people.mentions import CLASS_OF, MARKS
from sealane.exposure.people.places import ELSEWHERE, STATE_OF_NAME, STATE_OF_PREFIX, STATES
from sealane.exposure.people.shapes import digits_of, filled_in, number_of, text_of_digits

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    import numpy.typing as npt

    from sealane.exposure.people.coded import Column

    Numbers = npt.NDArray[Any]

MASK: Final = "mask"
"""The column of class bits of what is made alike."""

_NOTHING: Final = pa.array(
    ["", "-", "--", "?", ".", "n/a", "N/A", "NULL", "null", "None", "none", "unknown", "UNKNOWN", "Unknown"],
    type=pa.large_string(),
)
_NOTHING_BYTES_MAX: Final = 7
_SUFFIX: Final = r"(?i)[ ,]+(jr|sr|ii|iii|iv|2nd|3rd)\.?$"
_TITLE: Final = r"(?i)^(mr|mrs|ms|miss|mx|dr|prof|rev|herr|frau|mme)\.? +"
_DEGREE: Final = r"(?i)[ ,]+(md|m\.d\.|phd|ph\.d\.|rn|esq|dds|do)\.?$"
_PARTICLES: Final = "van|von|der|den|de|del|della|di|da|dos|du|la|le|al|el|bin|ibn|ben|ter|ten|st\\.?"
_GIVEN_FIRST: Final = rf"(?i)^(\S+)(?:\s+\S+)*?\s+((?:(?:{_PARTICLES})\s+)*\S+)$"
_FAMILY_FIRST: Final = r"^([^,]+),\s*(\S+)"
_SPACE: Final = 32
_VISIBLE: Final = 127 - _SPACE
"""So many bytes above the space are of ASCII."""
_AT: Final = 64
_FIRST_CAPITAL, _CAPITALS, _BEYOND = 65, 26, 128
"""ASCII."""
_SSN_DIGITS: Final = 9
_SSN_DIGITS_LEAST: Final = 7
_ZIP_DIGITS: Final = 5
_PHONE_DIGITS: Final = (7, 15)
_PHONE_KEPT: Final = 10


REPEATING: Final = frozenset(
    {"given", "family", "suffix", "city", "state", "zip", "owner", "context", "medical_record_number"}
)
"""Columns in which a value often stands for many rows."""


@dataclass(frozen=True, slots=True)
class Alike:
    """Mentions in one form: only the columns that are there, and the bits of the classes of each mention."""

    columns: dict[str, Column]
    """`birth_date` as dates, `ssn` and `itin` as numbers, all others as text."""
    mask: Numbers

    def __len__(self) -> int:
        """Return how many mentions these are."""
        return len(self.mask)

    def chosen(self, rows: Numbers) -> Alike:
        """Return some of them."""
        return Alike({name: rows_of(column, rows) for name, column in self.columns.items()}, self.mask[rows])

    def frame(self) -> pl.DataFrame:
        """Return them as a frame, with `mask`."""
        columns = [series_of(column).alias(name) for name, column in self.columns.items()]
        return pl.DataFrame([*columns, pl.Series(MASK, self.mask, dtype=pl.UInt32)])


def alike(
    mentions: pl.DataFrame,
    *,
    today: date,
    day_first: bool | None = None,
    by_value: bool = True,
) -> Alike:
    """Return mentions in one form. `by_value`: work once a value where that is quicker; it gives the same."""
    marks = mentions[MARKS].to_numpy() if MARKS in mentions.columns else np.zeros(len(mentions), dtype=np.uint32)
    columns: dict[str, Column] = {}
    for name in mentions.columns:
        if name != MARKS and mentions[name].null_count() < len(mentions):
            column = coded(mentions[name]) if by_value and name in REPEATING else mentions[name]
            columns[name] = changed(column, _clean)
    columns = {name: column for name, column in columns.items() if not is_empty(column)}
    _split_full_names(columns)
    _split_suffixes(columns)
    for name, change in _FORMS.items():
        if name in columns:
            columns[name] = changed(columns[name], change)
    if "birth_date" in columns:
        columns["birth_date"] = _births(series_of(columns["birth_date"]), today=today, day_first=day_first)
    _place(columns)
    return Alike(columns, _masked(columns, marks))


def _births(column: pl.Series, *, today: date, day_first: bool | None) -> pl.Series:
    dates = dates_of(column, today=today, day_first=day_first)
    unknown = dates.to_physical() == _NO_DATE
    return dates.set(unknown, None) if unknown.any() else dates


def _clean(column: pl.Series) -> pl.Series:
    """Values without space around them; what stands for no value is absent."""
    data, offsets = bytes_of(column)
    sizes = np.diff(offsets)
    filled = slice(None) if sizes.all() else np.flatnonzero(sizes)
    for ends in (offsets[:-1][filled], offsets[1:][filled] - 1):
        # What is neither space nor beyond ASCII is below this, for the bytes below begin anew at 255.
        if (data[ends] - np.uint8(_SPACE + 1) >= _VISIBLE).any():
            column = column.str.strip_chars()
            _, offsets = bytes_of(column)
            break
    if (np.diff(offsets) > _NOTHING_BYTES_MAX).all():
        return column
    nothing = pc.is_in(column.to_arrow().cast(pa.large_string()), value_set=_NOTHING)  # type: ignore[attr-defined]
    return column.set(pl.Series(nothing), None) if nothing.true_count else column


_NO_DATE: Final = -25567
"""1900-01-01, in days since 1970: what old programs write for an unknown date."""


def _masked(columns: dict[str, Column], marks: Numbers) -> Numbers:
    bits = marks.astype(np.uint32)
    for name, kind in CLASS_OF.items():
        if name in columns:
            bit = np.uint32(BIT[kind])
            bits |= bit if is_full(columns[name]) else told(columns[name]) * bit
    return bits


def on_some(column: pl.Series, where: pl.Series, change: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Return `column` with `change` made only where `where` is true: most rows need none of the costly changes."""
    places = where.fill_null(value=False).arg_true()
    if places.is_empty():
        return column
    if len(places) == len(column):
        return change(column)
    return column.scatter(places, change(column.gather(places)))


def _split_full_names(columns: dict[str, Column]) -> None:
    whole = columns.pop("full_name", None)
    if whole is None:
        return
    named = series_of(whole).str.replace(_TITLE, "").str.replace(_DEGREE, "")
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
        columns[name] = _first_told(columns.get(name), column)


def _first_told(there: Column | None, column: Column) -> Column:
    """Return what `there` tells, and elsewhere what `column` does."""
    if there is None:
        return column
    if not told(there).all():
        first, second = series_of(there), series_of(column)
        return first.zip_with(first.is_not_null(), second)
    return there


def _split_suffixes(columns: dict[str, Column]) -> None:
    for name in ("family", "given"):
        column = columns.get(name)
        if column is None:
            continue
        found = changed(column, _suffix)
        if is_empty(found):
            continue
        columns[name] = changed(column, _without_suffix)
        columns["suffix"] = _first_told(columns.get("suffix"), found)


def _suffix(names: pl.Series) -> pl.Series:
    none = pl.Series([None], dtype=pl.String).new_from_index(0, len(names))
    if not (bytes_of(names)[0] == _SPACE).any():
        return none
    places = names.str.contains(" ", literal=True).fill_null(value=False).arg_true()
    return none.scatter(places, names.gather(places).str.extract(_SUFFIX, 1))


def _without_suffix(names: pl.Series) -> pl.Series:
    return on_some(names, _suffix(names).is_not_null(), lambda part: part.str.replace(_SUFFIX, ""))


def _number(column: pl.Series) -> pl.Series:
    """Nine-digit numbers; zeros that a spreadsheet took from their front are put back."""
    digits = digits_of(known_of(column), b"- .")
    if digits is not None and len(digits) == _SSN_DIGITS:
        made = number_of(digits)
        numbers = filled_in(column, pl.Series(made))
        if not np.isin(made, _NO_NUMBERS).any():
            return numbers
    else:
        numbers = _odd_number(column).cast(pl.UInt32, strict=False)
    return numbers.set(numbers.is_in(_NO_NUMBERS).fill_null(value=False), None)


_NO_NUMBERS: Final = (0, 999_999_999)


def _odd_number(column: pl.Series) -> pl.Series:
    plain = column.str.replace_all("-", "", literal=True)
    odd = _not_numbers(plain)
    plain = on_some(plain, odd, lambda part: part.str.replace(r"\.0$", "").str.replace_all(r"[-\s.]", ""))
    length = plain.str.len_bytes()
    bad = (length < _SSN_DIGITS_LEAST) | (length > _SSN_DIGITS) | _not_numbers(plain)
    return plain.set(bad.fill_null(value=False), None)


def _not_numbers(column: pl.Series) -> pl.Series:
    """Tell which values are anything else than digits."""
    return column.cast(pl.UInt64, strict=False).is_null() & column.is_not_null() | column.str.starts_with("+")


def _compact(column: pl.Series) -> pl.Series:
    """Letters and digits, in capitals: how Medicare prints its numbers without dashes."""
    return _present(column.str.to_uppercase().str.replace_all(r"[^A-Z0-9]", ""))


def _digits(column: pl.Series) -> pl.Series:
    return _present(column.str.replace_all(r"\D", ""))


def _phone(column: pl.Series) -> pl.Series:
    digits = digits_of(known_of(column), b"()-. ")
    if digits is not None and len(digits) == _PHONE_KEPT:
        return filled_in(column, text_of_digits(digits))
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
    data, offsets = bytes_of(column)
    if _once_in_each(data == _AT, offsets) and not _in_capitals(data) and b"mailto:" not in data.tobytes():
        return column
    lower = lowered(column)
    if b"mailto:" in bytes_of(lower)[0].tobytes():
        lower = on_some(lower, lower.str.starts_with("mailto:"), lambda part: part.str.strip_prefix("mailto:"))
    at = lower.str.contains("@", literal=True)
    return lower if at.all() else lower.set(~at.fill_null(value=False), None)


def _once_in_each(these: Numbers, offsets: Numbers) -> bool:
    """Return whether each of some values, which begin at `offsets`, has exactly one of these bytes."""
    places = np.flatnonzero(these)
    return len(places) == len(offsets) - 1 and bool(((places >= offsets[:-1]) & (places < offsets[1:])).all())


def _in_capitals(data: Numbers) -> bool:
    """Return whether any of these bytes is a capital of ASCII, or may be of one beyond."""
    return bool(((data - np.uint8(_FIRST_CAPITAL) < _CAPITALS) | (data >= _BEYOND)).any())


def lowered(column: pl.Series) -> pl.Series:
    """Return text in lower case, at once where it is that already."""
    return column.str.to_lowercase() if _in_capitals(bytes_of(column)[0]) else column


def _zip(column: pl.Series) -> pl.Series:
    """Five digits of a ZIP code; a postal code of elsewhere as it is."""
    digits = digits_of(known_of(column), b"")
    if digits is not None and len(digits) == _ZIP_DIGITS and number_of(digits).all():
        return column
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


def _place(columns: dict[str, Column]) -> None:
    """Give `state` as a code: as told, else as its ZIP code lies."""
    state, code = columns.get("state"), columns.get("zip")
    if state is not None:
        state = changed(state, _region)
    if code is not None and (state is None or not told(state).all()):
        state = _first_told(state, changed(code, _region_of_zip))
    if state is not None:
        columns["state"] = state


def _region(states: pl.Series) -> pl.Series:
    return by_distinct(states, _code_of)


def _code_of(state: str) -> str:
    capital = state.upper()
    code = STATE_OF_NAME.get(capital, capital)
    return code if code in STATES else ELSEWHERE


def _region_of_zip(codes: pl.Series) -> pl.Series:
    return by_distinct(codes, _state_at)


def _state_at(code: str) -> str | None:
    return STATE_OF_PREFIX.get(code[:3]) if len(code) == _ZIP_DIGITS and code.isdecimal() else None
