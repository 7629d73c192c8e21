"""The rows of the tables: what is measured, with which client, against whom, and how good it must be."""

from __future__ import annotations

import hashlib
import json
import secrets
import statistics
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench import clients, machine, servers
from bench.machine import GIB, MIB

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.servers import Server


@dataclass(frozen=True)
class Size:
    """How much work a run is."""

    runs: int
    large: int
    small_files: int
    small_bytes: int
    sign_ins: int
    idle: int
    parallel: int


FULL = Size(runs=3, large=512 * MIB, small_files=2000, small_bytes=16 * 1024, sign_ins=30, idle=30, parallel=200)
QUICK = Size(runs=1, large=256 * MIB, small_files=400, small_bytes=16 * 1024, sign_ins=10, idle=10, parallel=200)


@dataclass(frozen=True)
class Goal:
    """A line of a table of figures in an issue."""

    unit: str
    better: str
    at_least: float
    aim: float
    peer: str
    client: str


GOALS = {
    "sftp-up-large": Goal("cpu-s/GiB", "lower", 1.2, 0.95, "openssh-server", "openssh"),
    "sftp-down-large": Goal("cpu-s/GiB", "lower", 1.2, 0.9, "openssh-server", "openssh"),
    "sftp-rclone": Goal("cpu-s/GiB", "lower", 1.5, 1.1, "openssh-server", "rclone"),
    "sftp-go": Goal("cpu-s/GiB", "lower", 0.45, 0.3, "rclone-serve-sftp", "openssh"),
    "sftp-rate": Goal("MiB/s", "higher", 1.0, 1.3, "openssh-server", "openssh"),
    "sftp-small": Goal("files/s", "higher", 0.5, 1.0, "openssh-server", "openssh"),
    "sftp-small-32": Goal("files/s", "higher", 0.8, 1.5, "openssh-server", "openssh"),
    "sftp-login": Goal("cpu-ms", "lower", 0.6, 0.4, "openssh-server", "openssh"),
    "sftp-idle": Goal("KiB", "lower", 0.2, 0.1, "openssh-server", "openssh"),
    "https-up": Goal("cpu-s/GiB", "lower", 2.2, 1.7, "nginx", "curl"),
    "https-down": Goal("cpu-s/GiB", "lower", 1.6, 1.2, "nginx", "curl"),
    "https-go": Goal("cpu-s/GiB", "lower", 0.7, 0.5, "rclone-serve-webdav", "curl"),
    "parallel-200": Goal("MiB/s", "higher", 0.9, 1.0, "own single transfer", "curl"),
}


