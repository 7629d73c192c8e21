"""Every setting that can be changed at a page does what the page says, from the next act on, without a restart."""

from datetime import timedelta

import pytest

from sealane.configuration import CHANGEABLE
from sealane.domain import forgetting, sessions, sweep
from sealane.errors import Invalid, Locked, NotSignedIn, SessionEnded, TooLarge, UploadMissing
from sealane.keeper.core import Request
from sealane.operations.browser import (
    BeginSecondFactor,
    ChangeOwnPassword,
    LookLink,
    LookSession,
    NewPasswordLink,
    SignInAtPage,
)
from sealane.operations.envelope import Asker
from sealane.operations.failures import LinkOver, ProofWanted
from sealane.operations.settings import SetSetting
from sealane.operations.sharing import ListShares
from sealane.operations.uploads import BeginUpload, FinishUpload
from sealane.operations.versions import ListVersions
from tests.keeper.test_sharing import HERE, PASSWORD, START, furnished, quick_passwords  # noqa: F401  # fixtures

pytestmark = pytest.mark.slow  # opens a whole keeper

MINUTE, HOUR, DAY = 60, 3600, 86_400


def idle(desk):
    assert desk.ask(LookSession(desk.anna)).user == "anna@clinic"  # begun before, and told an hour
    desk.later(5 * MINUTE + 1)
    with pytest.raises(SessionEnded):
        desk.ask(LookSession(desk.anna))


def lifetime(desk):
    for _ in range(3):
        desk.later(15 * MINUTE)
        assert desk.ask(LookSession(desk.anna)).user == "anna@clinic"
    desk.later(15 * MINUTE + 1)
    with pytest.raises(SessionEnded):
        desk.ask(LookSession(desk.anna))


def proof(desk):
    desk.later(MINUTE + 1)
    with pytest.raises(ProofWanted):
        desk.ask(BeginSecondFactor(desk.anna))


def link(desk):
    secret = desk.admin(NewPasswordLink("ben@clinic")).secret
    assert desk.ask(LookLink(secret, HERE)).user == "ben@clinic"
    desk.later(HOUR + 1)
    with pytest.raises(LinkOver):
        desk.ask(LookLink(secret, HERE))


def characters(desk):
    with pytest.raises(Invalid):
        desk.share(mailboxes=(), password="purple lamp 4")


def score(desk):
    with pytest.raises(Invalid):
        desk.ask(ChangeOwnPassword(desk.anna, PASSWORD, "purple lamp 4"))


def failures(desk):
    for _ in range(3):
        with pytest.raises(NotSignedIn):
            desk.ask(SignInAtPage("ben@clinic", "wrong", HERE))
    with pytest.raises(Locked):
        desk.sign_in("ben@clinic")


def lock(desk):
    for _ in range(desk.keeper.keeper.settings.sign_in_failures_max):
        with pytest.raises(NotSignedIn):
            desk.ask(SignInAtPage("ben@clinic", "wrong", HERE))
    with pytest.raises(Locked):
        desk.sign_in("ben@clinic")
    desk.later(MINUTE + 1)
    assert desk.sign_in("ben@clinic")


def usual_end(desk):
    desk.share()
    assert desk.ask(ListShares(desk.anna)).shares[0].expires == START + timedelta(days=1)


def latest_end(desk):
    assert desk.share(expires=START + timedelta(days=15))
    with pytest.raises(Invalid):
        desk.share(expires=START + timedelta(days=15, seconds=1))


def forgotten(desk):
    desk.share(mailboxes=())
    desk.later(15 * DAY + 1)
    for act in (sessions.end_expired, sweep.clear):
        desk.keeper.keeper.perform_one(Request(act, Asker.ADMIN, "keeper"))
    assert desk.keeper.keeper.perform_one(Request(forgetting.forget_shares, Asker.ADMIN, "keeper")) == 1


def versions(desk):
    desk.write(desk.anna, "/in/a.csv")
    _, earlier = desk.ask(ListVersions(desk.anna, "/in/a.csv")).versions
    assert earlier.kept_until == START + timedelta(days=7)


def uploads(desk):
    opened = desk.ask(BeginUpload(desk.anna, "/in/new.csv", mode="create", declared=0))
    desk.later(DAY)
    anna = desk.sign_in("anna@clinic")
    with pytest.raises(UploadMissing):
        desk.ask(FinishUpload(anna, opened.upload, opened.generation, (), (), 0, None, begin=opened.begin))


def largest(desk):
    assert desk.ask(BeginUpload(desk.anna, "/in/new.csv", mode="create", declared=1_000_000)).upload
    with pytest.raises(TooLarge):
        desk.ask(BeginUpload(desk.anna, "/in/new.csv", mode="create", declared=1_000_001))


EFFECTS = {
    "session_idle_seconds": (5 * MINUTE, idle),
    "web_session_lifetime_seconds": (HOUR, lifetime),
    "proof_seconds": (MINUTE, proof),
    "link_seconds": (HOUR, link),
    "password_characters_min": (20, characters),
    "password_score_min": (4, score),
    "sign_in_failures_max": (3, failures),
    "sign_in_lock_seconds": (MINUTE, lock),
    "share_seconds": (DAY, usual_end),
    "share_seconds_max": (15 * DAY, latest_end),
    "guest_keep_seconds": (DAY, forgotten),
    "version_keep_seconds": (7 * DAY, versions),
    "upload_keep_seconds": (DAY, uploads),
    "file_bytes_max": (1_000_000, largest),
}


@pytest.mark.parametrize("name", CHANGEABLE)
def test_a_setting_that_was_changed_has_its_effect_at_once(desk, name):
    value, effect = EFFECTS[name]
    desk.admin(SetSetting(name, value))
    effect(desk)


@pytest.mark.parametrize("name", ["password_characters_min", "file_bytes_max", "share_seconds_max", "proof_seconds"])
def test_without_the_change_there_is_no_such_effect(desk, name):
    _, effect = EFFECTS[name]
    with pytest.raises((pytest.fail.Exception, AssertionError, Invalid)):
        effect(desk)


def test_each_setting_that_can_be_changed_has_an_effect_here():
    assert EFFECTS.keys() == CHANGEABLE.keys()
