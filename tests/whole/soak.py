"""The soak: 200 connections for ten minutes, and afterwards nothing is lost, nothing has grown, nothing is unexplained.

`make soak`, or `python -m tests.whole.soak`; `SOAK_SECONDS` shortens it, `SOAK_CONNECTIONS` changes how many there are.
Two processes of load (soak_load.py), one by SFTP and one by HTTPS, send, fetch, rename, delete and list; some transfers
are cut in the middle and resumed. Prints a short account; exits 1 if a claim does not hold.
"""

import asyncio
import contextlib
import http.client
import json
import os
import re
import secrets
import shutil
import signal
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import asyncssh
import httpx

from bench.machine import tree
from sealane.app import certificate
from tests.running_server import ROOT, START_SECONDS, RunningServer

MIB = 1 << 20
LOOK_SECONDS = 1.0
"""How often memory is looked at."""
GROWTH_RATIO_MAX = 1.10
GROWTH_MIB_MAX = 8
"""How much more memory a process may have in the last quarter than in the second: a tenth and 8 MiB, which the
allocator's own moods take. A leak of 100 bytes an operation is more than that in ten minutes."""
USERS = 4
LASTING = ("keeper", "inspector", "doors.sftp", "doors.http")
"""Rooms that are one process from the beginning to the end."""
PAGE_CACHE_MIB = 64
"""Of the keeper's database (`cache_size` in database/sqlite.py)."""
FLAT_SECONDS_MIN = 240
"""Shorter, and the second quarter is still the time in which connections are made and pools fill: not judged."""
FINISH_SECONDS_MAX = 600
"""How long the load may take to look at everything after its time is over."""
OWED_SECONDS_MAX = 180
KEPT_LOG = ROOT / "build" / "soak-server.log"
_UNEXPLAINED = re.compile(r" (ERROR|CRITICAL) |Traceback \(most recent call last\)")
_ROOM = re.compile(rb"sealane\.([a-z.]+)")


class SoakServer(RunningServer):
    """A server that speaks HTTPS, and clears up what was replaced while it runs."""

    def __init__(self, folder: Path) -> None:
        self.certificate, key = certificate.ensured(folder / "tls", ["127.0.0.1"], datetime.now(UTC))
        super().__init__(
            folder, tls_cert=self.certificate, tls_key=key, version_keep_seconds=20, sweep_seconds=10,
            unnamed_blob_keep_seconds=60, finished_upload_keep_seconds=20,
        )  # fmt: skip
        self.trust = ssl.create_default_context(cafile=str(self.certificate))

    def wait_for_doors(self) -> None:
        connection = http.client.HTTPSConnection("127.0.0.1", self.http_port, timeout=START_SECONDS, context=self.trust)
        connection.request("GET", "/readyz")
        assert connection.getresponse().status == 200, self.log.read_text()
        connection.close()

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        assert self._supervisor is not None
        return self._supervisor.pid


class MemoryLog:
    """Memory of every process of a server, looked at again and again until it is closed.

    The keeper's is counted without its database's page cache: that fills to its bound as the catalogue grows.
    """

    def __init__(self, server: SoakServer) -> None:
        self.mib: dict[str, list[float]] = {}
        self._server = server
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def close_after(self, seconds: float) -> None:
        """Look for so long."""
        time.sleep(seconds)
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            for pid in tree(self._server.pid):
                name = self._name(pid)
                if name:
                    cached = self._page_cache_mib() if name.startswith("keeper ") else 0
                    self.mib.setdefault(name, []).append(_pss_mib(pid) - cached)

    def _page_cache_mib(self) -> float:
        return min(PAGE_CACHE_MIB, (self._server.data_dir / "catalogue.sqlite").stat().st_size / MIB)

    def _name(self, pid: int) -> str:
        """Return the room and the id of a process; a process that is over has none."""
        if pid == self._server.pid:
            return f"supervisor {pid}"
        try:
            found = _ROOM.search(Path(f"/proc/{pid}/cmdline").read_bytes())
        except OSError:
            return ""
        return f"{found[1].decode()} {pid}" if found else ""

    def quarters(self) -> dict[str, tuple[float, float]]:
        """Return the medians of the second and the last quarter, by process."""
        medians = {}
        for name, seen in self.mib.items():
            quarter = len(seen) // 4
            if quarter:
                medians[name] = (statistics.median(seen[quarter : 2 * quarter]), statistics.median(seen[-quarter:]))
        return medians


def _pss_mib(pid: int) -> float:
    """Return the proportional set size of a process in MiB."""
    try:
        told = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return next(int(line.split()[1]) for line in told.splitlines() if line.startswith("Pss:")) / 1024


