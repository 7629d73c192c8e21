"""The supervisor: binds the addresses, starts the server's processes in order, restarts what dies, stops all in order.

Lives here: processes and listening sockets (`supervisor.py`, `children.py`, `listening.py`), the certificate for those
who bring none (`certificate.py`), the note of where it listens (`presence.py`). Not here: a protocol, a right, a byte
of a file. Must stay true: a child gets its settings by a pipe and an environment with nothing in it; no child outlives
its supervisor.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sealane import process
from sealane.app.supervisor import Supervisor

if TYPE_CHECKING:
    from pathlib import Path

    from sealane.settings import Settings


def serve(settings: Settings, data_dir: Path) -> int:
    """Serve until SIGTERM or SIGINT and return the exit code. Raises `SealaneError` when the start fails."""
    process.close_off()
    process.log_to_stderr()
    return asyncio.run(Supervisor(settings, data_dir.absolute()).run())
