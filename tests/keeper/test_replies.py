"""Replies to packages with files: where they go, who may not, what they cannot reach, what ends them."""

import json
import shutil

import pytest

from sealane.errors import Conflict, Invalid, Missing, NotAllowed, QuotaExceeded, SealaneError, SessionEnded
from sealane.operations.accounts import AddFolder, GrantFolder, RevokeFolder, SetRecipient
from sealane.operations.audit import ReadLedger
from sealane.operations.failures import NameUnwanted, NoRecipients
from sealane.operations.files import ListFolder, Look, OpenVersion, RemoveFile
from sealane.operations.sharing import EnterWithLink, LookShare, LookVisit, RecallShare, ReplyToShare
from sealane.operations.uploads import BeginUpload, FinishUpload
from sealane.vault.age.x25519 import X25519Identity
from tests.keeper.test_forgetting import DAY, long_after, rows, statements
from tests.keeper.test_sharing import THERE, Desk, furnished, quick_passwords  # noqa: F401  # fixtures

pytestmark = pytest.mark.slow  # each test opens a whole keeper


@pytest.fixture
def desk(tmp_path, furnished):  # noqa: F811
    shutil.copytree(furnished, tmp_path / "data")
    made = Desk(tmp_path / "data")
    made.admin(AddFolder("clinic:/back"))
    made.admin(GrantFolder("clinic:/back", "anna@clinic", ("list", "read", "write")))
    made.anna = made.sign_in("anna@clinic")
    yield made
    made.keeper.close()


def answering(desk, **given):
    """A package that takes files back, and two of its guests."""
    made = desk.share(mailboxes=(), replies_to="/back", **given)
    secret = made.links[0].secret
    return made, *(desk.ask(EnterWithLink(secret, "", name, THERE)).handle for name in ("Ada", "Bob"))


def begin(desk, guest, path, size=0, **given):
    return desk.ask(BeginUpload(guest, path, **{"mode": "create", "declared": size, **given}))


def names(desk, path):
    return [entry.name for entry in desk.ask(ListFolder(desk.anna, path)).entries]


def test_files_sent_back_go_into_a_folder_of_each_visit_and_their_sender_is_told_once(desk):
    made, ada, bob = answering(desk)
    desk.mail()
    assert desk.ask(LookVisit(ada)).reply_path == "/reply"
    assert names(desk, "/back") == []
    for guest in (ada, bob):
        desk.write(guest, "/reply/signed.pdf")
    desk.write(ada, "/reply/more.pdf")
    rooms = names(desk, "/back")
    assert [room[17:] for room in rooms] == ["Ada", "Bob"]
    assert names(desk, f"/back/{rooms[0]}") == ["more.pdf", "signed.pdf"]
    assert [letter.kind for letter in desk.mail()] == ["replied"]
    desk.ask(ReplyToShare(ada, "Signed."))
    assert not desk.mail()
    shown = desk.ask(LookShare(desk.anna, made.share))
    assert (shown.came_files, shown.downloads, shown.replies_to) == (3, 0, "/back")
    assert (shown.files_max, shown.bytes_max) == (100, 1_000_000_000)
    (one,) = shown.guests
    assert one.replied is not None
    assert one.fetched is None
    assert one.reply == "Signed."
    kinds = desk.kinds()
    assert kinds.count("share_replied") == 2
    (said,) = [json.loads(entry.body) for entry in desk.admin(ReadLedger(kind="share_made")).entries]
    assert said["reply_folder_id"]


def test_a_guest_sees_nothing_of_what_is_sent_back_and_reaches_nothing_else(desk):
    _, ada, bob = answering(desk)
    desk.write(ada, "/reply/a.pdf")
    desk.write(bob, "/reply/a.pdf")
    room = names(desk, "/back")[0]
    for operation in (ListFolder(ada, "/reply"), OpenVersion(ada, "/reply/a.pdf"), RemoveFile(ada, "/reply/a.pdf")):
        with pytest.raises((NotAllowed, Missing)):
            desk.ask(operation)
    for path in ("/share/a.csv", "/share/new.csv", "/share/old/x.csv"):
        with pytest.raises(NotAllowed):
            begin(desk, ada, path)
    climbing = f"/reply/../back/{room}/x.pdf"
    for path in (f"/back/{room}/x.pdf", climbing, "/reply/deeper/x.pdf", "/reply2/x", "/in/a.csv", "/Reply/x"):
        with pytest.raises(SealaneError):
            begin(desk, ada, path)
    with pytest.raises(Missing):
        desk.ask(Look(bob, "/reply/only-adas.pdf"))
    assert [entry.name for entry in desk.ask(ListFolder(ada, "/share")).entries] == ["a.csv", "b.csv", "old"]


def test_a_package_that_takes_no_files_back_takes_none(desk):
    made = desk.share(mailboxes=())
    guest = desk.ask(EnterWithLink(made.links[0].secret, "", "", THERE)).handle
    assert desk.ask(LookVisit(guest)).reply_path == ""
    for path in ("/reply/a.pdf", "/share/a.pdf"):
        with pytest.raises((Missing, NotAllowed)):
            begin(desk, guest, path)


