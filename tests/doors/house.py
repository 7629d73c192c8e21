"""A keeper in this process, a blob store that can be made slow or full, and the data plane between them."""

import asyncio
import shutil
import threading

from sealane.doors.incoming import Incoming
from sealane.doors.outgoing import Outgoing
from sealane.doors.plane import Plane
from sealane.errors import StoreFull
from sealane.operations.accounts import AddFolder, AddOrganization, AddToken, AddUser, GrantFolder
from sealane.operations.files import OpenVersion
from sealane.operations.signing import SignInWithToken
from sealane.operations.uploads import BeginUpload, RecordSegments
from sealane.settings import KIB, MIB, SLOT_BYTES, Settings
from sealane.vault.local import LocalStore
from tests.keeper_in_process import KeeperInProcess

SMALL = Settings(
    ssh_rsa_host_key_bits=0,
    segment_bytes_max=2 * SLOT_BYTES,
    inline_bytes_max=4 * KIB,
    file_bytes_max=64 * MIB,
    extents_max=1000,
    edits_per_record_max=50,
    upload_slots_max=4,
    door_slots_max=16,
    data_threads=4,
)


class MoodyWriter:
    """One blob under construction, which meets the end of the disk when its store is full."""

    def __init__(self, store, writer):
        self._store = store
        self._writer = writer

    def append(self, buffer):
        if self._store.full:
            raise StoreFull
        self._writer.append(buffer)

    def __getattr__(self, name):
        return getattr(self._writer, name)


class MoodyStore:
    """A local store that can be held up, and that can be full."""

    def __init__(self, store):
        self.full = False
        self._store = store
        self._free = threading.Event()
        self._free.set()

    def hold(self):
        self._free.clear()

    def release(self):
        self._free.set()

    def create(self, name):
        self._free.wait(20)
        return MoodyWriter(self, self._store.create(name))

    def __getattr__(self, name):
        return getattr(self._store, name)


def furnish(home, settings=SMALL):
    """Make a data directory with one organization and one user, who may do everything in `/in`."""
    keeper = KeeperInProcess(home / "data", settings)
    for operation in (
        AddOrganization("clinic"),
        AddUser("ann@clinic"),
        AddFolder("clinic:/in"),
        GrantFolder("clinic:/in", "ann@clinic", ("list", "read", "write", "delete")),
    ):
        keeper.admin(operation)
    keeper.close()


class House:
    """A keeper, a store, the data plane and a door without a protocol. All paths begin in `/in`."""

    def __init__(self, home, like, settings=SMALL, *, store=None):
        """Move into `home` with a copy of what `furnish` has made in `like`."""
        self.settings = settings
        self.folder = "/in"
        self._home = home
        shutil.copytree(like, home, dirs_exist_ok=True)
        self.keeper = KeeperInProcess(home / "data", settings)
        self._token = self.keeper.admin(AddToken("ann@clinic", ("read", "write"), None)).token
        self.store = MoodyStore(store or LocalStore(home / "blobs"))
        self.plane = Plane(self.store, settings)
        self.asked = []
        self.answered = []
        self._failures = {}
        self._records_free = asyncio.Event()
        self._records_free.set()
        self.door = self.another_door()
        self.handle = self._sign_in(self.door)

    def another_door(self):
        return self.keeper.door()

    def _sign_in(self, door):
        return door.ask_now(SignInWithToken(self._token, "127.0.0.1", "https")).handle

    def session(self, user):
        """The handle of a session of another user."""
        token = self.keeper.admin(AddToken(user, ("read", "write"), None)).token
        return self.door.ask_now(SignInWithToken(token, "127.0.0.1", "https")).handle

    async def ask(self, operation, door=None):
        self.asked.append(operation)
        failure = self._failures.pop(type(operation), None)
        if failure is not None:
            raise failure
        if isinstance(operation, RecordSegments):
            await self._records_free.wait()
        answer = await (door or self.door).ask(operation)
        self.answered.append(operation)
        return answer

    def fail_next(self, kind, failure):
        self._failures[kind] = failure

    def hold_records(self):
        self._records_free.clear()

    def release_records(self):
        self._records_free.set()

    def crash(self):
        """The door's connection is gone, as when its process was killed; a new one is there at once."""
        self.door.break_off()
        self.door = self.another_door()

    async def begin(self, path, mode="create", *, held=False, declared=None, door=None, lasting=True):
        door = door or self.door
        wanted = BeginUpload(self.handle, self.folder + path, mode, declared=declared, lasting=lasting)
        opened = await door.ask(wanted)
        return Incoming(opened, self.handle, lambda op: self.ask(op, door), self.plane, held=held)

    async def put(self, path, content):
        incoming = await self.begin(path)
        await incoming.write(0, content)
        return await incoming.finish()

    async def open(self, path):
        opened = await self.door.ask(OpenVersion(self.handle, self.folder + path))
        return self.outgoing(opened, self.handle)

    def outgoing(self, opened, handle):
        return Outgoing(opened, handle, self.ask, self.plane)

    async def content(self, path):
        outgoing = await self.open(path)
        got = b"".join([bytes(piece) async for piece in outgoing.pieces(0, outgoing.size)])
        await outgoing.close()
        return got

    def blobs(self):
        return set(self.store.names())

    def files_of_store(self):
        """Every file below the store's folder, half-made ones too."""
        return [path for path in self._home.joinpath("blobs").rglob("*") if path.is_file()]

    async def settled(self):
        """Wait until every buffer is back; that this ends is the claim."""
        await self.until(lambda: not self.plane.slots_lent)

    async def until(self, happened):
        async with asyncio.timeout(20):
            while not happened():  # noqa: ASYNC110 - what is waited for tells nobody
                await asyncio.sleep(0.001)

    def segment_lengths(self):
        """Plaintext lengths of all segments there are, from the records that named them."""
        return [segment.length for op in self.answered for segment in getattr(op, "segments", ())]

    async def close(self):
        self.store.release()
        self.release_records()
        await asyncio.to_thread(self.plane.close)
        self.store.close()
        self.keeper.close()
