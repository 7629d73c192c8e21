"""Sealing, converting, re-wrapping and the end of keys, on each kind of database."""

import hashlib
import secrets

import pytest

from sealane.operations.accounts import AddUser, GrantFolder, ListSealed, SealFolder, SetRecipient
from sealane.operations.files import OpenVersion
from sealane.operations.sealing import FinishSealing, ListHeaders, RecordSealing, ReplaceHeaders
from sealane.vault.age import files as age_files
from sealane.vault.age.payload import CHUNK_BYTES
from tests.doors.house import SMALL
from tests.sealed.house import FOLDER, READER
from tests.sealed.test_headers import NEW, NEW_TEXT, READER_TEXT, wrapped
from tests.sealed.test_keys import Killed, dying_at, keys_of

pytestmark = pytest.mark.slow
SEGMENT = SMALL.segment_bytes_max


@pytest.fixture
def house(either_house):
    return either_house


async def jump(house, name, content):
    incoming = await house.begin(name)
    await incoming.write(CHUNK_BYTES, content[CHUNK_BYTES:])
    await incoming.write(0, content[:CHUNK_BYTES])
    return await incoming.finish()


async def test_in_order_and_jumping_uploads_are_sealed_and_their_keys_are_gone(house):
    content = secrets.token_bytes(2 * SEGMENT + 5)
    await house.put("/ordered", content)
    await jump(house, "/jumped", content)
    assert all(key.wrapped_key for key in keys_of(house))
    await house.seal()
    for name in ("/ordered", "/jumped"):
        assert house.opened(await house.age(name)) == content
        entry = await house.look(f"{name}.age", handle=house.reader)
        assert entry.digest == hashlib.sha256(content).digest()
        assert await house.payload_digest(name) is not None
    assert keys_of(house)
    assert not any(key.wrapped_key for key in keys_of(house))


async def test_a_folder_with_files_is_converted(house):
    house.keeper.admin(GrantFolder("clinic:/in", "rea@clinic", ("list", "read")))
    contents = {f"/f{number}": secrets.token_bytes(number * 40_000) for number in range(20)}
    folder, house.folder = house.folder, "/in"
    for name, content in contents.items():
        await house.put(name, content)
    await house.put("/f1", b"a second version, and the first is kept")
    contents["/f1"] = b"a second version, and the first is kept"
    house.folder = folder
    house.keeper.admin(SealFolder("clinic:/in", settle_seconds=0))
    await house.seal()
    for name, content in contents.items():
        opened = await house.door.ask(OpenVersion(house.reader, f"/in{name}.age"))
        outgoing = house.outgoing(opened, house.reader)
        got = b"".join([bytes(piece) async for piece in outgoing.pieces(0, outgoing.size)])
        await outgoing.close()
        assert age_files.open_sealed(got, [READER]) == content
    listing = house.keeper.admin(ListSealed(""))
    rows = [dict(zip(row.columns, row.values, strict=True)) for row in listing.rows]
    assert {(row["not_sealed"], row["waiting"]) for row in rows} == {(0, 0)}


@pytest.mark.parametrize("operation", [RecordSealing, FinishSealing])
async def test_whoever_dies_amid_the_sealing_it_goes_on_with_the_next(house, operation):
    content = secrets.token_bytes(2 * SEGMENT + 5)
    await jump(house, "/f", content)
    with pytest.raises(Killed):
        await house.another_inspector(ask=lambda asking: dying_at(operation, asking)).seal_some()
    house.keeper.restart()
    house.reader = house.session("rea@clinic")
    assert not await house.is_there("/f")
    await house.seal()
    assert house.opened(await house.age("/f")) == content


async def test_headers_are_made_anew(house):
    for number in range(3):
        await house.put(f"/f{number}", b"for whom")
    await house.seal()
    house.keeper.admin(AddUser("new@clinic"))
    house.keeper.admin(SetRecipient("new@clinic", NEW_TEXT, present=True))
    house.keeper.admin(GrantFolder(f"clinic:{FOLDER}", "new@clinic", ("list", "read")))
    found = (await house.door.ask(ListHeaders(house.reader, FOLDER))).files
    assert len(found) == 3
    new = tuple(wrapped(file, READER_TEXT, NEW_TEXT) for file in found)
    assert (await house.door.ask(ReplaceHeaders(house.reader, new))).replaced == 3
    assert (await house.door.ask(ListHeaders(house.reader, FOLDER))).files == ()
    for number in range(3):
        assert age_files.open_sealed(await house.age(f"/f{number}"), [NEW]) == b"for whom"
