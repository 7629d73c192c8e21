"""Birth dates as they are written: in one order of day and month a column, in many shapes a world.

Pure: text in, a date or nothing out. Two-digit years are read as the last hundred years before `today`.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from sealane.exposure.people.coded import known_of
from sealane.exposure.people.shapes import digits_of, filled_in, number_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Numbers = npt.NDArray[Any]

_MONTHS: Final = {
    word: number
    for number, words in enumerate(
        (
            "jan januar janvier enero",
            "feb februar fevrier febrero",
            "mar marz mars marzo",
            "apr avril abril",
            "may mai mayo",
            "jun juni juin junio",
            "jul juli juillet julio",
            "aug aout agosto",
            "sep sept septembre septiembre",
            "oct okt oktober octobre octubre",
            "nov noviembre",
            "dec dez dezember diciembre",
        ),
        start=1,
    )
    for word in words.split()
}
_YEAR_FIRST = re.compile(r"(\d{4})[-/. ]?(\d{1,2})[-/. ]?(\d{1,2})(?:[T ]?\d{1,2}:?\d{2}.*|\d{2,6}(?:[-+.]\d+)*)?")
_YEAR_LAST = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4}|\d{2})(?:[T ]\d{1,2}:\d{2}.*)?")
_DAY_WORD = re.compile(r"(\d{1,2})(?:st|nd|rd|th|\.)?[- ]*([a-z]{3,12})[-., ]*(\d{4}|\d{2})", re.IGNORECASE)
_WORD_DAY = re.compile(r"([a-z]{3,12})\.?[- ]*(\d{1,2})(?:st|nd|rd|th)?,?[- ]+(\d{4}|\d{2})", re.IGNORECASE)
_BARE_US = re.compile(r"(\d{2})(\d{2})(\d{4})")
_YEAR_LEAST: Final = 1880
_MONTHS_MOST: Final = 12
_CENTURY: Final = 100

_VECTORS: Final = (
    (re.compile(r"\d{4}-\d{2}-\d{2}"), "%Y-%m-%d", False),
    (re.compile(r"\d{8}"), "%Y%m%d", False),
    (re.compile(r"\d{4}/\d{2}/\d{2}"), "%Y/%m/%d", False),
    (re.compile(r"\d{2}/\d{2}/\d{4}"), "%m/%d/%Y", False),
    (re.compile(r"\d{2}/\d{2}/\d{4}"), "%d/%m/%Y", True),
    (re.compile(r"\d{2}-\d{2}-\d{4}"), "%m-%d-%Y", False),
    (re.compile(r"\d{2}-\d{2}-\d{4}"), "%d-%m-%Y", True),
    (re.compile(r"\d{2}[.]\d{2}[.]\d{4}"), "%d.%m.%Y", True),
)


def parse_date(text: str, *, today: date, day_first: bool = False) -> date | None:
    """Return the date that `text` means, where it may be somebody's birth date: from 1880 to `today`."""
    text = text.strip()[:40]
    for pattern, order in ((_YEAR_FIRST, "ymd"), (_YEAR_LAST, "dmy" if day_first or "." in text else "mdy")):
        if found := pattern.fullmatch(text):
            parts = dict(zip(order, found.groups(), strict=True))
            made = _made(parts["y"], parts["m"], parts["d"], today)
            if made or pattern is _YEAR_LAST:
                return made or _made(parts["y"], parts["d"], parts["m"], today)
    if found := _BARE_US.fullmatch(text):
        return _made(found[3], found[1], found[2], today)
    for pattern, day, word in ((_DAY_WORD, 1, 2), (_WORD_DAY, 2, 1)):
        found = pattern.fullmatch(text)
        if found and (month := _month(found[word])):
            return _made(found[3], str(month), found[day], today)
    return None


def _month(word: str) -> int:
    word = word.lower()
    return _MONTHS.get(word) or _MONTHS.get(word[:3], 0)


def _made(year: str, month: str, day: str, today: date) -> date | None:
    number = int(year)
    if len(year) == 2:  # noqa: PLR2004  two digits name no century
        number += today.year // _CENTURY * _CENTURY
        number -= _CENTURY if number > today.year else 0
    try:
        made = date(number, int(month), int(day))
    except ValueError:
        return None
    return made if made.year >= _YEAR_LEAST and made <= today else None


def is_day_first(values: Sequence[str]) -> bool:
    """Tell whether a column's dates put the day before the month: only then is a first number above 12."""
    first = second = 0
    for value in values:
        if found := _YEAR_LAST.match(value.strip()):
            first += int(found[1]) > _MONTHS_MOST
            second += int(found[2]) > _MONTHS_MOST
    return first > second


