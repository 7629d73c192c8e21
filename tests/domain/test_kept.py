"""Versions that were replaced or removed may take as much again as the quota, and not more."""

from datetime import timedelta

import pytest

from sealane.database.tables import versions
from sealane.errors import NotAllowed
from sealane.operations import accounts
from sealane.operations.files import OpenVersion, RemoveFile

pytestmark = pytest.mark.slow  # each test copies a whole world

SIZE = 1000


@pytest.fixture
def bounded(world):
    """A clinic with room for three such files."""
    world.admin(accounts.SetOrganizationQuota(name="clinic", quota_bytes=3 * SIZE))
    return world


def content(number):
    return bytes([number]) * SIZE


def kept(world):
    return world.count(versions, versions.c.replaced.is_not(None))


def test_the_oldest_go_where_all_are_too_much(bounded, anna):
    for number in range(6):
        anna.put(content(number))
        bounded.clock.advance(timedelta(seconds=1))
    assert kept(bounded) == 3
    assert anna.read() == content(5)
    assert bounded.kinds().count("version_expired") == 2
    bounded.clock.advance(timedelta(seconds=1))
    anna.ask(RemoveFile, path="/in/file")
    assert kept(bounded) == 3
    assert bounded.kinds().count("version_expired") == 3


def test_a_version_larger_than_all_that_may_be_kept_is_not_kept(bounded, anna):
    anna.put(content(0))
    bounded.admin(accounts.SetOrganizationQuota(name="clinic", quota_bytes=SIZE - 1))
    anna.ask(RemoveFile, path="/in/file")
    assert kept(bounded) == 0


def test_one_that_somebody_is_receiving_stays(bounded, anna):
    anna.put(content(0))
    opened = anna.ask(OpenVersion, path="/in/file")
    for number in range(1, 6):
        bounded.clock.advance(timedelta(seconds=1))
        anna.put(content(number))
    assert bounded.count(versions, versions.c.id == opened.version) == 1
    assert kept(bounded) == 3


def test_without_a_quota_there_is_no_bound(world, anna):
    for number in range(6):
        anna.put(content(number))
    assert kept(world) == 5


def test_parts_of_uploads_are_for_who_may_write_somewhere(world):
    berta = world.session("berta@clinic")
    with pytest.raises(NotAllowed):
        berta.begin("", partial=True)
    world.grant("clinic:/in", "berta@clinic", "list", "read")
    with pytest.raises(NotAllowed):
        world.session("berta@clinic").begin("", partial=True)
    world.grant("clinic:/in", "berta@clinic", "write")
    part = world.session("berta@clinic").begin("", partial=True)
    part.write(0, content(1))
    part.finish()
    listed = world.admin(accounts.ListUploads())
    assert [dict(zip(row.columns, row.values, strict=True))["user"] for row in listed.rows] == ["berta@clinic"]
