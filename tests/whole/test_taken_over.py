"""A door, the inspector or the jobs process is taken over, on a server whose processes have accounts of their own.

Needs root, as a server with such accounts does. What the attacker tries is in `taken_over.py`; what it can do stands in
SECURITY.md, and nothing else works.
"""

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from sealane import system_accounts
from sealane.domain import ssh_keys
from sealane.operations import files, signing
from sealane.operations.accounts import AddFolder, AddOrganization, AddSshKey, AddToken, AddUser, GrantFolder
from sealane.operations.audit import ReadLedger
from sealane.operations.caller import ask_once
from sealane.settings import Settings
from tests.running_server import ROOT
from tests.whole.apart import FIRST_ID, ServerApart, folder_within_reach, within_reach

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.geteuid() != 0 and not os.environ.get("SEALANE_REQUIRE_PEERS"),
        reason="processes in accounts of their own need root",
    ),
]

PLAINTEXT = "Ada Lovelace, 10 December 1815, " * 4000
ATTACKER = Path(__file__).with_name("taken_over.py")
CLOSED = ("catalogue.sqlite", "catalogue.sqlite-wal", "catalogue.sqlite.lock", "supervisor.lock", "run/serving.json")


@pytest.fixture(scope="module")
def place():
    with folder_within_reach() as folder:
        yield folder


@pytest.fixture(scope="module")
def server(place):
    with ServerApart.started(place, accounts=FIRST_ID) as running:
        for organization, user, folder in (("clinic", "anna", "/in"), ("insurer", "carl", "/mine")):
            name, where = f"{user}@{organization}", f"{organization}:{folder}"
            admin(running, AddOrganization(name=organization))
            admin(running, AddUser(user=name))
            admin(running, AddFolder(folder=where))
            admin(running, GrantFolder(folder=where, grantee=name, rights=("list", "read", "write", "delete")))
        yield running


def admin(server, operation):
    """Ask by the administrator's socket, as a command of root's does."""
    return ask_once(server.data_dir / "run", "admin", operation, Settings())


@pytest.fixture(scope="module")
def accounts():
    return system_accounts.named(FIRST_ID)


def put(server, token, path, content):
    import httpx

    answer = httpx.put(server.url(path), content=content, headers={"Authorization": f"Bearer {token}"}, timeout=60)
    assert answer.status_code == 201, answer.text


@pytest.fixture(scope="module")
def known(server):
    """What somebody in a process may know: where everything is, and what passed through a door."""
    anna, carl = (
        admin(server, AddToken(user=name, scopes=("read", "write"), expires=None)).token
        for name in ("anna@clinic", "carl@insurer")
    )
    put(server, anna, "/in/secret", PLAINTEXT)
    put(server, carl, "/mine/own", PLAINTEXT)
    run, settings = server.data_dir / "run", Settings()
    spent = ask_once(run, "doors", signing.SignInWithToken(token=anna, address="192.0.2.7", door="http"), settings)
    ask_once(run, "doors", signing.SignOut(handle=spent.handle), settings)
    rooms = ("keeper", "inspector", "doors.sftp", "doors.http")
    pids = {room: server.children(room)[0] for room in rooms} | {"supervisor": server._supervisor.pid}
    return {
        "data": str(server.data_dir),
        "closed": [*CLOSED, *(f"keys/{path.name}" for path in (server.data_dir / "keys").iterdir())],
        "pids": pids,
        "token": carl,
        "session": spent.session,
        "spent_handle": spent.handle,
        "plaintext": PLAINTEXT[:64],
        **signed_in(server),
    }


def signed_in(server):
    """A sign-in with a key as a door has seen it pass: done, and on record."""
    key = ed25519.Ed25519PrivateKey.generate()
    line = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
    admin(server, AddSshKey(user="anna@clinic", line=line))
    blob, exchange = base64.b64decode(line.split()[1]), os.urandom(32)
    run, settings = server.data_dir / "run", Settings()
    ask_once(
        run,
        "doors",
        signing.SignExchange(exchange_hash=exchange, algorithm="ssh-ed25519", address="192.0.2.7", first=True),
        settings,
    )
    message = ssh_keys.request_signed(
        session_identifier=exchange, user="anna@clinic", algorithm="ssh-ed25519", blob=blob
    )
    proof = ssh_keys.string(b"ssh-ed25519") + ssh_keys.string(key.sign(message))
    words = {"name": "anna@clinic", "algorithm": "ssh-ed25519", "address": "192.0.2.7"}
    octets = {"session_identifier": exchange, "key": blob, "signature": proof}
    told = ask_once(run, "doors", signing.SignInWithKey(**words, **octets), settings)
    opened = ask_once(run, "doors", files.OpenVersion(handle=told.handle, path="/in/secret"), settings)
    assert opened.keys
    return {"sign_in": words, "sign_in_bytes": {name: value.hex() for name, value in octets.items()}}


