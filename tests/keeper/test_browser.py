"""People at a browser, as the keeper sees them: two steps of signing in, proofs, links, administering, own account."""

import base64
import dataclasses
import json
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from sealane.clock import ManualClock
from sealane.domain import administering, second_factor
from sealane.errors import (
    AlreadyExists,
    Invalid,
    Locked,
    NotAllowed,
    NotSignedIn,
    OperationRefused,
    SealaneError,
    SessionEnded,
    TooMany,
)
from sealane.operations import accounts
from sealane.operations.accounts import (
    AddFolder,
    AddGroup,
    AddOrganization,
    AddToken,
    AddUser,
    AdminOperation,
    DisableUser,
    EndSession,
    GrantFolder,
    ListFolders,
    ListOrganizations,
    ListSessions,
    ListUsers,
    RevokeFolder,
    RotateNodeKey,
    SetMembership,
    SetPassword,
    SetRole,
)
from sealane.operations.administering import Administer, Administrable, RightsOfUser, RightsOnFolder, SearchLedger
from sealane.operations.audit import ReadLedger
from sealane.operations.browser import (
    BeginSecondFactor,
    ChangeOwnPassword,
    ConfirmSecondFactor,
    EndOwnSession,
    ListOwnRecipients,
    ListOwnSessions,
    LookLink,
    LookSession,
    NewPasswordLink,
    NewSetupLink,
    ProveAgain,
    RemoveSecondFactor,
    SetOwnRecipient,
    SetPasswordByLink,
    SetUp,
    SignInAtPage,
    SignInWithCode,
)
from sealane.operations.failures import (
    CodeWrong,
    CredentialMissing,
    LinkOver,
    OrganizationMissing,
    PasswordInvalid,
    PasswordWeak,
    ProofWanted,
    SecondFactorThere,
    SessionMissing,
)
from sealane.operations.files import ListFolder
from sealane.operations.signing import SignInWithPassword, SignInWithToken
from sealane.vault.age.failures import KeyInvalid
from sealane.vault.age.x25519 import X25519Identity
from tests.keeper_in_process import SETTINGS, KeeperInProcess, hashing_quickly

pytestmark = pytest.mark.slow  # together they take longer than make check may

PASSWORD = "correct horse battery"
START = datetime(2026, 3, 2, 9, 30, 15, tzinfo=UTC)
HERE = "192.0.2.7"


