"""Columns of text whose values come again and again: a number a row and a table of values, for work once a value.

A `Column` is either that or a plain series; `changed`, `numbers` and `told` work on both and give the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Numbers = npt.NDArray[Any]

_ROWS_LEAST: Final = 512
"""Of fewer rows a table of values saves nothing."""
_LOOKED_AT: Final = 1000
_LETTER: Final = 65


@dataclass(frozen=True, slots=True)
class Coded:
    """A column as `values[codes]`. Values may repeat once they were changed, and may be null."""

    codes: Numbers
    values: pl.Series

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.codes)


Column = pl.Series | Coded


def coded(column: pl.Series) -> Column:
    """Return a column of text with its values apart, where that makes it shorter by half at least."""
    if len(column) < _ROWS_LEAST or 2 * column[:_LOOKED_AT].n_unique() > min(_LOOKED_AT, len(column)) * 1.8:
        return column
    text = column.to_arrow().cast(pa.large_string())
    found = text.dictionary_encode(null_encoding="encode")
    if 2 * len(found.dictionary) > len(column):
        return column
    return Coded(found.indices.to_numpy(), pl.Series(column.name, found.dictionary, dtype=pl.String))


def changed(column: Column, change: Callable[[pl.Series], pl.Series]) -> Column:
    """Return a column with `change` made to its values. It must look at each value alone."""
    return Coded(column.codes, change(column.values)) if isinstance(column, Coded) else change(column)


def numbers(column: Column, number: Callable[[pl.Series], Numbers]) -> Numbers:
    """Return what `number` gives for the value of each row."""
    return number(column.values)[column.codes] if isinstance(column, Coded) else number(column)


def told(column: Column) -> Numbers:
    """Return for each row whether it has a value."""
    return numbers(column, lambda values: values.is_not_null().to_numpy())


def series_of(column: Column) -> pl.Series:
    """Return a column as plain rows."""
    return column.values.gather(pl.Series(column.codes)) if isinstance(column, Coded) else column


def is_empty(column: Column) -> bool:
    """Return whether no row has a value."""
    values = column.values if isinstance(column, Coded) else column
    return values.null_count() == len(values)


def rows_of(column: Column, rows: Numbers) -> Column:
    """Return some rows of a column."""
    if isinstance(column, Coded):
        return Coded(column.codes[rows], column.values)
    return column.gather(pl.Series(rows))


def text_of_bytes(data: Numbers, ends: Numbers) -> pl.Series:
    """Return a series of text from its bytes, one value behind the other, and where each value ends."""
    offsets = np.concatenate((np.zeros(1, dtype=np.int64), ends.astype(np.int64)))
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(data))]
    return pl.Series(pa.LargeStringArray.from_buffers(len(ends), buffers[1], buffers[2]), dtype=pl.String)


def bytes_of(column: pl.Series) -> tuple[Numbers, Numbers]:
    """Return the bytes of a series of text without nulls, and where each value begins; the last number is the end."""
    text = column.to_arrow().cast(pa.large_string())
    _, places, data = text.buffers()
    offsets = np.frombuffer(places, dtype=np.int64)[text.offset : text.offset + len(text) + 1]
    whole = np.frombuffer(data, dtype=np.uint8) if data is not None else np.zeros(0, dtype=np.uint8)
    return whole[offsets[0] : offsets[-1]], offsets - offsets[0]


def ends_of(column: pl.Series) -> tuple[Numbers, Numbers]:
    """Return the first and the last byte of texts without nulls. For an empty one they are another's."""
    data, offsets = bytes_of(column)
    if not len(data):
        return (np.full(len(column), _LETTER, dtype=np.uint8),) * 2
    return data[np.minimum(offsets[:-1], len(data) - 1)], data[offsets[1:] - 1]
