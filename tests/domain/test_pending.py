"""What unfinished uploads hold: nobody brings more than there is room for, however many uploads they begin at once."""

import pytest

from sealane.database.tables import dead_blobs, folders, segments, upload_keys, uploads
from sealane.domain import allowances
from sealane.domain.blob_sweep import BlobSweeper
from sealane.domain.queries import uploads as upload_queries
from sealane.errors import QuotaExceeded
from sealane.operations import accounts
from sealane.operations import uploads as operations
from sealane.operations.failures import PartElsewhere
from sealane.operations.files import MakeFolder, Move, RemoveFolder

pytestmark = pytest.mark.slow  # together they take longer than make check may

CONTENT = bytes(range(250)) * 12
"""3,000 bytes: three segments."""


def quota(world, size, folder="clinic:/in"):
    world.admin(accounts.SetFolderQuota(folder=folder, quota_bytes=size))


def pending(world, name="in"):
    """How many bytes the unfinished uploads of a folder hold, as its row says."""
    return world.number(folders.c.pending_bytes, folders.c.name == name)


def part(session, content, path="", **fields):
    writing = session.begin(path, partial=True, **fields)
    writing.write(0, content)
    writing.finish()
    return writing.upload


def join(session, parts, path="/in/whole"):
    return session.ask(operations.JoinUploads, path=path, uploads=tuple(parts))


def test_room_is_asked_at_the_limit_and_one_past_it():
    allowances.check_room(None, 0)
    allowances.check_room(10, 10)
    with pytest.raises(QuotaExceeded):
        allowances.check_room(11, 10)


def test_a_file_that_is_rewritten_again_and_again_takes_no_more_than_it_is_long(world, anna):
    quota(world, 3000)
    writing = anna.begin()
    for _ in range(5):
        writing.write(0, CONTENT)
        writing.record()
        assert world.count(segments) == 3
    BlobSweeper(world.store, world.home.settings, world.clock).clear(world.act)
    assert len(list(world.store.names())) == 3
    assert world.count(dead_blobs) == 0
    writing.finish()
    assert anna.read() == CONTENT


def test_what_is_left_of_a_segment_counts_as_long_as_the_segment_is(world, anna):
    quota(world, 3000)
    writing = anna.begin()
    writing.write(0, CONTENT[:1000])
    writing.record()
    for first in (1, 2):
        writing.write(first, b"x" * 998)
        writing.record()
    writing.write(3, b"x" * 996)
    with pytest.raises(QuotaExceeded):
        writing.record()


def test_one_byte_more_than_there_is_room_for_is_refused_as_it_is_recorded(world, anna):
    quota(world, 3000)
    one, other = anna.begin("/in/one"), anna.begin("/in/other")
    for writing in (one, other):
        writing.write(0, CONTENT[:1500])
        writing.record()
    other.write(1500, b"x")
    with pytest.raises(QuotaExceeded):
        other.record()
    assert pending(world) == 3000
    one.finish()
    assert pending(world) == 1500
    other.abandon()
    assert pending(world) == 0


def test_a_file_that_is_replaced_makes_room_for_the_upload_that_replaces_it_once(world, anna):
    anna.put(CONTENT)
    quota(world, 3000)
    one, other = anna.begin(), anna.begin()
    one.write(0, CONTENT[::-1])
    one.record()
    other.write(0, b"x")
    with pytest.raises(QuotaExceeded):
        other.record()
    one.finish()
    assert anna.read() == CONTENT[::-1]


def test_what_was_declared_is_held_from_the_begin_on(world, anna):
    quota(world, 3000)
    one = anna.begin("/in/one", declared=2000)
    assert anna.begin("/in/other").opened.room == 1000
    with pytest.raises(QuotaExceeded):
        anna.begin("/in/third", declared=1001)
    one.abandon()
    assert anna.begin("/in/third", declared=3000).opened.room == 3000


def test_what_replaces_a_file_holds_all_of_itself_and_what_goes_on_from_one_what_it_adds(world, anna):
    anna.put(CONTENT[:1000])
    quota(world, 3000)
    new = anna.begin(declared=2000)
    assert (pending(world), anna.begin("/in/other").opened.room) == (2000, 0)
    new.abandon()
    going_on = anna.begin(mode="update")
    assert (pending(world), anna.begin("/in/other").opened.room) == (0, 2000)
    going_on.resize(2500)
    going_on.record()
    assert pending(world) == 1500
    going_on.resize(500)
    going_on.write(0, CONTENT[:400])
    going_on.record()
    assert pending(world) == 400


