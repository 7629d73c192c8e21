"""PostgreSQL through psycopg 3: one connection, prepared statements, the lease as an advisory lock on that connection.

The lease and the transaction stand on the same connection, so whoever loses one loses the other: a keeper that was cut
off cannot write after its standby took over.
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

import psycopg
import sqlalchemy as sa
from psycopg.types.numeric import Int8BinaryDumper
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from sealane.database.drivers import DATABASE_DAMAGED, DiskFailed, SchemaDamaged, StatementFailed
from sealane.errors import Integrity, Invalid, LeaseHeld, OutcomeUnknown, SealaneError, StoreFull, Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger(__name__)

_LEASE_KEY = 0x5EA1A9E
"""The advisory lock that stands for being the writer of this database."""
_WAIT_FOR_LOCKS_A_LITTLE = "SET lock_timeout TO 500"  # milliseconds
_WAIT_FOR_LOCKS = "SET lock_timeout TO 0"
_STATEMENTS_KEPT = 1024
_CONNECT_SECONDS = 10
_DEAD_PEER = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 25_000}
"""How we notice a server that is gone without a word."""
_SESSION = (
    # How the server notices that we are: the lease of a keeper whose machine died is free within half a minute.
    "SET tcp_keepalives_idle TO 10",
    "SET tcp_keepalives_interval TO 5",
    "SET tcp_keepalives_count TO 3",
    "SET tcp_user_timeout TO 25000",
)


class PostgresDriver:
    """One connection, under autocommit: BEGIN and COMMIT are ours, so that we see their answers."""

    def __init__(self, url: str) -> None:
        """Connect. Raises `Unavailable` without the server's words, which may hold the URL's password."""
        self._url = url
        self.dialect = PGDialect_psycopg(paramstyle="format")
        self._connection = self._connect()
        self._cursor = self._connection.cursor(binary=True)
        [(encoding,)] = self.query("SHOW server_encoding", ())
        if encoding != "UTF8":
            self.close()
            raise Unavailable("The database must be made with the encoding UTF8.")
        for line in _SESSION:
            self.change(line, ())
        [(commit,)] = self.query("SHOW synchronous_commit", ())
        if commit == "off":
            self.change("SET synchronous_commit TO on", ())

    @property
    def usable(self) -> bool:
        """Whether the connection still stands."""
        return not self._connection.closed

    def query(self, sql: str, arguments: Sequence[object]) -> list[tuple[object, ...]]:
        """Run a statement and return all of its rows."""
        try:
            return self._cursor.execute(sql.encode(), arguments, prepare=True).fetchall()
        except psycopg.Error as problem:
            raise _translated(problem) from None

    def change(self, sql: str, arguments: Sequence[object]) -> int:
        """Run a statement and return how many rows it changed."""
        try:
            return self._cursor.execute(sql.encode(), arguments, prepare=True).rowcount
        except psycopg.Error as problem:
            raise _translated(problem) from None

    def change_many(self, sql: str, arguments: Sequence[Sequence[object]]) -> int:
        """Run a statement once for each set of arguments, pipelined."""
        try:
            self._cursor.executemany(sql.encode(), arguments)
        except psycopg.Error as problem:
            raise _translated(problem) from None
        return self._cursor.rowcount

    def begin(self) -> None:
        """Begin a transaction."""
        self.change("BEGIN", ())

    def commit(self) -> None:
        """Commit. The server answers COMMIT on a failed transaction with ROLLBACK and no error: that is one here.

        Raises `OutcomeUnknown` when the connection is lost before the answer: the server may have committed or not.
        """
        try:
            self._cursor.execute(b"COMMIT", prepare=True)
        except psycopg.Error as problem:
            if problem.diag.severity_nonlocalized == "ERROR":  # an answer: it was not done, and the connection stands
                raise _translated(problem) from None
            self._connection.close()
            raise OutcomeUnknown from None
        if self._cursor.statusmessage != "COMMIT":
            raise StatementFailed("the transaction had failed before its commit")

    def rollback(self) -> None:
        """Roll back, if there is anything to."""
        if self._connection.info.transaction_status in {
            psycopg.pq.TransactionStatus.INTRANS,
            psycopg.pq.TransactionStatus.INERROR,
        }:
            self.change("ROLLBACK", ())

    def savepoint(self, depth: int) -> None:
        """Set the savepoint of this depth."""
        self.change(f"SAVEPOINT s{depth:d}", ())

    def release(self, depth: int) -> None:
        """Keep what was done since the savepoint of this depth."""
        self.change(f"RELEASE s{depth:d}", ())

    def undo(self, depth: int) -> None:
        """Undo what was done since the savepoint of this depth, and drop it."""
        self.change(f"ROLLBACK TO s{depth:d}", ())
        self.change(f"RELEASE s{depth:d}", ())

    def hold_lease(self) -> None:
        """Take the advisory lock; it is ours as long as this connection stands.

        A connection that was just lost may hold it a moment longer, so it is waited for, a little.
        """
        self.change(_WAIT_FOR_LOCKS_A_LITTLE, ())
        held = False
        try:
            self._cursor.execute("SELECT pg_advisory_lock(%s)", (_LEASE_KEY,))
        except psycopg.errors.LockNotAvailable:
            held = True
        except psycopg.Error as problem:
            raise _translated(problem) from None
        self.change(_WAIT_FOR_LOCKS, ())
        if held:
            raise LeaseHeld

    def migration_engine(self) -> sa.Engine:
        """Return an engine on connections of its own."""
        return sa.create_engine(
            "postgresql+psycopg://", creator=lambda: psycopg.connect(self._url), poolclass=sa.NullPool
        )

    def read_through(self, value_bytes_max: int) -> None:
        """Do nothing: what the server remembers is its own, and it has no such limit."""

    def limits_values(self, bytes_max: int) -> bool:
        """No: who reads has to ask for no more."""
        del bytes_max
        return False

    def forget_deleted(self) -> bool:
        """Leave it to the server: its log and its dead rows are cleared as its own settings say."""
        return True

    def close(self) -> None:
        """Let go of the lease now, not when the server notices that the connection is gone; then close it."""
        if self.usable:
            with contextlib.suppress(psycopg.Error):
                self._cursor.execute("SELECT pg_advisory_unlock_all()")
        self._connection.close()

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        try:
            connection = psycopg.connect(
                self._url,
                autocommit=True,
                connect_timeout=_CONNECT_SECONDS,
                client_encoding="utf8",
                **_DEAD_PEER,
            )
        except psycopg.Error:
            raise Unavailable("The database server cannot be reached.") from None
        connection.prepared_max = _STATEMENTS_KEPT
        # One type for every int: otherwise each size of number would be another prepared statement.
        connection.adapters.register_dumper(int, Int8BinaryDumper)
        return connection


def _translated(problem: psycopg.Error) -> SealaneError | StatementFailed:
    """Return our error for the server's. Its message is left out: the detail in it may quote what somebody sent."""
    state = problem.sqlstate or ""
    if state.startswith(("53100", "53200")):  # disk_full, out_of_memory
        return StoreFull()
    if state == "58030":  # io_error
        log.error("the database server could not read or write its disk")
        return DiskFailed()
    gone = state in {"42P01", "42703"}  # undefined_table, undefined_column
    if gone or state in {"XX001", "XX002"}:  # data_corrupted, index_corrupted
        return SchemaDamaged() if gone else Integrity(DATABASE_DAMAGED)
    if isinstance(problem, psycopg.OperationalError | psycopg.InterfaceError):
        return Unavailable()
    if isinstance(problem, psycopg.DataError):
        return Invalid("A value in the request is out of range.")
    names = (problem.diag.table_name, problem.diag.column_name, problem.diag.constraint_name)
    return StatementFailed(" ".join([type(problem).__name__, state, *(name for name in names if name)]))
