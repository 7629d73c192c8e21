"""Which two aliases are looked at: those that share a key; and what too many people share, which is no key at all.

A value of an identifier or contact that many different people share (a placeholder, a call centre's telephone) is
quarantined: it joins nobody, and is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sealane.desk.ahead import each_ahead
from sealane.desk.identity import blocks
from sealane.desk.identity.hashes import among, distinct, together
from sealane.desk.identity.pairs import AGREE, DIFFER, NEARLY, compare
from sealane.desk.identity.slips import HALF, slip_in_half

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from sealane.desk.identity.blocks import Fits, Of, Rows
    from sealane.desk.identity.compared import Compared

    Numbers = npt.NDArray[Any]

SHARED_MAX: Final = 20
"""People with different names and birth dates who may share a value, before it counts as no identifier at all."""
_PAIRS_AT_ONCE: Final = 500_000
_NONE: Final = np.zeros((0, 2), dtype=np.int64)


def quarantine(aliases: Compared) -> dict[str, int]:
    """Take away, in place, what too many different people share; return how many values, by property."""
    told: dict[str, int] = {}
    for group in (aliases.identifiers, aliases.contacts):
        for name, key in group.items():
            junk = _shared(aliases, key)
            if len(junk):
                told[name] = len(junk)
                key[among(key, junk)] = 0
    return told


def _shared(aliases: Compared, key: Numbers) -> Numbers:
    """Return the values under which more than `SHARED_MAX` people are told, in order."""
    ordered = np.sort(key)
    later = ordered[SHARED_MAX:]
    often = np.unique(later[later == ordered[: len(later)]])
    rows = np.flatnonzero(among(key, often[often != 0]))
    who = together(aliases.sound(rows), aliases.born[rows])
    rows, who = rows[who != 0], who[who != 0]
    values, counts = np.unique(distinct(key[rows], who)[0], return_counts=True)
    return values[counts > SHARED_MAX]


def candidates(aliases: Compared, ties: Numbers = _NONE) -> Numbers:
    """Return all pairs worth looking at (`blocks.codes`), in order. `ties`: further ones, the lower alias first."""

    def nearness(rows: Numbers) -> tuple[Numbers, ...]:
        return aliases.born[rows], aliases.sound(rows)

    def pairs(key: tuple[Of, Fits | None]) -> Numbers:
        of, fits = key
        return np.unique(blocks.pairs_of(of, aliases.count, nearness, fits))

    made = each_ahead(pairs, _keys(aliases))
    return np.unique(np.concatenate([blocks.codes(ties[:, 0], ties[:, 1]), *made]))


def _keys(aliases: Compared) -> Iterator[tuple[Of, Fits | None]]:
    """Yield what two aliases worth a look have in common."""
    for key in aliases.identifiers.values():
        yield key.__getitem__, None
    given, family = (_named(aliases, names) for names in (aliases.given, aliases.family))
    born, line, zips = (key.__getitem__ for key in (aliases.born, aliases.line, aliases.zip))
    yield _all_of(family, born), None
    yield _all_of(aliases.sound, born), None
    yield _all_of(aliases.both, born), None
    yield _all_of(born, zips), None
    yield _all_of(born, line), None
    yield _all_of(aliases.both, zips), None
    yield _all_of(aliases.both, line), None
    yield _all_of(given, line, zips), None

    def slip(first: Numbers, second: Numbers) -> Numbers:
        return slip_in_half(aliases.social[first], aliases.social[second])

    def before(rows: Rows) -> Numbers:
        return aliases.social[rows] // HALF

    def last(rows: Rows) -> Numbers:
        return aliases.social[rows] % HALF

    for half in (before, last):
        yield _all_of(given, half), slip
        yield _all_of(born, half), slip
    for key in aliases.contacts.values():
        for other in (given, family, born):
            yield _all_of(other, key.__getitem__), None


def _named(aliases: Compared, names: Numbers) -> Of:
    def of(rows: Rows) -> Numbers:
        return aliases.names.hashes[names[rows]]

    return of


def _all_of(*keys: Of) -> Of:
    def of(rows: Rows) -> Numbers:
        return together(*(key(rows) for key in keys))

    return of


def mark_numbers_of_many(aliases: Compared, looked_at: Numbers) -> None:
    """Mark, in place, aliases whose number is told of two people with nothing in common, and of namesakes beside that.

    Neither given name nor birth date is nearly the same: a roster that has the subscriber's number for everybody.
    """
    many, namesakes = [aliases.social[:0]], [aliases.social[:0]]
    for begin in range(0, len(looked_at), _PAIRS_AT_ONCE):
        first, second = blocks.sides(looked_at[begin : begin + _PAIRS_AT_ONCE])
        numbers = aliases.social[first]
        apart = (numbers == aliases.social[second]) & (numbers != 0) & (aliases.born[first] != aliases.born[second])
        seen = compare(aliases, first[apart], second[apart])
        others = (seen.social == AGREE) & (seen.born == DIFFER)
        many.append(aliases.social[seen.first[others & (seen.given == DIFFER)]])
        namesakes.append(aliases.social[seen.first[others & (seen.given >= NEARLY)]])
    aliases.of_many = among(aliases.social, np.unique(np.concatenate(many)))
    aliases.of_namesakes = aliases.of_many & among(aliases.social, np.unique(np.concatenate(namesakes)))
