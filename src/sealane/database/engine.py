"""The database and its transactions: named statements, typed rows, lazy savepoints, one writer at a time.

Must stay true: after `commit()` has returned, the transaction survives a power cut; after it raised, nothing of it is
there, except that a lost connection leaves the outcome unknown (the caller then asks again, repeatably). A transaction
in which the store was full or the connection lost takes nothing more: every later use raises the same error.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self, cast

from sealane.database import history
from sealane.database.plans import Plan, plan_for
from sealane.database.sqlite import SqliteDriver
from sealane.database.statements import RowT, Statement, registered
from sealane.errors import Invalid, SealaneError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import TracebackType

    from sealane.database.drivers import Driver

_SQLITE = "sqlite:///"
_POSTGRES = ("postgresql://", "postgres://")


class Database:
    """One database, one connection, at most one open transaction. Not for two threads at once."""

    def __init__(self, connect: Callable[[], Driver]) -> None:
        """Connect by `connect`, which is called again whenever the connection was lost."""
        self._connect = connect
        self._driver = connect()
        self._leased = False
        self._open: Transaction | None = None
        self._plans: dict[Statement[tuple[object, ...]], Plan[tuple[object, ...]]] = {}
        for statement in registered():
            self.plan(statement)

    @classmethod
    def open(cls, url: str) -> Database:
        """Open `sqlite:///PATH` (an absolute path has four slashes) or a libpq URI `postgresql://…`."""
        if url.startswith(_SQLITE):
            path = Path(url.removeprefix(_SQLITE))
            return cls(lambda: SqliteDriver(path))
        if url.startswith(_POSTGRES):
            from sealane.database.postgres import PostgresDriver  # noqa: PLC0415 - a third of a restart on SQLite

            return cls(lambda: PostgresDriver(url))
        raise Invalid("The database is named by sqlite:///PATH or by postgresql://…")

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._driver.dialect.name

    def plan(self, statement: Statement[RowT]) -> Plan[RowT]:
        """Return the statement compiled for this database; one that was made after opening is compiled now."""
        found = self._plans.get(statement)  # pyrefly: ignore  # plans of every row type in one table
        if found is None:
            found = self._plans[statement] = plan_for(statement, self._driver.dialect)  # pyrefly: ignore  # as above
        return cast("Plan[RowT]", found)

    def migrate(self) -> None:
        """Bring the schema to this program's; a schema of a newer program is refused with `Unavailable`."""
        history.migrate(self._usable_driver())

    def hold_lease(self) -> None:
        """Become the only writer of this database until it is closed, or raise `LeaseHeld`.

        A connection that was lost is leased again when it is opened again, before anything else runs on it.
        """
        self._usable_driver().hold_lease()
        self._leased = True

    def begin(self) -> Transaction:
        """Begin a transaction. Raises `Unavailable` (or `LeaseHeld`) when the database is away."""
        if self._open is not None:
            raise RuntimeError("a transaction is already open")
        driver = self._usable_driver()
        driver.begin()
        self._open = Transaction(self, driver)
        return self._open

    def reading(self) -> Reading:
        """Return what reads without a transaction: it takes no lock that a writer would wait for."""
        return Reading(self, self._usable_driver())

    def read_through(self, value_bytes_max: int) -> None:
        """Prepare for reading very much once, no value of it larger; `Reading.limits_values` says if that holds."""
        self._usable_driver().read_through(value_bytes_max)

    def forget_deleted(self) -> bool:
        """Between transactions: make the database's log forget too what was deleted; whether it is gone.

        On SQLite the write-ahead log is written back and cut off. PostgreSQL keeps its log as its own settings say.
        """
        assert self._open is None, "no transaction is open"
        return self._driver.forget_deleted()

    def close(self) -> None:
        """Roll back what is open, close the connection, let go of the lease. May be repeated."""
        self._open = None
        self._driver.close()

    def ended(self) -> None:
        """Take note that the open transaction is over (called by the transaction itself)."""
        self._open = None

    def _usable_driver(self) -> Driver:
        if not self._driver.usable:
            driver = self._connect()
            try:
                if self._leased:
                    driver.hold_lease()
            except BaseException:
                driver.close()
                raise
            self._driver = driver
        return self._driver


class Reading:
    """Reads what is committed. Each statement sees a state of its own, so it is for what never changes once written."""

    def __init__(self, database: Database, driver: Driver) -> None:
        """Made by `Database.reading` (a transaction: by `Database.begin`) alone."""
        self._database = database
        self._driver = driver

    def first(self, statement: Statement[RowT], /, **values: object) -> RowT | None:
        """Return the first row, or None."""
        rows = self.all(statement, **values)
        return rows[0] if rows else None

    def all(self, statement: Statement[RowT], /, **values: object) -> list[RowT]:
        """Return every row."""
        plan = self._database.plan(statement)
        assert not plan.writes, "who changes something begins a transaction"
        return plan.rows(self._driver.query(*plan.bound(values)))

    def limits_values(self, bytes_max: int) -> bool:
        """Whether no value that is larger is ever read; else a statement has to leave such rows out."""
        return self._driver.limits_values(bytes_max)

    def tuples(self, statement: Statement[RowT], /, **values: object) -> list[tuple[object, ...]]:
        """Return every row as the driver hands it over, of whatever type: for many rows of few questions."""
        plan = self._database.plan(statement)
        assert not plan.writes, "who changes something begins a transaction"
        return self._driver.query(*plan.bound(values))


