"""`python -m bench.desk [ROW …]`: how well people are linked, how fast they are counted; replaces only its own rows.

Linking is measured on ten seeds of invented populations that nothing was tuned on (the worst counts) and, where
`FEBRL` and `PSEUDOPEOPLE` name folders of their data sets (`bench.linking`), on FEBRL 4 and on ten seeds of the other.
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import statistics
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl

from bench import linking, machine
from bench.__main__ import LATEST
from bench.exposure import nineteen_columns
from sealane.desk import folder, taking
from sealane.desk.facts import Facts, TakenFile
from sealane.desk.identity.linking import link
from sealane.desk.incidents.counting import affected
from sealane.desk.incidents.scoping import Evidence
from sealane.desk.maps import AboutMap, IdentityMap
from sealane.desk.notices import letters
from sealane.desk.notices.addressees import Addressee, InFiles
from sealane.desk.runs import FACT, Filling
from sealane.exposure.people.crowd import PERSON
from sealane.vault.age.x25519 import X25519Identity
from tests.desk.sources_of_people import population, rows_about, score
from tests.desk.test_desk_notices import PARTY
from tests.desk.worlds import World

SEEDS = range(700, 710)
NINETEEN = (
    "member", "given", "initial", "family", "suffix", "birth_date", "sex", "ssn", "line", "city", "state", "zip", "phone",
    "email", "group", "plan", "effective", "diagnosis", "claim",
)  # fmt: skip
GOALS = {
    "desk-hidden": ("per 10,000", 1.0, 0.0, "lower"),
    "desk-hidden-pseudopeople": ("per 10,000", 1.0, 0.0, "lower"),
    "desk-recall-febrl4": ("share", 0.97, 0.99, "higher"),
    "desk-count-1000": ("cpu-s", 2.0, 0.5, "lower"),
    "desk-sync-1m": ("cpu-s", 20.0, 8.0, "lower"),
    "desk-letters": ("letters/cpu-s", 100.0, 500.0, "higher"),
}


def hidden(households=8000):
    """People whom a false merge hides, of 10,000: the worst of ten seeds."""
    worst = 0.0
    for seed in SEEDS:
        rows, truth = rows_about(population(seed, households), seed)
        worst = max(worst, told_of(seed, score(truth, link(rows, seed).strict)))
    return {"desk-hidden": worst}


def febrl():
    """Recall of the strict policy on FEBRL 4, all pairs; FEBRL 3, which the rules were looked at on, is only told."""
    figures = {}
    for number in (3, 4):
        found = linking.febrl(number)
        if found is None:
            print("FEBRL names no folder: its row is left as it is")
            return {}
        truth, rows = found
        told = score(truth, link(rows, 1).strict)
        print(f"FEBRL {number}: precision {told.precision:.5f}, recall {told.recall:.4f}, {told.hidden} hidden")
        figures = {"desk-recall-febrl4": told.recall}
    return figures


def pseudopeople():
    """People whom a false merge hides, of 10,000, on pseudopeople's five sources: the worst of ten seeds."""
    worst = 0.0
    for seed in linking.PSEUDOPEOPLE_SEEDS:
        found = linking.pseudopeople(seed)
        if found is None:
            print("PSEUDOPEOPLE names no folder: its row is left as it is")
            return {}
        truth, rows = found
        worst = max(worst, told_of(seed, score(truth, link(rows, seed).strict)))
    return {"desk-hidden-pseudopeople": worst}


def told_of(seed, told):
    """Print a score; return the hidden of 10,000."""
    print(
        f"seed {seed}: {told.hidden} of {told.people} hidden, precision {told.precision:.4f}, recall {told.recall:.4f}"
    )
    return told.hidden / told.people * 10_000


def counting(files=1000, pairs=3750):
    """Count a session of 1,000 files, 3.75 million pairs, of an index of ten times as many aliases."""
    dice = np.random.default_rng(1)
    aliases = files * pairs
    first = dice.integers(0, aliases - pairs, files)
    table = pl.DataFrame(
        {
            "file": np.repeat(np.arange(files), pairs),
            "alias": np.concatenate([np.arange(begin, begin + pairs) for begin in first]),
            "owner": np.repeat(dice.integers(0, 1255, files), pairs),
            "state": dice.integers(0, 60, files * pairs),
            "mask": dice.integers(1, 2**20, files * pairs),
        },
        schema=FACT,
    )
    taken = [TakenFile(f"v{n}", datetime.fromtimestamp(n, UTC), "complete", "x", pairs, pairs) for n in range(files)]
    runs = Filling(len(table)).take({name: table[name].to_numpy() for name in FACT}).runs()
    facts = Facts(1, taken, [f"owner {n}" for n in range(1255)], range(aliases), runs)
    roots = np.arange(aliases, dtype=np.uint32)
    roots[1::8] -= 1
    identity = IdentityMap(1, AboutMap(1, "strict-4", "loose-4", "", {}, 0), roots, roots)
    exposed = {f"v{n}": Evidence.EXFILTRATED for n in range(files)}
    return {"desk-count-1000": median(lambda: affected(facts, identity, exposed, checkpoint="", ledger=1))}


