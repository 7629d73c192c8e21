"""The real door on a real granian, before a real keeper in this process."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import shutil
import socket
from typing import TYPE_CHECKING

import httpx
import pytest

from sealane.clock import Clock
from sealane.doors.http.exchange import HttpDoor
from sealane.doors.http.server import serve
from sealane.doors.http.sessions import Sessions
from sealane.doors.plane import Plane
from sealane.operations.accounts import (
    AddFolder,
    AddOrganization,
    AddToken,
    AddUser,
    GrantFolder,
    TokenIs,
)
from sealane.vault.stores import open_store
from tests.keeper_in_process import SETTINGS, KeeperInProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


EVERYTHING = ("list", "read", "write", "delete")


def furnish(folder: Path) -> None:
    """Two organizations, three users, two folders of one organization; the other may read in one of them."""
    keeper = KeeperInProcess(folder, SETTINGS)
    for operation in (
        AddOrganization("clinic"),
        AddOrganization("insurer"),
        AddUser("anna@clinic"),
        AddUser("bert@clinic"),
        AddUser("ines@insurer"),
        AddFolder("clinic:/in"),
        AddFolder("clinic:/private"),
        GrantFolder("clinic:/in", "anna@clinic", EVERYTHING),
        GrantFolder("clinic:/private", "anna@clinic", EVERYTHING),
        GrantFolder("clinic:/in", "ines@insurer", ("list", "read")),
    ):
        keeper.admin(operation)
    keeper.close()


class House:
    """A keeper and a blob store, and as many doors as a test opens before them."""

    def __init__(self, folder: Path, like: Path, clock: Clock | None = None, **settings: object) -> None:
        """Move into `folder` with a copy of what `furnish` has made in `like`."""
        shutil.copytree(like, folder, dirs_exist_ok=True)
        self.settings = dataclasses.replace(SETTINGS, **({"drain_seconds": 2, "refused_body_seconds": 1} | settings))
        self.keeper = KeeperInProcess(folder, self.settings, clock)
        self.clock = None if clock is None else Clock()
        """The doors', where the keeper's is moved: what they do by the clock is not what is looked at then."""
        self.store = open_store(self.settings, folder)

    def token(self, user: str = "anna@clinic", scopes: tuple[str, ...] = ("read", "write"), expires=None) -> str:
        answer = self.keeper.admin(AddToken(user=user, scopes=scopes, expires=expires))
        assert isinstance(answer, TokenIs)
        return answer.token

    def close(self) -> None:
        self.keeper.close()
        self.store.close()

    @contextlib.asynccontextmanager
    async def open(self, **settings: object) -> AsyncIterator[DoorInProcess]:
        """Open a door of its own, with a connection of its own to the keeper."""
        wanted = dataclasses.replace(self.settings, **settings)
        asking = self.keeper.door()
        plane = Plane(self.store, wanted)
        sessions = Sessions(asking, wanted, self.keeper.clock)
        asking.on_notice(sessions.noticed)
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        port = listener.getsockname()[1]
        stop = asyncio.Event()
        door = HttpDoor(wanted, self.clock or self.keeper.clock, asking, plane, sessions)
        asking.on_notice(door.noticed)
        serving = asyncio.create_task(serve(door, (listener,), stop))
        try:
            yield DoorInProcess(self, door, port, stop, serving)
        finally:
            stop.set()
            await asyncio.wait_for(serving, 20)
            plane.close()


@dataclasses.dataclass
class DoorInProcess:
    house: House
    door: HttpDoor
    port: int
    stop: asyncio.Event
    serving: asyncio.Task[None]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, user: str = "anna@clinic", **given: object) -> httpx.AsyncClient:
        token = given.pop("token", None) or self.house.token(user)
        return httpx.AsyncClient(
            base_url=self.url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
            trust_env=False,
            verify=False,
            **given,
        )

    async def raw(self, request: bytes, *, cut: bool = False) -> bytes:
        """Send bytes as they are, close our side with `cut`, and return all that comes back until the server closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        with contextlib.closing(writer):
            writer.write(request)
            if cut:
                writer.write_eof()
            return await asyncio.wait_for(reader.read(), 20)


@pytest.fixture(scope="session")
def furnished(tmp_path_factory):
    """A data directory to copy: making one costs the most of a small test."""
    folder = tmp_path_factory.mktemp("http")
    furnish(folder)
    return folder


@pytest.fixture
def house(tmp_path, furnished):
    built = House(tmp_path / "data", furnished)
    yield built
    built.close()


@pytest.fixture
async def door(house):
    async with house.open() as opened:
        yield opened


@pytest.fixture
async def anna(door):
    async with door.client() as client:
        yield client
