"""Parts joined and bytes shared: no byte moves, and what readers get is what was put together."""

import hashlib

import pytest
import sqlalchemy as sa

from sealane.database.tables import organizations, upload_keys, uploads
from sealane.errors import (
    CopyNotShared,
    Invalid,
    Missing,
    NotAllowed,
    QuotaExceeded,
    UploadMissing,
    UploadUnfinished,
)
from sealane.operations import accounts
from sealane.operations import uploads as operations
from sealane.operations.files import OpenVersion

pytestmark = pytest.mark.slow  # together they take longer than make check may


CONTENT = bytes(range(256)) * 20


def part(session, content, path=""):
    writing = session.begin(path, partial=True)
    writing.write(0, content)
    assert not writing.finish().visible
    return writing.upload


def join(session, parts, path="/in/whole", **fields):
    return session.ask(operations.JoinUploads, path=path, uploads=tuple(parts), **fields)


def test_joined_parts_are_one_file_and_no_byte_is_stored_again(world, anna, carl):
    parts = [part(anna, CONTENT[:2000]), part(anna, CONTENT[2000:2050]), part(anna, CONTENT[2050:])]
    stored = set(world.store.names())
    finished = join(anna, parts, metadata="path L2luL3dob2xl")
    assert carl.read("/@clinic/in/whole") == CONTENT
    assert set(world.store.names()) == stored
    stands = anna.ask(operations.LookUpload, upload=finished.upload)
    assert (stands.joined, stands.finished, stands.size) == (True, True, len(CONTENT))
    assert (stands.path, stands.metadata) == ("/in/whole", "path L2luL3dob2xl")


def test_parts_may_be_joined_into_another_organizations_folder(world, anna, carl):
    parts = [part(anna, CONTENT[:2000]), part(anna, CONTENT[2000:], "/@insurer/own/x")]
    join(anna, parts, "/@insurer/own/whole")
    assert carl.read("/own/whole") == CONTENT
    owner = sa.select(organizations.c.id).where(organizations.c.name == "insurer").scalar_subquery()
    assert world.count(upload_keys, upload_keys.c.organization_id != owner) == 0
    world.admin(accounts.RotateOrganizationKey(name="clinic"))
    world.admin(accounts.RotateOrganizationKey(name="insurer"))
    assert carl.read("/own/whole") == CONTENT


def test_a_join_whose_answer_was_lost_may_be_asked_again(world, anna):
    parts = [part(anna, CONTENT[:2000]), part(anna, CONTENT[2000:])]
    join(anna, parts)
    again = join(anna, parts)
    assert anna.read("/in/whole") == CONTENT
    assert anna.look("/in/whole").version == again.version
    assert world.count(uploads, uploads.c.state == "part") == 0


def test_a_part_may_stand_twice_and_the_order_is_the_callers(anna):
    one, other = part(anna, b"1" * 100), part(anna, b"2" * 100)
    join(anna, [other, one, other])
    assert anna.read("/in/whole") == b"2" * 100 + b"1" * 100 + b"2" * 100


def test_only_own_finished_parts_are_joined(world, anna, carl):
    whole = part(anna, b"x")
    running = anna.begin("", partial=True)
    with pytest.raises(UploadUnfinished):
        join(anna, [whole, running.upload])
    ordinary = anna.begin("/in/ordinary")
    with pytest.raises(Invalid):
        join(anna, [ordinary.upload])
    with pytest.raises(Invalid):
        join(anna, [])
    theirs = part(carl, b"x")
    with pytest.raises(UploadMissing):
        join(anna, [theirs])
    with pytest.raises(NotAllowed):
        join(carl, [theirs], "/@clinic/in/whole")


def test_a_part_is_nothing_that_anybody_sees(anna, carl):
    part(anna, CONTENT, "/in/part")
    assert anna.names(own_uploads=True) == []
    assert carl.names("/@clinic/in") == []
    with pytest.raises(Invalid):
        anna.begin("/in/file", "update", partial=True)


