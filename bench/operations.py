"""What the keeper's operations cost and where: `python -m bench.operations`. One process, no sockets but for one row.

Of each operation, alone and 32 to a transaction: processor time in all, and of it what SQL statements take (SQLAlchemy's
processors included), what the commit takes, what is left for the domain and the ledger, and what packing and parsing
the frames of question and answer takes. The commit's wait for the disk is wall time and told apart.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import secrets
import shutil
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealane.database.engine import Transaction
from sealane.keeper.core import Keeper, Request
from sealane.operations import accounts, files, frames, signing, uploads
from sealane.operations.envelope import Answer, Asker, Operation
from sealane.settings import Settings
from sealane.vault.local import LocalStore
from sealane.vault.segments import SegmentWriter

if TYPE_CHECKING:
    from collections.abc import Callable

_CONTENT = secrets.token_bytes(16 * 1024)
_DIGEST = hashlib.sha256(_CONTENT).digest()


@dataclass
class Clocks:
    """Where time went since `reset`."""

    sql: float = 0.0
    commit: float = 0.0
    commit_wall: float = 0.0
    statements: int = 0
    replaced: list[tuple[str, Any]] = field(default_factory=list)

    def reset(self) -> None:
        self.sql = self.commit = self.commit_wall = 0.0
        self.statements = 0

    def watch(self) -> None:
        """Time every statement and every commit from now on."""
        for name in ("all", "run", "run_many", "insert"):
            self._watch(name, self._statement)
        self._watch("commit", self._commit)

    def _watch(self, name: str, around: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        original = getattr(Transaction, name)
        self.replaced.append((name, original))
        setattr(Transaction, name, around(original))

    def _statement(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*words: Any, **values: Any) -> Any:
            began = time.process_time()
            try:
                return original(*words, **values)
            finally:
                self.sql += time.process_time() - began
                self.statements += 1

        return timed

    def _commit(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*words: Any) -> Any:
            began, wall = time.process_time(), time.perf_counter()
            try:
                return original(*words)
            finally:
                self.commit += time.process_time() - began
                self.commit_wall += time.perf_counter() - wall

        return timed


class Bed:
    """A node with one user who may do everything in one folder."""

    def __init__(self, folder: Path) -> None:
        settings = Settings(ssh_rsa_host_key_bits=0)
        self.keeper = Keeper.open(folder / "data", settings)
        self.store = LocalStore(folder / "blobs")
        self.inline_bytes_max = settings.inline_bytes_max
        for operation in (
            accounts.AddOrganization(name="bench"),
            accounts.AddUser(user="bench@bench"),
            accounts.AddFolder(folder="bench:/in"),
            accounts.GrantFolder(folder="bench:/in", grantee="bench@bench", rights=("list", "read", "write", "delete")),
        ):
            self.keeper.perform(operation, asker=Asker.ADMIN, connection="admin")
        token = accounts.AddToken(user="bench@bench", scopes=("read", "write"), expires=None)
        made = self.keeper.perform(token, asker=Asker.ADMIN, connection="admin")
        assert isinstance(made, accounts.TokenIs)
        signed = self.ask([signing.SignInWithToken(token=made.token, address="192.0.2.1", door="http")])[0]
        assert isinstance(signed, signing.SignedIn)
        self.handle = signed.handle

    def ask(self, operations: list[Operation]) -> list[Any]:
        """Perform operations as one batch and return their answers."""
        if isinstance(operations[0], signing.SignInWithToken):
            return [self.keeper.perform(one, asker=Asker.DOOR, connection="door-1") for one in operations]
        outcomes = self.keeper.perform_batch([Request(one, Asker.DOOR, "door-1") for one in operations]).outcomes
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome
        return outcomes

    def finish(self, opened: uploads.UploadOpened) -> uploads.FinishUpload:
        """Return the end of an upload of 16 KiB, encrypted as a door does it."""
        writer = SegmentWriter(AESGCM(opened.key), self.store, inline_bytes_max=self.inline_bytes_max)
        writer.append(memoryview(_CONTENT))
        written = writer.finish()
        return uploads.FinishUpload(
            self.handle,
            opened.upload,
            opened.generation,
            segments=(uploads.NewSegment(*written),),
            edits=(uploads.Place(0, len(_CONTENT), written.segment, 0),),
            size=len(_CONTENT),
            digest=_DIGEST,
            begin=opened.begin,
        )


def steps(bed: Bed, first: int, count: int) -> list[tuple[str, Callable[[list[Any]], list[Operation]]]]:
    """Return the life of `count` small files as batches: what to ask, given the answers before."""
    paths = [f"/in/f{number:07}" for number in range(first, first + count)]
    begin = [uploads.BeginUpload(bed.handle, path, "create", lasting=False) for path in paths]
    return [
        ("BeginUpload (small file)", lambda _: list(begin)),
        ("FinishUpload (16 KiB inline)", lambda opened: [bed.finish(one) for one in opened]),
        ("Look", lambda _: [files.Look(bed.handle, path) for path in paths]),
        ("OpenVersion", lambda _: [files.OpenVersion(bed.handle, path) for path in paths]),
        (
            "EndDownload",
            lambda opened: [
                files.EndDownload(bed.handle, one.download, len(_CONTENT), ((0, len(_CONTENT)),), whole=True)
                for one in opened
            ],
        ),
        ("RemoveFile", lambda _: [files.RemoveFile(bed.handle, path) for path in paths]),
    ]


def framed(operations: list[Operation], answers: list[Answer]) -> float:
    """Return the processor seconds that packing and parsing these take, questions and answers."""
    began = time.process_time()
    for number, message in enumerate((*operations, *answers), 1):
        body = frames.pack(number, message, bytes_max=1 << 24)[frames.LENGTH_BYTES :]
        frames.operation_of(body) if isinstance(message, Operation) else frames.answer_of(body)
    return time.process_time() - began


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--files", type=int, default=1600, help="small files in all, for each size of batch")
    chosen = words.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="sealane-operations-", dir=os.environ.get("SEALANE_BENCH_FOLDER")))
    clocks = Clocks()
    try:
        bed = Bed(folder)
        clocks.watch()
        head = f"{'operation':30} {'batch':>5} {'cpu ms':>8} {'domain':>8} {'SQL':>8} {'commit':>8} {'frames':>8} {'disk ms':>8} {'statements':>11}"
        print(head)
        first = 0
        for batch in (1, 32):
            rows: dict[str, list[tuple[float, ...]]] = {}
            for _ in range(max(1, chosen.files // batch)):
                answers: list[Any] = []
                for name, asked in steps(bed, first, batch):
                    operations = asked(answers)
                    clocks.reset()
                    began = time.process_time()
                    answers = bed.ask(operations)
                    cpu = time.process_time() - began
                    parts = (
                        cpu,
                        clocks.sql,
                        clocks.commit,
                        framed(operations, answers),
                        clocks.commit_wall - clocks.commit,
                    )
                    rows.setdefault(name, []).append(
                        (*(part * 1000 / batch for part in parts), clocks.statements / batch)
                    )
                first += batch
            for name, measured in rows.items():
                cpu, sql, commit, packing, disk, statements = (
                    statistics.median(column) for column in zip(*measured, strict=True)
                )
                print(
                    f"{name:30} {batch:5} {cpu:8.3f} {cpu - sql - commit:8.3f} {sql:8.3f} {commit:8.3f} {packing:8.3f} "
                    f"{max(0.0, disk):8.3f} {statements:11.1f}"
                )
        bed.keeper.close()
    finally:
        for name, original in clocks.replaced:
            setattr(Transaction, name, original)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
