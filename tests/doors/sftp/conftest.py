"""The house that SFTP tests connect to, once for each path that data can take through the door."""

import dataclasses

import pytest

from sealane.settings import Settings
from tests.doors.sftp.house import PATHS, House


@pytest.fixture(params=["express", pytest.param("asyncssh", marks=pytest.mark.slow)])
def data_path(request) -> str:
    """The path that data packets take: the express path, or asyncssh's own. `ONE_PATH` keeps a test to the first."""
    return request.param


@pytest.fixture
def door_settings() -> Settings:
    """Settings of the house; a test module may override it."""
    return Settings()


@pytest.fixture
def path_settings(door_settings, data_path) -> Settings:
    """The house's settings, with the path of this test."""
    return dataclasses.replace(door_settings, sftp_express=PATHS[data_path])


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
async def house(tmp_path, path_settings, furnished):
    """A running house with its people."""
    house = House(tmp_path, path_settings, like=furnished)
    await house.open()
    yield house
    await house.close()
