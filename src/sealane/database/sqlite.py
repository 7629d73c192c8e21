"""SQLite through the standard library: write-ahead log, every commit synced, one file in the data directory.

Must stay true: `synchronous=FULL`, so that a commit is on the disk before it is answered; transactions begin IMMEDIATE,
so that a second writer is met at once and not at its first write.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import sqlite3
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from sealane.database.drivers import DATABASE_DAMAGED, DiskFailed, SchemaDamaged, StatementFailed
from sealane.errors import Integrity, LeaseHeld, SealaneError, StoreFull, Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

log = logging.getLogger(__name__)

_PRAGMAS = (
    "PRAGMA busy_timeout=10000",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA journal_size_limit=67108864",
    "PRAGMA wal_autocheckpoint=8192",  # pages: one that changes again and again is copied back once
    "PRAGMA cache_size=-65536",  # KiB
    "PRAGMA temp_store=MEMORY",  # else whatever is changed within a savepoint is written to a file outside, 64 KiB on
    "PRAGMA secure_delete=ON",  # what is deleted or written over is zeros at once: keys are destroyed here
    "PRAGMA trusted_schema=OFF",
    "PRAGMA cell_size_check=ON",
)
_STATEMENTS_KEPT = 1024
_FULL = frozenset({sqlite3.SQLITE_FULL})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_GONE = ("no such table", "no such column")
_LOST = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PROTOCOL,
    }
)


class SqliteDriver:
    """A connection to one SQLite file, and the lease on it (a lock file beside it)."""

    def __init__(self, path: Path) -> None:
        """Open the file, making it (0600) if it is not there. Raises `Unavailable` when that cannot be."""
        self._path = path
        self._lease: int | None = None
        self._disk_failures = 0
        """How often the disk failed since the last commit."""
        self.dialect = SQLiteDialect_pysqlite(paramstyle="qmark")
        self.usable = True
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._connection = _connect(path)
        except (OSError, sqlite3.Error) as problem:
            raise Unavailable(f"The database file cannot be opened ({type(problem).__name__}).") from problem

    def query(self, sql: str, arguments: Sequence[object]) -> list[tuple[object, ...]]:
        """Run a statement and return all of its rows."""
        try:
            return self._connection.execute(sql, arguments).fetchall()
        except sqlite3.Error as problem:
            raise self._translated(problem) from None

    def change(self, sql: str, arguments: Sequence[object]) -> int:
        """Run a statement and return how many rows it changed."""
        try:
            return self._connection.execute(sql, arguments).rowcount
        except sqlite3.Error as problem:
            raise self._translated(problem) from None

    def change_many(self, sql: str, arguments: Sequence[Sequence[object]]) -> int:
        """Run a statement once for each set of arguments."""
        try:
            return self._connection.executemany(sql, arguments).rowcount
        except sqlite3.Error as problem:
            raise self._translated(problem) from None

    def begin(self) -> None:
        """Begin IMMEDIATE: the write lock is taken now."""
        if self._disk_failures > 1:
            self._open_again()
        self.query("BEGIN IMMEDIATE", ())

    def commit(self) -> None:
        """Commit; synced when it returns. After an error it is undone: the next commit overwrites it in the log."""
        self.query("COMMIT", ())
        self._disk_failures = 0

    def rollback(self) -> None:
        """Roll back; some errors have done so already."""
        if self._connection.in_transaction:
            self.query("ROLLBACK", ())

    def savepoint(self, depth: int) -> None:
        """Set the savepoint of this depth."""
        self.query(f"SAVEPOINT s{depth:d}", ())

    def release(self, depth: int) -> None:
        """Keep what was done since the savepoint of this depth."""
        self.query(f"RELEASE s{depth:d}", ())

    def undo(self, depth: int) -> None:
        """Undo what was done since the savepoint of this depth, and drop it."""
        self.query(f"ROLLBACK TO s{depth:d}", ())
        self.query(f"RELEASE s{depth:d}", ())

    def hold_lease(self) -> None:
        """Lock `<file>.lock`; the system lets go of it when this process ends, however it ends."""
        if self._lease is not None:
            return
        lease = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lease)
            raise LeaseHeld from None
        self._lease = lease

    def migration_engine(self) -> sa.Engine:
        """Return an engine whose transactions cover schema changes too (the standard driver's own do not)."""
        engine = sa.create_engine("sqlite://", creator=lambda: _connect(self._path), poolclass=sa.NullPool)

        @event.listens_for(engine, "connect")
        def sort_in_files(connection: sqlite3.Connection, _: object) -> None:
            connection.execute("PRAGMA temp_store=FILE").fetchall()  # a whole ledger may be sorted for an index

        @event.listens_for(engine, "begin")
        def begin(connection: sa.Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        return engine

    def _open_again(self) -> None:
        """Open the file anew, still under the lease: what was opened on a file system that went away never answers.

        Not after a single failure: a commit whose sync failed may stand in the log, and would be found there.
        """
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()
        try:
            self._connection = _connect(self._path)
            # Written and synced anew: what is in the log now may have failed to be.
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as problem:
            raise self._translated(problem) from None

    def _translated(self, problem: sqlite3.Error) -> SealaneError | StatementFailed:
        """Return our error for SQLite's. Its messages name tables and columns, never values."""
        code = getattr(problem, "sqlite_errorcode", 0) & 0xFF
        if code in _FULL:
            return StoreFull()
        if code == sqlite3.SQLITE_IOERR:
            self._disk_failures += 1
            log.error("the disk of the database failed: %s", problem.sqlite_errorname)
            return DiskFailed()
        if code in _LOST:
            return Unavailable()
        if code in _DAMAGED:
            log.error("the database is damaged: %s", problem.sqlite_errorname)
            return Integrity(DATABASE_DAMAGED)
        if str(problem).startswith(_GONE):
            return SchemaDamaged()
        return StatementFailed(f"{type(problem).__name__}: {problem}")

    def read_through(self, value_bytes_max: int) -> None:
        """Use the same few pages of memory again and again; refuse what is larger before there is memory for it."""
        self.query("PRAGMA cache_size=-2048", ())  # KiB
        self._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, value_bytes_max)

    def limits_values(self, bytes_max: int) -> bool:
        """Whether the connection has such a limit, or a lower one."""
        return self._connection.getlimit(sqlite3.SQLITE_LIMIT_LENGTH) <= bytes_max

    def forget_deleted(self) -> bool:
        """Write the log back and cut it off; False while somebody reads from it."""
        try:
            busy = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.Error as problem:
            raise self._translated(problem) from None
        return not busy

    def close(self) -> None:
        """Close the file and let go of the lease."""
        self.usable = False
        self._connection.close()
        if self._lease is not None:
            os.close(self._lease)
            self._lease = None


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, cached_statements=_STATEMENTS_KEPT
    )
    for line in _PRAGMAS:
        connection.execute(line).fetchall()
    return connection
