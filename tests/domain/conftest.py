"""An office (the domain alone, on both databases) and a world (with a keeper and a store) for the domain's tests."""

import contextlib

import pytest

from tests.domain.office import Office
from tests.domain.transfers import World
from tests.peers.postgres import name_in


@pytest.fixture
def office(database, tmp_path):
    """The domain on a fresh database; the test runs once for each kind."""
    return Office(database, tmp_path)


@pytest.fixture(scope="session")
def world_template(tmp_path_factory):
    """The data directory of a world that nothing has happened in yet, its catalogue included."""
    data_dir = tmp_path_factory.mktemp("world") / "data"
    data_dir.mkdir()
    World(data_dir).populate().close()
    return data_dir


@pytest.fixture(scope="session")
def world_on_postgres(postgres_server, tmp_path_factory):
    """The same on PostgreSQL: data directory and URL."""
    data_dir = tmp_path_factory.mktemp("world-on-postgres") / "data"
    data_dir.mkdir()
    with postgres_server.database() as url:
        World(data_dir, database=url).populate().close()
        yield data_dir, url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def world(request, tmp_path):
    """A world of the test's own; the test runs once for each kind of database."""
    with contextlib.ExitStack() as stack:
        if request.param == "sqlite":
            made = World.copied(request.getfixturevalue("world_template"), tmp_path / "data")
        else:
            template, url = request.getfixturevalue("world_on_postgres")
            server = request.getfixturevalue("postgres_server")
            database = stack.enter_context(server.database(like=name_in(url)))
            made = World.copied(template, tmp_path / "data", database=database)
        stack.callback(made.close)
        yield made
        made.check_tree()


@pytest.fixture
def anna(world):
    return world.session("anna@clinic")


@pytest.fixture
def carl(world):
    return world.session("carl@insurer")
