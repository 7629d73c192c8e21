"""A session, and all of them together, are given so many keys an hour and no more."""

import dataclasses
import logging
from datetime import UTC, datetime, timedelta

import pytest

from sealane.domain.releases import Releases
from sealane.errors import ReleaseLimit
from sealane.operations.audit import ReadLedger
from sealane.operations.files import OpenVersion
from sealane.settings import Settings

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
FEW = Settings(
    released_session_files_max=3, released_session_bytes_max=100, released_files_max=5, released_bytes_max=150
)


def taken(releases, *takes, now=NOW):
    for session, size in takes:
        releases.take(session, size, now, FEW)


def test_a_session_gets_its_files_and_not_one_more():
    releases = Releases()
    taken(releases, ("s1", 1), ("s1", 1), ("s1", 1))
    with pytest.raises(ReleaseLimit):
        taken(releases, ("s1", 0))
    taken(releases, ("s2", 1))


def test_a_session_gets_its_bytes_and_not_one_more():
    releases = Releases()
    taken(releases, ("s1", 60), ("s1", 40))
    with pytest.raises(ReleaseLimit):
        taken(releases, ("s1", 1))
    with pytest.raises(ReleaseLimit):
        taken(releases, ("s2", 101))
    taken(releases, ("s2", 50))


def test_all_sessions_together_get_no_more_than_the_node_may_give():
    releases = Releases()
    taken(releases, *((f"s{number}", 1) for number in range(5)))
    with pytest.raises(ReleaseLimit):
        taken(releases, ("s9", 1))
    bytes_too = Releases()
    taken(bytes_too, ("s1", 100), ("s2", 50))
    with pytest.raises(ReleaseLimit):
        taken(bytes_too, ("s3", 1))


def test_the_next_hour_begins_anew_and_what_was_refused_was_not_counted():
    releases = Releases()
    for _ in range(3):
        with pytest.raises(ReleaseLimit):
            taken(releases, ("s1", 101))
    taken(releases, ("s1", 100))
    with pytest.raises(ReleaseLimit):
        taken(releases, ("s1", 1))
    taken(releases, ("s1", 100), now=NOW + timedelta(hours=1))


def test_the_alarm_is_said_once_for_each(caplog):
    releases = Releases()
    taken(releases, ("s1", 100))
    with caplog.at_level(logging.ERROR):
        for _ in range(5):
            with pytest.raises(ReleaseLimit):
                taken(releases, ("s1", 1))
    assert [record.getMessage() for record in caplog.records] == [
        "ALARM: session s1 has received 1 files of 100 bytes in this hour; no more goes out until it is over"
    ]


def test_a_swept_folder_stops_at_the_limit_and_is_on_record(world, anna, carl):
    """Whoever has a session fetches what they can reach: so many, then a refusal with its own code in the ledger."""
    anna.put(b"z" * 10, "/in/file")
    world.home.settings = dataclasses.replace(world.home.settings, released_session_files_max=4)
    world.home.restart()
    for _ in range(4):
        carl.read("/@clinic/in/file")
    with pytest.raises(ReleaseLimit):
        carl.read("/@clinic/in/file")
    anna.read("/in/file")
    refused = world.admin(ReadLedger(kind="request_refused", limit=100)).entries[-1]
    assert b'"code":"release-limit"' in refused.body
    assert refused.openings["user_name"][1] == "carl@insurer"
    opened = [body for body in world.kinds() if body == "download_begun"]
    assert len(opened) == 5
    with pytest.raises(ReleaseLimit):
        carl.ask(OpenVersion, path="/@clinic/in/file")
