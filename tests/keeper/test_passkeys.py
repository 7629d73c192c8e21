"""Passkeys, as the keeper sees them: an authenticator's answer counts once, for its own session, user and site."""

import base64
import dataclasses
import hashlib
import json
import secrets
import shutil

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from sealane.errors import AlreadyExists, Invalid, Locked, NotSignedIn, SessionEnded, TooMany
from sealane.operations.accounts import AddOrganization, AddUser, DisableUser
from sealane.operations.browser import LookSession, RemoveSecondFactorOf, SignInAtPage
from sealane.operations.failures import CredentialMissing, PasskeysOff, PasskeyWrong, ProofWanted
from sealane.operations.passkeys import (
    AddPasskey,
    BeginPasskey,
    BeginPasskeyProof,
    BeginPasskeySignIn,
    ListPasskeys,
    ProveByPasskey,
    RemovePasskey,
    RenamePasskey,
    SignInWithPasskey,
)
from tests.keeper.test_sharing import HERE, PASSWORD, THERE, Desk
from tests.keeper_in_process import hashing_quickly

pytestmark = pytest.mark.slow  # together they take longer than make check may

ORIGIN = "https://files.example"
PRESENT, VERIFIED, ATTESTED = 1, 4, 64


def plain(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encoded(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Authenticator:
    """A security key in software (Web Authentication, 6): ES256, resident, verifies its owner unless told not to."""

    def __init__(self, site="files.example"):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = secrets.token_bytes(32)
        self.site = site
        self.count = 0
        self.flags = PRESENT | VERIFIED
        self.origin = ORIGIN

    def _client(self, kind, challenge):
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()

    def _data(self, flags):
        return hashlib.sha256(self.site.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def made(self, options):
        told = json.loads(options)
        numbers = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        data = self._data(self.flags | ATTESTED) + bytes(16) + len(self.id).to_bytes(2, "big") + self.id
        statement = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data + cbor2.dumps(cose)})
        response = {
            "clientDataJSON": encoded(self._client("webauthn.create", told["challenge"])),
            "attestationObject": encoded(statement),
        }
        return self._credential(response)

    def answered(self, options, *, count=True):
        told = json.loads(options)
        self.count += count
        client, data = self._client("webauthn.get", told["challenge"]), self._data(self.flags)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": encoded(client),
            "authenticatorData": encoded(data),
            "signature": encoded(signature),
        }
        return self._credential(response)

    def _credential(self, response):
        return json.dumps({
            "id": encoded(self.id), "rawId": encoded(self.id), "type": "public-key", "response": response,
        })  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def quick_passwords():
    with hashing_quickly():
        yield


@pytest.fixture(scope="module")
def furnished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("passkeys")
    desk = Desk(folder)
    for operation in (
        AddOrganization("clinic"),
        AddUser("anna@clinic", password=PASSWORD),
        AddUser("ben@clinic", password=PASSWORD),
    ):
        desk.admin(operation)
    desk.keeper.close()
    return folder


@pytest.fixture
def desk(tmp_path, furnished):
    shutil.copytree(furnished, tmp_path / "data")
    made = Desk(tmp_path / "data")
    made.anna = made.sign_in("anna@clinic")
    yield made
    made.keeper.close()


def enrolled(desk, handle=None, name="telephone"):
    key, handle = Authenticator(), handle or desk.anna
    desk.ask(AddPasskey(handle, key.made(desk.ask(BeginPasskey(handle)).options), name))
    return key


def begin(desk, browser="b"):
    return desk.ask(BeginPasskeySignIn(browser, THERE)).options


def test_a_passkey_signs_in_alone_and_opens_dangerous_steps(desk):
    key = enrolled(desk)
    options = begin(desk)
    assert json.loads(options)["userVerification"] == "required"
    assert json.loads(options)["allowCredentials"] == []
    signed = desk.ask(SignInWithPasskey(key.answered(options), "b", THERE))
    told = desk.ask(LookSession(signed.handle))
    assert (told.user, told.method) == ("anna@clinic", "passkey")
    assert told.proved_until is not None
    assert {"passkey_added", "sign_in"} <= set(desk.kinds())
    (row,) = desk.ask(ListPasskeys(desk.anna)).rows
    assert row.values[1] == "telephone"
    assert row.values[3] is not None


def test_an_answer_counts_once_in_its_browser_and_in_its_time(desk):
    key = enrolled(desk)
    answer = key.answered(begin(desk))
    desk.ask(SignInWithPasskey(answer, "b", THERE))
    late = key.answered(begin(desk))
    others = [(answer, "b"), (key.answered(begin(desk)), "elsewhere")]
    for response, browser in others:
        with pytest.raises(NotSignedIn):
            desk.ask(SignInWithPasskey(response, browser, THERE))
    desk.later(301)
    with pytest.raises(NotSignedIn):
        desk.ask(SignInWithPasskey(late, "b", THERE))


def test_a_wrong_answer_uses_its_challenge_up(desk):
    key, options = enrolled(desk), begin(desk)
    stranger = Authenticator()
    stranger.id = key.id
    with pytest.raises(NotSignedIn):
        desk.ask(SignInWithPasskey(stranger.answered(options), "b", THERE))
    with pytest.raises(NotSignedIn):
        desk.ask(SignInWithPasskey(key.answered(options), "b", THERE))


