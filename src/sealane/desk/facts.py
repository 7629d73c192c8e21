"""Facts: in which file, of which data owner, each alias is, in which state, with which classes of data.

Append-only: each sync adds one batch (aliases, facts, files and owners), sealed, and nothing is ever changed. An alias
is one distinct telling of an individual (all that a people list says of them but the classes); who of them is the
same person is a map of its own (`maps.py`). A batch counts once its last file, `batches/N`, is there.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import polars as pl

from sealane.desk.failures import TooManyAliases
from sealane.desk.folder import numbered
from sealane.desk.identity.compared import SCOPED
from sealane.desk.sources import PartUnread
from sealane.exposure.model import UNTOLD
from sealane.exposure.people.alike import MASK
from sealane.exposure.people.crowd import PERSON
from sealane.exposure.people.places import ELSEWHERE, STATES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from sealane.desk.folder import Folder

    Numbers = npt.NDArray[Any]

REGIONS: Final = (UNTOLD, ELSEWHERE, *sorted(STATES))
_CODES: Final = {name: code for code, name in enumerate(REGIONS)}
ALIASES_MAX: Final = 2**32 - 1
_SECOND_SEED: Final = 0x5EA1A9E
_FIRST_KEY: Final = "key"
_SECOND_KEY: Final = "check"
_SCHEMA: Final = {name: pl.Date if name == "birth_date" else pl.String for name in PERSON}
FACT: Final = {"file": pl.UInt32, "alias": pl.UInt32, "owner": pl.UInt32, "state": pl.UInt8, "mask": pl.UInt32}


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
    """The last file of a sync: what makes it count."""

    files: tuple[TakenFile, ...]
    owners: tuple[str, ...]
    """Data owners that were not known before."""
    aliases: int
    """New aliases."""
    facts: int


@dataclass(slots=True)
class Facts:
    """All facts up to a batch, in memory."""

    batches: int
    files: list[TakenFile]
    owners: list[str]
    aliases: pl.DataFrame
    """Columns of a people list, and the two numbers that an alias is known by."""
    table: pl.DataFrame
    """Columns of `FACT`, sorted by file, owner and alias."""

    def file_numbers(self, versions: Sequence[str]) -> dict[str, int]:
        """Return the number of each of these versions that is known: of its newest list."""
        wanted = set(versions)
        return {one.version_id: number for number, one in enumerate(self.files) if one.version_id in wanted}


def load(folder: Folder, batches: int | None = None) -> Facts:
    """Return the facts of all batches, or of the first so many. Raises `DeskDamaged`."""
    there = folder.numbers("batches")
    there = there if batches is None else there[:batches]
    facts = Facts(len(there), [], [], _no_aliases(), pl.DataFrame(schema=FACT))
    aliases, tables = [facts.aliases], [facts.table]
    for number in there:
        batch = msgspec.msgpack.decode(folder.read(numbered("batches", number)), type=Batch)
        facts.files += batch.files
        facts.owners += batch.owners
        aliases.append(_read(folder, "aliases", number))
        tables.append(_read(folder, "facts", number))
    facts.aliases, facts.table = pl.concat(aliases), pl.concat(tables)
    return facts


def _read(folder: Folder, kind: str, number: int) -> pl.DataFrame:
    return pl.read_parquet(io.BytesIO(folder.read(numbered(kind, number))))


def _no_aliases() -> pl.DataFrame:
    return pl.DataFrame(schema=_SCHEMA | {_FIRST_KEY: pl.UInt64, _SECOND_KEY: pl.UInt64})


class Gathering:
    """Collects the lists of one sync and writes them as one batch."""

    def __init__(self, folder: Folder, facts: Facts) -> None:
        """Go on from these facts."""
        self._folder = folder
        self._facts = facts
        self._owners = {name: code for code, name in enumerate(facts.owners)}
        self._known = len(facts.owners)
        self._files: list[TakenFile] = []
        self._frames: list[pl.DataFrame] = []

    def take(self, file: TakenFile, people: Sequence[pl.DataFrame], owner: str) -> None:
        """Take a file and the individuals in it. `owner`: whose data it is where the list does not say."""
        number = len(self._facts.files) + len(self._files)
        self._files.append(file)
        for frame in people:
            if frame.is_empty():
                continue
            whole = frame.select(
                *(
                    (pl.col(name) if name in frame.columns else pl.lit(None)).cast(kind).alias(name)
                    for name, kind in _SCHEMA.items()
                ),
                pl.col(MASK).cast(pl.UInt32),
            )
            whole = whole.with_columns(pl.col("owner").fill_null(owner or UNTOLD))
            self._frames.append(whole.with_columns(pl.lit(number, dtype=pl.UInt32).alias("file")))

    def write(self) -> Facts:
        """Write what was taken, and return all facts with it. Raises `TooManyAliases`."""
        before = self._facts
        rows = pl.concat(self._frames) if self._frames else pl.DataFrame(
            schema=_SCHEMA | {MASK: pl.UInt32, "file": pl.UInt32}
        )  # fmt: skip
        rows = _keyed(rows, self._folder.seed)
        new, ordinals = self._numbered(rows)
        for name in rows["owner"].unique(maintain_order=True).to_list():
            self._owners.setdefault(name, len(self._owners))
        table = _facts_of(rows, ordinals, self._owners)
        batch = Batch(
            files=tuple(self._files),
            owners=tuple(list(self._owners)[self._known :]),
            aliases=len(new),
            facts=len(table),
        )
        number = before.batches + 1
        self._folder.discard(numbered("aliases", number), numbered("facts", number))  # of a sync that was cut short
        self._folder.write(numbered("aliases", number), _parquet(new))
        self._folder.write(numbered("facts", number), _parquet(table))
        self._folder.write(numbered("batches", number), msgspec.msgpack.encode(batch))
        return Facts(
            batches=number,
            files=[*before.files, *batch.files],
            owners=[*before.owners, *batch.owners],
            aliases=pl.concat([before.aliases, new]),
            table=pl.concat([before.table, table]),
        )

    def _numbered(self, rows: pl.DataFrame) -> tuple[pl.DataFrame, Numbers]:
        """Return the aliases that are new, and the ordinal of every row's."""
        keys = [_FIRST_KEY, _SECOND_KEY]
        known = self._facts.aliases.select(keys)
        new = (
            rows.select(*PERSON, *keys).unique(keys, keep="first", maintain_order=True).join(known, on=keys, how="anti")
        )
        if len(known) + len(new) > ALIASES_MAX:
            raise TooManyAliases
        every = pl.concat([known, new.select(keys)]).with_row_index("alias")
        ordinals = rows.select(keys).join(every, on=keys, how="left", maintain_order="left")["alias"]
        return new, ordinals.to_numpy()


