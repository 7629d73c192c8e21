"""Hashes that stand for what is told, keyed with a desk's own number: above 0, since 0 is that nothing is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

    Numbers = npt.NDArray[Any]

_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)
_SECOND_MULTIPLIER: Final = np.uint64(0xBF58476D1CE4E5B9)


def hashed(column: pl.Series, seed: int) -> Numbers:
    """Return a number above 0 for each text, and 0 where nothing is told."""
    if column.null_count() == len(column):
        return np.zeros(len(column), dtype=np.uint64)
    absent = (column.is_null() | (column == "").fill_null(value=True)).to_numpy()
    return np.where(absent, np.uint64(0), column.hash(seed).to_numpy() | np.uint64(1))


def together(*keys: Numbers) -> Numbers:
    """Return one number for each row of several keys: above 0 where all of them are told, else 0."""
    told = np.ones(len(keys[0]), dtype=bool)
    both = np.zeros(len(keys[0]), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for key in keys:
            told &= key != 0
            both += key
            both *= _SECOND_MULTIPLIER
            both ^= both >> np.uint64(29)
            both += _MULTIPLIER
            both *= _MULTIPLIER
            both ^= both >> np.uint64(32)
    both |= np.uint64(1)
    both[~told] = 0
    return both


def repeated(values: Numbers) -> Numbers:
    """Return those values above 0 that are there more than once, each once, in order."""
    ordered = np.sort(values)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    return np.unique(twice[twice != 0])


def among(values: Numbers, ordered: Numbers) -> Numbers:
    """Tell which values are among others that rise."""
    if not len(ordered):
        return np.zeros(len(values), dtype=bool)
    places = np.searchsorted(ordered, values)
    places[places == len(ordered)] = 0
    return ordered[places] == values


def distinct(first: Numbers, second: Numbers) -> tuple[Numbers, Numbers]:
    """Return every pair of values that stand together, once, in order."""
    order = np.lexsort((second, first))
    first, second = first[order], second[order]
    new = np.concatenate(([True], (first[1:] != first[:-1]) | (second[1:] != second[:-1]))) if len(first) else order > 0
    return first[new], second[new]
