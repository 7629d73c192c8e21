"""Packages and requests, as the keeper sees them: who may make one, who gets in, what a guest may do, what ends it."""

import dataclasses
import json
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from sealane.clock import ManualClock
from sealane.domain import letters
from sealane.errors import (
    Invalid,
    Locked,
    Missing,
    NotAllowed,
    NotSignedIn,
    QuotaExceeded,
    SessionEnded,
    TooMany,
)
from sealane.operations.accounts import (
    AddFolder,
    AddOrganization,
    AddToken,
    AddUser,
    DisableUser,
    GrantFolder,
    ListUsers,
    RevokeFolder,
    RotateNodeKey,
    SetPassword,
)
from sealane.operations.audit import ReadLedger
from sealane.operations.browser import (
    BeginSecondFactor,
    ChangeOwnPassword,
    EndOwnSession,
    ListOwnSessions,
    LookSession,
    ProveAgain,
    SignInAtPage,
)
from sealane.operations.failures import (
    LinkOver,
    MailboxInvalid,
    NameUnwanted,
    NoDownloadsLeft,
    ShareMissing,
    UserMissing,
)
from sealane.operations.files import ListFolder, Look, MakeFolder, OpenVersion, Receipt, RemoveFile
from sealane.operations.sharing import (
    AskCode,
    EnterWithCode,
    EnterWithLink,
    LeaseMails,
    ListShares,
    LookInvitation,
    LookShare,
    LookVisit,
    MakeShare,
    RecallShare,
    ReplyToShare,
    TellMail,
)
from sealane.operations.signing import SignInWithToken
from sealane.operations.uploads import BeginUpload, FinishUpload
from tests.keeper_in_process import SETTINGS, KeeperInProcess, hashing_quickly

pytestmark = pytest.mark.slow  # together they take longer than make check may

PASSWORD = "correct horse battery"
START = datetime(2026, 3, 2, 9, 30, 15, tzinfo=UTC)
HERE, THERE = "192.0.2.7", "198.51.100.9"
ADA = "ada@partner.example"
WITH_MAIL = dataclasses.replace(SETTINGS, smtp="127.0.0.1:25", public_url="https://files.example")


class Desk:
    """A node with an organization, two users who may write in /in, and two files there."""

    def __init__(self, folder, **settings):
        self.clock = ManualClock(START)
        self.keeper = KeeperInProcess(folder, dataclasses.replace(WITH_MAIL, **settings), self.clock)
        self.door = self.keeper.door()
        self.jobs = self.keeper.jobs()
        self.anna = None

    def set(self, **settings):
        self.keeper.keeper.settings = dataclasses.replace(self.keeper.keeper.settings, **settings)

    def later(self, seconds):
        self.clock.advance(timedelta(seconds=seconds))

    def ask(self, operation):
        return self.door.ask_now(operation)

    def admin(self, operation):
        return self.keeper.admin(operation)

    def sign_in(self, name):
        return self.ask(SignInAtPage(name, PASSWORD, HERE)).signed.handle

    def write(self, handle, path, size=0):
        opened = self.ask(BeginUpload(handle, path, mode="create", declared=size))
        return self.ask(FinishUpload(handle, opened.upload, opened.generation, (), (), size, None, begin=opened.begin))

    def share(self, kind="package", folder="/in", mailboxes=(ADA,), **given):
        given = {"title": "Claims", "note": "As agreed.", "password": "", "expires": None, **given}
        return self.ask(MakeShare(self.anna, kind, folder, mailboxes=mailboxes, **given))

    def mail(self):
        """All that is due, taken."""
        found = self.jobs.ask_now(LeaseMails(100)).mails
        for one in found:
            self.jobs.ask_now(TellMail(one.mail, "taken"))
        return [one.letter for one in found]

    def enter(self, made, mailbox=ADA, name=""):
        """Come in by the code that the mail brings."""
        secret = next(link.secret for link in made.links if link.mailbox == mailbox)
        self.mail()
        ticket = self.ask(AskCode(secret, mailbox, "browser", THERE)).ticket
        (letter,) = self.mail()
        return self.ask(EnterWithCode(ticket, letter.code, "browser", name, THERE)).handle

    def kinds(self):
        return [json.loads(entry.body)["kind"] for entry in self.admin(ReadLedger(limit=2000)).entries]


