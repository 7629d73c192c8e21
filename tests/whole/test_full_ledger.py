"""The disk of the ledger is full: nothing leaves without its record, it is said, and it goes on by itself."""

import contextlib
import json
import os
import secrets
import subprocess
import time

import httpx
import pytest

from tests.peers import missing, need
from tests.running_server import RunningServer

MIB = 1024 * 1024
DISK = 160 * MIB
RESERVE = 48 * MIB
"""More than SQLite's log ever takes: what uploads write before the keeper looks, once a second, is taken of it."""


@pytest.fixture
def server(tmp_path):
    """A server whose whole data directory lies on a small file system."""
    data = tmp_path / "data"
    data.mkdir()
    if (
        os.geteuid()
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=700", "tmpfs", data], check=False
        ).returncode
    ):
        missing("a small file system cannot be mounted here")
    try:
        with RunningServer.started(tmp_path, ledger_reserve_bytes=RESERVE, token_session_seconds=3600) as server:
            server.organization("clinic", "anna")
            server.folder_for("clinic:/in", "anna@clinic")
            yield server
    finally:
        subprocess.run(["umount", "--lazy", data], check=True)


def fill(path, keep):
    """Fill the disk but for so much; the server may take of it meanwhile."""
    with contextlib.suppress(OSError), (path / "filler").open("ab", buffering=0) as filler:
        while os.statvfs(path).f_bavail * os.statvfs(path).f_frsize > keep:
            filler.write(b"x" * 4096)


def in_time():
    """Go on for as long as anything may take here, however quickly one try is answered."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        yield


class Sftp:
    """OpenSSH's client, signed in anew with anna's key for each command."""

    def __init__(self, server, folder):
        self.key, self.batch, self.port = folder / "anna.key", folder / "batch", server.sftp_port
        made = [need("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(self.key)]
        subprocess.run(made, check=True, stdin=subprocess.DEVNULL)
        server.sealane("user", "key", "add", "anna@clinic", str(self.key.with_suffix(".key.pub")))

    def run(self, command, user="anna"):
        self.batch.write_text(command + "\n")
        options = ["IdentitiesOnly=yes", "BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"]
        words = [need("sftp"), "-F", "none", "-P", str(self.port), "-i", str(self.key), "-b", str(self.batch)]
        words += [word for option in options for word in ("-o", option)]
        return subprocess.run(
            [*words, f"{user}@127.0.0.1"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )


def check_nobody_is_served(server, client, sftp, got):
    """Whatever would have to be recorded is refused with the reason, whoever asks and by whichever door.

    SQLite's log may hold room for a smaller record than the last that was refused: the smallest uses it up.
    """
    wrong = {"Authorization": "Bearer none"}
    for asked in (
        lambda: client.get(server.url("/secret/x")),
        lambda: httpx.get(server.url("/in/kept"), headers=wrong, timeout=60),
    ):
        for _ in in_time():
            answer = asked()
            if answer.json()["code"] == "store-full":
                break
        assert answer.json()["code"] == "store-full", answer.text
    refused = sftp.run(f"get /in/kept {got}")
    assert refused.returncode, refused.stdout
    assert "no room left" in refused.stderr
    assert not got.exists()
    assert "no room left" in sftp.run("ls", user="nobody").stderr
    for answer in (client.get(server.url("/in/kept")), client.put(server.url("/in/more"), content=b"more")):
        assert answer.json()["code"] == "store-full", answer.text


@pytest.mark.slow
def test_nothing_leaves_without_its_record_and_it_goes_on_by_itself(server, tmp_path):
    headers = {"Authorization": f"Bearer {server.token('anna@clinic')}"}
    content = secrets.token_bytes(200_000)
    data, got = server.data_dir, tmp_path / "got"
    sftp = Sftp(server, tmp_path)
    server.sealane("folder", "add", "clinic:/secret")
    with httpx.Client(headers=headers, timeout=60) as client:
        assert client.put(server.url("/in/kept"), content=content).status_code == 201
        # Only the reserve is left: uploads stop, downloads go on and are recorded.
        fill(data, RESERVE - 4 * MIB)
        refused = None
        for _ in in_time():  # the keeper looks once a second
            refused = client.put(server.url("/in/more"), content=secrets.token_bytes(10_000))
            if refused.status_code != 201:
                break
        assert refused.json()["code"] == "store-full", refused.text
        fetched = 2
        assert client.get(server.url("/in/kept")).content == content
        assert sftp.run(f"get /in/kept {got}").returncode == 0
        assert got.read_bytes() == content
        got.unlink()
        # Nothing is left at all: what cannot be recorded does not leave.
        fill(data, 0)
        for _ in in_time():
            answer = client.get(server.url("/in/kept"))
            if answer.status_code != 200:
                break
            assert answer.content == content
            fetched += 1
        assert answer.status_code in {503, 507}, answer.status_code
        assert answer.json()["code"] in {"store-full", "unavailable"}
        assert content[:64] not in answer.content
        check_nobody_is_served(server, client, sftp, got)
        # Nor does a keeper that is started anew take part in anything before it is on record that it was.
        server.kill_child("keeper")
        for _ in in_time():
            fill(data, 0)
            answer = client.get(server.url("/in/kept"))
            if answer.status_code == 200:
                fetched += 1
            elif answer.json()["code"] == "store-full":  # and not what is said while it is being killed
                break
        assert answer.json()["code"] == "store-full", answer.text
        check_nobody_is_served(server, client, sftp, got)
        # There is room again: everything goes on, without anybody's help.
        (data / "filler").unlink()
        for _ in in_time():
            answer = client.get(server.url("/in/kept"))
            if answer.status_code == 200:
                break
        assert answer.content == content
        fetched += 1
        for _ in in_time():
            again = client.put(server.url("/in/more"), content=content)
            if again.status_code in {201, 204}:
                break
        assert again.status_code in {201, 204}, again.text
    lines = server.sealane("audit", "log", "--kind", "download_begun", "--json").splitlines()
    begun = [json.loads(line)["body"] for line in lines]
    assert len(begun) == fetched
    assert "whole" in server.verify_ledger()
