"""A server of the drill's own: real processes on free ports of loopback, in a folder that is thrown away."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final, TypeVar

from sealane.client.accounts import Login
from sealane.client.server import API, Server
from sealane.errors import Unavailable
from sealane.operations.accounts import AddToken, TokenIs
from sealane.operations.caller import ask_once
from sealane.settings import ClientSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Self

    from sealane.operations.accounts import Scope
    from sealane.operations.envelope import Answer, Operation

AnswerT = TypeVar("AnswerT", bound="Answer")

_START_SECONDS: Final = 60
_STOP_SECONDS: Final = 20
_PAUSE_SECONDS: Final = 0.1
SETTINGS: Final = {
    "exposure_read": 1, "checkpoint_seconds": 1, "ssh_rsa_host_key_bits": 0, "drain_seconds": 1, "workers": 1,
}  # fmt: skip


class HouseFailed(Unavailable):
    """The drill's own server did not start, or did not do what the drill waits for."""

    code = "drill-server-failed"
    default = "The drill's own server did not start."


class House:
    """The server while it runs."""

    def __init__(self, folder: Path) -> None:
        """Keep everything in this folder."""
        self.data = folder / "data"
        self.log = folder / "server.log"
        self.settings = Settings(**SETTINGS)
        self._http, self._sftp = _free_port(), _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    @contextlib.contextmanager
    def started(cls, folder: Path) -> Iterator[Self]:
        """Give a server that answers, and end it afterwards. Raises `HouseFailed`."""
        house = cls(folder)
        try:
            house._start()
            yield house
        finally:
            house.stop()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._http}"

    def admin(self, operation: Operation, wanted: type[AnswerT]) -> AnswerT:
        """Ask as the operator does."""
        answer = ask_once(self.data / "run", "admin", operation, self.settings)
        assert isinstance(answer, wanted), type(answer)
        return answer

    def login(self, user: str, *scopes: Scope) -> Login:
        """Return a login of a user, by a token of theirs."""
        return Login(self.url, self.admin(AddToken(user=user, scopes=scopes or ("read",), expires=None), TokenIs).token)

    @contextlib.contextmanager
    def asked_by(self, login: Login) -> Iterator[Server]:
        """Give the server as this user sees it."""
        server = Server(login, ClientSettings())
        try:
            yield server
        finally:
            server.close()

    def stop(self) -> None:
        """End it; what does not end by itself is killed."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(_STOP_SECONDS)

    def _start(self) -> None:
        told = {f"SEALANE_{name.upper()}": str(value) for name, value in SETTINGS.items()}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SEALANE_")}
        command = [sys.executable, "-c", "from sealane.cli.main import main; main()", "serve", "--data", str(self.data)]
        command += ["--http", f"127.0.0.1:{self._http}", "--sftp", f"127.0.0.1:{self._sftp}"]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(  # our own program, by its own interpreter
                command, env=kept | told, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        with contextlib.closing(Server(Login(self.url, "none"), ClientSettings())) as nobody:
            wait_for(lambda: self._is_ready(nobody), _START_SECONDS, "the drill's server to start")

    def _is_ready(self, nobody: Server) -> bool:
        assert self._process is not None, "it was started"
        if self._process.poll() is not None:
            raise HouseFailed(f"The drill's own server did not start: {self.log.read_text(errors='replace')[-2000:]}")
        try:
            return nobody.ask("GET", "/readyz").status < 300  # noqa: PLR2004  it is well
        except Unavailable:
            return False


def wait_for(holds: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until something holds. Raises `HouseFailed`."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise HouseFailed(f"The drill waited {seconds:.0f} seconds for {what}.")
        time.sleep(_PAUSE_SECONDS)


def address_of(path: str) -> str:
    """Return where a path's content is."""
    return f"{API}/content{path}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