def taken_over(room, server, accounts, known):
    """Run the attacker in the room's account, with its groups and its socket; return what came of it."""
    account = accounts.of_room(room)
    same = [other for other in known["pids"] if other.partition(".")[0] == room]
    told = known | {"socket": room, "same_account": same, "keeper_uid": accounts.keeper.uid}
    groups = ",".join(map(str, account.groups))
    become = ("setpriv", f"--reuid={account.uid}", f"--regid={account.gid}", f"--groups={groups}", "--inh-caps=-all")
    done = subprocess.run(
        [*within_reach(), *become, sys.executable, str(ATTACKER)],
        input=json.dumps(told),
        capture_output=True,
        text=True,
        cwd="/",
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("room", ["doors", "inspector", "jobs"])
def test_whoever_takes_over_a_process_gets_through_nowhere(room, server, accounts, known):
    told = taken_over(room, server, accounts, known)
    came = told["came"]
    assert not {name: result for name, result in came.items() if not result.startswith("refused: ")}
    assert len(came) > 60
    assert {"read catalogue.sqlite", "read mem of keeper", "ask by admin.sock", "become root"} <= came.keys()
    if room == "doors":
        assert {
            "play a sign-in again",
            "ask GrantFolder",
            "read memory of doors.http",
            "read /in/secret",
        } <= came.keys()
    able = told["able"]
    assert able["ciphertext"] == ("no" if room == "jobs" else True)
    assert not able.get("plaintext in it")
    if room == "doors":
        begun = admin(server, ReadLedger(user="carl@insurer", kind="download_begun")).entries
        assert json.loads(begun[-1].body)["download_id"] == able["open what its sessions may, on record"]
        server.verify_ledger()


def test_each_process_has_its_account_its_groups_and_no_right_that_it_could_gain(server, accounts):
    for room in ("keeper", "inspector", "doors.sftp", "doors.http"):
        (pid,) = server.children(room)
        status = Path(f"/proc/{pid}/status").read_text()
        account = accounts.of_room(room)
        said = dict(re.findall(r"^(\w+):\t(.*)$", status, re.MULTILINE))
        assert set(said["Uid"].split()) == {str(account.uid)}
        assert set(said["Gid"].split()) == {str(account.gid)}
        assert set(map(int, said["Groups"].split())) == set(account.groups)
        assert {said[name] for name in ("CapPrm", "CapEff", "CapInh", "CapAmb")} == {"0" * 16}
        assert said["NoNewPrivs"] == "1"


def test_the_doctor_says_that_the_separation_is_real(server):
    found = {row["check"]: row for row in json.loads(server.run("doctor", "--json").stdout)}
    assert found["accounts"]["state"] == "ok", found["accounts"]
    assert found["files"]["state"] == "ok", found["files"]
    assert found["blob store"]["state"] == "ok", found["blob store"]


def test_the_operators_commands_of_root_leave_nothing_that_the_keeper_cannot_use(place, accounts):
    """Made by commands while nothing runs, then served, then commanded again."""
    server = ServerApart(place / "second", accounts=FIRST_ID)
    (place / "second").mkdir(mode=0o711)
    server.sealane("org", "add", "clinic")
    assert {path.stat().st_uid for path in server.data_dir.glob("*")} == {accounts.keeper.uid, 0}  # tls/ is root's
    try:
        server.start()
        server.terminate()
        server.sealane("org", "add", "lab")
        server.start()
        admin(server, AddOrganization(name="court"))
    finally:
        server.kill()
    owners = {path.stat().st_uid for path in server.data_dir.glob("catalogue*")}
    assert owners == {accounts.keeper.uid}
