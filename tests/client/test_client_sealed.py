"""Sealed folders on the user's machine: what leaves it is an age file, what comes is opened or kept, never half."""

import contextlib
import hashlib
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from sealane.client import arrivals, failures, transfers
from sealane.client.accounts import Login
from sealane.client.events import FileDone, FileMoved, FolderSeals
from sealane.client.patience import Stop
from sealane.client.positions import FollowingDigest
from sealane.client.server import Server
from sealane.client.uploads import PartedUpload
from sealane.clock import Clock
from sealane.errors import Integrity, SealaneError
from sealane.settings import KIB, ClientSettings
from sealane.vault.age import failures as age_failures
from sealane.vault.age import files
from sealane.vault.age.hybrid import HybridIdentity
from sealane.vault.age.payload import CHUNK_BYTES
from sealane.vault.age.x25519 import X25519Identity
from tests.client.sealed_server import SealedServer

pytestmark = pytest.mark.slow

CHUNK = CHUNK_BYTES
SETTINGS = replace(
    ClientSettings(),
    whole_file_bytes_max=CHUNK,
    part_bytes_min=2 * CHUNK,
    part_bytes_max=2 * CHUNK,
    block_bytes=CHUNK,
    pause_seconds_max=1,
    give_up_seconds=5,
    silence_seconds=10,
    digest_wait_seconds=0,
)
SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 7 * CHUNK, 7 * CHUNK + 5]
CROWD = [HybridIdentity.new() for _ in range(10)]
ANA = X25519Identity.new()
BEN = X25519Identity.new()


@pytest.fixture(scope="module")
def running():
    with SealedServer() as server:
        yield server


@pytest.fixture
def house(running):
    running.house.__init__()
    running.house.seal_to(ANA)
    return running.house


class Desk:
    """A user's machine."""

    def __init__(self, url, home):
        self.home = home
        self.events = []
        self.server = Server(Login(url, "sealane_x"), SETTINGS)
        self.tell = self.events.append

    def _tell(self, event):
        self.tell(event)

    def errand(self, *identities, **more):
        return transfers.Errand(
            self.server, SETTINGS, Clock(), Stop(), self._tell, self.home / "journals",
            lambda: identities, **more,
        )  # fmt: skip

    def put(self, *sources, **more):
        return transfers.put(self.errand(**more), list(sources), "/sealed/")

    def get(self, source, target, *identities, **more):
        return transfers.get(self.errand(*identities, **more), source, self.home / target)

    def file(self, size, name="claims.csv"):
        path = self.home / name
        path.write_bytes(os.urandom(size))
        return path

    def left(self):
        return sorted(path.name for path in (self.home / "journals").glob("*"))


@pytest.fixture
def desk(running, house, tmp_path):
    made = Desk(running.url, tmp_path)
    yield made
    made.server.close()


def sealed_by(house, name="claims.csv"):
    return house.kept[name].sealed


@pytest.mark.parametrize("size", SIZES)
def test_what_is_put_into_a_sealed_folder_is_an_age_file_and_comes_back_opened(desk, house, size):
    path = desk.file(size)
    sent = desk.put(path)
    assert (sent.files, sent.verified, sent.sealed) == (1, 1, 1), sent.failures
    assert files.open_sealed(sealed_by(house), [ANA]) == path.read_bytes()
    assert house.kept["claims.csv"].length == size
    assert house.kept["claims.csv"].digest == hashlib.sha256(path.read_bytes()).digest()
    fetched = desk.get("/sealed/claims.csv", "back", ANA)
    assert (fetched.verified, fetched.opened, fetched.bytes) == (1, 1, size), fetched.failures
    assert (desk.home / "back").read_bytes() == path.read_bytes()
    assert desk.left() == []
    assert not list(desk.home.glob("*.part"))


def test_the_server_is_told_that_it_is_sealed_and_never_a_byte_of_the_file(desk, house):
    path = desk.home / "claims.csv"
    path.write_bytes(b"John Q. Public, 123-45-6789\n" * 20_000)
    assert desk.put(path).verified == 1
    everything = b"".join(block for part in house.seen.values() for _, block in part)
    assert b"John Q. Public" not in everything
    assert len(everything) > path.stat().st_size
    first, last = house.metadata[0], house.metadata[-1]
    assert (first["path"], first["sealed"], first["plaintext-length"]) == ("/sealed/claims.csv", "age", "560000")
    assert last["plaintext-digest"] == hashlib.sha256(path.read_bytes()).hexdigest()
    told = [event for event in desk.events if isinstance(event, FolderSeals)]
    assert told == [FolderSeals("/sealed", ("user0@clinic",), ())]


