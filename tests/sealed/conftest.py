"""A sealed folder in a house of its own, fresh for each test."""

import contextlib
import dataclasses

import pytest

from tests.doors.house import SMALL
from tests.peers.postgres import name_in
from tests.sealed.house import SealedHouse, furnish_sealed


@pytest.fixture(scope="session")
def furnished_sealed(tmp_path_factory):
    """A data directory to copy: making one costs the most of a small test."""
    home = tmp_path_factory.mktemp("sealed-house")
    furnish_sealed(home)
    return home


@pytest.fixture
async def house(tmp_path, furnished_sealed):
    made = SealedHouse(tmp_path, furnished_sealed)
    yield made
    await made.close()


@pytest.fixture(scope="session")
def furnished_on_postgres(postgres_server, tmp_path_factory):
    """The same with its catalogue in PostgreSQL: the data directory and the database's URL."""
    home = tmp_path_factory.mktemp("sealed-house-on-postgres")
    with postgres_server.database() as url:
        furnish_sealed(home, dataclasses.replace(SMALL, database=url))
        yield home, url


@pytest.fixture(params=["sqlite", "postgresql"])
async def either_house(request, tmp_path):
    """A house of the test's own; the test runs once for each kind of database."""
    with contextlib.ExitStack() as stack:
        if request.param == "sqlite":
            made = SealedHouse(tmp_path, request.getfixturevalue("furnished_sealed"))
        else:
            home, url = request.getfixturevalue("furnished_on_postgres")
            server = request.getfixturevalue("postgres_server")
            database = stack.enter_context(server.database(like=name_in(url)))
            made = SealedHouse(tmp_path, home, dataclasses.replace(SMALL, database=database))
        yield made
        await made.close()
