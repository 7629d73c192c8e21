"""Ordinary folders that publish only after reading: acknowledged as ever, seen by others once it was read."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest

from sealane.domain import held_reading, sweep
from sealane.errors import AlreadyExists, Conflict, KeeperAway, Missing
from sealane.inspector.readers import Outcome
from sealane.inspector.rounds import Rounds
from sealane.operations.accounts import AddFolder, SealFolder, SetRecipient
from sealane.operations.exposures import ListReading, LookQueue, SetReading, ShowExposure
from sealane.operations.failures import ReadingBehind
from sealane.operations.files import ListFolder, Move, OpenVersion, RemoveFile, SetModified
from sealane.operations.inspection import Exposed, PartNotRead
from sealane.operations.sealing import FinishReading, LeaseSealings
from sealane.operations.uploads import JoinUploads
from sealane.settings import Settings
from sealane.vault.age.x25519 import X25519Identity
from tests.domain.transfers import START, World

pytestmark = pytest.mark.slow  # together they take longer than make check may

CONTENT = b"first_name,last_name\nInvented,Person\n" * 5
READ = Exposed("csv", "complete", records=5, people=1, classes={"name": 1}, unreadable=(), readers=1)
NOT_READABLE = Exposed(
    "unknown", "unreadable", records=0, people=0, classes={}, unreadable=(PartNotRead("f", "reader-failed"),), readers=0
)


class Readers:
    """Readers that say what the test likes."""

    def __init__(self, found=READ):
        self.found, self.read_names = found, []

    def installed(self):
        return True

    def read(self, content, reading, *_, hashed, **__):
        self.read_names.append(reading.name)
        whole = bytearray(content.size)
        content.read_into(0, memoryview(whole))
        return Outcome(self.found, sha256(whole).digest() if hashed else None)

    def close(self):
        pass


@pytest.fixture
def world(world_template, tmp_path):
    settings = Settings(inline_bytes_max=64, segment_bytes_max=256 * 1024)
    made = World.copied(world_template, tmp_path / "data", settings, reading=True)
    made.admin(SetReading("clinic:/in", publish="after-reading"))
    yield made
    made.check_tree()
    made.close()


@pytest.fixture
def anna(world):
    return world.session("anna@clinic")


@pytest.fixture
def carl(world):
    """Somebody else, who may list and read."""
    return world.session("carl@insurer")


def inspect(world, found=READ, ask=None):
    """One round of an inspector that has just been started."""
    asking = world.home.inspector()
    rounds = Rounds(ask(asking) if ask else asking.ask, world.store, world.home.settings, world.clock)
    rounds._readers = Readers(found)
    done, _ = asyncio.run(rounds.seal_some())
    asyncio.run(rounds.one_round())
    asking.break_off()
    return done


def sees(session, path="/@clinic/in", name="file"):
    """Whether somebody sees a file by any operation."""
    listed = name in session.names(path)
    try:
        session.look(f"{path}/{name}")
    except Missing:
        looked = False
    else:
        looked = True
    try:
        session.read(f"{path}/{name}")
    except Missing:
        opened = False
    else:
        opened = True
    assert listed == looked == opened
    return listed


def test_others_see_nothing_before_it_was_read_and_the_sender_what_was_sent(world, anna, carl):
    finished = anna.put(CONTENT)
    assert not finished.visible
    assert finished.version == ""
    assert not sees(carl)
    for own in (True, False):
        mine = anna.look(own_uploads=own)
        assert (mine.size, mine.digest, mine.sealed) == (len(CONTENT), sha256(CONTENT).digest(), False)
        assert anna.names(own_uploads=own) == ["file"]
    assert inspect(world) == 1
    assert sees(carl)
    assert carl.read("/@clinic/in/file") == CONTENT == anna.read()
    told = anna.ask(ShowExposure, path="/in/file")
    assert (told.state, told.exposed.people) == ("read", 1)
    kinds = world.kinds()
    assert kinds.index("upload_closed") < kinds.index("upload_finished") < kinds.index("exposure_recorded")
    assert inspect(world) == 0


def test_what_was_never_recorded_before_its_end_is_held_back_too(world, anna, carl):
    """A small file as the SFTP door sends it: begun, ended, and nothing between."""
    writing = anna.begin(lasting=False)
    writing.write(0, CONTENT)
    assert not writing.finish(digest=sha256(CONTENT).digest()).visible
    assert not sees(carl)
    assert inspect(world) == 1
    assert carl.read("/@clinic/in/file") == CONTENT


@pytest.mark.parametrize("hashed", [True, False])
def test_it_keeps_time_digest_and_owner_of_the_bytes(world, anna, hashed):
    writing = anna.begin()
    writing.write(0, CONTENT)
    writing.finish(digest=sha256(CONTENT).digest() if hashed else None, modified=START - timedelta(days=1))
    inspect(world)
    entry = anna.look()
    assert entry.digest == sha256(CONTENT).digest()
    assert entry.modified == START - timedelta(days=1)


def test_what_cannot_be_read_is_published_too_and_says_so(world, anna, carl):
    anna.put(CONTENT)
    inspect(world, NOT_READABLE)
    assert sees(carl)
    told = anna.ask(ShowExposure, path="/in/file")
    assert told.exposed.coverage == "unreadable"
    assert told.exposed.unreadable == (PartNotRead("f", "reader-failed"),)


def test_until_then_others_see_the_version_before(world, anna, carl):
    anna.put(b"before")
    inspect(world)
    anna.put(CONTENT)
    assert carl.read("/@clinic/in/file") == b"before"
    inspect(world)
    assert carl.read("/@clinic/in/file") == CONTENT


def test_of_two_of_a_name_the_later_one_stays_whichever_was_read_first(world, anna, carl):
    anna.put(b"earlier")
    world.clock.advance(timedelta(seconds=5))
    asking = world.home.inspector()
    (first,) = asking.ask_now(LeaseSealings()).uploads  # a slow inspector has the first
    anna.put(b"later")
    inspect(world)
    assert carl.read("/@clinic/in/file") == b"later"
    asking.break_off()
    assert first
    inspect(world)
    assert carl.read("/@clinic/in/file") == b"later"


def test_an_empty_file_holds_nobody_and_is_seen_at_once(world, anna, carl):
    anna.put(b"")
    assert sees(carl)


def test_a_name_that_is_held_back_is_taken(world, anna):
    anna.put(CONTENT)
    with pytest.raises(AlreadyExists):
        anna.begin(exclusive=True)
    with pytest.raises(AlreadyExists):
        anna.put(b"other", exclusive=True)
    with pytest.raises(Conflict):
        anna.put(b"other", expected_version="0" * 32)


def test_its_sender_may_rename_it_set_its_time_and_take_it_away(world, anna, carl):
    anna.put(CONTENT)
    anna.ask(Move, source="/in/file", target="/in/other", own_uploads=True)
    anna.ask(SetModified, path="/in/other", modified=START)
    anna.put(b"unwanted", "/in/unwanted")
    anna.ask(RemoveFile, path="/in/unwanted", own_uploads=True)
    inspect(world)
    assert [entry.name for entry in carl.ask(ListFolder, path="/@clinic/in").entries] == ["other"]
    assert anna.look("/in/other").modified == START


@pytest.mark.parametrize("then", ["begun anew", "its time is over"])
def test_what_was_moved_to_where_nothing_is_held_back_is_published_and_never_dropped(world, anna, then):
    world.admin(AddFolder(folder="clinic:/out"))
    world.grant("clinic:/out", "anna@clinic", "list", "read", "write", "delete")
    world.grant("clinic:/out", "carl@insurer", "list", "read")
    anna = world.session("anna@clinic")
    anna.put(CONTENT)
    anna.ask(Move, source="/in/file", target="/out/file", own_uploads=True)
    if then == "begun anew":
        anna.begin("/out/file").abandon()
    else:
        world.clock.advance(timedelta(seconds=world.home.settings.upload_keep_seconds + 1))
        world.act(sweep.clear)
    inspect(world)
    carl = world.session("carl@insurer")
    assert carl.read("/@clinic/out/file") == CONTENT


def test_its_sender_may_go_on_with_it_and_what_was_read_before_counts_for_nothing(world, anna, carl):
    anna.put(CONTENT)
    taken = []

    def going_on(asking):
        async def ask(operation):
            if isinstance(operation, FinishReading) and not taken:
                taken.append(anna.begin(mode="resume"))
            return await asking.ask(operation)

        return ask

    inspect(world, ask=going_on)
    assert not sees(carl)
    taken[0].write(len(CONTENT), b"more")
    taken[0].finish()
    inspect(world)
    assert carl.read("/@clinic/in/file") == CONTENT + b"more"


def test_parts_that_are_joined_are_held_back_too(world, anna, carl):
    parts = []
    for piece in (b"one", b"two"):
        part = anna.begin("", partial=True)
        part.write(0, piece)
        part.finish()
        parts.append(part.upload)
    anna.ask(JoinUploads, path="/in/file", uploads=tuple(parts))
    assert not sees(carl)
    inspect(world)
    assert carl.read("/@clinic/in/file") == b"onetwo"


@pytest.mark.parametrize("operation", ["OpenSealing", "FinishReading"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_whatever_dies_where_it_is_published_once_and_whole(world, carl, anna, operation, when):
    """The keeper is lost without a word and the inspector with it, before and after each step."""
    anna.put(CONTENT)

    def dying(asking):
        async def ask(asked):
            if type(asked).__name__ == operation:
                if when == "after":
                    await asking.ask(asked)
                world.crash()
                raise KeeperAway
            return await asking.ask(asked)

        return ask

    inspect(world, ask=dying)
    assert sees(world.session("carl@insurer")) == ((operation, when) == ("FinishReading", "after"))
    inspect(world)
    again = world.session("carl@insurer")
    assert again.read("/@clinic/in/file") == CONTENT
    assert world.kinds().count("upload_finished") == world.kinds().count("exposure_recorded") == 1


def test_an_answer_that_is_given_twice_changes_nothing(world, anna):
    anna.put(CONTENT)
    asked = []

    def listening(asking):
        async def ask(operation):
            asked.append(operation)
            return await asking.ask(operation)

        return ask

    inspect(world, ask=listening)
    (answer,) = [one for one in asked if isinstance(one, FinishReading)]
    before = world.kinds()
    world.home.inspector().ask_now(answer)
    assert world.kinds() == before


def test_it_stays_hidden_however_long_it_takes_unless_the_operator_says(world, anna, carl):
    anna.put(CONTENT)
    world.clock.advance(timedelta(days=100))
    world.act(sweep.clear)
    assert world.act(held_reading.publish_unread) == 0
    carl = world.session("carl@insurer")
    assert not sees(carl)
    told = world.admin(LookQueue())
    assert (told.held_files, told.held_bytes, told.held_since) == (1, len(CONTENT), START)
    world.admin(SetReading("clinic:/in", unread_after_seconds=3600))
    assert world.act(held_reading.publish_unread) == 1
    assert sees(carl)
    assert world.session("anna@clinic").ask(ShowExposure, path="/in/file").state == "waiting"
    assert world.admin(LookQueue()).held_files == 0
    inspect(world)
    assert world.session("anna@clinic").ask(ShowExposure, path="/in/file").state == "read"


def test_what_is_read_of_a_file_that_was_published_meanwhile_is_written_down(world, anna):
    world.admin(SetReading("clinic:/in", unread_after_seconds=1))
    anna.put(CONTENT)

    def overdue(asking):
        async def ask(operation):
            if isinstance(operation, FinishReading):
                world.clock.advance(timedelta(seconds=2))
                assert world.act(held_reading.publish_unread) == 1
            return await asking.ask(operation)

        return ask

    inspect(world, ask=overdue)
    assert anna.ask(ShowExposure, path="/in/file").state == "read"
    assert world.kinds().count("exposure_recorded") == 1


def test_what_was_held_back_is_published_also_when_the_folder_publishes_at_once_again(world, anna, carl):
    anna.put(CONTENT, "/in/held")
    world.admin(SetReading("clinic:/in", publish="at-once"))
    anna.put(CONTENT)
    assert sees(carl)
    assert not sees(carl, name="held")
    assert anna.look("/in/held").size == len(CONTENT), "its sender sees it as before"
    inspect(world)
    assert sees(carl, name="held")


def test_where_nothing_is_read_nothing_is_held_back(world, anna, carl):
    anna.put(CONTENT, "/in/held")
    world.admin(SetReading("clinic:/in", reading=False))
    anna.put(CONTENT)
    assert sees(carl)
    inspect(world)
    assert sees(carl, name="held")
    assert anna.ask(ShowExposure, path="/in/held").state == "not-read"


def test_a_folder_that_is_sealed_meanwhile_seals_what_it_held_back(world, anna, carl):
    reader = X25519Identity(b"\x42" * 32)
    anna.put(CONTENT)
    for user in ("carl@insurer", "anna@clinic"):
        world.admin(SetRecipient(user, str(reader.recipient()), present=True))
    world.admin(SealFolder("clinic:/in", settle_seconds=0))
    inspect(world)
    opened = carl.ask(OpenVersion, path="/@clinic/in/file.age")
    assert opened.sealed.plain_size == len(CONTENT)
    assert "file_sealed" in world.kinds()


def test_the_setting_is_told_and_on_record(world):
    (listed,) = world.admin(ListReading()).rows
    assert tuple(listed.values) == ("clinic:/in", True, "", "", "after-reading", 0)
    bodies = [body for body in world.bodies() if body["kind"] == "reading_set"]
    assert bodies[-1]["publish"] == "after-reading"


# --- When arrivals outrun reading ------------------------------------------------------------------------------------


def limited(world, monkeypatch, **limits):
    monkeypatch.setattr(world.home.keeper, "settings", replace(world.home.settings, **limits))


@pytest.mark.parametrize("limits", [{"reading_behind_files_max": 2}, {"reading_behind_bytes_max": 2 * len(CONTENT)}])
def test_where_too_much_waits_to_be_read_nothing_more_is_taken(world, anna, monkeypatch, limits):
    limited(world, monkeypatch, **limits)
    anna.put(CONTENT, "/in/1")
    world.clock.advance(timedelta(seconds=3))
    anna.put(CONTENT, "/in/2")
    world.clock.advance(timedelta(seconds=3))
    with pytest.raises(ReadingBehind):
        anna.begin("/in/3")
    carl = world.session("carl@insurer")
    carl.put(CONTENT, "/own/file")  # an ordinary folder goes on
    inspect(world)
    world.clock.advance(timedelta(seconds=3))
    anna.put(CONTENT, "/in/3")


def test_an_ordinary_folder_waits_too_where_the_operator_says_so(world, anna, monkeypatch):
    limited(world, monkeypatch, reading_behind_files_max=1, reading_behind_everywhere=1)
    world.admin(SetReading("clinic:/in", publish="at-once"))
    anna.put(CONTENT, "/in/1")
    world.clock.advance(timedelta(seconds=3))
    with pytest.raises(ReadingBehind):
        anna.begin("/in/2")
    world.admin(SetReading("clinic:/in", reading=False))
    anna.put(CONTENT, "/in/2")
