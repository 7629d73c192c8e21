"""Reading the ledger: pages of entries by who, where, what and when; its checkpoints. Changes nothing.

Must stay true: whatever somebody has put into a row, reading it ends in an entry that says so, never in a failure.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealane.errors import Integrity, Missing
from sealane.ledger import entry_queries, queries, spans
from sealane.ledger.bodies import NOT_OURS, opened, path_digest
from sealane.ledger.filing import FiledEntry, misfiled, stored_moment
from sealane.ledger.tree import HASH_BYTES, TILE_WIDTH
from sealane.operations.audit import LedgerEntry, TreeNode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sealane.database.engine import Reading, Transaction


@dataclass(frozen=True, slots=True)
class Question:
    """Which entries: those that fit everything given."""

    since: datetime | None = None
    until: datetime | None = None
    kinds: tuple[str, ...] | None = None
    """Any of these."""
    not_kinds: tuple[str, ...] | None = None
    door: str | None = None
    organization_id: int | None = None
    """Whose place or account it is, or whose user did it."""
    user_id: int | None = None
    """Who did it, or whose account it was done to."""
    session_id: str | None = None
    version_id: str | None = None
    folder_ids: tuple[int, ...] | None = None
    """Any of these."""
    paths: tuple[str, ...] | None = None
    """Any of these, each as it was recorded: `ORG:/PATH`. Found as long as the opening is kept."""
    address: str | None = None
    """Found as long as the opening is kept."""


EVERYTHING = Question()
EMPTIED = "The ledger is damaged: all of its entries are gone."


def page(transaction: Transaction, question: Question, *, after: int = 0, limit: int) -> list[LedgerEntry]:
    """Return at most `limit` entries with numbers greater than `after`, in order; fewer means there are no more.

    What has several ways to fit is asked way by way for numbers, each in the order of its index, and of all of these
    the first are read: so the cost is that of the page and not that of everything which fits.
    """
    common = _common(question)
    if question.since is not None:
        after = max(after, spans.first_since(transaction, question.since) - 1)
    last = None if question.until is None else spans.last_until(transaction, question.until)
    if last is not None:
        common["last"] = last
    ways = list(_ways(question))
    if len(ways) == 1:
        values = common | ways[0]
        rows = transaction.all(entry_queries.entries(frozenset(values)), after=after, limit=limit, **values)
        return [_entry(row) for row in rows]
    first = _first_numbers(transaction, [common | way for way in ways], after=after, limit=limit)
    entries: list[LedgerEntry] = []
    for some in range(0, len(first), _NUMBERS_AT_ONCE):
        chosen = first[some : some + _NUMBERS_AT_ONCE]
        entries += map(_entry, transaction.all(entry_queries.BY_NUMBERS, seqs=chosen))
    return entries


_NUMBERS_AT_ONCE = 4096
_NUMBERS_A_WAY_MIN = 16
"""How many of a way are asked for at first, where there are many ways."""


def _first_numbers(transaction: Transaction, ways: list[dict[str, object]], *, after: int, limit: int) -> list[int]:
    """Return the first numbers that fit in any of these ways. Of each no more are read than may be among them."""
    numbers: set[int] = set()
    first: list[int] = []
    some = min(limit, max(_NUMBERS_A_WAY_MIN, 2 * limit // max(1, len(ways))))
    waiting = [(way, after) for way in ways]
    while waiting:
        full: list[tuple[dict[str, object], int]] = []
        for way, past in waiting:
            rows = transaction.all(entry_queries.numbers(frozenset(way)), after=past, limit=some, **way)
            found = [row.seq for row in rows if row.seq is not None]
            numbers.update(found)
            if len(rows) == some and found:
                full.append((way, found[-1]))
        first = heapq.nsmallest(limit, numbers)
        waiting = [(way, past) for way, past in full if len(first) < limit or past < first[-1]]
        some = min(limit, 2 * some)
    return first


def _common(question: Question) -> dict[str, object]:
    values: dict[str, object] = {
        name: value
        for name in ("since", "until", "door", "organization_id", "user_id", "session_id", "version_id")
        if (value := getattr(question, name)) is not None
    }
    if question.not_kinds is not None:
        values["not_kinds"] = list(question.not_kinds)
    if question.address is not None:
        values["address"] = path_digest(question.address)
    return values


def _ways(question: Question) -> Iterator[dict[str, object]]:
    """Yield the filters of every single way to fit what any of several values may fit."""
    choices: list[list[dict[str, object]]] = []
    if question.kinds is not None:
        choices.append([{"kind": kind} for kind in question.kinds])
    if question.folder_ids is not None:
        choices.append([{"folder_id": folder} for folder in question.folder_ids])
    if question.paths is not None:
        digests = [path_digest(path) for path in question.paths]
        choices.append([{field: digest} for digest in digests for field in ("path", "target")])
    for chosen in itertools.product(*choices):
        yield {name: value for one in chosen for name, value in one.items()}


def nodes_within(transaction: Reading, after: int, last: int) -> list[TreeNode]:
    """Return the nodes over full tiles whose last entry is past `after` and not past `last`, lowest level first."""
    found: list[TreeNode] = []
    level, first, end = 1, after // TILE_WIDTH, last // TILE_WIDTH
    while first < end:
        rows = transaction.all(queries.NODES, level=level, first=first, end=end)
        stored = {row.number: row.hash for row in rows if row.sound and row.hash and len(row.hash) == HASH_BYTES}
        found += (TreeNode(level, number, stored.get(number, b"")) for number in range(first, end))
        level, first, end = level + 1, first // TILE_WIDTH, end // TILE_WIDTH
    return found


def size(transaction: Transaction) -> int:
    """Return the number of the newest entry. Raises `Missing` before the first entry, `Integrity` if they are gone."""
    last = transaction.first(queries.LAST)
    if last is None and transaction.first(queries.ORIGIN, named=queries.ORIGIN_NAME) is None:
        raise Missing("The ledger has no entries yet.")
    if last is None:
        raise Integrity(EMPTIED)
    return last.seq


def origin(transaction: Transaction) -> str:
    """Return the ledger's own name. Raises `Integrity` where it is gone."""
    row = transaction.first(queries.ORIGIN, named=queries.ORIGIN_NAME)
    if row is None:
        raise Integrity("The ledger is damaged: its own name is gone.")
    try:
        return (row.value or b"").decode()
    except UnicodeDecodeError:
        raise Integrity("The ledger is damaged: its own name is not what was written.") from None


