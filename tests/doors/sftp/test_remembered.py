"""What a session says again is what the keeper would say: whatever everybody else did meanwhile."""

import secrets
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealane.clock import Clock
from sealane.doors.sftp import attributes
from sealane.doors.sftp.remembered import Remembered
from sealane.doors.watching import Watching
from sealane.errors import (
    InternalFailure,
    Missing,
    OutcomeUnknown,
    QuotaExceeded,
    SealaneError,
    SessionEnded,
    TooMany,
)
from sealane.operations import accounts, files
from sealane.operations.exposures import SetReading
from sealane.operations.files import Entry, ListFolder, Look, Page
from sealane.operations.uploads import Ahead, BeginUpload, BegunAhead, FinishUpload, UploadOpened
from sealane.operations.versions import ListVersions, RestoreVersion
from tests.domain.test_ahead import Named
from tests.domain.transfers import SMALL, World

pytestmark = pytest.mark.slow  # these open keepers; together they take longer than make check may

FOLDERS = ("/in", "/in/a")
NAMES = ("a", "b", "c")
PATHS = tuple(f"{folder}/{name}" for folder in FOLDERS for name in NAMES)
EVERYTHING = ("list", "read", "write", "delete")
NOW = Clock().now()


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("world") / "data"
    data_dir.mkdir()
    World(data_dir).populate().close()
    return data_dir


