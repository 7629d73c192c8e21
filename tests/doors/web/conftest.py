"""The pages on a real HTTP door before a real keeper in this process, and a browser without JavaScript."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import re
import socket

import httpx
import pytest

from sealane.doors.http.exchange import HttpDoor
from sealane.doors.http.server import serve
from sealane.doors.http.sessions import Sessions
from sealane.doors.plane import Plane
from sealane.doors.web.application import Pages
from sealane.operations.accounts import (
    AddFolder,
    AddGroup,
    AddOrganization,
    AddUser,
    GrantFolder,
    SetMembership,
)
from sealane.operations.browser import NewSetupLink, SetUp
from tests.doors.http.conftest import House
from tests.keeper_in_process import SETTINGS, KeeperInProcess, hashing_quickly

PASSWORD = "correct horse battery"
EVERYTHING = ("list", "read", "write", "delete")


def furnish(folder):
    """An organization that runs the node, another one, an administrator of each, a member, two folders."""
    keeper = KeeperInProcess(folder, SETTINGS)
    link = keeper.admin(NewSetupLink()).secret
    keeper.door().ask_now(SetUp(link, "clinic", "root", "root@clinic.test", PASSWORD, "127.0.0.1"))
    for operation in (
        AddOrganization("insurer"),
        AddUser("anna@clinic", password=PASSWORD, email="anna@clinic.test"),
        AddUser("ines@insurer", role="admin", password=PASSWORD),
        AddUser("olaf@clinic", role="officer", password=PASSWORD),
        AddGroup("nurses@clinic"),
        SetMembership("nurses@clinic", "anna@clinic", member=True),
        AddFolder("clinic:/in"),
        AddFolder("clinic:/private"),
        GrantFolder("clinic:/in", "group:nurses@clinic", EVERYTHING),
        GrantFolder("clinic:/in", "ines@insurer", ("list", "read"), "/from-clinic"),
    ):
        keeper.admin(operation)
    keeper.close()


class Browser:
    """Keeps cookies, follows redirects, fills in forms, sends what a browser sends."""

    def __init__(self, port, *, language="en"):
        self.cookies = {}
        self.language = language
        self._client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30)
        self.page = None

    async def close(self):
        await self._client.aclose()

    async def ask(self, method, address, *, data=None, site="same-origin", headers=None, follow=True):
        sent = {"Accept-Language": self.language, "Sec-Fetch-Site": site, **(headers or {})}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        body = {"content": data} if isinstance(data, bytes) else {"data": data}
        response = await self._client.request(method, address, headers=sent, **body)
        for line in response.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            assert {"Secure", "HttpOnly", "Path=/"} <= set(line.split("; "))
            assert "SameSite=" in line
            if "Max-Age=0" in line:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value.strip('"')
        self.page = response
        if follow and response.status_code in {303, 308}:
            return await self.ask("GET", response.headers["location"], site=site)
        return response

    async def get(self, address, **given):
        return await self.ask("GET", address, **given)

    @property
    def token(self):
        return re.search(r'name="token" value="([0-9a-f]{64})"', self.page.text)[1]

    async def send(self, address, *, follow=True, **fields):
        return await self.ask("POST", address, data={"token": self.token, **fields}, follow=follow)

    async def sign_in(self, name, password=PASSWORD):
        await self.get("/sign-in")
        return await self.send("/sign-in", name=name, password=password, next="/")


@pytest.fixture(scope="session", autouse=True)
def quick_passwords():
    with hashing_quickly():
        yield


@pytest.fixture(scope="session")
def clinic(tmp_path_factory):
    folder = tmp_path_factory.mktemp("web")
    furnish(folder)
    return folder


@pytest.fixture
def house(tmp_path, clinic):
    built = House(tmp_path / "data", clinic)
    yield built
    built.close()


@contextlib.asynccontextmanager
async def opened(house, *, named=False):
    """A door with pages on it; yields its port. `named`: it knows its address, http://localhost:PORT."""
    asking = house.keeper.door()
    plane = Plane(house.store, house.settings)
    sessions = Sessions(asking, house.settings, house.keeper.clock)
    asking.on_notice(sessions.noticed)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    port = listener.getsockname()[1]
    if named:
        house.settings = dataclasses.replace(house.settings, public_url=f"http://localhost:{port}")
        house.keeper.keeper.settings = house.settings
    stop = asyncio.Event()
    door = HttpDoor(house.settings, house.keeper.clock, asking, plane, sessions)
    asking.on_notice(door.noticed)
    serving = asyncio.create_task(serve(door, (listener,), stop, Pages(door)))
    try:
        yield port
    finally:
        stop.set()
        await asyncio.wait_for(serving, 20)
        plane.close()


@pytest.fixture
async def port(house):
    async with opened(house) as port:
        yield port


@pytest.fixture
async def browser(port):
    made = Browser(port)
    yield made
    await made.close()
