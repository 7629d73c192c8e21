"""How a run is shown: numbers that stay true, lines for programs, the last line in words."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from sealane.cli.progress import JsonLines, PlainLines, Totals, show_duration
from sealane.cli.transfer import in_words
from sealane.client.events import FileBegan, FileDone, FileFailed, FileMoved, FileSkipped, FileWaits, Planned
from sealane.client.runs import Tally
from sealane.clock import ManualClock
from sealane.settings import MIB, ClientSettings

SETTINGS = ClientSettings()


@pytest.fixture
def clock():
    return ManualClock(datetime(2026, 1, 1, tzinfo=UTC))


def done(name, size, *, verified=True, unchanged=False):
    return FileDone(name, size, "00", verified=verified, unchanged=unchanged)


def test_totals_follow_files_that_move_side_by_side(clock):
    totals = Totals(SETTINGS, clock)
    totals.count(Planned(2, 300))
    totals.count(FileBegan("a", 100))
    totals.count(FileBegan("b", 200))
    totals.count(FileMoved("a", 60))
    totals.count(FileMoved("b", 40))
    assert totals.moved == 100
    totals.count(FileMoved("a", 20))
    assert totals.moved == 60, "unacknowledged bytes are sent again"
    totals.count(done("a", 100))
    totals.count(FileFailed("b", "x", "y"))
    assert (totals.moved, totals.files_done) == (140, 1)


def test_what_an_earlier_run_moved_is_no_speed(clock):
    totals = Totals(SETTINGS, clock)
    totals.count(Planned(1, 100 * MIB))
    totals.count(FileBegan("a", 100 * MIB))
    totals.count(FileMoved("a", 50 * MIB, resumed=True))
    clock.advance(timedelta(seconds=10))
    totals.count(FileMoved("a", 60 * MIB))
    assert "60.0 MiB of 100.0 MiB, 1.0 MiB/s, 40 s left" in totals.in_words()


def test_plain_lines_come_now_and_then_and_pauses_at_once(clock, capsys):
    face = PlainLines(Totals(SETTINGS, clock), SETTINGS, clock)
    face.tell(Planned(1, 1000))
    face.tell(FileBegan("a", 1000))
    for second in range(25):
        clock.advance(timedelta(seconds=1))
        face.tell(FileMoved("a", second))
    face.tell(FileWaits("a\x1b[2J", "The server cannot be reached.", 4))
    face.tell(FileSkipped("link", "It is a link."))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    assert lines[2] == "a\\u001b[2J: The server cannot be reached. Trying again in 4 s."
    face.close()


def test_json_lines_are_objects_and_movement_is_not_a_flood(clock, capsys):
    face = JsonLines(clock)
    face.tell(FileBegan("a\nb", 10**6))
    for step in range(1000):
        clock.advance(timedelta(milliseconds=1))
        face.tell(FileMoved("a\nb", step))
    face.tell(done("a\nb", 10**6))
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in events] == ["file-began", "file-moved", "file-moved", "file-done"]
    assert events[-1]["name"] == "a\nb"


def tally(*events):
    counted = Tally()
    for event in events:
        counted.count(event)
    return counted


def test_the_last_line_says_what_was_verified():
    twelve = [done(str(number), 366_865_408) for number in range(12)]
    assert in_words(tally(*twelve), done="sent") == "Verified: 12 files, 4.1 GiB, SHA-256 match."
    assert "had no need to be sent" in in_words(tally(done("a", 1, unchanged=True)), done="sent")
    assert in_words(tally(), done="sent") == "There was nothing to be sent."


def test_the_last_line_never_says_verified_of_what_is_not():
    said = in_words(tally(done("a", 1), done("b", 1, verified=False), FileFailed("c", "x", "y")), done="fetched")
    assert said.startswith("Fetched: 2 files, 2 B. Verified: 1;")
    assert said.endswith("Not fetched: 1 file.")


@pytest.mark.parametrize(("seconds", "shown"), [(0.4, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (7322, "2 h 2 min")])
def test_time_left_is_in_its_two_largest_units(seconds, shown):
    assert show_duration(seconds) == shown
