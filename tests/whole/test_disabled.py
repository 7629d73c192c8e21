"""A user who is disabled is cut off within two seconds, amid whatever they are doing, at every worker of both doors."""

import asyncio
import contextlib
import time
from pathlib import Path

import asyncssh
import pytest

from sealane.operations.accounts import AddSshKey, DisableUser
from sealane.operations.envelope import Done
from tests.running_server import RunningServer

pytestmark = pytest.mark.slow

SIZE = 24_000_000
"""More than the sockets between two processes hold."""
WORKERS = 2


@pytest.fixture
def server(tmp_path):
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(tmp_path / "ann.key")
    with RunningServer.started(tmp_path, workers=WORKERS, ssh_rsa_host_key_bits=0) as server:
        server.organization("clinic", "ann")
        server.ask(AddSshKey("ann@clinic", key.export_public_key().decode()), Done)
        server.folder_for("clinic:/in", "ann@clinic")
        yield server


def accepted_by(server, room, port):
    """The workers of a door that have a connection of a client's, by process id."""
    inodes = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, _, state, *_, inode = line.split()[:10]
        if int(local.partition(":")[2], 16) == port and state == "01":
            inodes.add(f"socket:[{inode}]")
    found = set()
    for pid in server.children(room):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                if str(descriptor.readlink()) in inodes:
                    found.add(pid)
    return found


class Sftp:
    """A connection on which an upload is under way, and nothing is sent just now."""

    def __init__(self, server):
        self.server = server

    async def begin(self, number):
        options = {"client_keys": [str(self.server.folder / "ann.key")], "known_hosts": None, "agent_path": None}
        self.connection = await asyncssh.connect(
            "127.0.0.1", self.server.sftp_port, username="ann", config=None, **options
        )
        client = await self.connection.start_sftp_client()
        file = await client.open(f"/in/{number}", "wb")
        await file.write(b"some")
        return self

    async def ended(self):
        await self.connection.wait_closed()


class Http:
    """A connection on which a download is under way that its client does not go on reading just now."""

    def __init__(self, server, token):
        self.server, self.token = server, token

    async def begin(self, number):
        del number
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.server.http_port, limit=1 << 16)
        lines = ("GET /api/v1/content/in/large HTTP/1.1", "Host: x", f"Authorization: Bearer {self.token}", "", "")
        self.writer.write("\r\n".join(lines).encode())
        assert (await self.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        return self

    async def ended(self):
        came = 0
        with contextlib.suppress(ConnectionError):
            while piece := await self.reader.read(1 << 20):
                came += len(piece)
        assert came < SIZE
        self.writer.close()


async def at_every_worker(server, room, port, make):
    """Begin one after another until each worker of a door has one."""
    begun = []
    async with asyncio.timeout(60):
        while not begun or len(accepted_by(server, room, port)) < WORKERS:
            begun.append(await make().begin(len(begun)))
    return begun


async def put(server, token):
    reader, writer = await asyncio.open_connection("127.0.0.1", server.http_port)
    lines = ("PUT /api/v1/content/in/large HTTP/1.1", "Host: x", f"Authorization: Bearer {token}")
    writer.write("\r\n".join((*lines, f"Content-Length: {SIZE}", "Connection: close", "", "")).encode() + bytes(SIZE))
    assert (await reader.read()).startswith(b"HTTP/1.1 201 ")
    writer.close()


async def test_disabling_a_user_ends_within_two_seconds_what_they_do_at_every_worker(server):
    token = server.token("ann@clinic")
    await put(server, token)
    begun = await at_every_worker(server, "doors.sftp", server.sftp_port, lambda: Sftp(server))
    begun += await at_every_worker(server, "doors.http", server.http_port, lambda: Http(server, token))
    assert len(begun) >= 2 * WORKERS
    await asyncio.to_thread(server.ask, DisableUser("ann@clinic"), Done)
    disabled = time.monotonic()  # nobody has read on until now, so that no download has come to its end by itself
    await asyncio.wait_for(asyncio.gather(*(one.ended() for one in begun)), 60)
    assert time.monotonic() - disabled < 2
    with pytest.raises(asyncssh.PermissionDenied):
        await Sftp(server).begin(0)
