"""Killed with -9 at random moments while many doors write: what was acknowledged is there, and the ledger is whole."""

import asyncio
import contextlib
import dataclasses
import hashlib
import json
import random
import signal

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealane.errors import KeeperAway, Missing, OutcomeUnknown
from sealane.keeper import EXIT_LEASE_HELD
from sealane.ledger.notes import verifier_key
from sealane.ledger.verifier import Expected, Verifier
from sealane.operations.accounts import AddFolder, AddOrganization, AddToken, AddUser, GrantFolder
from sealane.operations.audit import LookLedger, ReadCheckpoints, ReadLedger
from sealane.operations.files import ListFolder, MakeFolder, OpenVersion, RemoveFile
from sealane.operations.signing import Health, SignInWithToken
from sealane.operations.uploads import BeginUpload, FinishUpload, NewSegment, Place
from sealane.vault.segments import SegmentWriter
from tests.keeper.keeper_process import KeeperProcess
from tests.keeper_in_process import SETTINGS

pytestmark = pytest.mark.slow

WRITERS = 6
ROUNDS = 4


async def people(keeper):
    admin = keeper.caller("admin")
    for operation in (
        AddOrganization(name="clinic"),
        AddUser(user="anna@clinic"),
        AddFolder(folder="clinic:/in"),
        GrantFolder(folder="clinic:/in", grantee="anna@clinic", rights=("list", "read", "write", "delete")),
    ):
        await admin.ask(operation)
    added = await admin.ask(AddToken(user="anna@clinic", scopes=("read", "write"), expires=None))
    await admin.close()
    return added.token


async def put(door, handle, path, content):
    """Write a small file as a door does; return when it is acknowledged."""
    opened = await door.ask(BeginUpload(handle=handle, path=path, mode="create"))
    writer = SegmentWriter(AESGCM(opened.key), None, inline_bytes_max=1 << 16)
    writer.append(content)
    written = writer.finish()
    segment = NewSegment(
        segment=written.segment, length=written.length, tags_digest=written.tags_digest, inline=written.inline
    )
    place = Place(offset=0, length=len(content), segment=written.segment, start=0)
    return await door.ask(
        FinishUpload(
            handle=handle,
            upload=opened.upload,
            generation=opened.generation,
            segments=(segment,),
            edits=(place,),
            size=len(content),
            digest=hashlib.sha256(content).digest(),
        )
    )


def entries(keeper):
    after = 0
    while True:
        page = keeper.ask(ReadLedger(after=after))
        yield from page.entries
        if not page.after:
            return
        after = page.after


def checkpoints(keeper):
    after = 0
    while True:
        page = keeper.ask(ReadCheckpoints(after=after))
        yield from zip(page.sizes, page.notes, strict=True)
        if not page.after:
            return
        after = page.after


def proven(keeper):
    """Prove the ledger, its tree, its checkpoints and its chain of keys; return the bodies of its entries."""
    looked = keeper.ask(LookLedger())
    expected = Expected(looked.origin, verifier_key(looked.key), list(checkpoints(keeper)))
    verifier = Verifier(expected)
    found = list(entries(keeper))
    last = expected.checkpoints[-1][0]
    assert verifier.feed(entry for entry in found if entry.seq <= max(looked.size, last)), verifier.verdict().damage
    verdict = verifier.verdict()
    assert verdict.whole, verdict.damage
    return [json.loads(entry.body) for entry in found]


class Crowd:
    """Some doors that write, remove and make things until told to stop, and what they were told in answer."""

    def __init__(self, doors, handle):
        self.doors = doors
        self.handle = handle
        self.written = {}
        self.maybe_gone = set()
        self.folders = set()
        self.enough = False
        self.more = asyncio.Event()

    async def until(self, count):
        """Return once so many files are acknowledged."""
        while len(self.written) < count:
            self.more.clear()
            await self.more.wait()

    async def work(self, number, rng):
        door = self.doors[number]
        count = 0
        while not self.enough:
            count += 1
            path = f"/in/{number}-{count}"
            content = rng.randbytes(rng.randrange(1, 4000))
            await put(door, self.handle, path, content)
            self.written[path] = hashlib.sha256(content).digest()
            self.more.set()
            if count % 5 == 0:
                self.maybe_gone.add(path)
                with contextlib.suppress(OutcomeUnknown):
                    await door.ask(RemoveFile(handle=self.handle, path=path))
                    del self.written[path]
            if count % 7 == 0:
                with contextlib.suppress(OutcomeUnknown):
                    await door.ask(MakeFolder(handle=self.handle, path=f"{path}-folder"))
                    self.folders.add(f"{path}-folder")

    async def check(self, door):
        for path, digest in self.written.items():
            try:
                opened = await door.ask(OpenVersion(handle=self.handle, path=path))
            except Missing:
                assert path in self.maybe_gone, f"{path} was acknowledged and is lost"
            else:
                assert opened.digest == digest
                assert sum(extent.length for extent in opened.extents) == opened.size
        for path in self.maybe_gone - self.written.keys():
            with pytest.raises(Missing):
                await door.ask(OpenVersion(handle=self.handle, path=path))
        listed = await door.ask(ListFolder(handle=self.handle, path="/in", limit=2000))
        folders = {f"/in/{entry.name}" for entry in listed.entries if entry.kind == "folder"}
        assert self.folders <= folders or listed.after


@pytest.mark.parametrize("seed", [1, 20, 300])
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
