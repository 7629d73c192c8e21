"""The way in: what is recorded is kept, what is finished is seen, and nothing else is."""

import hashlib
from datetime import timedelta

import pytest
import sqlalchemy as sa

from sealane.database.tables import dead_blobs, files, segments, upload_edits, upload_keys, uploads, versions
from sealane.errors import (
    AlreadyExists,
    Conflict,
    Integrity,
    Invalid,
    IsAFolder,
    LengthMismatch,
    Missing,
    NotAllowed,
    NotASegment,
    QuotaExceeded,
    SessionEnded,
    TooLarge,
    TooMany,
    UploadBusy,
    UploadFinished,
    UploadMissing,
    UploadTakenOver,
)
from sealane.operations import accounts
from sealane.operations import uploads as operations
from sealane.operations.files import MakeFolder, Move, RemoveFile, RemoveFolder
from sealane.settings import GIB, Settings
from tests.domain.transfers import SMALL, World

pytestmark = pytest.mark.slow  # together they take longer than make check may


CONTENT = bytes(range(256)) * 20
"""5,120 bytes: six segments of the small world."""


@pytest.mark.parametrize("size", [0, 1, 64, 65, 999, 1000, 1001, 5120])
def test_a_finished_upload_is_what_readers_get(anna, carl, size):
    content = CONTENT[:size]
    finished = anna.put(content)
    assert finished.visible
    assert finished.size == size
    assert finished.digest == hashlib.sha256(content).digest()
    assert anna.read() == content
    assert carl.read("/@clinic/in/file") == content
    entry = carl.look("/@clinic/in/file")
    assert (entry.size, entry.version, entry.digest) == (size, finished.version, finished.digest)


def test_nothing_of_an_upload_is_seen_before_its_end(anna, carl):
    writing = anna.begin()
    writing.write(0, CONTENT)
    writing.record()
    with pytest.raises(Missing):
        carl.look("/@clinic/in/file")
    assert carl.names("/@clinic/in") == []
    assert anna.names() == []
    with pytest.raises(Missing):
        anna.read()
    assert anna.look(own_uploads=True).unfinished
    assert anna.look(own_uploads=True).size == len(CONTENT)
    writing.finish()
    assert carl.names("/@clinic/in") == ["file"]


def test_small_contents_live_in_the_catalogue_alone(world, anna):
    anna.put(b"x" * 64)
    assert list(world.store.names()) == []
    anna.put(b"x" * 65, "/in/other")
    assert len(list(world.store.names())) == 1


def test_what_was_recorded_survives_the_keeper_and_is_resumed(world, anna):
    writing = anna.begin()
    writing.write(0, CONTENT[:2500])
    assert writing.record().size == 2500
    writing.write(2500, CONTENT[2500:3000])  # in the store, but never recorded
    world.crash()
    assert anna.ask(operations.LookUpload, upload=writing.upload).size == 2500
    again = anna.take(writing.upload)
    assert (again.size, again.generation) == (2500, 2)
    again.write(2500, CONTENT[2500:])
    again.finish()
    assert anna.read() == CONTENT


def test_a_record_that_comes_again_changes_nothing(anna):
    writing = anna.begin()
    writing.write(0, CONTENT[:1000])
    first = writing.record_operation()
    writing.resize(500)
    second = writing.record_operation()
    writing.write(500, CONTENT[500:1500])
    third = writing.record_operation()
    ask = anna.asking.ask_now
    assert [ask(one).size for one in (first, second, third)] == [1000, 500, 1500]
    # The keeper went away, and the caller asks again for all that was not answered, in order.
    assert [ask(one).size for one in (first, second, third)] == [1500, 1500, 1500]
    writing.finish()
    assert anna.read() == CONTENT[:1500]


def test_records_out_of_order_are_refused(anna):
    writing = anna.begin()
    writing.write(0, CONTENT[:1000])
    writing.number = 1
    with pytest.raises(NotASegment):
        writing.record()


def test_finishing_again_answers_the_same(world, anna):
    writing = anna.begin()
    writing.write(0, CONTENT)
    operation = writing.finish_operation()
    first = anna.asking.ask_now(operation)
    world.crash()
    assert anna.asking.ask_now(operation) == first
    assert world.count(versions) == 1
    with pytest.raises(UploadFinished):
        writing.record()