def syncing(rows=1_000_000, files=10):
    """Sync and link a million rows, cold: opening the lists, facts, both maps, all sealed again."""
    with tempfile.TemporaryDirectory() as place:
        key = X25519Identity.new()
        folder.make(Path(place) / "desk", [str(key.recipient())])
        desk = folder.open_(Path(place) / "desk", [key])
        world = World(Path(place) / "server", str(key.recipient()))
        for number in range(files):
            world.file(f"plan{number}:/members.csv", members(rows // files, number * rows // files))
        source = world.publish()
        begun = time.process_time()
        told = taking.sync(desk, source)
        took = time.process_time() - begun
        people = len(np.unique(told.taken.map.strict))
        print(f"{told.individuals} rows, {len(told.taken.facts.aliases)} aliases, {people} people")
    return {"desk-sync-1m": took * 1_000_000 / rows}


def members(count, first):
    """A list of members; nobody is in two of them."""
    frame = pl.read_csv(io.BytesIO(nineteen_columns(count, first + 1)), has_header=False, infer_schema=False)
    frame = frame.rename(dict(zip(frame.columns, NINETEEN, strict=True)))
    told = frame.select(
        "given", "family", pl.col("birth_date").str.to_date(), pl.col("ssn").str.replace_all("-", ""), "line", "city",
        "state", "zip",
    )  # fmt: skip
    missing = [pl.lit(None, dtype=pl.String).alias(name) for name in PERSON if name not in told.columns]
    return told.with_columns(*missing, pl.lit(0b1100111, dtype=pl.UInt32).alias("mask"))


def printing(count=1000):
    """Letters as tagged PDF."""
    occasion = letters.Occasion(PARTY, "Plan", date(2026, 3, 1), date(2026, 3, 12), date(2026, 4, 2))
    people = [
        Addressee(
            number=n,
            given="Given",
            family=f"Family{n}",
            minor=False,
            line=f"{n} Oak St",
            city="Town",
            state="ME",
            zip="04101",
            email="",
            owners=("plan",),
            classes=("name", "ssn", "claim"),
            files=(InFiles("claims file", "plan", ("name", "ssn", "claim")),),
        )
        for n in range(count)
    ]
    return {"desk-letters": count / median(lambda: list(letters.as_pdf(occasion, people)))}


def median(work, runs=3):
    """CPU seconds of work, the median of some runs."""
    took = []
    for _ in range(runs):
        begun = time.process_time()
        work()
        took.append(time.process_time() - begun)
    return statistics.median(took)


WORK = {
    "desk-hidden": hidden, "desk-hidden-pseudopeople": pseudopeople, "desk-recall-febrl4": febrl, "desk-count-1000": counting, "desk-sync-1m": syncing,
    "desk-letters": printing,
}  # fmt: skip


def main():
    """Measure the rows that are named, all of them otherwise."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("rows", nargs="*", choices=[[], *WORK], help="only these rows")
    wanted = parser.parse_args().rows or list(WORK)
    figures = {}
    for row in wanted:
        figures |= WORK[row]()
    print(f"at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    save(figures)


def save(figures):
    """Put these rows in the place of their own in the record."""
    record = json.loads(LATEST.read_text()) if LATEST.exists() else {"rows": []}
    kept = [row for row in record["rows"] if row["id"] not in figures]
    for row, ours in figures.items():
        unit, least, aim, better = GOALS[row]
        reached = ours >= least if better == "higher" else ours <= least
        print(f"{row:20} {ours:10.3f} {unit:14} at least {least}, aim {aim}{'' if reached else '   NOT REACHED'}")
        kept.append(
            {"id": row, "client": "sealane", "peer": "the issue's figure", "unit": unit, "ours": ours, "theirs": least,
             "ratio": ours / least, "better": better, "runs": 3, "at_least": 1.0, "aim": aim / least}
        )  # fmt: skip
    record |= {
        "machine": machine.description(),
        "date": datetime.now(UTC).date().isoformat(),
        "commit": machine.commit(),
        "rows": kept,
    }
    LATEST.parent.mkdir(exist_ok=True)
    LATEST.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
