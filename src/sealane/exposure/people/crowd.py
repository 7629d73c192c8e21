"""All mentions of one file, joined into individuals: counted, and listed where the list is wanted.

Mentions are kept as columns of numbers (what they are compared by, some 40 bytes each), and, where the list is wanted,
as compressed frames; nothing else grows with the file.
"""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from sealane.exposure.model import BIT, UNTOLD, DataClass, PartUnreadable, Why
from sealane.exposure.people.alike import MASK, alike
from sealane.exposure.people.keys import keys_of
from sealane.exposure.people.linking import individuals
from sealane.exposure.people.mentions import IDENTIFIERS
from sealane.exposure.people.places import ELSEWHERE, STATES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    import numpy.typing as npt

    Numbers = npt.NDArray[Any]

_REGIONS: Final = (UNTOLD, ELSEWHERE, *sorted(STATES))
_REGION_CODES: Final = {name: code for code, name in enumerate(_REGIONS)}
_SOMEBODY: Final = ("given", "family", *IDENTIFIERS, "email", "phone", "reference", "line")
"""A mention that has none of these is of nobody."""
_OWNERS_MAX: Final = 60_000
_PASS_MENTIONS: Final = 2_000_000
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
_PLACE: Final = ("line", "city", "state", "zip")
_NAME: Final = ("given", "family", "suffix")


@dataclass(frozen=True, slots=True)
class Count:
    """How many individuals, each counted once in whatever they are counted by."""

    people: int
    classes: dict[str, int]
    states: dict[str, int]
    owners: dict[str, int]