@pytest.fixture(scope="module", autouse=True)
def quick_passwords():
    with hashing_quickly():
        yield


@pytest.fixture(scope="module")
def furnished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sharing")
    furnish(Desk(folder))
    return folder


def furnish(desk):
    """Make what a desk is about, and close it."""
    for operation in (
        AddOrganization("clinic"),
        AddOrganization("insurer"),
        AddUser("anna@clinic", password=PASSWORD, email="anna@clinic.example"),
        AddUser("ben@clinic", password=PASSWORD),
        AddUser("ines@insurer", password=PASSWORD),
        AddFolder("clinic:/in"),
        AddFolder("clinic:/in/old"),
        AddFolder("clinic:/read"),
        AddFolder("clinic:/private"),
        AddFolder("clinic:/sealed"),
        GrantFolder("clinic:/in", "anna@clinic", ("list", "read", "write", "delete")),
        GrantFolder("clinic:/in", "ben@clinic", ("list", "read", "write")),
        GrantFolder("clinic:/in", "ines@insurer", ("list", "read"), "/from-clinic"),
        GrantFolder("clinic:/read", "anna@clinic", ("list", "read")),
        GrantFolder("clinic:/private", "ben@clinic", ("list", "read")),
    ):
        desk.admin(operation)
    handle = desk.sign_in("anna@clinic")
    for path in ("/in/a.csv", "/in/b.csv", "/in/old/c.csv"):
        desk.write(handle, path)
    desk.keeper.close()


@pytest.fixture
def desk(tmp_path, furnished):
    shutil.copytree(furnished, tmp_path / "data")
    made = Desk(tmp_path / "data")
    made.anna = made.sign_in("anna@clinic")
    yield made
    made.keeper.close()


# --- sending ---------------------------------------------------------------------------------------------------------


def test_a_package_goes_to_its_recipient_by_mail_and_opens_with_the_code_from_the_mail(desk):
    made = desk.share()
    assert (made.proof, made.mailed) == ("code", True)
    (letter,) = desk.mail()
    assert (letter.kind, letter.to, letter.sender) == ("package", ADA, "anna@clinic")
    assert letter.link == f"https://files.example/p/{made.links[0].secret}"
    assert desk.ask(LookInvitation(made.links[0].secret, THERE)).proof == "code"
    guest = desk.enter(made)
    told = desk.ask(LookVisit(guest))
    assert (told.title, told.note, told.sender, told.path) == ("Claims", "As agreed.", "anna@clinic", "/share")
    assert [entry.name for entry in desk.ask(ListFolder(guest, "/share")).entries] == ["a.csv", "b.csv", "old"]
    assert desk.ask(OpenVersion(guest, "/share/old/c.csv")).size == 0
    shown = desk.ask(LookShare(desk.anna, made.share))
    assert (shown.state, shown.downloads, shown.folder) == ("open", 1, "/in")
    (one,) = shown.guests
    assert one.mailbox == ADA
    assert one.came == one.fetched == START
    assert {"share_made", "share_code_sent", "share_entered", "download_begun"} <= set(desk.kinds())


def test_a_package_ends_by_itself_and_its_end_is_bounded(desk):
    made = desk.share()
    guest = desk.enter(made)
    assert desk.ask(LookShare(desk.anna, made.share)).expires == START + timedelta(days=14)
    for wrong in (START, START + timedelta(days=91)):
        with pytest.raises(Invalid):
            desk.share(expires=wrong)
    desk.set(share_seconds_max=3 * 86400)  # below share_seconds, as when only one of them is put back
    assert desk.ask(LookShare(desk.anna, desk.share().share)).expires == START + timedelta(days=3)
    short = desk.share(expires=START + timedelta(minutes=10))
    inside = desk.enter(short)
    desk.later(600)  # at its very end it is over
    with pytest.raises(SessionEnded):
        desk.ask(ListFolder(inside, "/share"))
    with pytest.raises(LinkOver):
        desk.ask(LookInvitation(short.links[0].secret, THERE))
    assert desk.ask(ListFolder(guest, "/share")).entries


