"""Uploads stop while only the ledger's reserve is left; what is fetched goes on; both by themselves."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from sealane.clock import ManualClock
from sealane.errors import StoreFull
from sealane.keeper.reserve import Reserve


class Disk:
    def __init__(self, monkeypatch):
        self.free = 100
        self.looks = 0
        monkeypatch.setattr(os, "statvfs", self.looked)

    def looked(self, _):
        self.looks += 1
        return os.statvfs_result((4096, 1, 1000, self.free, self.free, 0, 0, 0, 0, 255))


@pytest.fixture
def disk(monkeypatch):
    return Disk(monkeypatch)


def test_room_is_refused_at_the_reserve_and_given_again_when_there_is_some(disk, tmp_path, caplog):
    clock = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))
    reserve = Reserve(tmp_path, 50, clock)
    reserve.check()
    disk.free = 49
    reserve.check()
    assert disk.looks == 1, "looked at once a second at most"
    clock.advance(timedelta(seconds=1))
    for _ in range(3):
        with pytest.raises(StoreFull):
            reserve.check()
    assert disk.looks == 2
    assert [record.levelname for record in caplog.records] == ["ERROR"], "said once"
    disk.free = 50
    clock.advance(timedelta(seconds=1))
    reserve.check()


def test_nothing_is_reserved_where_the_database_is_elsewhere_or_the_setting_says_so(disk, tmp_path):
    disk.free = 0
    clock = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))
    Reserve(None, 50, clock).check()
    Reserve(tmp_path, 0, clock).check()
    assert disk.looks == 0
