"""Which two aliases are looked at, and how they compare.

Looked at are those that share a key of `_KEYS`. A value of an identifier or contact that many different people share
(a placeholder, a call centre's telephone) is quarantined: it joins nobody, and is told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
from rapidfuzz import process
from rapidfuzz.distance import OSA

from sealane.desk.identity.compared import CONTACTS, IDENTIFIERS, Compared, distinct, one_slip, together

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Numbers = npt.NDArray[Any]

SHARED_MAX: Final = 20
"""People with different names and birth dates who may share a value, before it counts as no identifier at all."""
_ALL_PAIRS_MAX: Final = 40
"""Aliases of one key of which each is compared with each; of more, with their nearest `_NEAR` in order of name."""
_NEAR: Final = 8
_SLIPS_LENGTH: Final = (3, 6)
"""A name of so many letters may have one slip; two."""
_BEGINNING_LEAST: Final = 3
_GIVEN_OUT_TOGETHER: Final = 100
_HALF: Final = np.uint32(10_000)
COINCIDENCE_MAX: Final = 2e-5
"""How many others of just these names and this birth date chance may bring for one person, where no place speaks."""
_BIRTH_DAYS: Final = 70 * 365
"""Days over which the birth dates of the living are spread, about."""
_PARTS_ENOUGH: Final = 2
_RARE_LEAST: Final = 2
_RARE_SHARE: Final = 1e-5
"""A given name that more aliases bear than this is a name of its own, and no slip of another."""
AGREE: Final = np.int8(2)
NEARLY: Final = np.int8(1)
UNTOLD: Final = np.int8(0)
HOUSE: Final = np.int8(2)
"""A place down to the house, at least."""
DIFFER: Final = np.int8(-1)
_NONE: Final = np.zeros((0, 2), dtype=np.int64)


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
    shared: dict[str, Numbers]
    """By identifier: whether it agrees."""


def quarantine(aliases: Compared) -> dict[str, int]:
    """Take away, in place, what too many different people share; return how many values, by property."""
    told: dict[str, int] = {}
    who = together(aliases.names["sound"], aliases.born)
    for group in (aliases.identifiers, aliases.contacts):
        for name, key in group.items():
            rows = np.flatnonzero((key != 0) & (who != 0))
            values, counts = np.unique(distinct(key[rows], who[rows])[0], return_counts=True)
            junk = values[counts > SHARED_MAX]
            if len(junk):
                told[name] = len(junk)
                group[name] = np.where(np.isin(key, junk), np.uint64(0), key)
    if "ssn" in told:
        aliases.social = np.where(aliases.identifiers["ssn"] != 0, aliases.social, np.uint32(0))
    return told


def pairs(aliases: Compared, ties: Numbers = _NONE) -> Pairs:
    """Return all pairs worth looking at, in order. `ties`: further ones, the lower alias first."""
    codes = np.unique(np.concatenate([_codes(ties), *(_of_key(key, aliases) for key in _keys(aliases))]))
    first, second = (codes >> np.uint64(32)).astype(np.int64), (codes & np.uint64(0xFFFFFFFF)).astype(np.int64)
    found = compare(aliases, first, second)
    _mark_numbers_of_many(aliases, found)
    return replace(
        found,
        own=~(aliases.of_many[first] | aliases.of_many[second]),
        namesakes=aliases.of_namesakes[first] | aliases.of_namesakes[second],
    )


def places_of(seen: Pairs, ties: Numbers) -> Numbers:
    """Return where these pairs stand among those that are looked at."""
    return (
        np.searchsorted(_codes(np.stack([seen.first, seen.second], axis=1)), _codes(ties)) if len(ties) else ties[:, 0]
    )


def _codes(both: Numbers) -> Numbers:
    """Return each pair as one number: the lower alias above the higher one."""
    return (both[:, 0].astype(np.uint64) << np.uint64(32)) | both[:, 1].astype(np.uint64)


def _mark_numbers_of_many(aliases: Compared, seen: Pairs) -> None:
    """Mark, in place, aliases whose number is told of two people with nothing in common, and of namesakes beside that.

    Neither given name nor birth date is nearly the same: a roster that has the subscriber's number for everybody.
    """
    others = (seen.social == AGREE) & (seen.born == DIFFER)

    def told_of(chosen: Numbers) -> Numbers:
        return (aliases.social != 0) & np.isin(aliases.social, np.unique(aliases.social[seen.first[chosen]]))

    aliases.of_many = told_of(others & (seen.given == DIFFER))
    aliases.of_namesakes = aliases.of_many & told_of(others & (seen.given >= NEARLY))


def _keys(aliases: Compared) -> Iterator[Numbers]:
    names = aliases.names
    for name in IDENTIFIERS:
        if name in aliases.identifiers:
            yield aliases.identifiers[name]
    yield together(names["family"], aliases.born)
    yield together(names["sound"], aliases.born)
    yield together(names["both"], aliases.born)
    yield together(aliases.born, aliases.zip)
    yield together(aliases.born, aliases.line)
    yield together(names["both"], aliases.zip)
    yield together(names["both"], aliases.line)
    yield together(names["given"], aliases.line, aliases.zip)
    for half in (aliases.social // _HALF, aliases.social % _HALF):  # a slip leaves one of the halves alone
        yield together(names["given"], half)
        yield together(aliases.born, half)
    for name in CONTACTS:
        yield together(names["given"], aliases.contacts[name])
        yield together(names["family"], aliases.contacts[name])
        yield together(aliases.born, aliases.contacts[name])


def _of_key(key: Numbers, aliases: Compared) -> Numbers:
    """Return pairs of aliases of equal key, as one number each: the lower alias above the higher one."""
    rows = _repeated(key)
    order = np.lexsort((rows, aliases.born[rows], aliases.names["sound"][rows], key[rows]))
    rows = rows[order]
    keys = key[rows]
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1]))) if len(keys) else keys[:0]
    sizes = np.diff(np.append(starts, len(keys)))
    reach = np.repeat(np.where(sizes <= _ALL_PAIRS_MAX, sizes, _NEAR), sizes) if len(keys) else keys[:0]
    made: list[Numbers] = []
    for step in range(1, _ALL_PAIRS_MAX):
        same = np.flatnonzero((keys[step:] == keys[:-step]) & (reach[step:] > step)) if len(keys) > step else keys[:0]
        if not len(same):
            break
        one, other = rows[same.astype(np.int64)], rows[same.astype(np.int64) + step]
        low, high = np.minimum(one, other).astype(np.uint64), np.maximum(one, other).astype(np.uint64)
        made.append((low << np.uint64(32)) | high)
    return np.unique(np.concatenate(made)) if made else np.zeros(0, dtype=np.uint64)


def _repeated(key: Numbers) -> Numbers:
    """Return the places of values that occur more than once. Sorting values alone is many times cheaper than places."""
    rows = np.flatnonzero(key)
    told = key[rows]
    ordered = np.sort(told)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    if not len(twice):
        return rows[:0]
    places = np.minimum(np.searchsorted(twice, told), len(twice) - 1)
    return rows[twice[places] == told]


def compare(aliases: Compared, first: Numbers, second: Numbers) -> Pairs:
    """Compare these pairs."""
    names = aliases.names
    given, slipped = _near_given(aliases, first, second)
    family = _near_family(aliases, first, second)
    crossed = [
        (names[ours][first] == names[theirs][second]) & (names[ours][first] != 0)
        for ours, theirs in (("given", "family"), ("family", "given"))
    ]
    turned = (crossed[0] & crossed[1]) | _nearly_turned(aliases, first, second, (given == DIFFER) & (family == DIFFER))
    social = _near_numbers(aliases.social, first, second)
    apart = np.abs(aliases.social[first].astype(np.int64) - aliases.social[second])
    line = _level(aliases.line, first, second) == AGREE
    zips = _level(aliases.zip, first, second) == AGREE
    contact = np.zeros(len(first), dtype=bool)
    for key in aliases.contacts.values():
        contact |= _level(key, first, second) == AGREE
    return Pairs(
        first=first,
        second=second,
        given=np.where(turned, AGREE, given),
        family=np.where(turned, AGREE, family),
        slipped=slipped,
        turned=crossed[0] | crossed[1],
        known=(aliases.number_of_name[first] == aliases.number_of_name[second]) & (aliases.number_of_name[first] != 0),
        born=_near_dates(aliases.born, first, second),
        social=social,
        mistyped=(social == NEARLY) & (apart >= _GIVEN_OUT_TOGETHER),
        suffix=_level(aliases.suffix, first, second),
        place=2 * line.astype(np.int8) + zips.astype(np.int8),
        contact=contact,
        once=(aliases.told_name[first] == 1) | (aliases.told_name[second] == 1),
        own=~(aliases.of_many[first] | aliases.of_many[second]),
        namesakes=aliases.of_namesakes[first] | aliases.of_namesakes[second],
        rare=_chances(aliases, first) <= COINCIDENCE_MAX,
        shared={name: _level(key, first, second) == AGREE for name, key in aliases.identifiers.items()},
    )


def _chances(aliases: Compared, rows: Numbers) -> Numbers:
    """Return how many others of the same names and birth date chance brings for each alias."""
    given, family = aliases.borne[rows] / aliases.count, aliases.borne_family[rows] / aliases.count
    return given * family * aliases.count / _BIRTH_DAYS


def _level(key: Numbers, first: Numbers, second: Numbers) -> Numbers:
    ours, theirs = key[first], key[second]
    both = (ours != 0) & (theirs != 0)
    return np.where(both, np.where(ours == theirs, AGREE, DIFFER), UNTOLD).astype(np.int8)


def _near_given(aliases: Compared, first: Numbers, second: Numbers) -> tuple[Numbers, Numbers]:
    """Compare given names: also an initial, a short form, and a slip that made of a name what nobody is called.

    Returns the levels, and where it is such a slip.
    """
    names = aliases.names
    level, apart, ours, theirs = _spelled(aliases.given, names["given"], first, second)
    slipped = np.zeros(len(first), dtype=bool)
    if not len(apart):
        return level, slipped
    # Two names that many bear are two names, however alike: so are twins called.
    rarer = np.minimum(aliases.borne[first[apart]], aliases.borne[second[apart]])
    rare = rarer <= max(_RARE_LEAST, aliases.count * _RARE_SHARE)
    slipped[apart] = _slipped(ours, theirs) & rare
    near = slipped[apart] | (_begins(ours, theirs) & rare)
    least = np.minimum(ours.str.len_chars().to_numpy(), theirs.str.len_chars().to_numpy())
    near |= (least == 1) & (ours.str.slice(0, 1) == theirs.str.slice(0, 1)).to_numpy()
    near |= names["called"][first[apart]] == names["called"][second[apart]]
    level[apart[near]] = NEARLY
    return level, slipped


def _near_family(aliases: Compared, first: Numbers, second: Numbers) -> Numbers:
    """Compare family names: also with a slip, or one that begins the other (double names)."""
    level, apart, ours, theirs = _spelled(aliases.family, aliases.names["family"], first, second)
    if len(apart):
        level[apart[_slipped(ours, theirs) | _begins(ours, theirs)]] = NEARLY
    return level


def _nearly_turned(aliases: Compared, first: Numbers, second: Numbers, where: Numbers) -> Numbers:
    """Whether given and family name are each other's with a slip in either."""
    turned = np.zeros(len(first), dtype=bool)
    rows = np.flatnonzero(where)
    if len(rows):
        near = np.ones(len(rows), dtype=bool)
        for ours, theirs in ((aliases.given, aliases.family), (aliases.family, aliases.given)):
            near &= _slipped(ours.gather(first[rows]), theirs.gather(second[rows]))
        turned[rows] = near
    return turned


