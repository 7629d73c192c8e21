"""`python -m bench.replay [--scale 1:N]`: every breakdown of a whole campaign, held against DuckDB's cell by cell.

At 1:1 it is 77 million people, 2,600 organizations, about 98,700 files and 293 million pairs (`bench.campaign`). Told are
seconds and CPU seconds of decoding the Parquet, of the desk's count of everything, and the most memory that both took;
DuckDB, an engine of its own, answers the same from the same Parquet afterwards, in a process of its own; what it
answered is kept beside the campaign, so that a second run in the same folder is the desk's alone.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from bench import campaign
from sealane.desk.facts import REGIONS, Facts, TakenFile
from sealane.desk.incidents.counting import affected
from sealane.desk.incidents.scoping import Evidence
from sealane.desk.maps import AboutMap, IdentityMap
from sealane.desk.runs import FACT, Filling
from sealane.exposure.model import BIT

DUCKDB_MEMORY = "6GB"
THREADS = 2
SLICE = 30_000_000
"""Aliases of the map that DuckDB looks at together: what it groups by fits its memory."""
LATEST = "max((place << 47) + (told::UBIGINT << 6) + state) FILTER (state <> 0)"
"""The last of the dated facts, of the file that was stored last, with its state in the lowest bits: 17, 41 and 6."""
EACH_FACT = "file_row_number"
FIRST_TOLD = "(first_of << 29) + min(file_row_number) OVER (PARTITION BY alias, state)"
"""As people lists come: by data owner as each came first, then by telling, of which another state makes another."""


def columns_of(path, schema):
    """The columns of a Parquet file as arrays, row group by row group: never twice in memory."""
    file = pq.ParquetFile(path)
    found = {name: np.empty(file.metadata.num_rows, dtype=kind) for name, kind in schema.items()}
    begin = 0
    for batch in file.iter_batches(1 << 20, columns=list(schema), use_threads=False):
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            found[name][begin : begin + len(batch)] = column.to_numpy()
        begin += len(batch)
    return found


def loaded(made):
    """The campaign as the desk has it in memory."""
    facts = pq.ParquetFile(made.facts)
    filling = Filling(facts.metadata.num_rows)
    for number in range(facts.num_row_groups):
        table = facts.read_row_group(number, columns=list(FACT))
        filling.take({name: table[name].to_numpy() for name in FACT})
    maps = columns_of(made.maps, {"strict": np.uint32, "loose": np.uint32})
    files = [TakenFile(f"v{n}", campaign.stored(n), "complete", "x", 1, 1) for n in range(made.files)]
    owners = [f"owner {n}" for n in range(made.organizations)]
    identity = IdentityMap(1, AboutMap(1, "strict", "loose", "", {}, 0), maps["strict"], maps["loose"])
    return Facts(1, files, owners, range(made.aliases), filling.runs()), identity


def by_the_desk(made):
    """Every breakdown, as the desk counts it, and what it took."""
    begun, cpu = time.perf_counter(), time.process_time()
    facts, identity = loaded(made)
    decoded, decoded_cpu = time.perf_counter() - begun, time.process_time() - cpu
    exposed = {one.version_id: Evidence.EXFILTRATED for one in facts.files}
    begun, cpu = time.perf_counter(), time.process_time()
    figures = affected(facts, identity, exposed, checkpoint="", ledger=1).figures
    took, took_cpu = time.perf_counter() - begun, time.process_time() - cpu
    print(
        f"decode {decoded:.1f} s ({decoded_cpu:.1f} CPU s), count {took:.1f} s ({took_cpu:.1f} CPU s), {memory():.2f} GiB at most, load {load()}",
        file=sys.stderr,
        flush=True,
    )
    return {
        "strict": figures.people["strict"], "loose": figures.people["loose"], "shared": figures.shared,
        "owners_sum": figures.owners_sum, "by_owner": figures.by_owner, "by_state": figures.by_state,
        "by_class": figures.by_class,
    }  # fmt: skip


def memory():
    """GiB of memory at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)


