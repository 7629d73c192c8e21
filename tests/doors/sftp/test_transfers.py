"""Transfers through the whole house by one client library: what is visible when, what is kept, what is shared."""

import asyncio
import secrets

import asyncssh
import pytest

from sealane.operations.accounts import AddFolder, GrantFolder
from sealane.settings import Settings
from tests.doors.sftp.house import settled, until

pytestmark = pytest.mark.slow  # each test opens a whole keeper; together they take longer than make check may


MIB = 1 << 20


async def test_what_one_organization_sends_the_other_reads(house):
    content = secrets.token_bytes(3 * MIB + 17)
    async with house.sftp("bob") as client, client.open("/clinic/report", "wb") as file:
        await file.write(content)
    assert await house.content("/in/report") == content


async def test_nothing_is_visible_before_close_and_a_broken_upload_only_to_its_sender(house):
    async with house.sftp("ann") as client:
        file = await client.open("/in/part", "wb")
        await file.write(secrets.token_bytes(700_000))
        async with house.sftp("carl") as other:
            assert not await other.exists("/in/part")
        async with client.open("/in/other", "wb") as whole:
            await whole.write(b"whole")
        (connection,) = [c for c in house.door.connections if c.is_busy]
        connection._transport.abort()
    await settled(house)
    async with house.sftp("ann") as client:
        assert (await client.stat("/in/part")).size == 700_000
        assert sorted(await client.listdir("/in")) == ["other", "part"]
    async with house.sftp("carl") as client:
        assert await client.listdir("/in") == ["other"]
        with pytest.raises(asyncssh.SFTPNoSuchFile):
            await client.stat("/in/part")


async def test_a_broken_upload_goes_on_where_it_stood(house):
    content = secrets.token_bytes(2 * MIB)
    async with house.sftp("ann") as client:
        file = await client.open("/in/big", "wb")
        await file.write(content[:900_000])
        (connection,) = [c for c in house.door.connections if c.is_busy]
        connection._transport.abort()
    await settled(house)
    async with house.sftp("ann") as client:
        at = (await client.stat("/in/big")).size
        assert at == 900_000
        async with client.open("/in/big", asyncssh.FXF_WRITE, encoding=None) as file:
            await file.write(content[at:], at)
    assert await house.content("/in/big", "carl") == content


async def broken_upload(house, path, content):
    """Send some of a file as ann and lose the connection."""
    async with house.sftp("ann") as client:
        file = await client.open(path, "wb")
        await file.write(content)
        (connection,) = [c for c in house.door.connections if c.is_busy]
        connection._transport.abort()
    await settled(house)


async def test_a_broken_upload_that_is_opened_and_closed_again_publishes_no_half(house):
    await broken_upload(house, "/in/big", secrets.token_bytes(900_000))
    async with house.sftp("ann") as client:
        async with client.open("/in/big", "ab"):
            pass
        async with client.open("/in/big", "r+b") as file:
            await file.setstat(asyncssh.SFTPAttrs(atime=86_400, mtime=86_400))
        assert (await client.stat("/in/big")).size == 900_000
    async with house.sftp("carl") as client:
        assert not await client.exists("/in/big")


async def test_a_broken_upload_hides_and_replaces_nothing_that_was_sent_since(house):
    await broken_upload(house, "/in/big", secrets.token_bytes(900_000))
    whole = secrets.token_bytes(1_000_000)
    async with house.sftp("carl") as client, client.open("/in/big", "wb") as file:
        await file.write(whole)
    async with house.sftp("ann") as client:
        assert (await client.stat("/in/big")).size == len(whole)
        async with client.open("/in/big", "r+b") as file:
            await file.write(b"edit", 100)
    assert await house.content("/in/big", "carl") == whole[:100] + b"edit" + whole[104:]


async def test_what_stands_behind_a_broken_upload_is_not_read_as_if_it_had_its_size(house):
    whole = secrets.token_bytes(1_000_000)
    async with house.sftp("ann") as client, client.open("/in/big", "wb") as file:
        await file.write(whole)
    await broken_upload(house, "/in/big", secrets.token_bytes(300_000))
    assert await house.content("/in/big", "carl") == whole
    async with house.sftp("ann") as client:
        assert (await client.stat("/in/big")).size == 300_000
        with pytest.raises(asyncssh.SFTPFailure, match="interrupted"):
            await client.open("/in/big", "rb")
        async with client.open("/in/big", "r+b") as file:
            await file.write(whole[300_000:], 300_000)
        assert (await client.stat("/in/big")).size == len(whole)
        async with client.open("/in/big", "rb") as file:
            assert await file.read(10, 500_000) == whole[500_000:500_010]


