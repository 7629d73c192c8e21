"""What two aliases are compared by: one array a property, in which 0 or empty text means that nothing is told.

Made once for all aliases. Values that cannot tell two people apart (numbers from sample cards, birth dates that old
programs write for unknown) are taken away here; values that turn out to be shared by many people are quarantined
in `junk.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from sealane.desk.identity.nicknames import FORMAL
from sealane.exposure.people.keys import folded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt

    Numbers = npt.NDArray[Any]

SCOPED: Final = ("member_id", "medical_record_number", "account_number")
"""Numbers that mean something only beside the data owner who gave them."""
IDENTIFIERS: Final = (
    "ssn",
    "itin",
    "medicare_id",
    "medicaid_id",
    "passport",
    "drivers_license",
    *SCOPED,
    "card_number",
)
CONTACTS: Final = ("phone", "email")
COLUMNS: Final = (
    "given", "family", "suffix", "birth_date", *IDENTIFIERS, *CONTACTS, "line", "state", "zip", "owner",
)  # fmt: skip
"""What of an alias is looked at."""
_SPECIMENS: Final = frozenset(
    {78051120, 219099999, 123456789, 987654321, *(int(str(digit) * 9) for digit in range(1, 10))}
)
_EPOCH_SHIFT: Final = 100_000
"""Days added to a date so that each from 1880 on is above 0."""
_NO_DATES: Final = ("1900-01-01", "1901-01-01", "1910-01-01", "1911-11-11", "1970-01-01", "9999-12-31")
_SUFFIXES: Final = {"jr": 1, "ii": 1, "2nd": 1, "sr": 2, "iii": 3, "3rd": 3, "iv": 4}
_WAYS: Final = {
    "street": "st", "avenue": "ave", "road": "rd", "drive": "dr", "lane": "ln", "court": "ct", "place": "pl",
    "boulevard": "blvd", "circle": "cir", "terrace": "ter", "highway": "hwy", "parkway": "pkwy", "apartment": "apt",
    "north": "n", "south": "s", "east": "e", "west": "w",
}  # fmt: skip
_ZIP_DIGITS: Final = 5
_LINE_LEAST: Final = 6
"""Letters and digits of a street line that names one building."""


@dataclass(slots=True)
class Compared:
    """The properties of all aliases, each an array of as many."""

    count: int
    given: pl.Series
    family: pl.Series
    names: dict[str, Numbers]
    """Hashes: `given`, `family`, `both` (in whatever order), `called` (the given name that short forms stand for),
    `sound` (of the family name with the given's initial)."""
    born: Numbers
    """Days since 1970 shifted above 0."""
    suffix: Numbers
    social: Numbers
    """Social Security numbers as numbers, to tell a slip of a digit from another number."""
    identifiers: dict[str, Numbers] = field(default_factory=dict)
    contacts: dict[str, Numbers] = field(default_factory=dict)
    borne: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))
    """How many aliases have this one's given name."""
    borne_family: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))
    told_name: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))
    """How many aliases have just these names and this birth date."""
    number_of_name: Numbers = field(default_factory=lambda: np.zeros(0, np.uint32))
    """The one Social Security number by which everybody of these names and this birth date goes, where it is one."""
    of_many: Numbers = field(default_factory=lambda: np.zeros(0, np.bool_))
    """Whether under this alias's Social Security number people are told who have nothing in common."""
    of_namesakes: Numbers = field(default_factory=lambda: np.zeros(0, np.bool_))
    """Whether two of them have one given name, such as father and son."""
    line: Numbers = field(default_factory=lambda: np.zeros(0, np.uint64))
    """Hash of the street line alone."""
    zip: Numbers = field(default_factory=lambda: np.zeros(0, np.uint32))

    @property
    def named(self) -> Numbers:
        """Whether anything of a name is told."""
        return (self.names["given"] != 0) | (self.names["family"] != 0)


def compared(aliases: pl.DataFrame | Iterable[pl.DataFrame], seed: int) -> Compared:
    """Return what these aliases (columns of a people list) are compared by. `seed`: this desk's own secret number.

    Of frames that come one after another no more is held than the arrays that are made of them.
    """
    frames = [aliases] if isinstance(aliases, pl.DataFrame) else aliases
    told = _joined(
        [_told(frame, seed) for frame in frames]
        or [_told(pl.DataFrame(schema=dict.fromkeys(COLUMNS, pl.String)), seed)]
    )
    who = together(told.names["given"], told.names["family"], told.born)
    told.borne = _times(told.names["given"])
    told.borne_family = _times(told.names["family"])
    told.told_name = _times(who)
    told.number_of_name = _numbers_of_names(who, told.social)
    told.of_many = np.zeros(told.count, dtype=np.bool_)
    told.of_namesakes = np.zeros(told.count, dtype=np.bool_)
    return told


