"""The schema's history ends where `tables.py` stands, on both databases."""

import re
import sqlite3

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from sealane.database import history
from sealane.database.engine import Database
from sealane.database.passkey_tables import metadata
from sealane.errors import Unavailable

pytestmark = pytest.mark.slow  # each test makes a database anew

NAMES = re.compile(r"(pk|uq|ix|fk|ck)_[a-z0-9_]+")


def test_the_migrated_schema_is_that_of_the_tables(database):
    engine = database._driver.migration_engine()
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_a_difference_from_the_tables_would_be_seen(database):
    engine = database._driver.migration_engine()
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP INDEX ix_users_name")
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) != []


def schema_of(database) -> dict[str, str]:
    """Every table, index and constraint as the database itself prints it."""
    if database.dialect == "sqlite":
        rows = database._driver.query("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL", ())
        # A column that was added later stands behind a constraint, on its line.
        parts = {name: re.split(r"\n|, (?=[a-z_]+ [A-Z])", text) for name, text in rows}
        printed = {name: "\n".join(sorted(part.strip(" ,\n\t") for part in of)) for name, of in parts.items()}
    else:
        constraints = database._driver.query(
            "SELECT conname || '/' || conrelid::regclass, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE connamespace = 'public'::regnamespace",
            (),
        )
        indexes = database._driver.query("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'", ())
        columns = database._driver.query(
            "SELECT table_name || '.' || column_name,"
            " concat_ws(' ', data_type, character_maximum_length, collation_name, is_nullable, column_default)"
            " FROM information_schema.columns WHERE table_schema = 'public'",
            (),
        )
        printed = dict([*constraints, *indexes, *columns])
    return {name: text for name, text in printed.items() if "alembic_version" not in name + text}


def test_checks_and_partial_indexes_are_those_of_the_tables_too(database, tmp_path, request):
    if database.dialect == "sqlite":
        other = Database.open(f"sqlite:///{tmp_path}/by-tables.sqlite")
    else:
        other = Database.open(request.getfixturevalue("postgres_server").new_database())
    metadata.create_all(other._driver.migration_engine())
    migrated, made = schema_of(database), schema_of(other)
    other.close()
    assert migrated == made
    assert "ck_grants_one_grantee" in str(made)


def test_every_constraint_and_index_is_named_by_the_convention():
    for table in metadata.sorted_tables:
        for constraint in table.constraints:
            assert NAMES.fullmatch(str(constraint.name)), (table.name, constraint)
            assert len(str(constraint.name)) <= 63
        for index in table.indexes:
            assert NAMES.fullmatch(str(index.name)), (table.name, index)
            assert len(str(index.name)) <= 63


def test_every_foreign_key_is_found_from_both_sides():
    """Deleting a row looks for those that name it: without an index that is the whole table."""
    never_deleted = {"organizations", "users", "groups"}
    for table in metadata.sorted_tables:
        leading = {next(iter(index.columns)).name for index in table.indexes}
        leading |= {
            next(iter(c.columns)).name
            for c in table.constraints
            if isinstance(c, sa.UniqueConstraint | sa.PrimaryKeyConstraint)
        }
        for key in table.foreign_keys:
            if key.column.table.name not in never_deleted:
                assert key.parent.name in leading, f"{table.name}.{key.parent.name}"


def test_migrating_again_changes_nothing(database):
    before = schema_of(database)
    database.migrate()
    assert schema_of(database) == before


def test_a_migration_that_breaks_off_leaves_nothing_behind(tmp_path, monkeypatch):
    database = Database.open(f"sqlite:///{tmp_path}/catalogue.sqlite")
    made = []

    def break_off(*arguments, **keywords):
        if made:
            raise RuntimeError("power cut")
        made.append(arguments)

    monkeypatch.setattr("alembic.ddl.impl.DefaultImpl.create_index", break_off)
    with pytest.raises(RuntimeError, match="power cut"):
        database.migrate()
    assert made
    assert database._driver.query("SELECT name FROM sqlite_master", ()) == []
    monkeypatch.undo()
    database.migrate()
    assert len(schema_of(database)) > 40
    database.close()


def raw_row(connection, table, **values):
    """Write a row of an earlier schema: what must not be NULL and is not said is nothing of its kind."""
    nothing = {"BLOB": b""}
    for _, name, kind, must, default, _ in connection.execute(f"PRAGMA table_info({table})").fetchall():
        if must and default is None and name not in values:
            values[name] = nothing.get(kind, "" if "CHAR" in kind else 0)
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))


def test_what_was_kept_before_it_was_counted_in_folders_is_counted_by_the_migration(tmp_path, monkeypatch):
    monkeypatch.setattr(history, "HEAD", "0013")
    monkeypatch.setattr("alembic.command.upgrade", lambda config, _, go=command.upgrade: go(config, "0013"))
    database = Database.open(f"sqlite:///{tmp_path}/catalogue.sqlite")
    database.migrate()
    database.close()
    monkeypatch.undo()
    with sqlite3.connect(tmp_path / "catalogue.sqlite") as raw:
        for folder, parent in ((1, None), (2, 1), (3, 2), (4, 1)):
            raw_row(raw, "folders", id=folder, parent_id=parent, name=f"{folder}", organization_id=1)
        versions = {"a": (3, 7, 1), "b": (3, 5, 1), "c": (2, 100, 1), "gone": (99, 1000, 1), "shown": (None, 9, None)}
        for name, (folder, size, replaced) in versions.items():
            kept = {"kept_folder_id": folder, "kept_name": name if folder else None, "replaced": replaced}
            raw_row(raw, "versions", id=name, size=size, organization_id=1, **kept)
    raw.close()
    database = Database.open(f"sqlite:///{tmp_path}/catalogue.sqlite")
    database.migrate()
    counted = database._driver.query("SELECT id, kept_bytes FROM folders ORDER BY id", ())
    placed = database._driver.query("SELECT id, kept_folder_id, kept_name FROM versions ORDER BY id", ())
    database.close()
    assert [tuple(row) for row in counted] == [(1, 112), (2, 112), (3, 12), (4, 0)]
    assert [tuple(row) for row in placed] == [
        ("a", 3, "a"),
        ("b", 3, "b"),
        ("c", 2, "c"),
        ("gone", None, None),
        ("shown", None, None),
    ]


def test_a_schema_of_a_newer_release_is_refused_clearly(database_url):
    if database_url.startswith("sqlite"):
        with sqlite3.connect(database_url.removeprefix("sqlite:///")) as raw:
            raw.execute("UPDATE alembic_version SET version_num = '9999'")
        raw.close()
    else:
        with psycopg.connect(database_url) as raw:
            raw.execute("UPDATE alembic_version SET version_num = '9999'")
    database = Database.open(database_url)
    with pytest.raises(Unavailable, match="newer release"):
        database.migrate()
    database.close()


def test_the_known_head_is_the_last_script():
    config = Config()
    config.set_main_option("script_location", str(history._SCRIPTS))
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [history.HEAD]
