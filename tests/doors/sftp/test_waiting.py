"""A client that sends faster than is stored waits in its socket, and nothing else of its connection goes wrong."""

import asyncio
import secrets
import threading

import asyncssh
import pytest

from sealane.doors.sftp.express import ExpressConnection
from sealane.settings import Settings
from sealane.vault.segments import SegmentWriter

pytestmark = pytest.mark.slow  # each test opens a whole keeper

MIB = 1 << 20


@pytest.fixture
def data_path():
    """Waiting in the socket is the express path's."""
    return "express"


@pytest.fixture
def door_settings():
    return Settings(upload_slots_max=2)


@pytest.fixture
def stalls(monkeypatch):
    """Set once packets stayed where they were."""
    stalled = asyncio.Event()
    stall = ExpressConnection._stall

    def stalling(connection):
        stalled.set()
        stall(connection)

    monkeypatch.setattr(ExpressConnection, "_stall", stalling)
    return stalled


async def test_what_waits_in_the_socket_arrives_whole_and_in_order(house, stalls):
    content = secrets.token_bytes(24 * MIB)
    async with house.sftp("ann") as client, client.open("/in/f", "wb", block_size=32768) as file:
        await file.write(content)
    assert await house.content("/in/f") == content
    assert stalls.is_set()


async def test_a_second_channel_goes_on_once_the_first_does(house, stalls):
    content = secrets.token_bytes(16 * MIB)

    async def put(client, name):
        async with client.open(name, "wb") as file:
            await file.write(content)

    async def look(client):
        for _ in range(40):
            await client.stat("/in")

    async with (
        house.ssh("ann") as connection,
        connection.start_sftp_client() as one,
        connection.start_sftp_client() as other,
    ):
        await asyncio.gather(put(one, "/in/one"), put(other, "/in/other"), look(one))
    assert await house.content("/in/one") == await house.content("/in/other") == content
    assert stalls.is_set()


async def test_downloads_and_uploads_on_one_channel_do_not_wait_for_each_other_for_ever(house, stalls):
    content = secrets.token_bytes(12 * MIB)
    async with house.sftp("ann") as client:
        async with client.open("/in/there", "wb") as file:
            await file.write(content)

        async def get():
            async with client.open("/in/there", "rb") as file:
                return await file.read()

        async def put():
            async with client.open("/in/new", "wb") as file:
                await file.write(content)

        got, _ = await asyncio.wait_for(asyncio.gather(get(), put()), 60)
    assert got == content
    assert await house.content("/in/new") == content
    assert stalls.is_set()


async def test_a_client_that_waits_is_told_at_once_when_its_connection_ends(house, stalls, monkeypatch):
    stored = threading.Event()
    append = SegmentWriter.append

    def waiting(writer, block):
        stored.wait(60)
        append(writer, block)

    monkeypatch.setattr(SegmentWriter, "append", waiting)
    try:
        async with house.sftp("ann") as client:
            file = await client.open("/in/f", "wb")
            writing = asyncio.ensure_future(file.write(secrets.token_bytes(8 * MIB)))
            await stalls.wait()
            (connection,) = house.door.connections
            connection.end("Enough.")
            with pytest.raises((asyncssh.SFTPError, asyncssh.DisconnectError)):
                await asyncio.wait_for(writing, 20)
    finally:
        stored.set()
