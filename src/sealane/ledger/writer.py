"""The one writer: puts events at the end of the ledger and its tree, within the transaction of what they record.

The tree's right edge and the newest entry are kept in memory; the entry is compared with the database's at every
append, so one that somebody else added, or took away from the end, is met before anything is built upon it:
`Integrity`, and then nothing can be recorded, so nothing is done either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealane.database.columns import moment_of
from sealane.errors import Integrity
from sealane.ids import random_name
from sealane.ledger import queries, tree
from sealane.ledger.bodies import NO_OPENINGS, Salts, sealed
from sealane.ledger.events import ClockSetBack
from sealane.ledger.filing import filed_event
from sealane.ledger.reader import EMPTIED
from sealane.ledger.stored_tree import StoredTree
from sealane.ledger.tree import TILE_WIDTH, Frontier

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from sealane.database.engine import Transaction
    from sealane.database.statements import Statement
    from sealane.ledger.events import Event


@dataclass(frozen=True, slots=True)
class Head:
    """Where the ledger stands: how many entries, the newest one's leaf (b"" for none), kind and time."""

    size: int
    leaf: bytes
    last_kind: str
    last_at: datetime


class LedgerWriter:
    """Appends to one ledger. Used by one thread, with one transaction at a time."""

    def __init__(self) -> None:
        """Know nothing yet; the head is read at the first use."""
        self._head: Head | None = None
        self._frontier = Frontier()

    def head(self, transaction: Transaction) -> Head:
        """Return the head; raises `Integrity` when it is not the one this writer left, or the newest tile is broken."""
        last = transaction.first(queries.LAST)
        stored = _head_of(last) if last is not None else Head(0, b"", "", moment_of(0))
        if self._head is None:
            _check_newest(transaction, stored.size)
            self._frontier = StoredTree(transaction).frontier(stored.size)
        elif stored != self._head:
            raise Integrity("The ledger was changed by somebody else than its keeper.")
        self._head = stored
        return stored

    def root(self, transaction: Transaction) -> bytes:
        """Return the root over all entries; raises as `head` does."""
        self.head(transaction)
        return self._frontier.root()

    def append(self, transaction: Transaction, events: Iterable[tuple[datetime, Event]]) -> None:
        """Append these events in order, each with its time. They are there once the transaction is committed.

        Call `forget` when it is rolled back instead.
        """
        head = self.head(transaction)
        self._write(transaction, head, _with_set_backs(events, head.last_at))

    def keep_time(self, transaction: Transaction, now: datetime) -> None:
        """Record that the clock was set back, where it was: before whoever names the size of the ledger in an entry."""
        head = self.head(transaction)
        if now < head.last_at:
            self._write(transaction, head, [(now, ClockSetBack(before=head.last_at))])

    def _write(self, transaction: Transaction, head: Head, events: Iterable[tuple[datetime, Event]]) -> None:
        size, leaf, kind, last_at = head.size, head.leaf, head.last_kind, head.last_at
        entries: list[tuple[object, ...]] = []
        openings: list[tuple[object, ...]] = []
        nodes: list[tree.Node] = []
        if head.size == 0:
            _name_origin(transaction)
        salts = Salts()
        for at, event in events:
            written = sealed(event, at, salts)
            leaf = tree.leaf_of(written.body)
            nodes += self._frontier.append(leaf)
            size, kind, last_at = size + 1, event.kind.value, at
            entries.append((size, at, kind, *filed_event(event), written.body, leaf))
            if written.openings != NO_OPENINGS:
                openings.append((size, *written[1:]))
        _insert(transaction, queries.APPEND, queries.ENTRY_COLUMNS, entries)
        _insert(transaction, queries.APPEND_OPENINGS, queries.OPENING_COLUMNS, openings)
        _insert(transaction, queries.ADD_NODES, tree.Node._fields, nodes)
        self._head = Head(size, leaf, kind, last_at)

    def forget(self) -> None:
        """Read the head anew at the next use, since the transaction was rolled back."""
        self._head = None


def _insert(
    transaction: Transaction,
    statement: Statement[tuple[object, ...]],
    names: Sequence[str],
    rows: Sequence[tuple[object, ...]],
) -> None:
    if rows:
        transaction.insert_columns(statement, dict(zip(names, zip(*rows, strict=True), strict=True)))


def _with_set_backs(events: Iterable[tuple[datetime, Event]], last_at: datetime) -> Iterator[tuple[datetime, Event]]:
    """Yield these, each that is earlier than the one before it after an entry that says so.

    Between two such entries times only rise, by which `spans.py` finds where a time lies.
    """
    for at, event in events:
        if at < last_at:
            yield at, ClockSetBack(before=last_at)
        last_at = at
        yield at, event


def _head_of(last: queries.LastRow) -> Head:
    try:
        if last.sound and last.leaf is not None and last.kind is not None and last.at is not None:
            return Head(last.seq, last.leaf, queries.text_of(last.kind), moment_of(last.at))
    except (UnicodeDecodeError, OverflowError):
        pass
    raise Integrity(f"The ledger is damaged at entry {last.seq}: what is stored there is no entry.")


def _check_newest(transaction: Transaction, size: int) -> None:
    """See that the entries of the newest tile are there, each with the leaf that its body gives."""
    first = max(0, size - 1) // TILE_WIDTH * TILE_WIDTH
    for expected, row in enumerate(transaction.all(queries.BODIES, after=first, last=size), first + 1):
        if row.seq != expected:
            raise Integrity(f"The ledger has no entry {expected}.")
        if not row.sound or row.body is None or tree.leaf_of(row.body) != row.leaf:
            raise Integrity(f"The ledger is damaged at entry {row.seq}: its body is not what was written.")


def _name_origin(transaction: Transaction) -> None:
    """Give the ledger its name, with its first entry: it tells this ledger's checkpoints from every other's."""
    if transaction.first(queries.ORIGIN, named=queries.ORIGIN_NAME) is not None:
        raise Integrity(EMPTIED)
    origin = f"sealane/{random_name()}"
    transaction.run(queries.NAME_ORIGIN, name=queries.ORIGIN_NAME, value=origin.encode())
