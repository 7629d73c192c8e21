"""Columns of text whose values come again and again: a number a row and a table of values, for work once a value.

A `Column` is either that or a plain series; `changed`, `numbers` and `told` work on both and give the same. Each step
that polars takes costs some 0.1 milliseconds however few the rows: what numpy or arrow can tell first is asked there.
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
    if is_full(column):
        return np.ones(len(column), dtype=bool)
    return numbers(column, lambda values: values.is_not_null().to_numpy())


def series_of(column: Column) -> pl.Series:
    """Return a column as plain rows."""
    return column.values.gather(pl.Series(column.codes)) if isinstance(column, Coded) else column


def is_full(column: Column) -> bool:
    """Return whether every row has a value."""
    return not (column.values if isinstance(column, Coded) else column).null_count()


def known_of(column: pl.Series) -> pl.Series:
    """Return the values that are told."""
    return column.drop_nulls() if column.null_count() else column


def by_distinct(column: pl.Series, change: Callable[[str], str | None]) -> pl.Series:
    """Return a column of text with `change` made once to each different value; null stays null."""
    if len(column) < _ROWS_LEAST:
        values = [None if value is None else change(value) for value in column.to_list()]
        return pl.Series(column.name, values, dtype=pl.String)
    found = column.to_arrow().cast(pa.large_string()).dictionary_encode()
    made = pa.array([change(value) for value in found.dictionary.to_pylist()], type=pa.large_string())
    return pl.Series(column.name, made.take(found.indices), dtype=pl.String)


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
    """Return the bytes of a series of text, and where each value begins; the last number is the end. Null is empty."""
    text = column.to_arrow().cast(pa.large_string())
    text = text.fill_null("") if text.null_count else text
    _, places, data = text.buffers()
    offsets = np.frombuffer(places, dtype=np.int64)[text.offset : text.offset + len(text) + 1]
    whole = np.frombuffer(data, dtype=np.uint8) if data is not None else np.zeros(0, dtype=np.uint8)
    return whole[offsets[0] : offsets[-1]], offsets - offsets[0]
