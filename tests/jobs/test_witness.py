"""A ledger and its witnesses: asked over HTTP, remembered on disk, told by `audit verify`; a fork is refused."""

import dataclasses
import shutil
import stat
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import httpx
import pytest

from sealane.cli import audit_verify
from sealane.clock import ManualClock
from sealane.errors import Invalid, Missing
from sealane.jobs.cosigning import Cosigning, WitnessDisagrees, WitnessRefused
from sealane.jobs.witness import Door, Witness, WitnessFolderInvalid, logs_of
from sealane.ledger import notes, witnesses, witnessing
from sealane.operations.accounts import AddOrganization
from sealane.operations.audit import Checkpoint, LookLedger, RecordCosignature, WhatToWitness
from sealane.operations.failures import SignatureWrong
from tests.keeper_in_process import SETTINGS, KeeperInProcess

pytestmark = pytest.mark.slow  # most tests open a keeper of their own; together they take longer than make check may

START = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


class Watched:
    """A ledger, witnesses for it, and the line between them."""

    def __init__(self, folder, names=("w1", "w2")):
        self.folder = folder
        self.clock = ManualClock(START)
        self.home = KeeperInProcess(folder / "data", SETTINGS, self.clock)
        self.grow("first")
        self.key = self.home.admin(LookLedger()).key
        self.witnesses = {name: self.witness(name) for name in names}
        self.away = set()
        text = ",".join(f"https://{name}.example {one.key.text()}" for name, one in self.witnesses.items())
        self.settings = dataclasses.replace(SETTINGS, witnesses=text)
        self.home.settings = self.settings
        self.home.restart()

    def witness(self, name):
        return Witness.open(self.folder / name, logs_of([self.key]), self.clock, name=name)

    def grow(self, *names):
        for name in names:
            self.home.admin(AddOrganization(name=name))
            self.clock.advance(timedelta(seconds=1))
        return self.home.admin(Checkpoint()).size

    async def answer(self, request):
        name = request.url.host.partition(".")[0]
        if name in self.away:
            raise httpx.ConnectError("away")
        async with httpx.AsyncClient(transport=httpx.ASGITransport(Door(self.witnesses[name]))) as client:
            answer = await client.request(request.method, request.url, content=request.content)
        return httpx.Response(answer.status_code, content=answer.content)

    def cosigning(self):
        return Cosigning(self.home.jobs().ask, self.settings, httpx.MockTransport(self.answer))

    def client(self):
        return httpx.AsyncClient(transport=httpx.MockTransport(self.answer))

    async def round(self):
        async with self.client() as client:
            await self.cosigning().one_round(client)

    def verdict(self):
        def ask(operation, wanted):
            return self.home.admin(operation)

        keys = tuple(one.key for one in witnesses.parse(self.settings.witnesses))
        return audit_verify.proven(ask, [], keys, show=False)


@pytest.fixture
def watched(tmp_path):
    made = Watched(tmp_path)
    yield made
    made.home.close()


async def test_two_witnesses_cover_what_they_saw(watched):
    size = watched.grow("a")
    await watched.round()
    assert watched.verdict().witnessed == {"w1": size, "w2": size}
    assert f"Covered up to {size} by 2 witnesses." in audit_verify.in_words(watched.verdict())
    watched.away.add("w2")
    later = watched.grow("b", "c")
    await watched.round()
    assert watched.verdict().witnessed == {"w1": later, "w2": size}
    said = audit_verify.in_words(watched.verdict())
    assert f"Covered up to {later} by 1 witness." in said
    assert f"Covered up to {size} by 2 witnesses." in said
    watched.away.clear()
    await watched.round()
    assert watched.verdict().witnessed == {"w1": later, "w2": later}


async def test_a_witness_that_saw_less_or_more_than_we_know_is_asked_again(watched):
    """Its answer was lost on the way, or the ledger's cosignatures were: the protocol's conflict tells the size."""
    watched.grow("a")
    await watched.round()
    watched.home.keeper._database._driver.change("DELETE FROM ledger_cosignatures", ())
    size = watched.grow("b")
    await watched.round()
    assert watched.verdict().witnessed == {"w1": size, "w2": size}


async def test_what_was_cosigned_survives_the_witness(watched):
    size = watched.grow("a")
    await watched.round()
    again = watched.witness("w1")
    shown = again.latest(sha256(watched.home.admin(LookLedger()).origin.encode()).hexdigest())
    assert notes.parse(shown).verified_by(again.key) is not None
    assert f"\n{size}\n" in shown
    assert again.key == watched.witnesses["w1"].key
    assert stat.S_IMODE((watched.folder / "w1" / "witness.key").stat().st_mode) == 0o400


async def test_a_ledger_that_was_rolled_back_is_not_cosigned_again(watched):
    await watched.round()
    watched.home.close()
    shutil.copytree(watched.folder / "data", watched.folder / "yesterday")
    watched.home = KeeperInProcess(watched.folder / "data", watched.settings, watched.clock)
    watched.grow("a", "b", "c")
    await watched.round()
    watched.home.close()
    watched.home = KeeperInProcess(watched.folder / "yesterday", watched.settings, watched.clock)
    watched.grow("x")
    witness = witnesses.parse(watched.settings.witnesses)[0]
    async with watched.client() as client:
        with pytest.raises(WitnessDisagrees, match="It has seen"):
            await watched.cosigning().cosign(client, witness)
        watched.grow("y", "z", "u", "v", "w")
        with pytest.raises(WitnessDisagrees, match="rewritten, or forked"):
            await watched.cosigning().cosign(client, witness)
        await watched.cosigning().one_round(client)
    assert max(watched.verdict().witnessed.values()) < watched.home.admin(LookLedger()).signed


