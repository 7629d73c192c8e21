"""A sealed folder on a real server whose processes are killed, and our own client before it."""

import hashlib
import subprocess
import sys
import time

import paramiko
import pytest

from tests.peers import need
from tests.running_server import RunningServer
from tests.sealed.test_clients import KNOWN, WAIT_SECONDS, Sealed

pytestmark = pytest.mark.slow
MIB = 1 << 20
BLOCK = 4 * MIB


@pytest.fixture
def sealed(tmp_path):
    for program in ("sftp", "age", "age-keygen", "curl"):
        need(program)
    (tmp_path / "server").mkdir()
    with RunningServer.started(tmp_path / "server") as server:
        yield Sealed(tmp_path, server)


def block(number, size):
    """Known plaintext that differs from block to block."""
    head = f"{number:08d}".encode() + KNOWN
    return (head * (size // len(head) + 1))[:size]


def connected(sealed):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(
        "127.0.0.1", sealed.server.sftp_port, "sender@clinic", key_filename=str(sealed.folder / "key"),
        allow_agent=False, look_for_keys=False,
    )  # fmt: skip
    return client


def write_jumping(sealed, name, blocks):
    """Write every second block first, then the others: nothing of it can be sealed as it comes."""
    with connected(sealed) as client, client.open_sftp() as files, files.open(f"/in/{name}", "w") as file:
        file.set_pipelined(True)
        for number in [*range(1, blocks, 2), *range(0, blocks, 2)]:
            file.seek(number * BLOCK)
            file.write(block(number, BLOCK))


def expected(blocks):
    digest = hashlib.sha256()
    for number in range(blocks):
        digest.update(block(number, BLOCK))
    return digest.digest()


def plaintext_on_disk(sealed):
    return [path for path, kept in sealed.everything_on_disk() if KNOWN in kept]


def kill_when_there(server, room):
    """Kill a room's processes as soon as the supervisor has started them."""
    until = time.monotonic() + WAIT_SECONDS
    while not server.children(room):
        assert time.monotonic() < until
        time.sleep(0.01)
    server.kill_child(room)


@pytest.mark.parametrize("killed", ["inspector", "keeper", "everything"])
def test_what_was_acknowledged_is_sealed_whoever_is_killed_on_the_way(sealed, killed):
    """A file that jumped about is converted; the kills come one after the other until it is there."""
    blocks = 48 if killed == "everything" else 16
    write_jumping(sealed, "f", blocks)
    for _ in range(3):
        if killed == "everything":
            sealed.server.kill()
            assert not plaintext_on_disk(sealed)
            sealed.server.start()
        else:
            kill_when_there(sealed.server, killed)
    assert hashlib.sha256(sealed.opened("f")).digest() == expected(blocks)
    assert not plaintext_on_disk(sealed)
    assert sealed.server.verify_ledger()


class OwnClient:
    """`sealane` as a user runs it, with a home of their own."""

    def __init__(self, sealed, name, token):
        self.home = sealed.folder / "mine" / name
        self.home.mkdir(parents=True)
        self._sealed = sealed
        self.environ = sealed.server.environ() | {
            "HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home / "config"), "XDG_STATE_HOME": str(self.home),
            "SEALANE_URL": f"http://127.0.0.1:{sealed.server.http_port}", "SEALANE_TOKEN": token,
        }  # fmt: skip
        self.environ = {
            name: said for name, said in self.environ.items()
            if not name.startswith("SEALANE_") or name in {"SEALANE_URL", "SEALANE_TOKEN"}
        }  # fmt: skip

    def begin(self, *arguments):
        command = [sys.executable, "-c", "from sealane.cli.main import main; main()", *arguments]
        return subprocess.Popen(
            command, env=self.environ, cwd=self.home, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, *arguments, expect=0):
        process = self.begin(*arguments)
        said, _ = process.communicate(timeout=120)
        assert process.returncode == expect, said
        return said


def test_our_own_client_seals_goes_on_opens_and_wraps_anew(sealed):
    server = sealed.server
    reader = OwnClient(sealed, "reader", sealed.reader_token)
    server.sealane("user", "add", "second@clinic")
    second = OwnClient(sealed, "second", server.token("second@clinic"))
    for user, client in (("reader", reader), ("second", second)):
        key = client.run("keys", "new", "--classic", "--out", str(client.home / "identity.txt")).split()[-1]
        server.sealane("user", "recipient", "add", f"{user}@clinic", key)
    sender = OwnClient(sealed, "sender", sealed.sender_token)
    source = sender.home / "claims"
    source.write_bytes(block(0, 96 * MIB))
    sending = sender.begin("put", str(source), "/in/")
    until = time.monotonic() + WAIT_SECONDS
    while sum(path.stat().st_size for path in server.data_dir.rglob("*") if path.is_file()) < 24 * MIB:
        assert time.monotonic() < until
        assert sending.poll() is None, sending.stdout.read()
        time.sleep(0.01)
    sending.kill()
    sending.communicate()
    server.kill()
    server.start()
    sender.run("put", str(source), "/in/")
    assert not plaintext_on_disk(sealed)
    identity = ("--identity", str(reader.home / "identity.txt"))
    reader.run("get", "/in/claims", str(reader.home / "back"), *identity)
    assert (reader.home / "back").read_bytes() == source.read_bytes()
    assert '"files": 0' in reader.run("folder", "rewrap", "/in", "--dry-run", "--json", *identity)
    second_identity = ("--identity", str(second.home / "identity.txt"))
    server.sealane("folder", "grant", "clinic:/in", "second@clinic", "--rights", "list,read")
    reader.run("folder", "rewrap", "/in", "--yes", *identity)
    second.run("get", "/in/claims", str(second.home / "back"), *second_identity)
    assert (second.home / "back").read_bytes() == source.read_bytes()
    (reader.home / "claims.age").write_bytes(sealed.fetched("claims"))
    server.sealane("folder", "revoke", "clinic:/in", "second@clinic")
    reader.run("folder", "rewrap", "/in", "--yes", *identity)
    (second.home / "now.age").write_bytes(sealed.fetched("claims"))
    out = str(second.home / "out")
    assert second.begin("open", str(second.home / "now.age"), "--out", out, *second_identity).wait(60) != 0
    reader.run("open", str(second.home / "now.age"), "--out", str(reader.home / "out"), *identity)
    assert (reader.home / "out").read_bytes() == source.read_bytes()
