"""New keys are agreed amid data, whoever begins, and every byte on both sides of them is what it was."""

import asyncio
import secrets
import sys

import pytest

from sealane.settings import Settings
from tests.doors.sftp.house import until

pytestmark = pytest.mark.slow  # each test opens a whole keeper; together they take longer than make check may

MIB = 1 << 20
KIB = 1 << 10


@pytest.fixture
def exchanges(house):
    """The kinds of exchange that the keeper has signed: one at the start of each connection, the rest are new keys."""
    signed = []
    ask = house.door.ask_any

    async def listening(operation):
        if type(operation).__name__ == "SignExchange":
            signed.append("first" if operation.first else "new keys")
        return await ask(operation)

    house.door.ask_any = listening
    return signed


async def put_file(house, path, content):
    async with house.sftp("ann") as client, client.open(path, "wb") as file:
        await file.write(content)


class Both:
    """One upload and one download at the same time on one connection, in requests of an odd size, many ahead."""

    def __init__(self, client, sent: bytes, block: int) -> None:
        self.client = client
        self.sent = sent
        self.block = block
        self.got = bytearray(len(sent))
        self.moved = 0
        self._ahead = asyncio.Semaphore(24)

    async def move(self) -> None:
        """Send `sent` as /in/up and fetch as many bytes of /in/down."""
        async with self.client.open("/in/up", "wb") as up, self.client.open("/in/down", "rb") as down:
            starts = range(0, len(self.sent), self.block)
            steps = [step for start in starts for step in (self._write(up, start), self._read(down, start))]
            await asyncio.gather(*steps)

    async def _write(self, file, start: int) -> None:
        async with self._ahead:
            block = self.sent[start : start + self.block]
            await file.write(block, start)
            self.moved += len(block)

    async def _read(self, file, start: int) -> None:
        async with self._ahead:
            block = await file.read(self.block, start)
            self.got[start : start + len(block)] = block
            self.moved += len(block)


class TestAtALimit:
    """The server begins after what it has sent, the client after what it has sent: with both, they cross by chance."""

    @pytest.fixture(params=["server", "client", "both"])
    def beginner(self, request):
        return request.param

    @pytest.fixture
    def door_settings(self, beginner):
        return Settings(sftp_rekey_bytes=100_000 if beginner != "client" else 1 << 30)

    async def test_data_survives_many_exchanges_of_keys_in_both_directions(self, house, beginner, exchanges):
        up, down = secrets.token_bytes(4 * MIB), secrets.token_bytes(4 * MIB)
        await put_file(house, "/in/down", down)
        exchanges.clear()
        async with house.sftp("ann", **({} if beginner == "server" else {"rekey_bytes": 150_000})) as client:
            moving = Both(client, up, 50_001)
            await moving.move()
        assert moving.got == down
        assert exchanges.count("new keys") > 15
        assert await house.content("/in/up", "carl") == up


class TestOneWay:
    """Who sends begins, also where nothing else is sent that way."""

    @pytest.fixture
    def door_settings(self):
        return Settings(sftp_rekey_bytes=150_000)

    async def test_a_download_alone_has_its_keys_changed_by_the_server(self, house, exchanges):
        content = secrets.token_bytes(3 * MIB)
        await put_file(house, "/in/f", content)
        exchanges.clear()
        assert await house.content("/in/f") == content
        assert exchanges.count("new keys") > 5


async def test_data_survives_keys_that_both_sides_ask_for_in_the_same_instant(house, exchanges):
    up, down = secrets.token_bytes(4 * MIB), secrets.token_bytes(4 * MIB)
    await put_file(house, "/in/down", down)
    exchanges.clear()
    async with house.ssh("ann") as theirs, theirs.start_sftp_client() as client:
        (ours,) = [connection for connection in house.door.connections if not connection._gone]
        moving = Both(client, up, 32 * KIB)
        task = asyncio.ensure_future(moving.move())
        crossed = 0
        for at in range(MIB // 2, 7 * MIB, MIB // 2):
            await until(lambda at=at: moving.moved >= at and ours._kex_complete and theirs._kex_complete)
            assert not task.done()
            for side in (ours, theirs):
                side._send_kexinit()
                side._kexinit_sent = True
            crossed += 1
        await task
    assert moving.got == down
    assert exchanges.count("new keys") == crossed
    assert await house.content("/in/up", "carl") == up


_PARAMIKO = """
import io, sys, paramiko
paramiko.packet.Packetizer.REKEY_BYTES = 300_000
transport = paramiko.Transport(("127.0.0.1", int(sys.argv[1])))
transport.connect(username="ann", pkey=paramiko.Ed25519Key.from_private_key_file(sys.argv[2]))
client = paramiko.SFTPClient.from_transport(transport)
content = bytes(range(256)) * 12_000
client.putfo(io.BytesIO(content), "/in/f", confirm=True)
back = io.BytesIO()
client.getfo("/in/f", back)
assert back.getvalue() == content
transport.close()
print("well")
"""


class TestParamiko:
    @pytest.fixture
    def door_settings(self):
        return Settings(sftp_rekey_bytes=MIB // 2)

    async def test_data_survives_keys_that_paramiko_and_the_server_change(self, house, exchanges):
        words = [sys.executable, "-W", "ignore", "-c", _PARAMIKO, house.port, house.key("ann")]
        _, told = await house.run(*words)
        assert told.strip().endswith("well")
        assert exchanges.count("new keys") >= 5
