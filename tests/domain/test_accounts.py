"""Administration: organizations, users, groups, credentials, grants, keys; each act on record, each end an end."""

import pytest

from sealane.domain import keyring
from sealane.domain.table import ACTS
from sealane.errors import AlreadyExists, Integrity, Invalid, Missing, SessionEnded
from sealane.operations import (
    accounts,
    administering,
    audit,
    browser,
    exposures,
    files,
    inspection,
    passkeys,
    sealing,
    settings,
    sharing,
    signing,
    uploads,
    versions,
)
from sealane.operations.accounts import (
    AddFolder,
    AddGroup,
    AddOrganization,
    AddToken,
    AddUser,
    DisableUser,
    EndSession,
    Granted,
    GrantFolder,
    RemoveSshKey,
    RevokeFolder,
    RevokeToken,
    RotateNodeKey,
    RotateOrganizationKey,
    SetFolderQuota,
    SetMembership,
    SetPassword,
    SetRole,
)
from sealane.operations.audit import LookLedger, ReadLedger
from sealane.operations.envelope import Operation
from sealane.operations.failures import (
    CredentialMissing,
    GrantMissing,
    GroupMissing,
    NameInvalid,
    OrganizationMissing,
    PasswordInvalid,
    SessionMissing,
    UserMissing,
)
from sealane.operations.files import Look
from sealane.vault.keys import NodeKeys
from tests.domain.test_sign_in import KEY, line_of

pytestmark = pytest.mark.slow  # together they take longer than make check may

STEPS_OF_THE_KEEPER = {
    signing.HostKeys,
    signing.SignExchange,
    signing.SignInWithKey,
    signing.SignInWithPassword,
    signing.SignInWithToken,
    signing.Health,
    audit.Checkpoint,
    accounts.AddUser,
    accounts.SetPassword,
    browser.ChangeOwnPassword,
    browser.LookLink,
    browser.ProveAgain,
    browser.SetPasswordByLink,
    browser.SetUp,
    browser.SignInAtPage,
    browser.SignInWithCode,
    passkeys.AddPasskey,
    passkeys.BeginPasskeySetUp,
    passkeys.BeginPasskeySignIn,
    passkeys.ProveByPasskey,
    passkeys.SetUpWithPasskey,
    passkeys.SignInWithPasskey,
    sharing.AskCode,
    sharing.EnterWithCode,
    sharing.EnterWithLink,
    sharing.LookInvitation,
    sharing.MakeShare,
}
"""What the keeper walks through itself, in several steps."""


def test_every_operation_has_its_act():
    modules = (accounts, administering, audit, browser, exposures, files, inspection)
    modules += (passkeys, sealing, settings, sharing, signing, uploads, versions)
    operations = {
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Operation) and hasattr(value, "answer")
    }
    assert operations - STEPS_OF_THE_KEEPER == set(ACTS)


@pytest.mark.parametrize(
    "name", ["", "a@b", "a:b", "a/b", "a b", "..", ".", "-x", "n" * 65, "a\n", "\u202ea", "a\\b", "a,b", "a\ud800"]
)
def test_a_crooked_account_name_is_refused_everywhere(office, name):
    office.organization("clinic")
    for op in (
        AddOrganization(name=name),
        AddUser(user=f"{name}@clinic"),
        AddGroup(group=f"group:{name}@clinic"),
    ):
        with pytest.raises(NameInvalid):
            office.admin(op)
    assert office.kinds() == ["organization_added"]


def test_names_that_differ_only_in_case_are_taken(office):
    office.user("Ångström@Clinic")
    office.admin(AddGroup(group="Readers@Clinic"))
    for op in (
        AddOrganization(name="clinic"),
        AddUser(user="ångström@Clinic"),
        AddUser(user="A\u030angström@Clinic"),
        AddGroup(group="readers@Clinic"),
    ):
        with pytest.raises(AlreadyExists):
            office.admin(op)
    office.user("Ångström@lab")


def test_what_is_not_there_is_told_to_the_operator(office):
    office.user("anna@clinic")
    for op, missing in (
        (AddUser(user="x@nowhere"), OrganizationMissing),
        (DisableUser(user="x@clinic"), UserMissing),
        (SetMembership(group="g@clinic", user="anna@clinic", member=True), GroupMissing),
        (RemoveSshKey(user="anna@clinic", fingerprint="SHA256:x"), CredentialMissing),
        (RevokeToken(user="anna@clinic", name="x"), CredentialMissing),
        (GrantFolder(folder="clinic:/x", grantee="anna@clinic", rights=("list",)), Missing),
        (RevokeFolder(folder="clinic:/", grantee="anna@clinic"), GrantMissing),
        (EndSession(session="x"), SessionMissing),
        (SetFolderQuota(folder="clinic:/x", quota_bytes=1), Missing),
        (DisableUser(user="anna"), NameInvalid),
        (AddFolder(folder="/x"), NameInvalid),
        (ReadLedger(user="x@clinic"), UserMissing),
    ):
        with pytest.raises(missing):
            office.admin(op)


