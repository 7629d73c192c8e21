"""Listings for people: rows with named columns, as the administrator's command line prints them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sealane.operations.accounts import Row, RowsAre

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealane.operations.accounts import Value


def listing(columns: tuple[str, ...], rows: Iterable[tuple[Value | datetime, ...]]) -> RowsAre:
    """Return rows under the same columns; times as ISO 8601 text."""
    return RowsAre(
        rows=tuple(
            Row(
                columns=columns,
                values=tuple(value.isoformat() if isinstance(value, datetime) else value for value in values),
            )
            for values in rows
        )
    )
