"""From pairs to people: for every alias the first alias of the same person, under one policy.

What two aliases say directly is not all: through a third that tells little, a father and a son could become one.
So where all that is joined to one person holds a contradiction, that person is joined anew, the strongest rule first,
and whatever would bring the contradiction together is left apart. Must stay true: the same aliases in the same order
give the same map, to the bit; the loose map joins all that the strict one joins.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sealane.desk.ahead import each_ahead
from sealane.desk.identity import blocks, policies
from sealane.desk.identity.candidates import candidates, mark_numbers_of_many, quarantine
from sealane.desk.identity.compared import compared
from sealane.desk.identity.hashes import among
from sealane.desk.identity.pairs import DIFFER, compare, may_contradict

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt
    import polars as pl

    from sealane.desk.identity.compared import Compared
    from sealane.desk.identity.pairs import Pairs

    Numbers = npt.NDArray[Any]

_ALONE: Final = ("ssn", "medicare_id", "itin", "passport")
"""Numbers that speak for an alias without a name."""
_TIED: Final = 1
"""What a list says of its own rows stands with the strongest rule, and below every veto."""
_LOOKED_AT: Final = 2
"""Of two, the pair itself was looked at."""
_PAIRS_AT_ONCE: Final = 2_000_000
_JUDGED_AT_ONCE: Final = 500_000
_PARENTS_AT_ONCE: Final = 1 << 22
_MEMBERS_MAX: Final = 400
"""Aliases of one person in whom contradictions are looked for pair by pair; more are joined by the strongest rule."""


@dataclass(frozen=True, slots=True)
class Linked:
    """The two maps, and what was noticed on the way."""

    strict: Numbers
    """For each alias the lowest alias of the same person."""
    loose: Numbers
    quarantined: dict[str, int] = field(default_factory=dict)
    """Values by property that too many people share to name one."""
    vetoed: int = 0
    """Joins that were refused because of a contradiction."""


def link(aliases: pl.DataFrame | Iterable[pl.DataFrame], seed: int, ties: Numbers | None = None) -> Linked:
    """Join aliases (columns of a people list, one row an alias) under both policies.

    `ties`: pairs of aliases of which a list says that they are one individual, the lower one first.
    """
    told = compared(aliases, seed)
    quarantined = quarantine(told)
    ties = np.zeros((0, 2), dtype=np.int64) if ties is None else ties.astype(np.int64)
    looked_at = candidates(told, ties)
    mark_numbers_of_many(told, looked_at)
    seen = _judged(told, looked_at, np.unique(blocks.codes(ties[:, 0], ties[:, 1])))
    del looked_at
    strict, refused = _joined(told, seen)
    _join_nameless(told, strict)
    loose = strict.copy()
    union(loose, seen.first[seen.wider], seen.second[seen.wider])
    return Linked(strict, loose, quarantined, int(np.count_nonzero(seen.veto & (seen.ranks > 0))) + refused)


@dataclass(frozen=True, slots=True)
class _Judged:
    """The pairs that a rule joins, in order."""

    first: Numbers
    second: Numbers
    ranks: Numbers
    """The number of the strongest strict rule, from 1 on; 0 where none does."""
    veto: Numbers
    """Whether they contradict each other."""
    wider: Numbers
    """Whether a loose rule joins them, and no veto forbids it."""


def _judged(told: Compared, looked_at: Numbers, ties: Numbers) -> _Judged:
    """Compare all these pairs, so many at a time, and keep those that a rule joins."""

    def judged(begin: int) -> tuple[Numbers, ...]:
        pairs = looked_at[begin : begin + _JUDGED_AT_ONCE]
        first, second = blocks.sides(pairs)
        seen = compare(told, first, second)
        ranks, veto = _ranks(seen), policies.contradict(seen)
        ranks[among(pairs, ties)] = _TIED
        wider = np.zeros(len(first), dtype=bool)
        for rule in policies.LOOSE_RULES:
            wider |= rule(seen)
        wider &= ~veto
        kept = np.flatnonzero((ranks > 0) | wider)
        sides = (side[kept].astype(np.uint32) for side in (first, second))
        return *sides, ranks[kept], veto[kept], wider[kept]

    begins = range(0, len(looked_at), _JUDGED_AT_ONCE) or (0,)
    return _Judged(*(np.concatenate(part) for part in zip(*each_ahead(judged, begins), strict=True)))


def _ranks(seen: Pairs) -> Numbers:
    """Return for each pair the number of the strongest strict rule that joins it, from 1 on; 0 where none does."""
    ranks = np.zeros(len(seen.first), dtype=np.int8)
    for rank, rule in reversed(list(enumerate(policies.STRICT_RULES, start=1))):
        ranks[rule(seen)] = rank
    return ranks


def _joined(told: Compared, seen: _Judged) -> tuple[Numbers, int]:
    chosen = np.flatnonzero((seen.ranks > 0) & ~seen.veto)
    first, second, rank = seen.first[chosen], seen.second[chosen], seen.ranks[chosen]
    roots = np.arange(told.count, dtype=np.uint32)
    union(roots, first, second)
    enemies, too_many = _contradictions(told, roots, np.unique(np.concatenate((first, second))))
    enemies = _without_witnessed(told, enemies, first, second)
    doubtful = np.zeros(told.count, dtype=bool)
    doubtful[too_many] = True
    hardly = doubtful.copy()
    doubtful[roots[enemies[0]]] = True
    if not doubtful.any():
        return roots, 0
    edges = np.flatnonzero(doubtful[roots[first]] & ((rank == 1) | ~hardly[roots[first]]))
    order = edges[np.lexsort((second[edges], first[edges], rank[edges]))]
    again = np.flatnonzero(doubtful[roots])
    roots[again] = again
    return roots, _join_carefully(roots, first[order].tolist(), second[order].tolist(), enemies)


def _contradictions(told: Compared, roots: Numbers, joined: Numbers) -> tuple[tuple[Numbers, Numbers], Numbers]:
    """Return the pairs of aliases within one person who contradict each other, and people of too many aliases.

    `joined`: all aliases that are joined with another one.
    """
    order = joined[np.argsort(roots[joined], kind="stable")].astype(np.int64)
    ordered = roots[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))) if len(order) else order
    sizes = np.diff(np.append(starts, len(order)))
    first, second = [order[:0]], [order[:0]]
    for size in np.unique(sizes[(sizes > _LOOKED_AT) & (sizes <= _MEMBERS_MAX)]).tolist():
        one, other = np.triu_indices(size, 1)
        begins = starts[sizes == size]
        for part in np.array_split(begins, max(1, len(begins) * len(one) // _PAIRS_AT_ONCE)):
            groups = order[part[:, None] + np.arange(size)]
            ours, theirs = groups[:, one].ravel(), groups[:, other].ravel()
            apart = may_contradict(told, ours, theirs)
            ours, theirs = ours[apart], theirs[apart]
            wrong = policies.contradict(compare(told, ours, theirs))
            first.append(ours[wrong])
            second.append(theirs[wrong])
    return (np.concatenate(first), np.concatenate(second)), ordered[starts[sizes > _MEMBERS_MAX]]


def _without_witnessed(
    told: Compared, enemies: tuple[Numbers, Numbers], first: Numbers, second: Numbers
) -> tuple[Numbers, Numbers]:
    """Return the contradictions but those of two aliases that each are joined with one and the same full telling.

    One has a mistyped name, another a mistyped number: they have little in common with each other, and all with the
    alias between them, which tells names, birth date and number. A telling that leaves one of these out (a father or
    a son of one name) is no witness.
    """
    ours, theirs = enemies
    if not len(ours):
        return enemies
    full = (told.given != 0) & (told.family != 0) & (told.born != 0) & (told.social != 0)
    doubted = np.unique(np.concatenate(enemies))
    joined: dict[int, set[int]] = {}
    for one, other in ((first, second), (second, first)):
        rows = np.flatnonzero(full[other] & among(one, doubted))
        for alias, witness in zip(one[rows].tolist(), other[rows].tolist(), strict=True):
            joined.setdefault(alias, set()).add(witness)
    nobody: set[int] = set()
    kept = [
        joined.get(one, nobody).isdisjoint(joined.get(other, nobody))
        for one, other in zip(ours.tolist(), theirs.tolist(), strict=True)
    ]
    return ours[kept], theirs[kept]


def _join_carefully(
    roots: Numbers, first: list[int], second: list[int], contradictions: tuple[Numbers, Numbers]
) -> int:
    """Join one pair after another, in place, unless two of the aliases that would come together contradict."""
    enemies: dict[int, set[int]] = {}
    for ours, theirs in zip(*(side.tolist() for side in contradictions), strict=True):
        enemies.setdefault(ours, set()).add(theirs)
        enemies.setdefault(theirs, set()).add(ours)
    members: dict[int, list[int]] = {}
    refused = 0
    for ours, theirs in zip(first, second, strict=True):
        low, high = sorted((int(roots[ours]), int(roots[theirs])))
        if low == high:
            continue
        joining = members.get(high, [high])
        if not enemies.get(low, set()).isdisjoint(joining):
            refused += 1
            continue
        roots[joining] = low
        members[low] = members.get(low, [low]) + joining
        if high in enemies:
            enemies[low] = enemies.get(low, set()) | enemies.pop(high)
    return refused


def _join_nameless(told: Compared, roots: Numbers) -> None:
    """Join aliases without a name to the one person who has their number, in place; to nobody where two have it.

    With a family name alone it may be anybody of the family, and is left apart.
    """
    free = ~told.named(slice(None))
    identifiers = told.identifiers
    for name in _ALONE:
        key = identifiers.get(name)
        if key is None or not len(wanted := np.unique(key[free & (key != 0)])):
            continue
        rows = np.flatnonzero(among(key, wanted))
        rows = rows[told.named(rows) | free[rows]]
        values, places = np.unique(key[rows], return_inverse=True)
        known = told.named(rows)
        least = np.full(len(values), len(roots), dtype=np.int64)
        most = np.full(len(values), -1, dtype=np.int64)
        np.minimum.at(least, places[known], roots[rows][known])
        np.maximum.at(most, places[known], roots[rows][known])
        alone = rows[~known]
        theirs = least[places[~known]]
        certain = theirs == most[places[~known]]
        fits = certain & _nobody_else(told, alone, np.where(certain, theirs, alone))
        union(roots, alone[fits], theirs[fits])
        nobody = (most[places[~known]] == -1) & free[alone]
        order = np.lexsort((alone[nobody], places[~known][nobody]))
        kept, value = alone[nobody][order], places[~known][nobody][order]
        same = (value[1:] == value[:-1]) & _nobody_else(told, kept[:-1], kept[1:])
        union(roots, kept[:-1][same], kept[1:][same])
        free[alone[fits]] = False


def _nobody_else(told: Compared, first: Numbers, second: Numbers) -> Numbers:
    seen = compare(told, first, second)
    return (seen.born != DIFFER) & seen.own


def union(parent: Numbers, first: Numbers, second: Numbers) -> None:
    """Make all that these pairs connect point at their lowest alias, in place, as each does before."""
    ours, theirs = parent[first], parent[second]
    apart = ours != theirs
    ours, theirs = ours[apart], theirs[apart]
    if not len(ours):
        return
    people, sides = np.unique(np.concatenate((ours, theirs)), return_inverse=True)
    ours, theirs = sides[: len(ours)], sides[len(ours) :]
    lowest = np.arange(len(people))
    while len(ours):
        np.minimum.at(lowest, np.maximum(ours, theirs), np.minimum(ours, theirs))
        while not np.array_equal(lowest, above := lowest[lowest]):
            lowest = above
        ours, theirs = lowest[ours], lowest[theirs]
        apart = ours != theirs
        ours, theirs = ours[apart], theirs[apart]
    parent[people] = people[lowest]
    for begin in range(0, len(parent), _PARENTS_AT_ONCE):
        part = parent[begin : begin + _PARENTS_AT_ONCE]
        part[:] = parent[part]
