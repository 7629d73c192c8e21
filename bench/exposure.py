"""`python -m bench.exposure [--memory GIB] [ROW …]`: how well and how fast files are read; replaces only its own rows.

Quality is measured on invented populations of seeds that nothing was tuned on (the worst of ten) and on the labelled text
beside the repository, speed on one core with what the scan costs in all: reading, joining, counting, the people list.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import os
import random
import statistics
import tempfile
import time
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from bench import machine
from bench.__main__ import LATEST
from sealane.exposure.people.lists import write_list
from sealane.exposure.prose.findings import findings
from sealane.exposure.scan import scan
from sealane.exposure.tables.columns import find_layout
from sealane.exposure.tables.headers import meaning_of
from sealane.exposure.tables.names import FAMILY, GIVEN
from sealane.exposure.tables.slots import Slot
from tests.exposure.composed import composed
from tests.exposure.populations import people, roster
from tests.exposure.rosters import WRITERS
from tests.exposure.sentences import CLASSES, scores
from tests.exposure.test_exposure_columns import HEADERS, OPAQUE, values

TODAY = date(2026, 11, 22)
SEEDS = range(300, 310)
HELD_SEED = 77
TEXT = Path(__file__).parents[2] / "shared" / "data" / "text" / "labelled_spans.json"
LABELS = {"US_SSN": "ssn", "PHONE_NUMBER": "phone", "EMAIL_ADDRESS": "email", "CREDIT_CARD": "card_number"}
GOALS = {
    "exposure-precision": ("share", 0.995, 0.999, "higher"),
    "exposure-recall": ("share", 0.99, 0.999, "higher"),
    "exposure-precision-harsh": ("share", 0.995, 0.999, "higher"),
    "exposure-recall-harsh": ("share", 0.99, 0.999, "higher"),
    "exposure-headers": ("share", 0.97, 0.99, "higher"),
    "exposure-opaque": ("share", 0.85, 0.95, "higher"),
    "exposure-text": ("F1", 0.95, 0.98, "higher"),
    "exposure-text-held-back": ("F1", 0.95, 0.98, "higher"),
    "exposure-csv": ("MiB/cpu-s", 100, 180, "higher"),
    "exposure-837": ("MiB/cpu-s", 40, 80, "higher"),
    "exposure-hl7": ("MiB/cpu-s", 40, 80, "higher"),
    "exposure-list": ("bytes/person", 60, 35, "lower"),
    "exposure-memory": ("MiB", 1536, 768, "lower"),
}


def quality(households=100, formats=tuple(WRITERS)):
    """Precision and recall of individuals: the worst of ten seeds and of all formats, for both kinds of rosters."""
    return found_in(households, formats, harsh=False) | {
        f"{row}-harsh": share
        for row, share in found_in(households, ("csv", "834", "837", "hl7", "fhir"), harsh=True).items()
    }


def found_in(households, formats, *, harsh):
    precision, recall = [], []
    for seed in SEEDS:
        made = people(seed, households)
        rows = roster(made, seed, harsh=harsh)
        truth = {person.ssn for person in made}
        for name in formats:
            found = scan(io.BytesIO(WRITERS[name][0](rows)), name, today=TODAY, listed=True)
            told = [line for frame in found.crowd.people() for line in frame["ssn"].to_list()]
            precision.append(len(truth & set(told)) / max(1, len(told)))
            recall.append(len(truth & set(told)) / len(truth))
    return {"exposure-precision": min(precision), "exposure-recall": min(recall)}


def columns():
    """The share of columns told rightly: by headers of which each stands alone, and by values alone."""
    headed = sum(meaning_of(header).slot == slot for header, slot in HEADERS.items()) / len(HEADERS)
    opaque = []
    for seed in SEEDS:
        dice = random.Random(seed)
        samples = [values(dice, kind) for kind in OPAQUE]
        layout = find_layout([f"FIELD{place:02d}" for place in range(len(OPAQUE))], samples, today=TODAY)
        wanted = [kind if kind in set(Slot) else "other" for kind in OPAQUE]
        opaque.append(
            sum(column.slot == slot for column, slot in zip(layout.columns, wanted, strict=True)) / len(wanted)
        )
    return {"exposure-headers": headed, "exposure-opaque": min(opaque)}


def values_in(said, *, known):
    return [(one.field, one.begin, one.end) for one in findings(said) if one.field in known]


def text():
    """The worst F1 of the classes labelled in the text beside the repository, and in our own sentences held back."""
    sets = {"exposure-text-held-back": [(each.text, each.spans) for each in composed(HELD_SEED, 1500)]}
    if TEXT.exists():
        sets["exposure-text"] = [
            (
                each["full_text"],
                [
                    (LABELS[span["entity_type"]], span["start_position"], span["end_position"])
                    for span in each["spans"]
                    if span["entity_type"] in LABELS
                ],
            )
            for each in json.loads(TEXT.read_text())
        ]
    out = {}
    for row, pairs in sets.items():
        known = set(LABELS.values()) if row == "exposure-text" else set(CLASSES)
        found = scores(pairs, partial(values_in, known=known))
        print(row, {kind: round(share, 4) for kind, share in sorted(found.items())})
        out[row] = min(found.values())
    return out


def speed(runs=3):
    """MiB for each CPU second of one core, the list included; and the list's bytes for each individual."""
    rows = roster(people(1, 9_000), 1)
    table = nineteen_columns(300_000)
    out: dict[str, float] = {}
    yardsticks(table)
    for row, name, content in (
        ("exposure-csv", "x.csv", table),
        ("exposure-837", "x.837", WRITERS["837"][0](rows)),
        ("exposure-hl7", "x.hl7", WRITERS["hl7"][0](rows)),
    ):
        figures = []
        for _ in range(runs):
            begun = time.process_time()
            found = scan(io.BytesIO(content), name, today=TODAY, listed=True)
            listed = io.BytesIO()
            count = write_list(found.crowd.people(), listed)
            figures.append(len(content) / machine.MIB / (time.process_time() - begun))
        out[row] = statistics.median(figures)
        print(f"{row}: {min(figures):.1f} to {max(figures):.1f} MiB a CPU second")
        if row == "exposure-csv":
            out["exposure-list"] = len(listed.getvalue()) / count
    return out


