"""Reading the ledger: pages of entries by who, where, what and when; its checkpoint. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealane.errors import Missing
from sealane.ledger import queries
from sealane.ledger.bodies import opened, path_digest
from sealane.ledger.checkpoints import Checkpoint
from sealane.ledger.filing import misfiled
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
    """Return the present size and head. Raises `Missing` while nothing was ever written."""
    last = transaction.first(queries.LAST)
    origin = transaction.first(queries.ORIGIN, named=queries.ORIGIN_NAME)
    if last is None or origin is None:
        raise Missing("The ledger has no entries yet.")
    return Checkpoint(origin.value.decode(), last.seq, last.chain)


def _entry(row: queries.EntryRow) -> LedgerEntry:
    openings = opened(row.openings) if row.openings is not None else None
    return LedgerEntry(
        seq=row.seq,
        body=row.body,
        leaf=row.leaf,
        chain=row.chain,
        openings=openings,
        misfiled=misfiled(row, openings or {}),
    )