def test_a_file_written_in_jumps_and_cut_and_grown_reads_as_a_disk_would(anna):
    writing = anna.begin()
    model = bytearray()
    writing.write(3000, b"c" * 1000)
    assert writing.record().size == 0  # nothing from the start is there yet
    writing.write(0, b"a" * 1500)
    writing.write(1500, b"b" * 1500)
    assert writing.record().size == 4000
    writing.write(1000, b"B" * 700)
    writing.resize(3500)
    writing.resize(4200)
    writing.write(4100, b"d" * 50)
    writing.record()
    model[:] = b"a" * 1500 + b"b" * 1500 + b"c" * 1000
    model[1000:1700] = b"B" * 700
    del model[3500:]
    model += bytes(700)
    model[4100:4150] = b"d" * 50
    writing.finish()
    assert anna.read() == model


def test_bytes_that_were_appended_and_then_rewritten_stay_rewritten(anna):
    writing = anna.begin()
    writing.write(0, b"a" * 1000)
    writing.record()
    writing.write(200, b"b" * 300)
    writing.record()
    writing.suspend()
    again = anna.take(writing.upload)
    again.write(1000, b"c" * 500)
    again.record()
    again.finish()
    assert anna.read() == b"a" * 200 + b"b" * 300 + b"a" * 500 + b"c" * 500


def test_an_update_shares_the_bytes_it_does_not_rewrite(world, anna):
    anna.put(CONTENT)
    stored = set(world.store.names())
    update = anna.begin(mode="update")
    assert update.size == len(CONTENT)
    update.write(2000, b"!" * 10)
    update.finish()
    assert anna.read() == CONTENT[:2000] + b"!" * 10 + CONTENT[2010:]
    assert set(world.store.names()) == stored  # the ten bytes are in the catalogue


def test_resume_goes_on_where_an_interrupted_upload_stands(world, anna):
    writing = anna.begin()
    writing.write(0, CONTENT[:2000])
    writing.record()
    writing.suspend()
    again = world.session("anna@clinic").begin(mode="resume")
    assert (again.upload, again.size) == (writing.upload, 2000)
    again.write(2000, CONTENT[2000:])
    again.finish()
    assert anna.read() == CONTENT


def test_resume_takes_over_from_a_connection_that_is_dead_without_knowing(world, anna):
    stale = anna.begin()
    stale.write(0, CONTENT[:2000])
    stale.record()
    fresh = world.session("anna@clinic").begin(mode="resume")
    assert fresh.upload == stale.upload
    stale.write(2000, b"old")
    with pytest.raises(UploadTakenOver):
        stale.record()
    with pytest.raises(UploadTakenOver):
        stale.finish()
    fresh.write(2000, b"new")
    fresh.finish()
    assert anna.read() == CONTENT[:2000] + b"new"


def test_a_session_that_opens_a_name_twice_writes_two_uploads(anna):
    anna.put(CONTENT)
    one = anna.begin(mode="resume")
    other = anna.begin(mode="resume")
    assert one.upload != other.upload


def test_an_interrupted_update_is_not_resumed_over_what_was_written_since(world, anna):
    anna.put(b"first")
    update = anna.begin(mode="update")
    update.write(5, b" and more")
    update.record()
    update.suspend()
    world.grant("clinic:/in", "berta@clinic", "write")
    world.session("berta@clinic").put(b"second")
    again = world.session("anna@clinic").begin(mode="resume")
    assert again.upload != update.upload
    assert again.size == len(b"second")


@pytest.mark.parametrize("stood", [False, True])
def test_an_interrupted_upload_is_neither_resumed_nor_shown_over_what_was_written_since(world, anna, stood):
    if stood:
        anna.put(b"first")
    half = anna.begin()
    half.write(0, CONTENT[:2000])
    half.record()
    half.suspend()
    assert anna.look(own_uploads=True).unfinished
    assert anna.names(own_uploads=True) == ["file"]
    world.grant("clinic:/in", "berta@clinic", "write")
    world.session("berta@clinic").put(b"second")
    assert not anna.look(own_uploads=True).unfinished
    assert anna.look(own_uploads=True).size == len(b"second")
    again = world.session("anna@clinic").begin(mode="resume")
    assert again.upload != half.upload
    assert again.size == len(b"second")
    assert anna.take(half.upload).size == 2000  # who names it has it as before