class Door:
    """A door with anna's session, and two others who change things: berta by another door, anna by a third."""

    def __init__(self, world):
        self.world = world
        self.anna = world.session("anna@clinic")
        world.grant("clinic:/in", "berta@clinic", *EVERYTHING)
        self.others = {"berta": world.session("berta@clinic"), "anna": world.session("anna@clinic")}
        watching = Watching(self.anna.asking, 10_000)
        self.anna.asking.on_notice(watching.notice)
        self.remembered = Remembered(watching)
        self.given = []
        """What was opened without a question: path, the upload, one that was asked for then, and what stood there."""

    def ask(self, operation, **fields):
        return self.anna.ask(operation, **fields)

    def told(self, path):
        return self.remembered.attributes_of(path, self.world.clock.now())

    def list(self, folder):
        page = self.ask(ListFolder, path=folder, own_uploads=True, watch=True)
        self.remembered.listed(folder, page, self.anna.asking.connection)

    def begin(self, path):
        opened = self.ask(BeginUpload, path=path, mode="create", lasting=False, ahead=30)
        self.remembered.begin(path, opened, self.anna.asking.connection, 0.0)

    def grant(self, *rights):
        """Change anna's rights, which ends her sessions; she comes back by the same doors."""
        self.world.grant("clinic:/in", "anna@clinic", *rights)
        self.come_back()

    def come_back(self):
        """Sign anna in again where her sessions have ended."""
        self.anna, self.others["anna"] = (
            self.world.session("anna@clinic", door=one.asking) for one in (self.anna, self.others["anna"])
        )

    def check(self):
        """Whatever is told again is what the keeper says now; a file that opens without asking is one that may open."""
        for path in PATHS:
            told = self.told(path)
            if told is not None:
                assert told == attributes.of(self.ask(Look, path=path, own_uploads=True).entry)
        for path in PATHS:
            given = self.remembered.upload(path, 0.0)
            if given is not None:
                before = self.world.kinds()
                asked = self.ask(BeginUpload, path=path, mode="create", lasting=False)
                assert self.world.kinds() == before, "an earlier upload should have been thrown away"
                self.given.append((path, given, asked, self.present(path)))

    def present(self, path):
        """The version that stands at a path, or None."""
        try:
            return self.ask(Look, path=path).entry.version or None
        except SealaneError:
            return None

    def writing(self, opened):
        """The door's side of an upload that was given for a path; its user goes on with it in their next session."""
        content = secrets.token_bytes(20)
        writing = Named.of(self.anna, opened)
        writing.path = opened.path
        writing.write(0, content)
        return writing, content

    def act(self, act):
        """Do something that may be refused."""
        kind, who, path, other = act
        self.world.clock.advance(timedelta(seconds=1))
        try:
            getattr(self, f"_{kind}")(self.others[who], path, other)
        except InternalFailure:
            raise
        except SealaneError:
            return

    def _end_given(self, *_):
        """End what a client opened without a question, and what it would have been given by one: both or none stand."""
        if not self.given:
            return
        path, given, asked, _ = self.given.pop(0)
        outcomes = []
        for opened in (given, asked):
            writing, content = self.writing(opened)
            try:
                finished = writing.finish()
            except SealaneError as failure:
                outcomes.append(failure.code)
            else:
                outcomes.append(finished.visible)
                if finished.visible and "read" in self.ask(Look, path=path).entry.rights:
                    assert self.anna.read(path, version=finished.version) == content
        assert outcomes[0] == outcomes[1]

    def _record_given(self, *_):
        """Keep the first bytes of what was opened without a question: gone on with only over what stood there then."""
        if not self.given:
            return
        path, given, _, stood = self.given.pop(0)
        writing, _ = self.writing(given)
        writing.record()
        writing.suspend()
        if self.ask(Look, path=path, own_uploads=True).entry.unfinished:
            assert self.present(path) == stood

    def _restore(self, who, path, other):
        told = who.ask(ListVersions, path=path).versions
        one = told[-1] if path < other else told[0]
        who.ask(RestoreVersion, path=path, version=one.entry.version)

    def _disable(self, *_):
        """Take everybody's sessions; they come back."""
        self.world.admin(accounts.DisableUser(user="anna@clinic"))
        self.world.admin(accounts.EnableUser(user="anna@clinic"))
        self.come_back()

    def _restart(self, *_):
        self.world.crash()

    def _put(self, who, path, other):
        who.put(secrets.token_bytes(len(other)), path)

    def _put_at_once(self, who, path, _):
        writing = who.begin(path, lasting=False)
        writing.write(0, b"some")
        writing.finish()

    def _keep(self, who, path, _):
        writing = who.begin(path, lasting=False)
        writing.write(0, b"some")
        writing.record()
        writing.write(4, b"more")
        writing.record()

    def _go_on(self, who, path, _):
        writing = who.begin(path, mode="resume")
        writing.write(writing.size, b"and more")
        writing.record()
        writing.suspend()

    def _finish(self, who, path, _):
        who.begin(path, mode="resume").finish()

    def _abandon(self, who, path, _):
        who.begin(path, mode="resume").abandon()

    def _remove(self, who, path, _):
        who.ask(files.RemoveFile, path=path, own_uploads=True)

    def _move(self, who, path, other):
        who.ask(files.Move, source=path, target=other, replace=True, own_uploads=True)

    def _make(self, who, path, _):
        who.ask(files.MakeFolder, path=path)

    def _unmake(self, who, path, _):
        who.ask(files.RemoveFolder, path=path)

    def _stamp(self, who, path, _):
        who.ask(files.SetModified, path=path, modified=self.world.clock.now().replace(year=2020))

    def _open(self, who, path, _):
        who.read(path)

    def _narrow(self, _, path, other):
        rights = ("list", "read") if path < other else ("list", "write")
        self.grant(*rights)

    def _widen(self, *_):
        self.grant(*EVERYTHING)

    def _quota(self, _, path, other):
        self.world.admin(accounts.SetFolderQuota(folder="clinic:/in", quota_files=0 if path < other else 2))

    def _hold_back(self, _, path, other):
        publish = "after-reading" if path < other else "at-once"
        self.world.admin(SetReading(folder="clinic:/in", publish=publish))

    def _sweep(self, *_):
        self.world.admin(accounts.Sweep())

    def _break(self, *_):
        self.anna.asking.break_off()


@pytest.fixture
def door(template, tmp_path):
    world = World.copied(template, tmp_path / "data")
    yield Door(world)
    world.close()


def test_the_time_of_a_folder_that_is_set_is_seen_where_it_stands(door):
    """The event names the folder itself; the one that it stands in shows another time all the same."""
    berta = door.others["berta"]
    berta.ask(files.MakeFolder, path="/in/a")
    door.list("/in")
    before = door.told("/in/a")
    door.act(("stamp", "berta", "/in/a", ""))
    assert door.told("/in/a") is None
    door.list("/in")
    assert door.told("/in/a") not in {None, before}


