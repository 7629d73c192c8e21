"""What each alias tells, by itself, made comparable: one array a property, in which 0 is that nothing is told.

Values that cannot tell two people apart (numbers from sample cards, birth dates that old programs write for unknown)
are taken away here; values that turn out to be shared by many people are quarantined in `quarantining.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from sealane.desk.identity.hashes import hashed, together
from sealane.desk.identity.names import coded
from sealane.exposure.people.keys import folded

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers = npt.NDArray[Any]

SCOPED: Final = ("member_id", "medical_record_number", "account_number")
"""Numbers that mean something only beside the data owner who gave them."""
SOCIAL: Final = "ssn"
HASHED: Final = ("itin", "medicare_id", "medicaid_id", "passport", "drivers_license", *SCOPED, "card_number")
IDENTIFIERS: Final = (SOCIAL, *HASHED)
CONTACTS: Final = ("phone", "email")
COLUMNS: Final = (
    "given", "family", "suffix", "birth_date", *IDENTIFIERS, *CONTACTS, "line", "state", "zip", "owner",
)  # fmt: skip
"""What of an alias is looked at."""
_SPECIMENS: Final = frozenset(
    {78051120, 219099999, 123456789, 987654321, *(int(str(digit) * 9) for digit in range(1, 10))}
)
_ONE_DIGIT: Final = 9
_NINE_DIGITS: Final = 999_999_999
EPOCH_SHIFT: Final = 100_000
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
class Telling:
    """What the aliases of one frame tell."""

    count: int
    given: Numbers
    """Which of `given_names`."""
    given_names: pl.Series
    family: Numbers
    family_names: pl.Series
    born: Numbers
    """Days since 1970 shifted above 0."""
    suffix: Numbers
    social: Numbers
    """Social Security numbers as numbers, to tell a slip of a digit from another number."""
    identifiers: dict[str, Numbers]
    """All others; one that nobody of the frame has is left out, as of `contacts`."""
    contacts: dict[str, Numbers]
    line: Numbers
    """Hash of the street line alone."""
    zip: Numbers


def telling(aliases: pl.DataFrame, seed: int) -> Telling:
    """Return what these aliases (columns of a people list) tell. `seed`: this desk's own secret number."""
    frame = aliases.with_columns(
        pl.lit(None, dtype=pl.String).alias(name)
        for name in ("given", "family", "suffix", *IDENTIFIERS, *CONTACTS, "line", "zip", "owner")
        if name not in aliases.columns
    )
    given, given_names = coded(frame["given"], lambda names: folded(names.str.replace(r" \S\.?$", "")))
    family, family_names = coded(frame["family"], folded)
    identifiers = {name: _identifier(frame, name, seed) for name in HASHED}
    contacts = {name: hashed(frame[name].cast(pl.String), seed) for name in CONTACTS}
    zips = frame["zip"].cast(pl.String).str.slice(0, _ZIP_DIGITS).cast(pl.UInt32, strict=False)
    return Telling(
        count=len(frame),
        given=given,
        given_names=given_names,
        family=family,
        family_names=family_names,
        born=_born(frame),
        suffix=_suffix(frame["suffix"].cast(pl.String)),
        social=_social(frame[SOCIAL].cast(pl.String)),
        identifiers={name: key for name, key in identifiers.items() if key.any()},
        contacts={name: key for name, key in contacts.items() if key.any()},
        line=hashed(_line(frame["line"].cast(pl.String)), seed),
        zip=zips.fill_null(0).to_numpy(),
    )


def _suffix(column: pl.Series) -> Numbers:
    if column.null_count() == len(column):
        return np.zeros(len(column), dtype=np.uint8)
    plain = column.str.to_lowercase().str.strip_chars(". ")
    return plain.replace_strict(_SUFFIXES, default=0, return_dtype=pl.UInt8).fill_null(0).to_numpy()


def _social(column: pl.Series) -> Numbers:
    told = column.cast(pl.UInt32, strict=False).fill_null(0).to_numpy()
    nobodys = (told <= _ONE_DIGIT) | (told > _NINE_DIGITS) | np.isin(told, list(_SPECIMENS))
    return np.where(nobodys, np.uint32(0), told)


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


def _line(column: pl.Series) -> pl.Series:
    lower = column.str.to_lowercase()
    odd = lower.str.contains(r"[^a-z0-9 ]|  |^ | $").fill_null(value=False)
    if odd.any():
        spaced = lower.filter(odd).str.replace_all(r"[^\p{L}\d]+", " ").str.strip_chars(" ")
        lower = lower.scatter(odd.arg_true(), spaced)
    # Each word between spaces of its own, so that of two neighbours both are found in one go.
    words = pl.select(pl.lit(" ") + lower.str.replace_all(" ", "  ", literal=True) + pl.lit(" ")).to_series()
    words = words.str.replace_many([f" {long} " for long in _WAYS], [f" {short} " for short in _WAYS.values()])
    line = words.str.replace_all(" ", "", literal=True)
    return line.set((line.str.len_chars() < _LINE_LEAST).fill_null(value=False), None)


def _born(frame: pl.DataFrame) -> Numbers:
    if "birth_date" not in frame.columns:
        return np.zeros(len(frame), dtype=np.uint32)
    dates = frame["birth_date"].cast(pl.Date)
    nothing = dates.is_in(pl.Series(_NO_DATES).str.to_date().implode())
    days = dates.set(nothing.fill_null(value=False), None).to_physical().cast(pl.Int64) + EPOCH_SHIFT
    return days.fill_null(0).clip(0, 2**31).cast(pl.UInt32).to_numpy()
