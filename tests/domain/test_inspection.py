"""Arrivals: leased, opened one at a time, answered once; a crash anywhere gives them again."""

import hashlib
from datetime import timedelta

import pytest

from sealane.errors import Integrity, Invalid, Missing, OperationRefused
from sealane.operations.files import RemoveFile
from sealane.operations.inspection import (
    ArrivalsWaiting,
    LeaseArrivals,
    OpenArrival,
    RecordDigest,
    ReportDamage,
)
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
    anna.ask(RemoveFile, path="/in/file")
    inspector.ask_now(OpenArrival(version=version))
    inspector.ask_now(RecordDigest(version=version, digest=hashlib.sha256(b"content").digest()))
    with pytest.raises(Missing):
        inspector.ask_now(RecordDigest(version="gone", digest=bytes(32)))
