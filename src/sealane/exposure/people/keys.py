"""What people are compared by: for each column a number a row, in which 0 means that nothing is told.

Hashes are made with a seed of this scan alone, so that no file can be written so that its people collide. 32 bits are
enough for what is only ever used together with another key; names and references have 64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from sealane.exposure.people.alike import lowered, on_some
from sealane.exposure.people.coded import bytes_of, changed, numbers
from sealane.exposure.tables.names import GIVEN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from sealane.exposure.people.coded import Column

    Numbers = npt.NDArray[Any]

_EPOCH_SHIFT: Final = 100_000
"""Days added to a date so that each from 1880 on is above 0."""
_SPECIMENS: Final = frozenset({78051120, 219099999, 123456789, 987654321, 111111111, 333333333, 888888888})
"""Numbers that stand on sample cards and in test data: they join nobody."""
_HASHED: Final = {
    "medicare_id": "medicare",
    "medicaid_id": "medicaid",
    "member_id": "member",
    "medical_record_number": "record",
    "drivers_license": "license",
    "passport": "passport",
    "account_number": "account",
    "card_number": "card",
    "phone": "phone",
    "email": "email",
    "context": "context",
}
_ZERO: Final = 48
_NINE: Final = 57
_FIRST_LETTER: Final = 97
_LETTERS: Final = 26
_LOWER: Final = 32
"""ASCII."""
_SUFFIXES: Final = {"jr": 1, "sr": 2, "ii": 1, "2nd": 1, "iii": 3, "3rd": 3, "iv": 4}


def keys_of(columns: Mapping[str, Column], seed: int) -> dict[str, Numbers]:
    """Return the keys of mentions that were made alike; a key that no row has is left out."""
    keys = hashed_numbers(columns, seed)
    if "zip" in columns:
        keys["zip"] = narrow(hashed(columns["zip"], seed))
    if "city" in columns:
        keys["city"] = narrow(hashed(changed(columns["city"], folded), seed))
    if "reference" in columns:
        keys["reference"] = hashed(columns["reference"], seed)
    if "line" in columns:
        keys["line"] = narrow(hashed(changed(columns["line"], address), seed))
    if "birth_date" in columns:
        keys["born"] = days_of(columns["birth_date"])
    if "suffix" in columns:
        keys["suffix"] = numbers(columns["suffix"], _suffix)
    keys |= _names(columns, seed)
    return {name: key for name, key in keys.items() if key.any()}


def hashed_numbers(columns: Mapping[str, Column], seed: int) -> dict[str, Numbers]:
    """Return the keys that come of one column each and name an individual nearly by themselves."""
    keys = {key: narrow(hashed(columns[name], seed)) for name, key in _HASHED.items() if name in columns}
    for name in ("ssn", "itin"):
        if name in columns:
            keys[name] = numbers(columns[name], _social)
    return keys


def days_of(births: Column) -> Numbers:
    """Return dates as days, all above 0."""
    return numbers(
        births,
        lambda dates: (dates.to_physical().cast(pl.Int32) + _EPOCH_SHIFT).fill_null(0).cast(pl.UInt32).to_numpy(),
    )


def _suffix(values: pl.Series) -> Numbers:
    codes = values.str.to_lowercase().str.strip_chars(". ")
    return codes.replace_strict(_SUFFIXES, default=0, return_dtype=pl.UInt8).fill_null(0).to_numpy()


def _names(columns: Mapping[str, Column], seed: int) -> dict[str, Numbers]:
    keys: dict[str, Numbers] = {}
    given = changed(columns["given"], folded_given) if "given" in columns else None
    family = changed(columns["family"], folded) if "family" in columns else None
    first = letters(given, seed) if given is not None else None
    last = letters(family, seed) if family is not None else None
    if given is not None and first is not None:
        keys["start"] = narrow(hashed(changed(given, lambda names: names.str.slice(0, 3)), seed))
        keys["given"] = narrow(first)
        keys["called"] = narrow(hashed(changed(given, _common), seed))
    if first is not None or last is not None:
        keys["name"] = name_of(first, last)
    if given is not None and family is not None:
        keys["full"] = ((first != 0) & (last != 0)).astype(np.uint8)  # type: ignore[union-attr]
        initial = hashed(changed(given, lambda names: names.str.slice(0, 1)), seed)
        head = hashed(changed(family, lambda names: names.str.slice(0, 6)), seed)
        keys["tail"] = np.where((initial != 0) & (head != 0), narrow(mixed(head, initial)), np.uint32(0))
    return keys


def _common(names: pl.Series) -> pl.Series:
    """Return names that many people have, others as absent: who is called Christian is not Christina mistyped."""
    return names.set(~names.is_in(GIVEN).fill_null(value=False), None)


def name_of(first: Numbers | None, last: Numbers | None) -> Numbers:
    """Return one number for each whole name; a part that nobody has is the same as one that a mention lacks."""
    there = first if first is not None else last
    assert there is not None, "one of them is there"
    first = first if first is not None else np.zeros(len(there), dtype=np.uint64)
    last = last if last is not None else np.zeros(len(there), dtype=np.uint64)
    return np.where((first != 0) | (last != 0), mixed(first, last) | np.uint64(1), np.uint64(0))


def letters(names: Column, seed: int) -> Numbers:
    """Return one number for the first letter of each name and the others in whatever order.

    So two that were swapped make no difference. Digits do: names of which only these differ are of people who were
    given numbers for names.
    """
    return numbers(names, lambda values: _letters(values, seed))


def folded_letters(names: pl.Series, fold: Callable[[pl.Series], pl.Series], seed: int) -> Numbers:
    """Return `letters` of names once they were folded. Where all are letters of ASCII, folding only lowers them."""
    data, offsets = bytes_of(names)
    lower = data | np.uint8(_LOWER)
    if (lower - np.uint8(_FIRST_LETTER) < _LETTERS).all():
        return _sums(lower, offsets, seed)
    return _letters(fold(names), seed)


def _letters(values: pl.Series, seed: int) -> Numbers:
    data, offsets = bytes_of(values)
    sums = _sums(data, offsets, seed)
    if not ((data >= _ZERO) & (data <= _NINE)).any():
        return sums
    digits = values.fill_null("").str.replace_all(r"[^0-9]", "")
    told = np.where((digits != "").to_numpy(), digits.hash(seed).to_numpy(), np.uint64(0))
    return np.where(sums != 0, (sums ^ told) | np.uint64(1), np.uint64(0))


def _sums(data: Numbers, offsets: Numbers, seed: int) -> Numbers:
    """Return for each text what its bytes are worth together, its first one apart; above 0 where it has any."""
    worth, begun = np.random.default_rng(seed).integers(1, 2**63, size=(2, 256), dtype=np.uint64)
    sums = np.zeros(len(data) + 1, dtype=np.uint64)
    np.cumsum(worth[data], out=sums[1:])
    found = (sums[offsets[1:]] - sums[offsets[:-1]]) | np.uint64(1)
    first = begun[np.append(data, np.uint8(0))[offsets[:-1]]]
    return np.where(offsets[1:] > offsets[:-1], (found ^ first) | np.uint64(1), np.uint64(0))


def folded_given(column: pl.Series) -> pl.Series:
    """Return given names as they are compared: without the initial behind them."""
    return folded(_without_initial(column))


def _without_initial(given: pl.Series) -> pl.Series:
    spaced = given.str.contains(" ", literal=True)
    return on_some(given, spaced, lambda part: part.str.replace(r" \S\.?$", ""))


def folded(column: pl.Series) -> pl.Series:
    """Return names as they are compared: letters of any script, lower case, without accents; digits tell apart."""
    lower = column.str.to_lowercase()
    beyond = lower.str.len_bytes() != lower.str.len_chars()
    lower = on_some(lower, beyond, lambda part: part.str.normalize("NFKD").str.replace_all(r"\p{M}", ""))
    odd = lower.str.contains(r"[^a-z]")
    return on_some(lower, odd, lambda part: part.str.replace_all(r"[^\p{L}\p{Nd}]", ""))


def address(column: pl.Series) -> pl.Series:
    """Return address lines as they are compared: in lower case, without spaces."""
    return lowered(column).str.replace_all(" ", "", literal=True)


def _social(column: pl.Series) -> Numbers:
    told = column.fill_null(0).to_numpy()
    return np.where(np.isin(told, list(_SPECIMENS)), np.uint32(0), told)


def hashed(column: Column, seed: int) -> Numbers:
    """Return a hash of each value, 0 where there is none."""
    return numbers(column, lambda values: _hash(values, seed))


def _hash(column: pl.Series, seed: int) -> Numbers:
    made = column.hash(seed).to_numpy() | np.uint64(1)
    if not column.null_count() and column.str.len_bytes().min():
        return made
    absent = column.is_null() | (column == "").fill_null(value=True)
    return np.where(absent.to_numpy(), np.uint64(0), made) if absent.any() else made


def narrow(wide: Numbers) -> Numbers:
    """Return the upper half of a hash; a value that is told stays above 0."""
    return np.maximum((wide >> np.uint64(32)).astype(np.uint32), (wide != 0).astype(np.uint32))


_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)


def mixed(first: Numbers, second: Numbers) -> Numbers:
    """Return one 64-bit number for each pair, as good as a hash of both."""
    with np.errstate(over="ignore"):
        both = (first.astype(np.uint64) + _MULTIPLIER) * _MULTIPLIER
        both ^= both >> np.uint64(29)
        both = (both + second.astype(np.uint64)) * np.uint64(0xBF58476D1CE4E5B9)
        return both ^ (both >> np.uint64(32))