def test_what_an_upload_gains_by_a_record_is_seen_though_no_event_says_so(door):
    writing = door.others["anna"].begin("/in/a", lasting=False)
    for offset in (0, 4, 8):
        writing.write(offset, b"some")
        kinds = door.world.kinds()
        writing.record()
        door.check()
        assert offset == 0 or door.world.kinds() == kinds
        door.list("/in")
        assert door.told("/in/a") is not None


def test_a_folder_in_which_something_may_wait_to_be_sealed_or_read_is_not_watched(door):
    """Which events change nothing is known of ordinary folders only."""
    page = {"path": "/in", "watch": True}
    assert door.ask(ListFolder, **page).watch
    door.world.admin(SetReading(folder="clinic:/in", publish="after-reading"))
    assert not door.ask(ListFolder, **page).watch
    door.world.admin(SetReading(folder="clinic:/in", publish="at-once"))
    assert not door.ask(ListFolder, **page).watch  # what ended before may still wait


def test_whoever_was_told_of_room_for_files_asks_again_once_others_have_filled_it(door):
    door.world.admin(accounts.SetFolderQuota(folder="clinic:/in", quota_files=4))
    door.begin("/in/new")
    for number in range(2):
        door.act(("put_at_once", "berta", f"/in/{number}", ""))
        assert door.remembered.upload(f"/in/more-{number}", 0.0) is not None
    for number in range(2, 4):
        door.act(("put_at_once", "berta", f"/in/{number}", ""))
    with pytest.raises(QuotaExceeded):
        door.ask(BeginUpload, path="/in/a", mode="create", lasting=False)
    assert door.remembered.upload("/in/a", 0.0) is None


def test_whoever_has_too_many_unfinished_uploads_elsewhere_is_refused_at_once_here_too(template, tmp_path):
    world = World.copied(template, tmp_path / "data", replace(SMALL, uploads_per_user_max=2))
    try:
        door = Door(world)
        door.act(("keep", "anna", "/@insurer/own/0", ""))
        door.begin("/in/new")
        door.act(("keep", "anna", "/@insurer/own/1", ""))
        assert door.remembered.upload("/in/a", 0.0) is None
        with pytest.raises(TooMany):
            door.ask(BeginUpload, path="/in/a", mode="create", lasting=False)
    finally:
        world.close()


def test_nothing_is_remembered_past_the_end_of_the_session_that_was_told_it(door):
    """No notice is waited for: the session is over by the clock, whoever has taken note of it."""
    door.others["berta"].put(b"x", "/in/a")
    door.list("/in")
    door.world.clock.advance(timedelta(seconds=door.world.home.settings.token_session_seconds, microseconds=-1))
    assert door.told("/in/a") is not None
    door.world.clock.advance(timedelta(microseconds=1))
    with pytest.raises(SessionEnded):
        door.ask(Look, path="/in/a")
    assert door.told("/in/a") is None


KINDS = sorted(name.removeprefix("_") for name in vars(Door) if name.startswith("_") and not name.startswith("__"))
ACTS = st.tuples(
    st.sampled_from(KINDS), st.sampled_from(["berta", "anna"]), st.sampled_from(PATHS), st.sampled_from(PATHS)
)
STEPS = st.lists(st.one_of(ACTS, st.sampled_from(FOLDERS)), min_size=3, max_size=14)


