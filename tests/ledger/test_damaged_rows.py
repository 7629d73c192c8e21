"""SQLite keeps any type in any column: whatever stands in a row of the ledger, the verdict names that entry."""

import contextlib
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealane.database.engine import Database
from sealane.errors import Integrity
from sealane.ledger import reader, sections
from sealane.ledger.events import RequestRefused, Who
from sealane.ledger.limits import ENTRY_BYTES_MAX
from sealane.ledger.verdicts import Damage, Why
from sealane.ledger.verifier import Verifier
from sealane.ledger.writer import LedgerWriter

pytestmark = pytest.mark.slow  # together they take longer than make check may

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
WHO = Who(door="sftp", organization_id=1, user_id=2, session_id="s1", user_name="anna@north", address="192.0.2.7")
COUNT = 4

values = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.binary(max_size=60),
)


class Tampered:
    """A ledger on SQLite, and another connection to its file by which anything can be put anywhere."""

    def __init__(self, path: Path):
        self.database = Database.open(f"sqlite:///{path}")
        self.read_through = Database.open(f"sqlite:///{path}")
        self.read_through.read_through(ENTRY_BYTES_MAX)
        self.raw = sqlite3.connect(path, isolation_level=None)
        self.raw.text_factory = bytes
        writer = LedgerWriter()
        with self.database.begin() as transaction:
            writer.append(
                transaction,
                [
                    (
                        AT + timedelta(seconds=n),
                        RequestRefused(who=WHO, operation="Look", code="missing", path=f"n:/{n}"),
                    )
                    for n in range(1, COUNT + 1)
                ],
            )

    def close(self):
        self.raw.close()
        self.read_through.close()
        self.database.close()

    def columns(self):
        return [
            (table, name)
            for table in ("ledger", "ledger_openings")
            for (name,) in self.raw.execute("SELECT CAST(name AS BLOB) FROM pragma_table_info(?)", (table,))
            for name in (name.decode(),)
            if name != "seq"
        ]

    def stored(self, table, column, seq):
        """A value's type and bytes."""
        look = f"SELECT typeof({column}), CAST({column} AS BLOB) FROM {table} WHERE seq = ?"
        return self.raw.execute(look, (seq,)).fetchone()

    def damage(self):
        with self.database.begin() as transaction:
            entries = reader.page(transaction, reader.EVERYTHING, limit=100)
        verifier = Verifier()
        verifier.feed(entries)
        damage = verifier.verdict().damage
        for database in (self.database, self.read_through):
            assert sections.proven(database.reading(), 0, COUNT, ()).sound == (damage is None)
        return damage

    @contextlib.contextmanager
    def put(self, table, column, seq, expression, *arguments):
        """Put something into a place for a while; give whether that changed what is stored."""
        before = self.stored(table, column, seq)
        look = f"SELECT typeof({column}), {column} FROM {table} WHERE seq = ?"
        kind, value = self.raw.execute(look, (seq,)).fetchone()
        again = "CAST(? AS TEXT)" if kind == b"text" else "?"
        self.raw.execute(f"UPDATE {table} SET {column} = {expression} WHERE seq = ?", (*arguments, seq))
        try:
            yield self.stored(table, column, seq) != before
        finally:
            self.raw.execute(f"UPDATE {table} SET {column} = {again} WHERE seq = ?", (value, seq))

    def judge(self, table, column, seq, expression, *arguments):
        """Find damage at that very entry if something is changed there, and none if not."""
        with self.put(table, column, seq, expression, *arguments) as changed:
            damage = self.damage()
        assert (None if damage is None else damage.seq) == (seq if changed else None), column
        return changed


def without_not_null(path: Path) -> None:
    """Let NULL stand anywhere, as somebody can who writes the file."""
    with sqlite3.connect(path, isolation_level=None) as raw:
        raw.execute("PRAGMA writable_schema = ON")
        raw.execute("UPDATE sqlite_schema SET sql = replace(sql, ' NOT NULL', '') WHERE name LIKE 'ledger%'")
        raw.execute("PRAGMA writable_schema = RESET")
    raw.close()


