"""Saying that a session is in use extends it as any operation does: never past its lifetime, never back to life."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealane.domain import sessions
from sealane.errors import Missing, SessionEnded
from sealane.keeper.core import Request
from sealane.operations.accounts import AddToken, DisableUser
from sealane.operations.browser import LookSession
from sealane.operations.envelope import Asker
from sealane.operations.files import Look
from sealane.operations.settings import SetSetting
from sealane.operations.sharing import LookVisit, RecallShare
from sealane.operations.signing import KeepAlive, SignInWithToken, SignOut
from tests.keeper.test_sharing import HERE, furnished, quick_passwords  # noqa: F401  # fixtures
from tests.tries import tries

pytestmark = pytest.mark.slow  # opens a whole keeper

MINUTE, HOUR = 60, 3600


def perform(desk, act):
    return desk.keeper.keeper.perform_one(Request(act, Asker.ADMIN, "keeper"))


def lives_for(desk, handle, seconds, *, every):
    """Whether a session that says every so often that it is in use still stands after so long."""
    for _ in range(seconds // every):
        desk.later(every)
        try:
            desk.ask(KeepAlive(handle))
        except SessionEnded:
            return False
        perform(desk, sessions.end_expired)
    return True


def test_a_session_in_use_lives_to_the_end_of_its_lifetime_and_no_longer(desk):
    lifetime = desk.keeper.keeper.settings.web_session_lifetime_seconds
    assert lives_for(desk, desk.anna, lifetime - 450, every=450)
    desk.later(449)
    assert desk.ask(LookSession(desk.anna)).user == "anna@clinic"
    desk.later(1)
    for operation in (KeepAlive(desk.anna), LookSession(desk.anna)):
        with pytest.raises(SessionEnded):
            desk.ask(operation)


def test_a_guest_is_kept_in_until_what_was_sent_is_recalled(desk):
    made = desk.share()
    handle = desk.enter(made)
    assert lives_for(desk, handle, 3 * HOUR, every=450)
    assert desk.ask(LookVisit(handle)).title == "Claims"
    desk.anna = desk.sign_in("anna@clinic")
    desk.ask(RecallShare(desk.anna, made.share))
    with pytest.raises(SessionEnded):
        desk.ask(KeepAlive(handle))


def test_the_session_of_a_token_is_as_long_as_it_was_begun(desk):
    token = desk.admin(AddToken("anna@clinic", ("read",), None)).token
    handle = desk.ask(SignInWithToken(token, HERE, "http")).handle
    assert not lives_for(desk, handle, desk.keeper.keeper.settings.token_session_seconds, every=300)


def test_what_is_refused_is_use_like_all_else(desk):
    for second in range(0, 2 * HOUR, MINUTE):
        desk.later(MINUTE)
        with pytest.raises(Missing):
            desk.ask(Look(desk.anna, "/in/not-there"))
        if second % 480 == 0:
            desk.ask(KeepAlive(desk.anna))
        perform(desk, sessions.end_expired)


ENDS = {
    "signed out": lambda desk: desk.ask(SignOut(desk.anna)),
    "disabled": lambda desk: desk.admin(DisableUser("anna@clinic")),
    "unused for too long": lambda desk: desk.later(HOUR),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_what_has_ended_is_not_brought_back(desk, end):
    desk.ask(KeepAlive(desk.anna))
    end(desk)
    for _ in range(2):
        with pytest.raises(SessionEnded):
            desk.ask(KeepAlive(desk.anna))
        with pytest.raises(SessionEnded):
            desk.ask(LookSession(desk.anna))


def test_settings_that_were_made_stricter_count_for_sessions_that_were_told_more(desk):
    for _ in range(2):
        desk.later(40 * MINUTE)
        desk.ask(LookSession(desk.anna))
    perform(desk, sessions.end_expired)  # one of whoever furnished the house
    desk.admin(SetSetting("session_idle_seconds", 5 * MINUTE))
    assert perform(desk, sessions.next_end) == 5 * MINUTE, "also one that nobody uses"
    assert lives_for(desk, desk.anna, 20 * MINUTE, every=5 * MINUTE // 8)
    desk.admin(SetSetting("web_session_lifetime_seconds", 2 * HOUR))
    assert desk.ask(LookSession(desk.anna)).user == "anna@clinic"
    desk.admin(SetSetting("web_session_lifetime_seconds", HOUR))
    assert perform(desk, sessions.next_end) == 0
    with pytest.raises(SessionEnded):
        desk.ask(KeepAlive(desk.anna))
    assert perform(desk, sessions.end_expired) == 1


def test_a_lifetime_that_is_made_shorter_is_the_end_of_what_is_open_though_it_is_not_over_yet(desk):
    desk.later(50 * MINUTE)
    desk.ask(LookSession(desk.anna))
    desk.admin(SetSetting("web_session_lifetime_seconds", HOUR))
    perform(desk, sessions.end_expired)
    desk.later(10 * MINUTE)
    assert perform(desk, sessions.end_expired) == 2, "hers, which nobody has used since, and that of whoever furnished"
    with pytest.raises(SessionEnded):
        desk.ask(LookSession(desk.anna))


@settings(max_examples=tries(20), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pauses=st.lists(st.integers(1, 450), min_size=12, max_size=40))
def test_rounds_that_are_no_further_apart_than_they_may_be_lose_no_session(desk, pauses):
    """The keeper believes for a while what it has looked up: whenever it looks again, there is time left."""
    handle = desk.sign_in("anna@clinic")
    for pause in pauses:
        desk.later(pause)
        desk.ask(KeepAlive(handle))
        perform(desk, sessions.end_expired)
    desk.ask(SignOut(handle))
