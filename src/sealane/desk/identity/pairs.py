"""How two aliases compare, property by property."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sealane.desk.identity.slips import begins, near_dates, one_slip, slipped

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

    from sealane.desk.identity.compared import Compared

    Numbers = npt.NDArray[Any]

_GIVEN_OUT_TOGETHER: Final = 100
COINCIDENCE_MAX: Final = 2e-5
"""How many others of just these names and this birth date chance may bring for one person, where no place speaks."""
BIRTH_DAYS: Final = 70 * 365
"""Days over which the birth dates of the living are spread, about."""
_NUMBERS: Final = 10**9
_SLIPS: Final = 9 * 9 + 8
"""Numbers of nine digits that are one slip apart from a given one."""
_RARE_LEAST: Final = 2
_RARE_SHARE: Final = 1e-5
"""A given name that more aliases bear than this is a name of its own, and no slip of another."""
AGREE: Final = np.int8(2)
NEARLY: Final = np.int8(1)
UNTOLD: Final = np.int8(0)
HOUSE: Final = np.int8(2)
"""A place down to the house, at least."""
PLACE: Final = np.int8(3)
"""The whole of it."""
DIFFER: Final = np.int8(-1)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of aliases, `first` below `second`, and how each property of theirs compares.

    Levels: 2 they agree, 1 nearly (a slip), 0 not told of both, -1 they differ.
    """

    first: Numbers
    second: Numbers
    given: Numbers
    family: Numbers
    turned: Numbers
    """A given name agrees with the other's family name, and where all are told each does."""
    slipped: Numbers
    """The given names differ by a slip that made of a name what nobody is called."""
    known: Numbers
    """Whoever is of the one's names and birth date is known by the same Social Security number as the other."""
    born: Numbers
    social: Numbers
    mistyped: Numbers
    """The Social Security numbers are one slip apart, and more than numbers that were given out together."""
    suffix: Numbers
    place: Numbers
    """3: street line and ZIP code, 2: the line alone, 1: the ZIP code alone."""
    contact: Numbers
    """Telephone or e-mail agrees."""
    once: Numbers
    """One of the two is the only one that tells of its names and birth date."""
    own: Numbers
    """Neither's Social Security number is told of people who have nothing in common."""
    namesakes: Numbers
    """Either's number is told of such people, and of two who have one given name."""
    rare: Numbers
    """Names so rare that chance brings nobody else of them with this birth date."""
    neighbours: Numbers
    """How many others chance brings whose Social Security number is one slip apart, so many are there."""
    shares: tuple[Numbers, Numbers]
    """Which share of all has the first one's given name; which one the family name."""
    shared: dict[str, Numbers]
    """By identifier: whether it agrees."""


def compare(aliases: Compared, first: Numbers, second: Numbers) -> Pairs:
    """Compare these pairs."""
    given, mistyped_name = _near_given(aliases, first, second)
    family = _near_family(aliases, first, second)
    crossed = [
        (ours[first] == theirs[second]) & (ours[first] != 0)
        for ours, theirs in ((aliases.given, aliases.family), (aliases.family, aliases.given))
    ]
    turned = (crossed[0] & crossed[1]) | _nearly_turned(aliases, first, second, (given == DIFFER) & (family == DIFFER))
    social = _near_numbers(aliases.social, first, second)
    apart = np.abs(aliases.social[first].astype(np.int64) - aliases.social[second])
    line = _level(aliases.line, first, second) == AGREE
    zips = _level(aliases.zip, first, second) == AGREE
    contact = np.zeros(len(first), dtype=bool)
    for key in aliases.contacts.values():
        contact |= _level(key, first, second) == AGREE
    number = aliases.number_of_name[first]
    given_share = aliases.borne[aliases.given[first]] / aliases.count
    family_share = aliases.borne_family[aliases.family[first]] / aliases.count
    return Pairs(
        first=first,
        second=second,
        given=np.where(turned, AGREE, given),
        family=np.where(turned, AGREE, family),
        slipped=mistyped_name,
        turned=crossed[0] | crossed[1],
        known=(number == aliases.number_of_name[second]) & (number != 0),
        born=_near_dates(aliases.born, first, second),
        social=social,
        mistyped=(social == NEARLY) & (apart >= _GIVEN_OUT_TOGETHER),
        suffix=_level(aliases.suffix, first, second),
        place=2 * line.astype(np.int8) + zips.astype(np.int8),
        contact=contact,
        once=aliases.once[first] | aliases.once[second],
        own=~(aliases.of_many[first] | aliases.of_many[second]),
        namesakes=aliases.of_namesakes[first] | aliases.of_namesakes[second],
        rare=given_share * family_share * aliases.count / BIRTH_DAYS <= COINCIDENCE_MAX,
        neighbours=np.full(len(first), aliases.count * _SLIPS / _NUMBERS),
        shares=(given_share, family_share),
        shared={name: _level(key, first, second) == AGREE for name, key in aliases.identifiers.items()},
    )


