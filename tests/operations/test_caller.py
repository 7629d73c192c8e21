"""The caller's side against a keeper made of a few lines, so that it can misbehave on command."""

import asyncio
import contextlib

import pytest

from sealane.errors import KeeperAway, Missing, OutcomeUnknown, TooMany
from sealane.operations import frames
from sealane.operations.caller import KeeperCaller, ask_once, socket_path
from sealane.operations.envelope import Done, Failed, PlaceIs, SessionsEnded, WatchesEnded
from sealane.operations.files import Look, MakeFolder, Page, RemoveFile
from sealane.operations.signing import Health
from sealane.operations.told import FILE_NAME, NOBODY, Told
from sealane.settings import Settings

LIMIT = 1 << 20
SETTINGS = Settings()


class FakeKeeper:
    """Keeps what it was asked; `behave(line, number, operation)` decides what happens."""

    def __init__(self, run_dir, behave):
        self.run_dir = run_dir
        self.asked = []
        self.behave = behave
        self.lines = []
        self.connections = 0

    async def __aenter__(self):
        with socket_path(self.run_dir, "doors") as path:
            self.server = await asyncio.start_unix_server(self._serve, path)
        return self

    async def __aexit__(self, *_):
        self.server.close()
        for line in self.lines:
            line.close()
        (self.run_dir / "doors.sock").unlink(missing_ok=True)

    async def _serve(self, reader, writer):
        self.connections += 1
        self.lines.append(writer)
        splitter = frames.FrameSplitter(LIMIT)
        with contextlib.suppress(ConnectionError):
            while received := await reader.read(1 << 16):
                for body in splitter.feed(received):
                    number, operation = frames.operation_of(body)
                    self.asked.append(operation)
                    self.behave(self, writer, number, operation)
        writer.close()


def answer(writer, number, message):
    writer.write(frames.pack(number, message, bytes_max=LIMIT))


def say_done(keeper, writer, number, operation):
    answer(writer, number, Done())


def say_gone(keeper, writer, number, operation):
    answer(writer, number, Failed("missing", "gone"))


def break_off(keeper, writer, number, operation):
    writer.close()


@contextlib.asynccontextmanager
async def calling(run_dir, settings=SETTINGS):
    caller = KeeperCaller(run_dir, "doors", settings)
    try:
        yield caller
    finally:
        await caller.close()


async def test_answers_in_any_order_reach_who_asked(tmp_path):
    held = []

    def backwards(keeper, writer, number, operation):
        held.append((number, operation))
        if len(held) == 20:
            for each, one in reversed(held):
                answer(writer, each, Failed("missing", one.path))

    async with FakeKeeper(tmp_path, backwards) as keeper, calling(tmp_path) as caller:
        asking = [caller.ask(Look(handle="h", path=f"/{i}")) for i in range(20)]
        for i, outcome in enumerate(await asyncio.gather(*asking, return_exceptions=True)):
            assert isinstance(outcome, Missing)
            assert outcome.sentence == f"/{i}"
        assert keeper.connections == 1


async def test_what_may_be_repeated_is_asked_again_after_a_broken_connection(tmp_path):
    def break_once(keeper, writer, number, operation):
        if keeper.connections == 1:
            writer.close()
        else:
            answer(writer, number, Done())

    async with FakeKeeper(tmp_path, break_once) as keeper, calling(tmp_path) as caller:
        assert await asyncio.gather(*(caller.ask(Look(handle="h", path=f"/{i}")) for i in range(5))) == [Done()] * 5
        assert keeper.connections == 2
        assert {one.path for one in keeper.asked} == {f"/{i}" for i in range(5)}


@pytest.mark.parametrize("operation", [RemoveFile(handle="h", path="/a"), MakeFolder(handle="h", path="/a")])
async def test_what_may_not_be_repeated_is_sent_once_and_its_outcome_is_unknown(tmp_path, operation):
    async with FakeKeeper(tmp_path, break_off) as keeper, calling(tmp_path) as caller:
        with pytest.raises(OutcomeUnknown):
            await caller.ask(operation)
        keeper.behave = say_done
        assert await caller.ask(Health()) == Done()
        assert keeper.asked == [operation, Health()]


def says_unknown_first(keeper, writer, number, operation):
    unknown = Failed(failure_code="outcome-unknown", sentence="This may or may not have been done.")
    answer(writer, number, unknown if keeper.asked.count(operation) == 1 else Done())


async def test_what_may_be_repeated_is_asked_once_more_when_the_keeper_does_not_know_its_outcome(tmp_path):
    async with FakeKeeper(tmp_path, says_unknown_first) as keeper, calling(tmp_path) as caller:
        assert await caller.ask(Health()) == Done()
        assert keeper.asked == [Health()] * 2


