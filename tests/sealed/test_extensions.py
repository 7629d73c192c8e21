"""check-file and copy-data on sealed names: what a client that checks or copies is told, byte for byte."""

import hashlib
import secrets
import struct
from types import SimpleNamespace

import pytest

from sealane.doors.sftp.door import SftpDoor
from sealane.doors.sftp.engine import Engine
from sealane.doors.sftp.files import Files
from sealane.doors.sftp.handles import Handles
from sealane.doors.sftp.packets import Code, Flag, Kind
from sealane.doors.sftp.requests import SftpRequests
from sealane.operations.accounts import AddFolder, AddUser, GrantFolder
from sealane.operations.files import OpenVersion
from tests.doors.house import SMALL
from tests.doors.sftp.test_engine import INIT, attributes, packet, split, string
from tests.sealed.house import FOLDER

pytestmark = pytest.mark.slow
SEGMENT = SMALL.segment_bytes_max
R, NEW = Flag.READ, Flag.WRITE | Flag.CREAT | Flag.TRUNC
CHECKED = string(b"check-file") + string(b"sha256")


def sha256(content):
    return hashlib.sha256(content).digest()


class Client:
    """An SFTP session of a user of the house, packet by packet."""

    def __init__(self, house, handle):
        self._door = SftpDoor(house.ask, house.store, house.settings)
        self._handles = Handles(100)
        files = Files(self._door, SimpleNamespace(handle=handle))
        self._engine = Engine(
            SftpRequests(files, self._handles), self._handles, packet_bytes_max=1 << 20, replies_bytes_max=1 << 20
        )
        self._engine.take(memoryview(INIT), [])

    async def ask(self, kind, body=b""):
        replies = []
        self._engine.take(memoryview(packet(kind, 1, body)), replies)
        if self._engine.waiting is not None:
            replies += await self._engine.waiting
            self._engine.waiting = None
        ((kind, _, body),) = split(b"".join(replies))
        return Code(struct.unpack_from(">I", body)[0]) if kind == Kind.STATUS else body

    async def open(self, name, flags):
        answer = await self.ask(Kind.OPEN, string(f"{FOLDER}/{name}".encode()) + struct.pack(">II", flags, 0))
        return answer if isinstance(answer, Code) else answer[4:]

    async def write(self, handle, content):
        assert await self.ask(Kind.WRITE, string(handle) + struct.pack(">Q", 0) + string(content)) == Code.OK

    async def close(self, handle):
        return await self.ask(Kind.CLOSE, string(handle))

    async def put(self, name, content):
        handle = await self.open(name, NEW)
        await self.write(handle, content)
        assert await self.close(handle) == Code.OK

    async def check_name(self, name, start=0, length=0, block=0):
        path = string(f"{FOLDER}/{name}".encode())
        return await self.ask(
            Kind.EXTENDED,
            string(b"check-file-name") + path + string(b"sha256") + struct.pack(">QQI", start, length, block),
        )

    async def check_handle(self, handle, start=0, length=0, block=0):
        words = string(b"check-file-handle") + string(handle) + string(b"sha256")
        return await self.ask(Kind.EXTENDED, words + struct.pack(">QQI", start, length, block))

    async def copy(self, source, target, start=0, length=0, offset=0):
        ranges = struct.pack(">QQ", start, length) + string(target) + struct.pack(">Q", offset)
        return await self.ask(Kind.EXTENDED, string(b"copy-data") + string(source) + ranges)

    async def end(self):
        await self._handles.let_go()
        await self._door.finish_tasks()
        self._door.plane.close()


@pytest.fixture
async def ann(house):
    client = Client(house, house.handle)
    yield client
    await client.end()


@pytest.fixture
async def rea(house):
    client = Client(house, house.reader)
    yield client
    await client.end()


async def test_the_sender_checks_what_was_sent_from_close_on_and_after_it_is_sealed(house, ann):
    content = secrets.token_bytes(100_001)
    await ann.put("f", content)
    assert await ann.check_name("f") == CHECKED + sha256(content)
    await house.seal()
    assert await ann.check_name("f") == CHECKED + sha256(content)
    assert await ann.check_name("f", length=len(content)) == CHECKED + sha256(content)


