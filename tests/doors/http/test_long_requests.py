"""Requests of a browser that take longer than an unused session lives, or its lifetime; the clock is moved."""

import asyncio
import hashlib
import os
from datetime import timedelta

import pytest

from sealane.clock import Clock, ManualClock
from sealane.domain import sessions
from sealane.doors.http.browser import COOKIE, FORM_TOKEN_HEADER, form_token
from sealane.keeper.core import Request
from sealane.operations.accounts import SetPassword
from sealane.operations.browser import SignInAtPage
from sealane.operations.envelope import Asker
from tests.doors.http.conftest import House
from tests.doors.http.test_endings import TARGET, recorded, until
from tests.keeper_in_process import SETTINGS, hashing_quickly

pytestmark = pytest.mark.slow  # each test opens a whole keeper; together they take longer than make check may

PASSWORD = "correct horse battery"
IDLE = timedelta(seconds=SETTINGS.session_idle_seconds)
LIFETIME = 4 * IDLE
SIZE = 24_000_000
"""More than the sockets between two processes hold."""


@pytest.fixture
def house(tmp_path, furnished):
    built = House(
        tmp_path / "data",
        furnished,
        ManualClock(Clock().now()),
        web_session_lifetime_seconds=int(LIFETIME.total_seconds()),
    )
    with hashing_quickly():
        built.keeper.admin(SetPassword("anna@clinic", PASSWORD))
        yield built
    built.close()


@pytest.fixture
async def door(house):
    async with house.open() as opened:
        yield opened


def sign_in(house):
    return house.keeper.door().ask_now(SignInAtPage("anna@clinic", PASSWORD, "127.0.0.1")).signed.handle


def head_of(handle, method, length=0, *more):
    body = (f"Content-Length: {length}", f"{FORM_TOKEN_HEADER}: {form_token(handle)}") if length else ()
    lines = (f"{method} {TARGET} HTTP/1.1", "Host: x", f"Cookie: {COOKIE}={handle}", *body, *more, "", "")
    return "\r\n".join(lines).encode()


async def begun(door, request, *, to=b""):
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(request)
    return reader, writer, await reader.readuntil(to) if to else b""


async def later(door, by):
    """Let so much time pass, in steps of the door's rounds; return how many sessions ended."""
    ended = 0
    for _ in range(round(by / (IDLE / 8))):
        door.house.keeper.clock.advance(IDLE / 8)
        await door.door.keeping_alive.round()
        ended += door.house.keeper.keeper.perform_one(Request(sessions.end_expired, Asker.ADMIN, "keeper"))
    return ended


@pytest.fixture
async def content(door):
    made = os.urandom(SIZE)
    async with door.client() as anna:
        assert (await anna.put(TARGET, content=made)).status_code == 201
    return made


async def test_a_download_goes_on_past_the_time_after_which_an_unused_session_ends(door, content):
    handle, _unused = sign_in(door.house), sign_in(door.house)
    reader, writer, _ = await begun(door, head_of(handle, "GET"), to=b"\r\n\r\n")
    assert await later(door, 3 * IDLE) == 2, "the other one's, and the token's by which the file came"
    came = await asyncio.wait_for(reader.readexactly(SIZE), 60)
    writer.close()
    assert hashlib.sha256(came).digest() == hashlib.sha256(content).digest()
    await until(lambda: recorded(door.house, "download_ended"))
    assert recorded(door.house, "download_ended")[0]["whole"]
    assert not await later(door, IDLE / 4), "it was used until just now"
    assert await later(door, IDLE) == 1, "and is not any more"


async def test_an_upload_goes_on_likewise(door):
    handle, made = sign_in(door.house), os.urandom(SIZE)
    reader, writer, _ = await begun(door, head_of(handle, "PUT", SIZE) + made[: SIZE // 2])
    await until(lambda: list(door.door.sessions.of_browsers.in_use()) == [handle])
    await later(door, 3 * IDLE)
    writer.write(made[SIZE // 2 :])
    assert (await asyncio.wait_for(reader.readuntil(b"\r\n"), 60)).startswith(b"HTTP/1.1 201 ")
    writer.close()


async def test_a_download_is_cut_at_the_end_of_the_lifetime_recorded_and_resumed_after_signing_in(door, content):
    handle = sign_in(door.house)
    reader, writer, head = await begun(door, head_of(handle, "GET"), to=b"\r\n\r\n")
    (tag,) = (line[6:] for line in head.decode().lower().split("\r\n") if line.startswith("etag: "))
    assert await later(door, LIFETIME) == 2, "this one's, and the token's by which the file came"
    first = bytearray()
    while piece := await asyncio.wait_for(reader.read(1 << 20), 60):
        first += piece
    writer.close()
    assert len(first) < SIZE
    await until(lambda: recorded(door.house, "download_ended"))
    (ended,) = recorded(door.house, "download_ended")
    assert len(first) <= ended["sent"] < SIZE
    assert not ended["whole"]
    _, line, status = await begun(door, head_of(handle, "GET"), to=b"\r\n")
    assert status.startswith(b"HTTP/1.1 401 ")
    line.close()
    again = head_of(sign_in(door.house), "GET", 0, f"Range: bytes={len(first)}-", f"If-Range: {tag}")
    reader, writer, head = await begun(door, again, to=b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 206 ")
    rest = await asyncio.wait_for(reader.readexactly(SIZE - len(first)), 60)
    writer.close()
    assert hashlib.sha256(first + rest).digest() == hashlib.sha256(content).digest()


async def test_a_session_in_which_no_request_runs_is_not_kept_alive(door):
    handle = sign_in(door.house)
    async with door.client(token="none") as client:
        del client.headers["authorization"]
        seen = await client.get("/api/v1/folders/in", headers={"Cookie": f"{COOKIE}={handle}"})
        assert seen.status_code == 200
        assert not list(door.door.sessions.of_browsers.in_use())
    assert await later(door, IDLE) == 1
