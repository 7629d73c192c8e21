"""Arrivals: leased, opened one at a time, answered once; a crash anywhere gives them again."""

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest

from sealane.errors import Integrity, Invalid, Missing, OperationRefused
from sealane.operations.files import OpenVersion, RemoveFile
from sealane.operations.inspection import (
    ArrivalsWaiting,
    LeaseArrivals,
    OpenArrival,
    PutOff,
    RecordDigest,
    ReportDamage,
)
from sealane.operations.versions import RestoreVersion
from tests.domain.transfers import contents

pytestmark = pytest.mark.slow  # together they take longer than make check may


def arrival(session, content=b"content", path="/in/file"):
    writing = session.begin(path)
    writing.write(0, content)
    return writing.finish().version


@pytest.fixture
def inspector(world):
    return world.home.inspector()


def lease(inspector, **fields):
    return inspector.ask_now(LeaseArrivals(**fields)).versions


def test_only_what_was_not_hashed_on_its_way_owes_a_digest(anna, inspector):
    anna.put(b"hashed")
    anna.put(b"", "/in/empty")
    assert lease(inspector) == ()
    version = arrival(anna)
    assert anna.look().digest is None
    assert lease(inspector) == (version,)


def test_the_inspector_is_told_when_something_is_owed(anna, inspector):
    notices = []
    inspector.on_notice(notices.append)
    anna.put(b"hashed")
    assert notices == []
    arrival(anna)
    assert notices == [ArrivalsWaiting()]


def test_a_digest_is_recorded_once_and_answers_the_same_again(world, anna, inspector):
    version = arrival(anna)
    lease(inspector)
    opened = inspector.ask_now(OpenArrival(version=version))
    content = b"".join(bytes(block) for block in contents(world.store, opened).blocks(bytearray(100)))
    digest = hashlib.sha256(content).digest()
    inspector.ask_now(RecordDigest(version=version, digest=digest))
    inspector.ask_now(RecordDigest(version=version, digest=digest))
    assert anna.look().digest == digest == hashlib.sha256(b"content").digest()
    assert lease(inspector) == ()
    assert world.kinds()[-2:] == ["arrival_opened", "digest_recorded"]
    with pytest.raises(Integrity):
        inspector.ask_now(RecordDigest(version=version, digest=bytes(32)))
    with pytest.raises(Invalid):
        inspector.ask_now(RecordDigest(version=version, digest=b"short"))


def test_arrivals_are_leased_oldest_first_and_to_one_inspector_at_a_time(world, anna, inspector):
    versions = []
    for number in range(3):
        versions.append(arrival(anna, path=f"/in/{number}"))
        world.clock.advance(timedelta(seconds=1))
    other = world.home.inspector()
    assert lease(inspector, limit=2) == tuple(versions[:2])
    assert lease(other) == (versions[2],)
    assert lease(world.home.inspector()) == ()
    with pytest.raises(Missing):
        other.ask_now(OpenArrival(version=versions[0]))


def test_an_arrival_must_be_leased_to_be_opened(world, anna, inspector):
    version = arrival(anna)
    with pytest.raises(Missing):
        inspector.ask_now(OpenArrival(version=version))
    hashed = anna.put(b"hashed", "/in/hashed").version
    lease(inspector)
    with pytest.raises(Missing):
        inspector.ask_now(OpenArrival(version=hashed))
    with pytest.raises(OperationRefused):
        anna.asking.ask_now(OpenArrival(version=version))


def test_opening_the_next_arrival_gives_the_last_one_back(world, anna, inspector):
    one, other = arrival(anna), arrival(anna, path="/in/other")
    lease(inspector)
    inspector.ask_now(OpenArrival(version=one))
    inspector.ask_now(OpenArrival(version=other))
    with pytest.raises(Missing):
        inspector.ask_now(OpenArrival(version=one))
    assert lease(world.home.inspector()) == (one,)


def test_a_lease_is_void_when_its_connection_breaks_or_the_keeper_does(world, anna, inspector):
    version = arrival(anna)
    assert lease(inspector) == (version,)
    fresh = world.home.inspector()
    assert lease(fresh) == ()
    inspector.break_off()
    assert lease(fresh) == (version,)
    world.crash()
    assert lease(world.home.inspector()) == (version,)


def test_a_lease_runs_out(world, anna, inspector):
    version = arrival(anna)
    lease(inspector)
    world.clock.advance(timedelta(seconds=world.home.settings.inspector_lease_seconds))
    with pytest.raises(Missing):
        inspector.ask_now(OpenArrival(version=version))
    assert lease(world.home.inspector()) == (version,)


def test_an_inspector_that_asks_again_is_given_again_what_it_could_not_read(anna, inspector):
    version = arrival(anna)
    assert lease(inspector) == (version,)
    assert lease(inspector) == (version,)


def test_damage_is_on_record_and_owes_nothing_more(world, anna, inspector):
    version = arrival(anna)
    lease(inspector)
    inspector.ask_now(OpenArrival(version=version))
    inspector.ask_now(ReportDamage(version=version, sentence="a blob is missing"))
    inspector.ask_now(ReportDamage(version=version, sentence="again"))
    assert lease(inspector) == ()
    assert world.kinds().count("damage_found") == 1
    with pytest.raises(Missing):
        inspector.ask_now(RecordDigest(version=version, digest=bytes(32)))


