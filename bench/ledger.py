"""What the ledger costs: `make bench-ledger`, or `python -m bench.ledger [PART…]`. SQLite on the temporary folder's disk.

Each part prints its rows of the table in docs/performance.md. Wall time where the disk is waited for, processor time
beside it, since machines differ from hour to hour. `--events` and `--asked` say how many entries are verified and asked.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

from bench import machine, operations
from bench.ledger_bed import AT, Bed, event, folder, row, timed
from bench.ledger_events import events
from sealane.cli import audit_export, audit_verify
from sealane.database.engine import Database
from sealane.ledger import reader, tree
from sealane.ledger.signer import Signer
from sealane.ledger.stored_tree import StoredTree
from sealane.ledger.verdicts import Verdict
from sealane.ledger.writer import LedgerWriter
from sealane.operations.uploads import BeginUpload

if TYPE_CHECKING:
    from pathlib import Path

_SLICE = 50_000
"""Rows that are put in by one transaction."""


# --- proving ----------------------------------------------------------------------------------------------------------


def verify(chosen: argparse.Namespace) -> None:
    with folder() as place:
        bed = Bed(place)
        bed.fill(chosen.events)
        bed.database.close()
        bed.database = Database.open(bed.url)
        for name, database in (("by all processors", bed.url), ("by pages, one process", "")):
            if not database and chosen.events > 200_000:
                continue
            wall, used, verdict = timed(lambda url=database: audit_verify.proven(bed.ask, [], database=url, show=False))
            assert isinstance(verdict, Verdict)
            assert verdict.whole, verdict.damage
            row(
                f"verify {verdict.size:,} entries, {verdict.checkpoints:,} checkpoints, {name}",
                f"{wall:.1f} s, {used:.1f} CPU s; a million: {wall * 1e6 / verdict.size:.1f} s",
                "5 s a million; aim 2 s",
            )
        with bed.database.begin() as transaction:
            size = chosen.events
            found = [
                timed(lambda seq=seq: StoredTree(transaction).inclusion(seq, size))
                for seq in range(1, size, size // 100)
            ]
        longest = max(len(path) for _, _, path in found)
        row(
            "proof of one entry",
            f"{statistics.median(wall for wall, _, _ in found) * 1000:.2f} ms, {longest * tree.HASH_BYTES} bytes of hashes",
            "5 ms, 1 kB",
        )
        standalone(place, bed)
        bed.database.close()


def standalone(place: Path, bed: Bed) -> None:
    out = place / "export"
    audit_export.exported(bed.ask, out, show=False)
    wall, used, done = timed(
        lambda: subprocess.run(
            [sys.executable, "-m", "sealane.ledger.standalone", "export", str(out)],
            capture_output=True,
            text=True,
            check=True,
        )
    )
    assert "is whole" in done.stdout
    size = json.loads((out / "ledger.jsonl").read_text().splitlines()[-1])["seq"]
    row(
        f"sealane-verify export, {size:,} entries",
        f"{wall:.1f} s, {used:.1f} CPU s; a million: {wall * 1e6 / size:.0f} s",
    )


# --- what it adds to small uploads ------------------------------------------------------------------------------------


def uploads(chosen: argparse.Namespace) -> None:
    figures: dict[str, list[tuple[float, float]]] = {"with": [], "without": []}
    append, sign = LedgerWriter.append, Signer.sign
    for _ in range(3):
        for which, spent in figures.items():
            if which == "without":
                LedgerWriter.append = lambda *_: None
                Signer.sign = lambda *_, **__: None
            try:
                with folder() as place:
                    bed = operations.Bed(place)
                    spent.append(timed(lambda bed=bed: put(bed, chosen.uploads))[:2])
                    bed.keeper.close()
            finally:
                LedgerWriter.append, Signer.sign = append, sign
    for index, name in ((1, "CPU"), (0, "wall")):
        ratios = [on[index] / off[index] for on, off in zip(figures["with"], figures["without"], strict=True)]
        row(
            f"{chosen.uploads:,} small uploads, batches of 32, against ledger off: {name} time of the keeper",
            f"{statistics.median(ratios):.2f}x",
            "1.3x; aim 1.1x",
        )


def put(bed: operations.Bed, count: int, batch: int = 32) -> None:
    for first in range(0, count, batch):
        names = [f"/in/{number}" for number in range(first, min(first + batch, count))]
        opened = bed.ask([BeginUpload(handle=bed.handle, path=name, mode="create") for name in names])
        bed.ask([bed.finish(one) for one in opened])


# --- asking -----------------------------------------------------------------------------------------------------------


def asked(chosen: argparse.Namespace) -> None:
    """Answers of `audit log` on a long ledger. Its rows are put in as they are: searching looks at no hash."""
    with folder() as place:
        bed = Bed(place)
        bed.append(0, 1, wanted=True)
        fill_rows(bed, chosen.asked)
        late = AT + timedelta(milliseconds=5 * (chosen.asked - 1000))
        middle = AT + timedelta(milliseconds=5 * chosen.asked // 2)
        slowest = 0.0
        for name, question in {
            "user": reader.Question(user_id=7),
            "file": reader.Question(paths=("clinic:/in/77.csv",)),
            "session": reader.Question(session_id="s77"),
            "address": reader.Question(address="192.0.2.77"),
            "one folder": reader.Question(folder_ids=(7,)),
            "fifty folders": reader.Question(folder_ids=tuple(range(50))),
            "user and address": reader.Question(user_id=77, address="192.0.2.78"),
            "a door that never was": reader.Question(door="local"),
            "a kind that never was": reader.Question(kinds=("damage_found",)),
            "an outcome (refused)": reader.Question(kinds=("sign_in_refused", "strangers_refused", "request_refused")),
            "a time at the end": reader.Question(since=late),
            "the later half of the time": reader.Question(since=middle),
            "user, the earlier half": reader.Question(user_id=7, until=middle),
            "the first hour": reader.Question(until=AT + timedelta(hours=1)),
            "user at the end": reader.Question(user_id=7, since=late),
        }.items():
            spent = [timed(lambda question=question: page(bed, question))[:2] for _ in range(3)]
            wall = statistics.median(wall for wall, _ in spent)
            slowest = max(slowest, wall)
            row(
                f"a page of 500 of {chosen.asked:,} by {name}",
                f"{wall * 1000:.1f} ms (the first {spent[0][0] * 1000:.1f}, {min(used for _, used in spent) * 1000:.0f} of CPU)",
                "1 s",
            )
        row("the slowest of these", f"{slowest * 1000:.0f} ms", "1 s")
        bed.database.close()


def page(bed: Bed, question: reader.Question) -> None:
    with bed.database.begin() as transaction:
        reader.page(transaction, question, limit=500)


def fill_rows(bed: Bed, count: int) -> None:
    """Put rows into the tables at once, and make the indices afterwards: minutes for ten million."""
    driver = bed.database._driver  # noqa: SLF001 - see `Bed.fill`
    # What need not last is written once, not to a log first; two of the driver's threads sort what an index is made of.
    for pragma in ("synchronous=OFF", "journal_mode=DELETE", "journal_mode=OFF", "cache_size=-1000000", "threads=2"):
        driver.query(f"PRAGMA {pragma}", ())
    indices = driver.query("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND name LIKE 'ix_ledger%'", ())
    for name, _ in indices:
        driver.change(f'DROP INDEX "{name}"', ())
    (first,) = driver.query("SELECT max(seq) + 1 FROM ledger", ())[0]
    kind = event(0).kind.value
    digests = [(n, hashlib.sha256(f"clinic:/in/{n}.csv".encode()).digest()[:16]) for n in range(90_000)]
    addresses = [(n, hashlib.sha256(f"192.0.2.{n}".encode()).digest()[:16]) for n in range(250)]
    driver.change("CREATE TEMP TABLE paths (n INTEGER PRIMARY KEY, d BLOB)", ())
    driver.change("CREATE TEMP TABLE addresses (n INTEGER PRIMARY KEY, d BLOB)", ())
    driver.change_many("INSERT INTO paths VALUES (?, ?)", digests)
    driver.change_many("INSERT INTO addresses VALUES (?, ?)", addresses)
    for start in range(first, count + 1, _SLICE):  # one transaction of everything would be a log of gigabytes
        last = min(start + _SLICE - 1, count)
        driver.change("BEGIN IMMEDIATE", ())
        driver.change(
            "WITH RECURSIVE n(i) AS (SELECT ? UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            " INSERT INTO ledger (seq, at, kind, organization_id, user_id, session_id, folder_id, file_id, version_id,"
            " door, body, leaf) SELECT i, ? + i * 5000, ?, 1, i % 1000, 's' || (i % 5000), i % 300, i % 90000,"
            " 'v' || (i % 90000), CASE i % 2 WHEN 0 THEN 'sftp' ELSE 'http' END, zeroblob(150), zeroblob(32) FROM n",
            (start, last, int(AT.timestamp()) * 1_000_000, kind),
        )
        driver.change(
            "INSERT INTO ledger_openings (seq, openings, path_digest, address_digest)"
            " SELECT seq, zeroblob(150), paths.d, addresses.d FROM ledger"
            " JOIN paths ON paths.n = seq % 90000 JOIN addresses ON addresses.n = seq % 250"
            " WHERE seq BETWEEN ? AND ? ORDER BY seq",
            (start, last),
        )
        driver.change("COMMIT", ())
    for _, sql in indices:
        driver.change(sql, ())
    driver.change("ANALYZE", ())
    driver.query("PRAGMA journal_mode=WAL", ())
    bed.database.close()
    bed.database = Database.open(bed.url)


PARTS = {"events": events, "verify": verify, "uploads": uploads, "asked": asked}


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=", ".join(PARTS))
    words.add_argument("--events", type=int, default=1_000_000, help="entries that are verified")
    words.add_argument("--asked", type=int, default=10_000_000, help="entries that are asked")
    words.add_argument("--burst", type=int, default=20_480, help="events of a run over the socket")
    words.add_argument("--uploads", type=int, default=2000)
    chosen = words.parse_args()
    print(f"{machine.description()}, commit {machine.commit()}, load {os.getloadavg()[0]:.1f}")
    print("| work | here | wanted |")
    print("|---|---|---|")
    for name, part in PARTS.items():
        if not chosen.parts or name in chosen.parts:
            part(chosen)


if __name__ == "__main__":
    main()
