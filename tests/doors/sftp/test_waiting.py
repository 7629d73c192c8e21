"""Opening a file for writing waits where arrivals outrun their reading, and fails when it has waited long enough."""

import asyncio
from types import SimpleNamespace

import pytest

from sealane.doors.http import problems
from sealane.doors.sftp.files import Files
from sealane.doors.sftp.remembered import Remembered
from sealane.doors.watching import Watching
from sealane.operations.failures import ReadingBehind
from sealane.settings import Settings


class Door:
    """A door whose keeper says a number of times that too much waits."""

    def __init__(self, times):
        self.times, self.asked = times, 0
        self.settings = Settings(reading_behind_wait_seconds=3)
        self.plane = self.ask_any = None

    async def ask(self, *_):
        self.asked += 1
        if self.asked <= self.times:
            raise ReadingBehind
        return SimpleNamespace(opened=True)


@pytest.fixture
def begin(monkeypatch):
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr("sealane.doors.sftp.files.Incoming", lambda opened, *_: opened)

    def beginning(door):
        files = Files.__new__(Files)
        files.door, files.session_handle = door, "handle"
        files._remembered = Remembered(Watching(None, 100))
        return asyncio.run(files.begin("/in/file", "create")), sum(slept)

    return beginning


def test_it_opens_as_soon_as_there_is_room(begin):
    opened, waited = begin(Door(3))
    assert opened.opened
    assert waited == 3


def test_it_fails_when_it_has_waited_long_enough(begin):
    door = Door(100)
    with pytest.raises(ReadingBehind):
        begin(door)
    assert door.asked == 4


def test_by_https_it_says_when_to_come_again():
    answer = problems.problem(ReadingBehind())
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert b"reading-behind" in answer.body
