"""The people list as it is kept: a Parquet file of a fixed schema, one row an individual (docs/formats/people-list.md).

Written and read here in clear; whoever keeps it seals it first. Must stay true: a column once named keeps its meaning,
`mask` keeps its bits; what is new gets a new column and a new version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from sealane.errors import PeopleListInvalid
from sealane.exposure.people.alike import MASK
from sealane.exposure.people.crowd import PERSON
from sealane.exposure.people.linking import POLICY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

VERSION: Final = b"1"
_TYPES: Final = {"birth_date": pa.date32(), "ssn": pa.uint32(), "itin": pa.uint32()}
_SCHEMA: Final = pa.schema(
    [*((name, _TYPES.get(name, pa.string())) for name in PERSON), (MASK, pa.uint32())],
    metadata={b"sealane-people-list": VERSION, b"sealane-policy": POLICY.encode()},
)
_REPEATING: Final = ["given", "family", "suffix", "city", "state", "zip", "owner", "birth_date", MASK]
"""Columns whose values come again and again: all others are not worth a dictionary."""
_NUMBERS: Final = ("ssn", "itin")
_ROWS_AT_ONCE: Final = 200_000
_DIGITS: Final = 9


def write_list(people: Iterable[pl.DataFrame], out: BinaryIO) -> int:
    """Write frames of `Crowd.people` as one list to a stream; return how many individuals are in it."""
    count = 0
    with pq.ParquetWriter(
        out, _SCHEMA, compression="zstd", compression_level=1, use_dictionary=_REPEATING, write_statistics=False
    ) as writer:
        for frame in people:
            writer.write_table(_table(frame))
            count += len(frame)
    return count


def _table(frame: pl.DataFrame) -> pa.Table:
    columns = [
        frame[name] if name in frame.columns else pl.Series(name, [None] * len(frame), dtype=pl.String)
        for name in (*PERSON, MASK)
    ]
    numbered = [column.cast(pl.UInt32, strict=False) if column.name in _NUMBERS else column for column in columns]
    return pa.Table.from_arrays(
        [pa.array(column.to_arrow()).cast(kind.type) for column, kind in zip(numbered, _SCHEMA, strict=True)],
        schema=_SCHEMA,
    )


def read_list(stream: BinaryIO) -> Iterator[pl.DataFrame]:
    """Yield the individuals of a list, in frames as `Crowd.people` gives them. Raises `PeopleListInvalid`."""
    try:
        file = pq.ParquetFile(stream)
        told = (file.schema_arrow.metadata or {}).get(b"sealane-people-list")
        if told != VERSION:
            raise PeopleListInvalid
        for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE):
            frame = pl.DataFrame(pa.Table.from_batches([batch]))
            yield frame.with_columns(pl.col(name).cast(pl.String).str.zfill(_DIGITS) for name in _NUMBERS)
    except (pa.ArrowException, OSError) as damage:
        raise PeopleListInvalid from damage
