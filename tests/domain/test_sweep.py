"""Clearing up: what is past its time goes, what anybody needs stays, whatever crashes in between."""

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from sealane.database.tables import (
    dead_blobs,
    downloads,
    segments,
    sessions,
    upload_keys,
    upload_segments,
    uploads,
    version_segments,
    versions,
)
from sealane.domain.blob_sweep import BlobSweeper
from sealane.domain.sessions import end_expired
from sealane.errors import Missing, NotASegment, Unavailable
from sealane.ids import new_segment_id
from sealane.operations import accounts
from sealane.operations.audit import ReadLedger
from sealane.operations.files import EndDownload, OpenVersion, RemoveFile
from sealane.operations.signing import SignInWithToken
from sealane.settings import Settings
from tests.domain.transfers import SMALL, World

pytestmark = pytest.mark.slow  # together they take longer than make check may


CONTENT = bytes(range(256)) * 20


def sweep(world):
    return world.admin(accounts.Sweep())


@pytest.fixture
def sweeper(world):
    return BlobSweeper(world.store, world.home.settings, world.clock)


def stored(world):
    return set(world.store.names())


def days(world, count):
    world.clock.advance(timedelta(days=count))
    return world.session("anna@clinic")


def test_an_interrupted_upload_is_kept_its_time_and_then_goes_with_its_bytes(world, anna, sweeper):
    writing = anna.begin()
    writing.write(0, CONTENT)
    writing.record()
    writing.suspend()
    anna = days(world, 6.9)
    assert sweep(world).uploads == 0
    taken = anna.take(writing.upload)  # which begins its time anew
    taken.suspend()
    anna = days(world, 6.9)
    assert sweep(world).uploads == 0
    days(world, 0.2)
    swept = sweep(world)
    assert (swept.uploads, swept.blobs) == (1, 6)
    assert len(stored(world)) == 6
    assert sweeper.clear(world.act) == 6
    assert stored(world) == set()
    for table in (uploads, upload_segments, segments, upload_keys, dead_blobs):
        assert world.count(table) == 0
    assert "upload_removed" in world.kinds()


def test_a_replaced_version_is_kept_its_time(world, anna, sweeper):
    first = anna.put(CONTENT)
    anna.put(b"new")
    anna = days(world, 29)
    sweep(world)
    sweeper.clear(world.act)
    assert anna.read(version=first.version) == CONTENT
    anna = days(world, 2)
    assert sweep(world).versions == 1
    assert sweeper.clear(world.act) == 6
    with pytest.raises(Missing):
        anna.read(version=first.version)
    assert anna.read() == b"new"
    assert "version_expired" in world.kinds()


def test_a_removed_file_goes_after_the_same_time(world, anna, sweeper):
    anna.put(CONTENT)
    anna.ask(RemoveFile, path="/in/file")
    days(world, 31)
    assert sweep(world).versions == 1
    sweeper.clear(world.act)
    assert stored(world) == set()
    assert world.count(versions) == world.count(version_segments) == 0


def test_shared_segments_live_as_long_as_anything_needs_them(world, anna, sweeper):
    anna.put(CONTENT)
    update = anna.begin(mode="update")
    update.write(5120, b"more")
    update.finish()
    interrupted = anna.begin(mode="update")
    interrupted.write(0, b"x" * 1000)
    interrupted.record()
    interrupted.suspend()
    anna = days(world, 31)
    swept = sweep(world)
    assert (swept.versions, swept.uploads, swept.blobs) == (1, 4 - 1, 1)  # two finished ones and the interrupted one
    assert sweeper.clear(world.act) == 1
    assert anna.read() == CONTENT + b"more"


def test_finished_uploads_answer_for_a_day(world, anna):
    writing = anna.begin()
    operation = writing.finish_operation()
    first = anna.asking.ask_now(operation)
    world.clock.advance(timedelta(hours=23))
    anna = world.session("anna@clinic")
    sweep(world)
    assert anna.asking.ask_now(msgspec.structs.replace(operation, handle=anna.handle)) == first
    world.clock.advance(timedelta(hours=2))
    assert sweep(world).uploads == 1
    assert "upload_removed" not in world.kinds()  # it was not: its file is there


def test_a_download_goes_on_in_the_session_that_follows_and_is_recorded_with_its_end(world, anna, carl):
    token = world.admin(accounts.AddToken(user="anna@clinic", scopes=("read",), expires=None)).token
    others = world.admin(accounts.AddToken(user="carl@insurer", scopes=("read",), expires=None)).token
    door = world.home.door()

    def signed_in(token, follows=""):
        return door.ask_now(SignInWithToken(token, "192.0.2.1", "http", follows=follows))

    anna.put(b"x" * 5000)
    speaks = signed_in(token)
    download = door.ask_now(OpenVersion(speaks.handle, path="/in/file")).download
    signed_in(others, follows=speaks.handle)  # takes nothing along that is not its own
    for _ in range(110):
        world.clock.advance(timedelta(minutes=14))
        speaks = signed_in(token, follows=speaks.handle)
        world.act(end_expired)
        sweep(world)
    door.ask_now(EndDownload(speaks.handle, download=download, sent=5000, ranges=((0, 5000),), whole=True))
    (ended,) = (body for body in world.bodies() if body["kind"] == "download_ended")
    assert (ended["sent"], ended["whole"]) == (5000, True)


