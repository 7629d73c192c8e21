"""The way out: recorded before it happens, and only what was written is ever delivered."""

import msgspec
import pytest
import sqlalchemy as sa

from sealane.database.ledger_tables import ledger
from sealane.database.tables import (
    downloads,
    organizations,
    segments,
    upload_keys,
    uploads,
    version_segments,
    versions,
)
from sealane.domain import upload_map
from sealane.domain.queries.versions import VERSION
from sealane.errors import Integrity, Invalid, Missing, NotAllowed, TooMany
from sealane.operations import accounts
from sealane.operations.audit import ReadLedger
from sealane.operations.files import EndDownload, OpenVersion, Receipt
from sealane.operations.inspection import LeaseArrivals, OpenArrival, ReportDamage
from tests.domain.transfers import contents

pytestmark = pytest.mark.slow  # each test copies a whole world; together they take longer than make check may

CONTENT = bytes(range(256)) * 20


def test_a_download_is_on_record_before_its_keys_are_out(world, anna, carl):
    finished = anna.put(CONTENT)
    opened = carl.ask(OpenVersion, path="/@clinic/in/file")
    body = msgspec.json.decode(world.admin(ReadLedger(limit=10_000)).entries[-1].body)
    assert body["kind"] == "download_begun"
    assert (body["version_id"], body["size"], body["download_id"]) == (finished.version, 5120, opened.download)
    assert set(body["key_ids"]) == set(opened.keys)


def test_only_the_keys_of_the_segments_named_are_given(anna):
    anna.put(b"other", "/in/other")
    anna.put(CONTENT)
    update = anna.begin(mode="update")
    update.write(0, b"!" * 5120)
    update.finish()
    opened = anna.ask(OpenVersion, path="/in/file")
    assert set(opened.keys) == {update.opened.key_id}


def test_who_may_not_read_gets_nothing(world, anna):
    anna.put(CONTENT)
    berta = world.session("berta@clinic")
    with pytest.raises(Missing):
        berta.read()
    world.grant("clinic:/in", "berta@clinic", "list", "write", "delete")
    with pytest.raises(NotAllowed):
        berta.read()
    with pytest.raises(NotAllowed):
        world.session("anna@clinic", scopes=("write",)).read()


def test_a_pinned_version_is_one_of_that_very_file(anna):
    first = anna.put(b"first")
    other = anna.put(b"other", "/in/other")
    anna.put(b"second")
    assert anna.read(version=first.version) == b"first"
    with pytest.raises(Missing):
        anna.read(version=other.version)
    with pytest.raises(Missing):
        anna.read(version="nothing")


def test_the_end_of_a_download_is_written_once_and_by_its_user_only(world, anna, carl):
    anna.put(CONTENT)
    opened = carl.ask(OpenVersion, path="/@clinic/in/file")
    said = {"download": opened.download, "sent": 100, "ranges": ((0, 50), (70, 120)), "whole": False}
    anna.ask(EndDownload, **said)
    assert "download_ended" not in world.kinds()
    world.admin(accounts.EndSession(session=carl.name))
    renewed = world.session("carl@insurer")  # a token's session is short; the download went on
    renewed.ask(EndDownload, **said)
    renewed.ask(EndDownload, **said)
    assert world.kinds().count("download_ended") == 1
    body = msgspec.json.decode(world.admin(ReadLedger(limit=10_000)).entries[-1].body)
    assert (body["sent"], body["ranges"], body["whole"]) == (100, [[0, 50], [70, 120]], False)
    assert world.count(downloads) == 0


def test_nonsense_about_a_download_is_refused(world, anna):
    anna.put(CONTENT)
    opened = anna.ask(OpenVersion, path="/in/file")
    for ranges in (((5, 5),), ((-1, 5),), ((7, 5),)):
        with pytest.raises(Invalid):
            anna.ask(EndDownload, download=opened.download, sent=1, ranges=ranges, whole=False)
    many = tuple((2 * n, 2 * n + 1) for n in range(world.home.settings.download_ranges_max + 1))
    with pytest.raises(TooMany):
        anna.ask(EndDownload, download=opened.download, sent=1, ranges=many, whole=False)


def test_the_receipt_says_who_sent_and_who_fetched(world, anna, carl):
    finished = anna.put(CONTENT)
    carl.read("/@clinic/in/file")
    carl.ask(OpenVersion, path="/@clinic/in/file")  # begun and never ended: nobody knows how much
    receipt = carl.ask(Receipt, path="/@clinic/in/file")
    assert (receipt.version, receipt.size, receipt.digest) == (finished.version, 5120, finished.digest)
    told = [(line.kind, line.user, line.door, line.size, line.ended) for line in receipt.transfers]
    assert told == [
        ("upload", "anna@clinic", "http", 5120, True),
        ("download", "carl@insurer", "http", 5120, True),
        ("download", "carl@insurer", "http", 0, False),
    ]
    assert anna.ask(Receipt, path="/in/file").transfers == receipt.transfers
    entries = {entry.seq: entry for entry in world.admin(ReadLedger(limit=10_000)).entries}
    assert all(entries[line.entry].leaf == line.leaf for line in receipt.transfers)


