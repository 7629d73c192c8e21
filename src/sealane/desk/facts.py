"""Facts: in which file, of which data owner, each alias is, in which state, with which classes of data.

Append-only: a sync adds batches (aliases, facts, files and owners), sealed, and nothing is ever changed. An alias is
one distinct telling of an individual (`aliases.py`); who of them is the same person is a map of its own (`maps.py`). A
batch counts once its last file, `batches/N`, is there; a file's facts are in one batch.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from sealane.desk.ahead import Ahead
from sealane.desk.aliases import CHECK, KEY, TOLD, Aliases, Known, keyed
from sealane.desk.folder import numbered
from sealane.desk.runs import FACT, Filling, Runs
from sealane.desk.sources import PartUnread
from sealane.exposure.model import UNTOLD
from sealane.exposure.people.alike import MASK
from sealane.exposure.people.crowd import INDIVIDUAL
from sealane.exposure.people.lists import people_of
from sealane.exposure.people.places import ELSEWHERE, STATES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from sealane.desk.folder import Folder

    Numbers = npt.NDArray[Any]

REGIONS: Final = (UNTOLD, ELSEWHERE, *sorted(STATES))
_CODES: Final = {name: code for code, name in enumerate(REGIONS)}
_ROWS_AT_ONCE: Final = 200_000
"""Rows that are numbered together: a list of few waits for others."""
_LISTS_AT_ONCE: Final = 1000
"""Lists that wait at most, however short: each takes memory of its own."""
_ROWS_A_BATCH: Final = 1_000_000
"""Rows after which a batch is written, at the end of a file."""
_TIE: Final = np.dtype("<u4")


class TakenFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file version whose list, or want of one, was taken. Its number is its place among all of them."""

    version_id: str
    stored: datetime
    coverage: str
    digest: str
    records: int
    people: int
    unreadable: tuple[PartUnread, ...] = ()


