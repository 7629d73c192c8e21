"""A sealed folder with a reader who has a key, a door without a protocol, and an inspector, around a real keeper.

house = SealedHouse(tmp_path, furnished)
await house.put("/f", content)          # into the sealed folder
await house.seal()                      # what the inspector does
house.opened(await house.age("/f"))     # what a recipient sees of it
"""

from sealane.errors import Missing
from sealane.inspector.rounds import Rounds
from sealane.operations.accounts import AddFolder, AddUser, GrantFolder, SetRecipient
from sealane.operations.files import ListFolder, Look, OpenVersion, Receipt
from sealane.vault.age import files as age_files
from sealane.vault.age.x25519 import X25519Identity
from tests.doors.house import SMALL, House, furnish
from tests.keeper_in_process import KeeperInProcess

READER = X25519Identity(b"\x42" * 32)
FOLDER = "/sealed"


def furnish_sealed(home, settings=SMALL):
    """Make a data directory with a sealed folder that ann may do everything in; rea may read there and has a key."""
    furnish(home, settings)
    keeper = KeeperInProcess(home / "data", settings)
    for operation in (
        AddFolder(f"clinic:{FOLDER}", sealed=True, settle_seconds=0),
        AddUser("rea@clinic"),
        SetRecipient("rea@clinic", str(READER.recipient()), present=True),
        GrantFolder(f"clinic:{FOLDER}", "rea@clinic", ("list", "read")),
        GrantFolder(f"clinic:{FOLDER}", "ann@clinic", ("list", "write", "delete")),
    ):
        keeper.admin(operation)
    keeper.close()


class SealedHouse(House):
    """All paths begin in the sealed folder."""

    def __init__(self, home, like, settings=SMALL, **fields):
        super().__init__(home, like, settings, **fields)
        self.folder = FOLDER
        self.reader = self.session("rea@clinic")
        self.inspector = self.another_inspector()

    def another_inspector(self, ask=None, store=None):
        asking = self.keeper.inspector()
        made = Rounds(ask(asking) if ask else asking.ask, store or self.store, self.settings)
        asking.on_notice(made.noticed)
        return made

    async def put(self, path, content, *, step=100_000, **finish):
        incoming = await self.begin(path)
        for at in range(0, len(content), step):
            await incoming.write(at, memoryview(content)[at : at + step])
        return await incoming.finish(**finish)

    async def seal(self):
        """Let the inspector do all it owes; return how many uploads it has sealed."""
        sealed = 0
        while (done := (await self.inspector.seal_some())[0]) or await self.inspector.one_round():
            sealed += done
        return sealed

    async def look(self, path, *, handle=None, own_uploads=False):
        return (await self.door.ask(Look(handle or self.handle, FOLDER + path, own_uploads=own_uploads))).entry

    async def names(self, *, handle=None):
        return [entry.name for entry in (await self.door.ask(ListFolder(handle or self.handle, FOLDER))).entries]

    async def is_there(self, path):
        try:
            await self.look(path, handle=self.reader)
        except Missing:
            return False
        return True

    async def age(self, path):
        """The age file as the reader gets it."""
        opened = await self.door.ask(OpenVersion(self.reader, FOLDER + path + ".age"))
        outgoing = self.outgoing(opened, self.reader)
        got = b"".join([bytes(piece) async for piece in outgoing.pieces(0, outgoing.size)])
        assert len(got) == outgoing.size == opened.size
        await outgoing.close()
        return got

    async def receipt(self, path, *, handle=None, version="", with_payload=True):
        return await self.door.ask(Receipt(handle or self.reader, FOLDER + path, version, with_payload=with_payload))

    async def payload_digest(self, path):
        """The digest of a sealed file's payload, once somebody has asked for it and the inspector has worked it out."""
        await self.receipt(path)
        await self.seal()
        return (await self.receipt(path)).payload_digest

    def opened(self, sealed):
        return age_files.open_sealed(sealed, [READER])
