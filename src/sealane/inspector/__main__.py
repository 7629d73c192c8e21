"""`python -m sealane.inspector`: the inspector's process, started by the supervisor."""

from __future__ import annotations

import asyncio

from sealane.inspector.rounds import Rounds
from sealane.operations.caller import KeeperCaller
from sealane.process import Beginning, begin, stop_asked
from sealane.vault.stores import open_store


async def serve(beginning: Beginning, *, small: bool = False) -> None:
    """Inspect until the process is asked to stop; `small`: only what is."""
    settings = beginning.settings
    store = open_store(settings, beginning.data_dir)
    caller = KeeperCaller(beginning.run_dir, "inspector", settings)
    rounds = Rounds(caller.ask, store, settings, small=small)
    caller.on_notice(rounds.noticed)
    caller.start()
    stop = stop_asked(asyncio.get_running_loop())
    running = asyncio.create_task(rounds.run(), name="rounds")
    stopped = asyncio.create_task(stop.wait(), name="stop")
    await asyncio.wait((running, stopped), return_when=asyncio.FIRST_COMPLETED)
    rounds.stop()
    # An answer that is still under way is worth waiting for, but not a keeper that is away: the arrival is given again.
    await asyncio.wait((running,), timeout=settings.drain_seconds)
    stopped.cancel()
    await caller.close()
    await running
    rounds.close()
    store.close()


def main() -> None:
    """Begin the process and run it."""
    asyncio.run(serve(begin()))


if __name__ == "__main__":
    main()
