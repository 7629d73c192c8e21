"""The officer's commands, from an empty folder to notices."""

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner

from sealane.cli.main import cli
from tests.desk.worlds import START, World, person

pytestmark = pytest.mark.slow  # a passphrase costs each command half a second


@pytest.fixture
def officer(tmp_path):
    from sealane.client import identities
    from sealane.clock import Clock
    from sealane.vault.age.x25519 import X25519Identity

    key = X25519Identity.new()
    identities.keep(tmp_path / "key.txt", identities.written(key, Clock().now(), None))

    def run(*words, code=0, stdin=None):
        environ = {"SEALANE_DESK": str(tmp_path / "desk"), "SEALANE_IDENTITY": str(tmp_path / "key.txt")}
        done = CliRunner().invoke(cli, ["desk", *map(str, words)], env=environ, input=stdin)
        assert done.exit_code == code, done.output
        return done.output

    run.key = str(key.recipient())
    return run


def test_the_whole_way_of_an_officer(officer, tmp_path):
    assert officer("init", tmp_path / "desk", "--identity", tmp_path / "key.txt").splitlines()[-1] == officer.key
    world = World(tmp_path / "server", officer.key)
    version = world.file("plan:/claims/a.csv", [person(1), person(2), person(3, state="MA")])
    world.at(START + timedelta(days=29)).download(version, "plan:/claims/a.csv")
    world.publish()
    assert "1 new people lists" in officer("sync", "--from", world.path)
    opened = officer("incident", "open", "Theft", "--occurred", "2023-05-30", "--discovered", "2023-08-11")
    assert opened.splitlines()[-1] == "1"
    assert "3 people" in officer(
        "incident", "scope", 1, "--user", "thief@plan", "--between", "2023-05-01", "2023-06-30"
    )
    told = json.loads(officer("incident", "count", 1, "--json"))
    assert told["people"] == {"strict": 3, "loose": 3}
    assert told["evidence"] == {"exfiltrated": 1, "reachable": 0, "sealed": 0}
    assert {"by_owner", "by_state", "by_class", "files", "coverage", "unreadable", "policy", "checkpoint"} <= set(told)
    officer("incident", "people", 1, "--state", "me", "--csv", tmp_path / "people.csv")
    assert len((tmp_path / "people.csv").read_text().splitlines()) == 3
    assert (tmp_path / "people.csv").stat().st_mode & 0o077 == 0
    officer("incident", "people", 1, "--csv", tmp_path / "people.csv", code=1)
    assert "the same" in officer("incident", "verify", 1)
    officer("incident", "disclose", 1, "--by", "plan", "--to", "press", "--count", 2, "--date", "2023-09-01")
    found = json.loads(officer("incident", "reconcile", 1, "--json", code=5))
    assert {"owner-below", "deadline-missed"} <= {one["why"] for one in found}
    officer("incident", "clock", 1, "--ics", tmp_path / "clock.ics")
    assert b"BEGIN:VEVENT\r\n" in (tmp_path / "clock.ics").read_bytes()
    officer("incident", "decide", 1, "plan", "processor")
    officer("incident", "done", 1, "hipaa-individuals@plan", "--date", "2023-10-01")
    officer("incident", "call", 1, "/claims", "claims file")
    officer("incident", "rename-owner", 1, "plan", "plan")
    officer("incident", "died", 1, 2, "--kin", "Kim Doe", "--line", "5 Elm St", "--zip", "04401")
    assert "incident-invalid" in officer("incident", "died", 1, 99, code=1)
    officer("incident", "open", "Another", "--occurred", "2023-05-30", "--discovered", "2023-08-11")
    assert "3 people" in officer("incident", "scope", 2, "--user", "thief@plan", "--record-doubted")
    assert "3 of them are in incident 2 too: Another" in officer("incident", "count", 1)
    assert "desk-not-loopback" in officer("serve", "--http", "0.0.0.0:8090", code=1)
    officer("incident", "date", 1, "determined", "2023-08-11", "--why", "the logs were read")
    officer("incident", "deliver", 1, "--owner", "plan", "--state", "sent", "--count", 3, "--date", "2023-10-01")
    assert "3 letters" in officer("incident", "notices", 1, "--out", tmp_path / "out")
    assert (tmp_path / "out" / "attestation.json").exists()
    assert "Theft" in officer("incident", "list")
    officer("wipe", "--yes")
    assert "1 new people lists" in officer("sync", "--from", world.path)


def test_a_key_is_made_with_a_passphrase_and_opens_the_desk(officer, tmp_path):
    secret = "a long and good passphrase\n"
    officer("init", tmp_path / "desk", "--passphrase-stdin", stdin=secret)
    assert b"AGE ENCRYPTED FILE" in (tmp_path / "desk" / "identity.txt").read_bytes()
    assert "no incidents" in officer("incident", "list", "--passphrase-stdin", stdin=secret)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("incident", "count", 1), 1),
        (("sync",), 2),
        (("incident", "open", "x", "--occurred", "never", "--discovered", "2023-01-01"), 2),
    ],
)
def test_what_cannot_be_done_says_why(officer, tmp_path, words, code):
    officer("init", tmp_path / "desk", "--identity", tmp_path / "key.txt")
    assert "error: " in officer(*words, code=code)


def test_there_is_no_desk_where_none_was_made(officer):
    assert "desk-missing" in officer("incident", "list", code=1)
