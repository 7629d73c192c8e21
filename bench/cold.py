"""`python -m bench.cold [--scale 1:N]`: a campaign from its sealed people lists to every figure, on an empty desk.

The campaign is that of `bench.campaign`: each of its files becomes a people list, sealed, in which an alias is one telling
of somebody, and told otherwise by a second organization (another address). Told are the seconds and CPU seconds of opening
and taking the lists, of linking, of counting, the most memory, and the disk. Every figure (individuals, each data owner,
state and class) is held against DuckDB's over what the lists were made of; exit code 5 where one differs. No two
people's numbers are a slip apart (Damm's check digit) and no two have both names and the birth date in common, so that
each of them must come out: how often chance makes two people one is reckoned in docs/identity.md. Lists are written before, by a process of their own, and are kept; at 1:1
all that is said here goes in one command: `python -m bench.cold --scale 1:1`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from bench import campaign, replay
from sealane.desk import folder, maps, taking
from sealane.desk.facts import REGIONS
from sealane.desk.incidents.counting import affected
from sealane.desk.incidents.scoping import Evidence
from sealane.desk.sources import Directory
from sealane.exposure.people.crowd import PERSON
from sealane.vault.age.x25519 import X25519Identity
from tests.desk.worlds import World

KEY = X25519Identity(b"\x62" * 32)
GIVEN, FAMILY = 3_000, 60_000
_FIRST_DAY = -18_000
"""Days before 1970 on which the oldest was born."""
_DAYS = 29_000
_DAMM = np.array([
    [0, 3, 1, 7, 5, 9, 8, 6, 4, 2], [7, 0, 9, 2, 1, 5, 4, 8, 6, 3], [4, 2, 0, 6, 8, 7, 1, 3, 5, 9],
    [1, 7, 5, 0, 9, 8, 3, 4, 2, 6], [6, 1, 2, 3, 0, 4, 5, 9, 7, 8], [3, 6, 7, 4, 2, 0, 9, 5, 8, 1],
    [5, 8, 6, 9, 7, 2, 0, 1, 3, 4], [8, 9, 4, 5, 3, 6, 2, 0, 1, 7], [9, 4, 3, 8, 6, 1, 7, 2, 0, 5],
    [2, 5, 8, 1, 4, 3, 6, 7, 9, 0],
], dtype=np.uint8)  # fmt: skip
_BEFORE_CHECK = 8
_SPREAD = 7_919_777
"""Without a divisor in common with 10: the numbers of people who follow each other do not."""
_STRIDE = 200_000_000_033
"""Without a divisor in common with all names and birth dates that there may be, and small enough for 64 bits."""


def syllables(numbers, salt):
    """A pronounceable word for each number, the same each time."""
    words = campaign.mixed(numbers, salt)
    letters = [np.array(list(one)) for one in ("bcdfghjklmnprstv", "aeiou")]
    word = letters[0][words % 16]
    for place in range(1, 7):
        kind = letters[place % 2]
        word = np.char.add(word, kind[(words >> np.uint32(4 * place)) % len(kind)])
    return word


def names(count, salt):
    """So many names, no two alike."""
    made = syllables(np.arange(2 * count), salt)
    return made[np.sort(np.unique(made, return_index=True)[1])[:count]]


GIVEN_NAMES = names(GIVEN, 11)
FAMILY_NAMES = names(FAMILY, 12)


def social(roots):
    """A number of nine digits for each, of which no two are one digit or two swapped neighbours apart."""
    told = roots.astype(np.uint64) * np.uint64(_SPREAD) % np.uint64(10**_BEFORE_CHECK)
    check = np.zeros(len(roots), dtype=np.uint8)
    for place in reversed(range(_BEFORE_CHECK)):
        check = _DAMM[check, (told // np.uint64(10**place) % np.uint64(10)).astype(np.uint8)]
    return told * np.uint64(10) + check


def called(roots):
    """Given name, family name and birth date for each, as numbers: no two people have all three in common."""
    whole = np.uint64(GIVEN * FAMILY * _DAYS)
    place = roots.astype(np.uint64) * np.uint64(_STRIDE) % whole
    days, names = place // np.uint64(GIVEN * FAMILY), place % np.uint64(GIVEN * FAMILY)
    return names % np.uint64(GIVEN), names // np.uint64(GIVEN), days


def tellings(aliases, roots, states, masks, owners):
    """The rows of a people list: who these aliases are is told by names, birth date and number of their first one."""
    own = aliases != roots
    living = np.where(own, aliases, roots)
    given, family, days = called(roots)
    told = pl.DataFrame(
        {
            "given": GIVEN_NAMES[given],
            "family": FAMILY_NAMES[family],
            "birth_date": days.astype(np.int32) + _FIRST_DAY,
            "ssn": social(roots),
            "house": campaign.mixed(living, 24) % 9_000 + 1,
            "street": FAMILY_NAMES[campaign.mixed(living, 25) % 2_000],
            "zip": campaign.mixed(living, 26) % 89_999 + 10_000,
            "state": np.array(REGIONS)[states],
            "owner": np.char.add("owner ", owners.astype(str)),
            "mask": masks,
        }
    )
    missing = [
        pl.lit(None, dtype=pl.String).alias(name) for name in PERSON if name not in {*told.columns, "line", "city"}
    ]
    return told.with_columns(
        pl.col("birth_date").cast(pl.Date), pl.col("ssn").cast(pl.String).str.zfill(9), pl.col("zip").cast(pl.String),
        (pl.col("house").cast(pl.String) + " " + pl.col("street") + " Street").alias("line"),
        pl.lit("Portland").alias("city"), *missing,
    ).drop("house", "street")  # fmt: skip


def write(place, made):
    """Write a people list for each file, as a server gives them."""
    world = World(place, str(KEY.recipient()))
    roots = pl.read_parquet(made.maps, columns=["strict"])["strict"].to_numpy()
    facts = pq.ParquetFile(made.facts)
    rest = pl.DataFrame()
    for number in range(facts.num_row_groups + 1):
        if number < facts.num_row_groups:
            rest = pl.concat([rest, pl.DataFrame(facts.read_row_group(number))], how="diagonal")
        files = rest.partition_by("file", maintain_order=True)
        whole = files if number == facts.num_row_groups else files[:-1]
        for rows in whole:
            alias = rows["alias"].to_numpy()
            columns = (rows[name].to_numpy() for name in ("state", "mask", "owner"))
            world.at(campaign.stored(int(rows["file"][0])))
            world.file(f"processor:/{rows['file'][0]}.csv", tellings(alias, roots[alias], *columns))
        rest = pl.DataFrame() if number == facts.num_row_groups else files[-1]
    world.publish()


def measure(place, source):
    """Sync, link and count on an empty desk; print what each took, and return the figures."""
    folder.make(place, [str(KEY.recipient())])
    desk = folder.open_(place, [KEY])
    linking = [0.0, 0.0]
    link = maps.make

    def timed(*given):
        begun, cpu = time.perf_counter(), time.process_time()
        found = link(*given)
        linking[:] = time.perf_counter() - begun, time.process_time() - cpu
        return found

    maps.make = timed
    begun, cpu = time.perf_counter(), time.process_time()
    told = taking.sync(desk, source)
    wall, took = time.perf_counter() - begun, time.process_time() - cpu
    begun, cpu = time.perf_counter(), time.process_time()
    exposed = {one.version_id: Evidence.EXFILTRATED for one in told.taken.facts.files}
    figures = affected(told.taken.facts, told.taken.map, exposed, checkpoint="", ledger=1).figures
    counted, count_took = time.perf_counter() - begun, time.process_time() - cpu
    rows, aliases, took = told.individuals, len(told.taken.facts.aliases), took - linking[1]
    print(
        f"{rows:,} rows, {aliases:,} tellings: take {wall - linking[0]:.1f} s ({took:.1f} CPU s, {took / rows * 1e6:.2f} a"
        f" million rows), link {linking[0]:.1f} s ({linking[1]:.1f} CPU s, {linking[1] / aliases * 1e6:.2f} a million"
        f" tellings), count {counted:.1f} s ({count_took:.1f} CPU s); {wall + counted:.0f} s in all,"
        f" {replay.memory():.2f} GiB at most, {size_of(place) / 1e9:.2f} GB on disk, load {replay.load()}"
    )
    return {
        "strict": figures.people["strict"], "shared": figures.shared, "owners_sum": figures.owners_sum,
        "by_owner": figures.by_owner, "by_state": figures.by_state, "by_class": figures.by_class,
    }  # fmt: skip


def size_of(place):
    """Bytes of all files in a folder."""
    return sum(each.stat().st_size for each in place.rglob("*") if each.is_file())


def truth(made, place):
    """What DuckDB makes of what the lists were made of, kept beside the campaign."""
    kept = place / "cold.json"
    if not kept.exists():
        kept.write_text(json.dumps(replay.by_duckdb(made, place / "spill", numbered=replay.FIRST_TOLD)))
    return json.loads(kept.read_text())


def main():
    """Write the lists in a process of their own, then measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--scale", default="1:1000", help="1:N")
    parser.add_argument("--dir", type=Path, default=Path("build/replay"), help="where campaign and lists are kept")
    parser.add_argument("--only", choices=("write", "truth"), help="only write the lists, or only ask DuckDB")
    given = parser.parse_args()
    scale = int(given.scale.removeprefix("1:"))
    made = campaign.write(given.dir / f"1-{scale}", scale)
    place = given.dir / f"1-{scale}"
    lists = place / "lists"
    if given.only:
        write(lists, made) if given.only == "write" else truth(made, place)
        return
    if not (lists / "checkpoint").exists():
        shutil.rmtree(lists, ignore_errors=True)
        apart("write", given)
    print(f"1:{scale}: lists {size_of(lists) / 1e9:.2f} GB, facts and maps {size_of(place) / 1e9:.2f} GB with them")
    desk = given.dir / f"desk-1-{scale}"
    shutil.rmtree(desk, ignore_errors=True)
    ours = measure(desk, Directory(lists))
    shutil.rmtree(desk)
    apart("truth", given)
    wrong, cells = replay.differing(ours, truth(made, place))
    print(f"{cells:,} cells, {len(wrong)} differ" + "".join(f"\n  {one}" for one in wrong[:20]))
    sys.exit(5 if wrong else 0)


def apart(step, given):
    """Do a step in a process of its own, whose memory is not ours."""
    command = [sys.executable, "-m", "bench.cold", "--scale", given.scale, "--dir", str(given.dir), "--only", step]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