def _spelled(
    texts: pl.Series, key: Numbers, first: Numbers, second: Numbers
) -> tuple[Numbers, Numbers, pl.Series, pl.Series]:
    level = _level(key, first, second)
    apart = np.flatnonzero(level == DIFFER)
    return level, apart, texts.gather(first[apart]), texts.gather(second[apart])


def _slipped(ours: pl.Series, theirs: pl.Series) -> Numbers:
    slips = process.cpdist(ours.to_list(), theirs.to_list(), scorer=OSA.distance, score_cutoff=2)  # pyrefly: ignore  # its stub knows no scorer of texts
    least = np.minimum(ours.str.len_chars().to_numpy(), theirs.str.len_chars().to_numpy())
    one, two = _SLIPS_LENGTH
    return ((slips <= 1) & (least >= one)) | ((slips <= 2) & (least >= two))  # noqa: PLR2004  the cutoff


def _begins(ours: pl.Series, theirs: pl.Series) -> Numbers:
    frame = pl.DataFrame({"ours": ours, "theirs": theirs})
    least = pl.min_horizontal(pl.col("ours").str.len_chars(), pl.col("theirs").str.len_chars())
    either = pl.col("ours").str.starts_with(pl.col("theirs")) | pl.col("theirs").str.starts_with(pl.col("ours"))
    return frame.select(either & (least >= _BEGINNING_LEAST)).to_series().to_numpy()


