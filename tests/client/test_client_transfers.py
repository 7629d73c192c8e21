"""Sending and fetching with a whole server: what arrives is what was sent, whatever happens on the way."""

import hashlib
import json
import os
import shutil
import signal
import threading
from pathlib import Path

import pytest

from sealane.client import failures, transfers
from sealane.client.events import FileDone, FileFailed, FileMoved, FileWaits, Planned
from sealane.client.positions import FollowingDigest
from sealane.client.uploads import PartedUpload
from sealane.errors import QuotaExceeded, Refused
from sealane.settings import MIB
from tests.client.conftest import SMALL, user_of
from tests.client.cutting_proxy import Cut, CuttingProxy, Flip, Stall

pytestmark = pytest.mark.slow

WHOLE = SMALL.whole_file_bytes_max
BIG = 100 * MIB
"""Several parts, by the settings that users have."""


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@pytest.fixture
def proxy(whole_server):
    with CuttingProxy(whole_server.http_port) as made:
        yield made


def put(user, *sources, url=None, target=None, settings=SMALL):
    errand, events = user.errand(settings, url)
    return transfers.put(errand, [Path(source) for source in sources], target or f"{user.folder}/"), events


def get(user, source, target, url=None, settings=SMALL):
    errand, events = user.errand(settings, url)
    return transfers.get(errand, source, Path(target)), events


@pytest.mark.parametrize("size", [0, 1, WHOLE - 1, WHOLE, WHOLE + 1, MIB - 1, MIB, MIB + 1, 5 * MIB + 77])
def test_a_file_of_any_size_comes_back_as_it_was_sent_with_its_time(anna, size):
    path = anna.file("claims.csv", size)
    os.utime(path, ns=(1_700_000_000 * 10**9, 1_700_000_000 * 10**9))
    sent, _ = put(anna, path)
    assert (sent.files, sent.verified, sent.unchanged, sent.bytes) == (1, 1, 0, size), sent.failures
    fetched, _ = get(anna, f"{anna.folder}/claims.csv", anna.home / "back")
    assert (fetched.files, fetched.verified) == (1, 1)
    assert sha256(anna.home / "back") == sha256(path)
    assert (anna.home / "back").stat().st_mtime == 1_700_000_000
    assert not list(anna.home.glob("*.part"))
    assert not list((anna.home / "journals").iterdir())


