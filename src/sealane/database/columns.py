"""The column types that behave the same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

BigId = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""A number that the database gives (SQLite only numbers INTEGER keys by itself)."""

Name = sa.String(1024).with_variant(sa.String(1024, collation="C"), "postgresql")
"""Text that is compared and sorted by code points on both databases."""


class Moment(sa.types.TypeDecorator[datetime]):
    """An aware UTC time, kept as microseconds since 1970 (an integer sorts and compares alike everywhere)."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Return microseconds; a naive time is a programming error."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "a time without a zone must not reach the database"
            raise ValueError(msg)
        return microseconds_of(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Return an aware time."""
        del dialect
        return None if value is None else moment_of(value)


@lru_cache(maxsize=64)
def microseconds_of(at: datetime) -> int:
    """Return how long after the beginning of 1970 an aware time is."""
    return (at - _EPOCH) // _MICROSECOND


def moment_of(microseconds: int) -> datetime:
    """Return the aware time that is so long after the beginning of 1970. Raises `OverflowError`."""
    return _EPOCH + timedelta(microseconds=microseconds)