def _near_dates(born: Numbers, first: Numbers, second: Numbers) -> Numbers:
    level = _level(born, first, second)
    apart = np.flatnonzero(level == DIFFER)
    level[apart[near_dates(born[first[apart]], born[second[apart]])]] = NEARLY
    return level


def near_dates(ours: Numbers, theirs: Numbers) -> Numbers:
    """Two of year, month and day agree, or day and month are swapped: one date, mistyped."""
    (year, month, day), (other_year, other_month, other_day) = _parts(ours), _parts(theirs)
    agree = (year == other_year).astype(np.int8) + (month == other_month) + (day == other_day)
    swapped = (year == other_year) & (month == other_day) & (day == other_month)
    return (agree >= _PARTS_ENOUGH) | swapped


def _parts(shifted: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    dates = (shifted.astype(np.int64) - 100_000).astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    years = dates.astype("datetime64[Y]")
    return years.astype(np.int64) + 1970, (months - years).astype(np.int64) + 1, (dates - months).astype(np.int64) + 1


def _near_numbers(social: Numbers, first: Numbers, second: Numbers) -> Numbers:
    level = _level(social, first, second)
    apart = np.flatnonzero(level == DIFFER)
    level[apart[one_slip(social[first[apart]], social[second[apart]])]] = NEARLY
    return level