def test_an_interrupted_upload_is_resumed_over_what_stood_there_before(world, anna):
    anna.put(b"first")
    half = anna.begin()
    half.write(0, CONTENT[:2000])
    half.record()
    half.suspend()
    again = world.session("anna@clinic").begin(mode="resume")
    assert (again.upload, again.size) == (half.upload, 2000)
    again.write(2000, CONTENT[2000:])
    again.finish()
    assert anna.read() == CONTENT


def test_an_interrupted_upload_that_was_renamed_gives_way_to_what_is_written_after_that(world, anna):
    half = anna.begin(path="/in/file.part")
    half.write(0, CONTENT[:2000])
    half.record()
    half.suspend()
    anna.put(b"first")
    anna.ask(Move, source="/in/file.part", target="/in/file", replace=True, own_uploads=True)
    assert anna.look(own_uploads=True).unfinished
    world.grant("clinic:/in", "berta@clinic", "write")
    world.session("berta@clinic").put(b"second")
    assert not anna.look(own_uploads=True).unfinished


def test_an_update_that_changed_nothing_is_gone_when_it_is_let_go(world, anna):
    anna.put(b"first")
    anna.begin(mode="update").suspend()
    assert world.count(uploads, uploads.c.state == "open") == 0


def test_create_throws_away_the_callers_interrupted_upload_of_that_name(world, anna):
    old = anna.begin()
    old.write(0, CONTENT)
    old.record()
    old.suspend()
    anna.put(b"new")
    with pytest.raises(UploadMissing):
        anna.take(old.upload)
    assert world.count(dead_blobs) == 6


def test_two_uploads_of_one_name_at_once_both_become_versions_and_the_last_is_seen(world, anna):
    one, other = anna.begin(), world.session("anna@clinic").begin()
    one.write(0, b"one")
    other.write(0, b"other")
    first = other.finish()
    assert anna.read() == b"other"
    one.finish()
    assert anna.read() == b"one"
    assert anna.read(version=first.version) == b"other"
    assert world.count(files) == 1


def test_an_upload_that_is_being_written_cannot_be_taken(world, anna):
    writing = anna.begin()
    with pytest.raises(UploadBusy):
        world.session("anna@clinic").take(writing.upload)
    writing.suspend()
    world.session("anna@clinic").take(writing.upload)


def test_an_upload_is_free_once_its_door_is_gone_or_its_session_over(world, anna):
    writing = anna.begin()
    anna.asking.break_off()
    taken = anna.take(writing.upload)
    world.admin(accounts.EndSession(session=anna.name))
    again = world.session("anna@clinic").take(writing.upload)
    assert again.generation == taken.generation + 1


def test_nobody_else_sees_or_touches_an_upload(world, anna, carl):
    writing = anna.begin("/@insurer/own/file")
    for operation in (operations.LookUpload, operations.TakeUpload, operations.AbandonUpload):
        with pytest.raises(UploadMissing):
            carl.ask(operation, upload=writing.upload)
    with pytest.raises(UploadMissing):
        carl.ask(operations.SuspendUpload, upload=writing.upload, generation=1)
    with pytest.raises(Missing):
        carl.look("/own/file", own_uploads=True)


# --- Rights ----------------------------------------------------------------------------------------------------------


def test_who_may_not_write_may_not_begin(world, anna, carl):
    with pytest.raises(NotAllowed):
        carl.begin("/@clinic/in/file")
    with pytest.raises(Missing):
        world.session("berta@clinic").begin("/in/file")
    with pytest.raises(NotAllowed):
        world.session("anna@clinic", scopes=("read",)).begin("/in/file")
    with pytest.raises(NotAllowed):
        world.session("anna@clinic", scopes=("read",)).begin("", partial=True)


def test_a_user_whose_right_was_revoked_cannot_finish_a_running_upload(world, anna):
    writing = anna.begin("/@insurer/own/file")
    writing.write(0, CONTENT)
    writing.record()
    world.admin(accounts.RevokeFolder(folder="insurer:/own", grantee="anna@clinic"))
    again = world.session("anna@clinic")
    with pytest.raises(Missing):
        again.take(writing.upload)
    writing.session = again  # even by the generation that it has
    with pytest.raises(Missing):
        again.asking.ask_now(writing.finish_operation(handle=again.handle))


