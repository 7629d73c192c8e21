"""How the keeper's process begins."""

import asyncio

import pytest

from sealane.errors import LeaseHeld
from sealane.keeper import serving
from sealane.keeper.core import Keeper
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
    await asyncio.wait_for(again.wait(), 20)
    assert not opening.done()
    holder.close()
    (await asyncio.wait_for(opening, 20)).close()


async def test_a_keeper_does_not_wait_for_another_keeper_for_ever(begun, monkeypatch):
    beginning, _, again = begun
    monkeypatch.setattr(serving, "_LEASE_SECONDS", 0.1)
    with pytest.raises(LeaseHeld):
        await asyncio.wait_for(serving.opened(beginning, asyncio.Event()), 20)
    assert again.is_set()


async def test_a_keeper_that_is_told_to_stop_waits_no_longer(begun):
    beginning, _, again = begun
    stop = asyncio.Event()
    opening = asyncio.create_task(serving.opened(beginning, stop))
    await asyncio.wait_for(again.wait(), 20)
    stop.set()
    with pytest.raises(LeaseHeld):
        await asyncio.wait_for(opening, 3)
