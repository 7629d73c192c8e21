"""Sealed files read out of order, and while buffers are scarce: the reads that a prefix makes awkward."""

import secrets

import pytest

from sealane.operations.files import OpenVersion
from sealane.settings import SLOT_BYTES
from sealane.vault.chunks import SealedContent
from sealane.vault.content import Content, ReplacedBegin
from tests.sealed.house import FOLDER

pytestmark = pytest.mark.slow  # each test opens a whole keeper; together they take longer than make check may


@pytest.fixture
async def sealed(house):
    await house.put("/f", secrets.token_bytes(5 * SLOT_BYTES + 77))
    await house.seal()
    opened = await house.door.ask(OpenVersion(house.reader, f"{FOLDER}/f.age"))
    return house, opened, await house.age("/f")


async def test_reads_anywhere_give_what_is_there(sealed):
    house, opened, whole = sealed
    outgoing = house.outgoing(opened, house.reader)
    for at in (0, 1, 100, 5_000, SLOT_BYTES - 1, SLOT_BYTES + 1, len(whole) - 1, 3 * SLOT_BYTES, 17, len(whole)):
        for length in (1, 40_000, SLOT_BYTES, 2 * SLOT_BYTES):
            assert await outgoing.read(at, length) == whole[at : at + length]
    await outgoing.close()


async def test_one_slot_of_memory_is_enough(sealed):
    house, opened, whole = sealed
    taken = [house.plane.lend(1, at_any_rate=True) for _ in range(house.settings.door_slots_max)]
    outgoing = house.outgoing(opened, house.reader)
    assert b"".join([bytes(piece) async for piece in outgoing.pieces(0, outgoing.size)]) == whole
    await outgoing.close()
    for slot in taken:
        house.plane.give_back(slot)


def test_no_place_to_stop_is_further_than_a_slot(sealed):
    house, opened, _ = sealed
    content = SealedContent(house.store, opened.extents, opened.segments, opened.sealed.prefix)
    replaced = ReplacedBegin(Content(house.store, opened.extents, opened.segments, {}), secrets.token_bytes(900), 300)
    for one in (content, replaced):
        at = 0
        while at < one.size:
            stop = one.slot_end(at)
            assert at < stop <= min(at + SLOT_BYTES, one.size)
            at = stop
