"""Numbers that a whole column writes in one shape (123-45-6789): read all at once, off the bytes.

What is written in another shape is none of this module's; `alike.py` reads it value by value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from sealane.exposure.people.coded import bytes_of, text_of_bytes

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers = npt.NDArray[Any]

_SIZE_MAX: Final = 20
_ZERO: Final = 48
_NINE: Final = 9


def digits_of(known: pl.Series, between: bytes) -> Numbers | None:
    """Return the digits of values that all have one shape, a row a place and a column a value; else None.

    `between`: what may stand between digits. `known` has no nulls.
    """
    if known.is_empty():
        return None
    data, offsets = bytes_of(known)
    size = int(offsets[1])
    if not 0 < size <= _SIZE_MAX or offsets[-1] != size * len(known) or (np.diff(offsets) != size).any():
        return None
    places = np.ascontiguousarray(data.reshape(-1, size).T)
    digits = []
    for place in places:
        first = int(place[0])
        if _ZERO <= first <= _ZERO + _NINE:
            digit = place - np.uint8(_ZERO)
            if (digit > _NINE).any():
                return None
            digits.append(digit)
        elif first not in between or (place != first).any():
            return None
    return np.stack(digits) if digits else None


def number_of(digits: Numbers) -> Numbers:
    """Return the number that up to nine digits make."""
    number = digits[0].astype(np.uint32)
    for digit in digits[1:]:
        number *= np.uint32(10)
        number += digit
    return number


def text_of_digits(digits: Numbers) -> pl.Series:
    """Return the digits as text."""
    size, count = digits.shape
    return text_of_bytes((digits.T + np.uint8(_ZERO)).reshape(-1), np.arange(1, count + 1) * size)


def filled_in(column: pl.Series, values: pl.Series) -> pl.Series:
    """Return `values` at the places where `column` has a value, null elsewhere."""
    if len(values) == len(column):
        return values
    whole = pl.Series([None], dtype=values.dtype).new_from_index(0, len(column))
    return whole.scatter(column.is_not_null().arg_true(), values)