def test_parts_take_room_until_they_are_joined_and_the_whole_is_charged(world, anna):
    world.admin(accounts.SetOrganizationQuota(name="clinic", quota_bytes=3000))
    one = part(anna, b"x" * 2000)
    assert anna.begin("/in/other").opened.room == 1000
    with pytest.raises(QuotaExceeded):
        anna.begin("", partial=True, declared=1001)
    join(anna, [one])
    assert anna.begin("/in/other").opened.room == 1000
    with pytest.raises(QuotaExceeded):
        part(anna, b"x" * 1001)
    world.admin(accounts.SetFolderQuota(folder="clinic:/in", quota_bytes=2000))
    elsewhere = part(anna, b"x" * 1000)
    with pytest.raises(QuotaExceeded):  # nobody had said that it was for this folder
        join(anna, [elsewhere], "/in/third")


def test_a_joined_file_owes_its_digest(world, anna):
    assert join(anna, [part(anna, b"x")]).digest is None
    empty = anna.begin("", partial=True)
    empty.finish()
    assert join(anna, [empty.upload]).digest == hashlib.sha256(b"").digest()


# --- Copied ranges ---------------------------------------------------------------------------------------------------


def copy(session, writing, download, start, length, offset):
    return session.ask(
        operations.CopyInto,
        upload=writing.upload,
        generation=writing.generation,
        download=download,
        start=start,
        length=length,
        offset=offset,
    )


def test_a_copied_range_is_shared_and_reads_the_same(world, anna):
    anna.put(CONTENT, "/in/source")
    stored = set(world.store.names())
    source = anna.ask(OpenVersion, path="/in/source")
    writing = anna.begin("/in/copy")
    opened = copy(anna, writing, source.download, 500, 2000, 0)
    assert opened.size == 2000
    assert copy(anna, writing, source.download, 0, 100, 2000).size == 2100
    writing.size = 2100
    writing.write(10, b"!" * 10)
    writing.finish()
    expected = bytearray(CONTENT[500:2500] + CONTENT[:100])
    expected[10:20] = b"!" * 10
    assert anna.read("/in/copy") == expected
    assert set(world.store.names()) == stored


def test_a_copy_outlives_its_source(world, anna):
    from datetime import timedelta

    from sealane.operations.files import RemoveFile

    anna.put(CONTENT, "/in/source")
    source = anna.ask(OpenVersion, path="/in/source")
    writing = anna.begin("/in/copy")
    copy(anna, writing, source.download, 1000, 1000, 0)
    writing.size = 1000
    writing.finish()
    anna.ask(RemoveFile, path="/in/source")
    world.clock.advance(timedelta(days=31))
    assert world.admin(accounts.Sweep()).versions == 1
    fresh = world.session("anna@clinic")
    assert fresh.read("/in/copy") == CONTENT[1000:2000]


def test_bytes_of_another_organization_are_not_shared(world, anna, carl):
    anna.put(CONTENT, "/in/source")
    source = anna.ask(OpenVersion, path="/in/source")
    with pytest.raises(CopyNotShared):
        copy(anna, anna.begin("/@insurer/own/copy"), source.download, 0, 10, 0)
    with pytest.raises(CopyNotShared):
        copy(anna, anna.begin("", partial=True), source.download, 0, 10, 0)


def test_only_an_own_download_is_copied_from(anna, carl):
    anna.put(CONTENT, "/in/source")
    source = carl.ask(OpenVersion, path="/@clinic/in/source")
    with pytest.raises(Missing):
        copy(anna, anna.begin("/in/copy"), source.download, 0, 10, 0)


@pytest.mark.parametrize(
    ("start", "length", "offset"), [(-1, 10, 0), (0, 0, 0), (0, 5121, 0), (5120, 1, 0), (0, 1, -1)]
)
def test_a_range_outside_of_the_source_is_refused(anna, start, length, offset):
    anna.put(CONTENT, "/in/source")
    source = anna.ask(OpenVersion, path="/in/source")
    with pytest.raises(Invalid):
        copy(anna, anna.begin("/in/copy"), source.download, start, length, offset)
