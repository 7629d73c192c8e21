"""Data takes the path that the setting names; on either path a packet that was altered ends the connection unused."""

import asyncio
import secrets
import struct

import asyncssh
import pytest
from asyncssh.channel import MSG_CHANNEL_DATA, MSG_CHANNEL_WINDOW_ADJUST
from asyncssh.packet import String, UInt32

from sealane.doors.plane import Plane
from sealane.doors.sftp.channel import SessionChannel
from sealane.operations.uploads import RecordSegments
from tests.doors.sftp.house import ONE_PATH, settled, until

pytestmark = pytest.mark.slow  # each test opens a whole keeper; together they take longer than make check may

KIB = 1 << 10
MIB = 1 << 20


@pytest.fixture
def through_asyncssh(monkeypatch):
    """Bytes of channel data that asyncssh's own path has taken and sent for the door."""
    counted = {"taken": 0, "sent": 0}
    accept, send = SessionChannel._accept_data, SessionChannel.send_packet

    def accepting(channel, data, datatype=None):
        counted["taken"] += len(data)
        accept(channel, data, datatype)

    def sending(channel, kind, *words):
        if kind == MSG_CHANNEL_DATA:
            counted["sent"] += sum(map(len, words))
        send(channel, kind, *words)

    monkeypatch.setattr(SessionChannel, "_accept_data", accepting)
    monkeypatch.setattr(SessionChannel, "send_packet", sending)
    return counted


async def test_data_takes_the_path_that_the_setting_names(house, data_path, through_asyncssh):
    content = secrets.token_bytes(8 * MIB)
    async with house.sftp("ann") as client, client.open("/in/f", "wb") as file:
        await file.write(content)
    assert await house.content("/in/f") == content
    for counted in through_asyncssh.values():
        if data_path == "asyncssh":
            assert counted > len(content)
        else:
            assert counted < len(content) // 100


async def test_a_client_without_gcm_is_served_by_asyncssh_whatever_the_setting_says(house, through_asyncssh):
    content = secrets.token_bytes(MIB)
    async with house.sftp("ann", client_version="paramiko_2.12.0") as client:
        async with client.open("/in/f", "wb") as file:
            await file.write(content)
        async with client.open("/in/f", "rb") as file:
            assert await file.read() == content
    assert min(through_asyncssh.values()) > len(content)


# --- clients with small windows -------------------------------------------------------------------------------------


class Asking:
    """A client that sends requests and reads replies as it likes, with the window that the test gives it."""

    def __init__(self, process) -> None:
        self._process = process

    def ask(self, kind: int, body: bytes) -> None:
        self._process.stdin.write(struct.pack(">IB", 1 + len(body), kind) + body)

    async def reply(self) -> tuple[int, bytes]:
        """Return the type and what follows it."""
        (length,) = struct.unpack(">I", await self._process.stdout.readexactly(4))
        packet = await self._process.stdout.readexactly(length)
        return packet[0], packet[1:]

    async def open(self, path: bytes) -> bytes:
        self.ask(3, struct.pack(">II", 1, len(path)) + path + struct.pack(">II", 1, 0))
        kind, told = await self.reply()
        assert kind == 102
        return told[4:]

    def read(self, number: int, handle: bytes, offset: int, length: int) -> None:
        self.ask(5, struct.pack(">I", number) + handle + struct.pack(">QI", offset, length))


@pytest.mark.parametrize(("window", "packet", "block"), [(40_000, 3001, 200_000), (1 << 20, 32768, 261_120)])
async def test_replies_that_wait_for_a_window_hold_what_the_file_held(house, window, packet, block, monkeypatch):
    """Two files by turns. A buffer that was given back is another's: here it is overwritten at once."""
    give_back = Plane.give_back

    def overwriting(plane, buffer):
        buffer[:] = bytes(len(buffer))
        give_back(plane, buffer)

    monkeypatch.setattr(Plane, "give_back", overwriting)
    contents = {path: secrets.token_bytes(3 * MIB + 17) for path in ("/in/f", "/in/g")}
    async with house.sftp("ann") as client:
        for path, content in contents.items():
            async with client.open(path, "wb") as file:
                await file.write(content)
    async with (
        house.ssh("ann") as theirs,
        theirs.create_process(subsystem="sftp", encoding=None, window=window, max_pktsize=packet) as process,
    ):
        client = Asking(process)
        client.ask(1, struct.pack(">I", 3))
        assert (await client.reply())[0] == 2
        handles = [await client.open(path.encode()) for path in contents]
        wanted = []
        for offset in range(0, 3 * MIB + 17, block):
            for handle, content in zip(handles, contents.values(), strict=True):
                client.read(len(wanted), handle, offset, block)
                wanted.append(content[offset : offset + block])
        for number, block_wanted in enumerate(wanted):
            assert await client.reply() == (103, struct.pack(">II", number, len(block_wanted)) + block_wanted)
        process.stdin.write_eof()
    await settled(house)
    assert not house.door.plane.slots_lent


@ONE_PATH
async def test_data_of_no_bytes_leaves_an_idle_connection_without_a_buffer(house, data_path, monkeypatch):
    taken, took = [], SessionChannel.took

    def taking(channel, size):
        taken.append(size)
        took(channel, size)

    monkeypatch.setattr(SessionChannel, "took", taking)
    async with house.ssh("ann") as theirs, theirs.start_sftp_client() as client:
        assert await client.listdir("/")
        channel = next(iter(theirs._channels.values()))
        channel.send_packet(MSG_CHANNEL_DATA, String(b""))
        await until(lambda: 0 in taken)
        (connection,) = house.door.connections
        (session,) = connection._sessions
        assert session._speaker.stage._buffer is None


