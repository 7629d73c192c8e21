"""The operator's commands on a data directory where no server runs; each is a process's worth of work, in process."""

import contextlib
import json
import sqlite3
import stat

import pytest
from click.testing import CliRunner

from sealane.cli.main import cli

pytestmark = pytest.mark.slow  # each test opens a whole keeper; together they take longer than make check may


PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ anna@laptop"


class Operator:
    def __init__(self, data):
        self.data = data

    def run(self, *words, stdin=None):
        environ = {"SEALANE_DATA": str(self.data), "SEALANE_SSH_RSA_HOST_KEY_BITS": "0"}
        return CliRunner().invoke(cli, [str(word) for word in words], env=environ, input=stdin)

    def do(self, *words, stdin=None):
        done = self.run(*words, stdin=stdin)
        assert done.exit_code == 0, done.output
        return done.stdout

    def rows(self, *words):
        return json.loads(self.do(*words, "--json"))


@pytest.fixture
def operator(tmp_path):
    made = Operator(tmp_path / "data")
    made.do("org", "add", "clinic")
    return made


def test_the_first_organization_makes_the_data_directory_for_one_account_alone(operator):
    assert stat.S_IMODE(operator.data.stat().st_mode) == 0o700
    assert [row["name"] for row in operator.rows("org", "list")] == ["clinic"]


def test_an_account_from_beginning_to_end(operator, tmp_path):
    key = tmp_path / "id.pub"
    key.write_text(f"# mine\n{PUBLIC_KEY}\n\n")
    operator.do("user", "add", "anna@clinic", "--role", "admin", "--email", "anna@example.org", "--ssh-key", key)
    operator.do("user", "passwd", "anna@clinic", "--password-stdin", stdin="a long and good password\n")
    (user,) = operator.rows("user", "list", "--org", "clinic")
    assert (user["user"], user["role"], user["password"], user["keys"]) == ("anna@clinic", "admin", True, 1)
    (row,) = operator.rows("user", "key", "list", "anna@clinic")
    operator.do("user", "key", "remove", "anna@clinic", row["fingerprint"])
    assert operator.rows("user", "key", "list", "anna@clinic") == []
    operator.do("user", "key", "add", "anna@clinic", key)
    operator.do("user", "role", "anna@clinic", "auditor")
    operator.do("user", "disable", "anna@clinic")
    (user,) = operator.rows("user", "list")
    assert (user["role"], bool(user["disabled"])) == ("auditor", True)
    operator.do("user", "enable", "anna@clinic")
    assert operator.run("user", "disable", "nobody@clinic").exit_code == 1


def test_a_private_key_is_refused_before_anyone_sees_it(operator, tmp_path):
    key = tmp_path / "id"
    key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n")
    done = operator.run("user", "add", "anna@clinic", "--ssh-key", key)
    assert done.exit_code == 2
    assert ".pub" in done.stderr
    assert operator.rows("user", "list") == []


@pytest.mark.parametrize("content", ["", "\n\n", "# only words\n"])
def test_a_file_without_a_key_is_refused(operator, tmp_path, content):
    key = tmp_path / "id.pub"
    key.write_text(content)
    assert operator.run("user", "add", "anna@clinic", "--ssh-key", key).exit_code == 2


def test_a_password_comes_from_standard_input_and_not_from_nowhere(operator):
    operator.do("user", "add", "anna@clinic")
    assert operator.run("user", "passwd", "anna@clinic").exit_code == 2
    assert operator.run("user", "passwd", "anna@clinic", "--password-stdin", stdin="\n").exit_code == 2


AGE_RECIPIENT = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"


def test_a_recipient_that_cannot_be_sealed_to_is_refused(operator):
    for wrong in ("age1zzz", AGE_RECIPIENT[:-1] + "x", AGE_RECIPIENT + " ", "ssh-ed25519 AAAA", "age1pq1zzz"):
        done = operator.run("user", "add", "anna@clinic", "--recipient", wrong)
        assert done.exit_code == 1, wrong
        assert operator.rows("user", "list") == []
    assert "(age-key-invalid)" in operator.run("user", "add", "anna@clinic", "--recipient", "age1zzz").stderr
    operator.do("user", "add", "anna@clinic", "--recipient", AGE_RECIPIENT, "--recipient", PUBLIC_KEY)