def test_nothing_is_remembered_past_a_commit_of_which_nobody_knows_whether_it_was_done(template, tmp_path, monkeypatch):
    world = World.copied(template, tmp_path / "data")
    try:
        door = Door(world)
        berta = door.others["berta"]
        berta.put(b"x", "/in/a")
        door.list("/in")
        assert door.told("/in/a") is not None
        driver = type(world.home.keeper._database._driver)
        done = driver.commit

        def commit(self):
            done(self)
            monkeypatch.setattr(driver, "commit", done)
            raise OutcomeUnknown

        monkeypatch.setattr(driver, "commit", commit)
        with pytest.raises(OutcomeUnknown):
            berta.ask(files.RemoveFile, path="/in/a")
        with pytest.raises(Missing):
            door.ask(Look, path="/in/a")
        assert door.told("/in/a") is None
    finally:
        world.close()


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS, number=st.integers(0, 1 << 60))
def test_what_is_said_again_is_what_the_keeper_would_say(template, tmp_path, steps, number):
    world = World.copied(template, tmp_path / f"{number}-{secrets.token_hex(8)}")
    try:
        door = Door(world)
        for path in ("/in/a", "/in/b"):
            door.act(("put", "berta", path, "x"))
        for step in steps:
            if isinstance(step, str):
                try:
                    door.list(step)
                    door.begin(f"{step}/new")
                except SealaneError:
                    continue
            else:
                door.act(step)
            door.check()
    finally:
        world.close()


class Keeper:
    """What `Watching` asks of the line."""

    connection = 1
    has_unread = False


def entry(name):
    return Entry(name=name, kind="file", size=1, modified=Clock().now(), rights=())


def pages(remembered, folder, names, watch=1):
    remembered.listed(folder, Page(tuple(map(entry, names)), "", watch, NOW + timedelta(hours=1)), 1)


def test_no_more_is_remembered_than_may_be():
    remembered = Remembered(Watching(Keeper(), 10_000))
    for number in range(20):
        pages(remembered, f"/{number}", ["one"])
    assert [remembered.attributes_of(f"/{number}/one", NOW) is not None for number in range(20)] == [False] * 12 + [
        True
    ] * 8
    pages(remembered, "/many", map(str, range(3990)))
    assert remembered.attributes_of("/19/one", NOW) is not None
    assert (
        remembered.attributes_of("/12/one", NOW) is None
        or sum(len(one.attributes) for one in remembered._listed.values()) <= 4000
    )
    pages(remembered, "/more", map(str, range(5000)))
    assert not remembered._listed


def test_all_sessions_of_a_worker_together_remember_no_more_than_they_may():
    watching = Watching(Keeper(), 10)
    one, other, third = (Remembered(watching) for _ in range(3))
    pages(one, "/in", "abcdef")
    pages(other, "/in", "abcde")
    assert other.attributes_of("/in/a", NOW) is None
    pages(third, "/in", "abcd")
    assert third.attributes_of("/in/a", NOW) is not None
    one.forget()
    pages(other, "/in", "abcde")
    assert other.attributes_of("/in/a", NOW) is not None
    pages(other, "/in", "abcdefghij", watch=2)
    assert other.attributes_of("/in/a", NOW) is None
    pages(other, "/in", "abcdef", watch=3)
    assert other.attributes_of("/in/f", NOW) is not None


def test_pages_of_one_watch_are_one_listing_and_of_another_begin_anew():
    remembered = Remembered(Watching(Keeper(), 10_000))
    pages(remembered, "/in", ["a"])
    pages(remembered, "/in", ["b"])
    assert remembered.attributes_of("/in/a", NOW) is not None
    pages(remembered, "/in", ["c"], watch=2)
    assert remembered.attributes_of("/in/a", NOW) is None
    assert remembered.attributes_of("/in/c", NOW) is not None
    pages(remembered, "/in", ["d"], watch=0)
    assert remembered.attributes_of("/in/c", NOW) is None


def test_the_root_is_a_folder_like_others():
    remembered = Remembered(Watching(Keeper(), 10_000))
    pages(remembered, "/", ["a"])
    assert remembered.attributes_of("/a", NOW) is not None
    assert remembered.attributes_of("/", NOW) is None


def opened(room=100, count=2, watch=1):
    more = tuple(BegunAhead(f"u{number}", b"k" * 32, b"n") for number in range(count))
    return UploadOpened("u", 1, 0, b"k", 0, (), (), None, room, ahead=Ahead(watch, room, ("sub",), more))


