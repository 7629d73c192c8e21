"""Packages and requests that have been over for long: what is known of their guests goes, what files need stays."""

import json

import pytest

from sealane.domain import forgetting, sessions, sweep
from sealane.domain.queries import shares as statements
from sealane.errors import SessionEnded
from sealane.keeper.core import Request
from sealane.operations.accounts import ListUsers, RotateNodeKey
from sealane.operations.audit import ReadLedger
from sealane.operations.envelope import Asker
from sealane.operations.failures import LinkOver, ShareMissing
from sealane.operations.files import ListFolder, Receipt
from sealane.operations.sharing import (
    EnterWithLink,
    ListShares,
    LookShare,
    LookVisit,
    RecallShare,
    ReplyToShare,
)
from tests.keeper.test_sharing import THERE, furnished, quick_passwords  # noqa: F401  # fixtures

pytestmark = pytest.mark.slow  # each test opens a whole keeper

DAY = 86_400


def perform(desk, act):
    return desk.keeper.keeper.perform_one(Request(act, Asker.ADMIN, "keeper"))


def tick(desk):
    """What the keeper's clock does: sessions end, their rows go, shares are forgotten."""
    perform(desk, sessions.end_expired)
    perform(desk, sweep.clear)
    return perform(desk, forgetting.forget_shares)


def rows(desk, statement, **given):
    return perform(desk, lambda work: work.transaction.all(statement, **given))


def long_after(desk, days=14 + 91):
    desk.later(days * DAY)
    tick(desk)  # visits are over first
    desk.later(2 * DAY)
    return tick(desk)


def test_a_package_goes_with_its_guests_and_what_they_wrote(desk):
    made = desk.share(mailboxes=(), note="Secret of the sender.")
    guest = desk.ask(EnterWithLink(made.links[0].secret, "", "", THERE)).handle
    desk.ask(ReplyToShare(guest, "Secret of the guest."))
    (account,) = rows(desk, statements.GUESTS_OF, share_id=made.share)
    desk.later(14 * DAY + DAY)
    assert tick(desk) == 0
    assert desk.ask(ListShares(desk.sign_in("anna@clinic"))).shares
    long_after(desk)
    anna = desk.sign_in("anna@clinic")
    assert desk.ask(ListShares(anna)).shares == ()
    with pytest.raises(ShareMissing):
        desk.ask(LookShare(anna, made.share))
    assert rows(desk, statements.GUEST, user_id=account.user_id) == []
    (told,) = [json.loads(entry.body) for entry in desk.admin(ReadLedger(kind="share_forgotten")).entries]
    assert told["guest_ids"] == told["removed_ids"] == [account.user_id]
    assert told["share_id"] == made.share
    assert tick(desk) == 0


def test_who_sent_what_is_stored_stays_as_its_sender_without_an_address(desk):
    made = desk.share("request", mailboxes=("ada@partner.example", "bob@partner.example"))
    guest = desk.enter(made)
    desk.write(guest, "/share/a.csv")
    long_after(desk)
    anna = desk.sign_in("anna@clinic")
    (left,) = desk.ask(LookShare(anna, made.share)).guests
    assert (left.mailbox, left.reply) == ("", "")
    assert desk.ask(LookShare(anna, made.share)).note == ""
    (told,) = [json.loads(entry.body) for entry in desk.admin(ReadLedger(kind="share_forgotten")).entries]
    assert len(told["guest_ids"]) == 2
    assert len(told["removed_ids"]) == 1
    names = [entry.name for entry in desk.ask(ListFolder(anna, "/in")).entries if "ada" in entry.name]
    assert left.account in str(desk.ask(Receipt(anna, f"/in/{names[0]}/a.csv")))
    assert all("guest-" not in row.values[0] for row in desk.admin(ListUsers()).rows)
    desk.admin(RotateNodeKey())
    assert tick(desk) == 0, "it is not forgotten twice"


def test_what_is_open_or_lately_over_is_left_alone(desk):
    kept = desk.share(mailboxes=(), expires=None)
    recalled = desk.share(mailboxes=())
    desk.ask(RecallShare(desk.anna, recalled.share))
    desk.later(13 * DAY)
    assert tick(desk) == 0
    guest = desk.ask(EnterWithLink(kept.links[0].secret, "", "", THERE)).handle
    assert desk.ask(LookVisit(guest)).title == "Claims"
    desk.later(78 * DAY)
    perform(desk, sessions.end_expired)
    assert tick(desk) == 1, "the recalled one has been over for longer"
    with pytest.raises((LinkOver, SessionEnded)):
        desk.ask(LookVisit(guest))
    assert [share.share for share in desk.ask(ListShares(desk.sign_in("anna@clinic"))).shares] == [kept.share]