def dates_of(column: pl.Series, *, today: date, day_first: bool | None = None) -> pl.Series:
    """Return a column of text as dates; null where it is none. The usual shapes are read at once, the rest by value."""
    known = known_of(column)
    if known.is_empty():
        return pl.Series(column.name, [None] * len(column), dtype=pl.Date)
    sample = known.head(200).to_list()
    days = is_day_first(sample) if day_first is None else day_first
    usual = sample[len(sample) // 2]
    parsed = _at_once(column, known, usual, today=today, day_first=days)
    if parsed is not None:
        return _with_odd_ones(column, parsed, today=today, day_first=days)
    parsed = pl.Series(column.name, [None], dtype=pl.Date).new_from_index(0, len(column))
    for pattern, shape, first in _VECTORS:
        if pattern.fullmatch(usual) and (first == days or "." in usual or shape.startswith("%Y")):
            parsed = column.str.to_date(shape, strict=False)
            break
    parsed = parsed.set((parsed > today) | (parsed < date(_YEAR_LEAST, 1, 1)), None)
    return _with_odd_ones(column, parsed, today=today, day_first=days)


def _at_once(column: pl.Series, known: pl.Series, usual: str, *, today: date, day_first: bool) -> pl.Series | None:
    """Return a column of dates that all have the usual shape, read off their digits; None where they have not."""
    shape = _SHAPES.get(re.sub(r"\d", "0", usual))
    digits = digits_of(known, b"-/.") if shape else None
    if shape is None or digits is None or len(digits) != _DATE_DIGITS:
        return None
    order = "ymd" if shape == "y" else "dmy" if day_first or shape == "." else "mdy"
    parts: dict[str, Numbers] = {}
    for part in order:
        parts[part] = number_of(digits[: 4 if part == "y" else 2]).astype(np.int32)
        digits = digits[4 if part == "y" else 2 :]
    place = (parts["y"] - _YEAR_LEAST) * _YEAR_PLACES + parts["m"] * _MONTH_PLACES + parts["d"]
    right = (parts["y"] >= _YEAR_LEAST) & (parts["y"] < _YEAR_LEAST + _YEARS)
    right &= (parts["m"] <= _MONTHS_MOST) & (parts["d"] < _MONTH_PLACES)
    days = _DAYS[np.where(right, place, 0)]
    days[days > (today - date(1970, 1, 1)).days] = _NO_DAY
    made = pl.Series(column.name, days).cast(pl.Date)
    return filled_in(column, made.set(pl.Series(days == _NO_DAY), None) if (days == _NO_DAY).any() else made)


_SHAPES: Final = {
    "0000-00-00": "y",
    "00000000": "y",
    "0000/00/00": "y",
    "00/00/0000": "/",
    "00-00-0000": "/",
    "00.00.0000": ".",
}
_DATE_DIGITS: Final = 8
_YEARS: Final = 256
_YEAR_PLACES: Final = 512
_MONTH_PLACES: Final = 32
_NO_DAY: Final = -(2**31)


def _days() -> Numbers:
    """Return the days since 1970 of each date from 1880 on, at its place by year, month and day."""
    days = np.full(_YEARS * _YEAR_PLACES, _NO_DAY, dtype=np.int32)
    every = np.arange(f"{_YEAR_LEAST}-01-01", f"{_YEAR_LEAST + _YEARS}-01-01", dtype="datetime64[D]")
    months, years = every.astype("datetime64[M]"), every.astype("datetime64[Y]")
    places = (years.astype(np.int64) + 1970 - _YEAR_LEAST) * _YEAR_PLACES
    places += ((months - years).astype(np.int64) + 1) * _MONTH_PLACES + (every - months).astype(np.int64) + 1
    days[places] = every.astype(np.int32)
    return days


_DAYS: Final = _days()


def _with_odd_ones(column: pl.Series, parsed: pl.Series, *, today: date, day_first: bool) -> pl.Series:
    if parsed.null_count() == column.null_count():  # no date is made of nothing
        return parsed
    left = (parsed.is_null() & column.is_not_null()).arg_true()
    if left.is_empty():
        return parsed
    texts = column.gather(left)
    unique = texts.unique().to_list()
    made = {text: parse_date(text, today=today, day_first=day_first) for text in unique}
    values = pl.Series([made[text] for text in texts.to_list()], dtype=pl.Date)
    return parsed.scatter(left, values)