async def test_a_file_is_edited_in_the_middle(house):
    content = bytearray(secrets.token_bytes(1 * MIB))
    async with house.sftp("ann") as client:
        async with client.open("/in/f", "wb") as file:
            await file.write(bytes(content))
        async with client.open("/in/f", "r+b") as file:
            assert await file.read(100, 500_000) == content[500_000:500_100]
            await file.write(b"EDITED", 500_010)
            content[500_010:500_016] = b"EDITED"
            assert await file.read(100, 500_000) == content[500_000:500_100]
            assert (await file.stat()).size == MIB
        async with client.open("/in/f", "ab") as file:
            await file.write(b"tail")
            content += b"tail"
        await client.truncate("/in/f", 600_000)
        del content[600_000:]
    assert await house.content("/in/f", "carl") == content


async def test_who_may_not_read_can_write_and_not_read_back(house):
    async with house.sftp("bob") as client:
        async with client.open("/drop/box", "wb") as file:
            await file.write(b"secret")
        with pytest.raises(asyncssh.SFTPPermissionDenied):
            await client.open("/drop/box", "rb")
        async with client.open("/drop/box", "r+b") as file:
            with pytest.raises(asyncssh.SFTPPermissionDenied):
                await file.read(6, 0)


def files_of(house):
    """Return what the house's one session asks by."""
    (connection,) = house.door.connections
    (session,) = connection._sessions
    return session._files


async def test_opening_and_closing_without_a_change_makes_no_version(house):
    async with house.sftp("ann") as client:
        async with client.open("/in/f", "wb") as file:
            await file.write(b"same")
        before = await files_of(house).look("/in/f")
        async with client.open("/in/f", "r+b") as file:
            await file.setstat(asyncssh.SFTPAttrs(atime=86_400, mtime=86_400))
        after = await files_of(house).look("/in/f")
        assert after.modified.timestamp() == 86_400
        assert before.version == after.version
        async with client.open("/in/f", "r+b") as file:
            await file.write(b"else")
        assert (await files_of(house).look("/in/f")).version != before.version


async def test_times_are_kept_whichever_way_they_are_set(house):
    async with house.sftp("ann") as client:
        async with client.open("/in/f", "wb") as file:
            await file.write(b"x")
            await file.setstat(asyncssh.SFTPAttrs(atime=1_000, mtime=1_000_000_000))
        assert (await client.stat("/in/f")).mtime == 1_000_000_000
        await client.utime("/in/f", (5, 1_200_000_000))
        assert (await client.stat("/in/f")).mtime == 1_200_000_000
        await client.chmod("/in/f", 0o644)
        assert (await client.stat("/in/f")).mtime == 1_200_000_000


async def test_copy_data_shares_what_is_stored_and_copies_ranges(house):
    content = secrets.token_bytes(2 * MIB)
    async with house.sftp("ann") as client:
        async with client.open("/in/a", "wb") as file:
            await file.write(content)
        assert client.supports_remote_copy
        blobs = set(house.store.names())
        async with client.open("/in/a", "rb") as source, client.open("/in/b", "wb") as target:
            await client.remote_copy(source, target)
        assert set(house.store.names()) == blobs
        async with client.open("/in/a", "rb") as source, client.open("/in/c", "wb") as target:
            await client.remote_copy(source, target, 100, 1000, 5)
    assert await house.content("/in/b") == content
    assert await house.content("/in/c") == bytes(5) + content[100:1100]


async def test_a_name_that_is_taken_is_not_claimed_and_not_renamed_onto(house):
    async with house.sftp("ann") as client:
        for name in ("/in/a", "/in/b"):
            async with client.open(name, "wb") as file:
                await file.write(name.encode())
        with pytest.raises(asyncssh.SFTPFailure):
            await client.open("/in/a", "xb")
        with pytest.raises(asyncssh.SFTPFailure):
            await client.rename("/in/a", "/in/b")
        await client.posix_rename("/in/a", "/in/b")
    assert await house.content("/in/b") == b"/in/a"


