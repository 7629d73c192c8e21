"""Sealed folders with a whole server: what the client seals, it keeps as it came; what it sealed, the client opens."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from sealane import configuration
from sealane.client import arrivals, transfers
from sealane.operations.accounts import AddFolder, GrantFolder
from sealane.operations.caller import ask_once
from sealane.settings import MIB
from sealane.vault.age import keys
from tests.client.conftest import SMALL, User
from tests.client.cutting_proxy import Cut, CuttingProxy, Stall
from tests.peers import need
from tests.running_server import RunningServer

pytestmark = pytest.mark.slow
WHOLE = SMALL.whole_file_bytes_max
BIG = 100 * MIB


def admin(server, operation):
    return ask_once(server.data_dir / "run", "admin", operation, configuration.load(environ={}))


def grant(server, user, rights=("list", "read", "write", "delete")):
    admin(server, GrantFolder(folder="clinic:/vault", grantee=user, rights=rights, shown_as=""))


class Reader(User):
    """A user with a key."""

    def __init__(self, server, name, home):
        super().__init__(server, "", home)
        home.mkdir()
        self.name = name
        made = self.run("keys", "new", "--classic")
        self.recipient = made.stdout.strip().splitlines()[-1]
        (self.identity,) = keys.identities((home / ".config/sealane/identity.txt").read_text())
        server.sealane("user", "add", name, "--recipient", self.recipient)
        self.token = server.token(name)

    def errand(self, settings=SMALL, url=None):
        import dataclasses

        errand, events = super().errand(settings, url)
        return dataclasses.replace(errand, identities=lambda: [self.identity]), events

    def put(self, *sources, **more):
        errand, _ = self.errand(**more)
        return transfers.put(errand, [Path(source) for source in sources], "/vault/")

    def get(self, source, target, **more):
        errand, _ = self.errand(**more)
        return transfers.get(errand, source, self.home / target)


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with RunningServer.started(tmp_path_factory.mktemp("sealed-house")) as server:
        server.sealane("org", "add", "clinic")
        admin(server, AddFolder(folder="clinic:/vault", sealed=True, settle_seconds=0))
        server.ana = Reader(server, "ana@clinic", server.folder / "ana")
        server.ben = Reader(server, "ben@clinic", server.folder / "ben")
        grant(server, "ana@clinic")
        grant(server, "ben@clinic")
        yield server


@pytest.fixture
def ana(house):
    return house.ana


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@pytest.mark.parametrize("size", [0, 1, WHOLE - 1, WHOLE, WHOLE + 1, 5 * MIB + 77])
def test_a_file_sealed_here_comes_back_opened_to_each_of_its_readers(house, ana, size):
    path = ana.file(f"f{size}.csv", size)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    sent = ana.put(path)
    assert (sent.files, sent.verified, sent.sealed) == (1, 1, 1), sent
    for reader in (ana, house.ben):
        fetched = reader.get(f"/vault/f{size}.csv", f"back{size}")
        assert (fetched.files, fetched.verified, fetched.opened) == (1, 1, 1), fetched
        assert sha256(reader.home / f"back{size}") == sha256(path)
        assert (reader.home / f"back{size}").stat().st_mtime == 1_700_000_000


def test_who_may_only_write_is_told_that_a_large_file_arrived_whole(house):
    dora = Reader(house, "dora@clinic", house.folder / "dora")
    grant(house, "dora@clinic", ("write",))
    dora.token = house.token("dora@clinic", "write")
    done = dora.run("put", dora.file("drop.bin", 9 * MIB), "/vault/")
    assert done.exit_code == 0, done.output
    assert house.ben.get("/vault/drop.bin", "dropped").opened == 1
    assert sha256(house.ben.home / "dropped") == sha256(dora.home / "drop.bin")


def test_debians_age_opens_what_was_put(ana):
    need("age")
    path = ana.file("scan.bin", 3 * MIB)
    assert ana.put(path).verified == 1
    errand, _ = ana.errand()
    import dataclasses

    tally = transfers.get(dataclasses.replace(errand, keep_sealed=True), "/vault/scan.bin", ana.home / "scan")
    assert (tally.kept, tally.verified) == (1, 1)
    command = ["age", "-d", "-i", ana.home / ".config/sealane/identity.txt", ana.home / "scan.age"]
    opened = subprocess.run(command, capture_output=True, check=True).stdout
    assert hashlib.sha256(opened).hexdigest() == sha256(path)


def test_a_range_is_read_without_the_rest(ana):
    path = ana.file("ranges.bin", 3 * MIB + 7)
    assert ana.put(path).verified == 1
    errand, _ = ana.errand()
    reader = arrivals.reader(errand.server, ("vault", "ranges.bin"), [ana.identity])
    content = path.read_bytes()
    for at in (0, 2 * MIB - 1, 3 * MIB + 6):
        assert reader.read(at, 2) == content[at : at + 2]


def test_the_same_again_moves_nothing(ana):
    tree = ana.home / "tree"
    for name, size in (("a", 1000), ("b", 2 * MIB)):
        ana.file(f"tree/{name}", size)
    first = ana.put(tree)
    assert (first.verified, first.unchanged) == (2, 0), first
    assert ana.put(tree).unchanged == 2
    assert ana.get("/vault/tree", "tree-back").opened == 2
    assert ana.get("/vault/tree/b", "tree-back/b").unchanged == 1
    assert sha256(ana.home / "tree-back/b") == sha256(tree / "b")


def test_a_killed_put_and_a_killed_get_go_on_and_lines_may_break(house, ana):
    path = ana.file("big.bin", BIG)
    with CuttingProxy(house.http_port) as proxy:
        proxy.plan(Stall(up=12 * MIB))
        killed = ana.start("put", path, "/vault/", url=proxy.url)
        assert proxy.stalled.wait(60)
        killed.kill()
        killed.communicate()
        state = ana.home / ".local/state/sealane"
        assert list(state.glob("*.key"))
        proxy.forget()
        proxy.release()
        done = ana.run("put", path, "/vault/", url=proxy.url)
        assert done.exit_code == 0, done.output
        assert proxy.up < BIG - 8 * MIB
        assert list(state.iterdir()) == []
        proxy.forget()
        proxy.plan(*[Cut(down=5 * MIB)] * 3)
        done = ana.run("get", "/vault/big.bin", ana.home / "big-back", url=proxy.url)
        assert done.exit_code == 0, done.output
        assert "Opened: 1 file." in done.stdout
        assert proxy.down < BIG + 40 * MIB
    assert sha256(ana.home / "big-back") == sha256(path)


def test_what_an_ordinary_client_sent_and_the_server_sealed_is_opened_too(house, ana):
    content = os.urandom(300_000)
    (ana.home / "plain").write_bytes(content)
    command = [
        "curl", "-sS", "-f", "-T", str(ana.home / "plain"), "-H", f"Authorization: Bearer {ana.token}",
        house.url("/vault/by-curl"),
    ]  # fmt: skip
    need("curl")
    subprocess.run(command, check=True, capture_output=True)
    tally = ana.get("/vault/by-curl", "by-curl")
    assert tally.opened == 1, tally
    assert (ana.home / "by-curl").read_bytes() == content


def test_a_new_reader_is_given_the_old_files_by_rewrap(house, ana):
    path = ana.file("old.csv", 2 * MIB)
    assert ana.put(path).verified == 1
    carl = Reader(house, "carl@clinic", house.folder / "carl")
    grant(house, "carl@clinic")
    assert carl.get("/vault/old.csv", "early").kept == 1
    dry = ana.run("folder", "rewrap", "/vault", "--dry-run")
    assert "carl@clinic" in dry.stderr
    done = ana.run("folder", "rewrap", "/vault", "--yes")
    assert done.exit_code == 0, done.output
    fetched = carl.get("/vault/old.csv", "late")
    assert (fetched.opened, fetched.verified) == (1, 1)
    assert sha256(carl.home / "late") == sha256(path)
    assert "Wrapped: 0 of 0" in ana.run("folder", "rewrap", "/vault", "--yes").stdout
