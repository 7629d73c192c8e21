"""The SFTP door as a process of a running server: killed and drained."""

import asyncio
import contextlib
import secrets

import asyncssh
import pytest

from tests.doors.sftp.house import ONE_PATH, PATHS
from tests.running_server import RunningServer

pytestmark = pytest.mark.slow
MIB = 1 << 20


@pytest.fixture
def server(tmp_path, data_path):
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(tmp_path / "ann.key")
    key.write_public_key(tmp_path / "ann.pub")
    settings = {"segment_bytes_max": MIB, "ssh_rsa_host_key_bits": 2048, "sftp_express": PATHS[data_path]}
    with RunningServer.started(tmp_path, **settings) as server:
        server.sealane("org", "add", "clinic")
        server.sealane("user", "add", "ann@clinic", "--ssh-key", str(tmp_path / "ann.pub"))
        server.folder_for("clinic:/in", "ann@clinic")
        yield server


@contextlib.asynccontextmanager
async def sftp(server, **more):
    """Sign in, also while the door is being started again."""
    key = str(server.folder / "ann.key")
    options = {"username": "ann", "client_keys": [key], "known_hosts": None, "agent_path": None, "config": None}
    connecting = asyncssh.connect("127.0.0.1", server.sftp_port, **options, **more)
    async with connecting as connection, connection.start_sftp_client() as client:
        yield client


async def test_an_upload_whose_door_is_killed_goes_on_from_what_was_recorded(server):
    content = secrets.token_bytes(12 * MIB)
    async with sftp(server) as client:
        file = await client.open("/in/f", "wb")
        await file.write(content[: 6 * MIB])
        await file.fsync()
        await file.write(content[6 * MIB : 9 * MIB])
        server.kill_child("doors.sftp")
        with pytest.raises((asyncssh.Error, OSError)):
            await file.write(content[9 * MIB :])
    async with sftp(server) as client:
        at = (await client.stat("/in/f")).size
        assert at >= 6 * MIB
        async with client.open("/in/f", asyncssh.FXF_WRITE, encoding=None) as file:
            await file.write(content[at:], at)
        async with client.open("/in/f", "rb") as file:
            assert await file.read() == content


async def test_a_transfer_waits_for_a_keeper_that_is_killed(server):
    content = secrets.token_bytes(8 * MIB)
    async with sftp(server) as client:
        async with client.open("/in/f", "wb") as file:
            await file.write(content[: 3 * MIB])
            server.kill_child("keeper")
            await file.write(content[3 * MIB :])
        async with client.open("/in/f", "rb") as file:
            assert await file.read() == content
    assert "Traceback" not in server.log.read_text()


async def test_a_server_that_is_asked_to_stop_suspends_what_does_not_end(server):
    async with sftp(server) as client:
        file = await client.open("/in/f", "wb")
        await file.write(bytes(2 * MIB + 5))
        assert await asyncio.to_thread(server.terminate) == 0
    server.start()
    async with sftp(server) as client:
        assert (await client.stat("/in/f")).size == 2 * MIB + 5
    assert "Traceback" not in server.log.read_text()


@ONE_PATH
@pytest.mark.parametrize("algorithm", ["rsa-sha2-512", "rsa-sha2-256", "ssh-ed25519"])
async def test_every_host_key_signs_and_old_rsa_signatures_are_not_made(server, algorithm):
    async with sftp(server, server_host_key_algs=[algorithm]) as client:
        assert await client.exists("/in")
    # Both sides see that nothing fits; whose refusal the client meets first is a race.
    with pytest.raises((asyncssh.KeyExchangeFailed, asyncssh.ConnectionLost)):
        async with sftp(server, server_host_key_algs=["ssh-rsa"]):
            pass
