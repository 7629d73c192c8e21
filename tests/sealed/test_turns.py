"""A huge upload that jumped about does not hold up the sealing of others: it is converted in turns."""

import dataclasses
import hashlib
import secrets

import pytest

from sealane.operations.sealing import FinishSealing, OpenSealing, RecordSealing
from sealane.settings import SLOT_BYTES
from sealane.vault.age.payload import CHUNK_BYTES
from tests.doors.house import SMALL
from tests.sealed.house import SealedHouse

pytestmark = pytest.mark.slow
SEGMENT = SMALL.segment_bytes_max
TURNS = dataclasses.replace(SMALL, inspector_turn_bytes=SEGMENT, inspector_batch=4)


@pytest.fixture
async def house(tmp_path, furnished_sealed):
    made = SealedHouse(tmp_path, furnished_sealed, TURNS)
    yield made
    await made.close()


async def jump(house, name, content):
    incoming = await house.begin(name)
    await incoming.write(CHUNK_BYTES, content[CHUNK_BYTES:])
    await incoming.write(0, content[:CHUNK_BYTES])
    await incoming.finish()


async def test_what_comes_after_a_huge_one_is_sealed_before_it(house):
    huge = secrets.token_bytes(8 * SEGMENT + 77)
    await jump(house, "/huge", huge)
    await house.inspector.seal_some()
    for number in range(6):
        await house.put(f"/small{number}", b"came later")
    turns = 1
    while not all([await house.is_there(f"/small{number}") for number in range(6)]):
        await house.inspector.seal_some()
        turns += 1
        assert not await house.is_there("/huge")
        assert turns < 5
    await house.seal()
    assert house.opened(await house.age("/huge")) == huge
    assert (await house.look("/huge.age", handle=house.reader)).digest == hashlib.sha256(huge).digest()


async def test_several_huge_ones_go_on_side_by_side(house):
    contents = {f"/huge{number}": secrets.token_bytes(4 * SEGMENT + number) for number in range(6)}
    for name, content in contents.items():
        await jump(house, name, content)
    await house.put("/small", b"came last")
    rounds = 0
    while not await house.is_there("/small"):
        await house.inspector.seal_some()
        rounds += 1
    assert rounds <= 2, "each has one turn before any has two"
    await house.seal()
    for name, content in contents.items():
        assert house.opened(await house.age(name)) == content


async def test_each_turn_is_on_record_and_reads_no_byte_again(house):
    huge = secrets.token_bytes(6 * SEGMENT)
    asked = []

    def listening(asking):
        async def ask(operation):
            asked.append(operation)
            return await asking.ask(operation)

        return ask

    inspector = house.another_inspector(ask=listening)
    await jump(house, "/huge", huge)
    read = []
    plain_read = house.store.read_into
    house.store.read_into = lambda name, offset, target: read.append(len(target)) or plain_read(name, offset, target)
    while (await inspector.seal_some())[0]:
        pass
    opened = [one for one in asked if isinstance(one, OpenSealing)]
    assert len(opened) == len([one for one in asked if isinstance(one, RecordSealing)]) >= 6
    assert isinstance(asked[-2], FinishSealing)
    slots_a_piece = SEGMENT // SLOT_BYTES
    assert sum(read) < (slots_a_piece + 1.5) / slots_a_piece * len(huge), "pieces end amid a slot here"
    assert house.opened(await house.age("/huge")) == huge


async def test_another_content_never_goes_on_with_the_digest_of_the_one_before(house):
    huge = bytearray(secrets.token_bytes(4 * SEGMENT))
    incoming = await house.begin("/huge")
    await incoming.write(CHUNK_BYTES, huge[CHUNK_BYTES:])
    await incoming.write(0, huge[:CHUNK_BYTES])
    await incoming.finish()
    await house.inspector.seal_some()
    again = await house.begin("/huge", "resume")
    await again.write(10, b"other")
    huge[10:15] = b"other"
    await again.finish()
    await house.seal()
    assert house.opened(await house.age("/huge")) == huge
    assert (await house.look("/huge.age", handle=house.reader)).digest == hashlib.sha256(huge).digest()
