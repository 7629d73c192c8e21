"""`kill -9` of a door, of the keeper, of everything, at random moments while files move in and out.

The seed is printed and can be given again: `SEALANE_CRASH_SEED=… pytest tests/whole/test_crashes.py`.
"""

import os
import random
import secrets
import subprocess

import httpx
import pytest

from tests.peers import need
from tests.running_server import RunningServer
from tests.whole.traffic import KIB, Progress, Reader, SftpSender, TusSender, content_of

ROUNDS = 10
TARGETS = ("keeper", "doors.sftp", "doors.http", "inspector", "everything")


@pytest.fixture
def server(tmp_path):
    need("sftp")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    with RunningServer.started(tmp_path) as server:
        server.organization("clinic", "tusd")
        server.sealane("user", "add", "nightly@clinic", "--ssh-key", str(tmp_path / "key.pub"))
        server.organization("lawfirm", "pickup")
        server.folder_for("clinic:/in", "tusd@clinic", "nightly@clinic")
        server.sealane("folder", "grant", "clinic:/in", "pickup@lawfirm", "--rights", "list,read")
        yield server


def clients(server, progress):
    options = [
        "-i", str(server.folder / "key"), "-P", str(server.sftp_port), "-o", "StrictHostKeyChecking=no",
        "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes", "-o", "User=nightly@clinic",
        "-o", "ConnectTimeout=20", "-o", "LogLevel=ERROR",
    ]  # fmt: skip
    home = server.folder / "home"
    home.mkdir()
    token = server.token("tusd@clinic")
    return [
        TusSender("tus1", server, progress, token),
        TusSender("tus2", server, progress, token),
        SftpSender("sftp1", server, progress, home, options),
        SftpSender("sftp2", server, progress, home, options),
        Reader("reader", server, progress, server.token("pickup@lawfirm", "read")),
    ]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nothing_acknowledged_is_lost_and_nothing_half_done_is_seen_whatever_is_killed(server):
    seed = int(os.environ.get("SEALANE_CRASH_SEED") or secrets.randbelow(2**32))
    print(f"SEALANE_CRASH_SEED={seed}")
    dice = random.Random(seed)  # a generator that can be seeded again
    progress = Progress()
    at_work = clients(server, progress)
    for client in at_work:
        client.start()
    for _ in range(ROUNDS):
        progress.wait_for_more(dice.randrange(64 * KIB, 4096 * KIB))
        target = dice.choice(TARGETS)
        if target == "everything":
            server.kill()
            server.start()
        else:
            server.kill_child(target)
        if progress.wrong:
            break
    progress.wait_for_more(1024 * KIB)
    progress.stopping.set()
    for client in at_work:
        client.join(180)
        assert not client.is_alive(), f"{client.name} hangs"
    assert progress.wrong == [], f"seed {seed}"
    token = server.token("pickup@lawfirm", "read")
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=60) as reader:
        for name, size in progress.finished.items():
            answer = reader.get(server.url(f"/@clinic/in/{name}"))
            assert answer.status_code == 200, f"{name} was acknowledged: {answer.text} (seed {seed})"
            assert answer.content == content_of(name, size), f"{name} is not what was sent (seed {seed})"
    assert len(progress.finished) > ROUNDS // 2
    assert "whole" in server.verify_ledger()
