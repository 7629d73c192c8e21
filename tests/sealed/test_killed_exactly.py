"""Real processes killed at exact points between staging and the end of sealing; what was acknowledged is sealed.

The server's own inspector is held (SIGSTOP) while one of the test's own, on the same sockets and the same store, runs
into its death at the point; then the server's own goes on.
"""

import hashlib
import http.client
import os
import signal
import subprocess
import sys
import time

import paramiko
import pytest

from sealane.vault.age import files as age_files
from sealane.vault.age.x25519 import X25519Identity
from tests.peers import need
from tests.running_server import ROOT, RunningServer

pytestmark = pytest.mark.slow
KNOWN = b"THE PATIENT'S PLAIN WORDS " * 20
CONTENT = KNOWN * 900
WAIT_SECONDS = 60


class Office:
    """A server with a sealed folder that `sender` writes to by SFTP and `reader` has the key of."""

    def __init__(self, server):
        need("ssh-keygen")
        self.server = server
        self.identity = X25519Identity.new()
        key = server.folder / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        server.sealane("org", "add", "clinic")
        server.sealane("user", "add", "sender@clinic", "--ssh-key", f"{key}.pub")
        server.sealane("user", "add", "reader@clinic", "--recipient", str(self.identity.recipient()))
        server.sealane("folder", "add", "clinic:/in", "--sealed", "--settle", "0s")
        server.sealane("folder", "grant", "clinic:/in", "sender@clinic", "--rights", "list,write")
        server.sealane("folder", "grant", "clinic:/in", "reader@clinic", "--rights", "list,read")
        self.token = server.token("reader@clinic")

    def write_jumping(self, name):
        """Write the end first and then the rest: it is staged in slots, and all of it is to be sealed afterwards."""
        half = len(CONTENT) // 2
        with paramiko.SSHClient() as client:
            client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
            client.connect(
                "127.0.0.1", self.server.sftp_port, "sender@clinic", key_filename=str(self.server.folder / "key"),
                allow_agent=False, look_for_keys=False,
            )  # fmt: skip
            with client.open_sftp() as files, files.open(f"/in/{name}", "w") as file:
                file.set_pipelined(True)
                for at, piece in ((half, CONTENT[half:]), (0, CONTENT[:half])):
                    file.seek(at)
                    file.write(piece)

    def fetched(self, name):
        """The age file once it is there; None while it is not."""
        line = http.client.HTTPConnection("127.0.0.1", self.server.http_port, timeout=WAIT_SECONDS)
        line.request("GET", f"/api/v1/content/in/{name}.age", headers={"Authorization": f"Bearer {self.token}"})
        answer = line.getresponse()
        body = answer.read()
        line.close()
        return body if answer.status == 200 else None

    def awaited(self, name):
        until = time.monotonic() + WAIT_SECONDS
        while (sealed := self.fetched(name)) is None:
            assert time.monotonic() < until, self.server.log.read_text()
            time.sleep(0.05)
        return sealed

    def inspectors(self, number):
        for pid in self.server.children("inspector"):
            os.kill(pid, number)

    def die_at(self, when, operation, *, keeper):
        """Run an inspector of our own into its death."""
        victims = ["--keeper", str(self.server.children("keeper")[0])] if keeper else []
        command = [
            sys.executable, "-m", "tests.sealed.dying_inspector", str(self.server.data_dir), when, operation, *victims
        ]  # fmt: skip
        environ = self.server.environ() | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
        done = subprocess.run(command, env=environ, cwd=ROOT, timeout=WAIT_SECONDS, check=False)
        assert done.returncode == -signal.SIGKILL

    def plaintext_on_disk(self):
        found = [path for path in self.server.folder.rglob("*") if path.is_file()]
        return [path for path in found if KNOWN[:60] in path.read_bytes()]


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    with RunningServer.started(tmp_path_factory.mktemp("killed-exactly")) as server:
        yield Office(server)
        assert server.verify_ledger()


@pytest.mark.parametrize(
    ("when", "operation", "keeper"),
    [
        ("before", "OpenSealing", False),
        ("before", "RecordSealing", False),
        ("after", "RecordSealing", True),
        ("before", "FinishSealing", True),
    ],
)
def test_killed_before_the_end_it_is_sealed_by_the_next(office, when, operation, keeper):
    name = f"{when}-{operation}-{keeper}"
    office.inspectors(signal.SIGSTOP)
    office.write_jumping(name)
    office.die_at(when, operation, keeper=keeper)
    assert not keeper or office.server.wait_for_doors() is None
    assert office.fetched(name) is None
    assert not office.plaintext_on_disk()
    office.inspectors(signal.SIGCONT)
    sealed = office.awaited(name)
    opened = age_files.open_sealed(sealed, [office.identity])
    assert hashlib.sha256(opened).digest() == hashlib.sha256(CONTENT).digest()
    assert not office.plaintext_on_disk()


def test_killed_after_the_end_was_answered_it_is_there_when_the_keeper_is_back(office):
    office.inspectors(signal.SIGSTOP)
    office.write_jumping("ended")
    office.die_at("after", "FinishSealing", keeper=True)
    office.server.wait_for_doors()
    sealed = office.fetched("ended")
    assert sealed is not None, "its end was durable before it was answered"
    assert age_files.open_sealed(sealed, [office.identity]) == CONTENT
    office.inspectors(signal.SIGCONT)


def test_everything_killed_between_staging_and_sealing(office):
    office.inspectors(signal.SIGSTOP)
    office.write_jumping("staged")
    office.server.kill()
    assert not office.plaintext_on_disk()
    office.server.start()
    assert age_files.open_sealed(office.awaited("staged"), [office.identity]) == CONTENT
