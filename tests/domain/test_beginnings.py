"""Uploads of which nothing is kept at their begin: what holds of any other upload holds of them."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest

from sealane.database.tables import segments, upload_keys, uploads
from sealane.errors import (
    AlreadyExists,
    Integrity,
    Invalid,
    LengthMismatch,
    Missing,
    NotAllowed,
    NotASegment,
    QuotaExceeded,
    SealaneError,
    TooMany,
    UploadFinished,
    UploadMissing,
)
from sealane.operations import accounts
from sealane.operations.files import RemoveFolder
from tests.domain.transfers import SMALL, World

pytestmark = pytest.mark.slow  # each test copies a whole world; together they take longer than make check may

CONTENT = bytes(range(256)) * 9


def begun(session, path="/in/file", **fields):
    return session.begin(path, lasting=False, **fields)


def refused(writing, **fields):
    with pytest.raises(SealaneError) as failure:
        writing.finish(**fields)
    return type(failure.value)


def test_nothing_is_kept_at_the_begin(world, anna):
    before = world.kinds()
    begun(anna)
    assert world.kinds() == before
    assert world.count(uploads) == world.count(upload_keys) == 0


@pytest.mark.parametrize("size", [0, 1, 64, 65, 1000, 2304])
def test_it_is_begun_and_finished_at_once(world, anna, carl, size):
    writing = begun(anna)
    if size:
        writing.write(0, CONTENT[:size])
    finished = writing.finish(digest=sha256(CONTENT[:size]).digest())
    assert finished.visible
    assert carl.read("/@clinic/in/file") == CONTENT[:size]
    assert anna.look().size == size
    assert world.kinds().count("upload_finished") == 1
    assert "upload_begun" not in world.kinds()
    assert world.count(uploads) == 0


def test_the_record_of_its_end_names_its_key(world, anna):
    writing = begun(anna)
    writing.write(0, CONTENT)
    writing.finish()
    (entry,) = [entry for entry in world.bodies() if entry["kind"] == "upload_finished"]
    assert world.count(segments, segments.c.key_id == entry["key_id"]) == world.count(segments) == 3


def test_finishing_again_answers_the_same(world, anna):
    writing = begun(anna)
    writing.write(0, CONTENT)
    first = writing.finish()
    assert writing.finish() == first
    assert world.kinds().count("upload_finished") == 1


def test_nothing_is_recorded_of_it_once_it_is_finished(world, anna):
    writing = begun(anna)
    writing.write(0, CONTENT)
    writing.finish()
    with pytest.raises(UploadFinished):
        writing.record()
    assert world.count(uploads) == 0


def test_it_outlives_the_keeper(world, anna):
    writing = begun(anna)
    writing.write(0, CONTENT)
    world.crash()
    writing.finish()
    assert anna.read() == CONTENT


def test_the_first_record_keeps_it(world, anna):
    writing = begun(anna)
    writing.write(0, CONTENT[:1500])
    assert writing.record().size == 1500
    assert world.kinds()[-1] == "upload_begun"
    world.crash()
    writing.write(1500, CONTENT[1500:])
    writing.record()
    writing.suspend()
    taken = anna.begin(mode="resume")
    assert taken.upload == writing.upload
    assert taken.size == len(CONTENT)
    taken.finish()
    assert anna.read() == CONTENT


def test_a_first_record_that_comes_again_changes_nothing(world, anna):
    writing = begun(anna)
    writing.write(0, CONTENT)
    operation = writing.record_operation()
    assert anna.asking.ask_now(operation).size == anna.asking.ask_now(operation).size == len(CONTENT)
    assert world.kinds().count("upload_begun") == 1
    writing.finish()
    assert anna.read() == CONTENT


@pytest.mark.parametrize("at", [0, 8, 30, -1])
def test_a_note_that_was_altered_is_refused(world, anna, at):
    writing = begun(anna)
    altered = bytearray(writing.begin)
    altered[at] ^= 1
    writing.begin = bytes(altered)
    assert refused(writing) is Integrity
    assert world.count(uploads) == 0


@pytest.mark.parametrize("note", [b"x", b"\0" * 8, b"\0" * 7 + b"\1", b"\xff" * 60])
def test_a_note_of_no_keeper_is_refused(anna, note):
    writing = begun(anna)
    writing.begin = note
    assert refused(writing) in {Integrity, Invalid}


def test_a_note_is_for_its_own_upload_and_user_alone(world, anna):
    berta = world.session("berta@clinic")
    world.grant("clinic:/in", "berta@clinic", "list", "read", "write")
    one, other = begun(anna, "/in/one"), begun(anna, "/in/other")
    hers = replace(begun(berta), session=berta, begin=one.begin, upload=one.upload)
    assert refused(hers) is UploadMissing
    other.begin = one.begin
    assert refused(other) is UploadMissing


def test_room_that_went_since_the_begin_is_missed_at_the_first_record(world, anna):
    writing = begun(anna, declared=1000)
    world.admin(accounts.SetFolderQuota(folder="clinic:/in", quota_bytes=999))
    writing.write(0, CONTENT[:10])
    with pytest.raises(QuotaExceeded):
        writing.record()
    assert world.count(uploads) == world.count(segments) == 0


def test_room_that_another_upload_holds_is_not_taken_at_the_end(world, anna):
    world.admin(accounts.SetFolderQuota(folder="clinic:/in", quota_bytes=1000))
    writing, other = begun(anna), begun(anna, "/in/other")
    other.write(0, CONTENT[:600])
    other.record()
    writing.write(0, CONTENT[:401])
    assert refused(writing) is QuotaExceeded
    other.abandon()
    writing.finish()


def test_a_note_counts_as_long_as_an_upload_can_be_resumed(world, anna):
    writing = begun(anna)
    world.clock.advance(timedelta(seconds=SMALL.upload_keep_seconds))
    later = world.session("anna@clinic")
    assert refused(replace(writing, session=later)) is UploadMissing


def test_rights_are_asked_again_at_the_end(world, anna):
    writing = begun(anna)
    writing.write(0, CONTENT)
    world.grant("clinic:/in", "anna@clinic", "list", "read")
    writing.session = world.session("anna@clinic")
    assert refused(writing) is NotAllowed
    with pytest.raises(NotAllowed):
        writing.record()
    world.admin(accounts.RevokeFolder(folder="clinic:/in", grantee="anna@clinic"))
    writing.session = world.session("anna@clinic")
    assert refused(writing) is Missing


def test_the_quota_is_asked_again_at_the_end(world, anna):
    writing = begun(anna)
    writing.write(0, CONTENT)
    world.admin(accounts.SetFolderQuota(folder="clinic:/in", quota_bytes=len(CONTENT) - 1))
    assert refused(writing) is QuotaExceeded
    assert world.count(segments) == world.count(uploads) == world.count(upload_keys) == 0
    world.admin(accounts.SetFolderQuota(folder="clinic:/in", quota_bytes=len(CONTENT)))
    writing.finish()
    assert anna.read() == CONTENT


def test_a_refused_end_can_still_be_kept_and_resumed(world, anna):
    anna.put(b"there before")
    writing = begun(anna)
    writing.write(0, CONTENT)
    assert refused(writing, exclusive=True) is AlreadyExists
    writing.record()
    writing.suspend()
    assert anna.begin(mode="resume").size == len(CONTENT)


def test_its_length_must_be_what_was_declared(anna):
    writing = begun(anna, declared=len(CONTENT))
    writing.write(0, CONTENT[:-1])
    assert refused(writing) is LengthMismatch
    writing.write(len(CONTENT) - 1, CONTENT[-1:])
    writing.finish()
    assert anna.read() == CONTENT


def test_it_names_no_segment_of_another_upload(anna):
    other = anna.begin("/in/other")
    other.write(0, CONTENT)
    other.record()
    other.write(0, CONTENT)
    writing = begun(anna)
    writing.edits, writing.size = other.edits, len(CONTENT)
    assert refused(writing) is NotASegment


def test_segments_that_it_no_longer_needs_die_with_its_end(world, anna):
    writing = begun(anna)
    writing.write(0, CONTENT)
    writing.write(0, CONTENT[::-1])
    writing.finish()
    assert anna.read() == CONTENT[::-1]
    assert world.count(segments) == 3


def test_an_end_of_another_generation_is_refused(anna):
    writing = begun(anna)
    writing.write(0, CONTENT)
    writing.record()
    writing.generation = 2
    with pytest.raises(SealaneError):
        writing.finish()


def test_one_that_is_kept_counts_like_any_other(world_template, tmp_path):
    world = World.copied(world_template, tmp_path / "data", replace(SMALL, uploads_per_user_max=1))
    try:
        anna = world.session("anna@clinic")
        one, other = begun(anna, "/in/one"), begun(anna, "/in/other")
        one.record()
        with pytest.raises(TooMany):
            other.record()
    finally:
        world.close()


def test_create_still_throws_away_what_was_interrupted_before(world, anna):
    earlier = anna.begin()
    earlier.write(0, CONTENT)
    earlier.record()
    earlier.suspend()
    begun(anna)
    assert world.count(uploads) == 0


def test_its_folder_may_go_before_it_is_kept(world, anna):
    world.admin(accounts.AddFolder(folder="clinic:/in/deep"))
    writing = begun(anna, "/in/deep/file")
    anna.ask(RemoveFolder, path="/in/deep")
    assert refused(writing) is Missing


def test_a_rotation_of_keys_meanwhile_does_not_matter(world, anna):
    writing = begun(anna)
    world.admin(accounts.RotateOrganizationKey(name="clinic"))
    world.admin(accounts.RotateNodeKey())
    writing.write(0, CONTENT)
    writing.finish()
    assert anna.read() == CONTENT
