"""A whole server as real processes, on free ports of 127.0.0.1, in a folder of the test.

    with RunningServer.started(tmp_path) as server:
        server.sealane("org", "add", "clinic")
        token = server.token("anna@clinic")
        …                                   # server.http_port, server.sftp_port, server.url("/a/b")
        server.kill_child("keeper")         # kill -9; the supervisor starts it again
        server.kill()                       # kill -9 of everything at once
        server.start()

A test that uses it is marked slow. Nothing here sleeps: the sockets listen from the start, so whoever connects waits
for the process behind them.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self

from sealane import configuration
from sealane.cli.asking import DataDirectory
from sealane.operations.accounts import (
    AddFolder,
    AddOrganization,
    AddToken,
    AddUser,
    GrantFolder,
    SetPassword,
    TokenIs,
)
from sealane.operations.envelope import Done

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealane.cli.asking import AnswerT
    from sealane.operations.envelope import Operation

ROOT = Path(__file__).parent.parent
START_SECONDS = 60
STOP_SECONDS = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RunningServer:
    """One server, started, stopped and killed as the test wants it."""

    program = (sys.executable, "-c", "from sealane.cli.main import main; main()")

    def __init__(self, folder: Path, **settings: object) -> None:
        """`settings` are names of `settings.py`; what is not given has short times that suit tests."""
        self.folder = folder
        self.data_dir = folder / "data"
        self.log = folder / "server.log"
        self.http_port = free_port()
        self.sftp_port = free_port()
        self.settings = {
            "http": f"127.0.0.1:{self.http_port}",
            "sftp": f"127.0.0.1:{self.sftp_port}",
            "ssh_rsa_host_key_bits": 0,
            "drain_seconds": 3,
            "inspectors": 1,  # each is a process to start; the tests of several ask for them
            "exposure_read": 0,  # reading costs a process of its own; tests of it ask for it
            **settings,
        }
        self.announced: list[str] = []
        self._supervisor: subprocess.Popen[str] | None = None

    @classmethod
    @contextlib.contextmanager
    def started(cls, folder: Path, **settings: object) -> Iterator[Self]:
        server = cls(folder, **settings)
        try:
            server.start()
            yield server
        finally:
            server.kill()

    def environ(self) -> dict[str, str]:
        """The environment of the server and of its command line."""
        wanted = {f"SEALANE_{name.upper()}": str(value) for name, value in self.settings.items()}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SEALANE_")}
        return kept | wanted | {"SEALANE_DATA": str(self.data_dir), "PYTHONPATH": str(ROOT / "src")}

    # --- starting and ending ----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start it and wait until every door answers."""
        assert self._supervisor is None
        with self.log.open("a") as log:
            self._supervisor = subprocess.Popen(
                [*self.program, "serve"],
                env=self.environ(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self.announced = []
        assert self._supervisor.stdout is not None
        for line in self._supervisor.stdout:
            self.announced.append(line.rstrip("\n"))
            if not line.strip():
                break
        if self._supervisor.poll() is not None or not self.announced:
            raise AssertionError(f"the server did not start:\n{self.log.read_text()}")
        self.wait_for_doors()

    def wait_for_doors(self) -> None:
        """Return once SFTP says its version and HTTP says that it is ready."""
        with socket.create_connection(("127.0.0.1", self.sftp_port), timeout=START_SECONDS) as line:
            assert line.recv(4) == b"SSH-", self.log.read_text()
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=START_SECONDS)
        with contextlib.closing(connection):
            connection.request("GET", "/readyz")
            assert connection.getresponse().status == 200, self.log.read_text()

    def terminate(self) -> int:
        """SIGTERM; return the exit code after everything has drained."""
        assert self._supervisor is not None
        self._supervisor.send_signal(signal.SIGTERM)
        return self._ended(STOP_SECONDS)

    def kill(self) -> None:
        """`kill -9` of everything at once: the supervisor and all that it started (its session)."""
        if self._supervisor is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._supervisor.pid, signal.SIGKILL)
            self._ended(STOP_SECONDS)

    def _ended(self, seconds: float) -> int:
        assert self._supervisor is not None
        code = self._supervisor.wait(seconds)
        if self._supervisor.stdout is not None:
            self._supervisor.stdout.close()
        self._supervisor = None
        return code

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the supervisor."""
        assert self._supervisor is not None
        self._supervisor.send_signal(number)

    def children(self, room: str) -> list[int]:
        """The process ids of `keeper`, `inspector`, `doors.sftp` or `doors.http`, as they are now."""
        assert self._supervisor is not None
        listed = Path(f"/proc/{self._supervisor.pid}/task/{self._supervisor.pid}/children").read_text().split()
        found = []
        for pid in map(int, listed):
            with contextlib.suppress(OSError):
                if f"sealane.{room}".encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                    found.append(pid)
        return found

    def kill_child(self, room: str) -> None:
        """`kill -9` of every process of a room; the supervisor starts them again."""
        for pid in self.children(room):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    # --- the operator -----------------------------------------------------------------------------------------------

    def run(self, *arguments: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
        """Run `sealane …`; the test looks at its exit code."""
        return subprocess.run(
            [*self.program, *arguments],
            env=self.environ() | environ,
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def sealane(self, *arguments: str, stdin: str = "", **environ: str) -> str:
        """Run `sealane …`, which must succeed, and return what it printed."""
        done = self.run(*arguments, stdin=stdin, **environ)
        assert done.returncode == 0, f"sealane {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def ask(self, operation: Operation, wanted: type[AnswerT]) -> AnswerT:
        """Ask one operation as the operator's command does, without a process for it."""
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return DataDirectory(self.data_dir, configuration.load(environ=self.environ())).ask(operation, wanted)

    def organization(self, name: str, *users: str) -> None:
        """Make an organization and members of it."""
        self.ask(AddOrganization(name=name), Done)
        for user in users:
            self.ask(AddUser(user=f"{user}@{name}"), Done)

    def folder_for(self, folder: str, *users: str, rights: str = "list,read,write,delete") -> None:
        """Make a folder `ORG:/PATH` and give these users rights on it."""
        self.ask(AddFolder(folder=folder), Done)
        for user in users:
            self.ask(GrantFolder(folder=folder, grantee=user, rights=tuple(rights.split(","))), Done)

    def token(self, user: str, *scopes: str) -> str:
        """Return a new API token of a user, which lasts for a day."""
        until = datetime.now(UTC) + timedelta(days=1)
        return self.ask(AddToken(user=user, scopes=scopes or ("read", "write"), expires=until), TokenIs).token

    def password(self, user: str) -> str:
        """Set a new password of a user and return it."""
        password = secrets.token_urlsafe(16)
        self.ask(SetPassword(user=user, password=password), Done)
        return password

    def url(self, path: str) -> str:
        """Return the URL of a path's content."""
        return f"http://127.0.0.1:{self.http_port}/api/v1/content{path}"

    def verify_ledger(self) -> str:
        """Prove the ledger; it must be whole."""
        return self.sealane("audit", "verify")
