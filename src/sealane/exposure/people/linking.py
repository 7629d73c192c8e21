"""Who of a file's mentions is the same individual: the strict policy of docs/exposure.md, on whole columns at once.

Mentions are joined where a rule's key is equal and nothing contradicts. The error that harms is to join two people
into one, who then is never told; so a rule needs an identifier and a check, and a different birth date, a different
generation (Jr, Sr) or a very different Social Security number forbids what a name alone would join. Must stay true:
the result does not depend on the order of the mentions beyond which number an individual gets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sealane.exposure.people.homonyms import IDENTIFIERS, in_doubt, spelt_apart
from sealane.exposure.people.keys import mixed

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Numbers = npt.NDArray[Any]

POLICY: Final = "file-strict-4"
"""The name of these rules. A change of them changes counts, and therefore this name."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Joins mentions that agree on all of `keys`. `without`: only those that lack all of these."""

    keys: tuple[str, ...]
    without: tuple[str, ...] = ()
    checked: bool = True
    """Whether a contradiction (birth date, generation, Social Security number) forbids it."""
    apart: tuple[str, ...] = ()
    """Keys that forbid it where mentions of one group tell two of them."""
    doubted: bool = False
    """Whether it is forbidden too where a group speaks of two people of one name (`homonyms.py`)."""


_TELLING: Final = (*IDENTIFIERS, "account", "card", "phone", "email", "full")
"""One of these must be told for two mentions that say exactly the same to be of one individual."""

RULES: Final = (
    Rule(("reference",), checked=False),
    *(Rule((key, "born", part)) for key in ("member", "medicaid", "account") for part in ("start", "given")),
    *(Rule((key, other), checked=False) for key in ("ssn", "itin") for other in ("born", "start", "tail", "given")),
    *(
        Rule((key, other))
        for key in ("medicare", "record", "license", "passport")
        for other in ("born", "start", "tail", "given")
    ),
    *(Rule((key, "name")) for key in ("member", "medicaid", "account", "card", "phone", "email", "context")),
    # Twins share all of these but the given name.
    *(Rule(("born", *other, "given")) for other in (("line", "zip"), ("phone",), ("email",))),
    Rule(("name", "line", "zip")),
    # Where one of them tells no ZIP code, its street or city speaks for it.
    Rule(("name", "born", "line"), apart=("zip",)),
    # Last what two people of one name may share.
    Rule(("name", "born", "zip"), doubted=True),
    Rule(("name", "born"), without=("zip",), apart=("city",), doubted=True),
    Rule(("name", "born", "city"), apart=("zip",), doubted=True),
)


ALONE: Final = (*IDENTIFIERS, "account", "card", "email")
"""Identifiers that speak for a mention without a name, the strongest first."""


def individuals(keys: dict[str, Numbers], count: int) -> Numbers:
    """Return for each of `count` mentions the number of the individual it is of: the place of their first mention."""
    parent = np.arange(count, dtype=np.int64)
    keys = spelt_apart(keys)
    shared = {name: _shared(key) for name, key in keys.items() if name != "full"}
    if "full" in keys:
        shared["full"] = keys["full"] != 0
    for rule in RULES:
        if set(rule.keys) <= set(keys):
            first, second = _edges(rule, keys, shared, parent)
            _join(parent, first, second)
    _join(parent, *_identical(keys, shared, parent))
    for first, second in list(_nameless(keys, shared, parent)):
        _join(parent, first, second)
    return parent