def test_a_line_that_breaks_costs_nothing_that_was_acknowledged_and_no_nonce(desk, house):
    path = desk.file(20 * CHUNK)
    house.cut_after, house.forgets_bytes = 5 * CHUNK, 30_000
    assert desk.put(path).verified == 1
    assert files.open_sealed(sealed_by(house), [ANA]) == path.read_bytes()
    for part in house.seen.values():
        by_place = {}
        for offset, block in part:
            for place, byte in enumerate(block, offset):
                assert by_place.setdefault(place, byte) == byte, "the same place was sealed from two plaintexts"


class Killed(Exception):
    """Stands for kill -9: nothing of ours runs after it."""


def killed_while_sending(desk, path, at, monkeypatch):
    """Send until so many bytes have moved, and stop as a killed process does: with nothing put in order."""

    def tell(event):
        desk.events.append(event)
        if isinstance(event, FileMoved) and event.position > at:
            raise Killed

    desk.tell = tell
    with pytest.raises(Killed):
        desk.put(path)
    desk.tell = desk.events.append


def test_a_killed_put_goes_on_with_the_same_age_file(desk, house, monkeypatch):
    path = desk.file(20 * CHUNK)
    killed_while_sending(desk, path, 9 * CHUNK, monkeypatch)
    (key,) = (desk.home / "journals").glob("*.key")
    assert key.stat().st_mode & 0o077 == 0
    begun = len(house.parts)
    taken = house.taken
    assert desk.put(path).verified == 1
    assert files.open_sealed(sealed_by(house), [ANA]) == path.read_bytes()
    assert house.taken - taken < 16 * CHUNK, "what was acknowledged is not sent again"
    assert len(house.parts) < begun + 10
    assert desk.left() == []


def test_a_source_that_changed_after_a_kill_is_a_new_age_file_with_a_new_key(desk, house, monkeypatch):
    path = desk.file(20 * CHUNK)
    killed_while_sending(desk, path, 9 * CHUNK, monkeypatch)
    status = path.stat()
    parts = [bytes(part) for part in house.parts]
    content = bytearray(path.read_bytes())
    content[: 20 * CHUNK] = os.urandom(20 * CHUNK)
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # as programs do that keep a file's time
    done = desk.put(path)
    assert isinstance(done.worst, failures.ChangedHere)
    assert house.kept == {}, "what is half of each is shown to nobody"
    assert desk.left() == [], "the key is gone"
    assert desk.put(path).verified == 1
    assert files.open_sealed(sealed_by(house), [ANA]) == bytes(content)
    ours = sealed_by(house)
    for part in parts:
        for start in range(0, len(part) - 64, CHUNK):
            assert part[start + 32 : start + 64] not in ours


def test_the_server_hashes_what_came_while_the_same_is_done_here(desk, house, monkeypatch):
    joined = threading.Event()
    join, hash_ = PartedUpload.join, FollowingDigest._hash

    def joining(upload, words):
        reply = join(upload, words)
        joined.set()
        return reply

    def hashing(digest):
        if digest._before:  # of what is sent
            assert joined.wait(60)
        return hash_(digest)

    monkeypatch.setattr(PartedUpload, "join", joining)
    monkeypatch.setattr(FollowingDigest, "_hash", hashing)
    assert desk.put(desk.file(20 * CHUNK)).verified == 1


@pytest.mark.parametrize("change", ["recipients", "boot"])
def test_other_recipients_or_another_start_of_the_machine_begin_a_new_age_file(desk, house, monkeypatch, change):
    from sealane.client import sealing

    path = desk.file(10 * CHUNK)
    killed_while_sending(desk, path, 5 * CHUNK, monkeypatch)
    (key,) = (desk.home / "journals").glob("*.key")
    before = key.read_bytes()
    if change == "recipients":
        house.seal_to(ANA, BEN)
    else:
        monkeypatch.setattr(sealing, "_boot", lambda: "another")
    kept = []
    forget = sealing.forget
    monkeypatch.setattr(sealing, "forget", lambda beside: (kept.append(beside(".key").read_bytes()), forget(beside))
                        if beside(".key").exists() else forget(beside))  # fmt: skip
    assert desk.put(path).verified == 1
    assert kept[0] == before
    assert kept[1] != before
    assert files.open_sealed(sealed_by(house), [BEN if change == "recipients" else ANA]) == path.read_bytes()


