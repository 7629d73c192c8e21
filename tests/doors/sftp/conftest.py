"""The house that SFTP tests connect to."""

import pytest

from sealane.settings import Settings
from tests.doors.sftp.house import House


@pytest.fixture
def door_settings() -> Settings:
    """Settings of the house; a test module may override it."""
    return Settings()


@pytest.fixture(scope="session")
def furnished(tmp_path_factory):
    """A house with its people, made once: hashing passwords is slow by design."""
    home = tmp_path_factory.mktemp("furnished")
    house = House(home, Settings())
    house.people()
    house.keeper.close()
    house.store.close()
    return home


@pytest.fixture
async def house(tmp_path, door_settings, furnished):
    """A running house with its people."""
    house = House(tmp_path, door_settings, like=furnished)
    await house.open()
    yield house
    await house.close()