@pytest.mark.parametrize("behind", [b"", b"x"])
async def test_a_window_that_grows_is_one_whole_packet_or_ends_the_connection(house, behind):
    async with house.ssh("ann") as theirs, theirs.start_sftp_client() as client:
        channel = next(iter(theirs._channels.values()))
        channel.send_packet(MSG_CHANNEL_WINDOW_ADJUST, UInt32(1), behind)
        if behind:
            await asyncio.wait_for(theirs.wait_closed(), 10)
        else:
            assert await client.listdir("/") is not None


# --- packets that were altered on the way ---------------------------------------------------------------------------


class Altered:
    """A client's cipher that alters one byte of one packet after sealing it, as a network would."""

    def __init__(self, cipher, *, size_min: int, number: int, where: str) -> None:
        """Alter the `number`th packet of at least `size_min` bytes, `where`: "length", "data" or "tag"."""
        self._cipher = cipher
        self._size_min = size_min
        self._left = number
        self._where = where
        self.done = False

    def encrypt_packet(self, seq, header, packet):
        sealed, tag = self._cipher.encrypt_packet(seq, header, packet)
        if len(packet) >= self._size_min and not self.done:
            self._left -= 1
            if not self._left:
                self.done = True
                sealed, tag = self._alter(bytearray(sealed), bytearray(tag))
        return bytes(sealed), bytes(tag)

    def _alter(self, sealed, tag):
        if self._where == "tag":
            tag[-1] ^= 1
        else:
            sealed[3 if self._where == "length" else len(sealed) // 2] ^= 16
        return sealed, tag


@pytest.mark.parametrize("where", ["tag", "data", "length"])
async def test_a_packet_that_was_altered_ends_the_connection_and_no_byte_of_it_is_used(house, where):
    block, good = 32 * KIB, 40
    content = secrets.token_bytes(4 * MIB)
    acknowledged = 0

    async def write(file, start):
        nonlocal acknowledged
        await file.write(content[start : start + block], start)
        acknowledged = max(acknowledged, start + block)

    async with house.ssh("ann") as theirs, theirs.start_sftp_client() as client:
        file = await client.open("/in/f", "wb")
        theirs._send_encryption = Altered(theirs._send_encryption, size_min=block, number=good + 1, where=where)
        steps = [write(file, start) for start in range(0, len(content), block)]
        outcomes = await asyncio.gather(*steps, return_exceptions=True)
        await asyncio.wait_for(theirs.wait_closed(), 10)
        assert theirs._send_encryption.done
    failed = [outcome for outcome in outcomes if outcome is not None]
    assert len(failed) >= len(content) // block - good
    assert all(isinstance(failure, asyncssh.Error | OSError) for failure in failed)
    await settled(house)
    async with house.sftp("ann") as client:
        recorded = (await client.stat("/in/f")).size
        assert acknowledged <= recorded <= good * block
        async with client.open("/in/f", asyncssh.FXF_WRITE, encoding=None) as file:
            await file.write(content[good * block :], good * block)
            if recorded < good * block:
                await file.write(content[recorded : good * block], recorded)
    assert await house.content("/in/f", "carl") == content


async def test_what_was_recorded_of_an_upload_never_held_a_byte_of_an_altered_packet(house):
    """Every byte is 1 up to the packet that is altered and 2 in it: no segment that is recorded reaches the 2s."""
    recorded = []
    ask = house.door.ask_any

    async def listening(operation):
        if isinstance(operation, RecordSegments):
            recorded.extend(operation.segments)
        return await ask(operation)

    house.door.ask_any = listening
    async with house.ssh("ann") as theirs, theirs.start_sftp_client() as client:
        file = await client.open("/in/f", "wb")
        await file.write(b"\1" * MIB)
        theirs._send_encryption = Altered(theirs._send_encryption, size_min=64 * KIB, number=1, where="data")
        with pytest.raises((asyncssh.Error, OSError)):
            await file.write(b"\2" * (64 * KIB), MIB)
    await settled(house)
    assert sum(segment.length for segment in recorded) == MIB
    async with house.sftp("ann") as client:
        assert (await client.stat("/in/f")).size == MIB
        async with client.open("/in/f", "r+b") as file:
            assert set(await file.read()) == {1}


@pytest.mark.parametrize("where", ["tag", "data"])
async def test_a_short_packet_that_was_altered_ends_the_connection_and_is_not_served(house, where):
    """What removes, renames or closes comes in packets that are opened aside."""
    async with house.sftp("ann") as client, client.open("/in/f", "wb") as file:
        await file.write(b"there")
    async with house.ssh("ann") as theirs, theirs.start_sftp_client() as client:
        assert await client.exists("/in/f")  # the session's data comes by express now
        theirs._send_encryption = Altered(theirs._send_encryption, size_min=1, number=1, where=where)
        with pytest.raises((asyncssh.Error, OSError)):
            await client.remove("/in/f")
        await asyncio.wait_for(theirs.wait_closed(), 60)
    await settled(house)
    async with house.sftp("ann") as client:
        assert await client.exists("/in/f")