def yardsticks(content):
    """What plain work costs in the same hour: the machine's speed varies two to four times."""
    for name, work in (
        ("hashlib.sha256", lambda: hashlib.sha256(content).digest()),
        ("csv.reader", lambda: sum(1 for _ in csv.reader(io.StringIO(content.decode())))),
    ):
        begun = time.process_time()
        work()
        print(f"{name}: {len(content) / machine.MIB / (time.process_time() - begun):.1f} MiB a CPU second")


HEADER = "member_id,first_name,mi,last_name,suffix,dob,sex,ssn,address,city,state,zip,phone,email,group,plan,effective,dx1,claim_id\n"
STREETS = [
    "Main",
    "Oak",
    "Maple",
    "Cedar",
    "Elm",
    "Washington",
    "Lake",
    "Hill",
    "Pine",
    "River",
    "Church",
    "Spring",
    "Highland",
    "Forest",
    "Jefferson",
]
CITIES = [
    "Portland",
    "Boston",
    "Austin",
    "Miami",
    "Seattle",
    "Denver",
    "Chicago",
    "Phoenix",
    "Dover",
    "Salem",
    "Helena",
    "Albany",
    "Trenton",
    "Lansing",
]
STATES = ["ME", "MA", "TX", "FL", "WA", "CO", "IL", "AZ", "DE", "OR", "MT", "NY", "NJ", "MI"]
PREFIXES = (40, 20, 787, 331, 981, 802, 606, 850, 199, 973, 596, 122, 86, 489)


