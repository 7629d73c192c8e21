"""All mentions of one file, joined into individuals: counted, and listed where the list is wanted.

Of each mention a few numbers are kept as they are (its hints, its classes, its state), and all it says in compressed
blocks; nothing else grows with the file. Only mentions that share a hint with another are compared at all.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from sealane.exposure.model import BIT, UNTOLD, DataClass, PartUnreadable, Why
from sealane.exposure.people.alike import MASK, REPEATING, alike
from sealane.exposure.people.blocks import Blocks, frame_of
from sealane.exposure.people.coded import coded, numbers, told
from sealane.exposure.people.hints import hints_of, sharing
from sealane.exposure.people.keys import keys_of
from sealane.exposure.people.linking import individuals
from sealane.exposure.people.mentions import FIELDS, IDENTIFIERS
from sealane.exposure.people.places import ELSEWHERE, STATES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    import numpy.typing as npt
    import pyarrow as pa

    from sealane.exposure.people.alike import Alike
    from sealane.exposure.people.coded import Column

    Numbers = npt.NDArray[Any]

_REGIONS: Final = (UNTOLD, ELSEWHERE, *sorted(STATES))
_REGION_CODES: Final = {name: code for code, name in enumerate(_REGIONS)}
_SOMEBODY: Final = ("given", "family", *IDENTIFIERS, "email", "phone", "reference", "line")
"""A mention that has none of these is of nobody."""
_OWNERS_MAX: Final = 60_000
_KEYED_AT_ONCE: Final = 100_000
_PASS_MENTIONS: Final = 500_000
"""Mentions of individuals with several of them that are merged at once for the list."""
PERSON: Final = (
    "given",
    "family",
    "suffix",
    "birth_date",
    *IDENTIFIERS,
    "phone",
    "email",
    "line",
    "city",
    "state",
    "zip",
    "owner",
)
"""Columns of an individual in the list, beside `mask`."""
INDIVIDUAL: Final = "individual"
"""A number that rows of one individual have in common, where they are several data owners'."""
_TOLD: Final = (*PERSON, MASK)
_NUMBERS: Final = ("ssn", "itin")
_DIGITS: Final = 9
_PLACE: Final = ("line", "city", "state", "zip")
_NAME: Final = ("given", "family", "suffix")


@dataclass(frozen=True, slots=True)
class Count:
    """How many individuals, each counted once in whatever they are counted by."""

    people: int
    classes: dict[str, int]
    states: dict[str, int]
    owners: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Joined:
    """Who of a file's mentions is whom."""

    together: Numbers
    """The mentions of individuals with several of them, in order."""
    first: Numbers
    """For each of those the first mention of the same individual."""
    classes: Numbers
    """For each of those the classes that it tells by itself."""
    alone: Numbers
    """For every mention of the file whether it is its individual's only one."""
    masks: Numbers
    """For every mention its classes; at an individual's first mention those of all of theirs."""
    states: Numbers
    """For every mention its state; at an individual's first mention the last one told."""


