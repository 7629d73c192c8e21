"""Mentions that were made alike, kept in memory as compressed columns until it is known who is who.

A block is a table: numbers as they are, text of few values as codes. The first ones are kept as such, up to a limit;
those that follow as Parquet files in memory. Small batches are put together first, since each block costs kilobytes.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from sealane.exposure.people.alike import MASK, Alike
from sealane.exposure.people.coded import Coded
from sealane.settings import MIB

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    import numpy.typing as npt

    from sealane.exposure.people.coded import Column

    Numbers = npt.NDArray[Any]

_SMALL: Final = 10_000
"""Fewer mentions wait for others."""
_WAITING_MAX: Final = 50_000
_PLAIN_BYTES_MAX: Final = 64 * MIB
SPLIT: Final = frozenset({pa.uint32(), pa.date32()})
"""Types of which the same bytes of all values are put together: they compress better so."""


class Blocks:
    """All mentions of a file, in order."""

    def __init__(self) -> None:
        """No mention is in it yet."""
        self._blocks: list[pa.Table | bytes] = []
        self._sizes: list[int] = []
        self._waiting: list[pl.DataFrame] = []
        self._count = 0
        self._plain_left = _PLAIN_BYTES_MAX

    def __len__(self) -> int:
        """Return how many mentions are in it."""
        return self._count

    def add(self, mentions: Alike) -> None:
        """Keep some more mentions."""
        self._count += len(mentions)
        if len(mentions) < _SMALL:
            self._waiting.append(mentions.frame())
            if sum(map(len, self._waiting)) >= _WAITING_MAX:
                self.settle()
            return
        self.settle()
        self._keep(
            {name: _arrow(column) for name, column in mentions.columns.items()}
            | {MASK: pa.array(mentions.mask, type=pa.uint32())},
            len(mentions),
        )

    def settle(self) -> None:
        """Keep what waits."""
        if self._waiting:
            frame = pl.concat(self._waiting, how="diagonal")
            self._waiting = []
            self._keep({name: _arrow(frame[name]) for name in frame.columns}, len(frame))

    def _keep(self, columns: dict[str, pa.Array], count: int) -> None:
        table = pa.table(columns)
        self._plain_left -= table.nbytes
        self._blocks.append(table if self._plain_left >= 0 else _compressed(table))
        self._sizes.append(count)

    def tables(self, wanted: Numbers, names: Collection[str]) -> Iterator[tuple[pa.Table, Numbers]]:
        """Yield those mentions for which `wanted` is true, with their numbers; only columns of `names`."""
        self.settle()
        begin = 0
        for kept, size in zip(self._blocks, self._sizes, strict=True):
            rows = np.flatnonzero(wanted[begin : begin + size])
            if len(rows):
                table = _columns_of(kept, names)
                yield table if len(rows) == size else table.take(pa.array(rows)), rows + begin
            begin += size

    def frames(self, wanted: Numbers, names: Collection[str]) -> Iterator[tuple[pl.DataFrame, Numbers]]:
        """Yield the same as frames."""
        yield from ((frame_of(table), rows) for table, rows in self.tables(wanted, names))


def _compressed(table: pa.Table) -> bytes:
    out = io.BytesIO()
    pq.write_table(
        table,
        out,
        compression="zstd",
        compression_level=1,
        write_statistics=False,
        use_dictionary=[field.name for field in table.schema if pa.types.is_dictionary(field.type)],
        use_byte_stream_split=[field.name for field in table.schema if field.type in SPLIT],
    )
    return out.getvalue()


def _columns_of(kept: pa.Table | bytes, names: Collection[str]) -> pa.Table:
    if isinstance(kept, pa.Table):
        return kept.select([name for name in kept.column_names if name in names])
    file = pq.ParquetFile(io.BytesIO(kept))
    return file.read([name for name in file.schema_arrow.names if name in names], use_threads=False)


def frame_of(table: pa.Table) -> pl.DataFrame:
    """Return a table as a frame, in which text is text."""
    plain = [
        column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column for column in table.itercolumns()
    ]
    return pl.DataFrame(pa.table(plain, names=table.column_names))


def _arrow(column: Column) -> pa.Array:
    """Return a column as it is written."""
    if not isinstance(column, Coded):
        made = column.to_arrow()
        return made.cast(pa.string()) if column.dtype == pl.String else made
    values = column.values.to_arrow()
    if column.values.dtype != pl.String:
        return values.take(pa.array(column.codes))
    values = column.values.to_arrow().cast(pa.string())
    absent = None
    if values.null_count:
        absent = column.values.is_null().to_numpy()[column.codes]
        values = values.fill_null("")
    codes = pa.array(column.codes, type=pa.int32(), mask=absent)
    return pa.DictionaryArray.from_arrays(codes, values)
