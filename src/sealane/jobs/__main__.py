"""`python -m sealane.jobs`: the jobs process, started by the supervisor where the settings give it something to do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sealane.clock import Clock
from sealane.jobs.collecting import Collecting
from sealane.jobs.cosigning import Cosigning
from sealane.jobs.mailing import Mailing
from sealane.jobs.time_stamping import TimeStamping
from sealane.operations.caller import KeeperCaller
from sealane.process import begin, stop_asked

if TYPE_CHECKING:
    from sealane.process import Beginning


async def serve(beginning: Beginning) -> None:
    """Work until the process is asked to stop."""
    stop = stop_asked(asyncio.get_running_loop())
    caller = KeeperCaller(beginning.run_dir, "jobs", beginning.settings)
    caller.start()
    settings = beginning.settings
    async with asyncio.TaskGroup() as group:
        if settings.witnesses:
            group.create_task(Cosigning(caller.ask, settings).run(stop))
        if settings.time_stamps:
            group.create_task(TimeStamping(caller.ask, settings).run(stop))
        if settings.syslog:
            group.create_task(Collecting(caller.ask, settings).run(stop))
        if settings.smtp and settings.public_url:
            group.create_task(Mailing(caller.ask, settings, Clock()).run(stop))
    await caller.close()


def main() -> None:
    """Begin the process and run it."""
    asyncio.run(serve(begin()))


if __name__ == "__main__":
    main()