def test_an_upload_is_given_once_for_a_name_of_its_folder_in_its_time():
    remembered = Remembered(Watching(Keeper(), 10_000))
    remembered.begin("/in/first", opened(), 1, 0.0)
    assert remembered.upload("/other/a", 1.0) is None
    assert remembered.upload("/in/sub", 1.0) is None
    taken = remembered.upload("/in/a", 1.0)
    assert (taken.path, taken.room, taken.begin) == ("/in/a", 100, b"n")
    remembered.finished("/in/a", 70)
    assert remembered.upload("/in/b", 1.0).room == 30
    assert remembered.upload("/in/c", 1.0) is None
    remembered.begin("/in/first", opened(), 1, 0.0)
    assert remembered.upload("/in/a", 31.0) is None
    assert remembered.upload("/in/a", 1.0) is None


def test_where_the_room_is_used_up_the_keeper_is_asked():
    remembered = Remembered(Watching(Keeper(), 10_000))
    remembered.begin("/in/first", opened(room=10), 1, 0.0)
    remembered.finished("/in/first", 10)
    assert remembered.upload("/in/a", 1.0) is None


def test_more_are_wanted_the_more_come_to_one_folder():
    remembered = Remembered(Watching(Keeper(), 10_000))
    assert [remembered.wanted(f"/in/{number}", 9) for number in range(5)] == [0, 4, 6, 8, 9]
    assert remembered.wanted("/other/a", 9) == 0


def test_what_was_begun_ahead_for_one_folder_is_given_for_no_other():
    remembered = Remembered(Watching(Keeper(), 10_000))
    remembered.begin("/in/first", opened(), 1, 0.0)
    for path in ("/other/1", "/other/2", "/other/3"):
        remembered.wanted(path, 9)
        assert remembered.upload(path, 1.0) is None
    remembered.finished("/other/1", 70)
    assert remembered.upload("/in/", 1.0) is None
    assert remembered.upload("/in/a", 1.0).room == 100


async def test_files_that_come_to_several_folders_in_turn_each_stand_where_their_client_put_them(house):
    for folder in ("one", "other"):
        house.keeper.admin(accounts.AddFolder(folder=f"clinic:/{folder}"))
        house.keeper.admin(accounts.GrantFolder(folder=f"clinic:/{folder}", grantee="ann@clinic", rights=EVERYTHING))
    paths = [f"/{folder}/{number}" for folder in ("one", "other", "one", "other") for number in range(7)]
    async with house.sftp("ann") as client:
        for turn in range(2):
            for path in paths:
                async with client.open(path, "wb") as file:
                    await file.write(f"{turn} {path}".encode())
            for path in paths:
                async with client.open(path, "rb") as file:
                    assert await file.read() == f"{turn} {path}".encode()
        for folder in ("/one", "/other"):
            names = [name for name in await client.listdir(folder) if not name.startswith(".")]
            assert sorted(names) == sorted(str(number) for number in range(7))


async def test_many_small_files_are_one_operation_each(house):
    asked = []
    ask = house.door.ask_any

    async def noted(operation):
        asked.append(type(operation))
        return await ask(operation)

    house.door.ask_any = noted
    content = {f"/in/{number}": secrets.token_bytes(1000 + number) for number in range(30)}
    async with house.sftp("ann") as client:
        for path, data in content.items():
            async with client.open(path, "wb") as file:
                await file.write(data)
        assert asked.count(FinishUpload) == 30
        assert asked.count(BeginUpload) <= 5
        names = sorted(await client.listdir("/in"))
        before = len(asked)
        sizes = {f"/in/{name}": (await client.stat(f"/in/{name}")).size for name in names}
        assert len(asked) == before
        assert sizes == {path: len(data) for path, data in content.items()}
        async with house.sftp("carl") as other:
            await other.remove("/in/0")
        assert not await client.exists("/in/0")
    for path in ("/in/1", "/in/29"):
        assert await house.content(path) == content[path]


async def test_a_large_file_among_small_ones_is_kept_under_its_name(house):
    async with house.sftp("ann") as client:
        for number in range(3):
            async with client.open(f"/in/{number}", "wb") as file:
                await file.write(b"x")
        file = await client.open("/in/large", "wb")
        content = secrets.token_bytes(300_000)
        await file.write(content)
        await file.fsync()
        assert (await client.stat("/in/large")).size == len(content)
        async with house.sftp("ann") as other:
            assert (await other.stat("/in/large")).size == len(content)
        await file.close()
    assert await house.content("/in/large") == content
