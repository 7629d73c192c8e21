"""Starting the prover of the ledger, and ending it with the keeper. Whether one may run is decided in the domain."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from typing import TYPE_CHECKING

from sealane import process
from sealane.domain import ledger_proof
from sealane.errors import SealaneError
from sealane.operations.audit import LedgerProof, TellLedgerProof

if TYPE_CHECKING:
    from pathlib import Path

    from sealane.keeper.server import Server

log = logging.getLogger(__name__)
_ENDED_EARLY = "The prover ended before its time. The server's log says why."


class Proofs:
    """The prover that runs, if one does."""

    def __init__(self, server: Server, data_dir: Path) -> None:
        """None runs yet."""
        self._server = server
        self._data_dir = data_dir
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start a prover, unless one is at work: the domain lets one begin when another was silent for too long."""
        if self._running is None or self._running.done():
            self._running = asyncio.get_running_loop().create_task(self._run(), name="proof")

    async def stop(self) -> None:
        """End the prover that runs."""
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running

    async def _run(self) -> None:
        command = [sys.executable, "-m", "sealane.keeper.prover", "--data", str(self._data_dir)]
        prover = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE, env=dict(os.environ))
        try:
            await prover.communicate(process.settings_json(self._server.settings))
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                prover.kill()
            raise
        if prover.returncode:
            log.warning("the prover of the ledger ended with %d", prover.returncode)
            await self._tell_failed()

    async def _tell_failed(self) -> None:
        failed = TellLedgerProof(LedgerProof("failed", sentence=_ENDED_EARLY))
        with contextlib.suppress(SealaneError):  # it had told what came of it before it ended
            await self._server.perform(lambda work: ledger_proof.tell(work, failed))
