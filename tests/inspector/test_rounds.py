"""The inspector against a real keeper and a real store: what arrived gets its digest, what is damaged is said."""

import asyncio
import hashlib

import pytest

from sealane.errors import KeeperAway, Unavailable
from sealane.inspector.rounds import _AFTER_FAILURE_SECONDS, Rounds
from sealane.inspector.turns import TurnOver
from sealane.operations.inspection import LeaseArrivals, RecordDigest
from tests.domain.transfers import World

pytestmark = pytest.mark.slow  # together they take longer than make check may


CONTENT = bytes(range(256)) * 20


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path).populate()
    yield made
    made.close()


@pytest.fixture
def anna(world):
    return world.session("anna@clinic")


def rounds(world, **fields):
    asking = world.home.inspector()
    made = Rounds(fields.pop("ask", asking.ask), fields.pop("store", world.store), world.home.settings)
    asking.on_notice(made.noticed)
    return made


def arrive(session, content, path):
    writing = session.begin(path)
    if content:
        writing.write(0, content)
    return writing.finish()


async def test_a_round_gives_every_arrival_its_digest(world, anna):
    for size in (1, 64, 65, 1000, 5120):
        arrive(anna, CONTENT[:size], f"/in/{size}")
    assert await rounds(world).one_round() == 5
    for size in (1, 64, 65, 1000, 5120):
        assert anna.look(f"/in/{size}").digest == hashlib.sha256(CONTENT[:size]).digest()
    assert await rounds(world).one_round() == 0


async def test_holes_are_hashed_as_zeros(world, anna):
    writing = anna.begin()
    writing.write(3000, b"x")
    writing.finish()
    await rounds(world).one_round()
    assert anna.look().digest == hashlib.sha256(bytes(3000) + b"x").digest()


async def test_an_arrival_that_fails_its_tags_is_reported_and_the_others_go_on(world, anna):
    damaged = arrive(anna, CONTENT[:1000], "/in/damaged")
    (name,) = world.store.names()
    path = world.data_dir / "blobs" / name[:2] / name
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[500] ^= 1
    path.write_bytes(content)
    arrive(anna, CONTENT, "/in/whole")
    assert await rounds(world).one_round() == 2
    assert anna.look("/in/whole").digest == hashlib.sha256(CONTENT).digest()
    assert anna.look("/in/damaged").digest is None
    assert world.kinds().count("damage_found") == 1
    assert damaged.digest is None


class Away:
    """A store that cannot be reached for a while."""

    def __init__(self, store):
        self.store, self.away = store, True

    def read_into(self, name, offset, target):
        if self.away:
            raise Unavailable
        self.store.read_into(name, offset, target)


async def test_a_store_that_is_away_is_no_damage(world, anna):
    arrive(anna, CONTENT, "/in/file")
    store = Away(world.store)
    inspecting = rounds(world, store=store)
    assert await inspecting.one_round() == 0
    assert "damage_found" not in world.kinds()
    store.away = False
    assert await inspecting.one_round() == 1


async def test_an_answer_that_did_not_get_through_is_given_again(world, anna):
    arrive(anna, CONTENT, "/in/file")
    asking = world.home.inspector()
    lost = []

    async def ask(operation):
        if isinstance(operation, RecordDigest) and not lost:
            lost.append(operation)
            raise KeeperAway
        return await asking.ask(operation)

    inspecting = rounds(world, ask=ask)
    assert await inspecting.one_round() == 0
    assert await inspecting.one_round() == 1
    assert anna.look().digest == lost[0].digest


async def test_the_inspector_wakes_when_something_arrives_and_ends_when_told(world, anna):
    asking = world.home.inspector()
    asleep, answered = asyncio.Event(), asyncio.Event()

    async def ask(operation):
        answer = await asking.ask(operation)
        if isinstance(operation, RecordDigest):
            answered.set()
        if isinstance(operation, LeaseArrivals) and not answer.versions:
            asleep.set()
        return answer

    inspecting = Rounds(ask, world.store, world.home.settings)
    asking.on_notice(inspecting.noticed)
    running = asyncio.create_task(inspecting.run())
    async with asyncio.timeout(30):  # far less than inspector_poll_seconds
        await asleep.wait()
        arrive(anna, CONTENT, "/in/file")
        await answered.wait()
    assert anna.look().digest == hashlib.sha256(CONTENT).digest()
    inspecting.stop()
    async with asyncio.timeout(30):
        await running


async def test_a_round_that_was_cut_short_is_tried_again_long_before_the_poll(world, anna, monkeypatch):
    arrive(anna, CONTENT, "/in/file")
    asking = world.home.inspector()
    failures = 3
    answered = asyncio.Event()

    async def ask(operation):
        nonlocal failures
        if failures:
            failures -= 1
            raise KeeperAway
        answer = await asking.ask(operation)
        if isinstance(operation, RecordDigest):
            answered.set()
        return answer

    assert _AFTER_FAILURE_SECONDS <= 5 < world.home.settings.inspector_poll_seconds / 10
    monkeypatch.setattr("sealane.inspector.rounds._AFTER_FAILURE_SECONDS", 0.001)
    inspecting = rounds(world, ask=ask)
    running = asyncio.create_task(inspecting.run())
    async with asyncio.timeout(30):  # far less than inspector_poll_seconds
        await answered.wait()
        inspecting.stop()
        await running


async def test_being_told_to_end_cuts_a_reading_off(world, anna):
    arrive(anna, CONTENT, "/in/file")

    class Slow(Away):
        def read_into(self, name, offset, target):
            inspecting.stop()
            self.store.read_into(name, offset, target)

    inspecting = rounds(world, store=Slow(world.store))
    assert await inspecting.one_round() == 0
    assert anna.look().digest is None
    await asyncio.wait_for(inspecting.run(), 30)


class Slow:
    """Readers whose turn is always over."""

    def installed(self):
        return True

    def read(self, *_, turn_seconds, **__):
        assert turn_seconds is not None
        raise TurnOver

    def close(self):
        pass


async def test_who_takes_only_small_ones_leaves_what_takes_long_to_who_takes_all(tmp_path):
    world = World(tmp_path, reading=True).populate()
    anna = world.session("anna@clinic")
    anna.put(b"Nobody.", "/in/slow.txt")
    small, takes_all = (
        Rounds(world.home.inspector().ask, world.store, world.home.settings, small=small) for small in (True, False)
    )
    small._readers = Slow()
    assert await small.one_round() == 1
    assert await small.one_round() == 0
    assert await takes_all.one_round() == 1
    takes_all.close()
    assert world.kinds().count("exposure_recorded") == 1
    world.close()