def nineteen_columns(count, first=0):
    """A roster of one row an individual in nineteen columns, some 190 bytes each; households share name, home and phone.

    Names are as unevenly spread as real ones (some thousand given names, some ten thousand family names); numbers are
    not in any order. `first` tells rosters of one file apart: nobody is in two of them.
    """
    dice = np.random.default_rng(first)
    house = np.sort(dice.integers(0, max(1, count * 2 // 3), count))
    given = names_of(sorted(GIVEN), ("", "a", "ia", "en", "lyn", "o", "el"), ranks(dice, count, 7_000))
    family = names_of(
        sorted(FAMILY), ("", "son", "man", "er", "s", "berg", "ez", "ini", "ov"), ranks(dice, count, 30_000)
    )[house]
    place = dice.integers(0, len(CITIES), count)[house]
    born = np.datetime64("1930-01-01") + dice.integers(0, 34_000, count).astype("timedelta64[D]")
    # A walk through all numbers of a prime's size comes to none twice.
    social = (np.arange(first, first + count, dtype=np.int64) * 370_203_367 % 598_999_979) + 1_000_000
    social += (social // 10_000 % 100 == 0) * 10_000 + (social % 10_000 == 0)
    frame = pl.DataFrame({
        "given": given, "family": family, "born": born, "social": social, "place": place,
        "member": dice.permutation(count).astype(np.int64) * 7 + first * 7 + 100_000_000,
        "number": dice.integers(1, 9_999, count)[house], "street": np.array(STREETS)[dice.integers(0, len(STREETS), count)[house]],
        "apt": dice.integers(1, 400, count)[house], "zip": np.array(PREFIXES)[place] * 100 + dice.integers(1, 99, count)[house],
        "phone": dice.integers(2_000_000_000, 9_999_999_999, count)[house], "n": np.arange(first, first + count),
        "dx": np.array(["E11.9", "I10", "J45.909", ""])[dice.integers(0, 4, count)], "claim": dice.integers(0, 10**10, count),
    })  # fmt: skip
    digits = {
        name: pl.col(name).cast(pl.String).str.zfill(size)
        for name, size in (("social", 9), ("phone", 10), ("zip", 5), ("claim", 10))
    }
    made = frame.select(
        pl.format("W{}", "member"), "given", pl.col("given").str.slice(0, 1).alias("mi"), "family", pl.lit("").alias("suffix"),
        pl.col("born").dt.to_string("%Y-%m-%d"), pl.when(pl.col("n") % 2 == 0).then(pl.lit("F")).otherwise(pl.lit("M")).alias("sex"),
        pl.format("{}-{}-{}", digits["social"].str.slice(0, 3), digits["social"].str.slice(3, 2), digits["social"].str.slice(5)).alias("ssn"),
        pl.format("{} {} Street Apt {}", "number", "street", "apt").alias("address"),
        pl.lit(pl.Series(CITIES)).gather(pl.col("place")).alias("city"), pl.lit(pl.Series(STATES)).gather(pl.col("place")).alias("state"),
        digits["zip"], pl.format("{}-{}-{}", digits["phone"].str.slice(0, 3), digits["phone"].str.slice(3, 3), digits["phone"].str.slice(6)),
        pl.format("{}.{}@example.org", pl.col("given").str.to_lowercase(), "n").alias("email"), pl.format("GRP{}", pl.col("place") + 1000).alias("group"),
        pl.format("PPO{}", pl.col("n") % 9).alias("plan"), pl.lit("2025-01-01").alias("effective"), "dx", pl.format("CLM{}", digits["claim"]).alias("clm"),
    )  # fmt: skip
    return (HEADER if not first else "").encode() + made.write_csv(include_header=False, quote_style="never").encode()


def ranks(dice, count, most):
    """Ranks as names have them: the first twenty alike common, then ever rarer."""
    return (20 * (np.exp(dice.random(count) * np.log(1 + most / 20)) - 1)).astype(np.int64)


def names_of(common, endings, ranks):
    """Names by their rank: the common ones first, then made of them with endings."""
    made = np.array([f"{name.capitalize()}{ending}" for ending in endings for name in common])
    order = np.random.default_rng(0).permutation(len(common))
    places = ranks % len(made)
    return np.where(places < len(common), made[order[places % len(common)]], made[places])


def memory(gib):
    """What a scan of a table of so many GiB takes at most, list included; the table is on a disk, as a user's is."""
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        grown_by(lambda: written(file, int(gib * machine.GIB)))
        file.seek(0)
        taken = grown_by(lambda: listed(file))
    return {"exposure-memory": taken.ru_maxrss / 1024}


def written(file, size):
    """Fill a file with a roster."""
    done, first = 0, 0
    while done < size:
        done += file.write(nineteen_columns(200_000, first))
        first += 200_000
    file.flush()


def listed(file):
    """Scan a file of this disk and write the list of its people, to nowhere."""
    found = scan(file.file, "x.csv", today=TODAY, listed=True)
    with Path(os.devnull).open("wb") as nowhere:
        count = write_list(found.crowd.people(), nowhere)
    assert count == found.count.people > found.records * 0.99, "nobody of the roster is in it twice"
    print(
        f"{count} people in {os.fstat(file.fileno()).st_size / machine.GIB:.2f} GiB, {time.process_time():.0f} CPU seconds"
    )


def grown_by(work):
    """What a process of its own takes for some work, libraries included."""
    child = os.fork()
    if not child:
        work()
        os._exit(0)
    _, status, taken = os.wait4(child, 0)
    assert not status, "the work was done"
    return taken


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument(
        "--memory", type=float, default=0, help="also the memory of a table of so many GiB (4 in the issue)"
    )
    words.add_argument("parts", nargs="*", help="only these: quality, columns, text, speed")
    chosen = words.parse_args()
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {machine.CLIENT_CORE})
    parts = {"quality": quality, "columns": columns, "text": text, "speed": speed}
    measured: dict[str, float] = memory(chosen.memory) if chosen.memory else {}
    for name, part in parts.items():
        if name in (chosen.parts or parts):
            measured |= part()
    save(measured)


def save(measured: dict[str, float]) -> None:
    record = json.loads(LATEST.read_text()) if LATEST.exists() else {"rows": []}
    rows = []
    for row, ours in measured.items():
        unit, least, aim, better = GOALS[row]
        reached = ours >= least if better == "higher" else ours <= least
        print(f"{row:20} {ours:10.3f} {unit:12} at least {least:8} aim {aim:8}{'' if reached else '   NOT REACHED'}")
        rows.append(
            {"id": row, "client": "sealane", "peer": "the issue's figure", "unit": unit, "ours": ours, "theirs": least,
             "ratio": ours / least, "better": better, "runs": 3, "at_least": 1.0, "aim": aim / least}
        )  # fmt: skip
    kept = [row for row in record["rows"] if row["id"] not in measured]
    record |= {
        "machine": machine.description(),
        "date": datetime.now(UTC).date().isoformat(),
        "commit": machine.commit(),
        "rows": kept + rows,
    }
    LATEST.parent.mkdir(exist_ok=True)
    LATEST.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
