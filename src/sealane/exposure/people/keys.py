"""What people are compared by: for each column a number a row, in which 0 means that nothing is told.

Hashes are made with a seed of this scan alone, so that no file can be written so that its people collide. 32 bits are
enough for what is only ever used together with another key; names and references have 64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from sealane.exposure.people.alike import on_some

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers = npt.NDArray[Any]

_EPOCH_SHIFT: Final = 100_000
"""Days added to a date so that each from 1880 on is above 0."""
_SPECIMENS: Final = frozenset({78051120, 219099999, 123456789, 987654321, 111111111, 333333333, 888888888})
"""Numbers that stand on sample cards and in test data: they join nobody."""
_HASHED: Final = {
    "itin": "itin",
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
    "zip": "zip",
    "context": "context",
}
_SUFFIXES: Final = {"jr": 1, "sr": 2, "ii": 1, "2nd": 1, "iii": 3, "3rd": 3, "iv": 4}


def keys_of(frame: pl.DataFrame, seed: int) -> dict[str, Numbers]:
    """Return the keys of mentions that were made alike; a key that no row has is left out."""
    keys: dict[str, Numbers] = {}
    for name, key in _HASHED.items():
        if name in frame.columns:
            keys[key] = _narrow(_hash(frame[name], seed))
    if "reference" in frame.columns:
        keys["reference"] = _hash(frame["reference"], seed)
    if "line" in frame.columns:
        keys["line"] = _narrow(_hash(_address(frame["line"]), seed))
    if "ssn" in frame.columns:
        keys["ssn"] = _social(frame["ssn"])
    if "birth_date" in frame.columns:
        days = frame["birth_date"].to_physical().cast(pl.Int32) + _EPOCH_SHIFT
        keys["born"] = days.fill_null(0).cast(pl.UInt32).to_numpy()
    if "suffix" in frame.columns:
        codes = frame["suffix"].str.to_lowercase().str.strip_chars(". ")
        keys["suffix"] = codes.replace_strict(_SUFFIXES, default=0, return_dtype=pl.UInt8).fill_null(0).to_numpy()
    keys |= _names(frame, seed)
    return {name: key for name, key in keys.items() if key.any()}


def _names(frame: pl.DataFrame, seed: int) -> dict[str, Numbers]:
    keys: dict[str, Numbers] = {}
    given = folded(_without_initial(frame["given"])) if "given" in frame.columns else None
    family = folded(frame["family"]) if "family" in frame.columns else None
    if given is not None:
        keys["start"] = _narrow(_hash(given.str.slice(0, 3), seed))
    if given is not None and family is not None:
        keys["tail"] = _narrow(_hash(family.str.slice(0, 6) + given.str.slice(0, 1), seed))
    first = _letters(given, seed) if given is not None else None
    last = _letters(family, seed) if family is not None else None
    if first is not None:
        keys["given"] = _narrow(first)
    if first is not None and last is not None:
        keys["name"] = np.where((first != 0) | (last != 0), mixed(first, last) | np.uint64(1), np.uint64(0))
        keys["full"] = ((first != 0) & (last != 0)).astype(np.uint8)
    elif first is not None or last is not None:
        keys["name"] = first if first is not None else last  # type: ignore[assignment]
    return keys


def _letters(names: pl.Series, seed: int) -> Numbers:
    """Return one number for the letters of each name in whatever order: two that were swapped make no difference."""
    worth = np.random.default_rng(seed).integers(1, 2**63, size=256, dtype=np.uint64)
    texts = names.fill_null("").cast(pl.Binary)
    sizes = texts.bin.size().to_numpy().astype(np.int64)
    ends = np.cumsum(sizes)
    sums = np.concatenate(([np.uint64(0)], np.cumsum(worth[np.frombuffer(b"".join(texts.to_list()), dtype=np.uint8)])))
    found = sums[ends] - sums[ends - sizes]
    return np.where(sizes > 0, found | np.uint64(1), np.uint64(0))


def _without_initial(given: pl.Series) -> pl.Series:
    spaced = given.str.contains(" ", literal=True)
    return on_some(given, spaced, lambda part: part.str.replace(r" \S\.?$", ""))


def folded(column: pl.Series) -> pl.Series:
    """Return names as they are compared: letters of any script, lower case, without accents."""
    lower = column.str.to_lowercase()
    beyond = lower.str.len_bytes() != lower.str.len_chars()
    lower = on_some(lower, beyond, lambda part: part.str.normalize("NFKD").str.replace_all(r"\p{M}", ""))
    odd = lower.str.contains(r"[^a-z]")
    return on_some(lower, odd, lambda part: part.str.replace_all(r"[^\p{L}]", ""))


def _address(column: pl.Series) -> pl.Series:
    return column.str.to_lowercase().str.replace_all(" ", "", literal=True)


def _social(column: pl.Series) -> Numbers:
    numbers = column.cast(pl.UInt32, strict=False).fill_null(0).to_numpy()
    return np.where(np.isin(numbers, list(_SPECIMENS)), np.uint32(0), numbers)


def _hash(column: pl.Series, seed: int) -> Numbers:
    hashed = column.hash(seed).to_numpy() | np.uint64(1)
    absent = column.is_null() | (column == "").fill_null(value=True)
    return np.where(absent.to_numpy(), np.uint64(0), hashed)


def _narrow(hashed: Numbers) -> Numbers:
    """Return the upper half of a hash; a value that is told stays above 0."""
    return ((hashed >> np.uint64(32)) | (hashed & np.uint64(1))).astype(np.uint32)


_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)


def mixed(first: Numbers, second: Numbers) -> Numbers:
    """Return one 64-bit number for each pair, as good as a hash of both."""
    with np.errstate(over="ignore"):
        both = (first.astype(np.uint64) + _MULTIPLIER) * _MULTIPLIER
        both ^= both >> np.uint64(29)
        both = (both + second.astype(np.uint64)) * np.uint64(0xBF58476D1CE4E5B9)
        return both ^ (both >> np.uint64(32))
