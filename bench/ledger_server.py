"""A keeper that records one event for each `Health` that it is asked: what a durable event costs, and nothing else.

`python -m bench.ledger_server DATA` serves `DATA/run/doors.sock` until its standard input ends; then it prints the
processor time that it used since the first question, in seconds.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from pathlib import Path

from bench.ledger_bed import event
from sealane.keeper import node
from sealane.keeper.core import Keeper, Request
from sealane.keeper.server import Server
from sealane.operations.envelope import Asker
from sealane.settings import Settings


async def serve(data: Path) -> None:
    keeper = Keeper.open(data, Settings(ssh_rsa_host_key_bits=0))
    keeper.perform_one(Request(node.begin_serving, Asker.ADMIN, "keeper"))
    numbers = itertools.count()
    node.note_alive = lambda work: work.record(event(next(numbers)))
    server = Server(keeper, data / "run")
    await server.start()
    print("serving", flush=True)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.readline)
    began = sum(os.times()[:2])
    await loop.run_in_executor(None, sys.stdin.readline)
    print(sum(os.times()[:2]) - began, flush=True)
    await server.stop()
    keeper.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
