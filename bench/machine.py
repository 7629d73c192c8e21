"""What the machine is, what its processor does in a second, and what processes cost, from /proc.

`python -m bench.machine` prints what the server's own ways of hashing, encrypting and copying cost here.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1024 * 1024
GIB = 1024 * MIB
_TICKS = os.sysconf("SC_CLK_TCK")
SERVER_CORE, CLIENT_CORE = 0, 1


def description() -> str:
    """Return the processor, its cores, memory and system in one line."""
    cpu = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    return f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release().split('-')[0]}, Python {platform.python_version()}"


def commit() -> str:
    """Return the commit that is measured; `+` says that the tree had changes."""
    head = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    dirty = subprocess.run(
        ["git", "status", "--porcelain", "-uno"], capture_output=True, text=True, check=False
    ).stdout.strip()
    return head + ("+" if dirty else "")


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port: int, seconds: float = 30) -> None:
    """Return once somebody listens on the port."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    msg = f"nobody listens on port {port}"
    raise TimeoutError(msg)


def pinned(core: int) -> list[str]:
    """Return the words that pin a command to a core; without two cores nothing is pinned."""
    return ["taskset", "-c", str(core)] if (os.cpu_count() or 1) > 1 else []


def tree(root: int) -> list[int]:
    """Return the process and all its descendants that live now."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, queue = [], [root]
    while queue:
        process = queue.pop()
        found.append(process)
        queue.extend(children.get(process, []))
    return found


def cpu_seconds(root: int) -> float:
    """Return user and system seconds of a process tree, its ended and waited-for children included."""
    total = 0
    for process in tree(root):
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += sum(int(value) for value in fields[11:15])
    return total / _TICKS


def memory_kib(root: int) -> int:
    """Return the proportional set size of a process tree in KiB."""
    total = 0
    for process in tree(root):
        try:
            for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        except OSError:
            continue
    return total


class MemoryWatch:
    """The most memory that a process tree has while something runs."""

    _PAUSE_SECONDS = 0.2

    def __init__(self, root: int) -> None:
        self.most_kib = 0
        self._root = root
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(self._PAUSE_SECONDS):
            self.most_kib = max(self.most_kib, memory_kib(self._root))


def end(process: subprocess.Popen) -> None:
    """Stop a server and wait for it: politely, then not."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


# --- what the processor does -----------------------------------------------------------------------------------------

_BLOCK_BYTES = 256 * 1024
"""A slot of the server: so much is hashed, encrypted and copied at once."""


def processor() -> dict[str, float]:
    """Return CPU seconds a GiB of SHA-256, AES-256-GCM and a memory copy, in a process pinned to the server's core."""
    command = [*pinned(SERVER_CORE), sys.executable, "-m", "bench.machine"]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def _costs() -> dict[str, float]:
    block, sealed, nonce = os.urandom(_BLOCK_BYTES), bytearray(_BLOCK_BYTES + 16), os.urandom(12)
    digest, cipher = hashlib.sha256(), AESGCM(os.urandom(32))
    near, far = memoryview(os.urandom(64 * MIB)), memoryview(bytearray(64 * MIB))

    def copy(number: int) -> None:
        at = number * _BLOCK_BYTES % len(near)
        far[at : at + _BLOCK_BYTES] = near[at : at + _BLOCK_BYTES]

    return {
        "sha256": _cost(lambda _: digest.update(block)),
        "aes-256-gcm": _cost(lambda _: cipher.encrypt_into(nonce, block, None, sealed)),
        "copy": _cost(copy),
    }


def _cost(act: Callable[[int], object]) -> float:
    """Return the CPU seconds that an act on a block costs for a GiB: the best of three tries at a quarter of one."""
    count = GIB // _BLOCK_BYTES // 4
    taken = []
    for _ in range(3):
        began = time.process_time()
        for number in range(count):
            act(number)
        taken.append(4 * (time.process_time() - began))
    return round(min(taken), 3)


if __name__ == "__main__":
    print(json.dumps(_costs()))
