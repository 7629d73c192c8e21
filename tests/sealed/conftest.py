"""A sealed folder in a house of its own, fresh for each test."""

import pytest

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
