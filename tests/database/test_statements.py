"""Statements: named once, compiled once, typed both ways, alike on SQLite and PostgreSQL."""

from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealane.database import plans
from sealane.database.drivers import StatementFailed
from sealane.database.engine import Database
from sealane.database.plans import LIST_PARAMETER_MAX
from sealane.database.statements import Statement, parameters, registered
from sealane.errors import Invalid
from tests.database import example
from tests.tries import tries

QUICK = settings(
    max_examples=tries(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=1024)
values = st.fixed_dictionaries(
    {
        "name": text,
        "size": st.none() | st.integers(-(2**63) + 1, 2**63 - 1),
        "count": st.none() | st.integers(-(2**31) + 1, 2**31 - 1),
        "seen": st.none() | st.datetimes(timezones=st.just(UTC)),
        "content": st.none() | st.binary(max_size=300),
        "flag": st.none() | st.booleans(),
        "short": st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
    }
)


@given(row=values)
@QUICK
def test_what_is_written_is_read_back_with_its_types(examples, row):
    with examples.begin() as transaction:
        thing = transaction.insert(example.ADD, **row)
        found = transaction.first(example.BY_NAME, name=row["name"])
        assert found == example.Thing(thing, **row)
        assert all(type(getattr(found, name)) is type(value) for name, value in row.items())
        transaction.rollback()


def test_a_time_comes_back_aware_and_in_utc(examples):
    summer = datetime(2026, 7, 1, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    with examples.begin() as transaction:
        transaction.insert(example.ADD, **example.EMPTY | {"name": "a", "seen": summer})
        (found,) = transaction.all(example.ALL)
    assert found.seen == summer
    assert found.seen.utcoffset() == timedelta(0)


def test_a_naive_time_never_reaches_the_database(examples):
    summer = datetime(2026, 7, 1, tzinfo=UTC)
    with examples.begin() as transaction, pytest.raises(ValueError, match="zone"):
        transaction.insert(example.ADD, **example.EMPTY | {"name": "a", "seen": summer.replace(tzinfo=None)})


@given(names=st.lists(text.filter(bool), unique=True, min_size=2, max_size=12))
@QUICK
def test_names_sort_and_compare_by_code_points_on_both(examples, names):
    with examples.begin() as transaction:
        transaction.run_many(example.ADD_NAME, [{"name": name} for name in names])
        found = [thing.name for thing in transaction.all(example.NAMES_AFTER, after=min(names))]
        assert found == sorted(names)[1:]
        transaction.rollback()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 100])
def test_a_list_parameter_takes_any_number_of_values(examples, count):
    with examples.begin() as transaction:
        ids = [transaction.insert(example.ADD_NAME, name=f"n{number}") for number in range(120)]
        wanted = ids[10 : 10 + count]
        assert [thing.id for thing in transaction.all(example.BY_IDS, ids=wanted)] == wanted


def test_lists_of_many_lengths_make_few_texts(examples):
    with examples.begin() as transaction:
        for count in range(200):
            transaction.all(example.BY_IDS, ids=range(count))
    assert len(examples.plan(example.BY_IDS)._texts) == 10


def test_a_list_parameter_has_a_limit(examples):
    with examples.begin() as transaction:
        assert transaction.all(example.BY_IDS, ids=range(LIST_PARAMETER_MAX)) == []
        with pytest.raises(Invalid):
            transaction.all(example.BY_IDS, ids=range(LIST_PARAMETER_MAX + 1))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "a\0b"),
        ("name", "n" * 1025),
        ("short", "123456789"),
        ("size", 2**63),
        ("size", -(2**63) - 1),
        ("count", 2**31),
        ("count", -(2**40)),
    ],
)
def test_what_one_database_would_refuse_both_refuse_and_the_transaction_goes_on(examples, field, value):
    with examples.begin() as transaction:
        with pytest.raises(Invalid):
            transaction.insert(example.ADD, **example.EMPTY | {"name": "a", field: value})
        if field == "count":
            with pytest.raises(Invalid):
                transaction.all(example.COUNTED, count=value, limit=1)
        if value == "a\0b":
            with pytest.raises(Invalid):
                transaction.first(example.BY_NAME, name=value)
        transaction.insert(example.ADD_NAME, name="b")
    with examples.begin() as transaction:
        assert [thing.name for thing in transaction.all(example.ALL)] == ["b"]


def test_a_long_name_may_be_asked_for_and_is_not_found(examples):
    with examples.begin() as transaction:
        assert transaction.first(example.BY_NAME, name="n" * 5000) is None


def test_a_parameter_without_a_type_takes_no_time(examples):
    with examples.begin() as transaction, pytest.raises(TypeError, match="typed bindparam"):
        transaction.all(example.COUNTED, count=1, limit=datetime.now(UTC))


