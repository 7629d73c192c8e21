"""Bytes on their way out: whole, in any order, with flat memory, and none of a slot that is not what was written."""

import asyncio
import secrets

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealane.doors.outgoing import Given
from sealane.errors import Integrity, SessionEnded, Unavailable
from sealane.operations.files import EndDownload
from sealane.settings import KIB, SLOT_BYTES
from sealane.vault.content import Content
from tests.doors.house import SMALL

pytestmark = pytest.mark.slow  # each test opens a whole keeper; together they take longer than make check may


SEGMENT = SMALL.segment_bytes_max
EDGES = [0, 1, SMALL.inline_bytes_max, SLOT_BYTES - 1, SLOT_BYTES, SLOT_BYTES + 1, SEGMENT + 1, 6 * SEGMENT + 17]


def ended(house):
    return [op for op in house.asked if isinstance(op, EndDownload)]


@pytest.mark.parametrize("size", EDGES)
@pytest.mark.parametrize("step", [32 * KIB, 255 * KIB])
async def test_reading_in_order_gives_the_file_and_is_told_as_one_range(house, size, step):
    content = secrets.token_bytes(size)
    await house.put("/f", content)
    outgoing = await house.open("/f")
    got = bytearray()
    while piece := await outgoing.read(len(got), step):
        assert len(piece) == min(step, size - len(got))
        got += piece
    await outgoing.close()
    await outgoing.close()
    assert got == content
    (end,) = ended(house)
    assert (end.sent, end.whole) == (size, True)
    assert end.ranges == (((0, size),) if size else ())
    await house.settled()


async def test_a_reader_in_order_mostly_finds_its_bytes_ready(house):
    await house.put("/f", bytes(8 * SEGMENT))
    outgoing = await house.open("/f")
    ready = 0
    for at in range(0, 8 * SEGMENT, 32 * KIB):
        piece = outgoing.read_now(at, 32 * KIB)
        ready += piece is not None
        if piece is None:
            await outgoing.read(at, 32 * KIB)
    assert ready > 8 * SEGMENT / (32 * KIB) * 0.8
    await outgoing.close()


async def test_what_a_reader_in_order_will_want_next_is_read_before_it_asks(house):
    await house.put("/f", bytes(8 * SEGMENT))
    outgoing = await house.open("/f")
    await outgoing.read(0, 1000)
    await house.until(lambda: outgoing.read_now(SLOT_BYTES - 10, 20) is not None)
    await outgoing.close()


async def test_a_quick_reader_in_order_is_read_more_for_at_once_and_a_slow_one_less(house, monkeypatch):
    await house.put("/f", bytes(24 * SEGMENT))
    outgoing = await house.open("/f")
    now = 0.0
    at = 0

    async def take(seconds):
        nonlocal now, at
        now += seconds
        at += len(await outgoing.read(at, SLOT_BYTES))
        await asyncio.sleep(0)
        return outgoing._slots_ahead

    with monkeypatch.context() as patched:
        patched.setattr(asyncio.get_running_loop(), "time", lambda: now)
        assert [await take(0) for _ in range(6)][-1] == SMALL.read_ahead_slots
        assert [await take(100) for _ in range(40)][-1] == 1
    await outgoing.close()
    await house.settled()


async def test_a_reader_that_jumps_holds_no_more_than_two_windows(house):
    await house.put("/f", bytes(12 * SEGMENT))
    outgoing = await house.open("/f")
    for number in range(30):
        await outgoing.read((number * 7) % 12 * SEGMENT, 1000)
    await house.until(lambda: house.plane.slots_lent <= 2 * SMALL.read_ahead_slots)
    await outgoing.close()
    await house.settled()