def test_a_removed_arrival_may_still_be_answered(world, anna, inspector):
    version = arrival(anna)
    lease(inspector)
    inspector.ask_now(OpenArrival(version=version))
    anna.ask(RemoveFile, path="/in/file")
    inspector.ask_now(RecordDigest(version=version, digest=hashlib.sha256(b"content").digest()))
    with pytest.raises(Missing):
        inspector.ask_now(RecordDigest(version="gone", digest=bytes(32)))


# --- Several inspectors ----------------------------------------------------------------------------------------------


@pytest.fixture
def crowded(world, anna, monkeypatch):
    """A limit of 10 bytes for what is small and of 20 for what is leased together."""
    settings = replace(world.home.settings, inspector_small_bytes_max=10, inspector_batch_bytes=20)
    monkeypatch.setattr(world.home.keeper, "settings", settings)
    return world


def named_by_size(anna, world, *sizes):
    made = []
    for number, size in enumerate(sizes):
        made.append(arrival(anna, bytes(size), f"/in/{number}"))
        world.clock.advance(timedelta(seconds=1))
    return made


def test_what_is_small_never_waits_behind_what_is_huge(crowded, anna):
    huge, other_huge, small, smaller = named_by_size(anna, crowded, 1000, 1001, 10, 1)
    small_only, takes_all = crowded.home.inspector(), crowded.home.inspector()
    assert lease(takes_all) == (huge,), "a huge one is leased alone"
    takes_all.ask_now(OpenArrival(version=huge))
    assert lease(small_only, small=True) == (small, smaller)
    assert lease(small_only, small=True) == (small, smaller)
    assert lease(crowded.home.inspector()) == (other_huge,)


def test_a_batch_has_no_more_bytes_than_its_limit_and_what_was_had_before_comes_last(crowded, anna, inspector):
    one, two, three, four = named_by_size(anna, crowded, 11, 9, 1, 1)
    assert lease(inspector) == (one, two)
    other = crowded.home.inspector()
    assert lease(other) == (three, four)
    other.break_off()
    assert lease(inspector) == (three, four, one, two)


def test_what_is_open_stays_with_its_inspector_however_long_it_takes(crowded, anna, inspector):
    (huge,) = named_by_size(anna, crowded, 1000)
    lease(inspector)
    inspector.ask_now(OpenArrival(version=huge))
    crowded.clock.advance(timedelta(seconds=2 * crowded.home.settings.inspector_lease_seconds))
    other = crowded.home.inspector()
    assert lease(other) == ()
    inspector.break_off()
    assert lease(other) == (huge,)


def test_what_is_small_and_takes_long_is_left_to_who_takes_all(crowded, anna, inspector):
    slow, quick = named_by_size(anna, crowded, 5, 5)
    assert lease(inspector, small=True) == (slow, quick)
    with pytest.raises(Missing):
        crowded.home.inspector().ask_now(PutOff(arrival=slow))  # it is not leased to this one
    inspector.ask_now(OpenArrival(version=slow))
    inspector.ask_now(PutOff(arrival=slow))
    assert lease(inspector, small=True) == (quick,)
    takes_all = crowded.home.inspector()
    assert lease(takes_all) == (slow,)
    takes_all.ask_now(OpenArrival(version=slow))
    takes_all.ask_now(RecordDigest(version=slow, digest=hashlib.sha256(bytes(5)).digest()))
    assert not crowded.home.keeper._holds.is_put_off(slow)


# --- What no longer stands anywhere ----------------------------------------------------------------------------------


def test_nothing_is_hashed_that_was_written_over_or_removed_until_somebody_wants_it(world, anna, inspector):
    over = arrival(anna, b"first")
    removed = arrival(anna, b"other", "/in/other")
    present = arrival(anna, b"second")
    anna.ask(RemoveFile, path="/in/other")
    assert lease(inspector) == (present,)
    anna.ask(RestoreVersion, path="/in/other", version=removed)
    assert lease(world.home.inspector()) == (removed,)
    anna.ask(OpenVersion, path="/in/file", version=over)
    assert over in lease(world.home.inspector())


def test_what_is_opened_after_it_was_written_over_is_hashed_after_what_stands_there(world, anna, inspector):
    over = arrival(anna, b"first")
    world.clock.advance(timedelta(seconds=1))
    arrival(anna, b"second")
    anna.ask(OpenVersion, path="/in/file", version=over)
    world.clock.advance(timedelta(seconds=1))
    newest = arrival(anna, b"new", "/in/new")
    assert lease(inspector)[-2:] == (newest, over)


def test_a_digest_that_was_under_way_when_its_file_was_removed_is_kept(world, anna, inspector):
    version = arrival(anna)
    lease(inspector)
    inspector.ask_now(OpenArrival(version=version))
    anna.ask(RemoveFile, path="/in/file")
    digest = hashlib.sha256(b"content").digest()
    inspector.ask_now(RecordDigest(version=version, digest=digest))
    anna.ask(RestoreVersion, path="/in/file", version=version)
    assert anna.look().digest == digest
    assert lease(world.home.inspector()) == ()