@pytest.mark.parametrize(
    ("given", "failure"),
    [
        ({"folder": "/private"}, Missing),
        ({"folder": "/"}, NotAllowed),
        ({"folder": "/read", "kind": "request"}, NotAllowed),
        ({"title": "a\nb"}, Invalid),
        ({"title": " "}, Invalid),
        ({"note": "x" * 4001}, Invalid),
        ({"mailboxes": ("ada@x", "ADA@x")}, Invalid),
        ({"mailboxes": ("ada@x\r\nBcc: eve@x",)}, MailboxInvalid),
        ({"mailboxes": tuple(f"a{n}@x" for n in range(51))}, Invalid),
        ({"password": "short"}, Invalid),
        ({"downloads_max": -1}, Invalid),
        ({"endings": ("*",)}, Invalid),
    ],
)
def test_what_may_not_be_sent_is_refused(desk, given, failure):
    with pytest.raises(failure):
        desk.share(**given)
    assert not desk.ask(ListShares(desk.anna)).shares
    assert not desk.mail()


def test_a_partners_folder_is_not_sent_on(desk):
    desk.anna = desk.sign_in("ines@insurer")
    with pytest.raises(NotAllowed, match="your own organization"):
        desk.share(folder="/from-clinic")


def test_a_read_only_token_cannot_ask_for_files(desk):
    token = desk.admin(AddToken("anna@clinic", scopes=("read",), expires=None)).token
    desk.anna = desk.ask(SignInWithToken(token, "http", HERE)).handle
    with pytest.raises(NotAllowed):
        desk.share("request")
    assert desk.share().share


def test_shares_are_their_senders_alone(desk):
    made = desk.share()
    ben = desk.sign_in("ben@clinic")
    assert not desk.ask(ListShares(ben)).shares
    for operation in (LookShare, RecallShare):
        with pytest.raises(ShareMissing):
            desk.ask(operation(ben, made.share))
    assert [one.share for one in desk.ask(ListShares(desk.anna)).shares] == [made.share]
    desk.later(1)
    later = [desk.share().share, made.share]
    for start in (0, 1):
        told = desk.ask(ListShares(desk.anna, start=start, limit=1))
        assert ([one.share for one in told.shares], told.total) == ([later[start]], 2)
    assert desk.ask(ListShares(ben, start=-1)).total == 0


def test_open_shares_of_one_user_are_bounded(desk):
    desk.set(shares_per_user_max=1)
    made = desk.share()
    with pytest.raises(TooMany):
        desk.share()
    desk.ask(RecallShare(desk.anna, made.share))
    assert desk.share().share


# --- what closes it --------------------------------------------------------------------------------------------------


def _recall(desk, made):
    desk.ask(RecallShare(desk.anna, made.share))


def _disable(desk, made):
    desk.admin(DisableUser("anna@clinic"))


def _narrow(desk, made):
    desk.admin(GrantFolder("clinic:/in", "anna@clinic", ("list", "write")))


def _revoke(desk, made):
    desk.admin(RevokeFolder("clinic:/in", "anna@clinic"))


@pytest.mark.parametrize("close", [_recall, _disable, _narrow, _revoke])
def test_what_its_sender_loses_a_guest_loses_at_once(desk, close):
    made = desk.share()
    guest = desk.enter(made)
    ended = []
    desk.door.on_notice(lambda notice: ended.extend(notice.sessions))
    session = desk.ask(LookSession(guest)).session
    close(desk, made)
    assert session in ended
    with pytest.raises(SessionEnded):
        desk.ask(OpenVersion(guest, "/share/a.csv"))
    with pytest.raises(LinkOver):
        desk.ask(LookInvitation(made.links[0].secret, THERE))