@pytest.mark.parametrize("wrong", ["unverified", "site", "origin", "unknown", "counter"])
def test_what_an_authenticator_must_not_say_is_refused(desk, wrong):
    key = enrolled(desk)
    key.count = 5
    desk.ask(SignInWithPasskey(key.answered(begin(desk)), "b", THERE))
    match wrong:
        case "unverified":
            key.flags = PRESENT
        case "site":
            key.site = "evil.example"
        case "origin":
            key.origin = "https://evil.example"
        case "unknown":
            key.id = secrets.token_bytes(32)
        case "counter":
            key.count = 3
    with pytest.raises(NotSignedIn):
        desk.ask(SignInWithPasskey(key.answered(begin(desk)), "b", THERE))


@pytest.mark.parametrize("response", ["", "[]", "{}", "null", '{"rawId": 1}', "[" * 5000, "x" * 40_000])
def test_what_is_no_answer_is_refused_as_any_other(desk, response):
    with pytest.raises(NotSignedIn):
        desk.ask(SignInWithPasskey(response, "b", THERE))
    with pytest.raises(PasskeyWrong):
        desk.ask(AddPasskey(desk.anna, response, "x"))


def test_refused_answers_lock_their_address_range(desk):
    key = enrolled(desk)
    desk.set(sign_in_range_failures_max=3)
    for _ in range(3):
        with pytest.raises(NotSignedIn):
            desk.ask(SignInWithPasskey("{}", "b", THERE))
    with pytest.raises(Locked):
        begin(desk)
    options = desk.ask(BeginPasskeySignIn("b", HERE)).options
    assert desk.ask(SignInWithPasskey(key.answered(options), "b", HERE)).handle


def test_a_passkey_proves_again_who_its_owner_is_and_nobody_else(desk):
    ben = desk.sign_in("ben@clinic")
    with pytest.raises(CredentialMissing):
        desk.ask(BeginPasskeyProof(ben))
    key, bens = enrolled(desk), enrolled(desk, ben, "stick")
    desk.later(901)
    with pytest.raises(ProofWanted):
        desk.ask(BeginPasskey(desk.anna))
    with pytest.raises(PasskeyWrong):
        desk.ask(ProveByPasskey(desk.anna, bens.answered(desk.ask(BeginPasskeyProof(desk.anna)).options)))
    with pytest.raises(PasskeyWrong):  # of another session
        desk.ask(ProveByPasskey(desk.anna, key.answered(desk.ask(BeginPasskeyProof(ben)).options)))
    with pytest.raises(PasskeyWrong):  # for another purpose
        desk.ask(ProveByPasskey(desk.anna, key.answered(begin(desk, "b"))))
    desk.ask(ProveByPasskey(desk.anna, key.answered(desk.ask(BeginPasskeyProof(desk.anna)).options)))
    assert desk.ask(BeginPasskey(desk.anna)).options


def test_passkeys_are_named_bounded_and_removed_with_what_they_opened(desk):
    key = enrolled(desk)
    with pytest.raises((PasskeyWrong, AlreadyExists)):
        desk.ask(AddPasskey(desk.anna, key.made(desk.ask(BeginPasskey(desk.anna)).options), "again"))
    (row,) = desk.ask(ListPasskeys(desk.anna)).rows
    number = row.values[0]
    ben = desk.sign_in("ben@clinic")
    for operation in (RenamePasskey(ben, number, "mine"), RemovePasskey(ben, number)):
        with pytest.raises(CredentialMissing):
            desk.ask(operation)
    with pytest.raises(Invalid):
        desk.ask(RenamePasskey(desk.anna, number, "\n"))
    desk.ask(RenamePasskey(desk.anna, number, "old telephone"))
    desk.set(passkeys_per_user_max=1)
    with pytest.raises(TooMany):
        desk.ask(BeginPasskey(desk.anna))
    opened = desk.ask(SignInWithPasskey(key.answered(begin(desk)), "b", THERE)).handle
    desk.ask(RemovePasskey(desk.anna, number))
    with pytest.raises(SessionEnded):
        desk.ask(LookSession(opened))
    with pytest.raises(NotSignedIn):
        desk.ask(SignInWithPasskey(key.answered(begin(desk)), "b", THERE))
    assert desk.kinds().count("passkey_removed") == 1


def test_an_administrator_takes_lost_passkeys_away_and_a_disabled_user_has_none(desk):
    key = enrolled(desk)
    desk.admin(RemoveSecondFactorOf("anna@clinic"))
    with pytest.raises(NotSignedIn):
        desk.ask(SignInWithPasskey(key.answered(begin(desk)), "b", THERE))
    ben = desk.sign_in("ben@clinic")
    bens = enrolled(desk, ben)
    desk.admin(DisableUser("ben@clinic"))
    with pytest.raises(NotSignedIn):
        desk.ask(SignInWithPasskey(bens.answered(begin(desk)), "b", THERE))
    assert desk.ask(SignInAtPage("anna@clinic", PASSWORD, HERE)).signed


@pytest.mark.parametrize("url", ["", "https://192.0.2.1", "https://[2001:db8::1]:8443", "http://files.example"])
def test_without_a_name_of_its_own_under_tls_a_server_makes_no_passkeys(desk, url):
    desk.keeper.keeper.settings = dataclasses.replace(desk.keeper.keeper.settings, public_url=url)
    with pytest.raises(PasskeysOff):
        begin(desk)
