"""Parquet files, row group by row group: the schema names the columns, nested columns by their path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from sealane.exposure.model import PartUnreadable, Why
from sealane.exposure.tables.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealane.exposure.model import Batch
    from sealane.exposure.readers.part import Part

_ROWS_AT_ONCE: Final = 50_000


def read_parquet(part: Part) -> Iterator[Batch]:
    """Yield the mentions of a Parquet file. Raises `PartUnreadable` (damaged, encrypted, too large)."""
    try:
        file = pq.ParquetFile(part.source.anywhere(), pre_buffer=False)
        if len(file.schema_arrow.names) > part.limits.columns_max:
            raise PartUnreadable(Why.TOO_LARGE)
        table: Table | None = None
        for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE, use_threads=False):
            batch.validate(full=True)  # a hostile file must not reach polars as columns that are none
            names, frame = _texts(pl.DataFrame(pa.Table.from_batches([batch])))
            table = table or Table(part, names)
            yield from table.feed(frame)
    except (pa.ArrowException, OSError, OverflowError) as failure:
        raise PartUnreadable(Why.ENCRYPTED if "ncrypt" in str(failure) else Why.DAMAGED) from None


def _texts(frame: pl.DataFrame) -> tuple[list[str], pl.DataFrame]:
    """Return the columns' paths and the columns as text; structs are unfolded, lists are passed over."""
    columns: dict[str, pl.Series] = {}
    waiting = [(name, frame[name]) for name in reversed(frame.columns)]
    while waiting:
        name, column = waiting.pop()
        if isinstance(column.dtype, pl.Struct):
            inner = column.struct.unnest()
            waiting += [(f"{name}.{field}", inner[field]) for field in reversed(inner.columns)]
        elif not isinstance(column.dtype, pl.List):
            columns[name] = _text(column)
    return list(columns), pl.DataFrame([column.alias(f"c{place}") for place, column in enumerate(columns.values())])


def _text(column: pl.Series) -> pl.Series:
    if column.dtype == pl.Binary:
        return column.cast(pl.String, strict=False)
    if column.dtype in {pl.Float32, pl.Float64}:
        whole = column.drop_nulls()
        if len(whole) and bool((whole == whole.floor()).all()) and abs(float(whole.abs().max() or 0)) < 2**53:  # type: ignore[arg-type]
            return column.cast(pl.Int64, strict=False).cast(pl.String)
    if isinstance(column.dtype, pl.Datetime):
        return column.dt.date().cast(pl.String)
    return column.cast(pl.String, strict=False)