def test_a_name_of_no_letters_is_refused_in_words(operator):
    assert "A name has one character at least. (name-invalid)" in operator.run("org", "add", "").stderr


def test_a_token_is_alone_on_the_last_line_and_shown_once(operator):
    operator.do("user", "add", "anna@clinic")
    said = operator.do("token", "add", "anna@clinic", "--scope", "read", "--expires", "30d").splitlines()
    assert said[-1].startswith("sealane_")
    assert " " not in said[-1]
    (row,) = operator.rows("token", "list", "anna@clinic")
    assert row["scopes"] == ["read"]
    assert said[-1] not in operator.do("token", "list", "anna@clinic", "--json")
    operator.do("token", "revoke", "anna@clinic", row["name"])
    assert operator.rows("token", "list", "anna@clinic")[0]["revoked"]
    lasting = operator.do("token", "add", "anna@clinic", "--expires", "never")
    assert "until it is revoked" in lasting


def test_folders_groups_and_grants(operator):
    operator.do("org", "add", "lab", "--quota", "10GiB", "--quota-files", "5")
    operator.do("user", "add", "bob@lab")
    operator.do("group", "add", "staff@lab")
    operator.do("group", "join", "staff@lab", "bob@lab")
    assert operator.rows("group", "list") == [{"group": "staff@lab", "members": ["bob@lab"]}]
    operator.do("folder", "add", "clinic:/in/claims", "--quota", "1GiB")
    operator.do("folder", "grant", "clinic:/in/claims", "bob@lab", "--rights", "write,list", "--as", "/claims")
    operator.do("folder", "grant", "clinic:/in/claims", "group:staff@lab", "--rights", "read")
    rows = {row["folder"]: row for row in operator.rows("folder", "list")}
    assert rows["clinic:/in/claims"]["quota_bytes"] == 1024**3
    assert rows["clinic:/in/claims"]["rights"] == [
        {"grantee": "bob@lab", "rights": ["list", "write"], "as": "/claims"},
        {"grantee": "group:staff@lab", "rights": ["read"], "as": None},
    ]
    assert "bob@lab=list,write as /claims; group:staff@lab=read" in operator.do("folder", "list")
    assert "bob@lab" in operator.do("group", "list")
    operator.do("folder", "quota", "clinic:/in/claims", "--quota", "0")
    operator.do("folder", "revoke", "clinic:/in/claims", "bob@lab")
    operator.do("group", "leave", "staff@lab", "bob@lab")
    rows = {row["folder"]: row for row in operator.rows("folder", "list", "--org", "clinic")}
    assert rows["clinic:/in/claims"]["rights"] == [{"grantee": "group:staff@lab", "rights": ["read"], "as": None}]
    (lab,) = [row for row in operator.rows("org", "list") if row["name"] == "lab"]
    assert (lab["quota_bytes"], lab["quota_files"]) == (10 * 1024**3, 5)
    operator.do("org", "quota", "lab", "--quota-files", "7")
    (lab,) = [row for row in operator.rows("org", "list") if row["name"] == "lab"]
    assert (lab["quota_bytes"], lab["quota_files"]) == (10 * 1024**3, 7)


def test_rights_that_there_are_not_are_wrong_usage(operator):
    done = operator.run("folder", "grant", "clinic:/", "a@clinic", "--rights", "list,fly")
    assert done.exit_code == 2
    assert "fly" in done.stderr


def test_a_quota_without_a_number_is_wrong_usage(operator):
    assert operator.run("org", "quota", "clinic").exit_code == 2
    assert operator.run("folder", "quota", "clinic:/").exit_code == 2


def test_keys_rotate_and_what_is_past_its_time_is_cleared(operator):
    operator.do("key", "rotate")
    operator.do("key", "rotate", "--org", "clinic")
    assert len(list((operator.data / "keys").glob("*.key"))) == 2
    assert "Cleared" in operator.do("sweep")
    assert operator.rows("session", "list") == []
    assert operator.rows("upload", "list") == []
    assert operator.run("session", "end", "nothing").exit_code == 1


