"""Reading the ledger: pages of entries by who, where, what and when; its checkpoint. Changes nothing.

Must stay true: whatever somebody has put into a row, reading it ends in an entry that says so, never in a failure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealane.database.columns import moment_of
from sealane.errors import Integrity, Missing
from sealane.ledger import queries
from sealane.ledger.bodies import NOT_OURS, opened, path_digest
from sealane.ledger.checkpoints import Checkpoint
from sealane.ledger.filing import FiledEntry, misfiled
from sealane.operations.audit import LedgerEntry

if TYPE_CHECKING:
    from datetime import datetime

    from sealane.database.engine import Transaction


@dataclass(frozen=True, slots=True)
class Question:
    """Which entries: those that fit everything given."""

    since: datetime | None = None
    kind: str = ""
    user_id: int | None = None
    """Who did it, or whose account it was done to."""
    paths: tuple[str, ...] | None = None
    """Any of these, each as it was recorded: `ORG:/PATH`. Found as long as the opening is kept."""


EVERYTHING = Question()
EMPTIED = "The ledger is damaged: all of its entries are gone."


def page(transaction: Transaction, question: Question, *, after: int = 0, limit: int) -> list[LedgerEntry]:
    """Return at most `limit` entries with numbers greater than `after`, in order; fewer means there are no more."""
    values: dict[str, object] = {}
    if question.since is not None:
        values["since"] = question.since
    if question.kind:
        values["kind"] = question.kind
    if question.user_id is not None:
        values["user_id"] = question.user_id
    if question.paths is not None:
        values["paths"] = [path_digest(path) for path in question.paths]
    statement = queries.ENTRIES[frozenset(values)]
    return [_entry(row) for row in transaction.all(statement, after=after, limit=limit, **values)]


def checkpoint(transaction: Transaction) -> Checkpoint:
    """Return the present size and head. Raises `Missing` before the first entry, `Integrity` if they are gone."""
    last = transaction.first(queries.LAST)
    origin = transaction.first(queries.ORIGIN, named=queries.ORIGIN_NAME)
    if last is None and origin is None:
        raise Missing("The ledger has no entries yet.")
    if last is None:
        raise Integrity(EMPTIED)
    if origin is None:
        raise Integrity("The ledger is damaged: its own name is gone.")
    if not last.sound or last.chain is None:
        raise Integrity(f"The ledger is damaged at entry {last.seq}: what is stored there is no entry.")
    try:
        return Checkpoint((origin.value or b"").decode(), last.seq, last.chain)
    except UnicodeDecodeError:
        raise Integrity("The ledger is damaged: its own name is not what was written.") from None


def _entry(row: queries.StoredRow) -> LedgerEntry:
    filed = _filed(row)
    if filed is None or row.leaf is None or row.chain is None:
        return _unreadable(row.seq)
    try:
        openings = opened(row.openings) if row.openings is not None else None
    except NOT_OURS:
        return _unreadable(row.seq)
    return LedgerEntry(
        seq=row.seq,
        body=filed.body,
        leaf=row.leaf,
        chain=row.chain,
        openings=openings,
        misfiled=misfiled(filed, openings or {}),
    )


def _unreadable(seq: int) -> LedgerEntry:
    return LedgerEntry(seq=seq, body=b"", leaf=b"", chain=b"", openings=None, unreadable=True)


def _filed(row: queries.StoredRow) -> FiledEntry | None:
    """Return the row with each value as its own type; None where that cannot be."""
    if not row.sound or row.body is None or row.at is None or row.kind is None:
        return None
    try:
        return FiledEntry(
            body=row.body,
            at=moment_of(row.at),
            kind=queries.text_of(row.kind),
            organization_id=row.organization_id,
            user_id=row.user_id,
            session_id=None if row.session_id is None else queries.text_of(row.session_id),
            file_id=row.file_id,
            version_id=None if row.version_id is None else queries.text_of(row.version_id),
            path_digest=row.path_digest,
            target_digest=row.target_digest,
        )
    except (UnicodeDecodeError, OverflowError):
        return None