class Load:
    """One process of load, and what it tells at its end."""

    def __init__(self, folder: Path, orders: dict) -> None:
        self._kind = orders["kind"]
        self._told = folder / f"{self._kind}.json"
        with self._told.open("w") as told:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.whole.soak_load"], cwd=ROOT, text=True, stdin=subprocess.PIPE,
                stdout=told, env=os.environ | {"PYTHONPATH": f"{ROOT}/src:{ROOT}"},
            )  # fmt: skip
        assert self._process.stdin is not None
        with self._process.stdin as stdin:
            json.dump(orders, stdin)

    def account(self, seconds: float) -> dict:
        """Return what it did, once it is over."""
        code = self._process.wait(seconds)
        assert code == 0, f"the {self._kind} load ended with {code}"
        return json.loads(self._told.read_text())

    def kill(self) -> None:
        """End it where it has not ended by itself."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()


class Soak:
    """One soak, from furnishing to the account."""

    def __init__(self, server: SoakServer, *, seconds: float, connections: int) -> None:
        self._server = server
        self._seconds = seconds
        self._connections = connections
        self._seed = int(os.environ.get("SOAK_SEED") or secrets.randbelow(2**32))
        self._token = ""
        self.wrong: list[str] = []

    def run(self) -> None:
        """Do everything; what does not hold is in `wrong`."""
        orders = self._furnish()
        print(f"{self._connections} connections for {self._seconds:.0f} seconds (SOAK_SEED={self._seed})", flush=True)
        began = time.monotonic()
        memory = MemoryLog(self._server)
        loads = [Load(self._server.folder, order) for order in orders]
        try:
            memory.close_after(self._seconds)
            accounts = [load.account(FINISH_SECONDS_MAX) for load in loads]
        finally:
            for load in loads:
                load.kill()
        self._tell_work(accounts, time.monotonic() - began)
        self._tell_memory(memory)
        self._tell_files({path: known for account in accounts for path, known in account["files"].items()})
        self._tell_log()
        self._tell_ledger()

    def _furnish(self) -> list[dict]:
        """Make users with keys and tokens and a folder for them; return the orders of both loads."""
        server = self._server
        server.organization("soak")
        server.sealane("folder", "add", "soak:/in")
        keys, tokens = [], []
        for number in range(USERS):
            user, key = f"user{number}@soak", server.folder / f"user{number}.key"
            made = asyncssh.generate_private_key("ssh-ed25519")
            made.write_private_key(key)
            made.write_public_key(key.with_suffix(".pub"))
            server.sealane("user", "add", user, "--ssh-key", str(key.with_suffix(".pub")))
            server.sealane("folder", "grant", "soak:/in", user, "--rights", "list,read,write,delete")
            keys.append([user, str(key)])
            tokens.append([user, server.token(user)])
        self._token = tokens[0][1]
        known_hosts = server.folder / "known_hosts"
        known_hosts.write_text(asyncio.run(_known_host(server.sftp_port)))
        half = self._connections // 2
        shared = {"seconds": self._seconds, "seed": self._seed}
        return [
            {
                "kind": "sftp", "port": server.sftp_port, "credentials": keys, "trust": str(known_hosts),
                "prefix": "/in/s", "connections": half, **shared,
            },
            {
                "kind": "https", "port": server.http_port, "credentials": tokens, "trust": str(server.certificate),
                "prefix": "/in/h", "connections": self._connections - half, **shared,
            },
        ]  # fmt: skip

    # --- the account ------------------------------------------------------------------------------------------------

    def _tell_work(self, accounts: list[dict], seconds: float) -> None:
        acts: Counter[str] = sum((Counter(account["acts"]) for account in accounts), Counter())
        sent, fetched = (sum(account[key] for account in accounts) / MIB for key in ("sent_bytes", "fetched_bytes"))
        print(f"done in {seconds:.0f} s: {', '.join(f'{count} x {act}' for act, count in sorted(acts.items()))}")
        print(f"bytes: {sent:.0f} MiB sent, {fetched:.0f} MiB fetched")
        for account in accounts:
            self.wrong += account["wrong"]
        missing = {"send", "send cut", "fetch", "fetch cut", "rename", "delete", "list"} - set(acts)
        if missing:
            self.wrong.append(f"the load was no load: nothing was done of {', '.join(sorted(missing))}")

    def _tell_memory(self, memory: MemoryLog) -> None:
        quarters = memory.quarters()
        shown = ", ".join(f"{name} {early:.0f} -> {late:.0f}" for name, (early, late) in sorted(quarters.items()))
        print(f"memory, MiB, second quarter -> last quarter: {shown}")
        if self._seconds >= FLAT_SECONDS_MIN:
            self.wrong += grown(quarters)
        else:
            print(f"  (not judged: that takes {FLAT_SECONDS_MIN} seconds)")
        rooms = Counter(name.partition(" ")[0] for name in memory.mib)
        for room in LASTING:
            if rooms[room] != 1:
                self.wrong.append(f"{room} ran as {rooms[room]} processes, one after another: it was started again")

    def _tell_files(self, files: dict[str, tuple[int, str]]) -> None:
        """Compare every file that was acknowledged with what the server lists, by size and digest of record."""
        deadline = time.monotonic() + OWED_SECONDS_MAX
        while True:
            listed = self._listed(sorted({path.rpartition("/")[0] for path in files}))
            owed = [path for path in files if path in listed and listed[path][1] is None]
            if not owed or time.monotonic() > deadline:
                break
            time.sleep(1)
        differ = differing(files, listed)
        print(f"files at the end: {len(files)} acknowledged, {len(listed)} listed, {len(differ)} differ")
        self.wrong += differ

    def _listed(self, folders: list[str]) -> dict[str, tuple[int, str | None]]:
        found: dict[str, tuple[int, str | None]] = {}
        headers = {"Authorization": f"Bearer {self._token}"}
        base = f"https://127.0.0.1:{self._server.http_port}/api/v1/folders"
        with httpx.Client(headers=headers, verify=self._server.trust, timeout=60) as client:
            for folder in folders:
                answer = client.get(f"{base}{folder}?limit=1000").raise_for_status().json()
                found |= {f"{folder}/{entry['name']}": (entry["size"], entry["sha256"]) for entry in answer["entries"]}
        return found

    def _tell_log(self) -> None:
        unexplained = [line for line in self._server.log.read_text().splitlines() if _UNEXPLAINED.search(line)]
        print(f"errors in the server's log: {len(unexplained)}; errors of clients that were not provoked: see below")
        self.wrong += [f"the server's log: {line}" for line in unexplained[:20]]

    def _tell_ledger(self) -> None:
        done = self._server.run("audit", "verify")
        print(f"ledger: {done.stdout.strip() or done.stderr.strip()}")
        if done.returncode:
            self.wrong.append(f"the ledger: {done.stdout}{done.stderr}")


def grown(quarters: dict[str, tuple[float, float]]) -> list[str]:
    """Return a sentence for each process that has more memory in the last quarter than it may, by its second."""
    return [
        f"{name} grew from {early:.0f} MiB to {late:.0f} MiB"
        for name, (early, late) in sorted(quarters.items())
        if late > early * GROWTH_RATIO_MAX + GROWTH_MIB_MAX
    ]


def differing(files: dict[str, tuple[int, str]], listed: dict[str, tuple[int, str | None]]) -> list[str]:
    """Return a sentence for each file that was acknowledged and is not listed so, and for each that should be gone."""
    lost = [
        f"{path}: {tuple(known)} was acknowledged, {listed.get(path)} is listed"
        for path, known in sorted(files.items())
        if listed.get(path) != tuple(known)
    ]
    return lost + [f"{path} is listed and should not be there" for path in sorted(set(listed) - set(files))]


async def _known_host(port: int) -> str:
    """Return the host keys of the SFTP door as a known-hosts file has them; asked once, before the load."""
    key = await asyncssh.get_server_host_key("127.0.0.1", port)
    assert key is not None
    return f"[127.0.0.1]:{port} {key.export_public_key().decode()}"


def soak(folder: Path, *, seconds: float, connections: int) -> list[str]:
    """Soak a fresh server in `folder`; return what does not hold."""
    server = SoakServer(folder)
    server.start()
    try:
        done = Soak(server, seconds=seconds, connections=connections)
        done.run()
    finally:
        server.kill()
    return done.wrong


def main() -> None:
    """Soak as the environment says, and tell what came of it."""
    seconds = float(os.environ.get("SOAK_SECONDS") or 600)
    connections = int(os.environ.get("SOAK_CONNECTIONS") or 200)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the server and the loads end too
    with tempfile.TemporaryDirectory(prefix="sealane-soak-") as folder:
        wrong = soak(Path(folder), seconds=seconds, connections=connections)
        if wrong:
            KEPT_LOG.parent.mkdir(exist_ok=True)
            shutil.copy(Path(folder) / "server.log", KEPT_LOG)
            print(f"The server's log is kept: {KEPT_LOG.relative_to(ROOT)}")
    for sentence in wrong[:50]:
        print(f"NOT SO: {sentence}")
    print(
        "Nothing was lost, nothing has grown, nothing is unexplained." if not wrong else f"{len(wrong)} claims failed."
    )
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
