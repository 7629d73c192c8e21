"""An inspector that is killed at one exact point: `python -m tests.sealed.dying_inspector DATA before|after OPERATION`.

It dies of SIGKILL before it asks the keeper that operation, or after the answer has come. With `--keeper PID` the
keeper dies there too, before it.
"""

import argparse
import asyncio
import os
import signal
from pathlib import Path

from sealane import configuration
from sealane.inspector.rounds import Rounds
from sealane.operations.caller import KeeperCaller
from sealane.vault.stores import open_store


async def inspect(data_dir, when, operation, keeper):
    settings = configuration.load(environ=os.environ)
    caller = KeeperCaller(data_dir / "run", "inspector", settings)

    def die():
        if keeper:
            os.kill(keeper, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)

    async def ask(asked):
        here = type(asked).__name__ == operation
        if here and when == "before":
            die()
        answer = await caller.ask(asked)
        if here:
            die()
        return answer

    rounds = Rounds(ask, open_store(settings, data_dir), settings)
    caller.on_notice(rounds.noticed)
    caller.start()
    await rounds.run()


if __name__ == "__main__":
    words = argparse.ArgumentParser()
    words.add_argument("data", type=Path)
    words.add_argument("when", choices=["before", "after"])
    words.add_argument("operation")
    words.add_argument("--keeper", type=int, default=0)
    given = words.parse_args()
    asyncio.run(inspect(given.data, given.when, given.operation, given.keeper))
