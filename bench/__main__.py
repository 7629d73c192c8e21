"""`python -m bench [--quick] [ROW …]`: measure, print the table, write `bench/results/latest.json`."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from bench import machine, rounds, rows, servers, work

LATEST = Path(__file__).parent / "results" / "latest.json"


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--quick", action="store_true", help="every row once, with less work")
    words.add_argument("rows", nargs="*", help=f"only these: {', '.join(rows.GOALS)}")
    chosen = words.parse_args()
    wanted = set(chosen.rows or rows.GOALS)
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {machine.CLIENT_CORE})  # what is measured has its core for itself
    # Small files are about syncing and need a real disk; SEALANE_BENCH_FOLDER names another place.
    folder = Path(tempfile.mkdtemp(prefix="sealane-bench-", dir=os.environ.get("SEALANE_BENCH_FOLDER")))
    try:
        made = servers.keys(folder)
        costs = machine.processor()
        bench = work.Bench(folder, made, work.QUICK if chosen.quick else work.FULL)
        rounds.measure(bench, wanted)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    fresh = rows.results(bench, costs["sha256"])
    kept = []
    if LATEST.exists():
        measured = {_line_of(row) for row in fresh}
        kept = [row for row in json.loads(LATEST.read_text())["rows"] if _line_of(row) not in measured]
    record = {
        "machine": machine.description(),
        "machine_cpu_s_per_gib": costs,
        "date": datetime.now(UTC).date().isoformat(),
        "commit": machine.commit(),
        "rows": fresh + kept,
    }
    LATEST.parent.mkdir(exist_ok=True)
    LATEST.write_text(json.dumps(record, indent=1) + "\n")
    show(record, bench)


def _line_of(row: dict) -> str:
    """Return the line of the issue's table that a row is of: both directions of it are replaced together."""
    return row["id"].partition(" ")[0]


def show(record: dict, bench: work.Bench) -> None:
    print(f"{record['machine']}; {record['date']}; commit {record['commit']}")
    costs = ", ".join(f"{name} {value:.2f}" for name, value in record["machine_cpu_s_per_gib"].items())
    print(f"The processor, CPU seconds a GiB: {costs}\n")
    print(f"{'row':24} {'unit':10} {'ours':>9} {'theirs':>9} {'ratio':>7} {'at least':>9} {'aim':>6}  peer")
    for row in record["rows"]:
        reached = row["ratio"] <= row["at_least"] if row["better"] == "lower" else row["ratio"] >= row["at_least"]
        print(
            f"{row['id']:24} {row['unit']:10} {row['ours']:9.2f} {row['theirs']:9.2f} {row['ratio']:7.2f} "
            f"{row['at_least']:9.2f} {row['aim']:6.2f}  {row['peer']}{'' if reached else '   NOT REACHED'}"
            + (f"   ({row['note']})" if "note" in row else "")
        )
    print()
    for row, figures in bench.figures.items():
        for who, values in figures.items():
            print(f"  {row}: {who}: {', '.join(f'{value:.2f}' for value in values)}")


if __name__ == "__main__":
    main()
