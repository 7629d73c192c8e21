"""Fixtures for every room: databases in both kinds; and how hard properties are tried."""

import re
import shutil
from pathlib import Path

import pytest

from sealane.database.engine import Database
from tests import tries, whole_runs
from tests.peers.postgres import PostgresServer, name_in

tries.load_profile()

_ALL_SLOW = re.compile(r"^pytestmark = pytest\.mark\.slow\b", re.MULTILINE)


def pytest_configure(config: pytest.Config) -> None:
    """Let a run that breaks say at its end what broke it."""
    whole_runs.register(config)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import what is slow as a whole where nothing slow is wanted."""
    if config.option.markexpr == "not slow" and collection_path.name.startswith("test_"):
        return bool(_ALL_SLOW.search(collection_path.read_text())) or None
    return None


@pytest.fixture(scope="session")
def empty_catalogue(tmp_path_factory) -> Path:
    """A migrated SQLite file with nothing in it; copied, since migrating for each test would cost the most."""
    path = tmp_path_factory.mktemp("catalogue") / "catalogue.sqlite"
    database = Database.open(f"sqlite:///{path}")
    database.migrate()
    database.close()
    return path


@pytest.fixture(scope="session")
def postgres_server():
    """One PostgreSQL server a session, started by the first test that needs it."""
    with PostgresServer.started() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_database(postgres_server) -> str:
    """The name of a migrated PostgreSQL database with nothing in it; copied by the server, as the file above."""
    url = postgres_server.new_database()
    database = Database.open(url)
    database.migrate()
    database.close()
    return name_in(url)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database_url(request, tmp_path):
    """The URL of a fresh, migrated database; the test runs once for each kind."""
    if request.param == "sqlite":
        path = tmp_path / "catalogue.sqlite"
        shutil.copy(request.getfixturevalue("empty_catalogue"), path)
        yield f"sqlite:///{path}"
        return
    migrated = request.getfixturevalue("migrated_database")
    with request.getfixturevalue("postgres_server").database(like=migrated) as url:
        yield url


@pytest.fixture
def database(database_url):
    """A fresh, migrated, open database; the test runs once for each kind."""
    opened = Database.open(database_url)
    yield opened
    opened.close()
