"""From aliases to people: what was gathered alias by alias, brought together at the first alias of each person.

Most people are one alias, so what is done for a person costs only what their further aliases do; all else is done on
arrays as they lie. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from sealane.desk.runs import stretches

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    Numbers = npt.NDArray[Any]

_SHIFT = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)


@dataclass(frozen=True, slots=True)
class Folding:
    """How the aliases of one identity map come together."""

    roots: Numbers
    """For each alias the first alias of the same person."""
    firsts: Numbers
    """For each alias whether it is a person's first."""
    others: Numbers
    """All that are not, person by person."""
    begins: Numbers
    """Where each person begins in `others`."""
    whose: Numbers
    """The first alias of each of these people."""

    @classmethod
    def of(cls, roots: Numbers) -> Self:
        """Return how the aliases of a map come together."""
        firsts = roots == np.arange(len(roots), dtype=roots.dtype)
        others = np.flatnonzero(~firsts).astype(np.uint32)
        owners = roots[others]
        order = np.argsort(owners, kind="stable")
        others, owners = others[order], owners[order]
        begins = np.flatnonzero(np.concatenate(([True], owners[1:] != owners[:-1]))) if len(owners) else order
        return cls(roots, firsts, others, begins, owners[begins])

    def classes(self, gathered: Numbers | None) -> Numbers | None:
        """Bring the classes of all aliases together at each person's first, in place; 0 stays for the others."""
        if gathered is not None and len(self.others):
            gathered[self.whose] |= np.bitwise_or.reduceat(gathered[self.others], self.begins)
            gathered[self.others] = 0
        return gathered

    def latest(self, values: Numbers, ranks: Numbers) -> Numbers:
        """Put at each person's first alias the value of their alias of the highest rank; of equal ones, of the last."""
        if len(self.others):
            moments = (ranks[self.others].astype(np.uint64) << _SHIFT) | self.others
            last = np.maximum.reduceat(moments, self.begins)
            own = (ranks[self.whose].astype(np.uint64) << _SHIFT) | self.whose
            values[self.whose] = values[(np.maximum(last, own) & _LOW).astype(np.int64)]
        return values

    def mark(self, times: Numbers, aliases: Iterable[Numbers]) -> int:
        """Add one, at the first alias of each person who has one of these aliases; return how many people these are.

        `aliases`: pieces, each rising.
        """
        spans, rest = _apart(aliases)
        count = 0
        further: list[Numbers] = []
        for begin, end in spans:
            firsts = self.firsts[begin:end]
            times[begin:end] += firsts
            own = int(np.count_nonzero(firsts))
            count += own
            if own < end - begin:
                further.append(self.roots[begin:end][~firsts])
        firsts = self.firsts[rest]
        direct = rest[firsts]
        times[direct] += 1
        count += len(direct)
        people = np.unique(np.concatenate([*further, self.roots[rest[~firsts]]]))
        people = people[~_is_in(people, direct) & ~_within(people, spans)]
        times[people] += 1
        return count + len(people)


def _apart(aliases: Iterable[Numbers]) -> tuple[list[tuple[int, int]], Numbers]:
    """Return which aliases these are, each once: spans without a gap in order, and those that are in none of them."""
    found: list[tuple[int, int]] = []
    loose = [np.zeros(0, dtype=np.uint32)]
    for piece in aliases:
        long, others = stretches(piece)
        found += ((int(piece[begin]), int(piece[end - 1]) + 1) for begin, end in long)
        if others is not None:
            loose.append(piece[others])
    spans: list[tuple[int, int]] = []
    for begin, end in sorted(found):
        if spans and begin <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((begin, end))
    rest = np.unique(np.concatenate(loose))
    return spans, rest[~_within(rest, spans)]


def _within(values: Numbers, spans: list[tuple[int, int]]) -> Numbers:
    """Tell which values are in one of these spans, which are in order and apart."""
    if not spans:
        return np.zeros(len(values), dtype=bool)
    begins, ends = (np.array(side) for side in zip(*spans, strict=True))
    place = np.searchsorted(begins, values, side="right") - 1
    return (place >= 0) & (values < ends[place])


def _is_in(values: Numbers, ordered: Numbers) -> Numbers:
    """Tell which values are among others that rise."""
    if not len(ordered):
        return np.zeros(len(values), dtype=bool)
    place = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    return ordered[place] == values
