"""A session in which a transfer runs lives on, however long nothing else is asked; the clock is moved, nobody waits."""

import contextlib
import os
from datetime import timedelta

import asyncssh
import pytest

from sealane.clock import Clock, ManualClock
from sealane.domain import sessions
from sealane.keeper.core import Request
from sealane.operations.envelope import Asker, SettingsInForce
from sealane.operations.signing import KeepAlive
from sealane.settings import SLOT_BYTES, Settings
from tests.doors.sftp.house import ONE_PATH, House, until

pytestmark = [pytest.mark.slow, ONE_PATH]  # each test opens a whole keeper; together they take longer than check may

IDLE = timedelta(seconds=Settings().session_idle_seconds)


@pytest.fixture
def door_settings():
    return Settings(session_lifetime_seconds=8 * Settings().session_idle_seconds, segment_bytes_max=2 * SLOT_BYTES)


@pytest.fixture
async def house(tmp_path, path_settings, furnished):
    """A house whose keeper's clock stands still until it is moved."""
    house = House(tmp_path, path_settings, like=furnished, clock=ManualClock(Clock().now()))
    await house.open()
    yield house
    await house.close()


async def later(house, by):
    """Let so much time pass, in steps of the door's rounds."""
    step = IDLE / 8
    for _ in range(round(by / step)):
        house.keeper.clock.advance(step)
        await house.door.keeping_alive.round()
        end_expired(house)


def end_expired(house):
    return house.keeper.keeper.perform_one(Request(sessions.end_expired, Asker.ADMIN, "keeper"))


async def test_an_upload_and_a_download_outlive_the_time_after_which_an_unused_session_ends(house):
    async with house.sftp("ann") as client, client.open("/in/long", "wb") as file:
        await file.write(b"x" * 10)
        await later(house, 5 * IDLE)
        await file.write(b"y" * 10)
    async with house.sftp("ann") as client, client.open("/in/long", "rb") as file:
        assert await file.read(10, 0) == b"x" * 10
        await later(house, 5 * IDLE)
        assert await file.read(10, 10) == b"y" * 10


async def test_a_session_in_which_nothing_is_open_ends_though_another_one_is_kept_alive(house):
    async with house.sftp("carl") as busy, busy.open("/in/busy", "wb") as file:
        async with contextlib.AsyncExitStack() as stack:
            idle = await stack.enter_async_context(house.sftp("ann"))
            await idle.stat("/in")
            await later(house, 2 * IDLE)
            await until(lambda: len(house.door.connections) == 1)
            with pytest.raises((asyncssh.Error, OSError)):
                await idle.stat("/in")
        await file.write(b"z")
    assert await house.content("/in/busy", "carl") == b"z"


async def test_nothing_outlives_its_session_s_lifetime_and_what_was_sent_is_resumed_in_the_next(house):
    lifetime = timedelta(seconds=house.settings.session_lifetime_seconds)
    content = os.urandom(12 * SLOT_BYTES)
    with contextlib.suppress(asyncssh.Error, OSError):  # its end is a broken connection
        async with house.sftp("ann") as client, client.open("/in/long", "wb") as file:
            await file.write(content[: 9 * SLOT_BYTES])
            await later(house, lifetime - IDLE / 8)
            await later(house, IDLE / 8)
            await until(lambda: not house.door.connections)
            await file.write(content[9 * SLOT_BYTES :])
    async with house.sftp("ann") as client:
        size = (await client.stat("/in/long")).size
        assert size == 8 * SLOT_BYTES, "what was recorded: whole segments"
        async with client.open("/in/long", "r+b") as file:
            await file.write(content[size:], size)
    assert await house.content("/in/long") == content


async def test_a_round_is_made_when_settings_are_told_and_only_of_what_is_in_use(house, monkeypatch):
    asked = []
    ask = house.door.keeping_alive._ask

    async def listened(operation):
        asked.append(type(operation))
        return await ask(operation)

    monkeypatch.setattr(house.door.keeping_alive, "_ask", listened)
    async with house.sftp("ann") as client:
        await client.stat("/in")
        await house.door.keeping_alive.round()
        assert not asked
        async with client.open("/in/long", "wb"):
            await house.door.keeping_alive.round()
            assert asked == [KeepAlive]
    assert not house.door.keeping_alive._now.is_set()
    house.door.notice(SettingsInForce({"session_idle_seconds": 300}))
    assert house.door.keeping_alive._now.is_set()
    assert house.door.keeping_alive._idle_seconds() == 300
