"""`sealane keys`, `open`, `folder rewrap`, `put` and `get` of sealed files, as their user runs them."""

import json
import os
import stat
import subprocess
import sys

import pyrage
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from sealane.cli.main import cli
from sealane.client import recovery
from sealane.vault.age import files, keys
from sealane.vault.age.ssh import SshIdentity
from sealane.vault.age.x25519 import X25519Identity
from tests.client.sealed_server import SealedServer
from tests.peers import need

pytestmark = pytest.mark.slow  # together with the others they take longer than make check may

SECRET = "correct horse battery"


class Desk:
    def __init__(self, home):
        self.home = home
        self.environ = {"HOME": str(home)}

    def run(self, *words, stdin=None, code=0, **environ):
        done = CliRunner().invoke(cli, [str(word) for word in words], env=self.environ | environ, input=stdin)
        assert done.exit_code == code, done.output
        return done

    def new_key(self, *words, **more):
        return self.run("keys", "new", *words, **more).stdout.strip().splitlines()[-1]


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


@pytest.mark.parametrize(("words", "begins"), [((), "age1pq1"), (("--classic",), "age1")])
def test_a_new_key_is_in_the_usual_format_for_its_owner_alone_and_never_overwritten(desk, words, begins):
    recipient = desk.new_key(*words)
    assert recipient.startswith(begins)
    path = desk.home / ".config/sealane/identity.txt"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    lines = path.read_text().splitlines()
    assert lines[0].startswith("# created: 20")
    assert lines[1] == f"# public key: {recipient}"
    assert lines[2].startswith("AGE-SECRET-KEY-PQ-1" if begins == "age1pq1" else "AGE-SECRET-KEY-1")
    assert len(lines) == 3
    before = path.read_bytes()
    assert "never overwritten" in desk.run("keys", "new", code=2).stderr
    assert path.read_bytes() == before
    assert desk.run("keys", "show").stdout.split() == [recipient]
    assert "SECRET" not in desk.run("keys", "show", "--json").stdout


@pytest.mark.slow
def test_debians_age_takes_our_identity_file(desk):
    need("age")
    recipient = desk.new_key("--classic")
    sealed = subprocess.run(["age", "-r", recipient], input=b"from age", capture_output=True, check=True).stdout
    (desk.home / "f.age").write_bytes(sealed)
    desk.run("open", desk.home / "f.age")
    assert (desk.home / "f").read_bytes() == b"from age"
    ours = files.seal(b"from us", [keys.recipient(recipient)])
    command = ["age", "-d", "-i", desk.home / ".config/sealane/identity.txt"]
    assert subprocess.run(command, input=ours, capture_output=True, check=True).stdout == b"from us"


def test_keys_are_found_where_the_environment_says_and_in_several_files(desk):
    one = desk.new_key("--out", desk.home / "one.txt")
    two = desk.new_key("--out", desk.home / "two.txt", "--classic")
    named = f"{desk.home}/one.txt{os.pathsep}{desk.home}/two.txt"
    assert desk.run("keys", "show", SEALANE_IDENTITY=named).stdout.split() == [one, two]
    rows = json.loads(desk.run("keys", "show", "--json", "--identity", desk.home / "two.txt").stdout)
    assert rows == [{"file": f"{desk.home}/two.txt", "recipient": two}]
    done = desk.run("keys", "show")
    assert (done.stdout, "sealane keys new" in done.stderr) == ("", True)
    assert "(local-file)" in desk.run("keys", "show", SEALANE_IDENTITY="/nowhere", code=1).stderr


@pytest.mark.slow
def test_a_file_with_a_passphrase_opens_with_it_alone_also_for_others_tools(desk):
    recipient = desk.new_key("--passphrase-stdin", stdin=SECRET + "\n")
    content = (desk.home / ".config/sealane/identity.txt").read_bytes()
    assert content.startswith(b"-----BEGIN AGE ENCRYPTED FILE-----\n")
    assert b"AGE-SECRET-KEY" not in content
    text = pyrage.passphrase.decrypt(content, SECRET).decode()
    assert str(keys.identities(text)[0].recipient()) == recipient
    assert desk.run("keys", "show", "--passphrase-stdin", stdin=SECRET + "\n").stdout.split() == [recipient]
    assert "(passphrase-wrong)" in desk.run("keys", "show", "--passphrase-stdin", stdin="no\n", code=3).stderr
    assert "--passphrase-stdin" in desk.run("keys", "show", code=3).stderr