def test_a_key_is_overwritten_before_it_is_removed(desk, house, monkeypatch):
    path = desk.file(10 * CHUNK)
    killed_while_sending(desk, path, 5 * CHUNK, monkeypatch)
    (key,) = (desk.home / "journals").glob("*.key")
    with key.open("rb") as held:
        assert b"file_key" in held.read()
        assert desk.put(path).verified == 1
        held.seek(0)
        assert set(held.read()) == {0}


def test_what_the_server_keeps_altered_is_not_reported_as_sent(desk, house):
    path = desk.file(5 * CHUNK)

    def lie(request):
        if request.headers.get("Upload-Concat", "").startswith("final"):
            house.parts[0][5000] ^= 1
        return False

    house.lie = lie
    done = desk.put(path)
    assert isinstance(done.worst, failures.NotVerified)


def test_a_small_file_altered_on_the_way_is_refused_by_its_digest(desk, house):
    house.alters = 1
    done = desk.put(desk.file(100))
    assert isinstance(done.worst, failures.NotVerified)
    assert house.kept == {}


def test_recipients_that_are_none_are_refused_before_a_byte_is_read(desk, house):
    path = desk.file(100)
    pq = HybridIdentity.new()
    for recipients, expected in (
        ([], failures.AnswerInvalid),
        ([{"recipient": "age1nonsense"}], failures.AnswerInvalid),
        ([{"recipient": str(ANA.recipient())}, {"recipient": str(pq.recipient())}], age_failures.RecipientsMixed),
    ):
        house.recipients["recipients"] = recipients
        with pytest.raises(expected):
            desk.put(path)
    assert "PUT" not in [command for command, _, _ in house.requests]


def test_who_wants_it_sealed_sends_nothing_to_an_ordinary_folder(desk, house):
    house.recipients = {"sealed": False}
    with pytest.raises(failures.FolderNotSealed):
        desk.put(desk.file(100), must_seal=True)
    assert "PUT" not in [command for command, _, _ in house.requests]


def test_hybrid_recipients_are_sealed_to_as_well(desk, house):
    pq, other = HybridIdentity.new(), HybridIdentity.new()
    house.seal_to(pq, other)
    path = desk.file(3 * CHUNK)
    assert desk.put(path).verified == 1
    assert files.open_sealed(sealed_by(house), [other]) == path.read_bytes()
    assert desk.get("/sealed/claims.csv.age", "back", pq).opened == 1
    assert (desk.home / "back").read_bytes() == path.read_bytes()


def test_the_same_again_moves_nothing(desk, house):
    path = desk.file(3 * CHUNK)
    desk.put(path)
    puts = len(house.parts)
    done = desk.put(path)
    assert (done.verified, done.unchanged, len(house.parts)) == (1, 1, puts)
    desk.get("/sealed/claims.csv", "back", ANA)
    gets = len(house.paths_asked("GET"))
    done = desk.get("/sealed/claims.csv", "back", ANA)
    assert (done.verified, done.unchanged) == (1, 1)
    assert len(house.paths_asked("GET")) <= gets + 2, "the header, and no chunk"


# --- fetching --------------------------------------------------------------------------------------------------------


def put_there(house, content, *identities, name="claims.csv"):
    sealed = files.seal(content, [one.recipient() for one in identities or (ANA,)])
    house.keep(name, sealed, len(content), hashlib.sha256(content).digest())


@pytest.mark.parametrize("identities", [(), (BEN,)])
def test_without_a_key_that_opens_it_the_sealed_file_is_kept_and_said_so(desk, house, identities):
    content = os.urandom(3 * CHUNK + 9)
    put_there(house, content)
    done = desk.get("/sealed/claims.csv", "back", *identities)
    assert (done.files, done.verified, done.kept, done.opened) == (1, 1, 1, 0)
    assert not (desk.home / "back").exists()
    assert (desk.home / "back.age").read_bytes() == sealed_by(house)