def test_downloads_of_a_session_long_over_are_ended_for_the_record(world, anna, carl):
    anna.put(CONTENT)
    carl.ask(OpenVersion, path="/@clinic/in/file")
    anna.ask(OpenVersion, path="/in/file")
    sweep(world)
    assert world.count(downloads) == 2
    world.admin(accounts.EndSession(session=carl.name))
    sweep(world)
    assert world.count(downloads) == 2  # the door may still say how it ended, by a session that was renewed
    days(world, 1.1)
    sweep(world)
    assert world.count(downloads) == 1
    body = msgspec.json.decode(world.admin(ReadLedger(limit=1000, kind="download_ended")).entries[-1].body)
    assert body["whole"] is False
    assert "sent" not in body  # nobody knows


def test_rows_of_sessions_long_over_go(world, anna):
    world.admin(accounts.EndSession(session=anna.name))
    sweep(world)
    assert world.count(sessions) == 1
    days(world, 1.1)
    sweep(world)
    assert world.count(sessions, sessions.c.ended.is_not(None)) == 0


def test_each_round_is_of_bounded_size(world_template, tmp_path):
    world = World.copied(world_template, tmp_path / "d", Settings(sweep_rows_max=2))
    anna = world.session("anna@clinic")
    for number in range(5):
        anna.begin(f"/in/{number}")
    days(world, 8)
    assert [sweep(world).uploads for _ in range(4)] == [2, 2, 1, 0]
    world.close()


# --- Blobs -----------------------------------------------------------------------------------------------------------


def orphan(world):
    """A blob that a crash left between the store and the catalogue."""
    name = new_segment_id()
    writer = world.store.create(name)
    writer.append(b"ciphertext")
    writer.commit()
    return name


def test_a_blob_that_no_row_names_goes_after_a_day_and_not_before(world, anna, sweeper):
    anna.put(CONTENT)
    needed = stored(world)
    name = orphan(world)
    assert sweeper.clear(world.act) == 0
    days(world, 0.9)
    assert sweeper.clear(world.act) == 0
    assert name in stored(world)
    days(world, 0.2)
    assert sweeper.clear(world.act) == 1
    assert stored(world) == needed


def test_a_blob_that_is_recorded_in_time_stays(world, anna, sweeper):
    writing = anna.begin()
    writing.write(0, CONTENT)
    sweeper.clear(world.act)
    world.clock.advance(timedelta(hours=23))
    anna = world.session("anna@clinic")
    writing.session = anna
    writing.record()
    days(world, 1)
    assert sweeper.clear(world.act) == 0
    writing.session = world.session("anna@clinic")
    writing.finish()
    assert writing.session.read() == CONTENT


def test_a_blob_that_is_about_to_be_deleted_cannot_be_recorded_any_more(world, anna):
    from sealane.domain import sweep as acts

    writing = anna.begin()
    writing.write(0, CONTENT[:1000])
    assert world.act(lambda work: acts.bury(work, [writing.segments[0].segment])) == 1
    with pytest.raises(NotASegment):
        writing.record()


def test_a_recorded_blob_cannot_be_buried(world, anna):
    from sealane.domain import sweep as acts

    anna.put(CONTENT)
    assert world.act(lambda work: acts.bury(work, sorted(stored(world)))) == 0
    assert anna.read() == CONTENT


class Failing:
    """A store that fails in the middle of deleting."""

    def __init__(self, store, after):
        self.store, self.left = store, after

    def delete(self, name):
        if self.left == 0:
            raise Unavailable
        self.left -= 1
        self.store.delete(name)

    def __getattr__(self, name):
        return getattr(self.store, name)


@pytest.mark.parametrize("after", [0, 1, 3])
def test_deleting_that_was_cut_off_goes_on_the_next_time(world, anna, after):
    writing = anna.begin()
    writing.write(0, CONTENT)
    writing.record()
    writing.abandon()
    anna.put(b"k" * 100, "/in/kept")
    sweeper = BlobSweeper(Failing(world.store, after), world.home.settings, world.clock)
    with pytest.raises(Unavailable):
        sweeper.clear(world.act)
    world.crash()
    assert world.count(dead_blobs) == 6
    assert BlobSweeper(world.store, world.home.settings, world.clock).clear(world.act) == 6
    assert world.count(dead_blobs) == 0
    assert len(stored(world)) == 1
    assert anna.read("/in/kept") == b"k" * 100


def test_an_upload_keeps_what_it_needs_of_a_version_that_goes(world_template, tmp_path):
    world = World.copied(world_template, tmp_path / "d", replace(SMALL, version_keep_seconds=3600))
    anna = world.session("anna@clinic")
    anna.put(CONTENT)
    update = anna.begin(mode="update")
    update.write(5120, b"more")
    update.record()
    anna.put(b"new")
    world.clock.advance(timedelta(hours=2))
    update.session = world.session("anna@clinic")
    swept = sweep(world)
    assert (swept.versions, swept.blobs) == (1, 0)
    BlobSweeper(world.store, world.home.settings, world.clock).clear(world.act)
    update.finish()
    assert update.session.read() == CONTENT + b"more"
    world.close()
