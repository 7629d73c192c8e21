"""Reading the ledger for the operator: entries that fit a question, and its checkpoint. Verifying is theirs to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane.domain import accounts
from sealane.domain.queries import accounts as account_statements
from sealane.errors import Integrity, Missing
from sealane.ledger import reader
from sealane.operations.audit import CheckpointIs, EntriesAre

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealane.domain.work import Work
    from sealane.operations.audit import Checkpoint, LedgerEntry, ReadLedger


def read_ledger(work: Work, op: ReadLedger) -> EntriesAre:
    """Return a page of the entries that fit every filter. Raises `UserMissing` for a user there never was."""
    limit = max(1, min(op.limit, work.settings.page_entries_max))
    question = reader.Question(
        since=op.since,
        kind=op.kind,
        user_id=accounts.find_user(work, op.user).id if op.user else None,
        paths=_recorded_paths(work, op.path) if op.path else None,
    )
    found = reader.page(work.transaction, question, after=op.after, limit=limit + 1)
    entries = tuple(_fitting(found[:limit], work.settings.answer_bytes_max // 2))
    return EntriesAre(entries=entries, after=entries[-1].seq if len(found) > len(entries) else 0)


def _fitting(entries: list[LedgerEntry], bytes_max: int) -> Iterator[LedgerEntry]:
    """Yield the first entries, at least one, as long as they are not too many bytes together for one answer."""
    size = 0
    for number, entry in enumerate(entries):
        names = sum(len(salt) + 4 * len(value) for salt, value in (entry.openings or {}).values())
        size += len(entry.body) + len(entry.leaf) + len(entry.chain) + names
        if number and size > bytes_max:
            return
        yield entry


def checkpoint(work: Work, op: Checkpoint) -> CheckpointIs:
    """Return the present size and head of the ledger, under its name. Raises as `reader.checkpoint` does."""
    del op
    try:
        present = reader.checkpoint(work.transaction)
    except Missing:
        if work.transaction.first(account_statements.ORGANIZATIONS) is not None:  # its making is on record
            raise Integrity(reader.EMPTIED) from None
        raise
    return CheckpointIs(size=present.size, head=present.head, origin=present.origin)


def _recorded_paths(work: Work, path: str) -> tuple[str, ...]:
    """Return how a path was recorded: `ORG:/PATH`; without an organization, in every one."""
    if not path.startswith("/"):
        return (path,)
    return tuple(f"{row.name}:{path}" for row in work.transaction.all(account_statements.ORGANIZATIONS))