def test_a_short_passphrase_is_refused(desk):
    assert "12 characters" in desk.run("keys", "new", "--passphrase-stdin", stdin="short\n", code=2).stderr
    assert not (desk.home / ".config/sealane/identity.txt").exists()


def test_a_key_file_that_others_can_read_is_not_used(desk):
    desk.new_key()
    (desk.home / ".config/sealane/identity.txt").chmod(0o640)
    assert "chmod 600" in desk.run("keys", "show", code=3).stderr


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"AGE-SECRET-KEY-1NONSENSE", b"\xff\xfe", b"hello"])
def test_a_file_that_is_no_file_of_keys_is_said(desk, content):
    path = desk.home / "id"
    path.write_bytes(content)
    path.chmod(0o600)
    assert "(age-key-invalid)" in desk.run("keys", "show", "--identity", path, code=1).stderr


@pytest.mark.parametrize("passphrase", [None, pytest.param(SECRET, marks=pytest.mark.slow)])
def test_an_ssh_key_is_an_identity_too(desk, passphrase):
    key = Ed25519PrivateKey.generate()
    how = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase.encode())
    path = desk.home / "id_ed25519"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, how))
    path.chmod(0o600)
    sealed = desk.home / "f.age"
    sealed.write_bytes(files.seal(b"for ssh", [SshIdentity(key).recipient()]))
    words = ["open", sealed, "--identity", path]
    if passphrase is not None:
        assert "--passphrase-stdin" in desk.run(*words, code=3).stderr
        desk.run(*words, "--passphrase-stdin", stdin="wrong wrong wrong\n", code=1)
        words.append("--passphrase-stdin")
    desk.run(*words, stdin=f"{passphrase}\n")
    assert (desk.home / "f").read_bytes() == b"for ssh"
    shown = desk.run("keys", "show", *words[2:], stdin=f"{passphrase}\n").stdout
    assert shown.startswith("ssh-ed25519 ")


# --- open ------------------------------------------------------------------------------------------------------------


def sealed_for(desk, content, name="f.age"):
    recipient = desk.new_key()
    path = desk.home / name
    path.write_bytes(files.seal(content, [keys.recipient(recipient)]))
    return path


def test_open_says_that_it_is_whole_and_names_the_file(desk):
    path = sealed_for(desk, b"content")
    done = desk.run("open", path)
    assert done.stdout.startswith(f"Opened whole: {desk.home}/f, 7 B, SHA-256 ")
    assert (desk.home / "f").read_bytes() == b"content"
    assert "(local-file)" in desk.run("open", path, code=1).stderr
    assert desk.run("open", path, "--out", "-").stdout_bytes == b"content"
    assert desk.run("open", "-", "--out", "-", stdin=path.read_bytes()).stdout_bytes == b"content"


@pytest.mark.parametrize("out", [[], ["--out", "-"]])
def test_a_file_cut_short_ends_with_5_and_leaves_no_file(desk, out):
    path = sealed_for(desk, b"x" * 200_000)
    path.write_bytes(path.read_bytes()[:-100])
    done = desk.run("open", path, *out, code=5)
    assert "(age-payload-damaged)" in done.stderr
    assert not (desk.home / "f").exists()
    if out:
        assert "use nothing of what was printed" in done.stderr
        assert len(done.stdout_bytes) < 200_000


def test_no_key_and_no_right_key_are_told_apart(desk):
    path = desk.home / "f.age"
    path.write_bytes(files.seal(b"x", [X25519Identity.new().recipient()]))
    assert "no key at hand" in desk.run("open", path, code=2).stderr
    desk.new_key()
    assert "(age-no-identity-matches)" in desk.run("open", path, code=3).stderr
    other = desk.home / "plain.txt"
    other.write_text("not sealed at all")
    assert "does not end in .age" in desk.run("open", other, code=2).stderr
    for name in (".age", "..age", "...age"):
        (desk.home / name).write_bytes(path.read_bytes())
        assert "does not end in .age" in desk.run("open", desk.home / name, code=2).stderr
    assert "(age-header-invalid)" in desk.run("open", other, "--out", desk.home / "y", code=1).stderr


# --- recovery keys --------------------------------------------------------------------------------------------------


