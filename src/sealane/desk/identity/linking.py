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

from sealane.desk.identity import policies
from sealane.desk.identity.compared import compared
from sealane.desk.identity.pairs import DIFFER, compare, pairs, places_of, quarantine

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
    seen = pairs(told, ties)
    ranks = _ranks(seen)
    ranks[places_of(seen, ties)] = _TIED
    veto = policies.contradict(seen)
    strict, refused = _joined(told, seen, ranks, veto)
    _join_nameless(told, strict)
    loose = strict.copy()
    wider = np.zeros(len(seen.first), dtype=bool)
    for rule in policies.LOOSE_RULES:
        wider |= rule(seen)
    wider &= ~veto
    union(loose, seen.first[wider], seen.second[wider])
    return Linked(strict, loose, quarantined, int(np.count_nonzero(veto & (ranks > 0))) + refused)


def _ranks(seen: Pairs) -> Numbers:
    """Return for each pair the number of the strongest strict rule that joins it, from 1 on; 0 where none does."""
    ranks = np.zeros(len(seen.first), dtype=np.int8)
    for rank, rule in reversed(list(enumerate(policies.STRICT_RULES, start=1))):
        ranks[rule(seen)] = rank
    return ranks


def _joined(told: Compared, seen: Pairs, ranks: Numbers, veto: Numbers) -> tuple[Numbers, int]:
    chosen = np.flatnonzero((ranks > 0) & ~veto)
    first, second, rank = seen.first[chosen], seen.second[chosen], ranks[chosen]
    roots = np.arange(told.count, dtype=np.int64)
    union(roots, first, second)
    enemies, too_many = _contradictions(told, roots)
    enemies = _without_witnessed(told, enemies, first, second)
    doubted = np.isin(roots, roots[enemies[0]]) | np.isin(roots, too_many)
    if not doubted.any():
        return roots, 0
    edges = np.flatnonzero(doubted[first] & ((rank == 1) | ~np.isin(roots[first], too_many)))
    again = np.flatnonzero(doubted)
    roots[again] = again
    order = edges[np.lexsort((second[edges], first[edges], rank[edges]))]
    return roots, _join_carefully(roots, first[order].tolist(), second[order].tolist(), enemies)


def _contradictions(told: Compared, roots: Numbers) -> tuple[tuple[Numbers, Numbers], Numbers]:
    """Return the pairs of aliases within one person who contradict each other, and people of too many aliases."""
    order = np.argsort(roots, kind="stable")
    ordered = roots[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))) if len(order) else order
    sizes = np.diff(np.append(starts, len(order)))
    first, second = [order[:0]], [order[:0]]
    for size in np.unique(sizes[(sizes > _LOOKED_AT) & (sizes <= _MEMBERS_MAX)]).tolist():
        groups = order[starts[sizes == size][:, None] + np.arange(size)]
        one, other = np.triu_indices(size, 1)
        for part in np.array_split(groups, max(1, groups.shape[0] * len(one) // _PAIRS_AT_ONCE)):
            ours, theirs = part[:, one].ravel(), part[:, other].ravel()
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
    full = (told.names["given"] != 0) & (told.names["family"] != 0) & (told.born != 0) & (told.social != 0)
    doubted = np.unique(np.concatenate(enemies))
    joined: dict[int, set[int]] = {}
    for one, other in ((first, second), (second, first)):
        rows = np.flatnonzero(full[other] & np.isin(one, doubted))
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
    free = ~told.named
    for name in _ALONE:
        key = told.identifiers.get(name)
        if key is None:
            continue
        rows = np.flatnonzero((key != 0) & (told.named | free))
        if not free[rows].any():
            continue
        values, places = np.unique(key[rows], return_inverse=True)
        known = told.named[rows]
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
    """Make all that these pairs connect point at their lowest alias, in place."""
    while len(first):
        ours, theirs = parent[first], parent[second]
        apart = ours != theirs
        first, second, ours, theirs = first[apart], second[apart], ours[apart], theirs[apart]
        if not len(first):
            return
        np.minimum.at(parent, np.maximum(ours, theirs), np.minimum(ours, theirs))
        while not np.array_equal(parent, above := parent[parent]):
            parent[:] = above
