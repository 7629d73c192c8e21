"""The real door on a real granian, before a real keeper in this process."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket
from typing import TYPE_CHECKING

import httpx
import pytest

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


class House:
    """A keeper, and as many doors as a test opens before it."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.settings = dataclasses.replace(SETTINGS, **({"drain_seconds": 2} | settings))
        self.keeper = KeeperInProcess(folder, self.settings)
        self.store = open_store(self.settings, folder)
        self.asking = self.keeper.door()
        for name in ("clinic", "insurer"):
            self.keeper.admin(AddOrganization(name=name))
        for user in ("anna@clinic", "bert@clinic", "ines@insurer"):
            self.keeper.admin(AddUser(user=user))
        self.keeper.admin(AddFolder(folder="clinic:/in"))
        self.keeper.admin(AddFolder(folder="clinic:/private"))
        everything = ("list", "read", "write", "delete")
        self.keeper.admin(GrantFolder(folder="clinic:/in", grantee="anna@clinic", rights=everything))
        self.keeper.admin(GrantFolder(folder="clinic:/private", grantee="anna@clinic", rights=everything))
        self.keeper.admin(GrantFolder(folder="clinic:/in", grantee="ines@insurer", rights=("list", "read")))

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
        door = HttpDoor(wanted, self.keeper.clock, asking, plane, sessions)
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
            base_url=self.url, headers={"Authorization": f"Bearer {token}"}, timeout=30, trust_env=False, **given
        )

    async def raw(self, request: bytes, *, end: bool = True) -> bytes:
        """Send bytes as they are and return all that comes back until the server closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        with contextlib.closing(writer):
            writer.write(request)
            if end:
                writer.write_eof()
            return await asyncio.wait_for(reader.read(), 20)


@pytest.fixture
def house(tmp_path):
    built = House(tmp_path)
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
