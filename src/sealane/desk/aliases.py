"""Tellings of individuals: kept sealed batch by batch, read when they are asked for, and then only what is asked.

An alias is one distinct telling (all that a people list says of somebody but the classes), numbered from 0 in the order
in which they came. Must stay true: a telling is known again by two keyed numbers of 64 bits, so that no list can be
written to collide; the same telling keeps its number.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from sealane.desk.failures import TooManyAliases
from sealane.desk.folder import numbered
from sealane.desk.identity.telling import SCOPED
from sealane.exposure.people.crowd import PERSON

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from sealane.desk.folder import Folder

    Numbers = npt.NDArray[Any]

ALIASES_MAX: Final = 2**32 - 1
KEY: Final = "key"
CHECK: Final = "check"
TOLD: Final = {name: pl.Date if name == "birth_date" else pl.String for name in PERSON}
_SCHEMA: Final = TOLD | {KEY: pl.UInt64, CHECK: pl.UInt64}
_SECOND_SEED: Final = 0x5EA1A9E


class Aliases:
    """All aliases of some batches. Each method reads the batches anew: nothing of them is held."""

    def __init__(self, folder: Folder, sizes: Sequence[int]) -> None:
        """Take how many aliases each batch brought."""
        self._folder = folder
        self._sizes = tuple(sizes)
        self._count = sum(sizes)

    def __len__(self) -> int:
        """Return how many there are."""
        return self._count

    def frames(self, *columns: str) -> Iterator[pl.DataFrame]:
        """Yield the aliases batch by batch: these columns, or all. Raises `DeskDamaged`."""
        for number, size in enumerate(self._sizes, start=1):
            if size:
                content = io.BytesIO(self._folder.read(numbered("aliases", number)))
                yield pl.read_parquet(content, columns=list(columns or _SCHEMA), use_statistics=False).select(
                    columns or list(_SCHEMA)
                )

    def whole(self, *columns: str) -> pl.DataFrame:
        """Return the aliases in one table: these columns, or all."""
        wanted = {name: _SCHEMA[name] for name in columns or _SCHEMA}
        return pl.concat([pl.DataFrame(schema=wanted), *self.frames(*columns)])

    def rows(self, aliases: Numbers, *columns: str) -> pl.DataFrame:
        """Return one row for each of these aliases, in their order."""
        wanted, places = np.unique(aliases, return_inverse=True)
        found = [pl.DataFrame(schema={name: _SCHEMA[name] for name in columns or _SCHEMA})]
        begin = 0
        for frame in self.frames(*columns):
            first, last = np.searchsorted(wanted, [begin, begin + len(frame)])
            found.append(frame[wanted[first:last].astype(np.int64) - begin])
            begin += len(frame)
        return pl.concat(found)[places]


def keyed(rows: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Add the two numbers by which an alias is known again: 128 bits, keyed, so that none can be made to collide."""
    scoped = pl.any_horizontal(pl.col(name).is_not_null() for name in SCOPED)
    nothing = pl.lit("\x01")
    told = [
        _plain(rows[name]).fill_null("\x01") if rows[name].null_count() < len(rows) else nothing
        for name in PERSON
        if name != "owner"
    ]
    told.append(pl.when(scoped).then(pl.col("owner")).otherwise(nothing))
    text = rows.select(pl.concat_str(told, separator="\x00").alias("text"))["text"]
    return rows.with_columns(text.hash(seed).alias(KEY), text.hash(seed ^ _SECOND_SEED).alias(CHECK))


def _plain(column: pl.Series) -> pl.Series:
    """Return a column as text in lower case. Most dates come again and again: each is written once."""
    if column.dtype != pl.Date:
        return column.cast(pl.String).str.to_lowercase()
    days = column.to_physical()
    first, last = (int(value) if isinstance(value, int) else 0 for value in (days.min(), days.max()))
    if last - first >= len(column):
        return column.cast(pl.String)
    every = pl.Series(np.arange(first, last + 1, dtype=np.int32)).cast(pl.Date).cast(pl.String)
    return every.gather((days - first).cast(pl.UInt32))


class Known:
    """Which alias has which key: sorted runs, each more than twice as large as the next, so that adding stays cheap."""

    def __init__(self) -> None:
        """Nobody is known."""
        self.count = 0
        self._runs: list[tuple[Numbers, Numbers, Numbers]] = []

    def learn(self, keys: Numbers, checks: Numbers) -> None:
        """Give these the next numbers, in order: none of them is known, and none is there twice."""
        if self.count + len(keys) > ALIASES_MAX:
            raise TooManyAliases
        run = keys, checks, np.arange(self.count, self.count + len(keys), dtype=np.uint32)
        self.count += len(keys)
        while True:
            order = np.argsort(run[0])
            run = run[0][order], run[1][order], run[2][order]
            if not self._runs or len(self._runs[-1][0]) > 2 * len(run[0]):
                break
            run = tuple(np.concatenate(both) for both in zip(self._runs.pop(), run, strict=True))
        self._runs.append(run)

    def number(self, keys: Numbers, checks: Numbers) -> tuple[Numbers, Numbers]:
        """Return the alias of each of these, and the places of those that were new, each once and in order.

        Raises `TooManyAliases`.
        """
        found = self._found(keys, checks)
        places = np.flatnonzero(found < 0)
        if not len(places):
            return found, places
        order = _in_order(keys, checks, places)
        first = np.concatenate(
            ([True], (keys[order][1:] != keys[order][:-1]) | (checks[order][1:] != checks[order][:-1]))
        )
        new = np.sort(order[first])
        numbers = np.searchsorted(new, order[first]) + self.count
        found[order] = numbers[np.cumsum(first) - 1]
        self.learn(keys[new], checks[new])
        return found, new

    def _found(self, keys: Numbers, checks: Numbers) -> Numbers:
        order = np.argsort(keys)  # whoever looks in order looks at neighbours
        keys, checks = keys[order], checks[order]
        found = np.full(len(keys), -1, dtype=np.int64)
        for known, known_checks, numbers in self._runs:
            rows = np.flatnonzero(found < 0)
            places = np.searchsorted(known, keys[rows])
            while len(rows):
                there = places < len(known)
                rows, places = rows[there], places[there]
                same = known[places] == keys[rows]
                rows, places = rows[same], places[same]
                hit = known_checks[places] == checks[rows]
                found[rows[hit]] = numbers[places[hit]]
                rows, places = rows[~hit], places[~hit] + 1
        placed = np.empty_like(found)
        placed[order] = found
        return placed


def _in_order(keys: Numbers, checks: Numbers, places: Numbers) -> Numbers:
    """Return these places in order of key and check, and where both are equal of place."""
    order = places[np.argsort(keys[places], kind="stable")]
    doubled = keys[order][1:] == keys[order][:-1]
    if (checks[order][1:] != checks[order][:-1])[doubled].any():  # hardly ever: a key of 64 bits by chance
        return places[np.lexsort((checks[places], keys[places]))]
    return order
