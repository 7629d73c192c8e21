"""Where a name does not tell people apart: groups of mentions that it must not join, names that only look mistyped.

In such a group mentions are joined by numbers and addresses only. Must stay true: whether a group is in doubt depends
on what its mentions say and on who was joined before, never on their order or on hashes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sealane.exposure.people.keys import mixed, narrow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    Numbers = npt.NDArray[Any]

IDENTIFIERS: Final = ("ssn", "itin", "medicare", "medicaid", "member", "record", "license", "passport")
_SPEAKING: Final = (*IDENTIFIERS, "line", "phone", "email")
"""What tells two people of one name and birth date from one whose data was changed or mistyped."""
_TWO: Final = 2


def spelt_apart(keys: Mapping[str, Numbers]) -> dict[str, Numbers]:
    """Return keys in which Christian and Christina differ, where a file has both: neither is the other mistyped.

    `called` (the hash of a given name that many people have) is used up; names spelt otherwise are a third one then.
    """
    made = dict(keys)
    called = made.pop("called", None)
    for name in ("name", "given"):
        if called is None or name not in made:
            continue
        key = made[name]
        rows = np.flatnonzero(called)
        rows = rows[np.lexsort((called[rows], key[rows]))]
        several = (key[rows][1:] == key[rows][:-1]) & (called[rows][1:] != called[rows][:-1])
        if several.any():
            concerned = np.isin(key, np.unique(key[rows][1:][several]))
            wide = mixed(key, called) | np.uint64(1)
            made[name] = np.where(concerned, wide if key.dtype == np.uint64 else narrow(wide), key)
    return made


def in_doubt(
    keys: Mapping[str, Numbers], rows: Numbers, groups: Numbers, roots: Numbers, *, apart: Sequence[str], doubted: bool
) -> Numbers:
    """Tell for each of some mentions (`rows`) whether those of its group may be two people.

    `groups`: a number a group. `roots`: who was joined before. `apart`: keys of which a group must not tell two values.
    `doubted`: also where two individuals of a group both tell an identifier and one thing more, by none of which they
    were joined: one thing alone that differs may be a slip, or a new address.
    """
    order = np.lexsort((roots, groups))
    groups, roots, ordered = groups[order], roots[order], rows[order]
    begins = np.concatenate(([True], groups[1:] != groups[:-1]))
    group = np.cumsum(begins) - 1
    doubt = np.zeros(int(group[-1]) + 1, dtype=bool)
    starts = np.flatnonzero(begins)
    for name in apart:
        if name in keys:
            said = keys[name][ordered]
            most = np.maximum.reduceat(said, starts)
            least = np.minimum.reduceat(np.where(said == 0, most[group], said), starts)
            doubt |= least != most
    if doubted:
        firsts = np.flatnonzero(begins | np.concatenate(([True], roots[1:] != roots[:-1])))
        _mark(keys, ordered, firsts, group[firsts], doubt)
    told = np.empty(len(rows), dtype=bool)
    told[order] = doubt[group]
    return told


def _mark(keys: Mapping[str, Numbers], ordered: Numbers, firsts: Numbers, group: Numbers, doubt: Numbers) -> None:
    """Mark the groups in which two individuals tell things of one kind that joined them to nobody.

    `firsts`: where the mentions of each individual of a group begin; `group`: which group that is.
    """
    several = np.bincount(group, minlength=len(doubt))[group] >= _TWO
    if not several.any():
        return
    tells = {
        name: np.logical_or.reduceat(keys[name][ordered] != 0, firsts)[several] for name in _SPEAKING if name in keys
    }
    group = group[several]
    for name in IDENTIFIERS:
        if name not in tells or not _twice(tells[name], group, len(doubt)).any():
            continue
        for other, tell in tells.items():
            if other != name:
                doubt |= _twice(tells[name] & tell, group, len(doubt))


def _twice(individuals: Numbers, group: Numbers, count: int) -> Numbers:
    """Return for each group whether two of its individuals are among these."""
    return np.bincount(group[individuals], minlength=count) >= _TWO
