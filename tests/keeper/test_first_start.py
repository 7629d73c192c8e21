"""The first start with a passkey: the setup link makes an administrator who has no password, once, for one browser."""

import json
import shutil

import pytest

from sealane.errors import NotSignedIn
from sealane.operations.accounts import ListUsers
from sealane.operations.administering import Administer, ListRecovery
from sealane.operations.audit import ReadLedger
from sealane.operations.browser import LookLink, LookSession, NewSetupLink, SignInAtPage
from sealane.operations.failures import LinkOver, NameInvalid, PasskeysOff, PasskeyWrong
from sealane.operations.passkeys import BeginPasskeySetUp, BeginPasskeySignIn, SetUpWithPasskey, SignInWithPasskey
from tests.keeper.test_passkeys import Authenticator
from tests.keeper.test_sharing import HERE, PASSWORD, Desk

pytestmark = pytest.mark.slow  # each test opens a whole keeper


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    folder = tmp_path_factory.mktemp("first")
    Desk(folder).keeper.close()
    return folder


@pytest.fixture
def desk(tmp_path, empty):
    shutil.copytree(empty, tmp_path / "data")
    made = Desk(tmp_path / "data")
    made.link = made.admin(NewSetupLink()).secret
    yield made
    made.keeper.close()


def begin(desk, *, browser="b", secret=None, name="root", organization="clinic"):
    return desk.ask(BeginPasskeySetUp(secret or desk.link, organization, name, browser, HERE)).options


def finish(desk, response, *, browser="b", secret=None, name="root"):
    return desk.ask(SetUpWithPasskey(secret or desk.link, "clinic", name, "", response, browser, HERE))


def users(desk):
    return [row.values[0] for row in desk.admin(ListUsers()).rows]


def test_the_first_administrator_has_a_passkey_and_no_password_and_runs_the_node(desk):
    key = Authenticator()
    options = begin(desk)
    assert json.loads(options)["user"]["name"] == "root@clinic"
    signed = finish(desk, key.made(options))
    told = desk.ask(LookSession(signed.handle))
    assert (told.user, told.role, told.method, told.administers) == ("root@clinic", "admin", "passkey", "node")
    assert told.proved_until is not None
    desk.ask(Administer(signed.handle, ListRecovery("clinic")))
    with pytest.raises(NotSignedIn):
        desk.ask(SignInAtPage("root@clinic", PASSWORD, HERE))
    again = desk.ask(BeginPasskeySignIn("b", HERE)).options
    assert desk.ask(SignInWithPasskey(key.answered(again), "b", HERE)).handle
    kinds = [json.loads(entry.body)["kind"] for entry in desk.admin(ReadLedger(limit=100)).entries]
    assert kinds.index("user_added") < kinds.index("passkey_added")
    assert "node_organization_set" in kinds


def test_the_link_counts_once_and_for_nothing_once_there_is_a_user(desk):
    key = Authenticator()
    options, other = begin(desk), begin(desk, browser="other")
    finish(desk, key.made(options))
    with pytest.raises(LinkOver):
        finish(desk, Authenticator().made(other), browser="other", name="eve")
    with pytest.raises(LinkOver):
        begin(desk)
    with pytest.raises(LinkOver):
        desk.ask(LookLink(desk.link, HERE))
    assert users(desk) == ["root@clinic"]


def test_only_the_browser_with_the_link_that_was_asked_can_answer(desk):
    answer = Authenticator().made(begin(desk))
    for browser, response in (("other", answer), ("b", "{}"), ("b", "")):
        with pytest.raises(PasskeyWrong):
            finish(desk, response, browser=browser)
    with pytest.raises(LinkOver):
        finish(desk, answer, secret="x" * 43)
    unverified = Authenticator()
    unverified.flags = 1
    with pytest.raises(PasskeyWrong):
        finish(desk, unverified.made(begin(desk)))
    assert users(desk) == []


def test_names_are_looked_at_before_the_authenticator_makes_a_key(desk):
    for wrong in ({"name": ""}, {"name": "a b"}, {"organization": "a/b"}):
        with pytest.raises(NameInvalid):
            begin(desk, **wrong)


def test_without_an_address_of_the_server_there_is_no_passkey(desk):
    desk.set(public_url="")
    with pytest.raises(PasskeysOff):
        begin(desk)