class Desk:
    """A node with two organizations: `clinic`, which runs it, and `insurer`."""

    def __init__(self, folder):
        self.clock = ManualClock(START)
        self.keeper = KeeperInProcess(folder, SETTINGS, self.clock)
        self.door = self.keeper.door()

    def set(self, **settings):
        self.keeper.keeper.settings = dataclasses.replace(self.keeper.keeper.settings, **settings)

    def later(self, seconds):
        self.clock.advance(timedelta(seconds=seconds))

    def ask(self, operation):
        return self.door.ask_now(operation)

    def sign_in(self, name, password=PASSWORD):
        return self.ask(SignInAtPage(name, password, HERE)).signed.handle

    def administer(self, handle, operation):
        return self.ask(Administer(handle, operation)).told

    def with_code(self, name):
        """Switch one-time codes on; return a session's handle and what makes the codes."""
        handle = self.sign_in(name)
        secret = base64.b32decode(self.ask(BeginSecondFactor(handle)).secret)
        codes = self.ask(ConfirmSecondFactor(handle, self.code(secret))).codes
        return handle, secret, codes

    def code(self, secret, steps=0):
        return second_factor.code_at(secret, int(self.clock.now().timestamp()) // 30 + steps)

    def kinds(self):
        return [json.loads(entry.body)["kind"] for entry in self.keeper.admin(ReadLedger(limit=2000)).entries]


@pytest.fixture(scope="module", autouse=True)
def quick_passwords():
    with hashing_quickly():
        yield


@pytest.fixture(scope="module")
def furnished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    desk = Desk(folder)
    secret = desk.keeper.admin(NewSetupLink()).secret
    desk.ask(SetUp(secret, "clinic", "root", "root@clinic.test", PASSWORD, HERE))
    for operation in (
        AddOrganization("insurer"),
        AddUser("ines@insurer", role="admin", password=PASSWORD),
        AddUser("anna@clinic", password=PASSWORD),
        AddFolder("clinic:/in"),
        AddFolder("insurer:/claims"),
    ):
        desk.keeper.admin(operation)
    desk.keeper.close()
    return folder


@pytest.fixture
def desk(tmp_path, furnished):
    shutil.copytree(furnished, tmp_path / "data")
    made = Desk(tmp_path / "data")
    yield made
    made.keeper.close()


# --- signing in ------------------------------------------------------------------------------------------------------


def test_a_password_opens_a_browsers_session_that_says_whose_it_is(desk):
    told = desk.ask(LookSession(desk.sign_in("anna")))
    assert (told.user, told.role, told.administers, told.second_factor) == ("anna@clinic", "member", "", False)
    assert told.proved_until == START + timedelta(seconds=SETTINGS.proof_seconds)


def test_with_one_time_codes_the_password_alone_opens_nothing(desk):
    _, secret, _ = desk.with_code("anna")
    desk.later(60)
    step = desk.ask(SignInAtPage("anna", PASSWORD, HERE))
    assert step.signed is None
    with pytest.raises(NotSignedIn):
        desk.ask(SignInWithPassword("anna", PASSWORD, b"", HERE, "http"))
    with pytest.raises(NotSignedIn):
        desk.ask(SignInWithPassword("anna", PASSWORD, b"x" * 32, HERE, "sftp"))
    signed = desk.ask(SignInWithCode(step.ticket, desk.code(secret), HERE))
    assert desk.ask(LookSession(signed.handle)).method == "password+code"


def test_a_code_and_a_ticket_count_once(desk):
    _, secret, _ = desk.with_code("anna")
    desk.later(60)
    first, second = (desk.ask(SignInAtPage("anna", PASSWORD, HERE)).ticket for _ in range(2))
    code = desk.code(secret)
    desk.ask(SignInWithCode(first, code, HERE))
    for ticket in (second, first):
        with pytest.raises(NotSignedIn):
            desk.ask(SignInWithCode(ticket, code, HERE))
    desk.later(30)
    with pytest.raises(NotSignedIn):
        desk.ask(SignInWithCode(first, desk.code(secret), HERE))
    desk.ask(SignInWithCode(second, desk.code(secret), HERE))


def test_an_earlier_code_does_not_count_after_a_later_one(desk):
    _, secret, _ = desk.with_code("anna")
    desk.later(90)
    desk.ask(SignInWithCode(desk.ask(SignInAtPage("anna", PASSWORD, HERE)).ticket, desk.code(secret, 1), HERE))
    ticket = desk.ask(SignInAtPage("anna", PASSWORD, HERE)).ticket
    for steps in (-1, 0, 1):
        with pytest.raises(NotSignedIn):
            desk.ask(SignInWithCode(ticket, desk.code(secret, steps), HERE))


def test_a_recovery_code_stands_for_a_code_once_however_it_is_typed(desk):
    _, _, codes = desk.with_code("anna")
    assert len(set(codes)) == 10
    desk.ask(SignInWithCode(desk.ask(SignInAtPage("anna", PASSWORD, HERE)).ticket, codes[0].upper(), HERE))
    with pytest.raises(NotSignedIn):
        desk.ask(SignInWithCode(desk.ask(SignInAtPage("anna", PASSWORD, HERE)).ticket, codes[0], HERE))


def test_a_ticket_is_over_after_its_time_and_after_too_many_tries(desk):
    _, secret, _ = desk.with_code("anna")
    late = desk.ask(SignInAtPage("anna", PASSWORD, HERE)).ticket
    desk.later(SETTINGS.sign_in_ticket_seconds + 1)
    with pytest.raises(NotSignedIn):
        desk.ask(SignInWithCode(late, desk.code(secret), HERE))
    tried = desk.ask(SignInAtPage("anna", PASSWORD, HERE)).ticket
    for _ in range(SETTINGS.sign_in_ticket_tries_max):
        with pytest.raises(NotSignedIn):
            desk.ask(SignInWithCode(tried, "000000x", HERE))
    with pytest.raises(NotSignedIn):
        desk.ask(SignInWithCode(tried, desk.code(secret), HERE))


def test_wrong_codes_lock_the_name_as_wrong_passwords_do(desk):
    desk.with_code("anna")
    desk.later(60)
    for _ in range(SETTINGS.sign_in_failures_max):
        ticket = desk.ask(SignInAtPage("anna", PASSWORD, HERE)).ticket
        with pytest.raises(NotSignedIn):
            desk.ask(SignInWithCode(ticket, "no code", HERE))
    with pytest.raises(Locked):
        desk.ask(SignInAtPage("anna", PASSWORD, HERE))


def test_codes_still_count_after_the_node_key_was_rotated(desk):
    _, secret, _ = desk.with_code("anna")
    desk.keeper.admin(RotateNodeKey())
    desk.later(60)
    desk.ask(SignInWithCode(desk.ask(SignInAtPage("anna", PASSWORD, HERE)).ticket, desk.code(secret), HERE))


def test_the_codes_are_those_of_the_rfc():
    """RFC 6238, appendix B (the last six of its eight digits)."""
    secret = b"12345678901234567890"
    for seconds, code in ((59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")):
        assert second_factor.code_at(secret, seconds // 30) == code
        assert second_factor.step_of(secret, code, datetime.fromtimestamp(seconds, UTC), after=0) == seconds // 30


# --- proofs and one's own account ------------------------------------------------------------------------------------


def test_dangerous_steps_need_a_proof_that_is_not_old(desk):
    handle = desk.sign_in("root")
    desk.later(SETTINGS.proof_seconds - 1)
    desk.administer(handle, AddGroup("a@clinic"))
    desk.later(1)  # at the very end of its time it is over
    assert desk.administer(handle, ListUsers("clinic")).rows
    for operation in (AddGroup("b@clinic"), AddUser("x@clinic", password=PASSWORD)):
        with pytest.raises(ProofWanted):
            desk.administer(handle, operation)
    with pytest.raises(ProofWanted):
        desk.ask(BeginSecondFactor(handle))
    with pytest.raises(NotSignedIn):
        desk.ask(ProveAgain(handle, "wrong password"))
    desk.ask(ProveAgain(handle, PASSWORD))
    desk.administer(handle, AddGroup("b@clinic"))


def test_a_proof_needs_the_code_too_where_there_is_one(desk):
    handle, secret, _ = desk.with_code("anna")
    desk.later(SETTINGS.proof_seconds + 1)
    for code in ("", "12345", desk.code(secret, 5)):
        with pytest.raises(NotSignedIn):
            desk.ask(ProveAgain(handle, PASSWORD, code))
    with pytest.raises(ProofWanted):
        desk.ask(RemoveSecondFactor(handle))
    desk.ask(ProveAgain(handle, PASSWORD, desk.code(secret)))
    desk.ask(RemoveSecondFactor(handle))
    assert desk.sign_in("anna")


def test_a_second_secret_cannot_take_the_place_of_one_in_use(desk):
    handle, secret, _ = desk.with_code("anna")
    with pytest.raises(SecondFactorThere):
        desk.ask(BeginSecondFactor(handle))
    with pytest.raises(SecondFactorThere):
        desk.ask(ConfirmSecondFactor(handle, desk.code(secret)))


def test_a_secret_counts_only_once_its_first_code_was_given(desk):
    handle = desk.sign_in("anna")
    desk.ask(BeginSecondFactor(handle))
    with pytest.raises(CodeWrong):
        desk.ask(ConfirmSecondFactor(handle, "no"))
    assert desk.sign_in("anna")


def test_a_changed_password_ends_all_other_sessions(desk):
    here, there = desk.sign_in("anna"), desk.sign_in("anna")
    with pytest.raises(NotSignedIn):
        desk.ask(ChangeOwnPassword(here, "wrong password", "another good one"))
    with pytest.raises(PasswordInvalid):
        desk.ask(ChangeOwnPassword(here, PASSWORD, "short"))
    for weak in ("password1", "anna clinic", "aaaaaaaaaaaaaaaa", "qwertyuiop12"):
        with pytest.raises(PasswordWeak):
            desk.ask(ChangeOwnPassword(here, PASSWORD, weak))
    desk.ask(ChangeOwnPassword(here, PASSWORD, "another good one"))
    desk.ask(LookSession(here))
    with pytest.raises(SessionEnded):
        desk.ask(LookSession(there))
    assert desk.sign_in("anna", "another good one")


def test_one_ends_ones_own_sessions_and_nobody_elses(desk):
    anna, other, root = desk.sign_in("anna"), desk.sign_in("anna"), desk.sign_in("root")
    names = [row.values[0] for row in desk.ask(ListOwnSessions(anna)).rows]
    assert len(names) == 2
    with pytest.raises(SessionMissing):
        desk.ask(EndOwnSession(anna, desk.ask(LookSession(root)).session))
    desk.ask(EndOwnSession(anna, desk.ask(LookSession(other)).session))
    with pytest.raises(SessionEnded):
        desk.ask(LookSession(other))


def test_one_sets_ones_own_keys_after_a_proof_and_on_record(desk):
    handle = desk.sign_in("anna")
    keys = [str(X25519Identity.new().recipient()) for _ in range(SETTINGS.own_recipients_max + 1)]
    for key in keys[:-1]:
        desk.ask(SetOwnRecipient(handle, key, present=True))
    with pytest.raises(TooMany):
        desk.ask(SetOwnRecipient(handle, keys[-1], present=True))
    with pytest.raises(AlreadyExists):
        desk.ask(SetOwnRecipient(handle, keys[0], present=True))
    desk.ask(SetOwnRecipient(handle, keys[0], present=False))
    with pytest.raises(CredentialMissing):
        desk.ask(SetOwnRecipient(handle, keys[0], present=False))
    with pytest.raises(KeyInvalid):
        desk.ask(SetOwnRecipient(handle, "age1nonsense", present=True))
    assert desk.ask(ListOwnRecipients(handle)).recipients == tuple(keys[1:-1])
    kinds = desk.kinds()
    assert kinds.count("recipient_added") == SETTINGS.own_recipients_max
    assert kinds.count("recipient_removed") == 1
    desk.later(SETTINGS.proof_seconds + 1)
    with pytest.raises(ProofWanted):
        desk.ask(SetOwnRecipient(handle, keys[0], present=True))


def test_a_browsers_session_ends_after_its_day_however_busy_it_is(desk):
    handle = desk.sign_in("anna")
    for _ in range(SETTINGS.web_session_lifetime_seconds // 1800 - 1):
        desk.later(1800)
        desk.ask(LookSession(handle))
    desk.later(1801)
    with pytest.raises(SessionEnded):
        desk.ask(LookSession(handle))


# --- links -----------------------------------------------------------------------------------------------------------


def test_the_setup_link_makes_the_first_administrator_once(tmp_path):
    desk = Desk(tmp_path)
    stale = desk.keeper.admin(NewSetupLink()).secret
    secret = desk.keeper.admin(NewSetupLink()).secret
    for wrong in (stale, "x" * 43, ""):
        with pytest.raises(LinkOver):
            desk.ask(SetUp(wrong, "clinic", "root", "", PASSWORD, HERE))
    with pytest.raises(PasswordInvalid):
        desk.ask(SetUp(secret, "clinic", "root", "", "short", HERE))
    with pytest.raises(PasswordWeak):
        desk.ask(SetUp(secret, "Mercy General", "root", "", "mercygeneral1", HERE))
    with pytest.raises(SealaneError):
        desk.ask(SetUp(secret, "cli nic", "root", "", PASSWORD, HERE))
    assert desk.ask(LookLink(secret, HERE)).purpose == "setup"
    signed = desk.ask(SetUp(secret, "clinic", "root", "", PASSWORD, HERE))
    assert desk.ask(LookSession(signed.handle)).administers == "node"
    with pytest.raises(LinkOver):
        desk.ask(SetUp(secret, "clinic", "other", "", PASSWORD, HERE))
    assert desk.keeper.admin(NewSetupLink()).secret == ""
    desk.keeper.close()


def test_the_setup_link_opens_nothing_once_the_command_line_has_made_anybody(tmp_path):
    desk = Desk(tmp_path)
    secret = desk.keeper.admin(NewSetupLink()).secret
    desk.keeper.admin(AddOrganization("clinic"))
    desk.ask(LookLink(secret, HERE))
    desk.keeper.admin(AddUser("nightly@clinic"))
    assert desk.keeper.admin(NewSetupLink()).secret == ""
    with pytest.raises(LinkOver):
        desk.ask(SetUp(secret, "clinic", "eve", "", PASSWORD, HERE))
    desk.keeper.close()


def test_a_password_link_works_once_for_its_user_and_within_its_time(desk):
    handle = desk.sign_in("anna")
    stale = desk.keeper.admin(NewPasswordLink("anna@clinic")).secret
    secret = desk.keeper.admin(NewPasswordLink("anna@clinic")).secret
    with pytest.raises(LinkOver):
        desk.ask(SetPasswordByLink(stale, "another good one", HERE))
    assert desk.ask(LookLink(secret, HERE)).user == "anna@clinic"
    with pytest.raises(PasswordWeak):
        desk.ask(SetPasswordByLink(secret, "annaanna", HERE))
    desk.ask(SetPasswordByLink(secret, "another good one", HERE))
    with pytest.raises(SessionEnded):
        desk.ask(LookSession(handle))
    with pytest.raises(LinkOver):
        desk.ask(SetPasswordByLink(secret, "a third good one", HERE))
    late = desk.keeper.admin(NewPasswordLink("anna@clinic")).secret
    desk.later(SETTINGS.link_seconds)
    with pytest.raises(LinkOver):
        desk.ask(LookLink(late, HERE))
    assert {"password_link_made", "password_set"} <= set(desk.kinds())


def test_who_guesses_links_is_locked_out_by_their_address(desk):
    desk.set(sign_in_range_failures_max=5)
    for number in range(5):
        with pytest.raises(LinkOver):
            desk.ask(LookLink(f"guess{number}", HERE))
    with pytest.raises(Locked):
        desk.ask(LookLink("guess", HERE))


# --- administering ---------------------------------------------------------------------------------------------------


def test_a_door_may_not_ask_what_is_the_administrators_alone(desk):
    for operation in (NewSetupLink(), NewPasswordLink("anna@clinic"), RightsOfUser("anna@clinic"), ListUsers()):
        with pytest.raises(OperationRefused):
            desk.ask(operation)


def test_every_operation_that_can_be_wrapped_says_which_organization_it_touches():
    wrapped = set(Administrable.__args__)
    assert all(issubclass(one, AdminOperation) for one in wrapped)
    assert wrapped - {EndSession} == set(administering._TOUCHES)
    assert wrapped >= administering._READING


def test_an_administrators_token_administers_only_with_that_scope(desk):
    for scopes, administers in ((("read", "write"), ""), (("admin",), "node")):
        token = desk.keeper.admin(AddToken("root@clinic", scopes, None)).token
        handle = desk.ask(SignInWithToken(token, "http", HERE)).handle
        assert desk.ask(LookSession(handle)).administers == administers
        if not administers:
            with pytest.raises(NotAllowed):
                desk.administer(handle, ListUsers("clinic"))
    assert desk.administer(handle, ListUsers("clinic")).rows


def test_who_is_no_administrator_administers_nothing(desk):
    handle = desk.sign_in("anna")
    for operation in (ListUsers("clinic"), AddGroup("a@clinic"), AddUser("x@clinic", role="admin", password=PASSWORD)):
        with pytest.raises(NotAllowed):
            desk.administer(handle, operation)


@pytest.mark.parametrize(
    "operation",
    [
        ListUsers("clinic"),
        AddUser("x@clinic", role="admin", password=PASSWORD),
        DisableUser("anna@clinic"),
        SetRole("anna@clinic", "admin"),
        NewPasswordLink("root@clinic"),
        AddToken("anna@clinic", ("read",), None),
        AddFolder("clinic:/other"),
        GrantFolder("clinic:/in", "ines@insurer", ("read",)),
        RevokeFolder("clinic:/in", "ines@insurer"),
        RightsOfUser("anna@clinic"),
        RightsOnFolder("clinic:/in"),
        ListFolders("clinic"),
        ListSessions(user="anna@clinic"),
        ListSessions(organization="clinic"),
        SetMembership("clerks@insurer", "anna@clinic", member=True),
    ],
)
def test_an_administrator_of_another_organization_reaches_nothing_of_it(desk, operation):
    with pytest.raises(OrganizationMissing):
        desk.administer(desk.sign_in("ines"), operation)


@pytest.mark.parametrize(
    "operation", [ListUsers(), ListFolders(), ListSessions(), ListOrganizations(), AddOrganization("third")]
)
def test_the_whole_node_is_for_those_who_run_it(desk, operation):
    with pytest.raises(NotAllowed):
        desk.administer(desk.sign_in("ines"), operation)
    desk.administer(desk.sign_in("root"), operation)


def test_sessions_of_another_organization_are_not_there_to_end(desk):
    root, ines = desk.sign_in("root"), desk.sign_in("ines")
    with pytest.raises(SessionMissing):
        desk.administer(ines, EndSession(desk.ask(LookSession(root)).session))
    desk.administer(root, EndSession(desk.ask(LookSession(ines)).session))
    with pytest.raises(SessionEnded):
        desk.ask(LookSession(ines))


def test_the_ledger_names_the_person_and_only_where_one_acted(desk):
    root = desk.sign_in("root")
    desk.administer(root, AddUser("carl@clinic", password=PASSWORD))
    desk.administer(root, GrantFolder("clinic:/in", "carl@clinic", ("list", "read")))
    desk.keeper.admin(SetPassword("carl@clinic", "another good one"))
    own = desk.ask(SearchLedger(root, user="root@clinic")).entries
    told = {(entry.openings or {}).get("user_name", ("", ""))[1] for entry in own if b"right_granted" in entry.body}
    assert told == {"root@clinic"}
    every = desk.keeper.admin(ReadLedger(limit=2000)).entries
    set_by = [entry.openings for entry in every if b'"password_set"' in entry.body]
    assert set_by
    assert all("user_name" not in (openings or {}) for openings in set_by)


def test_nobody_locks_themselves_out(desk):
    root = desk.sign_in("root")
    for operation in (DisableUser("root@clinic"), SetRole("root@clinic", "member")):
        with pytest.raises(Invalid):
            desk.administer(root, operation)


def test_the_two_questions_agree_with_what_is_decided(desk):
    root = desk.sign_in("root")
    for operation in (
        AddGroup("nurses@clinic"),
        SetMembership("nurses@clinic", "anna@clinic", member=True),
        AddFolder("clinic:/in/deep"),
        GrantFolder("clinic:/in", "group:nurses@clinic", ("list", "read")),
        GrantFolder("clinic:/in/deep", "anna@clinic", ("write",)),
        GrantFolder("clinic:/in", "ines@insurer", ("list",), "/theirs"),
    ):
        desk.administer(root, operation)
    rows = [row.values for row in desk.administer(root, RightsOfUser("anna@clinic")).rows]
    assert rows == [
        ("clinic:/in", ("list", "read"), "group:nurses@clinic", ""),
        ("clinic:/in/deep", ("write",), "", ""),
    ]
    rows = [row.values for row in desk.administer(root, RightsOnFolder("clinic:/in/deep")).rows]
    assert rows == [
        (
            "anna@clinic",
            ("list", "read", "write"),
            ("clinic:/in group:nurses@clinic", "clinic:/in/deep"),
        ),
        ("ines@insurer", ("list",), ("clinic:/in",)),
    ]
    listed = desk.ask(ListFolder(desk.sign_in("anna"), "/in")).entries
    assert [set(entry.rights) for entry in listed] == [{"list", "read", "write"}]


def test_an_organization_is_made_once(desk):
    root = desk.sign_in("root")
    desk.administer(root, accounts.AddOrganization("third"))
    with pytest.raises(AlreadyExists):
        desk.administer(root, accounts.AddOrganization("third"))
