"""Whatever is under way keeps its session alive: each is told once a round, so many at a time, and none for nothing."""

import asyncio

import pytest

from sealane.doors.keeping_alive import ROUNDS, TOGETHER_MAX, KeepingAlive
from sealane.errors import SessionEnded
from sealane.operations.envelope import Done
from sealane.operations.signing import KeepAlive


class Keeper:
    """Notes what it is asked, and answers when it is let to."""

    def __init__(self):
        self.asked = []
        self.at_once = self.most = 0
        self.failing = {}
        self.heard = asyncio.Event()

    async def ask(self, operation):
        assert isinstance(operation, KeepAlive)
        self.asked.append(operation.handle)
        self.heard.set()
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if operation.handle in self.failing:
            raise self.failing[operation.handle]
        return Done()


@pytest.fixture
def keeper():
    return Keeper()


async def test_each_session_is_told_once_a_round_however_much_runs_in_it(keeper):
    await KeepingAlive(keeper.ask, lambda: iter(["one", "two", "one", "one"]), lambda: 3600).round()
    assert keeper.asked == ["one", "two"]


async def test_a_thousand_are_told_so_many_at_a_time(keeper):
    handles = [str(number) for number in range(1000)]
    await KeepingAlive(keeper.ask, lambda: handles, lambda: 3600).round()
    assert sorted(keeper.asked) == sorted(handles)
    assert keeper.most == TOGETHER_MAX


@pytest.mark.parametrize("failure", [SessionEnded(), RuntimeError("a mistake of ours")])
async def test_one_that_fails_keeps_no_other_from_being_told_nor_the_next_round_from_being_made(keeper, failure):
    keeper.failing["ended"] = failure
    keeping = KeepingAlive(keeper.ask, lambda: ["ended", *map(str, range(TOGETHER_MAX))], lambda: 3600)
    for _ in range(2):
        await keeping.round()
    assert len(keeper.asked) == 2 * (TOGETHER_MAX + 1)


async def test_rounds_follow_each_other_so_many_in_the_time_after_which_an_unused_session_ends(keeper):
    keeping = KeepingAlive(keeper.ask, lambda: ["one"], lambda: ROUNDS / 1000)
    running = asyncio.create_task(keeping.run())
    async with asyncio.timeout(60):
        while len(keeper.asked) < 3:
            keeper.heard.clear()
            await keeper.heard.wait()
    running.cancel()


async def test_a_round_is_made_at_once_where_sessions_may_end_sooner_than_before(keeper):
    keeping = KeepingAlive(keeper.ask, lambda: ["one"], lambda: 3600)
    running = asyncio.create_task(keeping.run())
    await asyncio.sleep(0)
    assert not keeper.asked
    keeping.soon()
    async with asyncio.timeout(60):
        await keeper.heard.wait()
    running.cancel()
