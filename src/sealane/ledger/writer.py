"""The one writer: puts events at the end of the chain, within the transaction of what they record.

The head is kept in memory and compared with the database's at every append, so an entry that somebody else added, or
took away from the end, is met before anything is built upon it: `Integrity`, and then nothing can be recorded, so
nothing is done either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealane.errors import Integrity
from sealane.ids import random_name
from sealane.ledger import chain, queries
from sealane.ledger.bodies import NO_OPENINGS, sealed
from sealane.ledger.filing import filed_event
from sealane.ledger.reader import EMPTIED

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sealane.database.engine import Transaction
    from sealane.ledger.events import Event


@dataclass(frozen=True, slots=True)
class Head:
    """Where the ledger stands: how many entries, what binds them, and the kind of the newest ("" for none)."""

    size: int
    chain: bytes
    last_kind: str


class LedgerWriter:
    """Appends to one ledger. Used by one thread, with one transaction at a time."""

    def __init__(self) -> None:
        """Know nothing yet; the head is read at the first use."""
        self._head: Head | None = None

    def head(self, transaction: Transaction) -> Head:
        """Return the head; raises `Integrity` when it is not the one this writer left, or its last link is broken."""
        last = transaction.first(queries.LAST)
        stored = _head_of(last) if last is not None else Head(0, chain.EMPTY, "")
        if self._head is not None and stored != self._head:
            raise Integrity("The ledger was changed by somebody else than its keeper.")
        if self._head is None and last is not None:
            _check_link(transaction, last)
        self._head = stored
        return stored

    def append(self, transaction: Transaction, events: Iterable[tuple[datetime, Event]]) -> None:
        """Append these events in order, each with its time. They are there once the transaction is committed.

        Call `forget` when it is rolled back instead.
        """
        head = self.head(transaction)
        size, link, kind = head.size, head.chain, head.last_kind
        entries: list[dict[str, object]] = []
        openings: list[dict[str, object]] = []
        if head.size == 0:
            _name_origin(transaction)
        for at, event in events:
            written = sealed(event, at)
            leaf = chain.leaf_of(written.body)
            size, link, kind = size + 1, chain.link(link, leaf), event.kind.value
            entries.append(
                {
                    "seq": size,
                    "at": at,
                    "kind": kind,
                    "body": written.body,
                    "leaf": leaf,
                    "chain": link,
                    **filed_event(event),
                }
            )
            if written.openings != NO_OPENINGS:
                openings.append(
                    {
                        "seq": size,
                        "openings": written.openings,
                        "path_digest": written.path_digest,
                        "target_digest": written.target_digest,
                    }
                )
        transaction.run_many(queries.APPEND, entries)
        transaction.run_many(queries.APPEND_OPENINGS, openings)
        self._head = Head(size, link, kind)

    def forget(self) -> None:
        """Read the head anew at the next use, since the transaction was rolled back."""
        self._head = None


def _head_of(last: queries.LastRow) -> Head:
    try:
        if last.sound and last.chain is not None and last.kind is not None:
            return Head(last.seq, last.chain, queries.text_of(last.kind))
    except UnicodeDecodeError:
        pass
    raise Integrity(f"The ledger is damaged at entry {last.seq}: what is stored there is no entry.")


def _check_link(transaction: Transaction, last: queries.LastRow) -> None:
    before: bytes | None = chain.EMPTY
    if last.seq > 1:
        row = transaction.first(queries.HEAD_AT, seq=last.seq - 1)
        if row is None:
            raise Integrity(f"The ledger has no entry {last.seq - 1}.")
        before = row.chain if row.sound else None
    if before is None or last.leaf is None or chain.link(before, last.leaf) != last.chain:
        raise Integrity(f"The ledger's entry {last.seq} does not follow from the one before it.")


def _name_origin(transaction: Transaction) -> None:
    """Give the ledger its name, with its first entry: it tells this ledger's checkpoints from every other's."""
    if transaction.first(queries.ORIGIN, named=queries.ORIGIN_NAME) is not None:
        raise Integrity(EMPTIED)
    origin = f"sealane/{random_name()}"
    transaction.run(queries.NAME_ORIGIN, name=queries.ORIGIN_NAME, value=origin.encode())