# --- the ledger ------------------------------------------------------------------------------------------------------


def test_the_ledger_says_what_was_done_and_is_proven(operator, tmp_path):
    operator.do("user", "add", "anna@clinic")
    lines = [json.loads(line) for line in operator.do("audit", "log", "--json").splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert [line["body"]["kind"] for line in lines][-2:] == ["organization_added", "user_added"]
    assert lines[-1]["names"]["account_name"] == "anna@clinic"
    assert "user_added" in operator.do("audit", "log", "--kind", "user_added")
    assert "organization_added" not in operator.do("audit", "log", "--user", "anna@clinic")
    assert operator.do("audit", "log", "--since", "2100-01-01") == ""
    checkpoint = tmp_path / "checkpoint"
    operator.do("audit", "checkpoint", "--out", checkpoint)
    operator.do("org", "add", "later")
    said = operator.do("audit", "verify", "--checkpoint", checkpoint)
    assert "The ledger is whole" in said
    assert f"entries 1 to {len(lines) + 1} are those" in said, "the one that names the signing key included"
    assert "Nobody outside speaks for the entries after" in said
    row = json.loads(operator.do("audit", "verify", "--json"))
    assert (row["whole"], row["signed"]) == (True, len(lines) + 1)
    assert operator.run("audit", "checkpoint", "--out", checkpoint).exit_code == 1, "nothing is overwritten"


def test_a_kind_that_there_is_not_is_refused_and_those_there_are_are_said(operator):
    done = operator.run("audit", "log", "--kind", "download-ended")
    assert done.exit_code == 2
    assert "there is no kind 'download-ended'; did you mean download_ended? The kinds are keeper_started" in done.stderr
    assert operator.do("audit", "log", "--kind", "download_ended") == ""


def test_an_export_is_every_entry_with_its_checkpoint(operator, tmp_path):
    out = tmp_path / "export"
    operator.do("audit", "export", "--out", out)
    lines = (out / "ledger.jsonl").read_text().splitlines()
    size = int((out / "checkpoint").read_text().splitlines()[1])
    assert len(lines) == size
    assert json.loads(lines[-1])["seq"] == size
    assert (out / "key").read_text() == operator.do("audit", "key")
    hashes = (out / "tile" / "0" / f"000.p/{size}").read_bytes()
    assert [hashes[at : at + 32].hex() for at in range(0, len(hashes), 32)] == [
        json.loads(one)["leaf"] for one in lines
    ]
    assert stat.S_IMODE((out / "ledger.jsonl").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("UPDATE ledger SET body = CAST(body || ' ' AS BLOB) WHERE seq = 2", "damaged at entry 2"),
        ("DELETE FROM ledger WHERE seq = 2", "damaged at entry 2"),
        ("UPDATE ledger SET leaf = zeroblob(32) WHERE seq = 3", "damaged at entry 3"),
    ],
)
def test_a_ledger_that_was_altered_is_integrity_and_names_the_place(operator, change, why):
    for name in ("a", "b", "c"):
        operator.do("org", "add", name)
    with sqlite3.connect(operator.data / "catalogue.sqlite") as database:
        database.execute(change)
    done = operator.run("audit", "verify")
    assert done.exit_code == 5
    assert why in done.stderr
    assert "(ledger-damaged)" in done.stderr


