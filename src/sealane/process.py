"""What every process of the server does first: take its settings, close itself off, log, and know when to stop.

The supervisor starts `python -m sealane.ROOM --data DIR [--fd N]…` and writes one JSON object of settings to its
standard input, so that no secret is ever in an argument or in the environment. Must stay true: once `begin` returned,
no core dump of this process is written, no other process can look into its memory, it cannot gain rights, and it ends
with its parent.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import json
import logging
import os
import resource
import signal
import socket
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from sealane.settings import Settings

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38

_LOG_FORMAT = "%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s"


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a process was started with."""

    settings: Settings
    data_dir: Path
    listeners: tuple[socket.socket, ...]
    """Listening TCP sockets handed down by the supervisor."""

    @property
    def run_dir(self) -> Path:
        """The folder of the keeper's sockets."""
        return self.data_dir / "run"


def begin(arguments: list[str] | None = None) -> Beginning:
    """Read how this process was started, and close it off. Call it once, before any thread is started."""
    parser = argparse.ArgumentParser(description="A process of a Sealane server; `sealane serve` starts it.")
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--fd", type=int, action="append", default=[])
    given = parser.parse_args(arguments)
    close_off()
    _gain_nothing()
    end_with_parent()
    log_to_stderr()
    # Ctrl-C reaches the whole process group; only the supervisor answers it, and stops the rest in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    settings = Settings(**json.load(sys.stdin))
    listeners = tuple(socket.socket(fileno=number) for number in given.fd)
    for listener in listeners:
        listener.settimeout(0)
    return Beginning(settings=settings, data_dir=given.data, listeners=listeners)


def settings_json(settings: Settings) -> bytes:
    """Return what `begin` reads from standard input. Holds the blob store's credentials: never logged or stored."""
    return json.dumps(asdict(settings)).encode()


def close_off() -> None:
    """Write no core dumps, let no other process attach, give nothing that is made a bit for others."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _gain_nothing() -> None:
    """Give up for good what a program with more rights, or with root's, could give (prctl(2), PR_SET_NO_NEW_PRIVS)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def end_with_parent() -> None:
    """Ask the kernel for SIGKILL when the parent is gone (prctl(2)): nothing serves on without its supervisor."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() == 1 and os.getpid() != 1:
        raise SystemExit("the supervisor is gone")


def log_to_stderr(level: int = logging.INFO) -> None:
    """Log to standard error, as service supervisors expect it."""
    logging.basicConfig(stream=sys.stderr, level=level, format=_LOG_FORMAT, force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)


def stop_asked(loop: asyncio.AbstractEventLoop) -> asyncio.Event:
    """Return an event that is set when this process is asked to stop (SIGTERM)."""
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    return stop
