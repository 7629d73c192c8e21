"""A keeper, a store and the data plane between them, fresh for each test."""

import pytest

from tests.doors.house import House, furnish


@pytest.fixture(scope="session")
def furnished(tmp_path_factory):
    """A data directory to copy: making one costs the most of a small test."""
    home = tmp_path_factory.mktemp("house")
    furnish(home)
    return home


@pytest.fixture
async def house(tmp_path, furnished):
    made = House(tmp_path, furnished)
    yield made
    await made.close()