def _told(aliases: pl.DataFrame, seed: int) -> Compared:
    """Return what each alias tells by itself."""
    frame = aliases.with_columns(
        pl.lit(None, dtype=pl.String).alias(name)
        for name in ("given", "family", "suffix", *IDENTIFIERS, *CONTACTS, "line", "zip", "owner")
        if name not in aliases.columns
    )
    given = folded(frame["given"].cast(pl.String).fill_null("").str.replace(r" \S\.?$", ""))
    family = folded(frame["family"].cast(pl.String).fill_null(""))
    identifiers = {name: _identifier(frame, name, seed) for name in IDENTIFIERS}
    social = frame["ssn"].cast(pl.String).cast(pl.UInt32, strict=False).fill_null(0).to_numpy()
    social = np.where(np.isin(social, list(_SPECIMENS)), np.uint32(0), social)
    identifiers["ssn"] = np.where(social != 0, identifiers["ssn"], np.uint64(0))
    zips = frame["zip"].cast(pl.String).str.slice(0, _ZIP_DIGITS).cast(pl.UInt32, strict=False).fill_null(0).to_numpy()
    return Compared(
        count=len(frame),
        given=given,
        family=family,
        names=_names(given, family, seed),
        born=_born(frame),
        suffix=frame["suffix"].cast(pl.String).str.to_lowercase().str.strip_chars(". ")
        .replace_strict(_SUFFIXES, default=0, return_dtype=pl.UInt8).fill_null(0).to_numpy(),
        social=social,
        identifiers={name: numbers for name, numbers in identifiers.items() if numbers.any()},
        contacts={name: hashed(frame[name].cast(pl.String), seed) for name in CONTACTS},
        line=hashed(_line(frame["line"].cast(pl.String)), seed),
        zip=zips,
    )  # fmt: skip


def _joined(parts: list[Compared]) -> Compared:
    """Return what all parts tell, one after the other."""
    if len(parts) == 1:
        return parts[0]
    identifiers = [name for name in IDENTIFIERS if any(name in part.identifiers for part in parts)]
    return Compared(
        count=sum(part.count for part in parts),
        given=pl.concat([part.given for part in parts]),
        family=pl.concat([part.family for part in parts]),
        names={name: np.concatenate([part.names[name] for part in parts]) for name in parts[0].names},
        born=np.concatenate([part.born for part in parts]),
        suffix=np.concatenate([part.suffix for part in parts]),
        social=np.concatenate([part.social for part in parts]),
        identifiers={
            name: np.concatenate([part.identifiers.get(name, np.zeros(part.count, np.uint64)) for part in parts])
            for name in identifiers
        },
        contacts={name: np.concatenate([part.contacts[name] for part in parts]) for name in CONTACTS},
        line=np.concatenate([part.line for part in parts]),
        zip=np.concatenate([part.zip for part in parts]),
    )


def _times(key: Numbers) -> Numbers:
    _, places, counts = np.unique(key, return_inverse=True, return_counts=True)
    return counts[places]


def _numbers_of_names(who: Numbers, social: Numbers) -> Numbers:
    """Return for each alias the Social Security number that all who have its names and birth date go by; else 0.

    Slips of that number are passed over, and one that is told a single time while theirs is told more often; whoever
    goes by two numbers is told none.
    """
    rows = np.flatnonzero((who != 0) & (social != 0))
    if not len(rows):
        return np.zeros(len(who), dtype=np.uint32)
    _, whose, sizes = np.unique(who, return_inverse=True, return_counts=True)
    alone = sizes[whose] == 1
    found = np.where(alone & (who != 0), social, np.uint32(0))
    known, times = np.unique(social[rows], return_counts=True)
    rows = rows[~alone[rows]]
    if not len(rows):
        return found
    people, numbers = distinct(whose[rows], social[rows])
    often = times[np.searchsorted(known, numbers)]
    order = np.lexsort((numbers, -often, people))
    people, numbers, often = people[order], numbers[order], often[order]
    begins = np.flatnonzero(np.concatenate(([True], people[1:] != people[:-1])))
    first = np.repeat(numbers[begins], np.diff(np.append(begins, len(people))))
    leads = np.repeat(often[begins] > 1, np.diff(np.append(begins, len(people))))
    other = (numbers != first) & ~one_slip(numbers, first) & ~(leads & (often == 1))
    told = np.where(np.logical_or.reduceat(other, begins), np.uint32(0), numbers[begins])
    number_of = np.zeros(len(sizes), dtype=np.uint32)
    number_of[people[begins]] = told
    return np.where(alone | (who == 0), found, number_of[whose])


def distinct(first: Numbers, second: Numbers) -> tuple[Numbers, Numbers]:
    """Return every pair of values that stand together, once, in order."""
    order = np.lexsort((second, first))
    first, second = first[order], second[order]
    new = np.concatenate(([True], (first[1:] != first[:-1]) | (second[1:] != second[:-1]))) if len(first) else order > 0
    return first[new], second[new]


