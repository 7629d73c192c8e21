"""A proof of the ledger that somebody at a page asks for: by a process of its own, one at a time, on record."""

import asyncio
import dataclasses
import json
from datetime import timedelta

import pytest

from sealane.clock import ManualClock
from sealane.domain import ledger_proof
from sealane.errors import Conflict, Invalid, NotAllowed
from sealane.operations.accounts import AddOrganization, AddToken, AddUser
from sealane.operations.audit import BeginLedgerProof, LedgerProof, LookLedgerProof, ReadLedger, TellLedgerProof
from sealane.operations.browser import SignInAtPage
from sealane.operations.caller import KeeperCaller
from sealane.operations.signing import SignInWithToken
from tests.keeper.test_server import Serving
from tests.keeper.test_sharing import START
from tests.keeper_in_process import SETTINGS, KeeperInProcess, hashing_quickly

pytestmark = pytest.mark.slow  # a keeper, and a process of its own

HERE, PASSWORD = "192.0.2.7", "correct horse battery"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    with hashing_quickly():
        keeper = KeeperInProcess(tmp_path_factory.mktemp("proof"), SETTINGS, ManualClock(START))
        for operation in (
            AddOrganization("clinic"),
            AddUser("bert@clinic", role="auditor", password=PASSWORD),
            AddUser("anna@clinic", password=PASSWORD),
        ):
            keeper.admin(operation)
        yield keeper
        keeper.close()


def handle(home, name):
    return home.door().ask_now(SignInAtPage(name, PASSWORD, HERE)).signed.handle


def tell(state, done, size, signed=0, checkpoints=0, witnessed=None):
    return TellLedgerProof(LedgerProof(state, None, None, done, size, signed, checkpoints, witnessed or {}))


def look(home, who):
    return home.door().ask_now(LookLedgerProof(who)).proof


def test_only_who_may_read_the_ledger_asks_and_one_runs_at_a_time(home):
    anna, bert = handle(home, "anna@clinic"), handle(home, "bert@clinic")
    for operation in (BeginLedgerProof(anna), LookLedgerProof(anna)):
        with pytest.raises(NotAllowed):
            home.door().ask_now(operation)
    with pytest.raises(Invalid):
        home.admin(tell("whole", 3, 3))
    home.door().ask_now(BeginLedgerProof(bert))
    with pytest.raises(Conflict):
        home.door().ask_now(BeginLedgerProof(bert))
    home.admin(tell("running", 2, 5))
    assert (look(home, bert).state, look(home, bert).done, look(home, bert).size) == ("running", 2, 5)
    home.admin(tell("whole", 5, 5, 4, 2, {"w.example": 4}))
    told = look(home, bert)
    assert (told.state, told.signed, told.witnessed) == ("whole", 4, {"w.example": 4})
    kinds = [json.loads(entry.body)["kind"] for entry in home.admin(ReadLedger(limit=100)).entries]
    assert kinds[-2:] == ["ledger_proof_asked", "ledger_proven"]


def test_a_prover_that_says_nothing_any_more_is_taken_for_gone(home):
    bert = handle(home, "bert@clinic")
    home.door().ask_now(BeginLedgerProof(bert))
    home.clock.advance(ledger_proof.SILENCE + timedelta(seconds=1))
    assert look(home, bert).state == "failed"
    with pytest.raises(Invalid):
        home.admin(tell("whole", 5, 5))
    home.door().ask_now(BeginLedgerProof(bert))
    assert look(home, bert).state == "running"
    home.admin(tell("failed", 1, 2))


async def test_the_prover_proves_a_real_ledger_beside_the_keeper_that_serves(tmp_path):
    serving = Serving(tmp_path, dataclasses.replace(SETTINGS))
    await serving.server.start()
    admin = KeeperCaller(serving.run_dir, "admin", serving.settings)
    door = KeeperCaller(serving.run_dir, "doors", serving.settings)
    try:
        await admin.ask(AddOrganization("clinic"))
        await admin.ask(AddUser("bert@clinic", role="auditor"))
        token = (await admin.ask(AddToken("bert@clinic", ("read",), None))).token
        signed = await door.ask(SignInWithToken(token, door="http", address=HERE))
        await door.ask(BeginLedgerProof(signed.handle))
        await asyncio.wait_for(serving.server._proofs._running, 120)
        told = (await door.ask(LookLedgerProof(signed.handle))).proof
        assert (told.state, told.sentence) == ("whole", "")
        assert told.done == told.size >= 4
    finally:
        await admin.close()
        await door.close()
        await serving.server.stop()
        serving.keeper.close()