class Transaction(Reading):
    """An open transaction. As a context manager it commits, or rolls back when an exception leaves the block."""

    def __init__(self, database: Database, driver: Driver) -> None:
        """Made by `Database.begin` alone."""
        super().__init__(database, driver)
        self._over = False
        self.writes = 0
        """How often something was written, or tried to be."""
        self._failure: SealaneError | None = None
        self._savepoints: list[bool] = []
        """One entry an entered `savepoint()`, outermost first: whether the database has been told of it."""

    def all(self, statement: Statement[RowT], /, **values: object) -> list[RowT]:
        """Return every row."""
        plan = self._database.plan(statement)
        sql, arguments = plan.bound(values)
        self._before(writes=plan.writes)
        try:
            return plan.rows(self._driver.query(sql, arguments))
        except Unavailable as problem:
            raise self._failed(problem) from None

    def tuples(self, statement: Statement[RowT], /, **values: object) -> list[tuple[object, ...]]:
        """Return every row as the driver hands it over, of whatever type: for many rows of few questions."""
        sql, arguments = self._database.plan(statement).bound(values)
        self._before(writes=False)
        try:
            return self._driver.query(sql, arguments)
        except Unavailable as problem:
            raise self._failed(problem) from None

    def run(self, statement: Statement[RowT], /, **values: object) -> int:
        """Run a change and return how many rows it changed."""
        sql, arguments = self._database.plan(statement).bound(values)
        self._before(writes=True)
        try:
            return self._driver.change(sql, arguments)
        except Unavailable as problem:
            raise self._failed(problem) from None

    def run_many(self, statement: Statement[RowT], values: Sequence[Mapping[str, object]], /) -> int:
        """Run a change once for each set of values; none is fine. Lists as parameters are not taken here."""
        if not values:
            return 0
        sql, arguments = self._database.plan(statement).bound_for_all(values)
        self._before(writes=True)
        try:
            return self._driver.change_many(sql, arguments)
        except Unavailable as problem:
            raise self._failed(problem) from None

    def insert_columns(self, statement: Statement[RowT], columns: Mapping[str, Sequence[object]], /) -> None:
        """Insert rows that are given column by column, as many at once as a statement takes; none is fine.

        For many rows: the driver lets other threads run once a statement, and each time costs more than a row does.
        SQLite keeps what such a statement changes twice, for the case that it fails, unless it is an `INSERT OR FAIL`:
        then the rows before the one that failed are there, until the transaction or a savepoint is undone.
        """
        for sql, arguments in self._database.plan(statement).bound_in_rows(columns):
            self._before(writes=True)
            try:
                self._driver.change(sql, arguments)
            except Unavailable as problem:
                raise self._failed(problem) from None

    def insert(self, statement: Statement[RowT], /, **values: object) -> int:
        """Run an `insert … returning(id)` and return that id."""
        sql, arguments = self._database.plan(statement).bound(values)
        self._before(writes=True)
        try:
            rows = self._driver.query(sql, arguments)
        except Unavailable as problem:
            raise self._failed(problem) from None
        return cast("int", rows[0][0])

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what the block wrote when an exception leaves it. Costs nothing until the first write in it."""
        self._savepoints.append(False)
        depth = len(self._savepoints)
        try:
            yield
        except BaseException:
            if self._savepoints.pop() and self._failure is None:
                self._driver.undo(depth)
            raise
        if self._savepoints.pop():
            self._driver.release(depth)

    def commit(self) -> None:
        """Make it durable. When it raises, nothing was written (or, with a lost connection, that is unknown)."""
        try:
            self._check()
            self._driver.commit()
        except BaseException:
            self.rollback()
            raise
        self._end()

    def rollback(self) -> None:
        """Undo everything; does nothing when it is over already."""
        if self._over:
            return
        self._end()
        try:
            self._driver.rollback()
        except Unavailable:
            # The connection is not to be trusted any more: without it the database undoes the transaction by itself.
            self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.rollback()
        elif not self._over:
            self.commit()

    def _before(self, *, writes: bool) -> None:
        self._check()
        self.writes += writes
        if writes and self._savepoints and not self._savepoints[-1]:
            for index, told in enumerate(self._savepoints):
                if not told:
                    self._driver.savepoint(index + 1)
                    self._savepoints[index] = True

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._over:
            raise RuntimeError("the transaction is over")

    def _failed(self, problem: SealaneError) -> SealaneError:
        self._failure = problem
        return problem

    def _end(self) -> None:
        self._over = True
        self._database.ended()
