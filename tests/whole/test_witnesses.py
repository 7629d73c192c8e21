"""A whole server and a whole witness, processes of their own: what is recorded is covered, without anybody's help."""

import contextlib
import json
import socket
import subprocess
import sys

import pytest

from tests.running_server import RunningServer


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextlib.contextmanager
def witness_serving(server, folder, port, key):
    program = [sys.executable, "-c", "from sealane.cli.main import main; main()"]
    words = ["witness", "serve", "--dir", str(folder), "--log", key, "--http", f"127.0.0.1:{port}"]
    with subprocess.Popen([*program, *words], env=server.environ(), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert "serves at" in process.stdout.readline()
            yield
        finally:
            process.terminate()
            assert process.wait(20) == 0


@pytest.mark.slow
def test_a_witness_covers_what_a_server_records(tmp_path):
    server = RunningServer(tmp_path, checkpoint_seconds=1, witness_seconds=1)
    server.data_dir.mkdir(mode=0o700)
    server.organization("clinic", "anna")
    key = server.sealane("audit", "key").strip()
    port = free_port()
    vkey = server.sealane("witness", "key", "--dir", str(tmp_path / "w"), "--name", "w1.example").strip()
    server.settings["witnesses"] = f"http://127.0.0.1:{port} {vkey}"
    with witness_serving(server, tmp_path / "w", port, key):
        server.start()
        try:
            size = json.loads(server.sealane("audit", "verify", "--json"))["size"]
            for _ in range(60):
                verdict = json.loads(server.sealane("audit", "verify", "--json"))
                if verdict["witnessed"].get("w1.example", 0) >= size:
                    break
            assert verdict["witnessed"]["w1.example"] >= size, server.log.read_text()
            assert "by 1 witness" in server.verify_ledger()
            out = tmp_path / "out"
            server.sealane("audit", "export", "--out", str(out))
        finally:
            assert server.terminate() == 0
    told = subprocess.run(
        [sys.executable, "-m", "sealane.ledger.standalone", "--key", key, "--witness", vkey, "export", str(out)],
        env=server.environ(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert "by the witness w1.example" in told.stdout