def test_an_organization_has_a_key_of_its_own(office):
    office.organization("clinic")
    office.organization("lab")

    def upload_key_of_one_opened_by_the_other(work):
        from sealane.domain import accounts as finding

        clinic, lab = (finding.find_organization(work, name) for name in ("clinic", "lab"))
        _, wrapped = keyring.organization_key(work, clinic.id).new_upload_key()
        assert keyring.organization_key(work, clinic.id).unwrap_upload_key(wrapped)
        keyring.organization_key(work, lab.id).unwrap_upload_key(wrapped)

    with pytest.raises(Integrity):
        office.do(upload_key_of_one_opened_by_the_other)


def test_rotating_keys_leaves_every_upload_key_what_it_was_and_needs_no_old_key_file(office, tmp_path):
    office.organization("clinic")
    made = []

    def some(work):
        from sealane.domain import accounts as finding

        organization = finding.find_organization(work, "clinic").id
        made.extend(keyring.new_upload_key(work, organization) for _ in range(3))

    office.do(some)
    for op in (RotateOrganizationKey(name="clinic"), RotateNodeKey(), RotateOrganizationKey(name="clinic")):
        office.admin(op)
        for old in range(1, office.keys.generation):
            (tmp_path / "keys" / f"node-{old}.key").unlink(missing_ok=True)
        office.keys = NodeKeys.open(tmp_path / "keys", may_create=False)
        opened = office.do(lambda work: keyring.open_upload_keys(work, [key_id for key_id, _ in made]))
        assert opened == dict(made)
    assert office.kinds()[-3:] == ["organization_key_rotated", "node_key_rotated", "organization_key_rotated"]
    assert office.events[-1].rewrapped == 3


def test_a_user_is_made_whole_or_not_at_all(office):
    office.organization("clinic")
    with pytest.raises(Invalid):
        office.admin(AddUser(user="anna@clinic", ssh_keys=(line_of(KEY), "nonsense")))
    with pytest.raises(Invalid):
        office.admin(AddUser(user="anna@clinic", recipients=("nonsense",)))
    with pytest.raises(Invalid):
        office.admin(AddUser(user="anna@clinic", email="nonsense"))
    with pytest.raises(AlreadyExists):
        office.admin(AddUser(user="anna@clinic", ssh_keys=(line_of(KEY), line_of(KEY))))
    assert office.rows("ListUsers") == ()
    office.admin(AddUser(user="anna@clinic", email="anna@example.org", ssh_keys=(line_of(KEY),), role="auditor"))
    (row,) = office.rows("ListUsers", organization="clinic")
    assert dict(zip(row.columns, row.values, strict=True)) | {"made": ""} == {
        "user": "anna@clinic",
        "role": "auditor",
        "email": "anna@example.org",
        "password": False,
        "keys": 1,
        "tokens": 0,
        "made": "",
        "disabled": None,
    }


@pytest.mark.parametrize("length", [0, 7, 1025])
def test_a_password_has_a_least_and_a_most_length(office, length):
    office.user("anna@clinic")
    with pytest.raises(PasswordInvalid):
        office.admin(SetPassword(user="anna@clinic", password="p" * length))


def test_what_is_no_text_is_no_password(office):
    office.user("anna@clinic")
    with pytest.raises(PasswordInvalid, match="UTF-8"):
        office.admin(SetPassword(user="anna@clinic", password="correct \udcff horse"))


def test_a_password_is_nowhere_in_events_or_listings(office):
    office.organization("clinic")
    office.admin(AddUser(user="anna@clinic", password="correct horse"))
    assert "correct horse" not in repr(office.events)
    assert "argon2" not in repr(office.events) + repr(office.rows("ListUsers"))


def test_a_token_needs_a_scope_and_a_time_to_come(office):
    office.user("anna@clinic")
    for op in (
        AddToken(user="anna@clinic", scopes=(), expires=None),
        AddToken(user="anna@clinic", scopes=("read",), expires=office.clock.now()),
    ):
        with pytest.raises(Invalid):
            office.admin(op)


@pytest.mark.parametrize(
    "taking",
    [
        SetPassword(user="anna@clinic", password="another horse"),
        DisableUser(user="anna@clinic"),
        SetRole(user="anna@clinic", role="auditor"),
        RevokeFolder(folder="clinic:/a", grantee="anna@clinic"),
        RevokeFolder(folder="clinic:/b", grantee="group:team@clinic"),
        GrantFolder(folder="clinic:/a", grantee="anna@clinic", rights=("list",)),
        SetMembership(group="team@clinic", user="anna@clinic", member=False),
    ],
)
def test_what_takes_something_away_ends_the_sessions_that_may_be_using_it(office, taking):
    office.user("anna@clinic")
    office.user("carl@clinic")
    office.admin(AddGroup(group="team@clinic"))
    office.admin(SetMembership(group="team@clinic", user="anna@clinic", member=True))
    office.folder("clinic:/a", "anna@clinic: list,read,write")
    office.folder("clinic:/b", "group:team@clinic: list")
    office.ended.clear()
    anna, carl = office.session("anna@clinic"), office.session("carl@clinic")
    office.admin(taking)
    assert anna.session in office.ended
    assert carl.session not in office.ended


