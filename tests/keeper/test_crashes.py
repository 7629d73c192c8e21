"""Killed with -9 at random moments while many doors write: what was acknowledged is there, and the ledger is whole."""

import asyncio
import dataclasses
import random
import signal

import pytest

from sealane.errors import KeeperAway, OutcomeUnknown
from sealane.keeper import EXIT_LEASE_HELD
from sealane.operations.signing import Health, SignInWithToken
from tests.keeper.crowd import Crowd, people, proven, put
from tests.keeper.keeper_process import KeeperProcess
from tests.keeper_in_process import SETTINGS

pytestmark = pytest.mark.slow

WRITERS = 6
ROUNDS = 3


@pytest.mark.parametrize("seed", [1, 300])
async def test_a_keeper_killed_amid_operations_loses_nothing_that_it_acknowledged(tmp_path, seed):
    rng = random.Random(seed)
    keeper = KeeperProcess(
        tmp_path / "data", dataclasses.replace(SETTINGS, checkpoint_seconds=1, signing_key_seconds=1)
    )
    with keeper.running():
        token = await people(keeper)
        doors = [keeper.caller() for _ in range(WRITERS)]
        signed_in = await doors[0].ask(SignInWithToken(token=token, address="127.0.0.1", door="http"))
        crowd = Crowd(doors, signed_in.handle)
        working = [asyncio.create_task(crowd.work(i, random.Random(seed * 100 + i))) for i in range(WRITERS)]
        for _ in range(ROUNDS):
            acknowledged = len(crowd.written)
            await crowd.until(acknowledged + rng.randrange(5, 40))
            keeper.kill()
            keeper.start()
        crowd.enough = True
        await asyncio.gather(*working)
        await crowd.check(doors[0])
        for door in doors:
            await door.close()
        bodies = await asyncio.to_thread(proven, keeper)
    started = [body["previous"] for body in bodies if body["kind"] == "keeper_started"]
    assert started == ["first"] + ["crash"] * ROUNDS
    reasons = [body["reason"] for body in bodies if body["kind"] == "signing_key_set"]
    assert reasons.count("crash") == ROUNDS
    finished = [body for body in bodies if body["kind"] == "upload_finished"]
    assert len({body["version_id"] for body in finished}) == len(finished) >= len(crowd.written)


async def test_a_keeper_that_is_asked_to_end_finishes_what_it_took_and_says_so(tmp_path):
    keeper = KeeperProcess(tmp_path / "data", SETTINGS)
    with keeper.running():
        token = await people(keeper)
        door = keeper.caller()
        signed_in = await door.ask(SignInWithToken(token=token, address="127.0.0.1", door="http"))
        paths = [f"/in/{i}" for i in range(30)]
        writing = [asyncio.create_task(put(door, signed_in.handle, path, b"content")) for path in paths]
        await asyncio.wait(writing, return_when=asyncio.FIRST_COMPLETED)
        assert await asyncio.to_thread(keeper.terminate) == 0
        keeper.start()
        await keeper.ready()
        finished = await asyncio.gather(*writing)
        assert len(finished) == 30
        await door.close()
        bodies = await asyncio.to_thread(proven, keeper)
    kinds = [body["kind"] for body in bodies]
    assert kinds.count("keeper_stopped") == 1
    assert [body["previous"] for body in bodies if body["kind"] == "keeper_started"] == ["first", "clean"]


async def test_a_second_keeper_does_not_start_and_leaves_the_first_alone(tmp_path):
    keeper = KeeperProcess(tmp_path / "data", SETTINGS)
    with keeper.running():
        await keeper.ready()
        second = KeeperProcess(tmp_path / "data", SETTINGS)
        second.start()
        assert await asyncio.to_thread(second.process.wait, 30) == EXIT_LEASE_HELD
        assert "lease-held" in second.log.read_text()
        await asyncio.to_thread(keeper.ask, Health())


async def test_a_keeper_that_hangs_is_not_waited_for_without_end(tmp_path):
    keeper = KeeperProcess(tmp_path / "data", SETTINGS)
    with keeper.running():
        await keeper.ready()
        keeper.settings = dataclasses.replace(SETTINGS, keeper_wait_seconds=1)
        keeper.process.send_signal(signal.SIGSTOP)
        door = keeper.caller()
        with pytest.raises(KeeperAway):
            await door.ask(Health())
        await door.close()
        with pytest.raises(OutcomeUnknown):
            await asyncio.to_thread(keeper.ask, Health())
