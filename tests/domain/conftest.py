"""An office (the domain alone, on both databases) and a world (with a keeper and a store) for the domain's tests."""

import pytest

from tests.domain.office import Office
from tests.domain.transfers import World


@pytest.fixture
def office(database, tmp_path):
    """The domain on a fresh database; the test runs once for each kind."""
    return Office(database, tmp_path)


@pytest.fixture(scope="session")
def world_template(tmp_path_factory):
    """The data directory of a world that nothing has happened in yet."""
    data_dir = tmp_path_factory.mktemp("world") / "data"
    data_dir.mkdir()
    World(data_dir).populate().close()
    return data_dir


@pytest.fixture
def world(world_template, tmp_path):
    made = World.copied(world_template, tmp_path / "data")
    yield made
    made.close()


@pytest.fixture
def anna(world):
    return world.session("anna@clinic")


@pytest.fixture
def carl(world):
    return world.session("carl@insurer")