def test_sql_in_a_value_stays_a_value(examples):
    hostile = "'; DROP TABLE things; -- %s ? :name %(x)s"
    with examples.begin() as transaction:
        transaction.insert(example.ADD_NAME, name=hostile)
        assert transaction.first(example.BY_NAME, name=hostile).name == hostile
        assert transaction.first(example.COUNT).number == 1


def test_missing_and_unknown_parameters_are_programming_errors(examples):
    with examples.begin() as transaction:
        with pytest.raises(TypeError, match=r"missing parameters \['name'\]"):
            transaction.first(example.BY_NAME)
        with pytest.raises(TypeError, match=r"unknown parameters \['other'\]"):
            transaction.first(example.BY_NAME, name="a", other=1)


def test_a_name_stands_for_one_statement():
    with pytest.raises(ValueError, match="already a statement"):
        Statement("test.count", sa.select(example.things.c.id))
    assert [one for one in registered() if one.name == "test.count"] == [example.COUNT]


def plan_of(tmp_path, expression, row):
    """Compile a statement that is not registered, so that it disturbs no other test."""
    database = Database.open(f"sqlite:///{tmp_path}/empty.sqlite")
    statement = object.__new__(Statement)
    for name, value in {"name": "test.broken", "expression": expression, "row": row}.items():
        object.__setattr__(statement, name, value)
    try:
        return database.plan(statement)
    finally:
        database.close()


class Swapped(NamedTuple):
    name: str
    id: int


def test_a_row_class_must_name_the_columns_in_order(tmp_path):
    with pytest.raises(TypeError, match="label the columns"):
        plan_of(tmp_path, sa.select(example.things.c.id, example.things.c.name), Swapped)
    assert plan_of(tmp_path, sa.select(example.things.c.name, example.things.c.id), Swapped).row is Swapped


def test_only_queries_and_changes_of_rows_are_statements(tmp_path):
    with pytest.raises(TypeError, match="not a query"):
        plan_of(tmp_path, sa.schema.CreateTable(example.things), None)


def test_rows_without_a_row_class_are_a_programming_error(examples):
    with examples.begin() as transaction, pytest.raises(TypeError, match="no row class"):
        transaction.first(example.ADD_NAME, name="a")


FOUR = ("name", "size", "content", "seen")
ADD_FOUR = Statement(
    "test.add_four",
    sa.insert(example.things).values(**parameters(*FOUR)).prefix_with("OR FAIL", dialect="sqlite").inline(),
)


@given(
    rows=st.lists(values, max_size=40, unique_by=lambda row: row["name"]),
    at_once=st.sampled_from([1, 4, 16]),
)
@QUICK
def test_rows_given_by_columns_are_those_given_one_by_one(examples, rows, at_once):
    with pytest.MonkeyPatch.context() as patch, examples.begin() as transaction:
        patch.setattr(plans, "ROWS_AT_ONCE_MAX", at_once)
        transaction.insert_columns(ADD_FOUR, {name: [row[name] for row in rows] for name in FOUR})
        found = [{name: getattr(thing, name) for name in FOUR} for thing in transaction.all(example.ALL)]
        assert found == [{name: row[name] for name in FOUR} for row in rows]
        transaction.rollback()


def test_rows_by_columns_make_few_texts(examples):
    plan = examples.plan(ADD_FOUR)
    lengths = (0, 1, 2, 3, 127, 128, 129, 1000)
    said = [sql for many in lengths for sql, _ in plan.bound_in_rows({name: [None] * many for name in FOUR})]
    assert len(set(said)) <= plans.ROWS_AT_ONCE_MAX.bit_length()
    assert max(sql.count("(") for sql in said) == plans.ROWS_AT_ONCE_MAX + 1


@pytest.mark.parametrize(
    ("statement", "columns", "said"),
    [
        (example.RENAME, {"of": [1], "name": ["a"]}, "not a plain insert"),
        (example.ADD_NAME, {"name": ["a"]}, "not a plain insert"),
        (example.COUNT, {}, "not a plain insert"),
    ],
)
def test_only_a_plain_insert_takes_columns(examples, statement, columns, said):
    with examples.begin() as transaction, pytest.raises(TypeError, match=said):
        transaction.insert_columns(statement, columns)


def test_columns_must_be_those_of_the_statement_and_equally_long(examples):
    four = {"name": ["a", "b"], "size": [1, 2], "content": [b"", b""], "seen": [None, None]}
    with examples.begin() as transaction:
        with pytest.raises(TypeError, match="unknown parameters"):
            transaction.insert_columns(ADD_FOUR, four | {"flag": [True, True]})
        with pytest.raises(ValueError, match="shorter"):
            transaction.insert_columns(ADD_FOUR, four | {"size": [1]})
        with pytest.raises(Invalid):
            transaction.insert_columns(ADD_FOUR, four | {"size": [1, 2**63]})
        with pytest.raises(StatementFailed):
            transaction.insert_columns(ADD_FOUR, four | {"name": ["a", "a"]})
        transaction.rollback()
    with examples.begin() as transaction:
        assert transaction.first(example.COUNT).number == 0