@given(
    reads=st.lists(st.tuples(st.integers(0, 5 * SEGMENT), st.integers(0, 3 * SEGMENT)), max_size=8),
    at_once=st.booleans(),
)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_reads_give_the_bytes_of_the_file_and_are_counted(house, reads, at_once):
    content = secrets.token_bytes(4 * SEGMENT + 333)
    await house.put("/f", content)
    outgoing = await house.open("/f")
    if at_once:
        got = await asyncio.gather(*(outgoing.read(*read) for read in reads))
    else:
        got = [await outgoing.read(*read) for read in reads]
    for (offset, length), piece in zip(reads, got, strict=True):
        assert piece == content[offset : offset + length]
    await outgoing.close()
    end = ended(house)[-1]
    assert end.sent == sum(map(len, got))
    covered = {at for begin, stop in end.ranges for at in range(begin, stop, 1000)}
    for (offset, _), piece in zip(reads, got, strict=True):
        for at in range(-(-offset // 1000) * 1000, offset + len(piece), 1000):
            assert at in covered or any(begin <= at < stop for begin, stop in end.ranges)
    await house.settled()


async def test_memory_stays_flat_for_readers_that_do_not_read_on(house):
    await house.put("/f", bytes(10 * SEGMENT))
    readers = [await house.open("/f") for _ in range(12)]
    for reader in readers:
        await reader.read(0, 1000)
        await reader.read(1000, 1000)
    assert house.plane.slots_lent <= SMALL.door_slots_max + len(readers)
    for reader in readers:
        assert await reader.read(2000, SEGMENT) == bytes(SEGMENT)
        await reader.close()
    await house.settled()


async def test_holes_read_as_zeros(house):
    incoming = await house.begin("/f")
    await incoming.write(3 * SLOT_BYTES, b"end")
    await incoming.resize(5 * SLOT_BYTES)
    await incoming.finish()
    expected = bytes(3 * SLOT_BYTES) + b"end" + bytes(2 * SLOT_BYTES - 3)
    assert await house.content("/f") == expected


async def test_a_flipped_byte_is_refused_before_any_byte_of_its_slot_and_the_rest_is_given(house, tmp_path):
    content = secrets.token_bytes(2 * SEGMENT)
    await house.put("/f", content)
    outgoing = await house.open("/f")
    second = outgoing._opened.extents[1].segment
    path = tmp_path / "blobs" / second[:2] / second
    stored = bytearray(path.read_bytes())
    stored[SLOT_BYTES // 2] ^= 1
    path.write_bytes(stored)
    got = bytearray()
    with pytest.raises(Integrity):  # noqa: PT012 - as soon as the slot is reached
        while True:
            got += await outgoing.read(len(got), 32 * KIB)
    assert got == content[: len(got)]
    assert len(got) <= SEGMENT
    assert (
        await outgoing.read(SEGMENT + SLOT_BYTES, 1000) == content[SEGMENT + SLOT_BYTES : SEGMENT + SLOT_BYTES + 1000]
    )
    await outgoing.close()
    assert ended(house)[-1].whole is False
    await house.settled()


async def test_a_missing_blob_is_refused(house):
    await house.put("/f", bytes(SEGMENT))
    for name in house.blobs():
        house.store.delete(name)
    outgoing = await house.open("/f")
    with pytest.raises(Integrity):
        await outgoing.read(0, 10)
    await outgoing.close()
    await house.settled()


async def test_a_store_that_was_away_is_asked_again(house, monkeypatch):
    await house.put("/f", bytes(SEGMENT))
    outgoing = await house.open("/f")

    def away(*_):
        raise Unavailable

    with monkeypatch.context() as patched:
        patched.setattr(house.store._store, "read_into", away)
        with pytest.raises(Unavailable):
            await outgoing.read(0, 10)
    assert await outgoing.read(0, 10) == bytes(10)
    await outgoing.close()
    await house.settled()


async def test_bytes_that_the_store_gives_too_few_of_are_damage_and_not_waited_for(house, monkeypatch):
    await house.put("/f", bytes(2 * SEGMENT))
    outgoing = await house.open("/f")
    read_into = Content.read_into
    with monkeypatch.context() as patched:
        patched.setattr(Content, "read_into", lambda *read: read_into(*read) - 1)
        with pytest.raises(Integrity):
            await asyncio.wait_for(outgoing.read(0, 10), 30)
    assert await outgoing.read(0, 10) == bytes(10)
    await outgoing.close()
    await house.settled()


async def test_a_buffer_that_comes_back_twice_is_a_crash_and_not_two_transfers_memory(house):
    buffer = house.plane.lend()
    house.plane.give_back(buffer)
    with pytest.raises(AssertionError):
        house.plane.give_back(buffer)
    assert house.plane.slots_lent == 0


async def test_a_read_under_way_ends_when_the_download_is_closed(house):
    await house.put("/f", bytes(8 * SEGMENT))
    outgoing = await house.open("/f")
    reading = asyncio.ensure_future(outgoing.read(0, 8 * SEGMENT))
    await asyncio.sleep(0)
    await outgoing.close()
    with pytest.raises(SessionEnded):
        await reading
    await house.settled()


async def test_closing_while_it_reads_ahead_gives_every_buffer_back(house):
    await house.put("/f", bytes(8 * SEGMENT))
    for _ in range(10):
        outgoing = await house.open("/f")
        await outgoing.read(0, 10)
        await outgoing.close()
    await house.settled()


@given(reads=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 10)), max_size=20), ranges_max=st.integers(1, 6))
@settings(max_examples=80, deadline=None)
def test_what_was_given_is_never_told_smaller_than_it_was(reads, ranges_max):
    given_bytes = Given(ranges_max)
    model = set()
    for begin, length in reads:
        given_bytes.add(begin, length)
        model.update(range(begin, begin + length))
    ranges = given_bytes.ranges()
    told = [at for begin, end in ranges for at in range(begin, end)]
    assert given_bytes.bytes == sum(length for _, length in reads)
    assert model <= set(told)
    assert len(told) == len(set(told))
    assert len(ranges) <= ranges_max
    assert list(ranges) == sorted(ranges)