@pytest.mark.parametrize("at", ["2", "(SELECT max(seq) FROM ledger)"], ids=["amid", "last"])
@pytest.mark.parametrize(
    "change",
    [
        "body = CAST(body AS TEXT)",
        "body = CAST(x'fffe' AS TEXT)",
        "body = 1099511627776",
        "body = 1.5",
        "body = zeroblob(9000000)",
        "leaf = CAST(leaf AS TEXT)",
        "door = x'37'",
        "at = 'yesterday'",
        "at = 9223372036854775807",
        "kind = x'00ff'",
        "kind = CAST(x'ff' AS TEXT)",
        "user_id = x'31'",
        "session_id = CAST(x'ff' AS TEXT)",
    ],
)
def test_whatever_somebody_puts_into_a_row_of_the_ledger_is_damage_at_that_entry(operator, tmp_path, change, at):
    for name in ("a", "b", "c"):
        operator.do("org", "add", name)
    with sqlite3.connect(operator.data / "catalogue.sqlite") as database:
        assert database.execute(f"UPDATE ledger SET {change} WHERE seq = {at}").rowcount == 1
        ((seq,),) = database.execute(f"SELECT {at}")
    done = operator.run("audit", "verify")
    assert done.exit_code == 5
    assert f"The ledger is damaged at entry {seq}: " in done.stderr
    assert "(ledger-damaged)" in done.stderr
    for words in (("log",), ("log", "--json"), ("export", "--out", tmp_path / "export")):
        done = operator.run("audit", *words)
        assert done.exit_code == 5
        assert f"damaged at entry {seq}" in done.stderr
    assert operator.run("audit", "checkpoint").exit_code in {0, 5}
    assert operator.run("doctor").exit_code == 1


def test_a_ledger_cut_at_its_end_with_its_checkpoints_is_found_with_a_saved_one_only(operator, tmp_path):
    for name in ("a", "b", "c"):
        operator.do("org", "add", name)
    checkpoint = tmp_path / "checkpoint"
    operator.do("audit", "checkpoint", "--out", checkpoint)
    with sqlite3.connect(operator.data / "catalogue.sqlite") as database:
        database.execute("DELETE FROM ledger WHERE seq = (SELECT max(seq) FROM ledger)")
    assert operator.run("audit", "verify").exit_code == 5
    assert operator.run("audit", "checkpoint").exit_code == 5, "what goes back behind a signature is not signed"
    with sqlite3.connect(operator.data / "catalogue.sqlite") as database:
        database.execute("DELETE FROM ledger_checkpoints")
    assert operator.run("audit", "verify").exit_code == 0
    done = operator.run("audit", "verify", "--checkpoint", checkpoint)
    assert done.exit_code == 5
    assert "gone from the end" in done.stderr


EMPTIED = "DELETE FROM ledger"
EMPTIED_WITH_ITS_NAME = "DELETE FROM ledger; DELETE FROM node WHERE name = 'ledger-origin'"


@pytest.mark.parametrize("change", [EMPTIED, EMPTIED_WITH_ITS_NAME])
def test_an_emptied_ledger_is_damage_with_a_saved_checkpoint_and_without(operator, tmp_path, change):
    checkpoint = tmp_path / "checkpoint"
    operator.do("audit", "checkpoint", "--out", checkpoint)
    with contextlib.closing(sqlite3.connect(operator.data / "catalogue.sqlite")) as database:
        database.executescript(f"PRAGMA foreign_keys = OFF; {change}")
    done = operator.run("audit", "verify")
    assert done.exit_code == 5
    assert "all of its entries are gone" in done.stderr
    assert "(ledger-damaged)" in done.stderr
    done = operator.run("audit", "verify", "--checkpoint", checkpoint)
    assert done.exit_code == 5
    assert "gone from the end" in done.stderr
    for words in (
        ("checkpoint",),
        ("export", "--out", tmp_path / "export"),
        ("log",),
        ("log", "--kind", "download_ended"),
    ):
        assert operator.run("audit", *words).exit_code == 5
    found, code = states(operator)
    assert code == 1
    assert "entries are gone" in found["ledger", "bad"]


def test_a_new_ledger_is_not_taken_for_an_emptied_one(tmp_path):
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    done = Operator(data).run("audit", "verify")
    assert done.exit_code == 1
    assert "no entries yet" in done.stderr
    assert Operator(data).do("audit", "log") == ""


@pytest.mark.parametrize("table", ["ledger", "ledger_openings", "node"])
def test_a_table_that_is_gone_is_damage_in_words(operator, table):
    with contextlib.closing(sqlite3.connect(operator.data / "catalogue.sqlite")) as database:
        database.execute(f"DROP TABLE {table}")
    done = operator.run("audit", "verify")
    assert done.exit_code == 5
    assert "damaged" in done.stderr
    assert "(internal)" not in done.stderr