def test_a_right_that_comes_back_opens_the_package_again(desk):
    made = desk.share()
    desk.admin(RevokeFolder("clinic:/in", "anna@clinic"))
    desk.admin(GrantFolder("clinic:/in", "anna@clinic", ("list", "read")))
    assert desk.enter(made)


def test_a_package_tells_its_sender_that_it_is_closed(desk):
    made = desk.share()
    desk.admin(GrantFolder("clinic:/in", "anna@clinic", ("list",)))
    anna = desk.sign_in("anna@clinic")
    assert desk.ask(LookShare(anna, made.share)).state == "closed"
    desk.ask(RecallShare(anna, made.share))
    assert desk.ask(LookShare(anna, made.share)).state == "recalled"
    desk.ask(RecallShare(anna, made.share))
    assert desk.kinds().count("share_recalled") == 1


# --- guests ----------------------------------------------------------------------------------------------------------


def test_a_guest_sees_one_folder_and_does_nothing_but_fetch(desk):
    guest = desk.enter(desk.share(folder="/in/old"))
    assert [entry.name for entry in desk.ask(ListFolder(guest, "/")).entries] == ["share"]
    for path in ("/in", "/in/a.csv", "/share/../a.csv", "/private", "/@clinic"):
        with pytest.raises((Missing, Invalid)):
            desk.ask(Look(guest, path))
    with pytest.raises(NotAllowed):
        desk.ask(BeginUpload(guest, "/share/new.csv", mode="create", declared=1))
    for operation in (
        RemoveFile(guest, "/share/c.csv"),
        MakeFolder(guest, "/share/new"),
        Receipt(guest, "/share/c.csv"),
        ListOwnSessions(guest),
        EndOwnSession(guest, "x"),
        BeginSecondFactor(guest),
        ListShares(guest),
    ):
        with pytest.raises(NotAllowed):
            desk.ask(operation)
    for operation in (
        MakeShare(guest, "package", "/share", "x", "", (), "", None),
        ProveAgain(guest, PASSWORD),
        ChangeOwnPassword(guest, PASSWORD, PASSWORD),
    ):
        with pytest.raises((NotAllowed, NotSignedIn)):
            desk.ask(operation)


def test_guests_are_nobodys_users(desk):
    made = desk.share()
    account = desk.ask(LookShare(desk.anna, made.share)).guests[0].account
    listed = [row.values[0] for row in desk.admin(ListUsers("clinic")).rows]
    assert listed == ["anna@clinic", "ben@clinic"]
    for operation in (
        SetPassword(account, PASSWORD),
        AddToken(account, scopes=("read",), expires=None),
        GrantFolder("clinic:/in", account, ("list",)),
    ):
        with pytest.raises(UserMissing):
            desk.admin(operation)
    with pytest.raises(NotSignedIn):
        desk.ask(SignInAtPage(account, "", THERE))


def test_what_a_sender_was_never_given_below_a_package_stays_theirs_to_not_see(desk):
    guest = desk.enter(desk.share())
    desk.admin(AddFolder("clinic:/in/later"))
    assert [entry.name for entry in desk.ask(ListFolder(guest, "/share")).entries if entry.kind == "folder"] == [
        "later",
        "old",
    ]


def test_downloads_are_counted_once_a_visit_and_bounded(desk):
    made = desk.share(downloads_max=2)
    guest = desk.enter(made)
    for _ in range(3):
        desk.ask(OpenVersion(guest, "/share/a.csv"))
    assert desk.ask(LookVisit(guest)).downloads_left == 1
    desk.ask(OpenVersion(guest, "/share/b.csv"))
    with pytest.raises(NoDownloadsLeft):
        desk.ask(OpenVersion(guest, "/share/old/c.csv"))
    desk.ask(OpenVersion(guest, "/share/a.csv"))
    with pytest.raises(NoDownloadsLeft):
        desk.ask(OpenVersion(desk.enter(made), "/share/a.csv"))