def test_a_local_name_that_ends_in_age_or_the_wish_for_it_keeps_it_sealed(desk, house):
    put_there(house, b"content")
    assert desk.get("/sealed/claims.csv", "mine.age", ANA).kept == 1
    assert desk.get("/sealed/claims.csv", "other", ANA, keep_sealed=True).kept == 1
    assert (desk.home / "mine.age").read_bytes() == (desk.home / "other.age").read_bytes() == sealed_by(house)


def test_a_folder_comes_opened_where_it_can_be(desk, house):
    put_there(house, b"for ana", name="a.csv")
    put_there(house, b"for ben", BEN, name="b.csv")
    done = desk.get("/sealed", "back", ANA)
    assert (done.verified, done.opened, done.kept) == (2, 1, 1), done.failures
    assert (desk.home / "back/a.csv").read_bytes() == b"for ana"
    assert sorted(path.name for path in (desk.home / "back").iterdir()) == ["a.csv", "b.csv.age"]


@pytest.mark.parametrize("name", ["..age", "...age", ".age", " .age", "/.age", "a/../../b.age"])
def test_a_sealed_name_that_would_lead_elsewhere_once_it_is_opened_leads_nowhere(desk, house, name):
    entry = {"name": name, "kind": "file", "size": 300, "modified": "2026-01-01T12:00:00Z", "version": "v1",
             "sealed": True, "plaintext_length": 7}  # fmt: skip
    put_there(house, b"content")

    def lie(request):
        if request.words[0] == "folders":
            request.say({"entries": [entry], "after": ""})
        elif request.words[0] == "content" and request.words != ["content", "sealed"]:
            request.words = ["content", "sealed", "claims.csv"]
            request.on_content()
        else:
            return False
        return True

    house.lie = lie
    inside = desk.home / "inside"
    inside.mkdir()
    with contextlib.suppress(SealaneError):
        done = desk.get("/sealed", "inside/back", ANA)
        assert (done.kept, done.opened, done.failures) == (1, 0, [])
    there = [path for path in desk.home.rglob("*") if path.is_file() and "journals" not in path.parts]
    assert set(there) <= {inside / "back" / name}


@pytest.mark.parametrize("place", [0, 1, 3])
def test_a_chunk_that_was_altered_is_an_integrity_failure_and_the_file_gets_no_name(desk, house, place):
    put_there(house, os.urandom(3 * CHUNK + 9))
    kept = house.kept["claims.csv"]
    sealed = bytearray(kept.sealed)
    sealed[kept.header_length + 16 + place * (CHUNK + 16) + 3] ^= 1
    kept.sealed = bytes(sealed)
    done = desk.get("/sealed/claims.csv", "back", ANA)
    assert isinstance(done.worst, Integrity)
    assert not (desk.home / "back").exists()


@pytest.mark.parametrize("cut", [1, 16, CHUNK, CHUNK + 16 + 9 + 16, 3 * (CHUNK + 16)])
def test_a_file_cut_short_by_the_server_is_never_reported_as_whole(desk, house, cut):
    put_there(house, os.urandom(3 * CHUNK + 9))
    kept = house.kept["claims.csv"]
    kept.sealed = kept.sealed[:-cut]
    done = desk.get("/sealed/claims.csv", "back", ANA)
    assert isinstance(done.worst, Integrity)
    assert not (desk.home / "back").exists()


def test_a_plaintext_that_is_not_the_one_its_sender_told_of_is_refused(desk, house):
    put_there(house, b"content")
    house.kept["claims.csv"].digest = hashlib.sha256(b"other").digest()
    done = desk.get("/sealed/claims.csv", "back", ANA)
    assert isinstance(done.worst, failures.NotVerified)
    assert not (desk.home / "back").exists()


def test_a_header_that_changes_while_the_file_comes_changes_nothing_of_the_file(desk, house):
    content = os.urandom(30 * CHUNK)
    put_there(house, content)
    kept = house.kept["claims.csv"]
    moved = []

    def tell(event):
        if isinstance(event, FileMoved) and event.position > 6 * CHUNK and not moved:
            moved.append(event)
            key, _ = files.open_prefix(kept.sealed, [ANA])
            del key
            from sealane.vault.age import header, keys

            parsed, _ = header.parse(kept.sealed)
            file_key = keys.find_file_key(parsed, [ANA])
            kept.replace_header(header.make([one.recipient().wrap(file_key) for one in (ANA, BEN)], file_key).written())

    desk.tell = tell
    done = desk.get("/sealed/claims.csv", "back", ANA)
    assert moved
    assert (done.verified, done.opened) == (1, 1), done.failures
    assert (desk.home / "back").read_bytes() == content