def may_contradict(aliases: Compared, first: Numbers, second: Numbers) -> Numbers:
    """Whether anything that could make a contradiction is told otherwise by these two: all others need no comparing."""
    other = np.zeros(len(first), dtype=bool)
    for key in (aliases.born, aliases.social, aliases.suffix, aliases.given):
        other |= _level(key, first, second) == DIFFER
    return other


def _level(key: Numbers, first: Numbers, second: Numbers) -> Numbers:
    ours, theirs = key[first], key[second]
    both = (ours != 0) & (theirs != 0)
    return np.where(both, np.where(ours == theirs, AGREE, DIFFER), UNTOLD).astype(np.int8)


def _near_given(aliases: Compared, first: Numbers, second: Numbers) -> tuple[Numbers, Numbers]:
    """Compare given names: also an initial, a short form, and a slip that made of a name what nobody is called.

    Returns the levels, and where it is such a slip.
    """
    level, apart, ours, theirs = _spelled(aliases, aliases.given, first, second)
    mistyped = np.zeros(len(first), dtype=bool)
    if not len(apart):
        return level, mistyped
    one, other = aliases.given[first[apart]], aliases.given[second[apart]]
    # Two names that many bear are two names, however alike: so are twins called.
    rarer = np.minimum(aliases.borne[one], aliases.borne[other])
    rare = rarer <= max(_RARE_LEAST, aliases.count * _RARE_SHARE)
    mistyped[apart] = slipped(ours, theirs) & rare
    near = mistyped[apart] | (begins(ours, theirs) & rare)
    least = np.minimum(ours.str.len_chars().to_numpy(), theirs.str.len_chars().to_numpy())
    near |= (least == 1) & (aliases.names.initials[one] == aliases.names.initials[other])
    near |= aliases.names.called[one] == aliases.names.called[other]
    level[apart[near]] = NEARLY
    return level, mistyped


def _near_family(aliases: Compared, first: Numbers, second: Numbers) -> Numbers:
    """Compare family names: also with a slip, or one that begins the other (double names)."""
    level, apart, ours, theirs = _spelled(aliases, aliases.family, first, second)
    if len(apart):
        level[apart[slipped(ours, theirs) | begins(ours, theirs)]] = NEARLY
    return level


def _nearly_turned(aliases: Compared, first: Numbers, second: Numbers, where: Numbers) -> Numbers:
    """Whether given and family name are each other's with a slip in either."""
    turned = np.zeros(len(first), dtype=bool)
    rows = np.flatnonzero(where)
    texts = aliases.names.texts
    for ours, theirs in ((aliases.given, aliases.family), (aliases.family, aliases.given)):
        if len(rows):
            rows = rows[slipped(texts.gather(ours[first[rows]]), texts.gather(theirs[second[rows]]))]
    turned[rows] = True
    return turned


def _spelled(
    aliases: Compared, names: Numbers, first: Numbers, second: Numbers
) -> tuple[Numbers, Numbers, pl.Series, pl.Series]:
    level = _level(names, first, second)
    apart = np.flatnonzero(level == DIFFER)
    texts = aliases.names.texts
    return level, apart, texts.gather(names[first[apart]]), texts.gather(names[second[apart]])


def _near_dates(born: Numbers, first: Numbers, second: Numbers) -> Numbers:
    level = _level(born, first, second)
    apart = np.flatnonzero(level == DIFFER)
    level[apart[near_dates(born[first[apart]], born[second[apart]])]] = NEARLY
    return level


def _near_numbers(social: Numbers, first: Numbers, second: Numbers) -> Numbers:
    level = _level(social, first, second)
    apart = np.flatnonzero(level == DIFFER)
    level[apart[one_slip(social[first[apart]], social[second[apart]])]] = NEARLY
    return level
