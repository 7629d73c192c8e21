"""Where a time lies in the ledger: the first entry since then, the last until then, by number.

Between two entries that say `clock_set_back` times only rise (`writer.py`), so in each such stretch a few entries are
looked at, however long it is. Must stay true: the answer is exact, however often the clock was set. Where what is
stored does not tell, or the clock was set back too often, all entries of that time are gone through.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from sealane.database.columns import microseconds_of
from sealane.ledger import entry_queries, queries
from sealane.ledger.events import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from sealane.database.engine import Transaction

STRETCHES_MAX = 200
_SET_BACK = Kind.CLOCK_SET_BACK.value


class _NotTold(Exception):
    """What is stored does not tell where a time lies."""


def first_since(transaction: Transaction, since: datetime) -> int:
    """Return the number of the first entry of that time or later; one past the last entry where there is none."""
    try:
        wanted = microseconds_of(since)
        end = 1
        for first, end in _stretches(transaction):
            if _at(transaction, end - 1) >= wanted:
                return _least(first, end, lambda seq: _at(transaction, seq) >= wanted)
    except _NotTold:
        found = transaction.first(entry_queries.FIRST_SINCE, since=since)
        return found.seq if found is not None and found.seq is not None else _size(transaction) + 1
    return end


def last_until(transaction: Transaction, until: datetime) -> int:
    """Return the number of the last entry of that time or earlier; 0 where there is none."""
    try:
        wanted = microseconds_of(until)
        for first, end in reversed(list(_stretches(transaction))):
            if _at(transaction, first) <= wanted:
                return _least(first, end, lambda seq: _at(transaction, seq) > wanted) - 1
    except _NotTold:
        found = transaction.first(entry_queries.LAST_UNTIL, until=until)
        return (found.seq or 0) if found is not None else 0
    return 0


def _stretches(transaction: Transaction) -> Iterator[tuple[int, int]]:
    """Yield the stretches in which times only rise: their first entry, and the one after their last."""
    filters = frozenset({"kind"})
    marks = transaction.all(entry_queries.numbers(filters), after=1, limit=STRETCHES_MAX, kind=_SET_BACK)
    if len(marks) == STRETCHES_MAX:
        raise _NotTold
    size = _size(transaction)
    if size:
        yield from pairwise([1, *(mark.seq for mark in marks if mark.seq is not None), size + 1])


def _least(first: int, end: int, holds: Callable[[int], bool]) -> int:
    """Return the least number from `first` on for which it holds, `end` where it holds for none before."""
    while first < end:
        middle = (first + end) // 2
        if holds(middle):
            end = middle
        else:
            first = middle + 1
    return first


def _at(transaction: Transaction, seq: int) -> int:
    row = transaction.first(queries.TIME, of=seq)
    if row is None or not row.sound or row.at is None:
        raise _NotTold
    return row.at


def _size(transaction: Transaction) -> int:
    newest = transaction.first(queries.LAST)
    return 0 if newest is None else newest.seq