def by_duckdb(made, spill, at_once=SLICE, numbered=EACH_FACT):
    """The same, by SQL on the same Parquet, slice after slice of the map: a person's tellings are all in one slice."""
    import duckdb  # noqa: PLC0415  only the process that asks it loads it

    order = sorted(range(made.files), key=campaign.stored)
    place = pl.DataFrame({"file": order, "place": range(made.files)}, schema={"file": pl.UInt32, "place": pl.UInt64})
    asked = duckdb.connect(config={"memory_limit": DUCKDB_MEMORY, "threads": THREADS, "temp_directory": str(spill)})
    asked.register("place", place.to_arrow())
    asked.execute(
        f"CREATE VIEW facts AS FROM read_parquet('{made.facts}', file_row_number = true);"
        f" CREATE VIEW maps AS FROM read_parquet('{made.maps}');"
        " CREATE TEMP TABLE came AS SELECT owner, row_number() OVER (ORDER BY min(file_row_number)) AS first_of FROM facts GROUP BY owner;"
        " CREATE TEMP TABLE by_owner (owner UINTEGER, people BIGINT); CREATE TEMP TABLE by_state (state UTINYINT, people BIGINT)"
    )
    one = loose = shared = 0
    classes = [0] * len(BIT)
    masks = ", ".join(f"count(*) FILTER (mask & {bit} <> 0)" for bit in BIT.values())
    for begin in range(0, made.aliases, at_once):
        here = f"BETWEEN {begin} AND {begin + at_once - 1}"
        asked.execute(
            f"CREATE OR REPLACE TEMP TABLE slice AS SELECT alias, strict FROM maps WHERE strict {here};"
            f" CREATE OR REPLACE TEMP TABLE owned AS SELECT strict, owner, bit_or(mask) AS mask, {LATEST} AS latest"
            f" FROM (SELECT *, {numbered} AS told FROM facts JOIN slice USING (alias) JOIN came USING (owner)) JOIN place USING (file) GROUP BY strict, owner;"
            " CREATE OR REPLACE TEMP TABLE people AS SELECT strict, count(*) AS owners, bit_or(mask) AS mask,"
            " coalesce(max(latest) & 63, 0) AS state FROM owned GROUP BY strict;"
            " INSERT INTO by_owner SELECT owner, count(*) FROM owned GROUP BY owner;"
            " INSERT INTO by_state SELECT state, count(*) FROM people GROUP BY state"
        )
        told = asked.sql(f"SELECT count(*), count(*) FILTER (owners > 1), {masks} FROM people").fetchall()[0]
        one, shared = one + told[0], shared + told[1]
        classes = [sum(both) for both in zip(classes, told[2:], strict=True)]
        wider = (
            f"SELECT DISTINCT loose FROM facts JOIN (SELECT alias, loose FROM maps WHERE loose {here}) USING (alias)"
        )
        loose += asked.sql(f"SELECT count(*) FROM ({wider})").fetchall()[0][0]
    owners = dict(asked.sql("SELECT owner, sum(people)::BIGINT FROM by_owner GROUP BY owner").fetchall())
    states = dict(asked.sql("SELECT state, sum(people)::BIGINT FROM by_state GROUP BY state").fetchall())
    print(f"{memory():.2f} GiB at most", file=sys.stderr, flush=True)
    return {
        "strict": one, "loose": loose, "shared": shared, "owners_sum": sum(owners.values()),
        "by_owner": {f"owner {number}": count for number, count in owners.items()},
        "by_state": {REGIONS[code]: count for code, count in states.items()},
        "by_class": {kind.value: count for kind, count in zip(BIT, classes, strict=True) if count},
    }  # fmt: skip


def by_daft(made, python):
    """The same by Daft, on the same Parquet, in the environment of this Python."""
    given = {
        "facts": made.facts, "maps": made.maps, "order": sorted(range(made.files), key=campaign.stored),
        "bits": {kind.value: bit for kind, bit in BIT.items()}, "regions": REGIONS,
    }  # fmt: skip
    program = Path(__file__).with_name("by_daft.py")
    done = subprocess.run([python, str(program)], input=json.dumps(given).encode(), check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def differing(ours, theirs):
    """The cells in which two answers are not the same, and how many were looked at."""
    cells, wrong = 0, []
    for name in ours:
        mine, other = ours[name], theirs[name]
        if not isinstance(mine, dict):
            mine, other = {"": mine}, {"": other}
        for key in sorted(mine.keys() | other.keys()):
            cells += 1
            if mine.get(key) != other.get(key):
                wrong.append((name, key, mine.get(key), other.get(key)))
    return wrong, cells


STEPS = ("write", "desk", "duckdb")


def apart(step, given):
    """What a step answers in a process of its own: its memory is its own too."""
    command = [sys.executable, "-m", "bench.replay", "--scale", given.scale, "--dir", str(given.dir), "--only", step]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def by_duckdb_once(kept, given):
    """DuckDB's answer about this campaign, which is the same each time: it is kept beside it."""
    if kept.exists():
        print(f"DuckDB's answer is the one of {kept}")
        return json.loads(kept.read_text())
    begun, cpu = time.perf_counter(), children_cpu()
    theirs = apart("duckdb", given)
    print(f"DuckDB {time.perf_counter() - begun:.1f} s ({children_cpu() - cpu:.1f} CPU s), load {load()}", flush=True)
    kept.write_text(json.dumps(theirs))
    return theirs


def load():
    """How many processes wanted to run, over the last 1, 5 and 15 minutes."""
    return " ".join(f"{one:.0f}" for one in os.getloadavg())


def children_cpu():
    """CPU seconds of all steps so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main():
    """Write the campaign, count it, and hold the answer against DuckDB's."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--scale", default="1:1000", help="1:N; 1:1 wants 15 GB of disk and 8 GB of memory")
    parser.add_argument("--dir", type=Path, default=Path("build/replay"), help="where the campaign is written and kept")
    parser.add_argument("--only", choices=STEPS, help="only this step, its answer as JSON")
    given = parser.parse_args()
    scale = int(given.scale.removeprefix("1:"))
    place = given.dir / f"1-{scale}"
    if given.only:
        made = campaign.write(place, scale)
        answers = {
            "write": lambda: None,
            "desk": lambda: by_the_desk(made),
            "duckdb": lambda: by_duckdb(made, place / "spill"),
        }
        json.dump(answers[given.only](), sys.stdout)
        return
    begun = children_cpu()
    apart("write", given)
    made = campaign.write(place, scale)
    size = Path(made.facts).stat().st_size
    print(
        f"1:{scale}: {made.people:,} people, {made.aliases:,} aliases, {made.organizations:,} organizations, {made.files:,} files, {made.pairs:,}"
        f" pairs, {size / 1e6:.0f} MB ({size / made.pairs:.2f} bytes a pair); written in {children_cpu() - begun:.1f} CPU s",
        flush=True,
    )
    ours = apart("desk", given)
    theirs = by_duckdb_once(place / "duckdb.json", given)
    wrong, cells = differing(ours, theirs)
    print(f"{cells:,} cells, {len(wrong)} differ" + "".join(f"\n  {one}" for one in wrong[:20]))
    sys.exit(5 if wrong else 0)


if __name__ == "__main__":
    main()
