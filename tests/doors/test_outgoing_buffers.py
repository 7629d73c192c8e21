"""A lent buffer has one user at a time. Two would deliver each other's bytes."""

import asyncio
import secrets

from sealane.doors.outgoing import _Window
from sealane.settings import SLOT_BYTES
from tests.doors.house import SMALL

SEGMENT = SMALL.segment_bytes_max


class ContentAtOnce:
    """Content whose bytes are there at once."""

    def read_into(self, offset, target):
        return len(target)


async def test_a_window_dropped_in_the_turn_in_which_its_reading_ends_gives_its_buffer_back_once(house):
    plane = house.plane

    async def in_this_turn(work):
        return work()

    plane.run = in_this_turn
    lent = plane.slots_lent
    buffer = plane.lend(1)
    window = _Window(plane, ContentAtOnce(), 0, SLOT_BYTES, buffer)
    await asyncio.sleep(0)
    assert window.is_ready
    window.drop()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert plane.slots_lent == lent
    assert plane.lend(1) is not plane.lend(1)


async def test_downloads_side_by_side_give_each_its_own_bytes(house):
    contents = {f"/f{number}": secrets.token_bytes(6 * SEGMENT) for number in range(6)}
    for path, content in contents.items():
        await house.put(path, content)

    async def fetched(path):
        outgoing = await house.open(path)
        got = b"".join([piece async for piece in outgoing.pieces(0, outgoing.size)])
        await outgoing.close()
        return got == contents[path]

    for _ in range(3):
        assert all(await asyncio.gather(*(fetched(path) for path in contents for _ in range(3))))
    await house.settled()