def _keyed(rows: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Add the two numbers by which an alias is known again: 128 bits, keyed, so that none can be made to collide."""
    scoped = pl.any_horizontal(pl.col(name).is_not_null() for name in SCOPED)
    told = [pl.col(name).cast(pl.String).str.to_lowercase().fill_null("\x01") for name in PERSON if name != "owner"]
    told.append(pl.when(scoped).then(pl.col("owner")).otherwise(pl.lit("\x01")))
    text = rows.select(pl.concat_str(told, separator="\x00").alias("text"))["text"]
    return rows.with_columns(text.hash(seed).alias(_FIRST_KEY), text.hash(seed ^ _SECOND_SEED).alias(_SECOND_KEY))


def _facts_of(rows: pl.DataFrame, ordinals: Numbers, owners: dict[str, int]) -> pl.DataFrame:
    states = rows["state"].fill_null(UNTOLD).replace_strict(_CODES, default=_CODES[ELSEWHERE], return_dtype=pl.UInt8)
    table = pl.DataFrame(
        {
            "file": rows["file"],
            "alias": pl.Series(ordinals, dtype=pl.UInt32),
            "owner": rows["owner"].replace_strict(owners, return_dtype=pl.UInt32),
            "state": states,
            "mask": rows[MASK],
        },
        schema=FACT,
    )
    together = table.group_by("file", "owner", "alias").agg(pl.col("state").last(), pl.col("mask").bitwise_or())
    return together.select(list(FACT)).sort("file", "owner", "alias")


def _parquet(frame: pl.DataFrame) -> bytes:
    written = io.BytesIO()
    frame.write_parquet(written, compression="zstd", compression_level=1, statistics=False)
    return written.getvalue()


def spans(table: pl.DataFrame) -> tuple[Numbers, Numbers, Numbers]:
    """Return where each run of one file and one owner begins in the table, whose file it is, and whose data."""
    files, owners = table["file"].to_numpy(), table["owner"].to_numpy()
    if not len(files):
        return np.zeros(1, dtype=np.int64), files, owners
    changes = np.flatnonzero((files[1:] != files[:-1]) | (owners[1:] != owners[:-1])) + 1
    begins = np.concatenate(([0], changes))
    return np.append(begins, len(files)), files[begins], owners[begins]
