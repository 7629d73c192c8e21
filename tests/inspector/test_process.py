"""The inspector as a real process beside a real keeper: killed and started again, every digest comes."""

import asyncio
import hashlib

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealane.operations.caller import KeeperCaller
from sealane.operations.files import Look
from sealane.operations.signing import SignInWithToken
from sealane.operations.uploads import BeginUpload, FinishUpload, NewSegment, Place
from sealane.settings import Settings
from sealane.vault.local import LocalStore
from sealane.vault.segments import SegmentWriter
from tests.running_server import RunningServer


async def arrive(caller, handle, store, path, content):
    """An upload whose door could not hash it."""
    opened = await caller.ask(BeginUpload(handle=handle, path=path, mode="create"))
    writer = SegmentWriter(AESGCM(opened.key), store, inline_bytes_max=0)
    writer.append(content)
    written = writer.finish()
    await caller.ask(
        FinishUpload(
            handle=handle,
            upload=opened.upload,
            generation=opened.generation,
            segments=(NewSegment(written.segment, written.length, written.tags_digest, written.inline),),
            edits=(Place(0, len(content), written.segment, 0),),
            size=len(content),
            digest=None,
        )
    )


async def digest_of(caller, handle, path):
    while True:
        entry = (await caller.ask(Look(handle=handle, path=path))).entry
        if entry.digest is not None:
            return entry.digest


@pytest.mark.slow
async def test_every_arrival_gets_its_digest_also_when_the_inspector_is_killed(tmp_path):
    with RunningServer.started(tmp_path) as server:
        server.organization("clinic", "anna")
        server.folder_for("clinic:/in", "anna@clinic")
        token = server.token("anna@clinic", "read", "write")
        caller = KeeperCaller(server.data_dir / "run", "doors", Settings())
        store = LocalStore(server.data_dir / "blobs")
        signed_in = await caller.ask(SignInWithToken(token=token, address="127.0.0.1", door="http"))
        content = bytes(range(256)) * 40_000
        async with asyncio.timeout(60):
            for number in range(4):
                if number % 2:
                    server.kill_child("inspector")
                await arrive(caller, signed_in.handle, store, f"/in/{number}", content[number:])
            for number in range(4):
                expected = hashlib.sha256(content[number:]).digest()
                assert await digest_of(caller, signed_in.handle, f"/in/{number}") == expected
        await caller.close()
        store.close()