def checkpoints(transaction: Transaction, *, after: int, limit: int) -> list[tuple[int, str]]:
    """Return checkpoints of more than `after` entries: size and note, cosignatures included.

    A stored one that is no text is told as "".
    """
    rows = transaction.all(queries.CHECKPOINTS, after=after, limit=limit)
    if not rows:
        return []
    return _with_cosignatures(transaction, rows)


def last_checkpoint(transaction: Transaction) -> tuple[int, str] | None:
    """Return the newest checkpoint, size and note; None where none was made yet."""
    row = transaction.first(queries.LAST_CHECKPOINT)
    return None if row is None else _with_cosignatures(transaction, [row])[0]


def cosigned_size(transaction: Transaction) -> int:
    """Return the size of the largest checkpoint that any witness has signed; 0 where none has."""
    row = transaction.first(queries.LAST_COSIGNED)
    return (row.size or 0) if row is not None else 0


def cosigned_checkpoint(transaction: Transaction, *, least: int) -> tuple[int, str] | None:
    """Return a checkpoint of at least that many entries, the newest that a witness signed before all others."""
    cosigned = cosigned_size(transaction)
    if cosigned and cosigned >= least:
        return checkpoints(transaction, after=cosigned - 1, limit=1)[0]
    last = last_checkpoint(transaction)
    return last if last is not None and last[0] >= least else None


def _with_cosignatures(transaction: Transaction, rows: list[queries.CheckpointRow]) -> list[tuple[int, str]]:
    lines: dict[int, str] = {}
    for row in transaction.all(queries.COSIGNATURES, first=rows[0].size, last=rows[-1].size):
        lines[row.size] = lines.get(row.size, "") + _text(row.line if row.sound else None)
    return [(row.size, _text(row.note if row.sound else None) + lines.get(row.size, "")) for row in rows]


def _text(stored: bytes | None) -> str:
    try:
        return (stored or b"").decode()
    except UnicodeDecodeError:
        return ""


def _entry(row: entry_queries.StoredRow) -> LedgerEntry:
    filed = _filed(row)
    if filed is None or row.leaf is None:
        return _unreadable(row.seq)
    try:
        openings = opened(row.openings) if row.openings is not None else None
    except NOT_OURS:
        return _unreadable(row.seq)
    return LedgerEntry(
        seq=row.seq,
        body=filed.body,
        leaf=row.leaf,
        openings=openings,
        misfiled=misfiled(filed, openings or {}),
    )


def _unreadable(seq: int) -> LedgerEntry:
    return LedgerEntry(seq=seq, body=b"", leaf=b"", openings=None, unreadable=True)


def _filed(row: entry_queries.StoredRow) -> FiledEntry | None:
    """Return the row with each value as its own type; None where that cannot be."""
    if not row.sound or row.body is None or row.at is None or row.kind is None or row.door is None:
        return None
    try:
        return FiledEntry(
            row.body,
            stored_moment(row.at),
            queries.text_of(row.kind),
            row.organization_id,
            row.user_id,
            None if row.session_id is None else queries.text_of(row.session_id),
            row.folder_id,
            row.file_id,
            None if row.version_id is None else queries.text_of(row.version_id),
            queries.text_of(row.door),
            row.path_digest,
            row.target_digest,
            row.address_digest,
        )
    except (UnicodeDecodeError, OverflowError):
        return None
