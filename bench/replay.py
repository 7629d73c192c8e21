"""`python -m bench.replay [--scale 1:N]`: every breakdown of a whole campaign, held against DuckDB's cell by cell.

At 1:1 it is 77 million people, 2,600 organizations, about 98,700 files and 293 million pairs (`bench.campaign`). Told are
seconds and CPU seconds of decoding the Parquet, of the desk's count of everything, and the most memory that both took;
DuckDB, an engine of its own, answers the same from the same Parquet afterwards, in a process of its own.
"""

from __future__ import annotations

import argparse
import json
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

DUCKDB_MEMORY = "4GB"
THREADS = 2


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
        f"decode {decoded:.1f} s ({decoded_cpu:.1f} CPU s), count {took:.1f} s ({took_cpu:.1f} CPU s), {memory():.2f} GiB at most",
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


def by_duckdb(made, spill):
    """The same, by SQL on the same Parquet."""
    import duckdb  # noqa: PLC0415  only the process that asks it loads it

    order = sorted(range(made.files), key=campaign.stored)
    place = pl.DataFrame({"file": order, "place": range(made.files)}, schema={"file": pl.UInt32, "place": pl.Int64})
    asked = duckdb.connect(config={"memory_limit": DUCKDB_MEMORY, "threads": THREADS, "temp_directory": str(spill)})
    asked.register("place", place.to_arrow())
    asked.execute(
        "CREATE VIEW told AS SELECT strict, loose, owner, mask, state, place * (1::BIGINT << 36) + line_of_it AS moment FROM"
        f" (SELECT *, file_row_number AS line_of_it FROM read_parquet('{made.facts}', file_row_number = true))"
        f" JOIN (SELECT alias, strict, loose FROM read_parquet('{made.maps}')) USING (alias) JOIN place USING (file)"
    )
    asked.execute(
        "CREATE TEMP TABLE people AS SELECT strict, bit_or(mask) AS mask,"
        " coalesce(arg_max(state, moment) FILTER (state <> 0), 0) AS state FROM told GROUP BY strict"
    )
    owners = dict(asked.sql("SELECT owner, count(DISTINCT strict) FROM told GROUP BY owner").fetchall())
    states = dict(asked.sql("SELECT state, count(*) FROM people GROUP BY state").fetchall())
    masks = ", ".join(f"count(*) FILTER (mask & {bit} <> 0)" for bit in BIT.values())
    classes = asked.sql(f"SELECT {masks} FROM people").fetchall()[0]
    one = asked.sql("SELECT count(*) FROM people").fetchall()[0][0]
    loose = asked.sql("SELECT count(*) FROM (SELECT loose FROM told GROUP BY loose)").fetchall()[0][0]
    shared = "SELECT count(*) FROM (SELECT strict FROM (SELECT DISTINCT strict, owner FROM told) GROUP BY strict HAVING count(*) > 1)"
    return {
        "strict": one, "loose": loose, "shared": asked.sql(shared).fetchall()[0][0], "owners_sum": sum(owners.values()),
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


def children_cpu():
    """CPU seconds of all steps so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main():
    """Write the campaign, count it, and hold the answer against DuckDB's."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--scale", default="1:1000", help="1:N; 1:1 wants 30 GB of disk and 7 GB of memory")
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
    begun, cpu = time.perf_counter(), children_cpu()
    theirs = apart("duckdb", given)
    print(f"DuckDB {time.perf_counter() - begun:.1f} s ({children_cpu() - cpu:.1f} CPU s)")
    wrong, cells = differing(ours, theirs)
    print(f"{cells:,} cells, {len(wrong)} differ" + "".join(f"\n  {one}" for one in wrong[:20]))
    sys.exit(5 if wrong else 0)


if __name__ == "__main__":
    main()