def test_a_sender_without_the_right_to_list_gets_the_receipt_of_what_they_sent(world, anna):
    anna.put(b"anna's", "/in/hers")
    world.grant("clinic:/in", "berta@clinic", "write")
    berta = world.session("berta@clinic")
    berta.put(b"dropped", "/in/drop")
    assert berta.ask(Receipt, path="/in/drop").transfers[0].user == "berta@clinic"
    with pytest.raises(NotAllowed):
        berta.ask(Receipt, path="/in/hers")


# --- What was altered behind the keeper's back is not delivered -------------------------------------------------------


def test_extents_in_another_order_are_not_opened(world, anna):
    version = anna.put(CONTENT).version

    def swapped(work):
        row = work.transaction.first(VERSION, version=version)
        extents = list(upload_map.unpacked(work, row.extents))
        extents[0], extents[1] = extents[1], extents[0]
        made = upload_map.empty(work)
        made.join(extents)
        return made.pack()

    world.change(sa.update(versions).values(extents=world.act(swapped)))
    with pytest.raises(Integrity):
        anna.read()


_other = organizations.alias()
TAMPERED = {
    "another authenticator": (sa.update(versions).values(authenticator=bytes(32))),
    "another size": (sa.update(versions).values(size=5119)),
    "a segment's tags": (sa.update(segments).values(tags_digest=bytes(32))),
    "a segment's length": (sa.update(segments).values(length=segments.c.length + 1)),
    "a segment forgotten": (
        sa.delete(version_segments).where(
            version_segments.c.segment_id == sa.select(sa.func.min(segments.c.id)).scalar_subquery()
        )
    ),
    "another form": (sa.update(versions).values(format="slots-0")),
    "not a map": (sa.update(versions).values(extents=b"")),
    "the upload's key": (sa.update(upload_keys).values(wrapped_key=bytes(61))),
    "the organization's key": (
        sa.update(organizations)
        .where(organizations.c.name == "clinic")
        .values(wrapped_key=sa.select(_other.c.wrapped_key).where(_other.c.name == "insurer").scalar_subquery())
    ),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_what_was_altered_in_the_database_is_not_opened(world, anna, how):
    anna.put(CONTENT)
    world.change(TAMPERED[how])
    world.act(lambda work: work.tree.forget())  # as for a keeper that is started again
    with pytest.raises(Integrity):
        anna.ask(OpenVersion, path="/in/file")
    if how != "the upload's key":
        with pytest.raises(Integrity):
            anna.begin(mode="update")
    assert world.count(downloads) == 0
    assert "download_begun" not in world.kinds()
    assert "request_refused" in world.kinds()


def test_the_content_of_one_file_is_not_delivered_as_another(world, anna):
    one, other = anna.put(CONTENT, "/in/one"), anna.put(CONTENT[::-1], "/in/other")

    def swapped(work):
        return [work.transaction.first(VERSION, version=v.version) for v in (one, other)]

    first, second = world.act(swapped)
    for version, row in ((one, second), (other, first)):
        world.change(
            sa.update(versions)
            .where(versions.c.id == version.version)
            .values(extents=row.extents, authenticator=row.authenticator)
        )
    with pytest.raises(Integrity):
        anna.read("/in/one")


def test_a_blob_put_in_anothers_place_is_found_when_it_is_read(world, anna):
    anna.put(b"a" * 1000, "/in/one")
    anna.put(b"b" * 1000, "/in/other")
    world.swap_blobs(*world.store.names())
    for path in ("/in/one", "/in/other"):
        opened = anna.ask(OpenVersion, path=path)
        with pytest.raises(Integrity):
            list(contents(world.store, opened).blocks(bytearray(512)))


def test_a_version_reported_as_damaged_is_not_delivered(world, anna):
    writing = anna.begin()
    writing.write(0, CONTENT)
    finished = writing.finish()
    inspector = world.home.inspector()
    inspector.ask_now(LeaseArrivals())
    inspector.ask_now(OpenArrival(version=finished.version))
    inspector.ask_now(ReportDamage(version=finished.version, sentence="a blob is missing"))
    with pytest.raises(Integrity):
        anna.read()
    anna.put(b"sent again")
    assert anna.read() == b"sent again"


def test_rotating_keys_touches_no_content(world, anna):
    anna.put(CONTENT)
    writing = anna.begin("/in/running")
    writing.write(0, CONTENT[:1000])
    writing.record()
    for operation in (accounts.RotateNodeKey(), accounts.RotateOrganizationKey(name="clinic")):
        world.admin(operation)
        world.home.restart()
        assert anna.read() == CONTENT
    again = anna.take(writing.upload)
    again.write(1000, CONTENT[1000:])
    again.finish()
    assert anna.read("/in/running") == CONTENT
    assert world.count(ledger) > 0
    assert world.count(uploads, uploads.c.state == "open") == 0
