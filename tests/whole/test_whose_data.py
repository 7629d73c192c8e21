"""Whose data is in files, with a real server: dropped, read while the inspector is killed, listed for the officer only.

One server for all of it: loading what reads files costs the most. Root starts it with an account for each process,
as a real one has them.
"""

import base64
import io
import json
import os
import re
import signal
import time
import urllib.request
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path

import pytest

from sealane import system_accounts
from sealane.exposure.people.listing import lines_of
from sealane.exposure.people.lists import read_list
from sealane.system_accounts import ROOT
from sealane.vault.age import files as age_files
from sealane.vault.age.x25519 import X25519Identity
from tests.running_server import RunningServer
from tests.whole.apart import FIRST_ID, ServerApart, folder_within_reach

pytestmark = pytest.mark.slow

OFFICER = X25519Identity(b"\x71" * 32)
NEXT_OFFICER = X25519Identity(b"\x72" * 32)
READER = X25519Identity(b"\x73" * 32)
WAIT_SECONDS = 120


def members(first, last):
    given = ["Inv" + "".join("abcdefghij"[int(digit)] for digit in f"{number:04}") for number in range(first, last)]
    rows = [
        f"{name},Member,{1930 + number % 60}-05-1{number % 10},{219_000_000 + number * 7_919:09},0410{number % 10}"
        for number, name in enumerate(given, first)
    ]
    return given, ("first_name,last_name,birth_date,ssn,zip\n" + "\n".join(rows) + "\n").encode()


class Place:
    def __init__(self, server, folder):
        self.server = server
        self.folder = folder
        server.organization("clinic", "anna", "berta")
        server.sealane("user", "add", "olga@clinic", "--role", "officer")
        server.folder_for("clinic:/in", "anna@clinic")
        server.sealane("officer", "set", "--org", "clinic", "--recipient", str(OFFICER.recipient()))
        self.anna, self.olga = server.token("anna@clinic"), server.token("olga@clinic")

    def ask(self, method, path, token, body=None, **headers):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.server.http_port}/api/v1/{path}",
            method=method,
            data=body,
            headers={"Authorization": f"Bearer {token}"} | headers,
        )
        with urllib.request.urlopen(request, timeout=WAIT_SECONDS) as answer:
            return answer.read()

    def told(self, path):
        try:
            return json.loads(self.ask("GET", f"exposure/files{path}", self.olga))
        except urllib.error.HTTPError as failure:
            if failure.code != HTTPStatus.NOT_FOUND:
                raise
            return {"state": "not there"}

    def read(self, path):
        """Wait until a file is there and was read; return what is known of it."""
        deadline = time.monotonic() + WAIT_SECONDS
        while (told := self.told(path))["state"] != "read":
            assert time.monotonic() < deadline, self.server.log.read_text()[-4000:]
        return told

    def people(self, version, identity):
        sealed = self.ask("GET", f"exposure/lists/{version}", self.olga)
        opened = age_files.open_sealed(sealed, [identity])
        return {line["given"] for frame in read_list(io.BytesIO(opened)) for line in lines_of(frame)}

    def run(self, token, *command):
        return self.server.sealane(
            *command,
            SEALANE_URL=f"http://127.0.0.1:{self.server.http_port}",
            SEALANE_TOKEN=token,
            XDG_STATE_HOME=str(self.folder / "state"),
            XDG_CONFIG_HOME=str(self.folder / "config"),
        )

    def identity(self, identity):
        path = self.folder / f"{str(identity.recipient())[-8:]}.txt"
        if not path.exists():
            path.write_text(identity.text() + "\n")
            path.chmod(0o600)
        return str(path)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    if os.geteuid() != ROOT:
        folder = tmp_path_factory.mktemp("whose-data")
        with RunningServer.started(folder, inspectors=2, exposure_read=1) as server:
            yield Place(server, folder)
        return
    wanted = {"inspectors": 2, "exposure_read": 1, "accounts": FIRST_ID}
    with folder_within_reach() as folder, ServerApart.started(folder, **wanted) as server:
        for inspector in server.children("inspector"):
            said = Path(f"/proc/{inspector}/status").read_text()
            assert re.search(rf"^Uid:\t{system_accounts.named(FIRST_ID).inspector.uid}\t", said, re.MULTILINE)
        yield Place(server, folder)


@pytest.fixture(scope="module")
def dropped(place):
    """Three tables in /in, the inspector killed after the second and the third; names by path."""
    tables = {f"/in/{number}.csv": members(1000 * number, 1000 * number + 400) for number in range(1, 4)}
    for number, (path, (_, table)) in enumerate(tables.items()):
        place.ask("PUT", f"content{path}", place.anna, table)
        if number:
            place.server.kill_child("inspector")
    return {path: given for path, (given, _) in tables.items()}


def test_what_is_dropped_is_read_also_when_the_inspector_is_killed_amid(place, dropped):
    for path, given in dropped.items():
        told = place.read(path)
        assert told["exposure"]["people"] == told["exposure"]["classes"]["ssn"] == 400
        assert told["exposure"]["coverage"] == "complete"
        assert place.people(told["version"], OFFICER) == set(given)
    page = json.loads(place.ask("GET", "exposure/lists?after=0&limit=2", place.olga))
    assert len(page["lists"]) == 2
    assert page["after"] == page["lists"][-1]["number"]
    one = page["lists"][0]
    sealed = place.ask("GET", f"exposure/lists/{one['version']}", place.olga)
    assert sealed.startswith(base64.b64decode(one["header"]))
    assert sha256(sealed[len(base64.b64decode(one["header"])) :]).hexdigest() == one["digest"]