def interrupted_get(desk, at):
    def tell(event):
        if isinstance(event, FileMoved) and event.position > at:
            raise Killed

    desk.tell = tell
    with pytest.raises(Killed):
        desk.get("/sealed/claims.csv", "back", ANA)
    desk.tell = desk.events.append


@pytest.mark.parametrize("tells", [True, False])
@pytest.mark.parametrize("spoilt", [False, True])
def test_an_interrupted_get_goes_on_and_what_was_spoilt_on_this_disk_is_fetched_again(desk, house, tells, spoilt):
    house.tells_digests = tells
    content = os.urandom(30 * CHUNK)
    put_there(house, content)
    interrupted_get(desk, 12 * CHUNK)
    assert not (desk.home / "back").exists()
    if spoilt:
        with (desk.home / "back.part").open("r+b") as unfinished:
            unfinished.seek(100)
            unfinished.write(b"spoilt by this disk")
    house.requests.clear()
    done = desk.get("/sealed/claims.csv", "back", ANA)
    assert (done.verified, done.opened) == (1, 1), done.failures
    assert (desk.home / "back").read_bytes() == content
    resumed = [event for event in desk.events if isinstance(event, FileMoved) and event.resumed]
    assert resumed[0].position > (0 if spoilt else 8 * CHUNK)
    assert desk.left() == []


def begins_of(house):
    return house.kept["claims.csv"].header_length + 16


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 5])
@pytest.mark.parametrize("others", [0, 10])
def test_every_place_of_a_file_is_read_however_much_of_it_came_with_its_ends(desk, house, size, others):
    """Also of one that is shorter than both ends, and where the header is longer than what is asked for first."""
    content = os.urandom(size)
    put_there(house, content, *CROWD[:others], *([] if others else [ANA]))
    reader = arrivals.reader(desk.server, ("sealed", "claims.csv"), [CROWD[0] if others else ANA])
    assert reader.length == size
    for at in {0, 1, CHUNK - 1, CHUNK, size - CHUNK, size - 1, size}:
        if at >= 0:
            assert reader.read(at, 2) == content[at : at + 2]


@pytest.mark.parametrize("spoilt", ["cut", "end", "begin"])
def test_a_file_cut_or_altered_at_its_ends_is_not_read_at_all(desk, house, spoilt):
    put_there(house, os.urandom(5 * CHUNK))
    kept = house.kept["claims.csv"]
    sealed = bytearray(kept.sealed)
    if spoilt == "cut":
        del sealed[-(CHUNK + 16) :]
    else:
        sealed[-1 if spoilt == "end" else begins_of(house) - 1] ^= 1
    kept.sealed = bytes(sealed)
    with pytest.raises(age_failures.PayloadDamaged):
        arrivals.reader(desk.server, ("sealed", "claims.csv"), [ANA]).read(0, 1)


def test_one_byte_of_a_large_file_costs_the_header_the_end_and_one_chunk(desk, house):
    content = os.urandom(64 * CHUNK)
    put_there(house, content)
    house.requests.clear()
    reader = arrivals.reader(desk.server, ("sealed", "claims.csv"), [ANA])
    assert reader.read(40 * CHUNK + 7, 1) == content[40 * CHUNK + 7 : 40 * CHUNK + 8]
    first = begins_of(house) + 40 * (CHUNK + 16)
    assert [(command, headers["Range"]) for command, _, headers in house.requests] == [
        ("GET", f"bytes=0-{16 * KIB - 1},-{CHUNK + 16}"), ("GET", f"bytes={first}-{first + CHUNK + 15}")
    ]  # fmt: skip
    with pytest.raises(age_failures.NoIdentityMatches):
        arrivals.reader(desk.server, ("sealed", "claims.csv"), [BEN])


def test_a_header_of_many_recipients_is_read_whole(desk, house):
    crowd = [HybridIdentity.new() for _ in range(20)]
    content = os.urandom(CHUNK + 1)
    put_there(house, content, *crowd)
    assert house.kept["claims.csv"].header_length > 16 * KIB
    assert desk.get("/sealed/claims.csv", "back", crowd[-1]).opened == 1
    assert Path(desk.home / "back").read_bytes() == content
    assert [event for event in desk.events if isinstance(event, FileDone)][-1].form == "opened"
