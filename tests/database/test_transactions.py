"""Transactions: all or nothing, lazy savepoints, one at a time, nothing kept that failed."""
# ruff: noqa: PT012 - what is tested is how a block with several steps ends

import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealane.database.drivers import StatementFailed
from sealane.database.engine import Database
from sealane.errors import Invalid, StoreFull, Unavailable
from tests.database import example
from tests.tries import tries


class Stop(Exception):
    """Leaves a block."""


def names(database) -> list[str]:
    with database.begin() as transaction:
        return [thing.name for thing in transaction.all(example.ALL)]


def add(transaction, name):
    return transaction.insert(example.ADD_NAME, name=name)


def spy(database):
    """Note the savepoint words that reach the database."""
    said = []
    driver = database._driver

    def note(word):
        real = getattr(driver, word)

        def told(depth):
            said.append((word, depth))
            real(depth)

        setattr(driver, word, told)

    for word in ("savepoint", "release", "undo"):
        note(word)
    return said


def test_a_committed_transaction_is_seen_after_reopening(examples, database_url):
    with examples.begin() as transaction:
        add(transaction, "a")
    examples.close()
    again = Database.open(database_url)
    assert names(again) == ["a"]
    again.close()


def test_an_exception_rolls_back(examples):
    with pytest.raises(Stop), examples.begin() as transaction:
        add(transaction, "a")
        raise Stop
    assert names(examples) == []


def test_changes_are_counted(examples):
    with examples.begin() as transaction:
        first = add(transaction, "a")
        assert transaction.run(example.RENAME, of=first, name="b") == 1
        assert transaction.run(example.RENAME, of=first + 100, name="c") == 0
        assert transaction.first(example.RENAME_RETURNING, of=first, name="d").number == first
        assert transaction.run_many(example.RENAME, [{"of": first, "name": "x"}, {"of": first, "name": "y"}]) == 2
        assert transaction.run_many(example.RENAME, []) == 0
    assert names(examples) == ["y"]


def test_a_savepoint_in_which_nothing_is_written_costs_nothing(examples):
    said = spy(examples)
    with examples.begin() as transaction:
        with transaction.savepoint():
            transaction.all(example.ALL)
        with pytest.raises(Stop), transaction.savepoint():
            transaction.all(example.ALL)
            raise Stop
        assert said == []
        with transaction.savepoint(), transaction.savepoint():
            add(transaction, "a")
    assert said == [("savepoint", 1), ("savepoint", 2), ("release", 2), ("release", 1)]


def test_a_change_that_returns_rows_counts_as_a_write(examples):
    with examples.begin() as transaction:
        first = add(transaction, "a")
        with pytest.raises(Stop), transaction.savepoint():
            transaction.first(example.RENAME_RETURNING, of=first, name="b")
            raise Stop
    assert names(examples) == ["a"]


def test_a_broken_constraint_undoes_its_savepoint_alone(examples):
    with examples.begin() as transaction:
        with transaction.savepoint():
            add(transaction, "a")
        with pytest.raises(StatementFailed) as failure, transaction.savepoint():
            add(transaction, "b")
            add(transaction, "a")
        with transaction.savepoint():
            add(transaction, "c")
    assert names(examples) == ["a", "c"]
    assert "IntegrityError" in str(failure.value) or "UniqueViolation" in str(failure.value)


def test_a_failure_never_quotes_what_somebody_sent(examples):
    with examples.begin() as transaction:
        add(transaction, "very-private-name")
        with pytest.raises(StatementFailed) as failure, transaction.savepoint():
            add(transaction, "very-private-name")
    seen = f"{failure.value!r} {failure.value.__cause__!r}"
    assert "very-private" not in seen
    assert failure.value.__suppress_context__


steps = st.recursive(
    st.lists(st.sampled_from(["write", "read"]), max_size=3).map(lambda inner: ("keep", inner)),
    lambda inner: st.tuples(
        st.sampled_from(["keep", "undo"]), st.lists(inner | st.sampled_from(["write", "read"]), max_size=4)
    ),
    max_leaves=12,
)


@given(plan=steps)
@settings(
    max_examples=tries(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_nested_savepoints_keep_and_undo_as_a_model_says(examples, plan):
    written = iter(range(10_000))

    def walk(transaction, block) -> list[str]:
        """Do the block in a savepoint; return what it leaves."""
        fate, inner = block
        kept = []
        with contextlib.suppress(Stop), transaction.savepoint():
            for step in inner:
                if step == "write":
                    name = f"n{next(written)}"
                    add(transaction, name)
                    kept.append(name)
                elif step == "read":
                    transaction.all(example.ALL)
                else:
                    kept += walk(transaction, step)
            if fate == "undo":
                kept = []
                raise Stop
        return kept

    with examples.begin() as transaction:
        expected = walk(transaction, plan)
        found = [thing.name for thing in transaction.all(example.ALL)]
        assert sorted(found) == sorted(expected)
        transaction.rollback()


def test_only_one_transaction_is_open_at_a_time(examples):
    with examples.begin(), pytest.raises(RuntimeError, match="already open"):
        examples.begin()
    with examples.begin() as transaction:
        transaction.commit()
        with pytest.raises(RuntimeError, match="over"):
            transaction.all(example.ALL)
        with pytest.raises(RuntimeError, match="over"):
            transaction.commit()
        transaction.rollback()


class Failing:
    """A driver whose next use of one method fails."""

    def __init__(self, driver, method, problem):
        self._driver, self._method, self._problem = driver, method, problem

    def __getattr__(self, name):
        if name != self._method:
            return getattr(self._driver, name)

        def fail(*_):
            self._method = ""
            raise self._problem

        return fail


@pytest.mark.parametrize("method", ["change", "query"])
def test_after_a_full_disk_the_transaction_takes_nothing_more(examples, method):
    real = examples._driver
    transaction = examples.begin()
    add(transaction, "a")
    transaction._driver = Failing(real, method, StoreFull())
    with pytest.raises(StoreFull), transaction.savepoint():
        add(transaction, "b") if method == "query" else transaction.run(example.RENAME, of=1, name="x")
    with pytest.raises(StoreFull):
        transaction.all(example.ALL)
    with pytest.raises(StoreFull), transaction:
        pass
    transaction.rollback()
    assert names(examples) == []


def test_a_commit_that_fails_leaves_nothing_and_the_next_transaction_works(examples):
    transaction = examples.begin()
    add(transaction, "a")
    transaction._driver = Failing(examples._driver, "commit", StoreFull())
    with pytest.raises(StoreFull):
        transaction.commit()
    assert names(examples) == []


def test_a_rollback_that_fails_closes_the_connection_and_the_next_transaction_opens_another(examples):
    before = examples._driver
    transaction = examples.begin()
    add(transaction, "a")
    transaction._driver = Failing(before, "rollback", Unavailable())
    transaction.rollback()
    assert names(examples) == []
    assert examples._driver is not before


def test_an_unknown_kind_of_database_is_refused():
    with pytest.raises(Invalid):
        Database.open("mysql://example")
