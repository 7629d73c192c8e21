"""A campaign of the size of 2023's, as linked facts in Parquet: who is in which stolen file, invented, the same each time.

77 million people, 2,600 organizations, about 98,700 files and 293 million pairs of person and file at 1:1. Sizes of
organizations fall as Zipf has it; each tells of 30 % people whom earlier ones told of, half of them otherwise than they
did (a new alias); twelve hold files of many data owners. Written organization by organization: no part is large.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sealane.desk.facts import facts_writer

PEOPLE, ORGANIZATIONS, FILES, PAIRS = 77_000_000, 2_600, 98_705, 293_298_052
AGAIN = 0.3
OTHERWISE = 0.5
PROCESSORS = 12
OWNERS_OF_PROCESSOR = 40
REGIONS_TOLD = 54
ROWS_A_BATCH = 1_000_000
"""As the desk writes its facts: file after file, until there are so many rows."""
SCHEMA = pa.schema(
    [
        ("file", pa.uint32()),
        ("alias", pa.uint32()),
        ("owner", pa.uint32()),
        ("state", pa.uint8()),
        ("mask", pa.uint32()),
    ]
)
_ODD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Campaign:
    """What was written, and where."""

    facts: str
    maps: str
    """alias, strict, loose."""
    files: int
    pairs: int
    aliases: int
    people: int
    organizations: int


def mixed(numbers, salt):
    """A number of 32 bits for each, the same each time."""
    with np.errstate(over="ignore"):
        product = (numbers.astype(np.uint64) + np.uint64(salt)) * _ODD
        product ^= product >> np.uint64(29)
        return ((product * _ODD) >> np.uint64(32)).astype(np.uint32)


def stored(number):
    """When a file was stored: not in the order in which files are numbered."""
    return datetime.fromtimestamp(1_600_000_000 + (number * 7_919) % 90_000_001, UTC)


def write(place, scale, seed=1):
    """Write facts and maps into a folder, unless they are there; return what they are."""
    about = place / "about.json"
    if about.exists():
        return Campaign(**json.loads(about.read_text()))
    place.mkdir(parents=True, exist_ok=True)
    organizations = max(PROCESSORS + 8, ORGANIZATIONS // scale)
    weights = 1 / np.arange(10, organizations + 10) ** 0.9
    weights /= weights.sum()
    new = np.maximum(30, (PEOPLE / scale * weights).astype(np.int64))
    counts = np.maximum(3, np.round(FILES / scale * np.sqrt(weights) / np.sqrt(weights).sum())).astype(np.int64)
    dice = np.random.Generator(np.random.PCG64(seed))
    roots, file_number, pairs, aliases = [], 0, 0, 0
    with facts_writer(place / "facts.parquet") as facts:
        waiting = []
        for number in range(organizations):
            members, told = members_of(dice, int(new[number]), aliases, roots)
            aliases += told
            for table in tables_of(number, organizations, members, file_number, int(counts[number])):
                waiting.append(table)
                pairs += len(table)
                if sum(map(len, waiting)) >= ROWS_A_BATCH:
                    facts.write_table(pa.concat_tables(waiting), row_group_size=2 * ROWS_A_BATCH)
                    waiting = []
            file_number += int(counts[number])
        facts.write_table(pa.concat_tables([SCHEMA.empty_table(), *waiting]))
    strict = np.concatenate(roots)
    loose = looser(strict)
    columns = {"alias": np.arange(len(strict), dtype=np.uint32), "strict": strict, "loose": loose}
    pq.write_table(pa.table(columns), place / "maps.parquet", compression="zstd", compression_level=1)
    people = int(np.count_nonzero(strict == columns["alias"]))
    made = Campaign(
        str(place / "facts.parquet"),
        str(place / "maps.parquet"),
        file_number,
        pairs,
        len(strict),
        people,
        organizations,
    )
    about.write_text(json.dumps(made.__dict__))
    return made


def members_of(dice, new, known, roots):
    """The aliases of an organization's people in order, and how many of them are new; `roots` grows by those."""
    if not roots:
        roots.append(np.arange(new, dtype=np.uint32))
        return roots[0], new
    earlier = np.unique(dice.integers(0, known, int(new * AGAIN)))
    otherwise = earlier[mixed(earlier, known) < np.uint32(2**32 * OTHERWISE)]
    same = np.setdiff1d(earlier, otherwise, assume_unique=True)
    fresh = np.arange(known, known + new + len(otherwise), dtype=np.uint32)
    roots.append(np.concatenate([fresh[:new], roots_of(roots, otherwise)]))
    return np.concatenate([same.astype(np.uint32), fresh]), len(fresh)


def roots_of(roots, aliases):
    """The first alias of each of these people."""
    begins = np.cumsum([0, *(len(part) for part in roots)])
    parts = np.searchsorted(begins, aliases, side="right") - 1
    found = np.empty(len(aliases), dtype=np.uint32)
    for part in np.unique(parts):
        chosen = parts == part
        found[chosen] = roots[part][aliases[chosen] - begins[part]]
    return found


def tables_of(number, organizations, members, first, files):
    """The facts of an organization's files, each sorted by owner and alias."""
    size = min(len(members), max(1, round(len(members) * PAIRS / PEOPLE / (1 + AGAIN) / files)))
    processor = number % max(1, organizations // PROCESSORS) == 1
    for step in range(files):
        begin = step * len(members) // files
        alias = np.sort(members[(begin + np.arange(size)) % len(members)])
        chance = mixed(alias, 7)
        owner = np.full(size, number, dtype=np.uint32)
        if processor:
            owner = ((number + chance % OWNERS_OF_PROCESSOR) % organizations).astype(np.uint32)
        moved = mixed(alias, first + step) % 25 == 0
        state = np.where(moved, chance // 7 % REGIONS_TOLD, chance % REGIONS_TOLD).astype(np.uint8)
        mask = (
            (mixed(np.array([number]), 3) | np.uint32(1))
            & np.uint32(0xFFFFF)
            & ~(chance & (chance >> 9) & np.uint32(0xFFFFE))
        )
        order = np.lexsort((alias, owner))
        columns = [np.full(size, first + step, dtype=np.uint32), alias, owner, state, mask.astype(np.uint32)]
        yield pa.table([column[order] for column in columns], schema=SCHEMA)


def looser(strict):
    """A map that joins one in thirty-two people more."""
    own = strict == np.arange(len(strict), dtype=np.uint32)
    target = strict.copy()
    joined = np.flatnonzero(own[1:] & own[:-1] & (np.arange(1, len(strict)) % 32 == 1)) + 1
    target[joined] = strict[joined] - 1
    return target[strict]
