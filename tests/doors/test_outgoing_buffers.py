"""A lent buffer has one user at a time. Two would deliver each other's bytes."""

import asyncio
import secrets

import pytest

from sealane.doors.outgoing import _Window
from tests.doors.house import SMALL

pytestmark = pytest.mark.slow  # together they take longer than make check may


SEGMENT = SMALL.segment_bytes_max


async def test_downloads_side_by_side_give_each_its_own_bytes(house):
    contents = {f"/f{number}": secrets.token_bytes(6 * SEGMENT) for number in range(6)}
    for path, content in contents.items():
        await house.put(path, content)

    async def fetched(path):
        outgoing = await house.open(path)
        got = b"".join([bytes(piece) async for piece in outgoing.pieces(0, outgoing.size)])
        await outgoing.close()
        return got == contents[path]

    for _ in range(3):
        assert all(await asyncio.gather(*(fetched(path) for path in contents for _ in range(3))))
    await house.settled()


class LendingOnce:
    """A plane that reads at once, and notes what it is given back."""

    def __init__(self):
        self.given_back = []

    async def run(self, read):
        return read()

    def give_back(self, buffer):
        self.given_back.append(buffer)


class Zeros:
    def read_into(self, _offset, target):
        return len(target)


async def test_a_buffer_that_is_let_go_of_just_as_it_was_read_is_given_back_once():
    plane = LendingOnce()
    window = _Window(plane, Zeros(), 0, 4, bytearray(4))
    await asyncio.sleep(0)
    assert window.is_ready
    window.drop()  # what is to be called once it was read has not been called yet
    assert len(plane.given_back) == 1
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(plane.given_back) == 1
