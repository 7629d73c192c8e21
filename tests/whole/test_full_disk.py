"""The disk is full: who uploads is told so, who downloads goes on, nothing that was acknowledged is lost."""

import contextlib
import os
import secrets
import subprocess
import threading

import httpx
import pytest

from tests.peers import missing
from tests.running_server import RunningServer

MIB = 1024 * 1024
DISK = 48 * MIB


@pytest.fixture
def server(tmp_path):
    """A server whose blobs lie on a file system of 48 MiB."""
    blobs = tmp_path / "data" / "blobs"
    blobs.mkdir(parents=True)
    blobs.parent.chmod(0o700)
    if (
        os.geteuid()
        or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", blobs], check=False).returncode
    ):
        missing("a small file system cannot be mounted here")
    try:
        with RunningServer.started(tmp_path) as server:
            server.organization("clinic", "anna")
            server.folder_for("clinic:/in", "anna@clinic")
            yield server
    finally:
        subprocess.run(["umount", "--lazy", blobs], check=True)


@pytest.mark.slow
def test_a_full_disk_is_told_and_hurts_no_other_transfer(server):
    headers = {"Authorization": f"Bearer {server.token('anna@clinic')}"}
    kept = secrets.token_bytes(20 * MIB)
    got = []
    with httpx.Client(headers=headers, timeout=60) as client:
        assert client.put(server.url("/in/kept"), content=kept).status_code == 201
        with client.stream("GET", server.url("/in/kept")) as download:
            pieces = download.iter_raw(64 * 1024)
            got.append(next(pieces))
            reading = threading.Thread(target=lambda: got.extend(pieces))
            refused = httpx.put(
                server.url("/in/too-much"), content=secrets.token_bytes(40 * MIB), headers=headers, timeout=60
            )
            assert refused.json()["code"] == "store-full", refused.text
            assert refused.status_code in {503, 507}
            reading.start()
            reading.join(60)
        assert b"".join(got) == kept
        assert client.get(server.url("/in/too-much")).status_code == 404
        # What was refused takes no room any more: the next file that fits is taken.
        assert client.put(server.url("/in/small"), content=kept[:MIB]).status_code == 201
        assert client.get(server.url("/in/small")).content == kept[:MIB]
        assert client.get(server.url("/in/kept")).content == kept
    with contextlib.suppress(FileNotFoundError):
        assert "Traceback" not in server.log.read_text()
    assert "whole" in server.verify_ledger()
