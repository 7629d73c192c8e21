"""Doors that write to a keeper which is killed under them, and what must be there afterwards."""

import asyncio
import contextlib
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealane.errors import Missing, OutcomeUnknown
from sealane.ledger.notes import verifier_key
from sealane.ledger.verifier import Expected, Verifier
from sealane.operations.accounts import AddFolder, AddOrganization, AddToken, AddUser, GrantFolder
from sealane.operations.audit import LookLedger, ReadCheckpoints, ReadLedger
from sealane.operations.files import ListFolder, MakeFolder, OpenVersion, RemoveFile
from sealane.operations.uploads import BeginUpload, FinishUpload, NewSegment, Place
from sealane.vault.segments import SegmentWriter


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


def proven(keeper, saved=()):
    """Prove the ledger, its tree, its checkpoints and its chain of keys; return the bodies of its entries."""
    looked = keeper.ask(LookLedger())
    expected = Expected(looked.origin, verifier_key(looked.key), list(checkpoints(keeper)), saved)
    verifier = Verifier(expected)
    found = list(entries(keeper))
    last = expected.checkpoints[-1][0]
    assert verifier.feed(entry for entry in found if entry.seq <= max(looked.size, last)), verifier.verdict().damage
    verdict = verifier.verdict()
    assert verdict.whole, verdict.damage
    return [json.loads(entry.body) for entry in found]


class Crowd:
    """Some doors that write, remove and make things until told to stop, and what they were told in answer."""

    def __init__(self, doors, handle, name="crowd"):
        self.doors = doors
        self.handle = handle
        self.name = name
        self.versions = []
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
            path = f"/in/{self.name}-{number}-{count}"
            content = rng.randbytes(rng.randrange(1, 4000))
            self.versions.append((await put(door, self.handle, path, content)).version)
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
        listed = await door.ask(ListFolder(handle=self.handle, path="/in", after=f"{self.name}-", limit=2000))
        folders = {f"/in/{entry.name}" for entry in listed.entries if entry.kind == "folder"}
        assert self.folders <= folders or listed.after
