"""Listings for people and their parts: rows with named columns, as the command line and pages show them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from sealane.operations.accounts import Row, RowsAre

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sealane.operations.accounts import Part, Value

T = TypeVar("T")


def listing(columns: tuple[str, ...], rows: Iterable[tuple[Value | datetime, ...]], *, total: int = 0) -> RowsAre:
    """Return rows under the same columns; times as ISO 8601 text. `total`: how many there are, of a part."""
    return RowsAre(
        rows=tuple(
            Row(
                columns=columns,
                values=tuple(value.isoformat() if isinstance(value, datetime) else value for value in values),
            )
            for values in rows
        ),
        total=total,
    )


def cut(found: Sequence[T], part: Part, text_of: Callable[[T], str]) -> tuple[Sequence[T], int]:
    """Return the part of a listing that is wanted, and how many the search has found in all. Pure."""
    wanted = part.search.casefold()
    if wanted:
        found = [one for one in found if wanted in text_of(one).casefold()]
    start = max(0, part.start)
    return found[start : start + part.limit] if part.limit > 0 else found[start:], len(found)
