"""A whole server for the client's tests, a user of it, and the client in this process or in one of its own."""

import contextlib
import dataclasses
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from sealane.cli.main import cli
from sealane.client import transfers
from sealane.client.accounts import Login
from sealane.client.patience import Stop
from sealane.client.server import Server
from sealane.clock import Clock
from sealane.settings import MIB, ClientSettings
from tests.client.lying_server import LyingServer
from tests.running_server import ROOT, RunningServer

SMALL = dataclasses.replace(
    ClientSettings(),
    whole_file_bytes_max=MIB // 4,
    part_bytes_min=MIB,
    part_bytes_max=MIB,
    block_bytes=MIB // 16,
    pause_seconds_max=1,
    give_up_seconds=60,
)
"""Parts of 1 MiB, so that a few MiB are many parts."""


class User:
    """One user of one server, with a home of their own."""

    def __init__(self, server, token, home):
        self.server = server
        self.token = token
        self.home = home
        self.url = f"http://127.0.0.1:{server.http_port}"

    def environ(self, url=None):
        return {"HOME": str(self.home), "SEALANE_URL": url or self.url, "SEALANE_TOKEN": self.token}

    def run(self, *arguments, url=None, stdin=None):
        """Run `sealane …` in this process."""
        return CliRunner().invoke(cli, [str(word) for word in arguments], env=self.environ(url), input=stdin)

    def start(self, *arguments, url=None):
        """Start `sealane …` as a process that can be killed."""
        return subprocess.Popen(
            [sys.executable, "-c", "from sealane.cli.main import main; main()", *map(str, arguments)],
            env=os.environ | {"PYTHONPATH": str(ROOT / "src")} | self.environ(url),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def errand(self, settings=SMALL, url=None):
        """What `transfers.put` and `get` are given, with parts of 1 MiB; its events are in `.events`."""
        events = []
        errand = transfers.Errand(
            server=Server(Login(url or self.url, self.token), settings),
            settings=settings,
            clock=Clock(),
            stop=Stop(),
            tell=events.append,
            journals=self.home / "journals",
        )
        return errand, events

    def listing(self, path):
        done = self.run("ls", path, "--json")
        assert done.exit_code == 0, done.output
        return {entry["name"]: entry for entry in json.loads(done.stdout)}

    def file(self, name, size):
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(size))
        return path


@pytest.fixture(scope="session")
def whole_server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("client-server")
    with RunningServer.started(folder) as server:
        server.organization("clinic", "anna", "carl")
        server.organization("lab", "bob")
        server.folder_for("clinic:/shared", "anna@clinic", "bob@lab")
        server.folder_for("clinic:/drop", "carl@clinic", rights="write")
        yield server


_count = itertools.count()


@pytest.fixture
def anna(whole_server, tmp_path):
    """A member of clinic, with a fresh folder of her own under /shared."""
    return user_of(whole_server, "anna@clinic", tmp_path)


def user_of(server, name, home):
    user = User(server, server.token(name), Path(home))
    user.folder = f"/shared/{next(_count)}-{os.getpid()}"
    if name == "anna@clinic":
        assert user.run("mkdir", user.folder).exit_code == 0
    return user


@pytest.fixture
def liar():
    """A server that lies where the test says so."""
    with contextlib.closing(LyingServer()) as server:
        yield server


@pytest.fixture
def client(liar):
    """Who asks it."""
    with contextlib.closing(liar.client()) as server:
        yield server