@pytest.fixture(scope="module")
def tampered(empty_catalogue, tmp_path_factory):
    path = tmp_path_factory.mktemp("tampered") / "catalogue.sqlite"
    path.write_bytes(empty_catalogue.read_bytes())
    without_not_null(path)
    made = Tampered(path)
    yield made
    made.close()


def test_an_untouched_ledger_has_no_damage(tampered):
    assert tampered.damage() is None
    assert len(tampered.columns()) == 15


@pytest.mark.parametrize("seq", [1, 2, COUNT])
@pytest.mark.parametrize("kind", ["NULL", "INTEGER", "REAL", "TEXT", "BLOB"])
def test_every_column_set_to_every_type_is_damage_at_its_entry(tampered, kind, seq):
    cast = {column: "NULL" if kind == "NULL" else f"CAST({column} AS {kind})" for _, column in tampered.columns()}
    changed = [tampered.judge(table, column, seq, cast[column]) for table, column in tampered.columns()]
    assert sum(changed) >= 3
    assert tampered.damage() is None


@given(data=st.data(), value=values, as_text=st.booleans(), seq=st.integers(1, COUNT))
@settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_every_column_set_to_anything_is_damage_at_its_entry(tampered, data, value, as_text, seq):
    table, column = data.draw(st.sampled_from(tampered.columns()))
    tampered.judge(table, column, seq, "CAST(? AS TEXT)" if as_text else "?", value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"\xff",
        b'{"at":"\xff"}',
        b'{"at":"2026-03-01T09:30:02.000000Z","kind":"request_refused","v":1,"x":' + b"[" * 100_000,
        b'{"at":"2026-03-01T09:30:02.000000Z","kind":"request_refused","v":1,"private":{"path":"\\ud800"}}',
        bytes(5 * 1024 * 1024),
    ],
    ids=["empty", "null", "a list", "not UTF-8", "not UTF-8 inside", "deep", "half a surrogate", "large"],
)
@pytest.mark.parametrize("column", ["body", "openings"])
def test_what_is_no_body_and_no_openings_is_damage_at_its_entry(tampered, column, body):
    assert tampered.judge("ledger" if column == "body" else "ledger_openings", column, 2, "?", body)


@pytest.mark.parametrize(
    ("column", "expression"),
    [
        ("body", f"zeroblob({ENTRY_BYTES_MAX + 1})"),
        ("body", f"CAST(x'00' || zeroblob({ENTRY_BYTES_MAX}) AS TEXT)"),
        ("leaf", f"zeroblob({ENTRY_BYTES_MAX + 1})"),
        ("kind", f"printf('%0{ENTRY_BYTES_MAX + 1}d', 0)"),
        ("at", str(2**63 - 1)),
        ("at", str(-(2**62))),
    ],
)
def test_what_is_far_too_large_is_not_even_read(tampered, column, expression):
    with tampered.put("ledger", column, 2, expression):
        assert tampered.damage() == Damage(2, Why.UNREADABLE)


def test_the_largest_body_is_read(tampered):
    with tampered.put("ledger", "body", 2, f"zeroblob({ENTRY_BYTES_MAX})"):
        assert tampered.damage() == Damage(2, Why.BODY)


@pytest.mark.parametrize(("column", "value"), [("leaf", "text"), ("leaf", 5), ("kind", b"\xff"), ("kind", None)])
def test_a_row_at_the_end_that_is_no_entry_stops_the_writer(tampered, column, value):
    told = pytest.raises(Integrity, match=f"damaged at entry {COUNT}")
    with tampered.put("ledger", column, COUNT, "?", value), told, tampered.database.begin() as transaction:
        LedgerWriter().head(transaction)


@pytest.mark.parametrize("value", ["text", 5, None, 2.5])
def test_a_row_before_the_end_that_is_no_entry_stops_the_writer(tampered, value):
    told = pytest.raises(Integrity, match=f"damaged at entry {COUNT - 1}")
    with tampered.put("ledger", "leaf", COUNT - 1, "?", value), told, tampered.database.begin() as transaction:
        LedgerWriter().head(transaction)


def test_damage_says_what_is_wrong_with_a_row():
    assert Damage(3, Why.UNREADABLE).sentence == (
        "The ledger is damaged at entry 3: what is stored there is no entry: a value has the wrong type, is missing or"
        " far too large."
    )
