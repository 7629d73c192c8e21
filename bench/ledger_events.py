"""Durable events over the keeper's socket, the part `events` of `bench.ledger`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from bench.ledger_bed import folder, row
from sealane.operations import frames
from sealane.operations.caller import KeeperCaller, socket_path
from sealane.operations.envelope import NOTICE, Done
from sealane.operations.signing import Health
from sealane.settings import Settings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

_CLIENTS = 64
_PIPELINED = 32
"""Operations that a door has under way on its connection: what it sends while it waits for the disk."""
_FRAME_MAX = 1 << 20


@contextlib.contextmanager
def serving(place: Path) -> Iterator[subprocess.Popen[str]]:
    """A keeper that records an event for every `Health`."""
    server = subprocess.Popen(
        [sys.executable, "-m", "bench.ledger_server", str(place / "data")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        assert server.stdout.readline() == "serving\n"
        yield server
    finally:
        server.stdin.close()
        server.wait(60)
        server.stdout.close()


class Pipelined(asyncio.Protocol):
    """A door that does nothing but ask: so many operations under way, each answer at once followed by the next one.

    Its frames are packed once and its answers compared as bytes, so that what is measured is the keeper.
    """

    def __init__(self, under_way: int, count: int) -> None:
        numbers = range(NOTICE + 1, NOTICE + 1 + under_way)
        self._next = {
            frames.pack(number, Done(), bytes_max=_FRAME_MAX)[frames.LENGTH_BYTES :]: frames.pack(
                number, Health(), bytes_max=_FRAME_MAX
            )
            for number in numbers
        }
        self._splitter = frames.FrameSplitter(_FRAME_MAX)
        self._unasked, self._unanswered = count, count
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def begin(self) -> None:
        self._ask(list(self._next.values()))

    def data_received(self, data: bytes) -> None:
        due = []
        for body in self._splitter.feed(data):
            if (frame := self._next.get(body)) is not None:
                due.append(frame)
            elif frames.answer_of(body)[0] != NOTICE:
                self.done.set_exception(RuntimeError("an event was not recorded"))
        self._unanswered -= len(due)
        self._ask(due)
        if not self._unanswered and not self.done.done():
            self.done.set_result(None)

    def _ask(self, due: list[bytes]) -> None:
        asked = due[: self._unasked]
        self._unasked -= len(asked)
        if asked:
            self._transport.write(b"".join(asked))


async def asked_by_many(run: Path, count: int) -> float:
    """Ask by 64 connections, each with a window of operations under way; return the wall time of one."""
    loop, each = asyncio.get_running_loop(), count // _CLIENTS
    with socket_path(run, "doors") as path:
        opened = [await loop.create_unix_connection(lambda: Pipelined(_PIPELINED, each), path) for _ in range(_CLIENTS)]
    began = time.perf_counter()
    for _, client in opened:
        client.begin()
    await asyncio.gather(*(client.done for _, client in opened))
    spent = time.perf_counter() - began
    for transport, _ in opened:
        transport.close()
    return spent / (each * _CLIENTS)


async def asked_alone(run: Path, count: int) -> list[float]:
    caller = KeeperCaller(run, "doors", Settings())
    await caller.ask(Health())
    found = []
    for _ in range(count):
        began = time.perf_counter()
        await caller.ask(Health())
        found.append(time.perf_counter() - began)
    await caller.close()
    return found


def flushes(place: Path, count: int) -> list[float]:
    """The disk's own flush: 8 KiB written behind a file's end, and synced."""
    found, page = [], os.urandom(8192)
    with (place / "flush").open("wb", buffering=0) as file:
        for _ in range(count):
            began = time.perf_counter()
            file.write(page)
            os.fdatasync(file.fileno())
            found.append(time.perf_counter() - began)
    return found


def events(chosen: argparse.Namespace) -> None:
    with folder() as place, serving(place) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write("begin\n")
        server.stdin.flush()
        runs = [asyncio.run(asked_by_many(place / "data" / "run", chosen.burst)) for _ in range(3)]
        server.stdin.write("end\n")
        server.stdin.flush()
        used = float(server.stdout.readline()) / (3 * chosen.burst)
        row(
            "durable events a second over the socket, 64 clients",
            f"{1 / statistics.median(runs):,.0f} (the keeper alone: {1 / used:,.0f} a CPU second)",
            "15,000; aim 40,000",
        )
    with folder() as place, serving(place):
        disk = statistics.median(flushes(place, 300))
        alone = statistics.median(asyncio.run(asked_alone(place / "data" / "run", 500)))
        row(
            "one event alone, p50",
            f"{alone * 1000:.2f} ms, the disk's flush {disk * 1000:.2f}: + {(alone - disk) * 1000:.2f} ms",
            "+ 1 ms; aim + 0.3",
        )