def test_a_user_who_may_only_read_now_cannot_finish_a_running_upload(world, anna):
    writing = anna.begin("/@insurer/own/file")
    writing.write(0, CONTENT)
    writing.record()
    world.grant("insurer:/own", "anna@clinic", "list", "read")
    again = world.session("anna@clinic")
    with pytest.raises(NotAllowed):
        again.asking.ask_now(writing.finish_operation(handle=again.handle))
    with pytest.raises(NotAllowed):
        again.take(writing.upload)


def test_a_disabled_user_cannot_finish_a_running_upload(world, anna, carl):
    writing = anna.begin()
    writing.write(0, CONTENT)
    writing.record()
    world.admin(accounts.DisableUser(user="anna@clinic"))
    with pytest.raises(SessionEnded):
        writing.finish()
    assert carl.names("/@clinic/in") == []


# --- What a door may report ------------------------------------------------------------------------------------------


def test_a_segment_of_another_upload_cannot_be_named(anna):
    theirs = anna.begin("/in/secret")
    theirs.write(0, CONTENT[:1000])
    segment = theirs.segments[0]
    theirs.record()
    mine = anna.begin("/in/mine")
    mine.edits.append(operations.Place(0, 10, segment.segment, 0))
    with pytest.raises(NotASegment):
        mine.record()
    mine = anna.begin("/in/mine2")
    mine.segments.append(segment)
    with pytest.raises(NotASegment):
        mine.record()


@pytest.mark.parametrize(
    "change",
    [
        {"segment": "../../etc/passwd"},
        {"segment": "A" * 32},
        {"segment": ""},
        {"length": 0},
        {"length": -1},
        {"length": 2**62},
        {"tags_digest": b""},
        {"inline": b"short"},
    ],
)
def test_an_impossible_segment_is_refused(anna, change):
    writing = anna.begin()
    writing.write(0, CONTENT[:500])
    (good,) = writing.segments
    fields = {name: getattr(good, name) for name in good.__struct_fields__} | change
    writing.segments = [operations.NewSegment(**fields)]
    with pytest.raises(NotASegment):
        writing.record()


@pytest.mark.parametrize(
    ("offset", "length", "start", "error"),
    [
        (-1, 1, 0, NotASegment),
        (0, 0, 0, NotASegment),
        (0, -5, 0, NotASegment),
        (0, 1, -1, NotASegment),
        (0, 1, 500, NotASegment),
        (0, 501, 0, NotASegment),
        (5 * 2**40, 1, 0, TooLarge),
        (2**63 - 1, 1, 0, TooLarge),
    ],
)
def test_an_edit_outside_of_its_segment_or_of_any_file_is_refused(anna, offset, length, start, error):
    writing = anna.begin()
    writing.write(0, CONTENT[:500])
    name = writing.segments[0].segment
    writing.edits = [operations.Place(offset, length, name, start)]
    with pytest.raises(error):
        writing.record()


@pytest.mark.parametrize(("size", "error"), [(-1, NotASegment), (5 * 2**40 + 1, TooLarge)])
def test_an_impossible_size_is_refused(anna, size, error):
    writing = anna.begin()
    writing.edits = [operations.Resize(size)]
    with pytest.raises(error):
        writing.record()


def test_a_record_has_its_limits(world_template, tmp_path):
    world = World.copied(
        world_template,
        tmp_path / "d",
        Settings(segments_per_record_max=3, extents_max=4, segment_bytes_max=10, inline_bytes_max=0),
    )
    anna = world.session("anna@clinic")
    writing = anna.begin()
    writing.write(0, b"x" * 30)
    writing.record()
    writing.write(30, b"x" * 40)
    with pytest.raises(TooMany):
        writing.record()
    writing = anna.begin("/in/many")
    for number in range(5):
        writing.write(number * 20, b"x" * 10)
        writing.number = number
        if number < 2:
            writing.record()  # 2 extents and a gap, then the next gap and extent is one too many
        elif number == 2:
            with pytest.raises(TooMany):
                writing.record()
            break
    world.close()