async def test_a_hostile_witness_gets_nothing_recorded(watched):
    witness = witnesses.parse(watched.settings.witnesses)[0]
    other = watched.witnesses["w2"]
    size = watched.home.admin(LookLedger()).signed
    note = notes.parse(watched.home.admin(Checkpoint()).note)
    forged = notes.cosigned(note.text, "w1", other._secret, 1)
    mine = notes.cosigned("something else\n", "w1", watched.witnesses["w1"]._secret, 1)
    for line in (forged, mine):
        with pytest.raises(SignatureWrong):
            watched.home.jobs().ask_now(RecordCosignature(witness="w1", size=size, line=line.line()))
    with pytest.raises(Missing):
        watched.home.jobs().ask_now(RecordCosignature(witness="w3", size=size, line=forged.line()))
    for body in (b"", b"x" * 70_000, forged.line().replace("w1", "w9").encode(), b"\xff"):
        transport = httpx.MockTransport(lambda _, body=body: httpx.Response(200, content=body))
        async with httpx.AsyncClient(transport=transport) as client:
            with pytest.raises((WitnessRefused, Invalid)):
                await watched.cosigning().cosign(client, witness)
    for status, body in ((500, b""), (409, b"lots"), (409, b"9" * 19)):
        transport = httpx.MockTransport(lambda _, s=status, b=body: httpx.Response(s, content=b))
        async with httpx.AsyncClient(transport=transport) as client:
            with pytest.raises(WitnessRefused):
                await watched.cosigning().cosign(client, witness)
    assert watched.verdict().witnessed == {}


async def test_no_size_is_proven_that_the_ledger_never_had(watched):
    with pytest.raises(Invalid):
        watched.home.jobs().ask_now(WhatToWitness(witness="w1", old=10_000))
    with pytest.raises(Invalid):
        watched.home.jobs().ask_now(WhatToWitness(witness="w1", old=-1))


# --- its own door -----------------------------------------------------------------------------------------------------


@pytest.fixture
async def door(watched):
    transport = httpx.ASGITransport(Door(watched.witnesses["w1"]))
    async with httpx.AsyncClient(transport=transport, base_url="https://w1.example") as client:
        yield client


async def test_it_serves_what_it_saw_and_nothing_else(watched, door):
    origin = watched.home.admin(LookLedger()).origin
    place = f"/{sha256(origin.encode()).hexdigest()}/checkpoint"
    assert (await door.get(place)).status_code == 404
    await watched.round()
    shown = await door.get(place)
    assert shown.status_code == 200
    assert notes.parse(shown.text).verified_by(watched.witnesses["w1"].key) is not None
    for path in ("/", "/add-checkpoint", "/../witness.key", f"/{'0' * 64}/checkpoint", "/witness.key"):
        assert (await door.get(path)).status_code in {404, 405}


async def test_a_body_that_is_far_too_large_is_refused(door):
    answer = await door.post("/add-checkpoint", content=b"x" * (witnessing.REQUEST_BYTES_MAX + 1))
    assert answer.status_code == 413
    answer = await door.post("/add-checkpoint", content=b"x" * witnessing.REQUEST_BYTES_MAX)
    assert answer.status_code == 400


async def test_two_requests_at_once_are_judged_one_after_the_other(watched, door):
    import asyncio

    due = watched.home.jobs().ask_now(WhatToWitness(witness="w1", old=0))
    body = witnessing.written(0, due.proof, due.note)
    answers = await asyncio.gather(*(door.post("/add-checkpoint", content=body) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]


async def test_a_damaged_memory_is_not_gone_on_with(watched, door):
    await watched.round()
    (kept,) = (watched.folder / "w1").glob("*.checkpoint")
    kept.write_text(kept.read_text().replace("\nsealane", "\nother"))
    due = watched.home.jobs().ask_now(WhatToWitness(witness="w1"))
    kept.write_text("nonsense")
    answer = await door.post("/add-checkpoint", content=witnessing.written(due.old, due.proof, due.note))
    assert answer.status_code == 500


def test_a_folder_that_is_no_witness_s_is_refused(tmp_path):
    with pytest.raises(WitnessFolderInvalid, match="needs a name"):
        Witness.open(tmp_path / "w", [], ManualClock(START))
    made = Witness.open(tmp_path / "w", [], ManualClock(START), name="w1")
    assert Witness.open(tmp_path / "w", [], ManualClock(START)).key == made.key
    with pytest.raises(WitnessFolderInvalid):
        Witness.open(tmp_path / "w", [], ManualClock(START), name="w2")
    (tmp_path / "w" / "witness.key").chmod(0o644)
    with pytest.raises(WitnessFolderInvalid):
        Witness.open(tmp_path / "w", [], ManualClock(START))
    with pytest.raises(Invalid):
        logs_of([made.key.text()])
