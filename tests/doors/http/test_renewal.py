"""A session that is being followed by its next can still be ended from outside."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from sealane.clock import ManualClock
from sealane.doors.http.sessions import Sessions
from sealane.errors import SessionEnded
from sealane.operations.envelope import SessionsEnded
from sealane.operations.signing import SignedIn
from sealane.settings import Settings

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class SlowKeeper:
    """Signs in at once the first time, later only when it is let to."""

    def __init__(self):
        self.count = 0
        self.go_on = asyncio.Event()
        self.asked_again = asyncio.Event()

    async def ask(self, _operation):
        self.count += 1
        number = self.count
        if number > 1:
            self.asked_again.set()
            await self.go_on.wait()
        return SignedIn(f"handle-{number}", f"session-{number}", "anna@clinic", ("read",), NOW + timedelta(hours=1))


@pytest.fixture
async def renewing():
    keeper = SlowKeeper()
    sessions = Sessions(keeper, Settings(), ManualClock(NOW))
    session = await sessions.of("sealane_token", "192.0.2.1")
    ended = []
    session.running.add(ended.append)
    sessions._renew_or_forget(session)
    await keeper.asked_again.wait()
    yield keeper, sessions, ended
    keeper.go_on.set()


async def test_a_notice_about_the_old_session_ends_what_runs(renewing):
    _keeper, sessions, ended = renewing
    sessions.noticed(SessionsEnded(("session-1",)))
    assert [type(error) for error in ended] == [SessionEnded]


async def test_a_notice_about_the_new_session_counts_though_it_comes_before_its_answer_is_taken(renewing):
    keeper, sessions, ended = renewing
    sessions.noticed(SessionsEnded(("session-2",)))
    (opening,) = sessions._opening.values()
    keeper.go_on.set()
    with pytest.raises(SessionEnded):
        await opening
    assert [type(error) for error in ended] == [SessionEnded]


async def test_nothing_runs_in_a_session_that_was_forgotten_before_it_began():
    class Late(SlowKeeper):
        async def ask(self, _operation):
            return SignedIn("handle", "session", "anna@clinic", ("read",), NOW)  # it has no time left

    sessions = Sessions(Late(), Settings(), ManualClock(NOW))
    session = await sessions.of("sealane_token", "192.0.2.1")
    assert len(sessions) == 0
    with pytest.raises(SessionEnded):
        sessions.check_known(session)


async def test_a_session_that_is_known_runs_what_is_asked_in_it(renewing):
    _keeper, sessions, _ended = renewing
    (session,) = sessions._by_name.values()
    sessions.check_known(session)