class Crowd:
    """The individuals of one file. Take mentions with `add`, then ask `count` and `people`."""

    def __init__(self, *, today: date, seed: int, listed: bool, mentions_max: int, by_value: bool = True) -> None:
        """Nobody is in it yet. `listed`: whether `people` will be asked for. `by_value`: see `alike`."""
        self._today = today
        self._seed = seed
        self._listed = listed
        self._mentions_max = mentions_max
        self._by_value = by_value
        self._blocks = Blocks()
        self._hints: list[dict[str, Numbers]] = []
        self._sizes: list[int] = []
        self._masks: list[Numbers] = []
        self._states: list[Numbers] = []
        self._owner_codes: dict[int, Numbers] = {}
        self._owners: dict[str, int] = {UNTOLD: 0}
        self._joined: _Joined | None = None

    def add(self, mentions: pl.DataFrame, *, day_first: bool | None = None) -> None:
        """Take mentions as a reader wrote them (see `Batch`). Raises `PartUnreadable` (too large) past the limit."""
        assert self._joined is None, "who is counted is counted once"
        made = alike(mentions, today=self._today, day_first=day_first, by_value=self._by_value)
        made = _of_somebody(made)
        if not len(made):
            return
        if len(self._blocks) + len(made) > self._mentions_max:
            raise PartUnreadable(Why.TOO_LARGE)
        self._hints.append(hints_of(made.columns, len(made), self._seed))
        self._sizes.append(len(made))
        self._masks.append(made.mask)
        self._states.append(_regions(made))
        if "owner" in made.columns:
            self._owner_codes[len(self._sizes) - 1] = numbers(made.columns["owner"], self._owner_codes_of)
        self._blocks.add(made)

    def count(self) -> Count:
        """Join the mentions and count individuals."""
        joined = self._linked()
        persons = joined.alone.copy()
        persons[joined.first] = True
        masks = zip(*(each.tolist() for each in np.unique(joined.masks[persons], return_counts=True)), strict=True)
        classes: Counter[DataClass] = Counter()
        for mask, number in masks:
            classes.update({kind: number for kind in DataClass if mask & BIT[kind]})
        regions = np.bincount(joined.states[persons], minlength=len(_REGIONS))
        return Count(
            people=int(np.count_nonzero(persons)),
            classes={kind.value: classes[kind] for kind in DataClass if classes[kind]},
            states={name: int(regions[code]) for name, code in sorted(_REGION_CODES.items()) if regions[code]},
            owners=self._by_owner(joined),
        )

    def people(self) -> People:
        """Return the individuals. Only where the list was wanted."""
        assert self._listed, "the list was wanted from the beginning"
        return People(self._linked(), self._blocks)

    def _linked(self) -> _Joined:
        if self._joined is None:
            rows = np.flatnonzero(sharing(self._hints, self._sizes))
            roots = self._individuals(rows) if len(rows) else rows
            several = np.bincount(roots, minlength=len(rows))[roots] > 1
            together, first = rows[several], rows[roots[several]]
            masks, states = _whole(self._masks, np.uint32), _whole(self._states, np.uint8)
            self._masks.clear()
            self._states.clear()
            alone = np.ones(len(self._blocks), dtype=bool)
            alone[together] = False
            classes = masks[together]
            np.bitwise_or.at(masks, first, masks[together])
            told_states = states[together]
            states[first[told_states != 0]] = told_states[told_states != 0]
            self._joined = _Joined(together, first, classes, alone, masks, states)
        return self._joined

    def _individuals(self, rows: Numbers) -> Numbers:
        """Return for each of some mentions the place of the first that is of the same individual."""
        wanted = np.zeros(len(self._blocks), dtype=bool)
        wanted[rows] = True
        pieces: list[tuple[dict[str, Numbers], int]] = []
        waiting: list[pl.DataFrame] = []
        for frame, _ in self._blocks.frames(wanted, FIELDS):
            waiting.append(frame)
            if sum(map(len, waiting)) >= _KEYED_AT_ONCE:
                pieces.append(self._keyed(waiting))
        pieces.append(self._keyed(waiting))
        kinds = {name: key.dtype for keys, _ in pieces for name, key in keys.items()}
        keys = {
            name: np.concatenate([keys.pop(name, np.zeros(size, dtype=kind)) for keys, size in pieces])
            for name, kind in kinds.items()
        }
        return individuals(keys, len(rows))

    def _keyed(self, waiting: list[pl.DataFrame]) -> tuple[dict[str, Numbers], int]:
        """Return the keys of some frames, and empty their list."""
        if not waiting:
            return {}, 0
        frame = pl.concat(waiting, how="diagonal")
        waiting.clear()
        told: dict[str, Column] = {
            column.name: coded(column) if self._by_value and column.name in REPEATING else column
            for column in frame.iter_columns()
            if column.null_count() < len(column)
        }
        return keys_of(told, self._seed), len(frame)

    def _owner_codes_of(self, owners: pl.Series) -> Numbers:
        owners = owners.fill_null(UNTOLD)
        for name in owners.unique(maintain_order=True).to_list():
            if name not in self._owners and len(self._owners) < _OWNERS_MAX:
                self._owners[name] = len(self._owners)
        return owners.replace_strict(self._owners, default=0, return_dtype=pl.UInt16).to_numpy()

    def _by_owner(self, joined: _Joined) -> dict[str, int]:
        if not self._owner_codes:
            people = np.count_nonzero(joined.alone) + len(np.unique(joined.first))
            return {UNTOLD: int(people)} if people else {}
        count = len(self._owners)
        nobody = np.uint16(0)
        codes = _whole(
            [self._owner_codes.get(n, np.full(size, nobody)) for n, size in enumerate(self._sizes)], np.uint16
        )
        counted = np.bincount(codes[joined.alone], minlength=count)
        pairs = np.unique(joined.first * count + codes[joined.together])
        persons, owners = pairs // count, pairs % count
        # Who has an owner in one place is not also somebody of nobody.
        owned = np.unique(persons[owners != 0])
        counted += np.bincount(owners[(owners != 0) | ~np.isin(persons, owned)], minlength=count)
        return {name: int(counted[code]) for name, code in self._owners.items() if counted[code]}