def test_a_client_that_seals_itself_sends_the_list_along_when_asked(place):
    server = place.server
    server.sealane("folder", "add", "clinic:/shut", "--sealed", "--settle", "0s")
    server.sealane("user", "recipient", "add", "berta@clinic", str(READER.recipient()))
    server.sealane("folder", "grant", "clinic:/shut", "berta@clinic", "--rights", "list,read")
    server.sealane("folder", "grant", "clinic:/shut", "anna@clinic", "--rights", "list,write")
    given, table = members(5000, 5300)
    source = place.folder / "members.csv"
    source.write_bytes(table)
    place.run(place.anna, "put", str(source), "/shut/unlisted.csv")
    told = place.read("/shut/unlisted.csv")
    assert (told["sealed"], told["listed"], told["exposure"]["coverage"]) == (True, False, "unreadable")
    assert told["exposure"]["unreadable"][0]["why"] == "sealed-by-sender"
    place.run(place.anna, "put", "--people", str(source), "/shut/members.csv")
    told = place.read("/shut/members.csv")
    assert (told["sealed"], told["listed"], told["exposure"]["people"]) == (True, True, 300)
    assert place.people(told["version"], OFFICER) == set(given)
    with pytest.raises(urllib.error.HTTPError, match="409"):  # it has its list, and keeps it
        place.ask(
            "PUT",
            f"exposure/lists/{told['version']}",
            place.anna,
            b'{"format":"csv","coverage":"complete","records":0,"people":0}\n',
        )
    with pytest.raises(urllib.error.HTTPError, match="400"):
        place.ask("PUT", f"exposure/lists/{told['version']}", place.anna, b"no list at all")


def test_the_officer_sees_and_forecasts_and_gives_lists_to_who_comes_after(place, dropped):
    for path in dropped:
        place.read(path)
    told = place.read("/in/1.csv")
    out = place.folder / "people.jsonl"
    place.run(place.olga, "exposure", "show", "/in/1.csv", "--people", str(out), "--identity", place.identity(OFFICER))
    assert {json.loads(line)["given"] for line in out.read_text().splitlines()} == set(members(1000, 1400)[0])
    forecast = json.loads(place.run(place.olga, "exposure", "forecast", "/in", "--json"))
    assert (forecast["open"]["files"], forecast["open"]["people_at_most"]) == (3, 1200)
    of_all = place.server.sealane("exposure", "forecast", "--data", str(place.server.data_dir))
    assert int(re.search(r"^Could be read: \d+ files, (\d+) people at most$", of_all, re.MULTILINE)[1]) >= 1200
    findings = {one["check"]: one for one in json.loads(place.server.run("doctor", "--json").stdout)}
    assert "one key only" in findings["people lists"]["sentence"]
    assert findings["inspection"]["state"] == "ok"
    lists = len(json.loads(place.ask("GET", "exposure/lists?after=0&limit=100", place.olga))["lists"])
    assert lists >= len(dropped)
    place.server.sealane("officer", "set", "--org", "clinic", "--recipient", str(NEXT_OFFICER.recipient()))
    done = json.loads(
        place.run(place.olga, "officer", "rewrap", "--identity", place.identity(OFFICER), "--yes", "--json")
    )
    assert (done["lists"], done["replaced"], done["unopened"]) == (lists, lists, 0)
    assert place.people(told["version"], NEXT_OFFICER) == set(members(1000, 1400)[0])
    assert (
        json.loads(
            place.run(place.olga, "officer", "rewrap", "--identity", place.identity(OFFICER), "--yes", "--json")
        )["lists"]
        == 0
    )


def test_what_is_held_back_until_it_was_read_is_neither_seen_nor_lost_when_everything_is_killed(place):
    server = place.server
    server.folder_for("clinic:/later", "anna@clinic", rights="list,write")
    server.sealane("folder", "grant", "clinic:/later", "berta@clinic", "--rights", "list,read")
    server.sealane("exposure", "set", "clinic:/later", "--publish", "after-reading")
    berta = server.token("berta@clinic")
    for room in ("inspector", "inspector.small"):
        for pid in server.children(room):
            os.kill(pid, signal.SIGSTOP)
    _, table = members(7000, 7050)
    place.ask("PUT", "content/later/held.csv", place.anna, table)
    assert "held.csv" in place.ask("GET", "folders/later", place.anna).decode()
    assert "held.csv" not in place.ask("GET", "folders/later", berta).decode()
    with pytest.raises(urllib.error.HTTPError, match="404"):
        place.ask("GET", "content/later/held.csv", berta)
    assert json.loads(server.sealane("exposure", "queue", "--json"))["held_files"] == 1
    server.kill()
    server.start()
    assert place.read("/later/held.csv")["exposure"]["people"] == 50
    assert place.ask("GET", "content/later/held.csv", berta) == table


def test_nothing_of_it_is_on_the_servers_disk_in_clear_and_the_ledger_holds(place, dropped):
    for path in dropped:
        place.read(path)
    known = [name.encode() for name in (*members(1000, 1400)[0], *members(5000, 5300)[0])]
    known += [f"{219_000_000 + number * 7_919:09}".encode() for number in (1001, 2002, 3003, 5005)]
    for path in [*place.server.data_dir.rglob("*"), place.server.log]:
        if path.is_file():
            content = path.read_bytes()
            assert not any(word in content for word in known), path
    place.server.verify_ledger()