# --- Lengths, names, quotas ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 4999, 5001])
def test_an_upload_that_is_not_as_long_as_it_says_is_not_published(anna, carl, size):
    writing = anna.begin(declared=5000)
    writing.write(0, CONTENT[:4999])
    with pytest.raises(LengthMismatch):
        writing.finish(size=size)
    with pytest.raises(LengthMismatch):
        writing.finish(size=4999)  # as long as it is, but not as declared
    assert carl.names("/@clinic/in") == []


def test_more_than_declared_is_refused_when_it_is_recorded(anna):
    writing = anna.begin(declared=1000)
    writing.write(0, CONTENT[:1001])
    with pytest.raises(LengthMismatch):
        writing.record()


def test_a_declared_upload_with_a_gap_is_not_whole(anna):
    writing = anna.begin(declared=1000)
    writing.write(500, CONTENT[:500])
    with pytest.raises(LengthMismatch):
        writing.finish()


def test_a_deferred_length_is_said_once(anna):
    writing = anna.begin()
    writing.suspend()
    again = anna.take(writing.upload, declared=100)
    again.suspend()
    with pytest.raises(LengthMismatch):
        anna.take(writing.upload, declared=101)
    assert anna.take(writing.upload, declared=100).opened.declared == 100


def test_exclusive_needs_a_free_name_at_the_beginning_and_at_the_end(anna):
    writing = anna.begin(exclusive=True)
    writing.write(0, b"mine")
    anna.put(b"theirs")
    with pytest.raises(AlreadyExists):
        writing.finish(exclusive=True)
    with pytest.raises(AlreadyExists):
        anna.begin(exclusive=True)
    assert anna.read() == b"theirs"


def test_an_expected_version_must_still_be_the_present_one(anna):
    first = anna.put(b"first")
    writing = anna.begin()
    writing.write(0, b"mine")
    second = anna.put(b"second")
    with pytest.raises(Conflict):
        writing.finish(expected_version=first.version)
    writing.finish(expected_version=second.version)
    with pytest.raises(Conflict):
        anna.put(b"x", "/in/none", expected_version=first.version)


def test_a_folder_is_not_written_as_a_file(anna):
    anna.ask(MakeFolder, path="/in/sub")
    with pytest.raises(IsAFolder):
        anna.begin("/in/sub")
    writing = anna.begin("/in/later")
    anna.ask(MakeFolder, path="/in/later")
    with pytest.raises(IsAFolder):
        writing.finish()


def test_an_update_of_nothing_needs_leave_to_create(anna):
    with pytest.raises(Missing):
        anna.begin("/in/none", "update", may_create=False)
    assert anna.begin("/in/none", "update").size == 0


def test_a_digest_has_32_bytes(anna):
    writing = anna.begin()
    with pytest.raises(Invalid):
        writing.finish(digest=b"short")


def test_ten_gib_into_a_quota_of_one_gib_are_refused_before_the_first_byte(world, anna):
    world.admin(accounts.SetOrganizationQuota(name="clinic", quota_bytes=GIB))
    with pytest.raises(QuotaExceeded):
        anna.begin(declared=10 * GIB)
    with pytest.raises(TooLarge):
        anna.begin(declared=10**15)
    assert anna.begin(declared=GIB).opened.room == GIB
    assert world.count(uploads) == 1


def test_two_uploads_that_fit_alone_do_not_both_get_into_a_quota(world, anna):
    world.admin(accounts.SetFolderQuota(folder="clinic:/in", quota_bytes=3000))
    one, other = anna.begin("/in/one"), anna.begin("/in/other")
    one.write(0, CONTENT[:2000])
    one.record()
    other.write(0, CONTENT[:1000])
    other.record()
    other.write(1000, CONTENT[1000:1001])
    refused = other.record_operation()
    with pytest.raises(QuotaExceeded):
        anna.asking.ask_now(refused)
    with pytest.raises(QuotaExceeded):
        anna.begin("/in/third", declared=1)
    one.finish()
    with pytest.raises(QuotaExceeded):
        anna.asking.ask_now(refused)
    anna.ask(RemoveFile, path="/in/one")
    assert anna.asking.ask_now(refused).size == 1001
    other.finish()
    assert anna.names() == ["other"]