class Batch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last file of a batch: what makes it count."""

    files: tuple[TakenFile, ...]
    owners: tuple[str, ...]
    """Data owners that were not known before."""
    aliases: int
    """New aliases."""
    facts: int
    ties: bytes = b""
    """Pairs of aliases that a list says are one individual, as little-endian numbers of 32 bits."""


@dataclass(slots=True)
class Facts:
    """All facts up to a batch: the columns in memory, the aliases where they lie."""

    batches: int
    files: list[TakenFile]
    owners: list[str]
    aliases: Aliases
    runs: Runs

    @property
    def table(self) -> pl.DataFrame:
        """All of them as a table of the columns of `FACT`, sorted by file, owner and alias."""
        return self.runs.table()

    def file_numbers(self, versions: Sequence[str]) -> dict[str, int]:
        """Return the number of each of these versions that is known: of its newest list."""
        wanted = set(versions)
        return {one.version_id: number for number, one in enumerate(self.files) if one.version_id in wanted}


def heads(folder: Folder, batches: int | None = None) -> list[Batch]:
    """Return what makes each batch count, or the first so many. Raises `DeskDamaged`."""
    there = folder.numbers("batches")
    return [
        msgspec.msgpack.decode(folder.read(numbered("batches", number)), type=Batch)
        for number in (there if batches is None else there[:batches])
    ]


def load(folder: Folder, batches: int | None = None) -> Facts:
    """Return the facts of all batches, or of the first so many. Raises `DeskDamaged`."""
    told = heads(folder, batches)
    filling = Filling(sum(batch.facts for batch in told))
    for number in range(1, len(told) + 1):
        table = pl.read_parquet(io.BytesIO(folder.read(numbered("facts", number))), use_statistics=False)
        filling.take({name: table[name].to_numpy() for name in FACT})
    return Facts(
        len(told),
        [file for batch in told for file in batch.files],
        [owner for batch in told for owner in batch.owners],
        aliases_of(folder, told),
        filling.runs(),
    )


def aliases_of(folder: Folder, told: Sequence[Batch]) -> Aliases:
    """Return the aliases of these batches."""
    return Aliases(folder, [batch.aliases for batch in told])


def ties_of(told: Sequence[Batch]) -> Numbers:
    """Return the pairs of aliases that lists of these batches say are one individual: two columns."""
    return np.concatenate([np.frombuffer(batch.ties, dtype=_TIE) for batch in told] or [[]]).reshape(-1, 2)


class Gathering:
    """Takes the lists of one sync and writes them in batches; of what was written nothing but numbers is held."""

    def __init__(self, folder: Folder) -> None:
        """Go on from what is in the folder. Raises `DeskDamaged`."""
        self._folder = folder
        before = heads(folder)
        self.batches = len(before)
        self.taken = {file.digest or file.version_id for batch in before for file in batch.files}
        """The lists that are known: by their digest, or the version that has none."""
        self.versions = {file.version_id for batch in before for file in batch.files}
        self._files_before = sum(len(batch.files) for batch in before)
        self._owners = {name: code for code, name in enumerate(one for batch in before for one in batch.owners)}
        self._known = Known()
        for frame in aliases_of(folder, before).frames(KEY, CHECK):
            self._known.learn(frame[KEY].to_numpy(), frame[CHECK].to_numpy())
        self._begin()

    def _begin(self) -> None:
        self._files: list[TakenFile] = []
        self._ahead = Ahead(self._told, self._number)
        self._owners_before = len(self._owners)
        self._aliases_before = self._known.count
        self._nobody_waits()
        self._facts: list[pl.DataFrame] = []
        self._ties: list[pl.DataFrame] = []
        self._rows = 0
        self._written = io.BytesIO()
        self._writer: pq.ParquetWriter | None = None

    def _nobody_waits(self) -> None:
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        self._whose: list[tuple[int, str, int]] = []
        """Of each of these: the file's number, the owner where the list does not say, and how many rows."""

    def take(self, file: TakenFile, people: Iterable[pa.Table], owner: str) -> int:
        """Take a file and the individuals in it (`read_tables`); return how many rows these are.

        `owner`: whose data it is where the list does not say. Raises `TooManyAliases`, and what reading `people` does.
        """
        number = self._files_before + len(self._files)
        rows = 0
        for table in people:
            if len(table):
                self._waiting.append(table)
                self._whose.append((number, owner or UNTOLD, len(table)))
                rows += len(table)
            self._waiting_rows += len(table)
            if len(self._waiting) >= _LISTS_AT_ONCE or self._waiting_rows >= _ROWS_AT_ONCE:
                self._settle()
        self._files.append(file)
        self.taken.add(file.digest or file.version_id)
        self.versions.add(file.version_id)
        self._rows += rows
        if self._rows >= _ROWS_A_BATCH:
            self.write()
        return rows

    def _settle(self) -> None:
        """Begin with what waits."""
        if self._waiting:
            self._ahead.begin((self._waiting, self._whose))
        self._nobody_waits()

    def _told(self, waiting: tuple[list[pa.Table], list[tuple[int, str, int]]]) -> pl.DataFrame:
        """Return what waits in one table, with what each row is known again by."""
        return keyed(_together(*waiting), self._folder.seed)

    def _number(self, rows: pl.DataFrame) -> None:
        """Give numbers to these rows, and keep of them new aliases and facts."""
        numbers, new = self._known.number(rows[KEY].to_numpy(), rows[CHECK].to_numpy())
        if len(new):
            table = (
                (rows[new] if len(new) < len(rows) else rows)
                .select(*TOLD, KEY, CHECK)
                .to_arrow(compat_level=pl.CompatLevel.oldest())
            )
            if self._writer is None:
                self._writer = pq.ParquetWriter(
                    self._written, table.schema, compression="zstd", compression_level=1, write_statistics=False,
                    use_dictionary=list(_REPEATING),
                )  # fmt: skip
            self._writer.write_table(table)
        for name in rows["owner"].unique(maintain_order=True).to_list():
            self._owners.setdefault(name, len(self._owners))
        states = rows["state"].fill_null(UNTOLD)
        self._facts.append(
            pl.DataFrame(
                {
                    "file": rows["file"],
                    "alias": pl.Series(numbers, dtype=pl.UInt32),
                    "owner": rows["owner"].replace_strict(self._owners, return_dtype=pl.UInt32),
                    "state": states.replace_strict(_CODES, default=_CODES[ELSEWHERE], return_dtype=pl.UInt8),
                    "mask": rows[MASK].fill_null(0),  # nobody is left out for a list that says nothing of what of them
                },
                schema=FACT,
            )
        )
        tied = rows.select("file", INDIVIDUAL, pl.Series("alias", numbers, dtype=pl.UInt32))
        self._ties.append(tied.drop_nulls(INDIVIDUAL))

    def write(self) -> None:
        """Write what was taken since the last batch as one. Raises `TooManyAliases`."""
        if not self._files:
            return
        self._settle()
        self._ahead.finish()
        table = pl.concat([pl.DataFrame(schema=FACT), *self._facts])
        self._facts = []
        if not _in_order(table):
            table = table.group_by("file", "owner", "alias").agg(pl.col("state").last(), pl.col("mask").bitwise_or())
            table = table.select(list(FACT)).sort("file", "owner", "alias")
        if self._writer is not None:
            self._writer.close()
        batch = Batch(
            files=tuple(self._files),
            owners=tuple(list(self._owners)[self._owners_before :]),
            aliases=self._known.count - self._aliases_before,
            facts=len(table),
            ties=_tied(self._ties),
        )
        number = self.batches + 1
        self._folder.discard(numbered("aliases", number), numbered("facts", number))  # of a sync that was cut short
        self._folder.write(numbered("aliases", number), self._written.getvalue())
        self._folder.write(numbered("facts", number), parquet(table))
        self._folder.write(numbered("batches", number), msgspec.msgpack.encode(batch))
        self.batches = number
        self._files_before += len(self._files)
        self._begin()


