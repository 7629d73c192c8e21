"""Whoever watches is told that something has changed before anybody else is answered of the change."""

from types import SimpleNamespace

import pytest

from sealane.domain.watches import Ended
from sealane.keeper.core import Batch
from sealane.keeper.server import Server
from sealane.operations.envelope import Asker, Done, WatchesEnded
from sealane.settings import Settings


class Line:
    """A connection that notes when what was sent on it goes out."""

    def __init__(self, name, gone_out, asker=Asker.DOOR):
        self.name, self.asker, self.place = name, asker, 1
        self._gone_out, self._waiting = gone_out, []

    def send(self, _, answer):
        self._waiting.append(answer)

    def flush(self):
        self._gone_out += [(self.name, answer) for answer in self._waiting]
        self._waiting.clear()


class Counting:
    """Notes when what a connection is told is counted."""

    def __init__(self, gone_out):
        self._gone_out, self._count = gone_out, 0

    def add(self, place):
        self._gone_out.append(("counted", place))
        self._count += 1
        return self._count


@pytest.mark.parametrize("batch", [Batch(watches=[Ended("watching", 5)]), Batch(watches_up_to=5)])
def test_the_notice_goes_out_first(batch):
    gone_out = []
    lines = [Line("asking", gone_out), Line("watching", gone_out), Line("admin", gone_out, Asker.ADMIN)]
    server = Server.__new__(Server)
    server._lines, server._dead_bytes, server.settings = lines, 0, Settings()
    server._told = Counting(gone_out)
    asked = SimpleNamespace(told=lambda outcome: lines[0].send(1, outcome))
    batch.outcomes = [Done()]
    server._deliver([asked], batch)
    told = [name for name, answer in gone_out if isinstance(answer, WatchesEnded)]
    assert "watching" in told
    assert "admin" not in told
    before = [name for name, _ in gone_out[: gone_out.index(("asking", Done()))]]
    assert [name for name in before if name != "counted"] == told
    assert before[0] == "counted", "where its socket is full, the count alone tells it in time"
    assert [answer.told for _, answer in gone_out if isinstance(answer, WatchesEnded)] == list(range(1, len(told) + 1))


def test_nobody_is_told_of_anothers_watch():
    gone_out = []
    server = Server.__new__(Server)
    server._lines, server._dead_bytes, server.settings = [Line("other", gone_out)], 0, Settings()
    server._deliver([], Batch(watches=[Ended("watching", 5)]))
    assert gone_out == []
