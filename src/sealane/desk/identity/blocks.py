"""Which aliases have a key in common, and which two of them are looked at.

A key is worked out from what aliases tell as it is wanted, so many aliases at a time, and never held for all of them
but in 32 bits: those that nobody else has are most, and are passed over first. Pure, on arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sealane.desk.identity.hashes import repeated

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Numbers = npt.NDArray[Any]
    Rows = slice | Numbers
    Of = Callable[[Rows], Numbers]
    """The key of some aliases, 0 where one has none."""
    Fits = Callable[[Numbers, Numbers], Numbers]
    """Whether each two of some aliases are worth a look."""

_AT_ONCE: Final = 1 << 21
_BITS: Final = 32
ALL_PAIRS_MAX: Final = 40
"""Aliases of one key of which each is compared with each; of more, with their nearest `_NEAR` in order of name."""
_NEAR: Final = 8
_SPREAD: Final = np.uint32(0x9E3779B1)
"""Odd, so that no two numbers become one."""
_LOW: Final = np.uint64(0xFFFFFFFF)


def repeated_rows(of: Of, count: int) -> Numbers:
    """Return the places, of so many, whose key is there more than once, those of one key beside each other."""
    short = np.empty(count, dtype=np.uint32)
    for begin in range(0, count, _AT_ONCE):
        short[begin : begin + _AT_ONCE] = _shortened(of(slice(begin, begin + _AT_ONCE)))
    twice = repeated(short)
    if not len(twice):
        return np.zeros(0, dtype=np.int64)
    bits = min(_BITS, count.bit_length() + 1)
    shift = np.uint32(_BITS - bits)
    table = np.zeros(1 << bits, dtype=np.bool_)
    table[twice >> shift] = True
    rows = np.concatenate(
        [
            begin
            + np.flatnonzero(table[short[begin : begin + _AT_ONCE] >> shift] & (short[begin : begin + _AT_ONCE] != 0))
            for begin in range(0, count, _AT_ONCE)
        ]
    )
    del short, table
    keys = of(rows)
    order = np.argsort(keys)
    rows, keys = rows[order], keys[order]
    same = keys[1:] == keys[:-1]
    alone = np.concatenate(([False], same)) | np.concatenate((same, [False]))
    return rows[alone]


def _shortened(keys: Numbers) -> Numbers:
    """Return keys in 32 bits; another one may become the same, and 0 stays 0."""
    if keys.dtype == np.uint32:
        return keys * _SPREAD
    return (keys >> np.uint64(_BITS)).astype(np.uint32) | (keys != 0)


def pairs_of(of: Of, count: int, nearness: Callable[[Numbers], tuple[Numbers, ...]], fits: Fits | None) -> Numbers:
    """Return pairs of aliases of equal key, as one number each (`codes`); some may be there twice.

    `nearness`: by what those are ordered whose key very many have, the last one first.
    """
    rows = repeated_rows(of, count)
    if not len(rows):
        return np.zeros(0, dtype=np.uint64)
    keys = of(rows)
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    sizes = np.diff(np.append(starts, len(keys)))
    if sizes.max() > ALL_PAIRS_MAX:
        places = np.flatnonzero(np.repeat(sizes > ALL_PAIRS_MAX, sizes))
        crowd = rows[places]
        rows[places] = crowd[np.lexsort((crowd, *nearness(crowd), keys[places]))]
    reach = np.repeat(np.where(sizes <= ALL_PAIRS_MAX, ALL_PAIRS_MAX, _NEAR).astype(np.uint8), sizes)
    made: list[Numbers] = []
    same = np.arange(len(keys))
    for step in range(1, ALL_PAIRS_MAX):
        same = same[: np.searchsorted(same, len(keys) - step)]
        same = same[(keys[same + step] == keys[same]) & (reach[same] > step)]
        if not len(same):
            break
        one, other = rows[same], rows[same + step]
        if fits is not None:
            good = fits(one, other)
            one, other = one[good], other[good]
        made.append(codes(np.minimum(one, other), np.maximum(one, other)))
    return np.concatenate(made)


def codes(low: Numbers, high: Numbers) -> Numbers:
    """Return each pair as one number: the lower alias above the higher one."""
    return (low.astype(np.uint64) << np.uint64(32)) | high.astype(np.uint64)


def sides(pairs: Numbers) -> tuple[Numbers, Numbers]:
    """Return the lower and the higher alias of each pair."""
    return (pairs >> np.uint64(32)).astype(np.int64), (pairs & _LOW).astype(np.int64)
