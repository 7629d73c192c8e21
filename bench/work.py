"""The work that is measured: each act is one run of a row (or a few) on one server, and notes its figures."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import secrets
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench import clients, machine
from bench.machine import GIB, MIB
from tests.client.long_line import LongLine

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
    sign_ins: int
    idle: int
    line: int
    """Bytes that our client moves over the long line; one stream of curl moves an eighth of it."""


FULL = Size(runs=3, large=512 * MIB, small_files=2000, sign_ins=30, idle=30, line=256 * MIB)
QUICK = Size(runs=1, large=256 * MIB, small_files=400, sign_ins=10, idle=10, line=128 * MIB)
SMALL_BYTES = 16 * 1024
PARALLEL = 200
LINE_WINDOW_BYTES = MIB
"""What one connection has on the way over the long line: 12.5 MiB a second at 80 ms."""
SLOW_BYTES_PER_SECOND = MIB // 2
"""So slowly each of the parallel transfers goes whose memory is looked at, that all of them run at once."""


@dataclass
class Bench:
    """One run of the whole table: the files made, the figures as they come."""

    folder: Path
    made: Path
    size: Size
    figures: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    _digests: dict[Path, bytes] = field(default_factory=dict)

    def note(self, row: str, who: str, value: float) -> None:
        self.figures.setdefault(row, {}).setdefault(who, []).append(value)

    def source(self, size: int = 0) -> Path:
        """Return a file of random bytes of this size, made once; the large one by default."""
        size = size or self.size.large
        path = self.folder / f"source-{size}"
        if not path.exists():
            with path.open("wb") as file:
                for start in range(0, size, MIB):
                    file.write(secrets.token_bytes(min(MIB, size - start)))
        return path

    def small(self) -> Path:
        """Return the folder of small files, made once."""
        path = self.folder / "small"
        if not path.exists():
            path.mkdir()
            for number in range(self.size.small_files):
                (path / f"f{number:05}").write_bytes(secrets.token_bytes(SMALL_BYTES))
        return path

    def fresh(self, name: str) -> Path:
        """Return a folder that is there and empty."""
        path = self.folder / name
        if path.exists():
            for file in path.iterdir():
                file.unlink()
        path.mkdir(exist_ok=True)
        return path

    def cost(self, server: Server, act: Callable[[], float], *, digest_of: str = "") -> tuple[float, float]:
        """Return seconds and the server's CPU seconds of an act; with `digest_of` until the digest of record exists."""
        before = machine.cpu_seconds(server.pid)
        seconds = act()
        if digest_of and server.name == "sealane":
            self._await_digest(server, digest_of)
        return seconds, machine.cpu_seconds(server.pid) - before

    def _await_digest(self, server: Server, name: str) -> None:
        """Ask for the receipt until it has the digest of record."""
        url = f"https://127.0.0.1:{server.http_port}/api/v1/receipts{server.root}/{name}"
        words = ["-H", f"Authorization: Bearer {server.token}", "--cacert", str(self.made / "tls.crt")]
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            done = subprocess.run(["curl", "-sS", "-f", *words, url], capture_output=True, check=True, text=True)
            if json.loads(done.stdout).get("sha256"):
                return
            time.sleep(0.05)
        msg = f"{name} has no digest of record after a minute"
        raise TimeoutError(msg)

    def _took_back(self, path: Path, source: Path) -> None:
        """Compare a download with its source, and remove it."""
        if source not in self._digests:
            self._digests[source] = _sha256(source)
        if _sha256(path) != self._digests[source]:
            msg = f"{path} is not what was sent"
            raise AssertionError(msg)
        path.unlink()

    def _there_and_back(
        self, server: Server, name: str, up: Callable[[Path], float], down: Callable[[Path], float]
    ) -> tuple[tuple[float, float], tuple[float, float]]:
        """Send the large file and fetch it again; return seconds and CPU seconds a GiB of both."""
        source, back, gib = self.source(), self.folder / "back", self.size.large / GIB
        up_seconds, up_cpu = self.cost(server, lambda: up(source), digest_of=name)
        down_seconds, down_cpu = self.cost(server, lambda: down(back))
        self._took_back(back, source)
        return (up_seconds, up_cpu / gib), (down_seconds, down_cpu / gib)

    # --- SFTP -------------------------------------------------------------------------------------------------------

    def sftp_large(self, server: Server, run: int) -> None:
        """One large file up and down with OpenSSH's client."""
        name = f"large{run}"
        remote = f"{server.root}/{name}"
        (up_seconds, up), (down_seconds, down) = self._there_and_back(
            server,
            name,
            lambda source: clients.openssh(server, self.made, f"put {source} {remote}\n"),
            lambda back: clients.openssh(server, self.made, f"get {remote} {back}\n"),
        )
        clients.openssh(server, self.made, f"rm {remote}\n")
        self.note("sftp-up-large", server.name, up)
        self.note("sftp-down-large", server.name, down)
        self.note("sftp-rate", server.name + " up", self.size.large / MIB / up_seconds)
        self.note("sftp-rate", server.name + " down", self.size.large / MIB / down_seconds)
        self.note("sftp-go", server.name + " up", up)
        self.note("sftp-go", server.name + " down", down)

    def sftp_rclone(self, server: Server, run: int) -> None:
        """One large file up and down with rclone, which sends requests of 32 KiB."""
        name = f"rclone{run}"
        remote = f"remote:{server.root}/{name}"
        (_, up), (_, down) = self._there_and_back(
            server,
            name,
            lambda source: clients.rclone_sftp(server, self.made, str(source), remote),
            lambda back: clients.rclone_sftp(server, self.made, remote, str(back)),
        )
        clients.openssh(server, self.made, f"rm {server.root}/{name}\n")
        self.note("sftp-rclone", server.name + " up", up)
        self.note("sftp-rclone", server.name + " down", down)

    def sftp_lftp(self, server: Server, run: int) -> None:
        """One large file up and down with lftp."""
        name = f"lftp{run}"
        remote = f"{server.root}/{name}"
        (_, up), (_, down) = self._there_and_back(
            server,
            name,
            lambda source: clients.lftp(server, self.made, f"put {source} -o {remote}"),
            lambda back: clients.lftp(server, self.made, f"get {remote} -o {back}"),
        )
        clients.openssh(server, self.made, f"rm {remote}\n")
        self.note("sftp-lftp", server.name + " up", up)
        self.note("sftp-lftp", server.name + " down", down)

    def sftp_small(self, server: Server, run: int) -> None:
        """Many small files on one connection, synced on both sides (`put -f`), up and down."""
        small, count = self.small(), self.size.small_files
        target = f"{server.root}/small{run}"
        clients.openssh(server, self.made, f"mkdir {target}\n")
        up = clients.openssh(server, self.made, f"put {server.sync}{small}/* {target}/\n")
        down = clients.openssh(server, self.made, f"get {target}/* {self.fresh('small-back')}/\n")
        self.note("sftp-small", server.name + " up", count / up)
        self.note("sftp-small", server.name + " down", count / down)

    def sftp_small_32(self, server: Server, run: int) -> None:
        """The same number of small files over 32 connections at once."""
        small, ways = self.small(), 32
        names = sorted(path.name for path in small.iterdir())
        target, back = f"{server.root}/many{run}", self.fresh("many-back")
        clients.openssh(server, self.made, f"mkdir {target}\n")
        lines = {
            "up": lambda name: f"put {server.sync}{small}/{name} {target}/{name}\n",
            "down": lambda name: f"get {target}/{name} {back}/{name}\n",
        }
        for direction, line in lines.items():
            batches = ["".join(map(line, names[way::ways])) for way in range(ways)]
            with ThreadPoolExecutor(ways) as pool:
                began = time.monotonic()
                list(pool.map(lambda batch: clients.openssh(server, self.made, batch), batches))
                seconds = time.monotonic() - began
            self.note("sftp-small-32", f"{server.name} {direction}", len(names) / seconds)

    def sftp_login(self, server: Server, _run: int) -> None:
        """Sign-ins one after another; CPU milliseconds of the server each."""
        clients.ssh_sign_in(server, self.made)
        count = self.size.sign_ins
        _, cpu = self.cost(server, lambda: sum(clients.ssh_sign_in(server, self.made) for _ in range(count)))
        self.note("sftp-login", server.name, cpu * 1000 / count)

    def sftp_idle(self, server: Server, _run: int) -> None:
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

    # --- sealed folders ---------------------------------------------------------------------------------------------

    def sealed(self, server: Server, run: int) -> None:
        """One large file into an ordinary folder and into a sealed one with OpenSSH's client.

        The sealed one is looked at when it is visible, and when the digest of its payload exists, for which somebody has
        to ask.
        """
        gib, source = self.size.large / GIB, self.source()
        into = dataclasses.replace(server, root="/sealed")
        name = f"sealed{run}"
        _, ordinary = self.cost(
            server,
            lambda: clients.openssh(server, self.made, f"put {source} {server.root}/{name}\n"),
            digest_of=name,
        )
        before = machine.cpu_seconds(server.pid)
        clients.openssh(into, self.made, f"put {source} {into.root}/{name}\n")
        self._await_header(into, name, "sealane-plaintext-digest")
        visible = machine.cpu_seconds(server.pid) - before
        self._ask_for_payload_digest(into, name)
        whole = machine.cpu_seconds(server.pid) - before
        self.note("sealed-up", "own ordinary upload", ordinary / gib)
        self.note("sealed-up", "sealane", visible / gib)
        self.note("sealed-up-digested", "own ordinary upload", ordinary / gib)
        self.note("sealed-up-digested", "sealane", whole / gib)
        clients.openssh(server, self.made, f"rm {server.root}/{name}\nrm {into.root}/{name}\n")

    def https_sealed(self, server: Server, run: int) -> None:
        """One large sealed file down with curl: stored ciphertext, handed out as it lies there."""
        name = f"websealed{run}"
        into = dataclasses.replace(server, root="/sealed") if server.name == "sealane" else server
        url = into.content_url(name)
        clients.curl(into, self.made, "-T", str(self.source()), "-H", "Expect:", "-o", "/dev/null", url)
        if server.name == "sealane":
            self._await_header(into, name, "sealane-plaintext-digest")
        back = self.folder / "back"
        _, down = self.cost(into, lambda: clients.curl(into, self.made, "-o", str(back), url))
        if back.stat().st_size < self.size.large:
            msg = f"{url} is not all of what was sent"
            raise AssertionError(msg)
        back.unlink()
        clients.curl(into, self.made, "-X", "DELETE", url)
        self.note("https-down-sealed", server.name, down / (self.size.large / GIB))

    def _ask_for_payload_digest(self, server: Server, name: str) -> None:
        words = [
            "-H",
            f"Authorization: Bearer {server.token}",
            "--cacert",
            str(self.made / "tls.crt"),
            "-o",
            "/dev/null",
        ]
        url = f"https://127.0.0.1:{server.http_port}/api/v1/receipts{server.root}/{name}"
        subprocess.run(["curl", "-sSf", *words, url], check=True)
        self._await_header(server, name, "sealane-payload-digest")

    def _await_header(self, server: Server, name: str, header: str) -> None:
        """Ask for a file's headers until this one is there."""
        words = ["-H", f"Authorization: Bearer {server.token}", "--cacert", str(self.made / "tls.crt")]
        url = f"https://127.0.0.1:{server.http_port}/api/v1/content{server.root}/{name}.age"
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            done = subprocess.run(["curl", "-sS", "-I", *words, url], capture_output=True, check=True, text=True)
            if header in done.stdout.lower():
                return
            time.sleep(0.05)
        msg = f"{name} has no {header} after a minute"
        raise TimeoutError(msg)

    # --- HTTPS ------------------------------------------------------------------------------------------------------

    def https_large(self, server: Server, run: int) -> None:
        """One large file up and down with curl over TLS 1.3."""
        name = f"web{run}"
        url = server.content_url(name)
        (_, up), (_, down) = self._there_and_back(
            server,
            name,
            lambda source: clients.curl(server, self.made, "-T", str(source), "-H", "Expect:", "-o", "/dev/null", url),
            lambda back: clients.curl(server, self.made, "-o", str(back), url),
        )
        clients.curl(server, self.made, "-X", "DELETE", url)
        self.note("https-up", server.name, up)
        self.note("https-down", server.name, down)
        self.note("https-go", server.name + " up", up)
        self.note("https-go", server.name + " down", down)

    def parallel(self, server: Server, run: int) -> None:
        """200 downloads at once against one, MiB/s in sum; each so long that beginning them is the smaller part."""
        part = self.size.large // 64
        if not run:
            clients.curl_each(server, self.made, PARALLEL, "part", send=self.source(part))
            clients.curl(server, self.made, "-T", str(self.source()), "-o", "/dev/null", server.content_url("whole"))
        single = clients.curl(server, self.made, "-o", "/dev/null", server.content_url("whole"))
        every = clients.curl_each(server, self.made, PARALLEL, "part")
        self.note("parallel-200", "own single transfer", self.size.large / MIB / single)
        self.note("parallel-200", "sealane", part * PARALLEL / MIB / every)

    def memory(self, server: Server, run: int) -> None:
        """Memory of the server's processes while 200 uploads, then 200 downloads, run at once."""
        source = self.source(2 * MIB)
        name = f"slow{run}-"
        for direction, send in (("up", source), ("down", None)):
            with machine.MemoryWatch(server.pid) as watch:
                clients.curl_each(server, self.made, PARALLEL, name, send=send, rate=SLOW_BYTES_PER_SECOND)
            self.note("memory-200", f"{server.name} {direction}", watch.most_kib / 1024)

    # --- our client -------------------------------------------------------------------------------------------------

    def client(self, server: Server, run: int) -> None:
        """One file by `sealane put` and `get` over a line of 80 ms, beside one stream of curl; and without the line."""
        large, small = self.source(self.size.line), self.source(self.size.line // 8)
        root = f"/api/v1/content{server.root}"
        with LongLine(server.http_port, window_bytes=LINE_WINDOW_BYTES) as line:
            url = f"https://127.0.0.1:{line.port}{root}/stream{run}"
            up = clients.curl(server, self.made, "-T", str(small), "-H", "Expect:", "-o", "/dev/null", url)
            down = clients.curl(server, self.made, "-o", "/dev/null", url)
            self.note("client-80ms", "curl, one stream put", self.size.line // 8 / MIB / up)
            self.note("client-80ms", "curl, one stream get", self.size.line // 8 / MIB / down)
            self._put_and_get(server, large, line.port, f"line{run}", "sealane")
        self._put_and_get(server, large, server.http_port, f"direct{run}", "without the line, sealane")

    def _put_and_get(self, server: Server, source: Path, port: int, name: str, who: str) -> None:
        back = self.folder / "back"
        remote = f"{server.root}/{name}"
        up = clients.sealane(server, self.made, port, "put", str(source), remote)
        down = clients.sealane(server, self.made, port, "get", remote, str(back))
        self._took_back(back, source)
        self.note("client-80ms", f"{who} put", self.size.line / MIB / up)
        self.note("client-80ms", f"{who} get", self.size.line / MIB / down)


def _sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
