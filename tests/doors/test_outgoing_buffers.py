"""A lent buffer has one user at a time. Two would deliver each other's bytes."""

import asyncio
import secrets

import pytest

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
