import asyncio
import contextlib
import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from sealane.clock import ManualClock
from sealane.domain.queries import versions
from sealane.errors import NotSignedIn
from sealane.ids import new_segment_id
from sealane.keeper.core import Keeper
from sealane.keeper.server import Server
from sealane.keeper.ticks import Ticks
from sealane.operations.accounts import AddOrganization, AddToken, AddUser
from sealane.operations.audit import ReadLedger
from sealane.operations.caller import KeeperCaller
from sealane.operations.envelope import SessionsEnded
from sealane.operations.settings import SetSetting
from sealane.operations.signing import Health, SignInWithToken
from sealane.vault.local import LocalStore
from tests.keeper_in_process import SETTINGS

pytestmark = pytest.mark.slow  # each test opens a whole keeper


class Clockwork:
    """A server whose clock stands still, and its ticks."""

    def __init__(self, data_dir):
        self.settings = dataclasses.replace(SETTINGS, token_session_seconds=60)
        self.clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.keeper = Keeper.open(data_dir, self.settings, self.clock)
        self.store = LocalStore(data_dir / "blobs")
        self.server = Server(self.keeper, data_dir / "run")
        self.ticks = Ticks(self.server, self.store)
        self.door = KeeperCaller(data_dir / "run", "doors", self.settings)
        self.admin = KeeperCaller(data_dir / "run", "admin", self.settings)

    async def kinds(self, kind):
        return len((await self.admin.ask(ReadLedger(kind=kind))).entries)


@pytest.fixture
async def clockwork(tmp_path):
    clockwork = Clockwork(tmp_path / "data")
    await clockwork.server.start()
    yield clockwork
    await clockwork.door.close()
    await clockwork.admin.close()
    await clockwork.server.stop()
    clockwork.keeper.close()
    clockwork.store.close()


async def test_strangers_are_in_the_ledger_once_their_minute_is_over(clockwork):
    for _ in range(3):
        with pytest.raises(NotSignedIn):
            await clockwork.door.ask(SignInWithToken(token="guess", address="192.0.2.1", door="http"))
    assert await clockwork.kinds("strangers_refused") == 0
    clockwork.clock.advance(timedelta(minutes=2))
    await clockwork.ticks._by_the_minute()
    assert await clockwork.kinds("strangers_refused") == 1


async def test_a_session_past_its_time_ends_and_its_door_is_told(clockwork):
    await clockwork.admin.ask(AddOrganization(name="clinic"))
    await clockwork.admin.ask(AddUser(user="anna@clinic"))
    token = (await clockwork.admin.ask(AddToken(user="anna@clinic", scopes=("read",), expires=None))).token
    session = await clockwork.door.ask(SignInWithToken(token=token, address="192.0.2.1", door="http"))
    heard = asyncio.Queue()
    clockwork.door.on_notice(heard.put_nowait)
    clockwork.clock.advance(timedelta(seconds=59))
    await clockwork.ticks.end_sessions()
    assert clockwork.ticks._to_next_end == 1, "it looks again when the session ends, and not at some tick after it"
    assert heard.empty()
    clockwork.clock.advance(timedelta(seconds=1))
    await clockwork.ticks.end_sessions()
    assert await asyncio.wait_for(heard.get(), 60) == SessionsEnded((session.session,))


async def test_sessions_that_are_over_since_settings_changed_end_at_once(clockwork):
    await clockwork.admin.ask(AddOrganization(name="clinic"))
    await clockwork.admin.ask(AddUser(user="anna@clinic"))
    token = (await clockwork.admin.ask(AddToken(user="anna@clinic", scopes=("read",), expires=None))).token
    session = await clockwork.door.ask(SignInWithToken(token=token, address="192.0.2.1", door="http"))
    heard = asyncio.Queue()
    clockwork.door.on_notice(heard.put_nowait)
    clockwork.clock.advance(timedelta(seconds=10))
    ticking = asyncio.create_task(clockwork.ticks.run())
    async with asyncio.timeout(60):
        while clockwork.ticks._to_next_end != 50:  # noqa: ASYNC110  # then it has looked, and waits
            await asyncio.sleep(0)
    clockwork.clock.advance(timedelta(seconds=50))
    await clockwork.admin.ask(SetSetting("proof_seconds", 600))
    async with asyncio.timeout(60):
        while await heard.get() != SessionsEnded((session.session,)):
            pass
    ticking.cancel()


async def test_a_blob_that_is_marked_dead_is_deleted_and_then_forgotten(clockwork):
    dead, alive = new_segment_id(), new_segment_id()
    for name in (dead, alive):
        writer = clockwork.store.create(name)
        writer.append(b"ciphertext")
        writer.commit()

    def mark(work):
        work.transaction.run(versions.INSERT_DEAD_BLOB, segment_id=dead, since=work.now)

    await clockwork.server.perform(mark)
    await clockwork.ticks._sweep()
    assert list(clockwork.store.names()) == [alive]


async def test_what_is_dead_is_deleted_at_once_where_it_is_much_and_else_waits(clockwork):
    deleted = asyncio.Queue()
    delete = clockwork.store.delete

    def deleting(name):
        delete(name)
        clockwork.loop.call_soon_threadsafe(deleted.put_nowait, name)

    clockwork.store.delete = deleting
    clockwork.loop = asyncio.get_running_loop()
    names = [new_segment_id() for _ in range(2)]
    for name in names:
        writer = clockwork.store.create(name)
        writer.append(b"ciphertext")
        writer.commit()

    def bury(name, size):
        def act(work):
            work.transaction.run(versions.INSERT_DEAD_BLOB, segment_id=name, since=work.now)
            work.dead_bytes += size

        return act

    most = clockwork.settings.sweep_dead_bytes
    await clockwork.server.perform(bury(names[0], most - 1))
    assert not clockwork.server.much_is_dead.is_set()
    ticking = asyncio.create_task(clockwork.ticks.run())
    await clockwork.server.perform(bury(names[1], 1))
    assert {await asyncio.wait_for(deleted.get(), 60) for _ in names} == set(names)
    ticking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await ticking
    assert list(clockwork.store.names()) == []


async def test_a_tick_that_fails_is_tried_again(clockwork, monkeypatch, caplog):
    tried = asyncio.Queue()

    async def fail(self):
        tried.put_nowait("again")
        raise NotSignedIn

    monkeypatch.setattr(Ticks, "_by_the_minute", fail)
    clockwork.server.settings = dataclasses.replace(clockwork.settings, strangers_seconds=0)
    ticking = asyncio.create_task(clockwork.ticks.run())
    for _ in range(3):
        assert await asyncio.wait_for(tried.get(), 5) == "again"
    ticking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await ticking
    assert await clockwork.door.ask(Health())
