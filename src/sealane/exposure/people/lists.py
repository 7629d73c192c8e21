"""The people list as it is kept: a Parquet file of a fixed schema, one row an individual (docs/formats/people-list.md).

Written and read here in clear; whoever keeps it seals it first. Must stay true: a column once named keeps its meaning,
`mask` keeps its bits; what is new gets a new column and a new version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from sealane.errors import PeopleListInvalid, TooLarge
from sealane.exposure.people.alike import MASK
from sealane.exposure.people.blocks import SPLIT
from sealane.exposure.people.crowd import INDIVIDUAL, PERSON, People
from sealane.exposure.people.linking import POLICY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

VERSION: Final = b"2"
_READ: Final = (b"1", VERSION)
"""The first version has no `INDIVIDUAL`."""
_DAYS: Final = (-719_162, 2_932_896)
"""The first day of the year 1 and the last of 9999, counted from the beginning of 1970."""
_TYPES: Final = {"birth_date": pa.date32(), "ssn": pa.uint32(), "itin": pa.uint32()}
_SCHEMA: Final = pa.schema(
    [*((name, _TYPES.get(name, pa.string())) for name in PERSON), (MASK, pa.uint32()), (INDIVIDUAL, pa.uint32())]
)
_REPEATING: Final = frozenset({"given", "family", "suffix", "city", "state", "zip", "owner"})
"""Columns whose values come again and again: all others are not worth a table of values."""
_NUMBERS: Final = ("ssn", "itin")
_ROWS_AT_ONCE: Final = 200_000
_DIGITS: Final = 9


def write_list(people: People | Iterable[pl.DataFrame], out: BinaryIO, *, owner: str = "") -> int:
    """Write the individuals that `Crowd.people` gives as one list to a stream; return how many are in it.

    `owner`: whose people they are where the file does not tell.
    """
    tables = people.tables() if isinstance(people, People) else (frame.to_arrow() for frame in people)
    count = 0
    with pq.ParquetWriter(
        out,
        _WRITTEN,
        compression="zstd",
        compression_level=1,
        use_dictionary=sorted(_REPEATING),
        use_byte_stream_split=[field.name for field in _SCHEMA if field.type in SPLIT],
        write_statistics=False,
        store_schema=False,
    ) as writer:
        for table in tables:
            writer.write_table(_fitted(table, owner))
            count += len(table)
        writer.add_key_value_metadata({b"sealane-people-list": VERSION, b"sealane-policy": POLICY.encode()})
    return count


_WRITTEN: Final = pa.schema(
    [
        field.with_type(pa.dictionary(pa.int32(), pa.string())) if field.name in _REPEATING else field
        for field in _SCHEMA
    ]
)
"""What is handed to the writer; in the file a table of values is the same type as plain text."""


def _fitted(table: pa.Table, owner: str) -> pa.Table:
    """Return a table with all columns of a list, in order and of their types."""
    columns = []
    for field in _WRITTEN:
        there = field.name in table.column_names
        if not there and not (owner and field.name == "owner"):
            columns.append(pa.nulls(len(table), field.type))
            continue
        column = table[field.name] if there else pa.nulls(len(table), pa.string())
        if owner and field.name == "owner":
            column = column.cast(pa.string()).fill_null(owner)
        if pa.types.is_dictionary(field.type) and not pa.types.is_dictionary(column.type):
            column = column.cast(pa.string()).dictionary_encode()
        columns.append(column if column.type == field.type else column.cast(field.type))
    return pa.Table.from_arrays(columns, schema=_WRITTEN)


def read_list(stream: BinaryIO) -> Iterator[pl.DataFrame]:
    """Yield the individuals of a list, in frames as `Crowd.people` gives them. Raises `PeopleListInvalid`."""
    for table in read_tables(stream):
        yield people_of([table])


def read_tables(stream: BinaryIO | pa.NativeFile) -> Iterator[pa.Table]:
    """Yield the individuals of a list as it keeps them (`people_of`). Raises `PeopleListInvalid`."""
    try:
        file = pq.ParquetFile(stream)
        told = (file.metadata.metadata or {}).get(b"sealane-people-list")
        if told not in _READ:
            raise PeopleListInvalid
        there = file.schema_arrow
        wanted = _SCHEMA.names if told == VERSION else _NUMBERS
        fields = [field for field in _SCHEMA if field.name in {*wanted, *there.names}]
        told_once = all(there.names.count(field.name) == 1 for field in fields)
        if not told_once or any(there.field(field.name).type != field.type for field in fields):
            raise PeopleListInvalid
        # Most lists are short: handing each column of one to another thread costs more than reading it.
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=[field.name for field in fields], use_threads=False):
            _check(batch)
            yield pa.Table.from_batches([batch])
    except MemoryError as want:  # Arrow's too: another time it may be read
        raise TooLarge from want
    except (pa.ArrowException, OSError, UnicodeDecodeError) as damage:  # a column's name may be no UTF-8
        raise PeopleListInvalid from damage


def _check(batch: pa.RecordBatch) -> None:
    """Raise `ArrowInvalid` for values that Arrow's format, a calendar or a number of nine digits does not have.

    Others' code ends at them.
    """
    batch.validate(full=True)
    for name in _NUMBERS:
        if name in batch.schema.names:
            numbers = batch.column(name).drop_null().to_numpy()
            if len(numbers) and numbers.max() >= 10**_DIGITS:
                raise pa.ArrowInvalid("a number of more digits than such a number has")
    if "birth_date" in batch.schema.names:
        days = batch.column("birth_date").cast(pa.int32())
        told = days.drop_null().to_numpy()
        if len(told) and not _DAYS[0] <= told.min() <= told.max() <= _DAYS[1]:
            raise pa.ArrowInvalid("a day that no calendar has")


def people_of(tables: Iterable[pa.Table]) -> pl.DataFrame:
    """Return these tables of lists, of whatever versions, in one frame as `Crowd.people` gives it."""
    frame = pl.DataFrame(pa.concat_tables(tables, promote_options="default"))
    return frame.with_columns(pl.col(name).cast(pl.String).str.zfill(_DIGITS) for name in _NUMBERS)