async def test_a_sender_who_may_not_read_learns_no_digest_of_a_part(house, ann):
    """By hashes of short parts one could read a file: they are for those who may read it."""
    await ann.put("f", secrets.token_bytes(1000))
    await house.seal()
    for part in ({"length": 1}, {"block": 256}, {"start": 1}):
        for name in ("f", "f.age"):
            assert await ann.check_name(name, **part) in {Code.PERMISSION_DENIED, Code.NO_SUCH_FILE, Code.FAILURE}


async def test_of_the_age_name_the_age_bytes_are_checked(house, ann, rea):
    content = secrets.token_bytes(70_000)
    await ann.put("f", content)
    await house.seal()
    age = await house.age("/f")
    assert await rea.check_name("f.age") == CHECKED + sha256(age)
    assert await rea.check_name("f.age", start=100, length=66_000) == CHECKED + sha256(age[100:66_100])
    parts = b"".join(sha256(age[at : at + 50_000]) for at in range(0, len(age), 50_000))
    assert await rea.check_name("f.age", block=50_000) == CHECKED + parts
    handle = await rea.open("f.age", R)
    assert await rea.check_handle(handle) == CHECKED + sha256(age)
    assert await rea.check_handle(handle, start=5, length=10) == CHECKED + sha256(age[5:15])
    assert await rea.check_name("f") == CHECKED + sha256(content)
    assert await rea.check_name("f", start=1) == Code.FAILURE  # of the plaintext the server has no byte


async def copied_by(house, client, source, into, **ranges):
    """Copy from a sealed file's age bytes into a folder; return what is there then, and what came of the request."""
    target = await client.ask(Kind.OPEN, string(into.encode()) + struct.pack(">I", NEW) + attributes())
    code = await client.copy(source, target[4:], **ranges)
    assert await client.close(target[4:]) == Code.OK
    opened = await house.door.ask(OpenVersion(house.reader, into))
    outgoing = house.outgoing(opened, house.reader)
    got = b"".join([bytes(piece) async for piece in outgoing.pieces(0, outgoing.size)])
    await outgoing.close()
    return code, got


@pytest.mark.parametrize("size", [1000, SEGMENT + 70_000])
@pytest.mark.parametrize("sealed_by", ["server", "sender"])
async def test_copied_out_of_a_sealed_folder_it_is_the_age_file(house, ann, rea, size, sealed_by):
    content = secrets.token_bytes(size)
    await ann.put("f", content)
    await house.seal()
    if sealed_by == "sender":
        await ann.put("g.age", await house.age("/f"))
    name = "f" if sealed_by == "server" else "g"
    age = await house.age(f"/{name}")
    house.keeper.admin(AddFolder("clinic:/plain"))
    house.keeper.admin(GrantFolder("clinic:/plain", "rea@clinic", ("list", "read", "write")))
    source = await rea.open(f"{name}.age", R)
    assert await copied_by(house, rea, source, "/plain/whole") == (Code.OK, age)
    assert house.opened(age) == content
    got = await copied_by(house, rea, source, "/plain/part", start=10, length=600, offset=3)
    assert got == (Code.OK, bytes(3) + age[10:610])


async def test_copied_into_a_sealed_folder_it_is_sealed_like_what_is_sent(house):
    content = secrets.token_bytes(SEGMENT + 70_000)
    house.keeper.admin(AddUser("both@clinic"))
    for folder in ("/in", FOLDER):
        house.keeper.admin(GrantFolder(f"clinic:{folder}", "both@clinic", ("list", "read", "write")))
    client = Client(house, house.session("both@clinic"))
    folder, house.folder = house.folder, "/in"
    await house.put("/plain", content)
    house.folder = folder
    source = await client.ask(Kind.OPEN, string(b"/in/plain") + struct.pack(">I", R) + attributes())
    target = await client.open("copy", NEW)
    assert await client.copy(source[4:], target) == Code.OK
    assert await client.close(target) == Code.OK
    await house.seal()
    assert house.opened(await house.age("/copy")) == content
    await client.end()
