"""What the parts of `bench.ledger` share: made-up events, a ledger without a keeper, a stopwatch."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sealane.database.engine import Database
from sealane.ledger import reader
from sealane.ledger.events import DownloadBegun, Who
from sealane.ledger.notes import VerifierKey
from sealane.ledger.signer import Signer
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

if TYPE_CHECKING:
    from collections.abc import Iterator

AT = datetime(2026, 3, 1, tzinfo=UTC)
_SESSIONS = 5000


@functools.cache
def who_of(session: int) -> Who:
    """Who speaks in a session: the keeper too makes that once a session, and not for every event of it."""
    return Who(
        door=("sftp", "http")[session % 2], organization_id=1, user_id=session % 1000, session_id=f"s{session}",
        user_name=f"user{session % 1000}@clinic", address=f"192.0.2.{session % 250}",
    )  # fmt: skip


def event(number: int) -> DownloadBegun:
    return DownloadBegun(
        who=who_of(number % _SESSIONS), download_id=number, version_id=f"v{number % 90000}", file_id=number % 90000, owner_organization_id=1,
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
        self.now = AT

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