def test_a_recovery_key_on_one_sheet_comes_back_as_the_very_key(desk):
    sheet = desk.run("keys", "recovery", "new", "--words").stdout
    recipient = sheet.strip().splitlines()[-1]
    assert recipient.startswith("age1pq1")
    assert "AGE-SECRET-KEY" not in sheet
    out = desk.home / "recovered.txt"
    done = desk.run("keys", "recovery", "combine", "--out", out, "--recipient", recipient, stdin=sheet)
    assert done.stdout.strip() == recipient
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    sealed = desk.home / "f.age"
    sealed.write_bytes(files.seal(b"lost and found", [keys.recipient(recipient)]))
    desk.run("open", sealed, "--identity", out)
    assert (desk.home / "f").read_bytes() == b"lost and found"
    wrong = desk.run("keys", "recovery", "combine", "--classic", "--out", desk.home / "classic", stdin=sheet, code=5)
    assert "another recovery key" in wrong.stderr, "the sheet names the key, and no other is written"
    assert not (desk.home / "classic").exists()
    assert "never overwritten" in desk.run("keys", "recovery", "combine", "--out", out, stdin=sheet, code=2).stderr


@pytest.mark.slow
def test_a_split_recovery_key_needs_its_k_sheets(desk):
    recipient = desk.run("keys", "recovery", "new", "--split", "2/3", "--out", desk.home / "paper").stdout.strip()
    papers = [desk.home / f"paper-{number}" for number in (1, 2, 3)]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in papers)
    assert "SHARE 2 OF 3" in papers[1].read_text()
    for number, some in enumerate((papers[:2], papers[1:], papers[::2])):
        done = desk.run("keys", "recovery", "combine", *some, "--out", desk.home / f"r{number}")
        assert done.stdout.strip() == recipient
    done = desk.run("keys", "recovery", "combine", papers[0], "--out", desk.home / "r", code=1)
    assert "2 different shares are needed" in done.stderr
    other = desk.run("keys", "recovery", "new").stdout
    done = desk.run(
        "keys", "recovery", "combine", "--recipient", recipient, "--out", desk.home / "r", stdin=other, code=5
    )
    assert "another recovery key" in done.stderr
    assert not (desk.home / "r").exists()


def test_a_classic_recovery_key_comes_back_by_its_sheet_by_its_recipient_or_by_word(desk):
    made = desk.run("keys", "recovery", "new", "--classic", "--out", desk.home / "paper")
    recipient, paper = made.stdout.strip(), desk.home / "paper"
    assert recipient.startswith("age1")
    assert not recipient.startswith("age1pq1")
    words = " ".join(recovery.found_in(paper.read_text()))
    combine = ["keys", "recovery", "combine", "--out"]
    assert desk.run(*combine, desk.home / "by-sheet", paper).stdout.strip() == recipient
    for name, said in (("by-recipient", ["--recipient", recipient]), ("by-word", ["--classic"])):
        assert desk.run(*combine, desk.home / name, *said, stdin=words).stdout.strip() == recipient
    sealed = desk.home / "g.age"
    sealed.write_bytes(files.seal(b"found again", [keys.recipient(recipient)]))
    desk.run("open", sealed, "--identity", desk.home / "by-sheet")
    assert (desk.home / "g").read_bytes() == b"found again"
    said = desk.run(*combine, desk.home / "r", stdin=words).stdout.strip()
    assert said != recipient, "words alone do not say their kind: the recipient that is printed tells"
    desk.run(*combine, desk.home / "s", "--classic", "--recipient", said, stdin=words, code=5)


@pytest.mark.parametrize("words", [["--split", "1/3"], ["--split", "3/2"], ["--split", "x"], ["--split", "2/99"]])
def test_a_split_that_makes_no_sense_is_wrong_usage(desk, words):
    assert "K/N" in desk.run("keys", "recovery", "new", *words, code=2).stderr
    assert desk.run("keys", "recovery", "new", "--words", "--split", "2/3", code=2)


# --- with a server ---------------------------------------------------------------------------------------------------


@pytest.fixture
def house(desk):
    with SealedServer() as server:
        desk.environ |= {"SEALANE_URL": server.url, "SEALANE_TOKEN": "sealane_x"}
        yield server.house