def test_a_reply_comes_to_the_sender_and_the_mail_does_not_say_it(desk):
    made = desk.share()
    guest = desk.enter(made)
    with pytest.raises(Invalid):
        desk.ask(ReplyToShare(guest, " "))
    desk.ask(ReplyToShare(guest, "Thank you. Line two\nof it."))
    (letter,) = desk.mail()
    assert (letter.kind, letter.to, letter.link) == (
        "replied",
        "anna@clinic.example",
        f"https://files.example/sent/{made.share}",
    )
    desk.ask(ReplyToShare(guest, "Better."))
    assert not desk.mail()
    (one,) = desk.ask(LookShare(desk.anna, made.share)).guests
    assert (one.reply, one.replied) == ("Better.", START)
    desk.admin(RotateNodeKey())
    told = desk.ask(LookShare(desk.anna, made.share))
    assert (told.note, told.guests[0].reply) == ("As agreed.", "Better.")


# --- strangers -------------------------------------------------------------------------------------------------------


def test_a_wrong_mailbox_is_answered_like_the_right_one_and_opens_nothing(desk):
    secret = desk.share().links[0].secret
    desk.mail()
    asked = [desk.ask(AskCode(secret, mailbox, "b", THERE)) for mailbox in ("eve@x", f" {ADA.upper()} ")]
    assert [type(one).__name__ for one in asked] == ["CodeAsked", "CodeAsked"]
    assert len(asked[0].ticket) == len(asked[1].ticket)
    (letter,) = desk.mail()
    assert letter.to == ADA
    with pytest.raises(NotSignedIn):
        desk.ask(EnterWithCode(asked[0].ticket, letter.code, "b", "", THERE))
    assert desk.ask(EnterWithCode(asked[1].ticket, letter.code, "b", "", THERE)).handle


def test_a_code_counts_once_in_its_browser_in_its_time_and_for_few_tries(desk):
    secret = desk.share().links[0].secret

    def asked():
        desk.mail()
        ticket = desk.ask(AskCode(secret, ADA, "here", THERE)).ticket
        return ticket, desk.mail()[0].code

    ticket, code = asked()
    with pytest.raises(NotSignedIn):
        desk.ask(EnterWithCode(ticket, code, "elsewhere", "", THERE))
    assert desk.ask(EnterWithCode(ticket, f"{code[:4]} {code[4:]}", "here", "", THERE)).handle
    with pytest.raises(NotSignedIn):
        desk.ask(EnterWithCode(ticket, code, "here", "", THERE))
    ticket, code = asked()
    desk.later(601)
    with pytest.raises(NotSignedIn):
        desk.ask(EnterWithCode(ticket, code, "here", "", THERE))
    ticket, code = asked()
    for _ in range(5):
        with pytest.raises(NotSignedIn):
            desk.ask(EnterWithCode(ticket, "00000000", "here", "", THERE))
    with pytest.raises(NotSignedIn):
        desk.ask(EnterWithCode(ticket, code, "here", "", THERE))


def test_whoever_types_mailboxes_by_guess_is_locked_out_and_its_owner_elsewhere_is_not(desk):
    secret = desk.share().links[0].secret
    desk.set(sign_in_range_failures_max=4)
    desk.ask(AskCode(secret, ADA, "b", THERE))  # the right one counts for nothing
    for number in range(4):
        desk.ask(AskCode(secret, f"guess{number}@partner.example", "b", THERE))
    with pytest.raises(Locked):
        desk.ask(AskCode(secret, ADA, "b", THERE))
    assert desk.ask(AskCode(secret, ADA, "b", HERE)).ticket


def test_codes_are_not_sent_without_end(desk):
    secret = desk.share().links[0].secret
    desk.set(share_codes_per_hour_max=3)
    for _ in range(3):
        desk.ask(AskCode(secret, ADA, "b", THERE))
    with pytest.raises(TooMany):
        desk.ask(AskCode(secret, ADA, "b", THERE))
    desk.later(3601)
    assert desk.ask(AskCode(secret, ADA, "b", THERE)).ticket