async def test_what_may_not_be_repeated_is_not_asked_again_when_the_keeper_does_not_know_its_outcome(tmp_path):
    remove = RemoveFile(handle="h", path="/a")
    async with FakeKeeper(tmp_path, says_unknown_first) as keeper, calling(tmp_path) as caller:
        with pytest.raises(OutcomeUnknown, match="may or may not"):
            await caller.ask(remove)
        assert keeper.asked == [remove]


async def test_a_keeper_that_never_knows_is_not_asked_for_ever(tmp_path):
    def never_knows(_, writer, number, __):
        answer(writer, number, Failed(failure_code="outcome-unknown", sentence="This may or may not have been done."))

    async with FakeKeeper(tmp_path, never_knows) as keeper, calling(tmp_path) as caller:
        with pytest.raises(OutcomeUnknown):
            await caller.ask(Health())
        assert len(keeper.asked) == 2


async def test_what_was_never_sent_is_not_lost_even_if_it_may_not_be_repeated(tmp_path):
    async with calling(tmp_path) as caller:
        waiting = asyncio.create_task(caller.ask(RemoveFile(handle="h", path="/a")))
        await asyncio.sleep(0)
        assert not waiting.done()
        async with FakeKeeper(tmp_path, say_done):
            assert await waiting == Done()


async def test_a_door_does_not_wait_for_ever_for_a_keeper_that_is_away(tmp_path):
    async with calling(tmp_path, Settings(keeper_wait_seconds=0)) as caller:
        with pytest.raises(KeeperAway):
            await caller.ask(Health())


async def test_a_keeper_that_hangs_gives_an_unknown_outcome_for_what_may_not_be_repeated(tmp_path):
    both_asked = asyncio.Event()

    def hang(keeper, writer, number, operation):
        if len(keeper.asked) == 2:
            both_asked.set()

    async with FakeKeeper(tmp_path, hang), calling(tmp_path) as caller:
        asked = [asyncio.create_task(caller.ask(one)) for one in (Health(), RemoveFile(handle="h", path="/a"))]
        await both_asked.wait()
        for one in caller._asked.values():
            one.deadline = 0
        caller._give_up_oldest()
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(one) for one in outcomes] == [KeeperAway, OutcomeUnknown]