def _nameless(
    keys: dict[str, Numbers], shared: dict[str, Numbers], parent: Numbers
) -> Iterator[tuple[Numbers, Numbers]]:
    """Yield what joins mentions without a name: to the one individual who has their number, else to each other.

    Each goes to whom its strongest number names, and to nobody where that is of two individuals: it must not join
    those.
    """
    named = keys["name"] != 0 if "name" in keys else np.zeros(len(parent), dtype=bool)
    free = ~named
    for key in ALONE:
        if key not in keys or not free.any():
            continue
        rows = np.flatnonzero(shared[key] & (named | free))
        if not free[rows].any():
            continue
        order = np.lexsort((free[rows], keys[key][rows]))
        rows = rows[order]
        starts = np.flatnonzero(np.concatenate(([True], keys[key][rows][1:] != keys[key][rows][:-1])))
        group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(rows))))
        roots = parent[rows]
        least = np.minimum.reduceat(np.where(named[rows], roots, len(parent)), starts)
        most = np.maximum.reduceat(np.where(named[rows], roots, -1), starts)
        nameless = ~named[rows]
        theirs = nameless & (least == most)[group]
        yield rows[theirs], least[group][theirs]
        alone = rows[nameless & (most == -1)[group]]
        same = keys[key][alone][1:] == keys[key][alone][:-1]
        yield alone[:-1][same], alone[1:][same]
        free[rows[nameless & (most >= 0)[group]]] = False


def _identical(keys: dict[str, Numbers], shared: dict[str, Numbers], parent: Numbers) -> tuple[Numbers, Numbers]:
    """Return neighbours of which everything that is told is the same: nothing could ever tell them apart."""
    there = np.zeros(len(parent), dtype=bool)
    for name in _TELLING:
        if name in keys:
            there |= keys[name] != 0
    for name, key in keys.items():
        there &= shared[name] | (key == 0)
    rows = np.flatnonzero(there)
    wide = np.zeros(len(rows), dtype=np.uint64)
    for name in sorted(keys):
        wide = mixed(wide, keys[name][rows])
    rows, wide = _unjoined(rows, wide, parent)
    order = np.argsort(wide, kind="stable")
    rows, same = rows[order], wide[order][1:] == wide[order][:-1]
    return rows[:-1][same], rows[1:][same]


def _shared(key: Numbers) -> Numbers:
    """Tell which mentions have a value of this key that another one has too."""
    ordered = np.sort(key)
    repeated = ordered[1:][ordered[1:] == ordered[:-1]]
    repeated = repeated[repeated != 0]
    if not len(repeated):
        return np.zeros(len(key), dtype=bool)
    if len(repeated) > len(key) // 4:
        return key != 0
    return np.isin(key, repeated) & (key != 0)


def _edges(
    rule: Rule, keys: dict[str, Numbers], shared: dict[str, Numbers], parent: Numbers
) -> tuple[Numbers, Numbers]:
    there = shared[rule.keys[0]].copy()
    for key in rule.keys[1:]:
        there &= shared[key]
    for key in rule.without:
        if key in keys and there.any():
            there &= keys[key] == 0
    rows = np.flatnonzero(there)
    if len(rows) < 2:  # noqa: PLR2004  nobody to join
        return rows[:0], rows[:0]
    wide = keys[rule.keys[0]][rows].astype(np.uint64)
    for key in rule.keys[1:]:
        wide = mixed(wide, keys[key][rows])
    rows, wide = _unjoined(rows, wide, parent)
    if (rule.apart or rule.doubted) and len(rows):
        sure = ~in_doubt(keys, rows, wide, parent[rows], apart=rule.apart, doubted=rule.doubted)
        rows, wide = rows[sure], wide[sure]
    return _neighbours(rule, keys, rows, wide)


def _unjoined(rows: Numbers, wide: Numbers, parent: Numbers) -> tuple[Numbers, Numbers]:
    """Keep only rows of which others have the same key that are not all of one individual already."""
    if not len(rows):
        return rows, wide
    order = np.argsort(wide)
    ordered = wide[order]
    begins = np.flatnonzero(np.concatenate((_FIRST, ordered[1:] != ordered[:-1])))
    if len(begins) == len(rows):
        return rows[:0], wide[:0]
    roots = parent[rows[order]]
    several = np.minimum.reduceat(roots, begins) != np.maximum.reduceat(roots, begins)
    kept = np.empty(len(rows), dtype=bool)
    kept[order] = np.repeat(several, np.diff(np.append(begins, len(rows))))
    return rows[kept], wide[kept]


