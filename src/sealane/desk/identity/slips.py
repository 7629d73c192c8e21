"""What is mistyped: numbers of nine digits, dates and names that are one slip apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
from rapidfuzz import process
from rapidfuzz.distance import OSA

from sealane.desk.identity.telling import EPOCH_SHIFT

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers = npt.NDArray[Any]

_DIGITS: Final = 9
_PARTS_ENOUGH: Final = 2
_SLIPS_LENGTH: Final = (3, 6)
"""A name of so many letters may have one slip; two."""
_BEGINNING_LEAST: Final = 3


def one_slip(ours: Numbers, theirs: Numbers) -> Numbers:
    """Whether two numbers of at most nine digits differ in one digit, or in two neighbours that are swapped."""
    count = np.zeros(len(ours), dtype=np.int8)
    swapped = np.zeros(len(ours), dtype=bool)
    last_ours = last_theirs = np.full(len(ours), -1, dtype=np.int64)
    a, b = ours.astype(np.int64), theirs.astype(np.int64)
    for _ in range(_DIGITS):
        digit, other = a % 10, b % 10
        swapped |= (digit == last_theirs) & (other == last_ours) & (digit != other)
        count += digit != other
        last_ours, last_theirs, a, b = digit, other, a // 10, b // 10
    return (count == 1) | ((count == 2) & swapped)  # noqa: PLR2004


def _steps() -> Numbers:
    """Return by which numbers below `HALF * 10` two others differ where they are a slip apart."""
    apart = np.zeros(HALF * 10, dtype=np.bool_)
    for digit in range(1, 10):
        for place in range(5):
            for step in (digit, 9 * digit):
                if step * 10**place < len(apart):
                    apart[step * 10**place] = True
    return apart


HALF: Final = 10_000
"""A slip leaves alone one of a number's halves: what stands before its last four digits, or these."""
_STEPS: Final = _steps()


def slip_in_half(ours: Numbers, theirs: Numbers) -> Numbers:
    """Whether two numbers that have one of their halves in common are one slip apart: `one_slip`, and cheaper."""
    apart = np.abs(ours.astype(np.int64) - theirs)
    near = _STEPS[np.where(apart < HALF, apart, apart // HALF)]
    rows = np.flatnonzero(near)
    near[rows] = one_slip(ours[rows], theirs[rows])
    return near


def near_dates(ours: Numbers, theirs: Numbers) -> Numbers:
    """Two of year, month and day agree, or day and month are swapped: one date, mistyped."""
    (year, month, day), (other_year, other_month, other_day) = _parts(ours), _parts(theirs)
    agree = (year == other_year).astype(np.int8) + (month == other_month) + (day == other_day)
    swapped = (year == other_year) & (month == other_day) & (day == other_month)
    return (agree >= _PARTS_ENOUGH) | swapped


def _parts(shifted: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    dates = (shifted.astype(np.int64) - EPOCH_SHIFT).astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    years = dates.astype("datetime64[Y]")
    return years.astype(np.int64) + 1970, (months - years).astype(np.int64) + 1, (dates - months).astype(np.int64) + 1


def slipped(ours: pl.Series, theirs: pl.Series) -> Numbers:
    """Whether two names are one slip apart, long ones two."""
    slips = process.cpdist(ours.to_list(), theirs.to_list(), scorer=OSA.distance, score_cutoff=2)  # pyrefly: ignore  # its stub knows no scorer of texts
    least = np.minimum(ours.str.len_chars().to_numpy(), theirs.str.len_chars().to_numpy())
    one, two = _SLIPS_LENGTH
    return ((slips <= 1) & (least >= one)) | ((slips <= 2) & (least >= two))  # noqa: PLR2004  the cutoff


def begins(ours: pl.Series, theirs: pl.Series) -> Numbers:
    """Whether one of two names begins the other (double names)."""
    frame = pl.DataFrame({"ours": ours, "theirs": theirs})
    least = pl.min_horizontal(pl.col("ours").str.len_chars(), pl.col("theirs").str.len_chars())
    either = pl.col("ours").str.starts_with(pl.col("theirs")) | pl.col("theirs").str.starts_with(pl.col("ours"))
    return frame.select(either & (least >= _BEGINNING_LEAST)).to_series().to_numpy()