def test_what_only_gives_ends_nothing(office):
    anna = office.user("anna@clinic")
    office.folder("clinic:/a", "anna@clinic: list")
    office.grant("clinic:/a", "anna@clinic", "list,read")
    assert office.ended == []
    assert office.ask(anna, Look(handle="", path="/a")).entry.rights == ("list", "read")


def test_a_group_has_members_of_its_own_organization_only(office):
    office.user("anna@clinic")
    office.user("bert@lab")
    office.admin(AddGroup(group="team@clinic"))
    with pytest.raises(Invalid):
        office.admin(SetMembership(group="team@clinic", user="bert@lab", member=True))
    office.admin(SetMembership(group="team@clinic", user="anna@clinic", member=True))
    office.admin(SetMembership(group="team@clinic", user="anna@clinic", member=True))
    assert [row.values for row in office.rows("ListGroups")] == [("team@clinic", ("anna@clinic",))]
    office.admin(SetMembership(group="team@clinic", user="anna@clinic", member=False))
    with pytest.raises(UserMissing):
        office.admin(SetMembership(group="team@clinic", user="anna@clinic", member=False))
    assert [row.values for row in office.rows("ListGroups")] == [("team@clinic", ())]


def test_a_session_is_ended_by_its_name_and_gone_from_the_listing(office):
    anna = office.user("anna@clinic")
    assert [row.values[0] for row in office.rows("ListSessions", user="anna@clinic")] == [anna.session]
    office.admin(EndSession(session=anna.session))
    assert office.rows("ListSessions") == ()
    assert office.ended == [anna.session]


def test_folders_are_made_with_those_above_them_and_listed_with_their_grants(office):
    office.user("anna@clinic")
    office.user("bert@lab")
    office.folder("clinic:/a/b/c", "bert@lab: list,read: /from-clinic", "anna@clinic: list")
    with pytest.raises(AlreadyExists):
        office.admin(AddFolder(folder="clinic:/a/b"))
    with pytest.raises(Invalid):
        office.admin(AddFolder(folder="clinic:/@lab"))
    with pytest.raises(Invalid):
        office.admin(AddFolder(folder="clinic:/s", settle_seconds=5))
    assert [row.values[:2] for row in office.rows("ListFolders", organization="clinic")] == [
        ("clinic:/a", ()),
        ("clinic:/a/b", ()),
        (
            "clinic:/a/b/c",
            (Granted("bert@lab", ("list", "read"), "from-clinic"), Granted("anna@clinic", ("list",))),
        ),
    ]
    assert office.kinds().count("folder_made") == 3


def test_a_grant_replaces_the_one_before_it(office):
    anna = office.user("anna@clinic")
    office.folder("clinic:/a", "anna@clinic: list,read,write")
    office.grant("clinic:/a", "anna@clinic", "delete")
    assert office.ask(anna, Look(handle="", path="/a")).entry.rights == ("delete",)
    assert [event.rights for event in office.events if event.kind.value == "right_granted"][-1] == ("delete",)
    with pytest.raises(Invalid):
        office.admin(GrantFolder(folder="clinic:/a", grantee="anna@clinic", rights=()))


def test_an_ended_session_speaks_no_more(office):
    from sealane.domain import sessions
    from sealane.domain.queries import sign_in as statements

    office.user("anna@clinic")

    def opened(work):
        account = work.transaction.first(statements.BY_FULL_NAME, name="anna", organization="clinic")
        return sessions.begin(work, account, method="password", credential="", door="http", address="::1")

    signed_in = office.do(opened)
    office.caller(signed_in)
    office.admin(EndSession(session=signed_in.session))
    with pytest.raises(SessionEnded):
        office.caller(signed_in)


def test_the_ledger_is_read_by_pages_and_by_question(office):
    from sealane.ledger.writer import LedgerWriter

    office.user("anna@clinic")
    office.user("bert@lab")
    office.folder("clinic:/a", "anna@clinic: list", "bert@lab: list")
    writer, now = LedgerWriter(), office.clock.now()
    office.do(lambda work: writer.append(work.transaction, [(now, event) for event in office.events]))
    whole = office.admin(ReadLedger()).entries
    assert [entry.seq for entry in whole] == list(range(1, len(office.events) + 1))
    first = office.admin(ReadLedger(limit=3))
    second = office.admin(ReadLedger(limit=1000, after=first.after))
    assert (*first.entries, *second.entries) == whole
    assert second.after == 0
    granted = office.admin(ReadLedger(user="bert@lab", kind="right_granted")).entries
    assert [entry.openings["grantee"][1] for entry in granted] == ["bert@lab"]
    for path in ("clinic:/a", "/a"):
        assert len(office.admin(ReadLedger(path=path)).entries) == 3
    assert office.admin(ReadLedger(path="lab:/a")).entries == ()
    looked = office.admin(LookLedger())
    assert (looked.size, looked.signed) == (len(whole), 0)
    assert looked.key.startswith(looked.origin + "+")
