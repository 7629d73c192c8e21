"""What two mentions must share before any rule could join them: a number a row each, cheap to make for every row.

`keys.py` makes all keys of a mention, which costs more than reading it; in most files nearly nobody shares anything, so
keys are made only for mentions that share a hint with another. Must stay true: two mentions that `linking.individuals`
joins directly share the number, which is not 0, of at least one hint (`test_exposure_hints.py` tries it).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from sealane.exposure.people.coded import bytes_of, numbers
from sealane.exposure.people.keys import (
    address,
    days_of,
    folded,
    folded_given,
    folded_letters,
    hashed,
    hashed_numbers,
    narrow,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from sealane.exposure.people.coded import Column

    Numbers = npt.NDArray[Any]

_FACTORS: Final = (np.uint32(0x9E3779B1), np.uint32(0x85EBCA6B))
_SORTED_AT_ONCE: Final = 2_000_000
_AFTER_SPACE: Final = np.uint8(33)
_VISIBLE: Final = 95
"""So many bytes from there on are of ASCII; what is below comes out above."""
_CAPITALS: Final = slice(65, 91)
_SMALL: Final = slice(97, 123)


def hints_of(columns: Mapping[str, Column], count: int, seed: int) -> dict[str, Numbers]:
    """Return the hints of mentions that were made alike, 32 bits each; one that no row has is left out."""
    hints = hashed_numbers(columns, seed)
    if "reference" in columns:
        hints["reference"] = narrow(hashed(columns["reference"], seed))
    nobody = np.zeros(count, dtype=np.uint32)
    given = _letters(columns["given"], folded_given, seed) if "given" in columns else nobody
    family = _letters(columns["family"], folded, seed) if "family" in columns else nobody
    code = narrow(hashed(columns["zip"], seed)) if "zip" in columns else nobody
    for shared_by_families in ("phone", "context"):
        if shared_by_families in hints:
            key = hints[shared_by_families]
            hints[shared_by_families] = _together(key != 0, key, given)
    if "birth_date" in columns:
        born = days_of(columns["birth_date"])
        hints["birth"] = _together((born != 0) & ((given | family) != 0), born, given, family)
    if "line" in columns and "zip" in columns:
        # Of twins at one address each shares this with themselves.
        line = numbers(columns["line"], lambda lines: _ends(lines, seed))
        hints["home"] = _together((line != 0) & (code != 0) & ((given | family) != 0), line, code, given)
    bare = (given | family) != 0
    for hint in hints.values():
        if bare.any():
            bare &= hint == 0
    if bare.any():
        hints["name"] = _together(bare, given, family)
    return {name: hint for name, hint in hints.items() if hint.any()}


def _letters(names: Column, fold: Callable[[pl.Series], pl.Series], seed: int) -> Numbers:
    return numbers(names, lambda values: narrow(folded_letters(values, fold, seed)))


def _together(told: Numbers, first: Numbers, *others: Numbers) -> Numbers:
    """Return one number for each row of several, 0 where it is not `told`. What goes in is seeded already."""
    made = first * _FACTORS[0]
    for other in others:
        made ^= made >> np.uint32(15)
        made += other
        made *= _FACTORS[1]
    made ^= made >> np.uint32(16)
    np.maximum(made, np.uint32(1), out=made)
    return made if told.all() else np.where(told, made, np.uint32(0))


def _ends(lines: pl.Series, seed: int) -> Numbers:
    """Return a number for each address line that is the same whatever its case and spaces.

    It is made of the first two and the last two letters or digits; lines have no space around them. Where one of these
    is no ASCII or a space, the line is asked as `keys.py` compares it.
    """
    ends, told = _four(lines)
    places = np.flatnonzero(((ends - _AFTER_SPACE) >= _VISIBLE).any(axis=0))
    if len(places):
        ends[:, places], _ = _four(address(lines.gather(pl.Series(places))))
    worth = np.random.default_rng(seed).integers(1, 2**31, size=256, dtype=np.uint32)
    worth[_CAPITALS] = worth[_SMALL]
    made = worth[ends[0]]
    for end in ends[1:]:
        made *= np.uint32(31)
        made += worth[end]
    np.maximum(made, np.uint32(1), out=made)
    return made if told.all() else np.where(told, made, np.uint32(0))


def _four(lines: pl.Series) -> tuple[Numbers, Numbers]:
    """Return the first two and the last two bytes of each line, of a single byte that one; and which have any."""
    data, offsets = bytes_of(lines)
    data = np.append(data, np.uint8(0))  # where an empty one may look, behind all and before
    begin, end = offsets[:-1], offsets[1:] - 1
    places = (begin, np.minimum(begin + 1, end), np.maximum(end - 1, begin), end)
    return np.stack([data[place] for place in places]), end >= begin


def sharing(hints: list[dict[str, Numbers]], sizes: list[int]) -> Numbers:
    """Return for every mention whether it shares a hint with another. Takes the hints of batches, and empties them."""
    count = sum(sizes)
    shared = np.zeros(count, dtype=bool)
    for name in sorted({name for batch in hints for name in batch}):
        column = np.zeros(count, dtype=np.uint32)
        begin = 0
        for batch, size in zip(hints, sizes, strict=True):
            if name in batch:
                column[begin : begin + size] = batch.pop(name)
            begin += size
        parts = -(-count // _SORTED_AT_ONCE)
        for part in range(parts):
            rows = np.flatnonzero(column if parts == 1 else (column != 0) & (column % np.uint32(parts) == part))
            # The hint above, the mention below: sorted, whoever shares a hint stands together.
            wide = column[rows].astype(np.uint64) << np.uint64(32)
            wide |= rows.astype(np.uint64)
            wide.sort()
            same = wide[1:] >> np.uint64(32) == wide[:-1] >> np.uint64(32)
            for side in (wide[1:], wide[:-1]):
                shared[side[same] & np.uint64(0xFFFFFFFF)] = True
    return shared