async def test_the_pool_that_waits_for_the_keeper_is_bounded(tmp_path):
    async with calling(tmp_path, Settings(caller_operations_max=3)) as caller:
        waiting = [asyncio.create_task(caller.ask(Health())) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(TooMany):
            await caller.ask(Health())
        async with FakeKeeper(tmp_path, say_done):
            assert await asyncio.gather(*waiting) == [Done()] * 3
            assert await caller.ask(Health()) == Done()


async def test_a_caller_who_gives_up_makes_room_and_its_answer_goes_nowhere(tmp_path):
    async with calling(tmp_path, Settings(caller_operations_max=1)) as caller:
        first = asyncio.create_task(caller.ask(Look(handle="h", path="/given-up")))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        async with FakeKeeper(tmp_path, say_done) as keeper:
            assert await caller.ask(Health()) == Done()
            assert keeper.asked == [Health()]


async def test_what_the_keeper_has_said_is_unread_until_it_was_heard(tmp_path):
    heard = asyncio.Queue()
    async with FakeKeeper(tmp_path, say_done) as keeper, calling(tmp_path) as caller:
        caller.on_notice(heard.put_nowait)
        assert (caller.connection, caller.has_unread) == (0, True)
        await caller.ask(Health())
        assert (caller.connection, caller.has_unread) == (1, False)
        answer(keeper.lines[0], 0, SessionsEnded(("s1",)))  # it is in the socket when this returns
        assert caller.has_unread
        await heard.get()
        assert not caller.has_unread
        frame = frames.pack(0, SessionsEnded(("s2",)), bytes_max=LIMIT)
        caller._line.data_received(frame[:5])
        assert caller.has_unread
        caller._line.data_received(frame[5:])
        assert not caller.has_unread


async def test_what_the_keeper_has_counted_is_unread_however_long_it_is_on_its_way(tmp_path):
    heard = asyncio.Queue()
    told = Told(tmp_path, mode=0o600)
    place = told.enter()
    async with FakeKeeper(tmp_path, say_done) as keeper, calling(tmp_path) as caller:
        caller.on_notice(heard.put_nowait)
        await caller.ask(Health())
        answer(keeper.lines[0], 0, PlaceIs(place, told.count(place)))
        await caller.ask(Health())
        assert not caller.has_unread
        count = told.add(place)
        assert caller.has_unread, "nothing is in the socket, and yet it was told"
        await caller.ask(Health())
        assert caller.has_unread
        answer(keeper.lines[0], 0, WatchesEnded((1,), 0, count))
        await heard.get()
        assert not caller.has_unread
        answer(keeper.lines[0], 0, PlaceIs(NOBODY, 0))
        await caller.ask(Health())
        assert caller.has_unread, "whoever has no place is never sure"
        (tmp_path / FILE_NAME).unlink()
        answer(keeper.lines[0], 0, PlaceIs(place, 0))
        await caller.ask(Health())
        assert heard.empty(), "it concerns nobody else"
        assert caller.has_unread, "nor is who cannot look"
    told.close()


async def test_each_connection_to_the_keeper_has_a_number_of_its_own(tmp_path):
    async with FakeKeeper(tmp_path, say_done) as keeper, calling(tmp_path) as caller:
        await caller.ask(Health())
        caller._lost(caller._transport)
        assert (caller.connection, caller.has_unread) == (0, True)
        await caller.ask(Health())
        assert (caller.connection, caller.has_unread) == (2, False)
        assert keeper.connections == 2
    assert caller.connection == 0


async def test_notices_reach_every_listener(tmp_path):
    heard = asyncio.Queue()

    def notify(keeper, writer, number, operation):
        answer(writer, 0, SessionsEnded(("s1", "s2")))
        answer(writer, number, Done())

    async with FakeKeeper(tmp_path, notify), calling(tmp_path) as caller:
        caller.on_notice(heard.put_nowait)
        caller.on_notice(heard.put_nowait)
        await caller.ask(Health())
        assert [heard.get_nowait(), heard.get_nowait()] == [SessionsEnded(("s1", "s2"))] * 2


async def test_an_answer_that_makes_no_sense_ends_the_connection_and_not_the_door(tmp_path):
    def babble(keeper, writer, number, operation):
        if keeper.connections == 1:
            writer.write(b"\x00\x00\x00\x02hi")
        else:
            answer(writer, number, Done())

    async with FakeKeeper(tmp_path, babble) as keeper, calling(tmp_path) as caller:
        assert await caller.ask(Health()) == Done()
        assert keeper.connections == 2


async def test_a_closed_caller_fails_what_waits(tmp_path):
    caller = KeeperCaller(tmp_path, "doors", SETTINGS)
    waiting = asyncio.create_task(caller.ask(Health()))
    await asyncio.sleep(0)
    await caller.close()
    with pytest.raises(KeeperAway):
        await waiting
    with pytest.raises(KeeperAway):
        await caller.ask(Health())


async def test_a_data_directory_with_a_long_path_has_sockets_too(tmp_path):
    run_dir = tmp_path / ("a" * 120) / ("b" * 120)
    run_dir.mkdir(parents=True)
    async with FakeKeeper(run_dir, say_done), calling(run_dir) as caller:
        assert await caller.ask(Health()) == Done()


async def test_an_answer_of_many_megabytes_comes_through_whole(tmp_path):
    page = Page(entries=(), after="x" * (5 << 20))

    def say_much(keeper, writer, number, operation):
        writer.write(frames.pack(number, page, bytes_max=8 << 20))

    async with FakeKeeper(tmp_path, say_much), calling(tmp_path) as caller:
        assert await caller.ask(Health()) == page


class TestAskOnce:
    """The command line's way."""

    async def _ask(self, run_dir, operation):
        return await asyncio.to_thread(ask_once, run_dir, "doors", operation, SETTINGS)

    async def test_no_keeper_is_told_at_once(self, tmp_path):
        with pytest.raises(KeeperAway):
            await self._ask(tmp_path, Health())

    async def test_it_returns_the_answer_and_passes_notices_over(self, tmp_path):
        def notify_first(keeper, writer, number, operation):
            answer(writer, 0, SessionsEnded(()))
            answer(writer, number, Done())

        async with FakeKeeper(tmp_path, notify_first):
            assert await self._ask(tmp_path, Health()) == Done()

    async def test_it_raises_what_the_keeper_failed_with(self, tmp_path):
        async with FakeKeeper(tmp_path, say_gone):
            with pytest.raises(Missing, match="gone"):
                await self._ask(tmp_path, Look(handle="h", path="/a"))

    async def test_a_keeper_that_goes_away_leaves_the_outcome_unknown(self, tmp_path):
        async with FakeKeeper(tmp_path, break_off):
            with pytest.raises(OutcomeUnknown):
                await self._ask(tmp_path, Health())