class People:
    """The individuals of a file, in pieces: frames of columns of `PERSON` that are known, and `mask`.

    One row an individual; who is of several data owners has a row for each, with what that owner's mentions tell
    alone, and `INDIVIDUAL` in common.
    """

    def __init__(self, joined: _Joined, blocks: Blocks) -> None:
        """Take who is whom."""
        self._joined = joined
        self._blocks = blocks

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """Yield the individuals as frames, numbers written out."""
        for table in self.tables():
            frame = frame_of(table)
            written = [name for name in _NUMBERS if name in frame.columns]
            yield frame.with_columns(pl.col(written).cast(pl.String).str.zfill(_DIGITS))

    def tables(self) -> Iterator[pa.Table]:
        """Yield the individuals as tables, numbers as numbers and text of few values as it is kept."""
        joined = self._joined
        yield from (table for table, _ in self._blocks.tables(joined.alone, _TOLD))
        order = np.argsort(joined.first, kind="stable")
        ends = np.flatnonzero(np.diff(joined.first[order])) + 1
        begin = 0
        while begin < len(order):
            later = ends[np.searchsorted(ends, begin + _PASS_MENTIONS) :]
            end = int(later[0]) if len(later) else len(order)
            yield from self._merged(np.sort(order[begin:end]))
            begin = end

    def _merged(self, places: Numbers) -> Iterator[pa.Table]:
        """Yield the individuals whose mentions stand at these places of `together`."""
        joined = self._joined
        chosen = np.zeros(len(self._blocks), dtype=bool)
        chosen[joined.together[places]] = True
        frame = pl.concat([frame for frame, _ in self._blocks.frames(chosen, _TOLD)], how="diagonal")
        frame = frame.with_columns(
            pl.Series("first", joined.first[places]), pl.Series(MASK, joined.classes[places], dtype=pl.UInt32)
        )
        merged = frame.group_by("first", maintain_order=True).agg(_as_one(frame.columns))
        firsts = merged["first"].to_numpy()
        states = pl.Series(np.array(_REGIONS, dtype=object)[joined.states[firsts]].tolist(), dtype=pl.String)
        merged = merged.with_columns(
            pl.Series(MASK, joined.masks[firsts], dtype=pl.UInt32), states.set(states == UNTOLD, None).alias("state")
        )
        if "owner" in frame.columns:
            merged = _each_owner(merged, frame)
        yield merged.drop("first").to_arrow()


def _as_one(columns: list[str]) -> list[pl.Expr]:
    """Return what several mentions of one individual come to: the first name told, the last address, any number."""
    told = [
        pl.col(name).drop_nulls().first() for name in columns if name not in (*_PLACE, *_NAME, MASK, "first", "owner")
    ]
    for group, last in ((_PLACE, True), (_NAME, False)):
        there = [name for name in group if name in columns]
        if there:
            some = pl.any_horizontal(pl.col(name).is_not_null() for name in there)
            picked = (pl.col(name).filter(some) for name in there)
            told += [column.last() if last else column.first() for column in picked]
    owner = [pl.col("owner").drop_nulls().first()] if "owner" in columns else []
    return [*told, *owner, pl.col(MASK).bitwise_or()]


def _each_owner(merged: pl.DataFrame, mentions: pl.DataFrame) -> pl.DataFrame:
    """Give individuals of several data owners a row for each, with what that owner's mentions tell and no other's.

    What mentions tell that name no owner stands in all of those rows. `INDIVIDUAL` says which rows are one individual.
    """
    owned = mentions.drop_nulls("owner").select("first", "owner").unique(maintain_order=True)
    several = owned.filter(pl.len().over("first") > 1)
    if several.is_empty():
        return merged
    concerned = pl.col("first").is_in(several["first"].unique().implode())
    ordered = mentions.with_row_index("place").filter(concerned)
    nobodys = ordered.filter(pl.col("owner").is_null()).drop("owner").join(several, on="first")
    told = pl.concat([ordered.drop_nulls("owner"), nobodys.select(ordered.columns)]).sort("place")
    parts = [one for one in _as_one(mentions.columns) if one.meta.output_name() not in {"owner", "state"}]
    state = (
        [pl.col("state").drop_nulls().last()]
        if "state" in mentions.columns
        else [pl.lit(None, pl.String).alias("state")]
    )
    each = told.group_by("first", "owner", maintain_order=True).agg(*parts, *state)
    each = each.with_columns(pl.col("first").cast(pl.UInt32).alias(INDIVIDUAL))
    return pl.concat([merged.filter(~concerned), each.select(*merged.columns, INDIVIDUAL)], how="diagonal")


def _whole(pieces: list[Numbers], kind: type[np.generic]) -> Numbers:
    return np.concatenate(pieces) if pieces else np.zeros(0, dtype=kind)


def _of_somebody(made: Alike) -> Alike:
    """Return mentions without those that are of nobody."""
    known = np.zeros(len(made), dtype=bool)
    for name in _SOMEBODY:
        if name in made.columns and not known.all():
            known |= told(made.columns[name])
    return made if known.all() else made.chosen(np.flatnonzero(known))


def _regions(made: Alike) -> Numbers:
    if "state" not in made.columns:
        return np.zeros(len(made), dtype=np.uint8)
    return numbers(
        made.columns["state"],
        lambda states: np.array([_REGION_CODES.get(state, 0) for state in states.to_list()], dtype=np.uint8),
    )
