"""What counts as told: only while the watch, the connection and everything that was said stand."""

from dataclasses import dataclass

import pytest

from sealane.doors.watching import _ENDED_KEPT_MAX, Watching
from sealane.operations.envelope import Done, WatchesEnded


@dataclass
class Line:
    connection: int = 1
    has_unread: bool = False


@pytest.fixture
def line():
    return Line()


@pytest.fixture
def watching(line):
    return Watching(line, 100)


def test_it_holds_until_it_has_ended(watching):
    assert watching.holds(3, 1)
    watching.notice(Done())
    watching.notice(WatchesEnded((2,)))
    assert watching.holds(3, 1)
    watching.notice(WatchesEnded((3,)))
    assert not watching.holds(3, 1)
    assert watching.holds(4, 1)


def test_all_up_to_a_number_end_together(watching):
    watching.notice(WatchesEnded((), 5))
    assert [watching.holds(number, 1) for number in (1, 5, 6)] == [False, False, True]


def test_what_ended_before_its_answer_was_looked_at_has_ended(watching):
    watching.notice(WatchesEnded((7,)))
    assert not watching.holds(7, 1)


def test_nothing_holds_while_something_is_unread(watching, line):
    line.has_unread = True
    assert not watching.holds(3, 1)


def test_nothing_holds_without_a_watch_a_connection_or_a_line(watching, line):
    assert not watching.holds(0, 1)
    assert not watching.holds(3, 0)
    line.connection = 0
    assert not watching.holds(3, 1)
    assert not watching.holds(3, 0)
    assert not Watching(None, 100).holds(3, 1)
    assert Watching(None, 100).connection == 0


def test_a_new_connection_begins_anew(watching, line):
    watching.notice(WatchesEnded((1,), 5))
    line.connection = 2
    assert not watching.holds(9, 1)
    assert watching.holds(1, 2)
    watching.notice(WatchesEnded((1,)))
    assert not watching.holds(1, 2)
    assert watching.holds(2, 2)


def test_it_remembers_no_more_than_it_may_and_then_ends_too_many_never_too_few(watching):
    for number in range(1, 3 * _ENDED_KEPT_MAX):
        watching.notice(WatchesEnded((2 * number,)))
        assert not watching.holds(2 * number, 1)
    assert not watching.holds(2, 1)
    assert len(watching._ended) <= _ENDED_KEPT_MAX