def test_writing_a_name_again_counts_the_difference(world, anna):
    world.admin(accounts.SetFolderQuota(folder="clinic:/in", quota_bytes=3000, quota_files=1))
    anna.put(CONTENT[:2500])
    anna.put(CONTENT[:3000])
    with pytest.raises(QuotaExceeded):
        anna.put(CONTENT[:3001])
    with pytest.raises(QuotaExceeded):
        anna.begin("/in/second")
    anna.put(b"")
    anna.put(CONTENT[:3000])


def test_uploads_under_way_count_against_the_room_of_the_next(world, anna):
    world.admin(accounts.SetOrganizationQuota(name="clinic", quota_bytes=3000))
    writing = anna.begin("/in/one")
    writing.write(0, CONTENT[:2000])
    writing.record()
    assert anna.begin("/in/two").opened.room == 1000
    writing.suspend()
    assert anna.take(writing.upload).opened.room == 3000


def test_a_user_has_only_so_many_unfinished_uploads(world_template, tmp_path):
    world = World.copied(world_template, tmp_path / "d", Settings(uploads_per_user_max=2))
    anna = world.session("anna@clinic")
    one = anna.begin("/in/1")
    anna.begin("/in/2")
    with pytest.raises(TooMany):
        anna.begin("/in/3")
    one.finish()
    anna.begin("/in/3")
    world.close()


# --- What is left behind ---------------------------------------------------------------------------------------------


def test_abandoning_leaves_nothing_but_the_record(world, anna):
    keys = world.count(upload_keys)
    writing = anna.begin()
    writing.write(0, CONTENT)
    writing.record()
    writing.abandon()
    for table in (uploads, upload_edits, segments):
        assert world.count(table) == 0
    assert world.count(upload_keys) == keys
    assert world.count(dead_blobs) == 6
    with pytest.raises(UploadMissing):
        writing.record()
    assert world.kinds()[-3:-1] == ["upload_begun", "upload_removed"]


def test_bytes_overwritten_before_the_end_are_not_kept(world, anna):
    writing = anna.begin()
    writing.write(0, b"a" * 1000)
    writing.record()
    writing.write(0, b"b" * 1000)
    writing.record()
    assert (world.count(segments), world.count(dead_blobs)) == (1, 1)
    writing.write(0, b"c" * 1000)
    writing.write(0, b"d" * 1000)
    writing.finish()
    assert anna.read() == b"d" * 1000
    assert world.count(segments) == 1
    assert world.count(dead_blobs) == 3


def test_a_refused_end_leaves_the_upload_as_it_was(world, anna):
    writing = anna.begin()
    writing.write(0, CONTENT)
    with pytest.raises(LengthMismatch):
        writing.finish(size=1)
    writing.finish()
    assert anna.read() == CONTENT


def test_a_long_upload_is_recorded_without_its_map(world, anna):
    writing = anna.begin()
    for offset in range(0, 5000, 1000):
        writing.write(offset, CONTENT[offset : offset + 1000])
        writing.record()
    assert world.count(upload_edits) == 5
    world.change(sa.update(uploads).values(extents=b"not a map"))
    writing.write(5000, CONTENT[5000:])
    assert writing.record().size == 5120
    with pytest.raises(Integrity):
        writing.finish()


def test_time_ends_an_interrupted_upload_for_its_user_too(world, anna):
    writing = anna.begin()
    world.clock.advance(timedelta(days=8))
    fresh = world.session("anna@clinic")
    with pytest.raises(UploadMissing):
        fresh.take(writing.upload)
    assert fresh.begin(mode="resume").upload != writing.upload


def test_an_upload_in_a_folder_that_is_gone_cannot_be_finished(world, anna):
    anna.ask(MakeFolder, path="/in/sub")
    writing = anna.begin("/in/sub/file")
    writing.suspend()
    try:
        anna.ask(RemoveFolder, path="/in/sub")
    except Conflict:
        return  # a folder that is being written into is not empty
    with pytest.raises((Missing, UploadMissing)):
        anna.take(writing.upload)


def test_the_small_world_is_smaller_than_its_test_content():
    assert len(CONTENT) > 5 * SMALL.segment_bytes_max
