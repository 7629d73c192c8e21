"""`python -m bench.cold [--scale 1:N]`: a campaign from its sealed people lists to every figure, on an empty desk.

The campaign is that of `bench.campaign`: each of its files becomes a people list, sealed, in which an alias is one telling
of somebody (told otherwise by a second organization: another address, and a slip in the family name now and then). Told
are the CPU seconds of opening and taking the lists, of linking, of counting, and the most memory; of individuals
there must come out as many as were made. Lists are written before, by a process of their own.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from bench import campaign
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
_SOCIAL = 799_999_999


def syllables(numbers, salt):
    """A pronounceable word for each number, the same each time."""
    words = campaign.mixed(numbers, salt)
    letters = [np.array(list(one)) for one in ("bcdfghjklmnprstv", "aeiou")]
    word = letters[0][words % 16]
    for place in range(1, 7):
        kind = letters[place % 2]
        word = np.char.add(word, kind[(words >> np.uint32(4 * place)) % len(kind)])
    return word


GIVEN_NAMES = syllables(np.arange(GIVEN), 11)
FAMILY_NAMES = syllables(np.arange(FAMILY), 12)


def tellings(aliases, roots, states, masks, owners):
    """The rows of a people list: who these aliases are is told by names, birth date and number of their first one."""
    own = aliases != roots
    living = np.where(own, aliases, roots)
    numbers = roots.astype(np.uint64) * np.uint64(7_919_777) % np.uint64(_SOCIAL) + np.uint64(100_000_001)
    told = pl.DataFrame(
        {
            "given": GIVEN_NAMES[campaign.mixed(roots, 21) % GIVEN],
            "family": FAMILY_NAMES[campaign.mixed(roots, 22) % FAMILY],
            "birth_date": (campaign.mixed(roots, 23) % _DAYS).astype(np.int32) + _FIRST_DAY,
            "ssn": numbers,
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
        pl.col("birth_date").cast(pl.Date), pl.col("ssn").cast(pl.String), pl.col("zip").cast(pl.String),
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


def measure(place, source, made):
    """Sync, link and count on an empty desk; print what each took, and whether the figures are those that were made."""
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
    counted = time.process_time() - cpu
    rows, aliases = told.individuals, len(told.taken.facts.aliases)
    print(
        f"{rows:,} rows, {aliases:,} aliases: take {wall - linking[0]:.1f} s ({took - linking[1]:.1f} CPU s,"
        f" {(took - linking[1]) / rows * 1e6:.2f} a million rows), link {linking[0]:.1f} s ({linking[1]:.1f} CPU s,"
        f" {linking[1] / aliases * 1e6:.2f} a million aliases), count {time.perf_counter() - begun:.1f} s ({counted:.1f} CPU s),"
        f" {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20):.2f} GiB at most"
    )
    print(
        f"{figures.people['strict']:,} individuals, {made.people:,} made; {sum(figures.by_owner.values()):,} with each owner"
    )
    return figures


def main():
    """Write the lists in a process of their own, then measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--scale", default="1:1000", help="1:N")
    parser.add_argument("--dir", type=Path, default=Path("build/replay"), help="where campaign and lists are kept")
    parser.add_argument("--only-write", action="store_true", help="only write the lists")
    given = parser.parse_args()
    scale = int(given.scale.removeprefix("1:"))
    made = campaign.write(given.dir / f"1-{scale}", scale)
    lists = given.dir / f"1-{scale}" / "lists"
    if given.only_write:
        write(lists, made)
        return
    if not (lists / "checkpoint").exists():
        command = [sys.executable, "-m", "bench.cold", "--scale", given.scale, "--dir", str(given.dir), "--only-write"]
        subprocess.run(command, check=True)
    measure(given.dir / f"desk-{datetime.now(UTC):%H%M%S}", Directory(lists), made)


if __name__ == "__main__":
    main()
