"""The disk of the ledger is full: nothing leaves without its record, it is said, and it goes on by itself."""

import contextlib
import json
import os
import secrets
import subprocess
import time

import httpx
import pytest

from tests.peers import missing
from tests.running_server import RunningServer

MIB = 1024 * 1024
DISK = 96 * MIB
RESERVE = 24 * MIB


@pytest.fixture
def server(tmp_path):
    """A server whose whole data directory lies on a file system of 96 MiB."""
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
    until = time.monotonic() + 30
    while time.monotonic() < until:
        yield


@pytest.mark.slow
def test_nothing_leaves_without_its_record_and_it_goes_on_by_itself(server):
    headers = {"Authorization": f"Bearer {server.token('anna@clinic')}"}
    content = secrets.token_bytes(200_000)
    data = server.data_dir
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
        fetched = 1
        assert client.get(server.url("/in/kept")).content == content
        # Nothing is left at all: what cannot be recorded does not leave.
        fill(data, 0)
        for _ in range(3000):
            answer = client.get(server.url("/in/kept"))
            if answer.status_code != 200:
                break
            assert answer.content == content
            fetched += 1
        assert answer.status_code in {503, 507}, answer.status_code
        assert answer.json()["code"] in {"store-full", "unavailable"}
        assert content[:64] not in answer.content
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
