"""What a process that reads strangers' files may not do, tried by one."""

import json
import subprocess
import sys

import pytest

from tests.running_server import ROOT

pytestmark = pytest.mark.slow  # together they take longer than make check may

PROGRAM = """
import json, os, socket, sys, tempfile, threading
from sealane.inspector import confinement

secret = sys.argv[1]
report = {"blind": confinement.see_only_programs()}
confinement.limit(memory_bytes=256 << 20, seconds=20)
report["barred"] = confinement.forbid_calls()

def tried(name, act):
    try:
        act()
    except BaseException as failure:
        report[name] = type(failure).__name__
    else:
        report[name] = "done"

def write():
    with open(sys.argv[2], "wb", buffering=0) as file:
        file.write(b"somebody's data")

def run_thread():
    ran = []
    thread = threading.Thread(target=lambda: ran.append(1))
    thread.start()
    thread.join()
    assert ran

tried("socket", lambda: socket.socket())
tried("unix socket", lambda: socket.socketpair())
tried("fork", os.fork)
tried("exec", lambda: os.execv(sys.executable, [sys.executable, "-c", "pass"]))
tried("signal", lambda: os.kill(os.getppid(), 0))
tried("pidfd", lambda: os.pidfd_open(os.getppid()))
tried("memory file", lambda: os.memfd_create("x"))
tried("read a secret", lambda: open(secret).read())
tried("list a folder", lambda: os.listdir(os.path.dirname(secret)))
tried("write a file", write)
tried("hold too much", lambda: bytearray(1 << 40))
tried("thread", run_thread)
tried("import", lambda: __import__("colorsys"))
print(json.dumps(report))
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("confinement")
    (folder / "secret").write_text("the node's key")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder / "secret"), str(folder / "new")],
        env={"PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not (folder / "new").exists() or not (folder / "new").read_bytes()
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "what", ["socket", "unix socket", "fork", "exec", "signal", "pidfd", "memory file", "hold too much", "write a file"]
)
def test_a_confined_process_cannot(report, what):
    assert report["barred"]
    assert report[what] not in {"done", "AssertionError"}


@pytest.mark.parametrize("what", ["read a secret", "list a folder"])
def test_a_confined_process_sees_no_files_where_the_kernel_has_landlock(report, what):
    assert (report[what] == "PermissionError") is report["blind"]


@pytest.mark.parametrize("what", ["thread", "import"])
def test_a_confined_process_can_still_work(report, what):
    assert report[what] == "done"