def test_what_was_declared_is_asked_again_once_something_is_kept(world, anna):
    quota(world, 3000)
    one = anna.begin("/in/one", declared=2000, lasting=False)
    other = anna.begin("/in/other", declared=2000, lasting=False)
    for writing in (one, other):
        writing.write(0, CONTENT[:1000])
    one.record()
    with pytest.raises(QuotaExceeded):
        other.record()
    assert world.count(uploads) == 1
    small = anna.begin("/in/small", lasting=False)
    small.write(0, CONTENT[:1000])
    small.finish()
    beside = anna.begin("/in/beside", lasting=False)
    beside.write(0, b"x")
    with pytest.raises(QuotaExceeded):  # it would take the room that `one` was promised
        beside.finish()


def test_what_is_held_goes_along_with_an_upload_and_with_its_folder(world, anna):
    for name in ("one", "other", "one/deep"):
        anna.ask(MakeFolder, path=f"/in/{name}")
    writing = anna.begin("/in/one/deep/file", declared=500)
    assert [pending(world, name) for name in ("in", "one", "deep", "other")] == [500, 500, 500, 0]
    anna.ask(Move, source="/in/one/deep", target="/in/other/deep")
    assert [pending(world, name) for name in ("in", "one", "deep", "other")] == [500, 0, 500, 500]
    anna.ask(Move, source="/in/other/deep/file", target="/in/one/file", own_uploads=True)
    assert [pending(world, name) for name in ("in", "one", "deep", "other")] == [500, 500, 0, 0]
    quota(world, 499, "clinic:/in/other")
    with pytest.raises(QuotaExceeded):
        anna.ask(Move, source="/in/one/file", target="/in/other/file", own_uploads=True)
    writing.abandon()
    assert pending(world) == 0


# --- Parts -----------------------------------------------------------------------------------------------------------


def test_a_part_is_refused_where_its_whole_would_have_no_room(world, anna):
    quota(world, 3000)
    with pytest.raises(QuotaExceeded):
        anna.begin("/in/whole", partial=True, declared=3001)
    with pytest.raises(QuotaExceeded):
        anna.begin("/in/whole", partial=True, declared=1000, whole=3001)
    parts = [part(anna, CONTENT[at : at + 1000], "/in/whole", declared=1000, whole=3000) for at in (0, 1000, 2000)]
    with pytest.raises(QuotaExceeded):
        anna.begin("/in/other", declared=1)
    join(anna, parts)
    assert anna.read("/in/whole") == CONTENT
    assert pending(world) == 0


def test_a_part_that_replaces_a_file_has_the_room_of_that_file(world, anna):
    anna.put(CONTENT, "/in/whole")
    quota(world, 3000)
    parts = [part(anna, CONTENT[at : at + 1500], "/in/whole", declared=1500, whole=3000) for at in (1500, 0)]
    join(anna, parts)
    assert anna.read("/in/whole") == CONTENT[1500:] + CONTENT[:1500]


def test_the_quota_of_the_whole_is_that_of_where_it_goes_and_not_of_its_senders_organization(world, anna, carl):
    world.admin(accounts.SetOrganizationQuota(name="clinic", quota_bytes=100))
    parts = [part(anna, CONTENT[:2000], "/@insurer/own/x", declared=2000, whole=3000)]
    parts.append(part(anna, CONTENT[2000:], "/@insurer/own/x", declared=1000, whole=3000))
    join(anna, parts, "/@insurer/own/x")
    assert carl.read("/own/x") == CONTENT
    with pytest.raises(QuotaExceeded):
        anna.begin("", partial=True, declared=101)
    world.admin(accounts.SetOrganizationQuota(name="insurer", quota_bytes=3000))
    with pytest.raises(QuotaExceeded):
        anna.begin("/@insurer/own/y", partial=True, declared=1)


def test_a_part_of_one_organization_is_joined_into_no_other(world, anna, carl):
    theirs = part(anna, CONTENT[:100], "/@insurer/own/x")
    with pytest.raises(PartElsewhere):
        join(anna, [theirs], "/in/x")
    nobodys = part(anna, CONTENT[:100])
    join(anna, [nobodys], "/@insurer/own/j1")
    join(anna, [nobodys], "/@insurer/own/j2")
    with pytest.raises(PartElsewhere):
        join(anna, [nobodys], "/in/j3")
    assert anna.names() == []
    assert carl.read("/own/j1") == carl.read("/own/j2") == CONTENT[:100]
    insurers = world.act(lambda work: work.transaction.first(upload_queries.UPLOAD, upload=nobodys).organization_id)
    assert world.count(upload_keys, upload_keys.c.organization_id != insurers) == 0


def test_a_folder_that_goes_leaves_what_parts_hold_to_the_one_above_it(world, anna):
    anna.ask(MakeFolder, path="/in/below")
    waiting = part(anna, CONTENT[:700], "/in/below/whole")
    open_ended = anna.begin("/in/below/other", partial=True)
    anna.ask(RemoveFolder, path="/in/below")
    assert pending(world) == 700
    open_ended.write(0, CONTENT[:50])
    open_ended.record()
    join(anna, [waiting])
    open_ended.abandon()
    assert pending(world) == 0
