"""What the engine needs of a database driver. Two real ones implement it: `sqlite.py` and `postgres.py`.

Errors that a driver raises for expected trouble: `StoreFull` (no room), `DiskFailed` (its disk does not answer),
`Unavailable` (the connection is lost, the database is away), `OutcomeUnknown` (lost while it committed), `Integrity`
(the database is damaged; `SchemaDamaged` where a table is gone), `Invalid` (a value that the column refuses). Anything
else is `StatementFailed`, which carries no values, since a driver's own message may quote what somebody sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sealane.errors import Integrity, Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Dialect, Engine


DATABASE_DAMAGED = "The server's database is damaged. Tell its administrator."


class DiskFailed(Unavailable):
    """The disk under the database failed to read or write. What was not committed is not done.

    Another transaction may well succeed: one place of the disk cannot be read, others can.
    """

    default = "The disk of the server's database did not answer as it should. Nothing was lost; tell its administrator."


class SchemaDamaged(Integrity):
    """A table or column is gone that every release of this schema has."""

    default = DATABASE_DAMAGED


class StatementFailed(RuntimeError):
    """A programming error that the database noticed (a broken constraint, say)."""


class Driver(Protocol):
    """One connection to a database, used by one thread at a time."""

    @property
    def dialect(self) -> Dialect:
        """The dialect that statements are compiled for, with positional parameters."""
        ...

    @property
    def usable(self) -> bool:
        """Whether the connection still stands; one that does not is closed and opened anew by the engine."""
        ...

    def query(self, sql: str, arguments: Sequence[object]) -> list[tuple[object, ...]]:
        """Run a statement and return all of its rows."""
        ...

    def change(self, sql: str, arguments: Sequence[object]) -> int:
        """Run a statement and return how many rows it changed."""
        ...

    def change_many(self, sql: str, arguments: Sequence[Sequence[object]]) -> int:
        """Run a statement once for each set of arguments."""
        ...

    def begin(self) -> None:
        """Begin a transaction that may write."""
        ...

    def commit(self) -> None:
        """Make it durable. After an error it is rolled back, or its outcome is unknown (`OutcomeUnknown`)."""
        ...

    def rollback(self) -> None:
        """Undo the transaction; does nothing when there is none."""
        ...

    def savepoint(self, depth: int) -> None:
        """Set the savepoint of this depth."""
        ...

    def release(self, depth: int) -> None:
        """Keep what was done since the savepoint of this depth."""
        ...

    def undo(self, depth: int) -> None:
        """Undo what was done since the savepoint of this depth, and drop it."""
        ...

    def hold_lease(self) -> None:
        """Become the only writer until closed, or raise `LeaseHeld`. May be repeated."""
        ...

    def migration_engine(self) -> Engine:
        """Return a SQLAlchemy engine for migrations, on connections of its own."""
        ...

    def read_through(self, value_bytes_max: int) -> None:
        """Prepare for reading very much once: remember little; read no larger value, where a database can be so told.

        A statement that would read one fails then.
        """
        ...

    def limits_values(self, bytes_max: int) -> bool:
        """Whether no value that is larger is ever read."""
        ...

    def forget_deleted(self) -> bool:
        """Clear the log of what was deleted; whether that is done."""

    def close(self) -> None:
        """Let go of the connection and the lease."""
        ...