async def test_an_upload_beyond_the_quota_is_refused_and_publishes_nothing(house):
    house.keeper.admin(AddFolder(folder="clinic:/small", quota_bytes=100_000))
    house.keeper.admin(GrantFolder(folder="clinic:/small", grantee="ann@clinic", rights=("list", "read", "write")))
    async with house.sftp("ann") as client:
        with pytest.raises(asyncssh.SFTPFailure, match="quota"):
            async with client.open("/small/f", "wb") as file:
                await file.write(bytes(100_001))
        space = await client.statvfs("/small")
        assert space.blocks * space.bsize <= 100_000
    async with house.sftp("carl") as client:
        assert not await client.exists("/small/f")


async def test_folders_are_made_listed_moved_and_removed(house):
    async with house.sftp("ann") as client:
        await client.makedirs("/in/x/y")
        async with client.open("/in/x/y/f", "wb") as file:
            await file.write(b"1")
        await client.rename("/in/x", "/in/z")
        assert await client.listdir("/in/z/y") == ["f"]
        with pytest.raises(asyncssh.SFTPFailure):
            await client.rmdir("/in/z/y")
        await client.rmtree("/in/z")
        assert await client.listdir("/in") == []


async def test_draining_lets_a_transfer_end_and_closes_the_rest(house):
    async with house.ssh("carl") as idle, house.sftp("ann") as client:
        file = await client.open("/in/f", "wb")
        await file.write(b"first")
        draining = asyncio.create_task(house.listener.drain())
        await asyncio.wait_for(idle.wait_closed(), 5)
        await file.write(b" second")
        await file.close()
        await asyncio.wait_for(draining, 5)
    with pytest.raises(OSError):  # nothing listens any more
        async with house.ssh("ann"):
            pass


class TestImpatient:
    @pytest.fixture
    def door_settings(self):
        return Settings(drain_seconds=1)

    @pytest.mark.slow
    async def test_what_does_not_end_in_time_is_suspended(self, house):
        async with house.sftp("ann") as client:
            file = await client.open("/in/f", "wb")
            await file.write(bytes(300_000))
            await asyncio.wait_for(house.listener.drain(), 10)
        await house.open()
        async with house.sftp("ann") as client:
            assert (await client.stat("/in/f")).size == 300_000


@pytest.mark.slow
async def test_a_client_that_does_not_read_holds_little_of_our_memory(house):
    content = secrets.token_bytes(8 * MIB)
    async with house.sftp("ann") as client, client.open("/in/f", "wb") as file:
        await file.write(content)
    async with house.ssh("ann", window=1 << 30) as connection, connection.start_sftp_client() as client:
        handle = (await client.open("/in/f", "rb"))._handle
        connection._transport.pause_reading()
        for offset in range(0, 8 * MIB, 64 * 1024):
            request = client._handler.read(handle, offset, 64 * 1024)
            asyncio.ensure_future(request).add_done_callback(lambda done: done.cancelled() or done.exception())
        (ours,) = house.door.connections
        for _ in range(200):
            await asyncio.sleep(0.005)
        waiting = ours._transport.get_write_buffer_size()
        assert waiting < 3 * MIB
        connection._transport.resume_reading()
        connection.abort()


async def test_an_upload_is_suspended_before_its_session_is_signed_out(house):
    """A client that closes its channel first and the connection at once after it keeps what it sent."""
    async with house.ssh("ann") as connection:
        client = await connection.start_sftp_client()
        file = await client.open("/in/part", "wb")
        await file.write(bytes(700_000))
        client.exit()
        connection.close()
    await settled(house)
    async with house.sftp("ann") as client:
        assert (await client.stat("/in/part")).size == 700_000


async def test_what_is_sent_behind_a_waiting_request_waits_unread_and_is_served_in_order(house):
    content = secrets.token_bytes(6 * MIB)
    answering = asyncio.Event()
    ask = house.door.ask_any

    async def slow(operation):
        if type(operation).__name__ == "Look":
            await answering.wait()
        return await ask(operation)

    async with house.ssh("ann") as connection, connection.start_sftp_client() as client:
        (channel,) = connection._channels.values()
        file = await client.open("/in/f", "wb")
        house.door.ask_any = slow
        looking = asyncio.ensure_future(client.exists("/in/other"))
        writes = [
            asyncio.ensure_future(file.write(content[at : at + 100_000], at)) for at in range(0, len(content), 100_000)
        ]
        await until(lambda: not channel._send_window)  # the door takes what it said it would, and not a byte more
        assert not any(write.done() for write in writes)
        answering.set()
        assert not await looking
        await asyncio.gather(*writes)
        await file.close()
    assert await house.content("/in/f") == content
