"""One process of the server: started with its settings by a pipe, restarted with patience, stopped with a deadline."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from sealane import process

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence
    from pathlib import Path

    from sealane.settings import Settings
    from sealane.system_accounts import SystemAccount

log = logging.getLogger(__name__)

_PASSED_ON = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "COVERAGE_PROCESS_START")
"""All that a child sees of the environment: where programs and certificates are. The last is for coverage of tests."""

_HOME = {"HOME": "/nonexistent"}
"""Libraries ask for it, and an account by number has none. Nothing of a server's is read from there or written."""

_RESTART_SECONDS = 0.1
_RESTART_SECONDS_MAX = 5.0
_STEADY_SECONDS = 30.0
"""Whoever ran this long before it died is restarted without a long pause."""


class Child:
    """A process that is to be there until it is stopped."""

    def __init__(
        self,
        name: str,
        module: str,
        *,
        settings: Settings,
        data_dir: Path,
        listeners: Sequence[socket.socket] = (),
        account: SystemAccount | None = None,
    ) -> None:
        """Nothing is started yet. `account`: the one that it runs in, instead of ours."""
        self.name = name
        self._module = module
        self._settings = settings
        self._data_dir = data_dir
        self._account = account
        self._fds = tuple(listener.fileno() for listener in listeners)
        self._process: asyncio.subprocess.Process | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._stopping = False
        self.ended_with: int | None = None
        """Its exit code when it last ended by itself, negative for a signal."""

    @property
    def running(self) -> bool:
        """Whether it is there at this moment."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        """Its process id, while it is there."""
        return self._process.pid if self._process is not None and self.running else None

    async def start(self) -> None:
        """Start it, and from now on start it again whenever it ends by itself."""
        await self._spawn()
        self._keeping = asyncio.create_task(self._keep(), name=f"keep-{self.name}")

    async def stop(self, seconds: float) -> None:
        """Ask it to end (SIGTERM); after `seconds` make it (SIGKILL)."""
        self._stopping = True
        if self._keeping is None:
            return
        self._signal(signal.SIGTERM)
        done, _ = await asyncio.wait({self._keeping}, timeout=seconds)
        if not done:
            log.warning("%s did not end within %d s; it is killed", self.name, seconds)
            self._signal(signal.SIGKILL)
            await self._keeping

    def kill(self) -> None:
        """End it now; it is started again."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self.running:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _spawn(self) -> None:
        command = [sys.executable, "-m", self._module, "--data", str(self._data_dir)]
        for number in self._fds:
            command += ["--fd", str(number)]
        self._process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            pass_fds=self._fds,
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ} | _HOME,
            **_in_account(self._account),
        )
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._process.stdin.write(process.settings_json(self._settings))
            self._process.stdin.write_eof()
            await self._process.stdin.drain()

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        pause = _RESTART_SECONDS
        while True:
            assert self._process is not None
            began = loop.time()
            code = await self._process.wait()
            if self._stopping:
                return
            self.ended_with = code
            if loop.time() - began >= _STEADY_SECONDS:
                pause = _RESTART_SECONDS
            log.error("%s ended (%s); it is started again", self.name, _how(code))
            await asyncio.sleep(pause)
            pause = min(pause * 2, _RESTART_SECONDS_MAX)
            if self._stopping:
                return
            await self._spawn()


def _in_account(account: SystemAccount | None) -> dict[str, Any]:
    """Return what starts a process in an account, with its groups and no others, in a folder that it can be in."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": account.groups, "cwd": "/"}


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit {code}"