def test_guessed_links_are_refused_alike_and_lock_their_address_range(desk):
    desk.set(sign_in_range_failures_max=4)
    for _ in range(4):
        with pytest.raises(LinkOver):
            desk.ask(LookInvitation("guess", THERE))
    made = desk.share()
    with pytest.raises(Locked):
        desk.ask(LookInvitation(made.links[0].secret, THERE))
    assert desk.ask(LookInvitation(made.links[0].secret, HERE)).kind == "package"


def test_without_mail_a_package_needs_a_password_that_is_told_otherwise(desk):
    desk.set(smtp="")
    with pytest.raises(Invalid, match="sends no mail"):
        desk.share()
    made = desk.share(password=PASSWORD)
    assert (made.proof, made.mailed) == ("password", False)
    secret = made.links[0].secret
    with pytest.raises(NotSignedIn):
        desk.ask(EnterWithLink(secret, "wrong", "", THERE))
    with pytest.raises(LinkOver):
        desk.ask(AskCode(secret, ADA, "b", THERE))
    guest = desk.ask(EnterWithLink(secret, PASSWORD, "", THERE)).handle
    assert desk.ask(OpenVersion(guest, "/share/a.csv")).size == 0


def test_guessing_a_shares_password_locks_it_for_a_while(desk):
    secret = desk.share(mailboxes=(), password=PASSWORD).links[0].secret
    desk.set(sign_in_failures_max=3)
    for _ in range(3):
        with pytest.raises(NotSignedIn):
            desk.ask(EnterWithLink(secret, "wrong", "", THERE))
    with pytest.raises(Locked):
        desk.ask(EnterWithLink(secret, PASSWORD, "", THERE))
    desk.later(901)
    assert desk.ask(EnterWithLink(secret, PASSWORD, "", THERE)).handle


def test_a_package_by_code_does_not_open_by_its_link(desk):
    secret = desk.share().links[0].secret
    with pytest.raises(LinkOver):
        desk.ask(EnterWithLink(secret, "", "", THERE))


def test_visits_of_one_share_are_bounded(desk):
    secret = desk.share(mailboxes=()).links[0].secret
    desk.set(share_visits_per_hour_max=2)
    for _ in range(2):
        desk.ask(EnterWithLink(secret, "", "", THERE))
    with pytest.raises(TooMany):
        desk.ask(EnterWithLink(secret, "", "", THERE))
    desk.ask(SignInAtPage("anna@clinic", PASSWORD, HERE))


# --- requests --------------------------------------------------------------------------------------------------------


def test_a_request_takes_files_into_a_folder_of_each_visit_and_shows_nothing(desk):
    made = desk.share("request", mailboxes=())
    secret = made.links[0].secret
    first = desk.ask(EnterWithLink(secret, "", "Dr. A/../da", THERE)).handle
    second = desk.ask(EnterWithLink(secret, "", "Dr. A/../da", THERE)).handle
    desk.write(first, "/share/a.csv")
    desk.write(second, "/share/a.csv")
    for path in ("/share/b.csv", "/in/a.csv"):
        with pytest.raises(Missing):
            desk.ask(Look(first, path))
    with pytest.raises((NotAllowed, Missing)):
        desk.ask(OpenVersion(first, "/share/a.csv"))
    with pytest.raises(NotAllowed):
        desk.ask(ListFolder(first, "/share"))
    names = [entry.name for entry in desk.ask(ListFolder(desk.anna, "/in")).entries if entry.kind == "folder"]
    assert names == ["2026-03-02 09.30 Dr. A .. da", "2026-03-02 09.30 Dr. A .. da (2)", "old"]
    shown = desk.ask(LookShare(desk.anna, made.share))
    assert (shown.came_files, shown.came_bytes) == (2, 0)
    assert [letter.kind for letter in desk.mail()] == ["arrived"]