def test_connections_that_break_while_sending_cost_only_what_was_not_acknowledged(anna, proxy):
    path = anna.file("claims.csv", 12 * MIB)
    proxy.plan(*[Cut(up=MIB // 2)] * 6)
    sent, events = put(anna, path, url=proxy.url)
    assert sent.verified == 1
    assert len([event for event in events if isinstance(event, FileWaits)]) >= 6
    assert proxy.up < 12 * MIB + 6 * MIB
    assert anna.listing(anna.folder)["claims.csv"]["sha256"] == sha256(path)


def test_connections_that_break_while_fetching_cost_only_what_was_under_way(anna, proxy):
    path = anna.file("claims.csv", 12 * MIB)
    put(anna, path)
    proxy.plan(*[Cut(down=MIB // 2)] * 6)
    fetched, events = get(anna, f"{anna.folder}/claims.csv", anna.home / "back", url=proxy.url)
    assert fetched.verified == 1
    assert len([event for event in events if isinstance(event, FileWaits)]) >= 6
    assert proxy.down < 12 * MIB + 2 * MIB
    assert sha256(anna.home / "back") == sha256(path)


def test_a_killed_put_goes_on_with_the_same_command(anna, proxy):
    path = anna.file("scan.bin", BIG)
    proxy.plan(Stall(up=12 * MIB))
    killed = anna.start("put", path, f"{anna.folder}/", url=proxy.url)
    assert proxy.stalled.wait(60)
    killed.kill()
    killed.communicate()
    assert "scan.bin" not in anna.listing(anna.folder)
    proxy.forget()
    proxy.release()
    done = anna.run("put", path, f"{anna.folder}/", url=proxy.url)
    assert done.exit_code == 0, done.output
    assert "Verified: 1 file, 100.0 MiB, SHA-256 match." in done.stdout
    assert proxy.up < BIG - 8 * MIB
    assert anna.listing(anna.folder)["scan.bin"]["sha256"] == sha256(path)


def test_a_killed_get_goes_on_with_the_same_command(anna, proxy):
    path = anna.file("scan.bin", BIG)
    assert anna.run("put", path, f"{anna.folder}/").exit_code == 0
    proxy.plan(Stall(down=12 * MIB))
    killed = anna.start("get", f"{anna.folder}/scan.bin", anna.home / "back", url=proxy.url)
    assert proxy.stalled.wait(60)
    journal = anna.home / ".local/state/sealane"
    for _ in range(1000):
        # The journal is written once a second: wait for one that knows of the bytes that came.
        if any(
            sum(part[2] for part in json.loads(one.read_text())["parts"]) > 20 * MIB for one in journal.glob("*.json")
        ):
            break
        signal.sigtimedwait([], 0.05)
    killed.kill()
    killed.communicate()
    assert not (anna.home / "back").exists()
    assert (anna.home / "back.part").exists()
    proxy.forget()
    proxy.release()
    done = anna.run("get", f"{anna.folder}/scan.bin", anna.home / "back", url=proxy.url)
    assert done.exit_code == 0, done.output
    assert proxy.down < BIG - 15 * MIB
    assert sha256(anna.home / "back") == sha256(path)
    assert not (anna.home / "back.part").exists()


def test_a_stopped_put_says_how_to_go_on(anna, proxy):
    path = anna.file("scan.bin", BIG)
    proxy.plan(Stall(up=12 * MIB))
    stopped = anna.start("put", path, f"{anna.folder}/", url=proxy.url)
    assert proxy.stalled.wait(60)
    stopped.send_signal(signal.SIGINT)
    _, said = stopped.communicate(timeout=30)
    assert stopped.returncode == 130
    assert "go on with:" in said
    assert f"put {path} {anna.folder}/" in said


def test_a_server_that_is_killed_and_started_again_is_waited_for(tmp_path):
    from tests.running_server import RunningServer

    with (
        RunningServer.started(tmp_path) as server,
        CuttingProxy(server.http_port) as up,
        CuttingProxy(server.http_port) as down,
    ):
        server.organization("clinic", "anna")
        server.folder_for("clinic:/shared", "anna@clinic")
        anna = user_of(server, "anna@clinic", tmp_path / "home")
        path = anna.file("scan.bin", BIG)
        assert anna.run("put", path, f"{anna.folder}/there.bin").exit_code == 0
        up.plan(Stall(up=12 * MIB))
        down.plan(Stall(down=12 * MIB))
        patient = ("--give-up", "2m")
        sending = anna.start("put", path, f"{anna.folder}/", *patient, url=up.url)
        fetching = anna.start("get", f"{anna.folder}/there.bin", anna.home / "back", *patient, url=down.url)
        assert up.stalled.wait(60)
        assert down.stalled.wait(60)
        server.kill()
        for proxy in (up, down):
            proxy.forget()
            proxy.release()
        server.start()
        for process in (sending, fetching):
            output, errors = process.communicate(timeout=200)
            assert process.returncode == 0, output + errors
            assert "SHA-256 match" in output
        assert sha256(anna.home / "back") == sha256(path)
        assert anna.listing(anna.folder)["scan.bin"]["sha256"] == sha256(path)
        server.verify_ledger()


@pytest.mark.parametrize("size", [WHOLE, 3 * MIB])
def test_a_byte_altered_on_the_way_up_is_noticed(anna, proxy, size):
    path = anna.file("claims.csv", size)
    proxy.plan(Flip(up=WHOLE // 2))
    sent, _ = put(anna, path, url=proxy.url)
    assert isinstance(sent.worst, failures.NotVerified)
    assert (sent.files, sent.verified, len(sent.failures)) == (0, 0, 1)


@pytest.mark.parametrize("size", [WHOLE, 3 * MIB])
def test_a_byte_altered_on_the_way_down_is_noticed_and_the_file_gets_no_name(anna, proxy, size):
    put(anna, anna.file("claims.csv", size))
    proxy.plan(Flip(down=WHOLE // 2))
    fetched, _ = get(anna, f"{anna.folder}/claims.csv", anna.home / "back", url=proxy.url)
    assert isinstance(fetched.worst, failures.NotVerified)
    assert not (anna.home / "back").exists()
    assert not (anna.home / "back.part").exists()


def test_what_an_earlier_run_left_is_not_believed_but_verified(anna, proxy):
    path = anna.file("scan.bin", BIG)
    assert anna.run("put", path, f"{anna.folder}/").exit_code == 0
    proxy.plan(Stall(down=12 * MIB))
    killed = anna.start("get", f"{anna.folder}/scan.bin", anna.home / "back", url=proxy.url)
    assert proxy.stalled.wait(60)
    killed.send_signal(signal.SIGINT)
    killed.communicate(timeout=60)
    proxy.forget()
    proxy.release()
    with (anna.home / "back.part").open("r+b") as unfinished:
        unfinished.seek(1000)
        unfinished.write(b"spoilt by this disk")
    done = anna.run("get", f"{anna.folder}/scan.bin", anna.home / "back", url=proxy.url)
    assert done.exit_code == 0, done.output
    assert sha256(anna.home / "back") == sha256(path)


def test_whole_folders_go_both_ways_with_their_times_and_without_links(anna):
    tree = anna.home / "tree"
    names = [
        "a.csv",
        "deep/er/b.csv",
        "deep/c.part",
        "deep/c",
        "h\u00e9llo w\u00f6rld 100%.txt",
        "deep/\u65e5\u672c#?&.csv",
    ]
    for number, name in enumerate(names):
        path = anna.file(f"tree/{name}", 1000 * number)
        os.utime(path, (1_600_000_000 + number, 1_600_000_000 + number))
    (tree / "empty").mkdir()
    (tree / "link").symlink_to("/etc/hostname")
    (tree / "links").symlink_to("/etc")
    done = anna.run("put", tree, f"{anna.folder}/")
    assert done.exit_code == 0, done.output
    assert "2 left out" in done.stdout
    done = anna.run("get", f"{anna.folder}/tree", anna.home / "back")
    assert done.exit_code == 0, done.output
    back = anna.home / "back"
    found = {str(path.relative_to(back)) for path in back.rglob("*") if path.is_file()}
    assert found == set(names)
    assert (back / "empty").is_dir()
    for name in names:
        assert sha256(back / name) == sha256(tree / name)
        assert (back / name).stat().st_mtime == (tree / name).stat().st_mtime


def test_a_named_thing_that_is_no_file_is_a_failure(anna):
    pipe = anna.home / "pipe"
    os.mkfifo(pipe)
    for named in (pipe, "/dev/null"):
        done = anna.run("put", named, f"{anna.folder}/")
        assert done.exit_code == 1, done.output
        assert f"{named} is neither a file nor a folder. (local-file)" in done.stderr
    done = anna.run("put", pipe, anna.file("claims.csv", 10), f"{anna.folder}/")
    assert done.exit_code == 4, done.output
    assert "Verified: 1 file" in done.stdout
    assert list(anna.listing(anna.folder)) == ["claims.csv"]


def test_a_file_has_its_name_only_once_it_and_then_its_folder_are_durable(anna, monkeypatch):
    path = anna.file("claims.csv", MIB)
    put(anna, path)
    target = anna.home / "back" / "claims.csv"
    target.parent.mkdir()
    synced, fsync = [], os.fsync

    def noting(descriptor):
        fsync(descriptor)
        status = os.fstat(descriptor)
        synced.append((status.st_ino, status.st_size, target.exists()))

    monkeypatch.setattr(os, "fsync", noting)
    fetched, _ = get(anna, f"{anna.folder}/claims.csv", target)
    assert fetched.verified == 1
    file, folder = target.stat(), target.parent.stat()
    ours = [(inode, there) for inode, _, there in synced if inode in {file.st_ino, folder.st_ino}]
    assert (file.st_ino, MIB, False) in synced, "the whole file, while it has no name"
    assert ours[-1] == (folder.st_ino, True), "the folder, once the name is in it"


def test_the_same_again_moves_nothing_and_says_so(anna, proxy):
    tree = anna.home / "tree"
    for name, size in (("a", 300_000), ("b", 3 * MIB), ("c", 0)):
        anna.file(f"tree/{name}", size)
    put(anna, tree)
    sent, _ = put(anna, tree, url=proxy.url)
    assert (sent.files, sent.verified, sent.unchanged) == (3, 3, 3)
    fetched, _ = get(anna, f"{anna.folder}/tree", anna.home / "back")
    assert fetched.unchanged == 0
    fetched, _ = get(anna, f"{anna.folder}/tree", anna.home / "back" / "..", url=proxy.url)
    assert max(proxy.up, proxy.down) < 100_000
    assert shutil.rmtree(anna.home / "back") is None


def test_a_changed_file_of_the_same_size_is_sent_again(anna):
    path = anna.file("claims.csv", 2 * MIB)
    put(anna, path)
    path.write_bytes(os.urandom(2 * MIB))
    sent, _ = put(anna, path)
    assert (sent.unchanged, sent.verified) == (0, 1)
    assert anna.listing(anna.folder)["claims.csv"]["sha256"] == sha256(path)


def test_a_file_that_changes_while_it_is_sent_is_not_reported_as_sent(anna):
    path = anna.file("claims.csv", 4 * MIB)
    errand, events = anna.errand()
    kept = errand.tell

    def tell(event):
        kept(event)
        if isinstance(event, FileMoved) and event.position > MIB:
            os.utime(path, (1, 1))

    object.__setattr__(errand, "tell", tell)
    tally = transfers.put(errand, [path], f"{anna.folder}/")
    assert isinstance(tally.worst, failures.ChangedHere)
    assert not [event for event in events if isinstance(event, FileDone)]
    assert "claims.csv" not in anna.listing(anna.folder)
    assert not list((anna.home / "journals").iterdir())


def test_the_server_hashes_what_came_while_the_same_is_done_here(anna, monkeypatch):
    joined = threading.Event()
    join, hash_ = PartedUpload.join, FollowingDigest._hash

    def joining(upload, words):
        reply = join(upload, words)
        joined.set()
        return reply

    def hashing(digest):
        assert joined.wait(60)
        return hash_(digest)

    monkeypatch.setattr(PartedUpload, "join", joining)
    monkeypatch.setattr(FollowingDigest, "_hash", hashing)
    sent, _ = put(anna, anna.file("claims.csv", 2 * MIB))
    assert sent.verified == 1, sent.failures


def test_a_file_replaced_while_it_is_fetched_comes_as_the_new_one_and_never_mixed(anna):
    path = anna.file("claims.csv", 32 * MIB)
    put(anna, path)
    errand, _ = anna.errand()
    replaced = []
    all_lanes = threading.Lock()

    def tell(event):
        if isinstance(event, FileMoved):
            with all_lanes:  # nobody goes on while it is replaced, so most parts have not begun
                if event.position > MIB and not replaced:
                    replaced.append(path.write_bytes(os.urandom(5 * MIB)))
                    put(anna, path)

    object.__setattr__(errand, "tell", tell)
    tally = transfers.get(errand, f"{anna.folder}/claims.csv", anna.home / "back")
    assert tally.verified == 1
    assert replaced
    assert sha256(anna.home / "back") == sha256(path)


def test_a_file_in_the_way_of_the_unfinished_one_is_not_touched(anna):
    put(anna, anna.file("claims.csv", 2 * MIB))
    mine = anna.home / "back.part"
    mine.write_text("mine")
    tally, _ = get(anna, f"{anna.folder}/claims.csv", anna.home / "back")
    assert isinstance(tally.worst, failures.LocalFailure)
    assert "in the way" in tally.worst.sentence
    assert mine.read_text() == "mine"


def test_a_link_in_the_place_of_the_unfinished_file_is_not_followed(anna):
    put(anna, anna.file("claims.csv", 2 * MIB))
    (anna.home / "victim").touch()
    (anna.home / "back.part").symlink_to(anna.home / "victim")
    tally, _ = get(anna, f"{anna.folder}/claims.csv", anna.home / "back")
    assert isinstance(tally.worst, failures.LocalFailure)
    assert (anna.home / "victim").read_bytes() == b""


def test_who_may_only_write_sends_and_verifies_and_leaves_no_refused_look_at_files(whole_server, tmp_path):
    carl = user_of(whole_server, "carl@clinic", tmp_path)
    for name, size in (("small", 1000), ("large", 3 * MIB)):
        tally, _ = put(carl, carl.file(name, size), target="/drop/")
        assert (tally.files, tally.verified) == (1, 1), tally
    assert carl.run("get", "/drop/small", tmp_path / "back").exit_code == 3


def test_what_another_organization_granted_is_fetched_at_its_place(whole_server, anna, tmp_path):
    path = anna.file("claims.csv", 3 * MIB)
    put(anna, path)
    bob = user_of(whole_server, "bob@lab", tmp_path / "bob")
    tally, _ = get(bob, f"/@clinic{anna.folder}/claims.csv", tmp_path / "back")
    assert tally.verified == 1
    assert sha256(tmp_path / "back") == sha256(path)
    shown = anna.run("receipt", f"{anna.folder}/claims.csv").stdout
    assert "sent by anna@clinic over http" in shown
    assert "fetched by bob@lab over http" in shown


def test_one_file_that_fails_leaves_the_others_and_the_exit_code_says_partly(anna):
    good, bad = anna.file("good.csv", 1000), anna.file("bad.csv", 1000)
    bad.chmod(0)
    hidden = anna.home / "tree"
    hidden.mkdir()
    (hidden / "good").write_bytes(b"x")
    (hidden / " no name").write_bytes(b"x")
    done = anna.run("put", good, hidden, f"{anna.folder}/")
    assert done.exit_code == 4, done.output
    assert "path-invalid" in done.stderr
    assert "Not sent: 1 file." in done.stdout
    assert "good.csv" in anna.listing(anna.folder)


def test_a_quota_is_said_and_nothing_half_is_left(whole_server, anna):
    whole_server.sealane("folder", "add", f"clinic:{anna.folder}/tight", "--quota", "2MiB")
    tally, _ = put(anna, anna.file("claims.csv", 4 * MIB), target=f"{anna.folder}/tight/")
    assert isinstance(tally.worst, QuotaExceeded)
    assert anna.listing(f"{anna.folder}/tight") == {}


def test_a_user_who_is_disabled_meanwhile_ends_the_whole_run_as_refused(whole_server, anna):
    whole_server.organization("gone", "dora")
    whole_server.folder_for("gone:/x", "dora@gone")
    dora = user_of(whole_server, "dora@gone", anna.home)
    tree = [dora.file(f"many/{number}", 100) for number in range(50)]
    errand, events = dora.errand()
    kept = errand.tell

    def tell(event):
        kept(event)
        if isinstance(event, Planned):
            whole_server.sealane("user", "disable", "dora@gone")

    object.__setattr__(errand, "tell", tell)
    with pytest.raises(Refused):
        transfers.put(errand, tree, "/x/")
    assert 1 <= len([event for event in events if isinstance(event, FileFailed)]) <= SMALL.parallel
    done = dora.run("put", *tree, "/x/")
    assert done.exit_code == 3
    assert "(not-signed-in)" in done.stderr
    assert dora.token not in done.output


def test_events_are_json_one_a_line_and_end_with_a_summary(anna):
    path = anna.file("claims.csv", 1000)
    done = anna.run("put", path, f"{anna.folder}/", "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["event"] == "planned"
    assert events[-1] == {
        "event": "ended",
        "files": 1,
        "bytes": 1000,
        "verified": 1,
        "unchanged": 0,
        "sealed": 0,
        "opened": 0,
        "kept_sealed": 0,
        "skipped": 0,
        "failed": 0,
    }
    (finished,) = [event for event in events if event["event"] == "file-done"]
    assert finished["sha256"] == sha256(path)


def test_a_login_is_tried_and_then_kept(whole_server, anna, tmp_path):
    bare = {"HOME": str(tmp_path / "fresh")}
    from click.testing import CliRunner

    from sealane.cli.main import cli

    runner = CliRunner()
    wrong = runner.invoke(cli, ["login", anna.url, "--token-stdin"], env=bare, input="sealane_wrong\n")
    assert wrong.exit_code == 3
    right = runner.invoke(cli, ["login", anna.url, "--token-stdin"], env=bare, input=anna.token + "\n")
    assert right.exit_code == 0, right.output
    assert "anna@clinic" in right.stdout
    assert anna.token not in right.output
    assert runner.invoke(cli, ["ls", "/"], env=bare).exit_code == 0


def test_folders_are_listed_made_and_removed(anna):
    assert anna.run("mkdir", f"{anna.folder}/sub").exit_code == 0
    assert anna.run("mkdir", f"{anna.folder}/sub").exit_code == 1
    put(anna, anna.file("claims.csv", 10), target=f"{anna.folder}/sub/renamed.csv")
    shown = anna.run("ls", f"{anna.folder}/sub").stdout
    assert "renamed.csv" in shown
    assert anna.run("ls", f"{anna.folder}/sub/renamed.csv").stdout.count("renamed.csv") == 1
    assert anna.run("rm", f"{anna.folder}/sub").exit_code == 1
    assert anna.run("rm", f"{anna.folder}/sub/renamed.csv").exit_code == 0
    assert anna.run("rm", f"{anna.folder}/sub").exit_code == 0
    assert "sub" not in anna.listing(anna.folder)
    assert anna.run("ls", f"{anna.folder}/nothing").exit_code == 1
    assert anna.run("put", anna.home / "claims.csv", f"{anna.folder}/nothing/").exit_code == 1


def test_a_terminal_gets_bars_and_the_last_line(anna):
    import pty
    import subprocess
    import sys

    from tests.running_server import ROOT

    path = anna.file("claims [bold]x.csv", 30 * MIB)
    near, far = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", "from sealane.cli.main import main; main()", "put", str(path), f"{anna.folder}/"],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "TERM": "xterm", "COLUMNS": "160"} | anna.environ(),
        stdout=subprocess.PIPE,
        stderr=far,
    )
    os.close(far)
    shown = b""
    while True:
        try:
            shown += os.read(near, 65536)
        except OSError:
            break
    os.close(near)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, shown
    assert said.decode().strip() == "Verified: 1 file, 30.0 MiB, SHA-256 match."
    text = shown.decode()
    assert "All" in text
    assert "of 30.0 MiB" in text
    assert "claims [bold]x.csv" in text
    assert "Traceback" not in text


def test_an_earlier_version_is_listed_fetched_and_restored_from_the_command_line(anna):
    first, second = anna.file("a/claims.csv", 3 * MIB), anna.file("b/claims.csv", 70_000)
    for path in (first, second):
        assert anna.run("put", path, f"{anna.folder}/").exit_code == 0
    there = f"{anna.folder}/claims.csv"
    two, one = json.loads(anna.run("file", "versions", there, "--json").stdout)
    assert [(each["present"], each["size"]) for each in (two, one)] == [(True, 70_000), (False, 3 * MIB)]
    assert "kept until" in anna.run("file", "versions", there).stdout
    done = anna.run("get", there, anna.home / "earlier", "--version", one["version"])
    assert (done.exit_code, sha256(anna.home / "earlier")) == (0, sha256(first))
    assert "Verified" in done.stdout
    assert anna.run("rm", there).exit_code == 0
    (removed,) = json.loads(anna.run("file", "removed", anna.folder, "--json").stdout)
    assert (removed["name"], removed["versions"]) == ("claims.csv", 2)
    done = anna.run("file", "restore", there, "--version", one["version"])
    assert done.exit_code == 0, done.output
    assert anna.listing(anna.folder)["claims.csv"]["version"] == one["version"]
    assert anna.run("file", "restore", there, "--version", "x" * 26).exit_code == 1
    assert anna.run("get", anna.folder, anna.home / "no", "--version", one["version"]).exit_code != 0