_FIRST: Final = np.array([True])


def _neighbours(rule: Rule, keys: dict[str, Numbers], rows: Numbers, wide: Numbers) -> tuple[Numbers, Numbers]:
    """Return the neighbours of equal key in an order in which who agrees stands together."""
    told = [key for key in ("born", "suffix", "ssn") if rule.checked and key in keys]
    columns = [wide, *(keys[key][rows] for key in told)]
    order = np.lexsort(columns[::-1]) if len(columns) > 1 else np.argsort(wide, kind="stable")
    rows, wide = rows[order], wide[order]
    joined = wide[1:] == wide[:-1]
    first, second = rows[:-1], rows[1:]
    if rule.checked:
        places = np.flatnonzero(joined)
        joined[places] = ~contradict(keys, first[places], second[places])
    return first[joined], second[joined]


def contradict(keys: dict[str, Numbers], first: Numbers, second: Numbers) -> Numbers:
    """Tell for each pair of mentions whether what they say cannot be of one individual."""
    no = np.zeros(len(first), dtype=bool)
    if "born" in keys:
        differ = np.flatnonzero(_differ(keys["born"], first, second))
        no[differ] = ~_near_dates(keys["born"][first[differ]], keys["born"][second[differ]])
    if "ssn" in keys:
        differ = np.flatnonzero(_differ(keys["ssn"], first, second))
        no[differ] |= _digits_apart(keys["ssn"][first[differ]], keys["ssn"][second[differ]]) > 2  # noqa: PLR2004  a slip or a swap
    if "suffix" in keys:
        ours, theirs = keys["suffix"][first], keys["suffix"][second]
        same_day = keys["born"][first] == keys["born"][second] if "born" in keys else False
        told = keys["born"][first] != 0 if "born" in keys else False
        no |= (ours != theirs) & ~(same_day & told & ((ours == 0) | (theirs == 0)))
    return no


def _differ(key: Numbers, first: Numbers, second: Numbers) -> Numbers:
    return (key[first] != key[second]) & (key[first] != 0) & (key[second] != 0)


def _near_dates(first: Numbers, second: Numbers) -> Numbers:
    """Two of year, month, day agree and the years are near, or day and month are swapped: one date, mistyped."""
    ours, theirs = (_parts(days) for days in (first, second))
    agree = sum((a == b).astype(np.int8) for a, b in zip(ours, theirs, strict=True))
    close = np.abs(ours[0] - theirs[0]) <= 1
    swapped = (ours[0] == theirs[0]) & (ours[1] == theirs[2]) & (ours[2] == theirs[1])
    return ((agree >= 2) & close) | swapped  # noqa: PLR2004  of three


def _parts(days: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    dates = (days.astype(np.int64) - 100_000).astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    years = dates.astype("datetime64[Y]")
    return years.astype(np.int64), (months - years).astype(np.int64) + 1, (dates - months).astype(np.int64) + 1


def _digits_apart(first: Numbers, second: Numbers) -> Numbers:
    apart = np.zeros(len(first), dtype=np.int8)
    ours, theirs = first.astype(np.int64), second.astype(np.int64)
    for _ in range(9):
        apart += ours % 10 != theirs % 10
        ours, theirs = ours // 10, theirs // 10
    return apart


def _join(parent: Numbers, first: Numbers, second: Numbers) -> None:
    """Make all that these edges connect have one parent, in place. Ends with every mention pointing at its root."""
    while len(first):
        ours, theirs = parent[first], parent[second]
        apart = ours != theirs
        first, second, ours, theirs = first[apart], second[apart], ours[apart], theirs[apart]
        if not len(first):
            return
        np.minimum.at(parent, np.maximum(ours, theirs), np.minimum(ours, theirs))
        _settle(parent)


def _settle(parent: Numbers) -> None:
    while True:
        above = parent[parent]
        if np.array_equal(above, parent):
            return
        parent[:] = above
