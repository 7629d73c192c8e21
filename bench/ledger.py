"""What the ledger costs: `make bench-ledger`, or `python -m bench.ledger [PART…]`. SQLite on the temporary folder's disk.

Each part prints its rows of the table in docs/performance.md. Wall time where the disk is waited for, processor time
beside it, since machines differ from hour to hour. `--events` and `--asked` say how many entries are verified and asked.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench import machine, operations
from sealane.cli import audit_export, audit_verify
from sealane.database.engine import Database
from sealane.ledger import reader, tree
from sealane.ledger.events import DownloadBegun, Who
from sealane.ledger.notes import VerifierKey
from sealane.ledger.signer import Signer
from sealane.ledger.stored_tree import StoredTree
from sealane.ledger.verifier import Verdict
from sealane.ledger.writer import LedgerWriter
from sealane.operations.audit import (
    Checkpoint,
    CheckpointIs,
    CheckpointsAre,
    EntriesAre,
    LedgerIs,
    LookLedger,
    ReadCheckpoints,
    ReadTimeStamps,
    TimeStampsAre,
)
from sealane.operations.caller import KeeperCaller
from sealane.operations.signing import Health
from sealane.operations.uploads import BeginUpload
from sealane.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

_AT = datetime(2026, 3, 1, tzinfo=UTC)
_CLIENTS = 64
_SLICE = 50_000
"""Rows that are put in by one transaction."""
_PIPELINED = 32
"""Operations that a door has under way on its connection: what it sends while it waits for the disk."""


def event(number: int) -> DownloadBegun:
    who = Who(
        door=("sftp", "http")[number % 2], organization_id=1, user_id=number % 1000, session_id=f"s{number % 5000}",
        user_name=f"user{number % 1000}@clinic", address=f"192.0.2.{number % 250}",
    )  # fmt: skip
    return DownloadBegun(
        who=who, download_id=number, version_id=f"v{number % 90000}", file_id=number % 90000, owner_organization_id=1,
        folder_id=number % 300, path=f"clinic:/in/{number % 90000}.csv", size=1000, key_ids=(number,),
    )  # fmt: skip


def row(name: str, figure: str, wanted: str = "") -> None:
    print(f"| {name} | {figure} | {wanted} |", flush=True)


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="sealane-ledger-", dir=os.environ.get("SEALANE_BENCH_FOLDER")))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


class Bed:
    """A ledger without a keeper."""

    def __init__(self, place: Path) -> None:
        self.url = f"sqlite:///{place}/catalogue.sqlite"
        self.database = Database.open(self.url)
        self.database.migrate()
        self.writer = LedgerWriter()
        self.secret = Ed25519PrivateKey.generate()
        self.signer = Signer(self.secret, checkpoint_seconds=60, key_seconds=3600)
        self.now = _AT

    def append(self, first: int, count: int, *, wanted: bool = False) -> None:
        with self.database.begin() as transaction:
            self.writer.append(transaction, [(self.now, event(number)) for number in range(first, first + count)])
            self.signer.sign(transaction, self.writer, self.now, wanted=wanted)
        self.signer.committed()
        self.now += timedelta(milliseconds=50)

    def ask(self, operation, wanted):
        """What `audit verify` asks the keeper."""
        del wanted
        with self.database.begin() as transaction:
            if isinstance(operation, LookLedger):
                origin, size = reader.origin(transaction), reader.size(transaction)
                key = VerifierKey(origin, self.signer.public).text()
                return LedgerIs(size=size, signed=size, origin=origin, key=key)
            if isinstance(operation, Checkpoint):
                size, note = reader.last_checkpoint(transaction)
                return CheckpointIs(
                    size=size, note=note, key=VerifierKey(reader.origin(transaction), self.signer.public).text()
                )
            if isinstance(operation, ReadTimeStamps):
                return TimeStampsAre(sizes=(), responses=(), after=0)
            if isinstance(operation, ReadCheckpoints):
                found = reader.checkpoints(transaction, after=operation.after, limit=operation.limit)
                after = found[-1][0] if found else 0
                return CheckpointsAre(tuple(note for _, note in found), tuple(size for size, _ in found), after)
            found = reader.page(transaction, reader.EVERYTHING, after=operation.after, limit=operation.limit)
            last = found[-1].seq if found else operation.after
            nodes = tuple(reader.nodes_within(transaction, operation.after, last))
            return EntriesAre(entries=tuple(found), after=last if len(found) == operation.limit else 0, nodes=nodes)

    def fill(self, count: int, *, batch: int = 1000) -> None:
        """Grow without waiting for the disk and without the indices that searches need; a checkpoint a batch."""
        driver = self.database._driver  # noqa: SLF001 - only here is a ledger written that need not last
        driver.change("PRAGMA synchronous=OFF", ())
        for (name,) in driver.query(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'ix_ledger%'", ()
        ):
            driver.change(f'DROP INDEX "{name}"', ())
        for first in range(0, count, batch):
            self.append(first, min(batch, count - first), wanted=True)


def timed(work) -> tuple[float, float, object]:
    """Return wall time, processor time (children included) and what came of it."""
    began, used = time.perf_counter(), sum(os.times()[:4])
    result = work()
    return time.perf_counter() - began, sum(os.times()[:4]) - used, result


# --- durable events over the socket -----------------------------------------------------------------------------------


@contextlib.contextmanager
def serving(place: Path) -> Iterator[subprocess.Popen[str]]:
    """A keeper that records an event for every `Health`."""
    server = subprocess.Popen(
        [sys.executable, "-m", "bench.ledger_server", str(place / "data")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        assert server.stdout.readline() == "serving\n"
        yield server
    finally:
        server.stdin.close()
        server.wait(60)
        server.stdout.close()


async def asked_by_many(run: Path, count: int) -> float:
    """Ask by 64 connections, each with a window of operations under way; return the wall time."""
    callers = [KeeperCaller(run, "doors", Settings()) for _ in range(_CLIENTS)]
    await asyncio.gather(*(caller.ask(Health()) for caller in callers))
    each = count // (_CLIENTS * _PIPELINED)

    async def one_after_another(caller: KeeperCaller) -> None:
        for _ in range(each):
            await caller.ask(Health())

    began = time.perf_counter()
    await asyncio.gather(*(one_after_another(caller) for caller in callers for _ in range(_PIPELINED)))
    spent = time.perf_counter() - began
    for caller in callers:
        await caller.close()
    return spent / (each * _CLIENTS * _PIPELINED)


async def asked_alone(run: Path, count: int) -> list[float]:
    caller = KeeperCaller(run, "doors", Settings())
    await caller.ask(Health())
    found = []
    for _ in range(count):
        began = time.perf_counter()
        await caller.ask(Health())
        found.append(time.perf_counter() - began)
    await caller.close()
    return found


def flushes(place: Path, count: int) -> list[float]:
    """The disk's own flush: 8 KiB written behind a file's end, and synced."""
    found, page = [], os.urandom(8192)
    with (place / "flush").open("wb", buffering=0) as file:
        for _ in range(count):
            began = time.perf_counter()
            file.write(page)
            os.fdatasync(file.fileno())
            found.append(time.perf_counter() - began)
    return found


def events(chosen: argparse.Namespace) -> None:
    with folder() as place, serving(place) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write("begin\n")
        server.stdin.flush()
        runs = [asyncio.run(asked_by_many(place / "data" / "run", chosen.burst)) for _ in range(3)]
        server.stdin.write("end\n")
        server.stdin.flush()
        used = float(server.stdout.readline()) / (3 * chosen.burst)
        row(
            "durable events a second over the socket, 64 clients",
            f"{1 / statistics.median(runs):,.0f} (the keeper alone: {1 / used:,.0f} a CPU second)",
            "15,000; aim 40,000",
        )
    with folder() as place, serving(place):
        disk = statistics.median(flushes(place, 300))
        alone = statistics.median(asyncio.run(asked_alone(place / "data" / "run", 500)))
        row(
            "one event alone, p50",
            f"{alone * 1000:.2f} ms, the disk's flush {disk * 1000:.2f}: + {(alone - disk) * 1000:.2f} ms",
            "+ 1 ms; aim + 0.3",
        )


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
        late = _AT + timedelta(milliseconds=5 * (chosen.asked - 1000))
        middle = _AT + timedelta(milliseconds=5 * chosen.asked // 2)
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
            "the first hour": reader.Question(until=_AT + timedelta(hours=1)),
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
            (start, last, int(_AT.timestamp()) * 1_000_000, kind),
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