def test_a_request_holds_to_its_limits(desk):
    made = desk.share("request", mailboxes=(), files_max=2, bytes_max=10, endings=(".csv", ".pdf"))
    guest = desk.ask(EnterWithLink(made.links[0].secret, "", "", THERE)).handle
    begin = {"mode": "create"}
    with pytest.raises(NameUnwanted):
        desk.ask(BeginUpload(guest, "/share/a.exe", declared=1, **begin))
    with pytest.raises(QuotaExceeded):
        desk.ask(BeginUpload(guest, "/share/a.csv", declared=11, **begin))
    with pytest.raises(Invalid):
        desk.ask(BeginUpload(guest, "/share/a.csv", declared=None, **begin))
    with pytest.raises(NotAllowed):
        desk.ask(BeginUpload(guest, "", declared=1, partial=True, **begin))
    begun = [desk.ask(BeginUpload(guest, f"/share/{n}.PDF", declared=0, **begin)) for n in range(2)]
    with pytest.raises(QuotaExceeded):
        desk.ask(BeginUpload(guest, "/share/2.PDF", declared=0, **begin))
    for opened in begun:
        desk.ask(FinishUpload(guest, opened.upload, opened.generation, (), (), 0, None, begin=opened.begin))
    with pytest.raises(QuotaExceeded):
        desk.ask(BeginUpload(guest, "/share/2.PDF", declared=0, **begin))
    told = desk.ask(LookVisit(guest))
    assert (told.files_left, told.bytes_left, told.endings) == (0, 10, (".csv", ".pdf"))


# --- mail ------------------------------------------------------------------------------------------------------------


def test_mail_that_is_not_taken_is_tried_again_and_given_up_on_record(desk):
    desk.share()
    (one,) = desk.jobs.ask_now(LeaseMails()).mails
    assert not desk.jobs.ask_now(LeaseMails()).mails
    desk.jobs.ask_now(TellMail(one.mail, "later"))
    desk.later(59)
    assert not desk.jobs.ask_now(LeaseMails()).mails
    desk.later(2)
    (again,) = desk.jobs.ask_now(LeaseMails()).mails
    assert again == one
    desk.later(301)  # whoever had it said nothing
    assert desk.jobs.ask_now(LeaseMails()).mails == (one,)
    desk.admin(RotateNodeKey())
    desk.later(2 * 86400)
    assert not desk.jobs.ask_now(LeaseMails()).mails
    assert desk.kinds().count("mail_given_up") == 1
    desk.jobs.ask_now(TellMail(one.mail, "taken"))


def test_mail_that_is_refused_is_given_up_at_once_and_a_late_code_is_not_sent(desk):
    made = desk.share()
    (one,) = desk.jobs.ask_now(LeaseMails()).mails
    desk.jobs.ask_now(TellMail(one.mail, "refused"))
    desk.ask(AskCode(made.links[0].secret, ADA, "b", THERE))
    desk.later(601)
    assert not desk.jobs.ask_now(LeaseMails()).mails
    assert desk.kinds().count("mail_given_up") == 2


def test_the_queue_of_mail_is_bounded(desk):
    desk.set(mails_waiting_max=1)
    desk.share()
    with pytest.raises(TooMany):
        desk.share()


@pytest.mark.parametrize(
    "mailbox",
    ["", "@", "a@", "@b", "a b@c", "a@b c", "a@b\n", "a,b@c", "<a@b>", '"a"@b', "a@[1.2.3.4]", "ä@b", "-a@b", ".a@b",
     "a.@b", "a..b@c", "a@-b", "a@b-", "a@b..c", "a" * 65 + "@b", "a@" + "b." * 130 + "c"],
)  # fmt: skip
def test_what_is_no_mailbox_gets_no_mail(mailbox):
    with pytest.raises(MailboxInvalid):
        letters.checked(mailbox)


@pytest.mark.parametrize("mailbox", ["a@b", "anna.b+c@mail.example.org", "o'neill@x-y.example", "A_1@1.example"])
def test_mailboxes_are_taken_as_they_are(mailbox):
    assert letters.checked(mailbox) == mailbox
