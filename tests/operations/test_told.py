"""The count of what a connection was told: seen at once by whoever looks, whatever still waits on its way."""

import errno
import os
import stat

import pytest

from sealane.operations.told import FILE_NAME, NOBODY, PLACES, Hearing, Told


@pytest.fixture
def told(tmp_path):
    made = Told(tmp_path, mode=0o640)
    yield made
    made.close()


def test_what_was_counted_and_not_heard_is_seen(told, tmp_path):
    place, other = told.enter(), told.enter()
    hearing = Hearing(tmp_path, place, told.count(place))
    assert hearing.is_complete
    count = told.add(place)
    assert not hearing.is_complete
    hearing.hear(count)
    assert hearing.is_complete
    told.add(other)
    assert hearing.is_complete, "another's"
    told.add(place)
    hearing.hear(told.add(place))
    assert hearing.is_complete
    hearing.close()
    assert not hearing.is_complete


def test_a_place_that_was_another_s_goes_on_from_where_that_was(told, tmp_path):
    place = told.enter()
    told.add(place)
    told.leave(place)
    assert told.enter() == place
    hearing = Hearing(tmp_path, place, told.count(place))
    assert hearing.is_complete
    hearing.close()


def test_whoever_finds_no_place_is_never_sure(told, tmp_path):
    assert len({told.enter() for _ in range(PLACES)}) == PLACES
    assert told.enter() == told.enter() == NOBODY
    assert not Hearing(tmp_path, NOBODY, told.count(NOBODY)).is_complete
    told.add(NOBODY)
    told.leave(NOBODY)
    assert told.enter() == NOBODY


def test_the_next_keeper_counts_anew_and_disturbs_nobody_who_still_looks(told, tmp_path):
    hearing = Hearing(tmp_path, told.enter(), 0)
    later = Told(tmp_path, mode=0o600)
    later.add(later.enter())
    assert hearing.is_complete
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600
    hearing.close()
    later.close()


def test_its_keeper_takes_it_away_at_the_end_and_never_anothers(told, tmp_path):
    later = Told(tmp_path, mode=0o600)
    told.close()
    assert (tmp_path / FILE_NAME).exists()
    later.close()
    assert not (tmp_path / FILE_NAME).exists()


def test_where_it_cannot_be_made_or_written_nobody_is_sure(tmp_path, monkeypatch):
    nowhere = Told(tmp_path / "missing", mode=0o600)
    assert nowhere.enter() == NOBODY
    assert nowhere.add(NOBODY) == 1
    nowhere.close()
    full = Told(tmp_path, mode=0o600)
    place = full.enter()
    monkeypatch.setattr(os, "pwrite", no_room)
    with pytest.raises(OSError):
        full.add(place)
    assert Told(tmp_path, mode=0o600).enter() == NOBODY


def no_room(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_what_is_no_such_file_is_not_looked_at(tmp_path):
    with pytest.raises(OSError):
        Hearing(tmp_path, 1, 0)
    (tmp_path / FILE_NAME).write_bytes(b"short")
    with pytest.raises(OSError):
        Hearing(tmp_path, 1, 0)
