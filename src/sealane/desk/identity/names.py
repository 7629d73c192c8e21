"""The names that aliases bear, each once: an alias has their numbers, and what a name is worth is worked out once.

Must stay true: a name's number does not depend on which aliases were read together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from sealane.desk.identity.hashes import hashed
from sealane.desk.identity.nicknames import FORMAL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    Numbers = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Names:
    """All names; number 0 is that none is told."""

    texts: pl.Series
    hashes: Numbers
    called: Numbers
    """Hash of the given name that a short form stands for, or of the name itself."""
    sounds: Numbers
    initials: Numbers


def coded(column: pl.Series, fold: Callable[[pl.Series], pl.Series]) -> tuple[Numbers, pl.Series]:
    """Return a number for each text, and what `fold` makes of each that is another one, by these numbers."""
    encoded = column.cast(pl.String).fill_null("").to_arrow(compat_level=pl.CompatLevel.oldest()).dictionary_encode()
    return encoded.indices.to_numpy(), fold(pl.Series(encoded.dictionary, dtype=pl.String))


def names_of(spellings: Sequence[pl.Series], seed: int) -> tuple[Names, list[Numbers]]:
    """Return the names that these tell, each once, and for each of these which names they are."""
    every = pl.concat([pl.Series([""], dtype=pl.String), *(one.unique() for one in spellings)]).unique()
    every = every.filter(every != "")
    known, places = np.unique(hashed(every, seed), return_index=True)
    texts = pl.concat([pl.Series([""], dtype=pl.String), every.gather(places)])
    numbers = []
    for one in spellings:
        told = hashed(one, seed)
        numbers.append(np.where(told != 0, np.searchsorted(known, told) + 1, 0).astype(np.uint32))
    return Names(
        texts=texts,
        hashes=np.concatenate((np.zeros(1, dtype=np.uint64), known)),
        called=hashed(texts.replace(FORMAL), seed),
        sounds=hashed(sounds(texts), seed),
        initials=hashed(texts.str.slice(0, 1), seed),
    ), numbers


def sounds(names: pl.Series) -> pl.Series:
    """Return what is left of names that sound alike: the first letter, then consonants by group without repeats."""
    rest = names.str.slice(1)
    for letters, digit in (
        ("aeiouyhw", ""), ("bfpv", "1"), ("cgjkqsxz", "2"), ("dt", "3"), ("l", "4"), ("mn", "5"), ("r", "6"),
    ):  # fmt: skip
        rest = rest.str.replace_all(f"[{letters}]+", digit)
    code = names.str.slice(0, 1) + rest.str.slice(0, 4)
    return code.set((names == "").fill_null(value=True), None)