@pytest.mark.slow
def test_put_and_get_say_what_was_sealed_opened_and_kept(desk, house):
    ana = X25519Identity.new()
    house.seal_to(ana)
    house.recipients["without_key"] = ["bob@lab"]
    path = desk.home / "claims.csv"
    path.write_bytes(b"name,ssn\n")
    done = desk.run("put", path, "/sealed/")
    assert "Verified: 1 file, 9 B, SHA-256 match. Sealed on this machine: 1 file." in done.stdout
    assert (
        "/sealed: sealed on this machine to user0@clinic. Without a key, and so unable to open it: bob@lab."
        in done.stderr
    )
    kept = desk.run("get", "/sealed/claims.csv", desk.home / "got")
    assert "Kept sealed, as NAME.age: 1 file" in kept.stdout
    assert (desk.home / "got.age").exists()
    identity = desk.home / "id"
    identity.write_text(ana.text())
    identity.chmod(0o600)
    done = desk.run("get", "/sealed/claims.csv", desk.home / "got", "--identity", identity)
    assert "Opened: 1 file." in done.stdout
    assert (desk.home / "got").read_bytes() == b"name,ssn\n"
    lines = desk.run("get", "/sealed/claims.csv", desk.home / "again", "--identity", identity, "--json").stdout
    ended = json.loads(lines.splitlines()[-1])
    assert (ended["opened"], ended["kept_sealed"]) == (1, 0)


def identity_file(desk, identity, name="id"):
    path = desk.home / name
    path.write_text(identity.text())
    path.chmod(0o600)
    return path


@pytest.mark.slow
def test_rewrap_gives_a_new_reader_the_old_files_and_takes_them_from_a_former_one(desk, house):
    ana, ben, former = (X25519Identity.new() for _ in range(3))
    house.seal_to(ana, former)
    contents = {f"f{number:03}": os.urandom(100) for number in range(25)}
    for name, content in contents.items():
        house.keep(name, files.seal(content, [ana.recipient(), former.recipient()]), 100)
    house.keep("bens", files.seal(b"x", [ben.recipient()]), 1)
    house.seal_to(ana, ben)
    words = ["folder", "rewrap", "/sealed", "--identity", identity_file(desk, ana)]
    before = {name: kept.sealed for name, kept in house.kept.items()}
    dry = desk.run(*words, "--dry-run", "--json", code=4)
    said = json.loads(dry.stdout)
    assert (said["files"], said["replaced"], said["unopened"]) == (26, 25, 1)
    assert said["lacking"][str(ben.recipient())] == 26
    assert said["extra"][str(former.recipient())] == 26
    assert {name: kept.sealed for name, kept in house.kept.items()} == before
    assert "user1@clinic" in dry.stderr
    assert "--yes" in desk.run(*words, code=2).stderr
    house.headers_max = 7  # a server that takes fewer at once
    done = desk.run(*words, "--yes", code=4)
    assert "Wrapped: 25 of 26 files" in done.stdout
    assert "1 are opened by no key of yours" in done.stdout
    for name, content in contents.items():
        sealed = house.kept[name].sealed
        assert files.open_sealed(sealed, [ben]) == files.open_sealed(sealed, [ana]) == content
        assert sealed.endswith(before[name][-100:]), "the payload is not touched"
        with pytest.raises(keys.NoIdentityMatches):
            files.open_sealed(sealed, [former])
    again = json.loads(desk.run(*words, "--yes", "--json", code=4).stdout)
    assert (again["files"], again["replaced"]) == (1, 0)


def test_what_the_server_refuses_of_the_last_batch_is_told_too(desk, house):
    """It is on its way while nothing more is fetched: its failure is the command's, and not lost."""
    ana, ben = X25519Identity.new(), X25519Identity.new()
    house.keep("f", files.seal(b"x", [ana.recipient()]), 1)
    house.seal_to(ana, ben)
    house.lie = lambda asked: asked.command == "POST" and (asked.body(), asked.problem(403, "not-allowed"))
    words = ["folder", "rewrap", "/sealed", "--identity", identity_file(desk, ana), "--yes"]
    assert "(not-allowed)" in desk.run(*words, code=3).stderr


def test_rewrap_of_an_ordinary_folder_is_refused(desk, house):
    house.recipients = {"sealed": False}
    words = ["folder", "rewrap", "/sealed", "--identity", identity_file(desk, X25519Identity.new())]
    assert "(folder-not-sealed)" in desk.run(*words, "--yes", code=3).stderr


def test_what_only_the_keeper_refuses_has_its_own_code_in_a_program_that_was_just_started(desk, house):
    house.seal_to(X25519Identity.new())
    house.lie = lambda asked: asked.words[0] == "recipients" and (asked.problem(409, "recipients-mixed"), True)[1]
    file = desk.home / "f"
    file.write_bytes(b"x")
    command = [sys.executable, "-c", "from sealane.cli.main import main; main()", "put", file, "/sealed/"]
    done = subprocess.run(command, env=os.environ | desk.environ, capture_output=True, text=True, check=False)
    assert "(recipients-mixed)" in done.stderr