@dataclass
class Bench:
    """One run of the whole table: the files made, the servers as they are started, the figures as they come."""

    folder: Path
    made: Path
    size: Size
    figures: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def note(self, row: str, who: str, value: float) -> None:
        self.figures.setdefault(row, {}).setdefault(who, []).append(value)

    def source(self) -> Path:
        """Return the large file, made once."""
        path = self.folder / "large"
        if not path.exists():
            with path.open("wb") as file:
                for _ in range(self.size.large // MIB):
                    file.write(secrets.token_bytes(MIB))
        return path

    def small(self) -> Path:
        """Return the folder of small files, made once."""
        path = self.folder / "small"
        if not path.exists():
            path.mkdir()
            for number in range(self.size.small_files):
                (path / f"f{number:05}").write_bytes(secrets.token_bytes(self.size.small_bytes))
        return path

    def cost(self, server: Server, act: Callable[[], float], *, digest_of: str = "") -> tuple[float, float]:
        """Return seconds and the server's CPU seconds of an act; with `digest_of` until the digest of record exists."""
        before = machine.cpu_seconds(server.pid)
        seconds = act()
        if digest_of and server.name == "sealane":
            self.await_digest(server, digest_of)
        return seconds, machine.cpu_seconds(server.pid) - before

    def await_digest(self, server: Server, name: str) -> None:
        """Ask for the receipt until it has the digest of record; it must be the source's."""
        url = f"https://127.0.0.1:{server.http_port}/api/v1/receipts{server.root}/{name}"
        command = [
            "curl",
            "-sS",
            "-f",
            "--cacert",
            str(self.made / "tls.crt"),
            "-H",
            f"Authorization: Bearer {server.token}",
            url,
        ]
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            answer = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
            if answer.get("sha256"):
                return
            time.sleep(0.05)
        msg = f"{name} has no digest of record after a minute"
        raise TimeoutError(msg)

    def verify(self, path: Path) -> None:
        """Compare a download with its source, once a server."""
        with path.open("rb") as got, self.source().open("rb") as sent:
            if hashlib.file_digest(got, "sha256").digest() != hashlib.file_digest(sent, "sha256").digest():
                msg = f"{path} is not what was sent"
                raise AssertionError(msg)

    # --- SFTP -------------------------------------------------------------------------------------------------------

    def sftp_large(self, server: Server, *, rows: tuple[str, ...]) -> None:
        """One large file up and down with OpenSSH's client."""
        source, back = self.source(), self.folder / "back"
        for number in range(self.size.runs):
            name = f"large{number}"
            seconds, cpu = self.cost(
                server,
                lambda name=name: clients.openssh(server, self.made, f"put {source} {server.root}/{name}\n"),
                digest_of=name,
            )
            gib = self.size.large / GIB
            down_seconds, down_cpu = self.cost(
                server, lambda name=name: clients.openssh(server, self.made, f"get {server.root}/{name} {back}\n")
            )
            self.verify(back)
            clients.openssh(server, self.made, f"rm {server.root}/{name}\n")
            back.unlink()
            if "sftp-up-large" in rows:
                self.note("sftp-up-large", server.name, cpu / gib)
                self.note("sftp-down-large", server.name, down_cpu / gib)
                self.note("sftp-rate", server.name + " up", self.size.large / MIB / seconds)
                self.note("sftp-rate", server.name + " down", self.size.large / MIB / down_seconds)
            if "sftp-go" in rows:
                self.note("sftp-go", server.name + " up", cpu / gib)
                self.note("sftp-go", server.name + " down", down_cpu / gib)

    def sftp_rclone(self, server: Server) -> None:
        """One large file up and down with rclone, which sends requests of 32 KiB."""
        source, back = self.source(), self.folder / "back"
        for number in range(self.size.runs):
            name = f"rclone{number}"
            remote = f"remote:{server.root}/{name}"
            _, cpu = self.cost(
                server,
                lambda remote=remote: clients.rclone_sftp(server, self.made, str(source), remote),
                digest_of=name,
            )
            _, down = self.cost(server, lambda remote=remote: clients.rclone_sftp(server, self.made, remote, str(back)))
            self.verify(back)
            back.unlink()
            clients.openssh(server, self.made, f"rm {server.root}/{name}\n")
            self.note("sftp-rclone", server.name + " up", cpu / (self.size.large / GIB))
            self.note("sftp-rclone", server.name + " down", down / (self.size.large / GIB))

    def sftp_small(self, server: Server) -> None:
        """Many small files on one connection, synced on both sides (`put -f`), up and down."""
        small, count = self.small(), self.size.small_files
        for number in range(self.size.runs):
            target = f"{server.root}/small{number}"
            clients.openssh(server, self.made, f"mkdir {target}\n")
            flag = "" if server.name == "sealane" else "-f "
            up = clients.openssh(server, self.made, f"put {flag}{small}/* {target}/\n")
            back = self.folder / "small-back"
            back.mkdir(exist_ok=True)
            down = clients.openssh(server, self.made, f"get {target}/* {back}/\n")
            self.note("sftp-small", server.name + " up", count / up)
            self.note("sftp-small", server.name + " down", count / down)

    def sftp_small_32(self, server: Server) -> None:
        """The same number of small files over 32 connections at once."""
        small, ways = self.small(), 32
        names = sorted(path.name for path in small.iterdir())
        flag = "" if server.name == "sealane" else "-f "
        for number in range(self.size.runs):
            target = f"{server.root}/many{number}"
            clients.openssh(server, self.made, f"mkdir {target}\n")
            back = self.folder / "many-back"
            back.mkdir(exist_ok=True)
            for direction in ("up", "down"):
                batches = []
                for way in range(ways):
                    mine = names[way::ways]
                    lines = (
                        [f"put {flag}{small}/{name} {target}/{name}" for name in mine]
                        if direction == "up"
                        else [f"get {target}/{name} {back}/{name}" for name in mine]
                    )
                    batches.append("\n".join(lines) + "\n")
                with ThreadPoolExecutor(ways) as pool:
                    began = time.monotonic()
                    list(pool.map(lambda batch: clients.openssh(server, self.made, batch), batches))
                    seconds = time.monotonic() - began
                self.note("sftp-small-32", f"{server.name} {direction}", len(names) / seconds)

    def sftp_login(self, server: Server) -> None:
        """Sign-ins one after another; CPU milliseconds of the server each."""
        clients.ssh_sign_in(server, self.made)
        for _ in range(self.size.runs):
            _, cpu = self.cost(
                server, lambda: sum(clients.ssh_sign_in(server, self.made) for _ in range(self.size.sign_ins))
            )
            self.note("sftp-login", server.name, cpu * 1000 / self.size.sign_ins)

    def sftp_idle(self, server: Server) -> None:
        """Memory that an idle connection adds to the server's processes."""
        idle = self._idle(server)
        try:
            before = machine.memory_kib(server.pid)  # what the first connections make for good is there by now
            idle += self._idle(server)
            self.note("sftp-idle", server.name, (machine.memory_kib(server.pid) - before) / self.size.idle)
        finally:
            for connection in idle:
                connection.kill()
                connection.wait()

    def _idle(self, server: Server) -> list[subprocess.Popen]:
        idle = [clients.ssh_idle(server, self.made) for _ in range(self.size.idle)]
        time.sleep(3)
        return idle

    # --- HTTPS ------------------------------------------------------------------------------------------------------

    def https_large(self, server: Server, *, rows: tuple[str, ...]) -> None:
        """One large file up and down with curl over TLS 1.3."""
        source, back = self.source(), self.folder / "back"
        root = "/api/v1/content" + server.root if server.name == "sealane" else server.root
        gib = self.size.large / GIB
        for number in range(self.size.runs):
            name = f"web{number}"
            url = f"https://127.0.0.1:{server.http_port or server.port}{root}/{name}"
            _, cpu = self.cost(
                server,
                lambda url=url: clients.curl(
                    server, self.made, "-T", str(source), "-H", "Expect:", "-o", "/dev/null", url
                ),
                digest_of=name,
            )
            _, down = self.cost(server, lambda url=url: clients.curl(server, self.made, "-o", str(back), url))
            self.verify(back)
            back.unlink()
            clients.curl(server, self.made, "-X", "DELETE", url)
            if "https-up" in rows:
                self.note("https-up", server.name, cpu / gib)
                self.note("https-down", server.name, down / gib)
            if "https-go" in rows:
                self.note("https-go", server.name + " up", cpu / gib)
                self.note("https-go", server.name + " down", down / gib)

    def parallel(self, server: Server) -> None:
        """200 downloads at once against one, MiB/s in sum; and the memory that they take."""
        part = self.size.large // self.size.parallel
        with self.source().open("rb") as file:
            (self.folder / "part").write_bytes(file.read(part))
        base = f"https://127.0.0.1:{server.http_port}/api/v1/content{server.root}"
        for number in range(self.size.parallel):
            clients.curl(server, self.made, "-T", str(self.folder / "part"), "-o", "/dev/null", f"{base}/part{number}")
        clients.curl(server, self.made, "-T", str(self.source()), "-o", "/dev/null", f"{base}/whole")
        for _ in range(self.size.runs):
            single = clients.curl(server, self.made, "-o", "/dev/null", f"{base}/whole")
            words = ["-Z", "--parallel-immediate", "--parallel-max", str(self.size.parallel), "-o", "/dev/null"]
            every = clients.curl(server, self.made, *words, f"{base}/part[0-{self.size.parallel - 1}]")
            self.note("parallel-200", "own single transfer", self.size.large / MIB / single)
            self.note("parallel-200", "sealane", part * self.size.parallel / MIB / every)
        self.note("memory", "sealane, under 200 parallel transfers", machine.memory_kib(server.pid) / 1024)


def plan(bench: Bench, wanted: set[str]) -> None:
    """Run the rows that are wanted, server by server, ours first and last between the peers by rows."""
    sftp_rows = {"sftp-up-large", "sftp-down-large", "sftp-rate"}
    steps: list[tuple[set[str], Callable[..., object], tuple[Callable[[Server], None], ...]]] = [
        (sftp_rows, servers.openssh, (lambda s: bench.sftp_large(s, rows=("sftp-up-large",)),)),
        ({"sftp-go"}, servers.rclone_sftp, (lambda s: bench.sftp_large(s, rows=("sftp-go",)),)),
        ({"sftp-rclone"}, servers.openssh, (bench.sftp_rclone,)),
        ({"sftp-small"}, servers.openssh, (bench.sftp_small,)),
        ({"sftp-small-32"}, servers.openssh, (bench.sftp_small_32,)),
        ({"sftp-login"}, servers.openssh, (bench.sftp_login,)),
        ({"sftp-idle"}, servers.openssh, (bench.sftp_idle,)),
        ({"https-up", "https-down"}, servers.nginx, (lambda s: bench.https_large(s, rows=("https-up",)),)),
        ({"https-go"}, servers.rclone_webdav, (lambda s: bench.https_large(s, rows=("https-go",)),)),
    ]
    for rows, peer, acts in steps:
        if rows & wanted:
            for start in (servers.sealane, peer):
                with start(bench.folder, bench.made) as server:
                    for act in acts:
                        act(server)
    if "sftp-up-large" in wanted:
        with servers.proftpd(bench.folder, bench.made) as server:
            bench.sftp_large(server, rows=("sftp-up-large",))
    if "parallel-200" in wanted:
        with servers.sealane(bench.folder, bench.made) as server:
            bench.parallel(server)


def results(bench: Bench) -> list[dict[str, object]]:
    """Return the rows as `latest.json` has them: medians, and the worse direction where there are two."""
    rows = []
    for row, goal in GOALS.items():
        figures = bench.figures.get(row, {})
        medians = {who: statistics.median(values) for who, values in figures.items()}
        pairs = []
        for who, ours in medians.items():
            if who.startswith("sealane"):
                peer = goal.peer + who.removeprefix("sealane")
                if peer in medians:
                    pairs.append((ours / medians[peer], ours, medians[peer], who.removeprefix("sealane").strip()))
        if not pairs:
            continue
        worst = (max if goal.better == "lower" else min)(pairs)
        for ratio, ours, theirs, direction in pairs:
            if len(pairs) > 1 and (ratio, ours, theirs, direction) != worst:
                rows.append(
                    _row(f"{row} {direction}", goal, ours, theirs, ratio, bench.size.runs, measured="other direction")
                )
        rows.append(_row(row, goal, worst[1], worst[2], worst[0], bench.size.runs, measured=worst[3]))
    return rows


def _row(
    name: str, goal: Goal, ours: float, theirs: float, ratio: float, runs: int, *, measured: str
) -> dict[str, object]:
    return {
        "id": name, "client": goal.client, "peer": goal.peer, "unit": goal.unit, "ours": round(ours, 3),
        "theirs": round(theirs, 3), "ratio": round(ratio, 3), "better": goal.better, "runs": runs,
        "at_least": goal.at_least, "aim": goal.aim, "direction": measured,
    }  # fmt: skip