@pytest.mark.parametrize(
    ("given", "failure"),
    [
        ({"replies_to": "/read"}, NotAllowed),
        ({"replies_to": "/private"}, Missing),
        ({"replies_to": "/"}, NotAllowed),
        ({"replies_to": "/in"}, Invalid),
        ({"replies_to": "/in/old"}, Invalid),
        ({"replies_to": "/back", "kind": "request"}, Invalid),
        ({"replies_to": "/back", "files_max": -1}, Invalid),
        ({"replies_to": "back/../in"}, SealaneError),
    ],
)
def test_a_folder_that_cannot_take_what_is_sent_back_is_refused(desk, given, failure):
    with pytest.raises(failure):
        desk.share(**given)


def test_what_is_sent_back_holds_to_its_limits_at_its_beginning_and_at_its_end(desk):
    _, ada, bob = answering(desk, files_max=2, bytes_max=10, endings=(".pdf",))
    for wrong, failure in (
        ({"path": "/reply/a.exe"}, NameUnwanted),
        ({"size": 11}, QuotaExceeded),
        ({"size": None}, Invalid),
        ({"mode": "resume"}, NotAllowed),
    ):
        with pytest.raises(failure):
            begin(desk, ada, **{"path": "/reply/a.pdf", **wrong})
    assert names(desk, "/back") == []
    third = begin(desk, ada, "/reply/b.pdf", lasting=False)
    begun = [begin(desk, guest, "/reply/a.pdf") for guest in (ada, bob)]

    def finish(guest, opened):
        desk.ask(FinishUpload(guest, opened.upload, opened.generation, (), (), 0, None, begin=opened.begin))

    finish(ada, begun[0])
    with pytest.raises((SessionEnded, Missing, Conflict)):
        finish(bob, third)  # another guest's upload
    finish(bob, begun[1])
    with pytest.raises(QuotaExceeded):
        finish(ada, third)
    told = desk.ask(LookVisit(ada))
    assert (told.files_left, told.bytes_left, told.endings) == (0, 10, (".pdf",))


def test_what_the_sender_may_no_longer_write_no_guest_writes(desk):
    made, ada, _ = answering(desk)
    desk.write(ada, "/reply/a.pdf")
    opened = begin(desk, ada, "/reply/b.pdf")
    desk.admin(RevokeFolder("clinic:/back", "anna@clinic"))
    with pytest.raises(SealaneError):
        desk.ask(FinishUpload(ada, opened.upload, opened.generation, (), (), 0, None, begin=opened.begin))
    again = desk.ask(EnterWithLink(made.links[0].secret, "", "", THERE)).handle
    assert desk.ask(LookVisit(again)).reply_path == ""
    with pytest.raises(Missing):
        begin(desk, again, "/reply/c.pdf")
    assert desk.ask(ListFolder(again, "/share")).entries
    assert desk.ask(LookShare(desk.sign_in("anna@clinic"), made.share)).replies_to == ""


def test_recall_and_the_end_cut_off_a_reply_that_is_under_way(desk):
    made, ada, bob = answering(desk)
    opened = begin(desk, ada, "/reply/a.pdf")
    desk.ask(RecallShare(desk.anna, made.share))
    with pytest.raises(SessionEnded):
        desk.ask(FinishUpload(ada, opened.upload, opened.generation, (), (), 0, None, begin=opened.begin))
    _, ada, bob = answering(desk)
    opened = begin(desk, bob, "/reply/a.pdf")
    desk.later(14 * DAY + 1)
    with pytest.raises(SessionEnded):
        desk.ask(FinishUpload(bob, opened.upload, opened.generation, (), (), 0, None, begin=opened.begin))
    assert ada


def test_who_sent_files_back_stays_as_their_sender_without_an_address(desk):
    made, ada, _ = answering(desk)
    desk.write(ada, "/reply/a.pdf")
    (account,) = rows(desk, statements.GUESTS_OF, share_id=made.share)
    long_after(desk)
    (kept,) = rows(desk, statements.GUEST, user_id=account.user_id)
    assert (kept.mailbox, kept.wrapped_reply) == ("", None)


def test_in_a_sealed_folder_what_is_sent_back_is_sealed_and_refused_where_nobody_could_open_it(desk):
    desk.admin(AddFolder("clinic:/shut", sealed=True, settle_seconds=0))
    desk.admin(GrantFolder("clinic:/shut", "anna@clinic", ("list", "write")))
    made = desk.share(mailboxes=(), replies_to="/shut")
    guest = desk.ask(EnterWithLink(made.links[0].secret, "", "", THERE)).handle
    with pytest.raises(NoRecipients):
        begin(desk, guest, "/reply/a.pdf")
    assert names(desk, "/shut") == []
    desk.admin(SetRecipient("ben@clinic", str(X25519Identity(b"\x61" * 32).recipient()), present=True))
    desk.admin(GrantFolder("clinic:/shut", "ben@clinic", ("list", "read")))
    desk.write(guest, "/reply/a.pdf")
    (room,) = names(desk, "/shut")
    assert desk.ask(Look(desk.anna, f"/shut/{room}")).entry.sealed
    assert desk.ask(LookVisit(guest)).files_left == 99