@pytest.mark.parametrize("place", ["/proc/x", "/etc/passwd/x", "/dev/null"])
def test_an_export_where_no_folder_can_be_is_said(operator, place):
    done = operator.run("audit", "export", "--out", place)
    assert done.exit_code in {1, 2}
    assert isinstance(done.exception, SystemExit)
    assert place in done.stderr


def test_a_file_that_is_no_checkpoint_is_refused(operator, tmp_path):
    (tmp_path / "x").write_text("hello")
    assert operator.run("audit", "verify", "--checkpoint", tmp_path / "x").exit_code == 1


# --- doctor ----------------------------------------------------------------------------------------------------------


def states(operator):
    done = operator.run("doctor", "--json")
    return {(row["check"], row["state"]): row["sentence"] for row in json.loads(done.stdout)}, done.exit_code


def test_a_healthy_server_has_nothing_bad(operator):
    found, code = states(operator)
    assert code == 0
    assert not [check for check, state in found if state == "bad"]
    assert {check for check, _ in found} == {
        "files", "accounts", "room", "tls", "blob store", "database", "ledger", "clock", "witnesses", "releases",
        "grants", "sealed folders", "people lists", "inspection",
    }  # fmt: skip
    assert "ok" in operator.do("doctor")


def test_doctor_sees_keys_open_to_others(operator):
    (key,) = (operator.data / "keys").glob("*.key")
    key.chmod(0o444)
    found, code = states(operator)
    assert code == 1
    assert str(key) in found["files", "bad"]


def test_doctor_sees_a_damaged_ledger_and_a_clock_that_went_back(operator):
    operator.do("org", "add", "lab")
    with sqlite3.connect(operator.data / "catalogue.sqlite") as database:
        database.execute("UPDATE ledger SET body = CAST(body || ' ' AS BLOB) WHERE seq = (SELECT max(seq) FROM ledger)")
    found, code = states(operator)
    assert code == 1
    assert "audit verify" in found["ledger", "bad"]


def test_doctor_sees_grants_that_reach_nobody(operator):
    operator.do("user", "add", "anna@clinic")
    operator.do("group", "add", "empty@clinic")
    operator.do("folder", "add", "clinic:/in")
    operator.do("folder", "grant", "clinic:/in", "anna@clinic", "--rights", "list")
    operator.do("folder", "grant", "clinic:/in", "group:empty@clinic", "--rights", "list")
    operator.do("user", "disable", "anna@clinic")
    said = operator.do("doctor")
    assert "anna@clinic has rights on clinic:/in and is disabled." in said
    assert "group:empty@clinic has rights on clinic:/in and has no members." in said
    assert "The grants on clinic:/in reach nobody." in said


def test_doctor_sees_a_certificate_that_runs_out(operator, tmp_path, monkeypatch):
    from datetime import timedelta

    from sealane.app import certificate
    from sealane.clock import Clock

    crt, _ = certificate.ensured(tmp_path / "tls", ["localhost"], Clock().now() - timedelta(days=500))
    monkeypatch.setenv("SEALANE_TLS_CERT", str(crt))
    found, code = states(operator)
    assert code == 1
    assert "ran out" in found["tls", "bad"]


def test_doctor_sees_a_keys_folder_open_to_others_and_a_file_that_is_no_certificate(operator, tmp_path, monkeypatch):
    (operator.data / "keys").chmod(0o755)
    (tmp_path / "x.pem").write_text("hello")
    monkeypatch.setenv("SEALANE_TLS_CERT", str(tmp_path / "x.pem"))
    found, code = states(operator)
    assert code == 1
    assert f"chmod go= {operator.data / 'keys'}" in found["files", "bad"]
    assert "no certificate" in found["tls", "bad"]


def test_a_lease_held_by_another_is_waited_for_and_then_said(operator, monkeypatch):
    from sealane.cli import asking
    from sealane.keeper.core import Keeper
    from sealane.settings import Settings

    monkeypatch.setattr(asking, "_STARTING_SECONDS", 0.2)
    holder = Keeper.open(operator.data, Settings(ssh_rsa_host_key_bits=0))
    try:
        done = operator.run("org", "list")
        assert done.exit_code == 1
        assert "(lease-held)" in done.stderr
    finally:
        holder.close()
    operator.do("org", "list")