def one_slip(ours: Numbers, theirs: Numbers) -> Numbers:
    """Whether two numbers of at most nine digits differ in one digit, or in two neighbours that are swapped."""
    count = np.zeros(len(ours), dtype=np.int8)
    swapped = np.zeros(len(ours), dtype=bool)
    last_ours = last_theirs = np.full(len(ours), -1, dtype=np.int64)
    a, b = ours.astype(np.int64), theirs.astype(np.int64)
    for _ in range(9):
        digit, other = a % 10, b % 10
        swapped |= (digit == last_theirs) & (other == last_ours) & (digit != other)
        count += digit != other
        last_ours, last_theirs, a, b = digit, other, a // 10, b // 10
    return (count == 1) | ((count == 2) & swapped)  # noqa: PLR2004


def hashed(column: pl.Series, seed: int) -> Numbers:
    """Return a number above 0 for each text, and 0 where nothing is told."""
    if column.null_count() == len(column):
        return np.zeros(len(column), dtype=np.uint64)
    absent = (column.is_null() | (column == "").fill_null(value=True)).to_numpy()
    return np.where(absent, np.uint64(0), column.hash(seed).to_numpy() | np.uint64(1))


_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)


def together(*keys: Numbers) -> Numbers:
    """Return one number for each row of several keys: above 0 where all of them are told, else 0."""
    told = np.ones(len(keys[0]), dtype=bool)
    both = np.zeros(len(keys[0]), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for key in keys:
            told &= key != 0
            both = (both + key.astype(np.uint64)) * np.uint64(0xBF58476D1CE4E5B9)
            both ^= both >> np.uint64(29)
            both = (both + _MULTIPLIER) * _MULTIPLIER
            both ^= both >> np.uint64(32)
    return np.where(told, both | np.uint64(1), np.uint64(0))


def _identifier(frame: pl.DataFrame, name: str, seed: int) -> Numbers:
    if frame[name].null_count() == len(frame):
        return np.zeros(len(frame), dtype=np.uint64)
    column = frame[name].cast(pl.String).str.to_uppercase().str.replace_all(r"[^\p{L}\d]", "")
    column = column.set(column.str.contains(r"^(.)$|^0*$").fill_null(value=False), None)
    if name in SCOPED:
        return together(hashed(column, seed), hashed(frame["owner"].cast(pl.String).fill_null("?"), seed))
    if name == "drivers_license" and "state" in frame.columns:
        return together(hashed(column, seed), hashed(frame["state"].cast(pl.String).fill_null("?"), seed))
    return hashed(column, seed)


def _names(given: pl.Series, family: pl.Series, seed: int) -> dict[str, Numbers]:
    first, last = hashed(given, seed), hashed(family, seed)
    low, high = np.minimum(first, last), np.maximum(first, last)
    initial = hashed(given.str.slice(0, 1), seed)
    return {
        "given": first,
        "family": last,
        "both": np.where(low != 0, together(low | np.uint64(1), high), np.uint64(0)),
        "called": hashed(given.replace(FORMAL), seed),
        "sound": together(hashed(_each_once(family, sounds), seed), initial),
    }


def _each_once(names: pl.Series, change: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Return what `change` makes of each name, worked out once for each that is another one."""
    different = names.unique()
    return names.replace_strict(different, change(different), default=None, return_dtype=pl.String)


def sounds(names: pl.Series) -> pl.Series:
    """Return what is left of names that sound alike: the first letter, then consonants by group without repeats."""
    rest = names.str.slice(1)
    for letters, digit in (
        ("aeiouyhw", ""), ("bfpv", "1"), ("cgjkqsxz", "2"), ("dt", "3"), ("l", "4"), ("mn", "5"), ("r", "6"),
    ):  # fmt: skip
        rest = rest.str.replace_all(f"[{letters}]+", digit)
    code = names.str.slice(0, 1) + rest.str.slice(0, 4)
    return code.set((names == "").fill_null(value=True), None)


def _line(column: pl.Series) -> pl.Series:
    spaced = column.str.to_lowercase().str.replace_all(r"[^\p{L}\d]+", " ").str.strip_chars(" ")
    # Each word between spaces of its own, so that of two neighbours both are found in one go.
    words = pl.select(pl.lit(" ") + spaced.str.replace_all(" ", "  ", literal=True) + pl.lit(" ")).to_series()
    spaced = words.str.replace_many([f" {long} " for long in _WAYS], [f" {short} " for short in _WAYS.values()])
    line = spaced.str.replace_all(" ", "", literal=True)
    return line.set((line.str.len_chars() < _LINE_LEAST).fill_null(value=False), None)


def _born(frame: pl.DataFrame) -> Numbers:
    if "birth_date" not in frame.columns:
        return np.zeros(len(frame), dtype=np.uint32)
    dates = frame["birth_date"].cast(pl.Date)
    nothing = dates.is_in(pl.Series(_NO_DATES).str.to_date().implode())
    days = dates.set(nothing.fill_null(value=False), None).to_physical().cast(pl.Int64) + _EPOCH_SHIFT
    return days.fill_null(0).clip(0, 2**31).cast(pl.UInt32).to_numpy()
