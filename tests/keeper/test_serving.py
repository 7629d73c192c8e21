"""How the keeper's process begins."""

import asyncio

import pytest

from sealane.database.engine import Transaction
from sealane.errors import LeaseHeld, StoreFull
from sealane.keeper import serving
from sealane.keeper.core import Keeper
from sealane.keeper.server import Server
from sealane.ledger import reader
from sealane.operations.caller import KeeperCaller
from sealane.operations.signing import Health
from sealane.process import Beginning
from tests.keeper_in_process import SETTINGS

pytestmark = pytest.mark.slow  # each begins with a new data directory


@pytest.fixture
def begun(tmp_path, monkeypatch):
    """A data directory whose lease an operator's command holds; and what is set at the second try to take it."""
    holder = Keeper.open(tmp_path, SETTINGS)
    tried, again = [], asyncio.Event()
    really = Keeper.open

    def counted(*given):
        tried.append(given)
        if len(tried) > 1:
            again.set()
        return really(*given)

    monkeypatch.setattr(Keeper, "open", counted)
    yield Beginning(settings=SETTINGS, data_dir=tmp_path, listeners=()), holder, again
    holder.close()


async def test_a_keeper_waits_for_a_command_that_holds_the_lease_for_a_moment(begun):
    beginning, holder, again = begun
    opening = asyncio.create_task(serving.opened(beginning, asyncio.Event()))
    await asyncio.wait_for(again.wait(), 60)
    assert not opening.done()
    holder.close()
    (await asyncio.wait_for(opening, 60)).close()


async def test_a_keeper_does_not_wait_for_another_keeper_for_ever(begun, monkeypatch):
    beginning, _, _ = begun
    monkeypatch.setattr(serving, "_LEASE_SECONDS", 0.1)
    with pytest.raises(LeaseHeld):
        await asyncio.wait_for(serving.opened(beginning, asyncio.Event()), 60)


async def test_a_keeper_that_is_told_to_stop_waits_no_longer(begun):
    beginning, _, again = begun
    stop = asyncio.Event()
    opening = asyncio.create_task(serving.opened(beginning, stop))
    await asyncio.wait_for(again.wait(), 60)
    stop.set()
    with pytest.raises(LeaseHeld):
        await asyncio.wait_for(opening, 60)


class FullDisk:
    """A data directory whose database takes no commit until `room` is set."""

    def __init__(self, keeper, run_dir, monkeypatch):
        self.keeper, self.room, self.stop, self.refused = keeper, False, asyncio.Event(), asyncio.Event()
        self.server = Server(keeper, run_dir)
        self.caller = KeeperCaller(run_dir, "doors", SETTINGS)
        really = Transaction.commit

        def commit(transaction):
            if not self.room:
                transaction.rollback()
                self.refused.set()
                raise StoreFull
            really(transaction)

        monkeypatch.setattr(Transaction, "commit", commit)
        monkeypatch.setattr(serving, "_ROOM_SECONDS", 0.01)

    def begin(self):
        return asyncio.create_task(serving.begun(self.keeper, self.server, self.stop))

    async def told(self):
        """What whoever asks is told at once, though the keeper cannot even say that it began."""
        with pytest.raises(StoreFull) as told:
            await asyncio.wait_for(self.caller.ask(Health()), 60)
        return told.value.code


@pytest.fixture
async def full(tmp_path, monkeypatch):
    keeper = Keeper.open(tmp_path, SETTINGS)
    (tmp_path / "run").mkdir(exist_ok=True)
    full = FullDisk(keeper, tmp_path / "run", monkeypatch)
    yield full
    full.room = True
    await full.caller.close()
    await full.server.stop()
    keeper.close()


async def test_a_keeper_that_cannot_record_its_start_says_so_and_goes_on_by_itself_when_there_is_room(full, caplog):
    beginning = full.begin()
    assert await full.told() == "store-full"
    assert [record.levelname for record in caplog.records if "ALARM" in record.message] == ["ERROR"], "said once"
    full.refused.clear()
    await asyncio.wait_for(full.refused.wait(), 60)  # tried again, in vain
    assert not beginning.done()
    full.room = True
    assert await asyncio.wait_for(beginning, 60)
    await asyncio.wait_for(full.caller.ask(Health()), 60)
    with full.keeper._database.begin() as transaction:
        bodies = [entry.body for entry in reader.page(transaction, reader.EVERYTHING, limit=10)]
    assert sum(b'"keeper_started"' in body for body in bodies) == 1


async def test_a_keeper_that_is_told_to_stop_before_there_is_room_ends(full):
    beginning = full.begin()
    assert await full.told() == "store-full"
    full.stop.set()
    assert not await asyncio.wait_for(beginning, 60)
