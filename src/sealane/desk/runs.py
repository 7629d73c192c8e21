"""Facts in memory: alias, classes and state of each, and file and data owner as runs, of which there are few.

Nine bytes a fact, however many files and owners there are. Within a run (one file, one owner) aliases rise; most of
them follow each other without a gap, since a list's people are numbered as they come, so most work on a run is work on
a slice (`stretches`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    Numbers = npt.NDArray[Any]

FACT: Final = {"file": pl.UInt32, "alias": pl.UInt32, "owner": pl.UInt32, "state": pl.UInt8, "mask": pl.UInt32}
_STRETCH_LEAST: Final = 256
"""Aliases without a gap that are worth a slice of their own."""


@dataclass(frozen=True, slots=True)
class Runs:
    """All facts, sorted by file, owner and alias."""

    begins: Numbers
    """Where each run begins; one more than there are runs: the last is the end."""
    files: Numbers
    """Of each run."""
    owners: Numbers
    aliases: Numbers
    """Of each fact."""
    masks: Numbers
    states: Numbers

    def __len__(self) -> int:
        """Return how many facts these are."""
        return len(self.aliases)

    def chosen(self, files: Numbers) -> Numbers:
        """Return the runs of these files, in order."""
        return np.flatnonzero(np.isin(self.files, files))

    def span(self, run: int) -> tuple[int, int]:
        """Return where a run begins and ends."""
        return int(self.begins[run]), int(self.begins[run + 1])

    def table(self, runs: Numbers | None = None) -> pl.DataFrame:
        """Return the facts of some runs, or all of them, as a table of the columns of `FACT`."""
        runs = np.arange(len(self.files)) if runs is None else runs
        sizes = self.begins[runs + 1] - self.begins[runs]
        whole = len(runs) == len(self.files)
        places = slice(None) if whole else np.repeat(self.begins[runs], sizes) + _within(sizes)
        return pl.DataFrame(
            {
                "file": np.repeat(self.files[runs], sizes),
                "alias": self.aliases[places],
                "owner": np.repeat(self.owners[runs], sizes),
                "state": self.states[places],
                "mask": self.masks[places],
            },
            schema=FACT,
        )

    def of_aliases(self, wanted: Numbers) -> pl.DataFrame:
        """Return the facts of some aliases as a table. `wanted`: for each alias whether it is one."""
        places = np.flatnonzero(wanted[self.aliases])
        runs = np.searchsorted(self.begins, places, side="right") - 1
        return pl.DataFrame(
            {
                "file": self.files[runs],
                "alias": self.aliases[places],
                "owner": self.owners[runs],
                "state": self.states[places],
                "mask": self.masks[places],
            },
            schema=FACT,
        )


def _within(sizes: Numbers) -> Numbers:
    """Return 0, 1, … for each of some sizes, one after the other."""
    return np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)


class Filling:
    """Makes `Runs` of so many facts, piece by piece, without holding any twice."""

    def __init__(self, count: int) -> None:
        """Nothing is in them yet."""
        self._aliases = np.empty(count, dtype=np.uint32)
        self._masks = np.empty(count, dtype=np.uint32)
        self._states = np.empty(count, dtype=np.uint8)
        self._begins: list[Numbers] = []
        self._files: list[Numbers] = []
        self._owners: list[Numbers] = []
        self._there = 0

    def take(self, columns: Mapping[str, Numbers]) -> Self:
        """Take the next facts: columns of `FACT` of one length, sorted as all of them are. A run ends with them."""
        files, owners = columns["file"], columns["owner"]
        count = len(files)
        if not count:
            return self
        begin, end = self._there, self._there + count
        self._aliases[begin:end], self._masks[begin:end] = columns["alias"], columns["mask"]
        self._states[begin:end] = columns["state"]
        starts = np.flatnonzero((files[1:] != files[:-1]) | (owners[1:] != owners[:-1])) + 1
        starts = np.concatenate((np.zeros(1, dtype=starts.dtype), starts))
        self._begins.append(starts + begin)
        self._files.append(files[starts])
        self._owners.append(owners[starts])
        self._there = end
        return self

    def runs(self) -> Runs:
        """Return all of them."""
        assert self._there == len(self._aliases), "as many were taken as were told"
        nothing = np.zeros(0, dtype=np.uint32)
        return Runs(
            np.concatenate([*self._begins, np.array([self._there])]).astype(np.int64),
            np.concatenate([nothing, *self._files]).astype(np.uint32, copy=False),
            np.concatenate([nothing, *self._owners]).astype(np.uint32, copy=False),
            self._aliases,
            self._masks,
            self._states,
        )


def stretches(aliases: Numbers) -> tuple[list[tuple[int, int]], Numbers | None]:
    """Split rising aliases into the long stretches without a gap (begin, end) and the places of all others.

    None: there are no others.
    """
    count = len(aliases)
    if not count or int(aliases[-1]) - int(aliases[0]) == count - 1:
        return ([(0, count)] if count else []), None
    if count < _STRETCH_LEAST:
        return [], np.arange(count)
    edges = np.flatnonzero(aliases[1:] != aliases[:-1] + np.uint32(1)) + 1
    begins = np.concatenate((np.zeros(1, dtype=edges.dtype), edges))
    ends = np.append(edges, count)
    long = ends - begins >= _STRETCH_LEAST
    if not long.any():
        return [], np.arange(count)
    others = np.flatnonzero(np.repeat(~long, ends - begins))
    return list(zip(begins[long].tolist(), ends[long].tolist(), strict=True)), others if len(others) else None


def slices(aliases: Numbers) -> Iterator[tuple[slice | Numbers, slice | Numbers]]:
    """Yield parts of rising aliases: where they stand, and which they are, as slices where there are no gaps."""
    long, others = stretches(aliases)
    for begin, end in long:
        first = int(aliases[begin])
        yield slice(begin, end), slice(first, first + end - begin)
    if others is not None and len(others) == len(aliases):
        yield slice(None), aliases
    elif others is not None:
        yield others, aliases[others]