class Crowd:
    """The individuals of one file. Take mentions with `add`, then ask `count` and `people`."""

    def __init__(self, *, today: date, seed: int, listed: bool, mentions_max: int) -> None:
        """Nobody is in it yet. `listed`: whether `people` will be asked for."""
        self._today = today
        self._seed = seed
        self._listed = listed
        self._mentions_max = mentions_max
        self._keys: list[dict[str, Numbers]] = []
        self._sizes: list[int] = []
        self._masks: list[Numbers] = []
        self._states: list[Numbers] = []
        self._owner_codes: list[Numbers] = []
        self._owners: dict[str, int] = {UNTOLD: 0}
        self._frames: list[bytes] = []
        self._roots: Numbers | None = None

    def add(self, mentions: pl.DataFrame, *, day_first: bool | None = None, trimmed: bool = False) -> None:
        """Take mentions as a reader wrote them (see `Batch`). Raises `PartUnreadable` (too large) past the limit."""
        assert self._roots is None, "who is counted is counted once"
        frame = alike(mentions, today=self._today, day_first=day_first, trimmed=trimmed)
        known = [pl.col(name).is_not_null() for name in _SOMEBODY if name in frame.columns]
        if not known or frame.is_empty():
            return
        frame = frame.filter(pl.any_horizontal(known))
        if frame.is_empty():
            return
        if sum(self._sizes) + len(frame) > self._mentions_max:
            raise PartUnreadable(Why.TOO_LARGE)
        self._keys.append(keys_of(frame, self._seed))
        self._sizes.append(len(frame))
        self._masks.append(frame[MASK].to_numpy())
        self._states.append(_regions(frame))
        self._owner_codes.append(self._owned(frame))
        if self._listed:
            kept = io.BytesIO()
            frame.select(MASK, *(name for name in PERSON if name in frame.columns)).write_ipc(kept, compression="zstd")
            self._frames.append(kept.getvalue())

    def count(self) -> Count:
        """Join the mentions and count individuals."""
        roots = self._linked()
        persons = np.flatnonzero(roots == np.arange(len(roots)))
        masks = self._united(roots)[persons]
        states = self._latest(roots)[persons]
        regions = np.bincount(states, minlength=len(_REGIONS))
        return Count(
            people=len(persons),
            classes={kind.value: n for kind in DataClass if (n := int(np.count_nonzero(masks & BIT[kind])))},
            states={name: int(regions[code]) for name, code in sorted(_REGION_CODES.items()) if regions[code]},
            owners=self._by_owner(roots),
        )

    def people(self) -> Iterator[pl.DataFrame]:
        """Yield the individuals: columns of `PERSON` that are known, and `mask`. Only where the list was wanted."""
        assert self._listed, "the list was wanted from the beginning"
        roots = self._linked()
        masks, states = self._united(roots), self._latest(roots)
        several = np.bincount(roots, minlength=len(roots)) > 1 if len(roots) else np.zeros(0, dtype=bool)
        together = several[roots] if len(roots) else several
        yield from (self._told(frame, rows, masks, states) for frame, rows in self._chosen(~together))
        passes = -(-int(together.sum()) // _PASS_MENTIONS)
        for number in range(passes):
            chosen = together & (roots % passes == number)
            yield from self._merged(chosen, roots, masks, states)

    def _merged(self, chosen: Numbers, roots: Numbers, masks: Numbers, states: Numbers) -> Iterator[pl.DataFrame]:
        pieces = [frame.with_columns(pl.Series("root", roots[rows])) for frame, rows in self._chosen(chosen)]
        if not pieces:
            return
        frame = pl.concat(pieces, how="diagonal")
        told = [pl.col(name).drop_nulls().first() for name in frame.columns if name not in (*_PLACE, *_NAME, "root")]
        for group, last in ((_PLACE, True), (_NAME, False)):
            there = [name for name in group if name in frame.columns]
            if there:
                some = pl.any_horizontal(pl.col(name).is_not_null() for name in there)
                picked = (pl.col(name).filter(some) for name in there)
                told += [column.last() if last else column.first() for column in picked]
        merged = frame.group_by("root", maintain_order=True).agg(told)
        yield self._told(merged.drop("root"), merged["root"].to_numpy(), masks, states)

    def _told(self, frame: pl.DataFrame, rows: Numbers, masks: Numbers, states: Numbers) -> pl.DataFrame:
        names = pl.Series("state", np.array(_REGIONS)[states[rows]].tolist(), dtype=pl.String)
        return frame.with_columns(names.set(names == UNTOLD, None), pl.Series(MASK, masks[rows], dtype=pl.UInt32))

    def _chosen(self, wanted: Numbers) -> Iterator[tuple[pl.DataFrame, Numbers]]:
        begin = 0
        for kept, size in zip(self._frames, self._sizes, strict=True):
            rows = np.flatnonzero(wanted[begin : begin + size])
            if len(rows):
                frame = pl.read_ipc(io.BytesIO(kept))
                yield frame if len(rows) == size else frame[rows], rows + begin
            begin += size

    def _linked(self) -> Numbers:
        if self._roots is None:
            names = sorted({name for keys in self._keys for name in keys})
            self._roots = individuals({name: self._column(name) for name in names}, sum(self._sizes))
            self._keys.clear()
        return self._roots

    def _column(self, name: str) -> Numbers:
        kind = next(keys[name].dtype for keys in self._keys if name in keys)
        whole = np.zeros(sum(self._sizes), dtype=kind)
        begin = 0
        for keys, size in zip(self._keys, self._sizes, strict=True):
            if name in keys:
                whole[begin : begin + size] = keys.pop(name)
            begin += size
        return whole

    def _united(self, roots: Numbers) -> Numbers:
        """Return the classes of each individual at the place of their first mention."""
        masks = np.concatenate(self._masks) if self._masks else np.zeros(0, dtype=np.uint32)
        others = np.flatnonzero(roots != np.arange(len(roots)))
        united = masks.copy()
        np.bitwise_or.at(united, roots[others], masks[others])
        return united

    def _latest(self, roots: Numbers) -> Numbers:
        """Return the state of each individual: of the last mention that tells one."""
        states = np.concatenate(self._states) if self._states else np.zeros(0, dtype=np.uint8)
        latest = np.zeros(len(roots), dtype=np.uint8)
        told = np.flatnonzero(states)
        latest[roots[told]] = states[told]
        return latest

    def _owned(self, frame: pl.DataFrame) -> Numbers:
        if "owner" not in frame.columns:
            return np.zeros(len(frame), dtype=np.uint16)
        owners = frame["owner"].fill_null(UNTOLD)
        for name in owners.unique(maintain_order=True).to_list():
            if name not in self._owners and len(self._owners) < _OWNERS_MAX:
                self._owners[name] = len(self._owners)
        return owners.replace_strict(self._owners, default=0, return_dtype=pl.UInt16).to_numpy()

    def _by_owner(self, roots: Numbers) -> dict[str, int]:
        if not len(roots):
            return {}
        codes = np.concatenate(self._owner_codes).astype(np.int64)
        if len(self._owners) == 1:
            return {UNTOLD: int(np.count_nonzero(roots == np.arange(len(roots))))}
        pairs = np.unique(roots * len(self._owners) + codes)
        persons, owners = pairs // len(self._owners), pairs % len(self._owners)
        # Who has an owner in one place is not also somebody of nobody.
        owned = np.unique(persons[owners != 0])
        keep = (owners != 0) | ~np.isin(persons, owned)
        found = Counter(owners[keep].tolist())
        return {name: found[code] for name, code in self._owners.items() if found[code]}


def _regions(frame: pl.DataFrame) -> Numbers:
    if "state" not in frame.columns:
        return np.zeros(len(frame), dtype=np.uint8)
    codes = frame["state"].fill_null(UNTOLD).replace_strict(_REGION_CODES, default=0, return_dtype=pl.UInt8)
    return codes.to_numpy()