def _together(tables: list[pa.Table], whose: list[tuple[int, str, int]]) -> pl.DataFrame:
    """Return tables of lists in one, each row with the number of its file and with an owner."""
    told = people_of(tables)
    numbers, owners, sizes = zip(*whose, strict=True)
    columns = TOLD | {MASK: pl.UInt32, INDIVIDUAL: pl.UInt32}
    return told.select(
        (pl.col(name) if name in told.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in columns.items()
    ).with_columns(
        pl.col("owner").fill_null(pl.Series(owners, dtype=pl.String)[np.repeat(np.arange(len(sizes)), sizes)]),
        pl.Series("file", np.repeat(numbers, sizes), dtype=pl.UInt32),
    )


_REPEATING: Final = ("given", "family", "suffix", "birth_date", "city", "state", "zip", "owner")
"""Columns whose values come again and again."""


def _in_order(table: pl.DataFrame) -> bool:
    """Tell whether facts are sorted by file, owner and alias, each once: so they come where a list is of one owner."""
    file, owner, alias = (table[name].to_numpy() for name in ("file", "owner", "alias"))
    same_file, same_owner = file[1:] == file[:-1], owner[1:] == owner[:-1]
    later = (owner[1:] > owner[:-1]) | (same_owner & (alias[1:] > alias[:-1]))
    return bool(((file[1:] > file[:-1]) | (same_file & later)).all())


def _tied(rows: Sequence[pl.DataFrame]) -> bytes:
    """Return each alias of an individual of several rows beside the lowest one of the same individual."""
    some = [frame for frame in rows if len(frame)]
    if not some:
        return b""
    first = pl.col("alias").min().over("file", INDIVIDUAL).alias("first")
    pairs = (
        pl.concat(some)
        .select(first, "alias")
        .filter(pl.col("first") != pl.col("alias"))
        .unique()
        .sort("first", "alias")
    )
    return pairs.to_numpy().astype(_TIE).tobytes()


def parquet(table: pl.DataFrame) -> bytes:
    """Return facts as they are kept: sorted by file, owner and alias."""
    written = io.BytesIO()
    with facts_writer(written) as writer:
        writer.write_table(table.to_arrow(), row_group_size=_ROWS_A_BATCH)
    return written.getvalue()


def facts_writer(to: Any) -> pq.ParquetWriter:
    """Return what writes facts to a path or stream. Aliases mostly follow each other: kept as what one is more by."""
    schema = pa.schema([(name, pa.uint8() if name == "state" else pa.uint32()) for name in FACT])
    return pq.ParquetWriter(
        to, schema, compression="zstd", compression_level=1, write_statistics=False,
        use_dictionary=["file", "owner", "state", "mask"], column_encoding={"alias": "DELTA_BINARY_PACKED"},
    )  # fmt: skip
