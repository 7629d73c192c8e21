"""Uploads that are begun before they have a name: given where any name would do, and decided again with it."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import msgspec
import pytest

from sealane.database.tables import segments, upload_keys, uploads
from sealane.doors import allowed
from sealane.errors import IsAFolder, NotAllowed, PathInvalid, QuotaExceeded, StoreFull, UploadMissing
from sealane.operations import accounts
from sealane.operations.exposures import SetReading
from sealane.operations.files import MakeFolder, Move, RemoveFile
from sealane.operations.versions import RestoreVersion
from sealane.vault.age.x25519 import X25519Identity
from tests.domain.transfers import SMALL, World, Writing

pytestmark = pytest.mark.slow  # each test copies a whole world; together they take longer than make check may

CONTENT = bytes(range(200))


class Named(Writing):
    """An upload whose name is told with its first record or its end."""

    def record_operation(self):
        return replace_in(super().record_operation(), path=self.path if self.begin else "")

    def finish_operation(self, **fields):
        return replace_in(super().finish_operation(**fields), path=self.path if self.begin else "")


def replace_in(operation, **fields):
    return type(operation)(**{name: getattr(operation, name) for name in operation.__struct_fields__} | fields)


def ahead(session, count=4, path="/in/first", **fields):
    """What is given ahead, beside an upload to a path."""
    return session.begin(path, lasting=False, ahead=count, **fields).opened.ahead


def named(session, given, name):
    """One of those, with a name."""
    begun = given.uploads[0]
    writing = Named(session, begun, begun.upload, 1, 0, begin=begun.begin)
    writing.path = f"/in/{name}"
    return writing


def test_what_replaces_a_file_has_the_room_of_that_file_and_nothing_more(world, anna):
    """Ahead, nobody knows what stands at the name: the door lets it pass, and the keeper asks when it is kept."""
    world.admin(accounts.SetFolderQuota(folder="clinic:/in", quota_bytes=10_000))
    anna.put(b"a" * 9_000, "/in/there")
    given = ahead(anna)
    assert given.room == 1_000
    begun = msgspec.structs.replace(anna.begin("/in/other", lasting=False).opened, room=given.room, path="/in/there")
    allowed.check_write(begun, SMALL, 0, 0, 9_000)
    with pytest.raises(QuotaExceeded):
        allowed.check_write(msgspec.structs.replace(begun, path=""), SMALL, 0, 0, 9_000)
    writing = named(anna, given, "there")
    writing.write(0, b"b" * 9_000)
    writing.record()
    writing.finish()
    assert anna.read("/in/there") == b"b" * 9_000
    writing = named(anna, ahead(anna), "new")
    writing.write(0, b"b" * 5_000)
    with pytest.raises(QuotaExceeded):
        writing.record()


def test_nothing_is_kept_of_them(world, anna):
    before = world.kinds()
    given = ahead(anna)
    assert len(given.uploads) == 4
    assert len({one.key for one in given.uploads} | {one.upload for one in given.uploads}) == 8
    assert world.kinds() == before
    assert world.count(uploads) == world.count(upload_keys) == 0


def test_one_is_finished_under_its_name(world, anna, carl):
    writing = named(anna, ahead(anna), "named")
    writing.write(0, CONTENT)
    finished = writing.finish(digest=sha256(CONTENT).digest())
    assert writing.finish(digest=sha256(CONTENT).digest()) == finished
    assert carl.read("/@clinic/in/named") == CONTENT
    assert world.kinds().count("upload_finished") == 1
    assert world.count(uploads) == 0


def test_one_that_is_recorded_is_kept_and_resumed_under_its_name(world, anna):
    writing = named(anna, ahead(anna), "named")
    writing.write(0, CONTENT)
    writing.record()
    assert anna.look("/in/named", own_uploads=True).size == len(CONTENT)
    writing.suspend()
    assert anna.begin("/in/named", mode="resume").upload == writing.upload


def test_what_came_to_stand_at_the_name_since_is_not_gone_on_over(world, anna):
    given = ahead(anna)
    world.clock.advance(timedelta(seconds=1))
    anna.put(b"somebody's", "/in/named")
    writing = named(anna, given, "named")
    writing.write(0, CONTENT)
    writing.record()
    writing.suspend()
    assert anna.begin("/in/named", mode="resume").upload != writing.upload


def test_what_stood_there_before_may_be_gone_on_over(world, anna):
    anna.put(b"earlier", "/in/named")
    world.clock.advance(timedelta(seconds=1))
    writing = named(anna, ahead(anna), "named")
    writing.write(0, CONTENT)
    writing.record()
    writing.suspend()
    assert anna.begin("/in/named", mode="resume").upload == writing.upload


@pytest.mark.parametrize("how", ["restored", "moved", "renamed"])
def test_what_came_back_or_was_moved_to_the_name_since_is_not_gone_on_over(world, anna, how):
    """It was written before, and stands there only since: its time alone does not tell."""
    earlier = anna.put(b"earlier", "/in/named").version
    anna.ask(MakeFolder, path="/in/deep")
    source = "/in/deep/other" if how == "moved" else "/in/other"
    anna.put(b"other", source)
    world.clock.advance(timedelta(seconds=1))
    anna.ask(RemoveFile, path="/in/named")
    given = ahead(anna)
    world.clock.advance(timedelta(seconds=1))
    if how == "restored":
        anna.ask(RestoreVersion, path="/in/named", version=earlier)
    else:
        anna.ask(Move, source=source, target="/in/named")
    writing = named(anna, given, "named")
    writing.write(0, CONTENT)
    writing.record()
    writing.suspend()
    assert not anna.look("/in/named", own_uploads=True).unfinished
    assert anna.begin("/in/named", mode="resume").upload != writing.upload


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "a\x00", " a", "a" * 256])
def test_what_is_no_name_is_refused(world, anna, name):
    writing = named(anna, ahead(anna), name)
    writing.write(0, CONTENT)
    with pytest.raises((PathInvalid, UploadMissing)):
        writing.finish()
    with pytest.raises((PathInvalid, UploadMissing)):
        writing.record()
    assert world.count(segments) == world.count(uploads) == 0


@pytest.mark.parametrize("path", ["/other/a", "/a", "/in/deep/a", "/", ""])
def test_no_path_outside_its_folder_is_taken_whatever_a_door_says(world, anna, path):
    world.admin(accounts.AddFolder(folder="clinic:/other"))
    world.grant("clinic:/other", "anna@clinic", "list", "read", "write")
    writing = named(anna, ahead(anna), "a")
    writing.path = path
    writing.write(0, CONTENT)
    with pytest.raises(UploadMissing):
        writing.finish()
    with pytest.raises(UploadMissing):
        writing.record()
    assert world.count(segments) == world.count(uploads) == 0


def test_the_name_of_a_folder_is_told_with_them_and_refused(anna):
    anna.ask(MakeFolder, path="/in/deep")
    given = ahead(anna)
    assert given.folders == ("deep",)
    writing = named(anna, given, "deep")
    writing.write(0, CONTENT)
    with pytest.raises(IsAFolder):
        writing.finish()


def test_rights_and_room_are_asked_when_it_is_named(world, anna):
    writing = named(anna, ahead(anna), "named")
    writing.write(0, CONTENT)
    world.admin(accounts.SetFolderQuota(folder="clinic:/in", quota_bytes=len(CONTENT) - 1))
    with pytest.raises(QuotaExceeded):
        writing.finish()
    world.grant("clinic:/in", "anna@clinic", "list", "read")
    writing.session = world.session("anna@clinic")
    with pytest.raises(NotAllowed):
        writing.finish()
    with pytest.raises(NotAllowed):
        writing.record()


def test_they_are_their_own_users_alone(world, anna):
    world.grant("clinic:/in", "berta@clinic", "list", "read", "write")
    writing = named(anna, ahead(anna), "named")
    writing.session = world.session("berta@clinic")
    with pytest.raises(UploadMissing):
        writing.finish()


def test_no_more_are_given_than_a_quota_of_files_lets_in(world, anna):
    world.admin(accounts.SetFolderQuota(folder="clinic:/in", quota_files=3))
    assert len(ahead(anna, 10).uploads) == 2
    anna.put(b"1", "/in/a")
    anna.put(b"2", "/in/b")
    assert ahead(anna, 10) is None


def test_no_more_are_given_than_the_setting_says(world, anna):
    assert len(ahead(anna, 10_000).uploads) == world.home.settings.uploads_ahead_max
    assert ahead(anna, -1) is None


def test_none_are_given_where_an_upload_of_ones_own_is_unfinished(world, anna):
    earlier = anna.begin("/in/earlier")
    earlier.write(0, CONTENT)
    earlier.record()
    earlier.suspend()
    assert ahead(anna) is None
    earlier.abandon()
    assert ahead(anna) is not None


def test_none_are_given_where_a_length_was_said_or_what_comes_is_read_first(world, anna):
    assert ahead(anna, declared=5) is None
    anna.ask(MakeFolder, path="/in/deep")
    assert ahead(anna, path="/in/deep/first") is not None


def test_none_are_given_where_what_comes_is_sealed(world, anna):
    world.admin(accounts.SetRecipient("anna@clinic", str(X25519Identity(b"\x42" * 32).recipient()), present=True))
    assert ahead(anna) is not None
    world.admin(accounts.SealFolder(folder="clinic:/in"))
    assert ahead(anna) is None


@pytest.fixture
def reading_world(world_template, tmp_path):
    made = World.copied(world_template, tmp_path / "data", reading=True)
    yield made
    made.close()


def test_none_are_given_where_what_comes_waits_to_be_read(reading_world):
    anna = reading_world.session("anna@clinic")
    assert ahead(anna) is not None
    reading_world.admin(SetReading("clinic:/in", publish="after-reading"))
    assert ahead(anna) is None
    reading_world.admin(SetReading("clinic:/in", publish="at-once"))
    assert ahead(anna) is None  # what ended before may still wait


def test_none_are_given_where_all_that_comes_waits_for_reading_that_is_behind(world_template, tmp_path):
    """Each begin asks then how much waits to be read: nothing may be begun without that."""
    settings = replace(SMALL, reading_behind_everywhere=1)
    world = World.copied(world_template, tmp_path / "data", settings, reading=True)
    try:
        assert ahead(world.session("anna@clinic")) is None
    finally:
        world.close()


def test_none_are_given_where_there_are_very_many_folders(world, anna):
    for number in range(65):
        anna.ask(MakeFolder, path=f"/in/{number}")
    assert ahead(anna) is None


def test_the_reserve_of_the_ledger_is_not_for_them(world_template, tmp_path):
    world = World.copied(world_template, tmp_path / "data", replace(SMALL, ledger_reserve_bytes=1))
    try:
        anna = world.session("anna@clinic")
        writing = named(anna, ahead(anna), "named")
        world.home.keeper._reserve._reserved_bytes = 1 << 62
        world.clock.advance(timedelta(seconds=2))
        writing.write(0, CONTENT)
        with pytest.raises(StoreFull):
            writing.finish()
    finally:
        world.close()
