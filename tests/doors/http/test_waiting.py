"""Requests that wait for the keeper hold up nothing that already runs."""

import asyncio
import os

import httpx
import pytest

from sealane.operations.files import OpenVersion
from sealane.operations.uploads import BeginUpload

pytestmark = pytest.mark.slow  # each test opens a whole keeper

WAITING = 200
SLOW = "/api/v1/content/in/slow"
RUNNING = "/api/v1/content/in/running"
MIB = 1 << 20


async def test_two_hundred_opens_that_wait_do_not_slow_what_runs(house):
    async with house.open() as door:
        keeper_answers = asyncio.Event()
        waiting = []
        all_wait = asyncio.Event()
        asker = door.door.asker
        ask = asker.ask

        async def asked(operation):
            if isinstance(operation, OpenVersion | BeginUpload) and operation.path.startswith("/in/slow"):
                waiting.append(operation)
                if len(waiting) == WAITING:
                    all_wait.set()
                await keeper_answers.wait()
            return await ask(operation)

        asker.ask = asked
        limits = httpx.Limits(max_connections=None)
        async with door.client(limits=limits) as anna:
            content = os.urandom(16 * MIB)
            keeper_answers.set()
            assert (await anna.put(RUNNING, content=content)).status_code == 201
            assert (await anna.put(SLOW, content=b"slow")).status_code == 201
            waiting.clear()
            keeper_answers.clear()
            opens = [asyncio.create_task(anna.get(SLOW)) for _ in range(WAITING // 2)]
            opens += [
                asyncio.create_task(anna.put(f"{SLOW}{number}", content=b"new")) for number in range(WAITING // 2)
            ]
            async with anna.stream("GET", RUNNING) as running:
                got = bytearray()
                async for piece in running.aiter_bytes():
                    got += piece
            await all_wait.wait()
            async with anna.stream("GET", RUNNING) as again:
                assert b"".join([piece async for piece in again.aiter_bytes()]) == bytes(got) == content
            assert (await anna.put(RUNNING, content=content)).status_code == 201
            assert not any(one.done() for one in opens)
            keeper_answers.set()
            statuses = [(await one).status_code for one in opens]
        assert statuses == [200] * (WAITING // 2) + [201] * (WAITING // 2)
