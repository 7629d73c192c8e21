"""What the ledger costs: `python -m bench.ledger`. One process, SQLite on the disk of the temporary folder, synced.

Appending in batches as the keeper does it and one by one, with checkpoints; proving all of it; a proof of one entry;
pages of questions. Wall time.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sealane.database.engine import Database
from sealane.ledger import reader
from sealane.ledger.events import DownloadBegun, Who
from sealane.ledger.notes import VerifierKey
from sealane.ledger.signer import Signer
from sealane.ledger.stored_tree import StoredTree
from sealane.ledger.verifier import Expected, Verifier
from sealane.ledger.writer import LedgerWriter

_AT = datetime(2026, 3, 1, tzinfo=UTC)
_PAGE = 2000


def event(number: int) -> DownloadBegun:
    who = Who(
        door=("sftp", "http")[number % 2], organization_id=1, user_id=number % 1000, session_id=f"s{number % 5000}",
        user_name=f"user{number % 1000}@clinic", address=f"192.0.2.{number % 250}",
    )  # fmt: skip
    return DownloadBegun(
        who=who, download_id=number, version_id=f"v{number % 90000}", file_id=number % 90000, owner_organization_id=1,
        folder_id=number % 300, path=f"clinic:/in/{number % 90000}.csv", size=1000, key_ids=(number,),
    )  # fmt: skip


class Bed:
    def __init__(self, folder: Path) -> None:
        self.database = Database.open(f"sqlite:///{folder}/catalogue.sqlite")
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

    def verify(self):
        with self.database.begin() as transaction:
            origin, size = reader.origin(transaction), reader.size(transaction)
            stored = reader.checkpoints(transaction, after=0, limit=1_000_000)
        key = VerifierKey(origin, self.signer.public)
        verifier = Verifier(Expected(origin=origin, key=key, checkpoints=stored))
        after = 0
        while after < size:
            with self.database.begin() as transaction:
                page = reader.page(transaction, reader.EVERYTHING, after=after, limit=_PAGE)
                nodes = reader.nodes_within(transaction, after, page[-1].seq)
            if not verifier.feed(page, nodes):
                break
            after = page[-1].seq
        return verifier.verdict()


def timed(work) -> tuple[float, object]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def asked(bed: Bed, question: reader.Question) -> float:
    def ask() -> None:
        with bed.database.begin() as transaction:
            reader.page(transaction, question, limit=500)

    return statistics.median(timed(ask)[0] for _ in range(5))


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--entries", type=int, default=100_000)
    words.add_argument("--batch", type=int, default=64)
    chosen = words.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="sealane-ledger-", dir=os.environ.get("SEALANE_BENCH_FOLDER")))
    try:
        bed = Bed(folder)
        bed.append(0, 1, wanted=True)
        seconds, _ = timed(
            lambda: [bed.append(first, chosen.batch) for first in range(1, chosen.entries, chosen.batch)]
        )
        print(f"append, batches of {chosen.batch}: {chosen.entries / seconds:,.0f} entries/s")
        single = sorted(timed(lambda number=number: bed.append(number, 1))[0] for number in range(500))
        print(f"append, one by one: p50 {single[250] * 1000:.2f} ms, p99 {single[495] * 1000:.2f} ms")
        seconds, verdict = timed(bed.verify)
        assert verdict.whole, verdict.damage
        print(
            f"verify: {verdict.size:,} entries, {verdict.checkpoints} checkpoints, {verdict.opened:,} openings in"
            f" {seconds:.2f} s ({verdict.size / seconds:,.0f}/s)"
        )
        with bed.database.begin() as transaction:
            size = verdict.size
            proofs = [
                timed(lambda seq=seq: StoredTree(transaction).inclusion(seq, size))
                for seq in range(1, size, size // 50)
            ]
        print(
            f"proof of one entry: {statistics.median(one for one, _ in proofs) * 1000:.2f} ms,"
            f" {max(len(path) for _, path in proofs) * 32} bytes"
        )
        late = bed.now - timedelta(seconds=5)
        for name, question in {
            "user": reader.Question(user_id=7),
            "file": reader.Question(paths=("clinic:/in/77.csv",)),
            "session": reader.Question(session_id="s77"),
            "address": reader.Question(address="192.0.2.77"),
            "folders": reader.Question(folder_ids=tuple(range(50))),
            "door that never was": reader.Question(door="local"),
            "kind that never was": reader.Question(kinds=("damage_found",)),
            "since lately": reader.Question(since=late),
            "until the first day": reader.Question(until=_AT),
        }.items():
            print(f"a page by {name}: {asked(bed, question) * 1000:.1f} ms")
        print(f"bytes an entry: {sum(p.stat().st_size for p in folder.iterdir()) / verdict.size:,.0f}")
        bed.database.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
