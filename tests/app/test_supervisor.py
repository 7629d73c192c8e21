"""The whole server as real processes: how it comes up, what it survives, how it goes down."""

import contextlib
import http.client
import json
import signal
import socket
import ssl
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sealane.app import certificate
from tests.running_server import RunningServer

pytestmark = pytest.mark.slow
ROOMS = ("keeper", "inspector", "doors.sftp", "doors.http")


@pytest.fixture
def server(tmp_path):
    with RunningServer.started(tmp_path) as running:
        yield running


def request(server, method, path, token, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=60)
    with contextlib.closing(connection):
        connection.request(method, path, body=body, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        return answer.status, answer.read()


def eventually(condition):
    """Return what the condition says once it is true; the server's own restarts have no event outside."""
    deadline = time.monotonic() + 60
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def gone(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


def test_it_says_where_it_is_and_how_to_begin(server):
    said = "\n".join(server.announced)
    assert f"http://127.0.0.1:{server.http_port}/" in said
    assert f"sftp://127.0.0.1:{server.sftp_port}/" in said
    scanned = subprocess.run(
        ["ssh-keyscan", "-p", str(server.sftp_port), "127.0.0.1"], capture_output=True, text=True, check=True
    ).stdout
    shown = subprocess.run(["ssh-keygen", "-lf", "-"], input=scanned, capture_output=True, text=True, check=True).stdout
    assert shown.split()[1] in said
    assert f"http://127.0.0.1:{server.http_port}/setup/" in said
    for room in ROOMS:
        assert len(server.children(room)) == 1


def test_its_processes_have_no_secret_in_arguments_or_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("A_SECRET_OF_THE_OPERATOR", "hidden")
    with RunningServer.started(tmp_path, blob_store_secret_key="not-to-be-seen") as server:
        for room in ROOMS:
            (pid,) = server.children(room)
            shown = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
            assert b"not-to-be-seen" not in shown
            assert b"hidden" not in shown
            limits = Path(f"/proc/{pid}/limits").read_text()
            core = next(line for line in limits.splitlines() if line.startswith("Max core"))
            assert core.split()[4:6] == ["0", "0"]


def test_whoever_dies_is_started_again_and_the_rest_goes_on(server):
    server.organization("clinic", "anna")
    server.folder_for("clinic:/in", "anna@clinic")
    token = server.token("anna@clinic")
    for number, room in enumerate(ROOMS):
        before = server.children(room)
        server.kill_child(room)
        status, _ = request(server, "PUT", f"/api/v1/content/in/{number}", token, b"content")
        assert status == 201, room
        assert eventually(lambda room=room, before=before: set(server.children(room)) - set(before))
    server.wait_for_doors()
    for number in range(len(ROOMS)):
        assert request(server, "GET", f"/api/v1/content/in/{number}", token) == (200, b"content")
    server.verify_ledger()


def test_no_process_outlives_a_killed_supervisor(tmp_path):
    with RunningServer.started(tmp_path) as server:
        pids = [pid for room in ROOMS for pid in server.children(room)]
        assert len(pids) == len(ROOMS)
        server.signal(signal.SIGKILL)
        for pid in pids:
            eventually(lambda pid=pid: gone(pid))


def test_it_ends_in_order_when_asked_to(server):
    server.organization("clinic")
    pids = [pid for room in ROOMS for pid in server.children(room)]
    assert server.terminate() == 0
    assert all(gone(pid) for pid in pids)
    assert list((server.data_dir / "run").iterdir()) == []
    said = server.sealane("audit", "log", "--json")
    assert '"keeper_stopped"' in said
    server.verify_ledger()


def test_after_everything_was_killed_it_starts_again_and_says_so_in_the_ledger(server):
    server.organization("clinic")
    server.kill()
    server.start()
    said = server.sealane("audit", "log", "--json")
    assert "crash" in said
    assert "clinic" in server.sealane("org", "list")
    server.verify_ledger()


def test_a_reload_replaces_the_http_workers_without_a_refused_request(server):
    before = server.children("doors.http")
    sftp = server.children("doors.sftp")
    server.signal(signal.SIGHUP)

    def replaced():
        server.wait_for_doors()
        now = server.children("doors.http")
        return len(now) == 1 and now != before

    eventually(replaced)
    assert server.children("doors.sftp") == sftp


def test_a_second_server_on_the_same_data_does_not_start(server, tmp_path):
    second = RunningServer(tmp_path / "second")
    second.folder.mkdir()
    second.data_dir = server.data_dir
    done = second.run("serve")
    assert done.returncode == 1
    assert "already-served" in done.stderr
    server.wait_for_doors()


def test_a_taken_port_is_told_and_nothing_is_started(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        server = RunningServer(tmp_path)
        server.settings["http"] = f"127.0.0.1:{other.getsockname()[1]}"
        done = server.run("serve")
        assert done.returncode == 1
        assert "address-taken" in done.stderr
        assert not (server.data_dir / "catalogue.sqlite").exists()


@pytest.mark.parametrize(("folder", "mode"), [("", 0o777), ("", 0o750), ("keys", 0o755), ("keys", 0o701)])
def test_it_does_not_start_on_a_folder_that_other_accounts_reach_into(tmp_path, folder, mode):
    server = RunningServer(tmp_path)
    server.organization("clinic")
    (server.data_dir / folder).chmod(mode)
    done = server.run("serve")
    assert done.returncode == 1
    assert "(open-to-others)" in done.stderr
    assert f"has mode {mode:04o}" in done.stderr
    assert f"chmod 0700 {server.data_dir / folder}" in done.stderr
    assert not (server.data_dir / "supervisor.lock").exists()


def test_doctor_looks_at_the_certificate_that_the_running_server_uses(tmp_path):
    cert, key = certificate.ensured(tmp_path / "tls", [], datetime.now(UTC) - timedelta(days=500))
    server = RunningServer(tmp_path)
    server.settings |= {"tls_cert": str(cert), "tls_key": str(key)}
    server.wait_for_doors = lambda: None
    server.start()
    try:
        del server.settings["tls_cert"], server.settings["tls_key"]
        said = server.run("doctor", "--json")
        (tls,) = [row for row in json.loads(said.stdout) if row["check"] == "tls"]
        assert (tls["state"], str(cert) in tls["sentence"]) == ("bad", True)
        assert server.terminate() == 0
        said = server.run("doctor", "--json")
        (tls,) = [row for row in json.loads(said.stdout) if row["check"] == "tls"]
        assert (tls["state"], tls["sentence"].startswith("No certificate")) == ("ok", True)
    finally:
        server.kill()


def test_where_it_can_be_reached_from_outside_it_speaks_tls_alone(tmp_path):
    server = RunningServer(tmp_path)
    server.settings["http"] = f"0.0.0.0:{server.http_port}"
    server.wait_for_doors = lambda: None
    server.start()
    try:
        context = ssl.create_default_context(cafile=str(server.data_dir / "keys" / "tls.crt"))
        for name in ("localhost", "127.0.0.1"):
            connection = http.client.HTTPSConnection(name, server.http_port, context=context, timeout=60)
            with contextlib.closing(connection):
                connection.request("GET", "/livez")
                assert connection.getresponse().status == 200
        assert f"https://0.0.0.0:{server.http_port}/" in "\n".join(server.announced)
        plain = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=60)
        plain.connect()
        with contextlib.closing(plain):
            plain.sock.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answered = b""
            with contextlib.suppress(ConnectionError):
                answered = plain.sock.recv(100)
            assert b"HTTP" not in answered
    finally:
        server.kill()
    assert (server.data_dir / "keys" / "tls.key").stat().st_mode & 0o777 == 0o400
