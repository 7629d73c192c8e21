"""Signing in: what opens a session, what does not, and what a stranger can learn from it."""

import base64
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from sealane.domain import attempts, passwords, sessions, sign_in, ssh_keys
from sealane.errors import Locked, NotSignedIn, SessionEnded, TooMany
from sealane.operations.accounts import (
    AddSshKey,
    AddToken,
    AddUser,
    DisableUser,
    EnableUser,
    RemoveSshKey,
    RevokeToken,
    SetPassword,
)
from sealane.operations.signing import (
    KeyAcceptable,
    SignedIn,
    SignInWithKey,
    SignInWithPassword,
    SignInWithToken,
    SignOut,
)

pytestmark = pytest.mark.slow  # each test opens a whole keeper; together they take longer than make check may


EXCHANGE = b"h" * 32
KEY = ed25519.Ed25519PrivateKey.generate()
STRANGER = ed25519.Ed25519PrivateKey.generate()


def line_of(key) -> str:
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return public.decode() + " a comment"


def blob_of(key) -> bytes:
    return base64.b64decode(line_of(key).split()[1])


def mpint(number: int) -> bytes:
    return ssh_keys.string(number.to_bytes(number.bit_length() // 8 + 1, "big"))


def signature_of(key, message: bytes, algorithm: str) -> bytes:
    """What an SSH client sends, made with `cryptography` alone."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        proof = key.sign(message)
    elif isinstance(key, rsa.RSAPrivateKey):
        chosen = {"ssh-rsa": hashes.SHA1(), "rsa-sha2-256": hashes.SHA256(), "rsa-sha2-512": hashes.SHA512()}[algorithm]
        proof = key.sign(message, padding.PKCS1v15(), chosen)
    else:
        chosen = hashes.SHA256() if key.curve.name == "secp256r1" else hashes.SHA384()
        proof = b"".join(mpint(number) for number in decode_dss_signature(key.sign(message, ec.ECDSA(chosen))))
    return ssh_keys.string(algorithm.encode()) + ssh_keys.string(proof)


def key_request(key, *, name="anna@clinic", algorithm="ssh-ed25519", exchange=EXCHANGE, signed_for=None, **fields):
    message = ssh_keys.request_signed(
        session_identifier=exchange, user=signed_for or name, algorithm=algorithm, blob=blob_of(key)
    )
    values = {
        "name": name,
        "session_identifier": exchange,
        "algorithm": algorithm,
        "key": blob_of(key),
        "signature": signature_of(key, message, algorithm),
        "address": "192.0.2.7",
        **fields,
    }
    return SignInWithKey(**values)


@pytest.fixture
def clinic(office):
    office.user("anna@clinic", ssh_keys=(line_of(KEY),))
    office.events.clear()
    return office


def exchanged(office, exchange=EXCHANGE) -> None:
    office.do(lambda work: sign_in.remember_exchange(work, exchange))


def by_key(office, op):
    return office.do(lambda work: sign_in.sign_in_with_key(work, op)).answer


def by_token(office, token, address="192.0.2.7"):
    op = SignInWithToken(token=token, address=address, door="http")
    return office.do(lambda work: sign_in.sign_in_with_token(work, op)).answer


def by_password(office, password, *, name="anna@clinic", address="192.0.2.7", right=None, outcome=False):
    """The keeper's two steps. `right` spares the slow hashing where only what follows is of interest."""
    op = SignInWithPassword(name=name, password=password, session_identifier=b"", address=address, door="http")
    checked = office.do(lambda work: sign_in.password_to_check(work, op))
    if right is None:
        right = checked is not None and passwords.is_right(checked, password)
    result = office.do(lambda work: sign_in.finish_password(work, op, checked=checked, right=right))
    return result if outcome else result.answer


# --- keys -------------------------------------------------------------------------------------------------------------


def test_a_users_signature_over_an_exchange_of_ours_opens_a_session(clinic):
    exchanged(clinic)
    answer = by_key(clinic, key_request(KEY))
    assert isinstance(answer, SignedIn)
    caller = clinic.caller(answer)
    assert (caller.name, caller.scopes) == ("anna@clinic", frozenset({"read", "write", "admin"}))
    (event,) = clinic.events
    assert (event.kind.value, event.credential) == ("sign_in", ssh_keys.fingerprint(blob_of(KEY)))


def test_a_recorded_signature_played_again_opens_nothing(clinic):
    exchanged(clinic)
    op = key_request(KEY)
    assert isinstance(by_key(clinic, op), SignedIn)
    assert isinstance(by_key(clinic, op), NotSignedIn)
    assert clinic.events[-1].reason == "replayed"


@pytest.mark.parametrize(("late_by", "outcome"), [(0, SignedIn), (1, NotSignedIn)])
def test_a_signature_counts_only_within_the_grace_time_and_for_an_exchange_of_ours(clinic, late_by, outcome):
    assert isinstance(by_key(clinic, key_request(KEY)), NotSignedIn)
    exchanged(clinic)
    clinic.clock.advance(timedelta(seconds=clinic.settings.login_grace_seconds + late_by))
    assert isinstance(by_key(clinic, key_request(KEY)), outcome)


@pytest.mark.parametrize(
    "crooked",
    [
        {"signed_for": "bert@clinic"},
        {"signature": b""},
        {"signature": ssh_keys.string(b"ssh-ed25519") + ssh_keys.string(b"\0" * 64)},
        {"key": b""},
        {"key": blob_of(STRANGER)},
        {"name": "bert@clinic"},
        {"name": "nobody@clinic"},
        {"name": ""},
        {"name": "anna\0@clinic"},
        {"name": "anna@clinic\0"},
        {"name": "n" * 5000},
        {"name": "anna@lab"},
        {"session_identifier": b"x" * 32},
        {"algorithm": "none"},
    ],
)
def test_whatever_is_not_exactly_right_opens_nothing_and_answers_alike(clinic, crooked):
    clinic.admin(AddUser(user="bert@clinic", ssh_keys=(line_of(STRANGER),)))
    exchanged(clinic)
    op = key_request(KEY, signed_for=crooked.get("signed_for"))
    values = {field: crooked.get(field, getattr(op, field)) for field in op.__struct_fields__}
    answer = by_key(clinic, SignInWithKey(**values))
    assert (type(answer), answer.sentence) == (NotSignedIn, NotSignedIn.default)


def test_another_users_key_does_not_sign_in_as_anna(clinic):
    clinic.admin(AddUser(user="bert@clinic", ssh_keys=(line_of(STRANGER),)))
    exchanged(clinic)
    assert isinstance(by_key(clinic, key_request(STRANGER)), NotSignedIn)


def test_a_key_is_acceptable_only_for_its_own_enabled_user(clinic):
    def acceptable(name, key):
        op = KeyAcceptable(name=name, key=blob_of(key), address="192.0.2.7")
        return clinic.do(lambda work: sign_in.key_acceptable(work, op)).acceptable

    assert acceptable("anna@clinic", KEY)
    assert acceptable("anna", KEY)
    assert not acceptable("anna@clinic", STRANGER)
    assert not acceptable("nobody@clinic", KEY)
    clinic.admin(DisableUser(user="anna@clinic"))
    assert not acceptable("anna@clinic", KEY)


def test_the_right_key_of_a_disabled_user_locks_nobody_out(clinic):
    exchanged(clinic)
    clinic.admin(DisableUser(user="anna@clinic"))
    for _ in range(clinic.settings.sign_in_range_failures_max + 1):
        answer = by_key(clinic, key_request(KEY))
        assert (type(answer), answer.sentence) == (NotSignedIn, WHY["disabled"])
    assert isinstance(by_token(clinic, "sealane_guess"), NotSignedIn)


def test_a_bare_name_serves_where_it_is_unique(clinic):
    exchanged(clinic)
    assert isinstance(by_key(clinic, key_request(KEY, name="anna")), SignedIn)
    clinic.user("anna@lab")
    exchanged(clinic, b"i" * 32)
    assert isinstance(by_key(clinic, key_request(KEY, name="anna", exchange=b"i" * 32)), NotSignedIn)
    assert isinstance(by_key(clinic, key_request(KEY, exchange=b"i" * 32)), SignedIn)


def test_removing_a_key_ends_what_it_opened_and_only_that(clinic):
    clinic.admin(AddSshKey(user="anna@clinic", line=line_of(STRANGER)))
    exchanged(clinic)
    exchanged(clinic, b"i" * 32)
    first = by_key(clinic, key_request(KEY))
    second = by_key(clinic, key_request(STRANGER, exchange=b"i" * 32))
    clinic.ended.clear()
    clinic.admin(RemoveSshKey(user="anna@clinic", fingerprint=ssh_keys.fingerprint(blob_of(KEY))))
    assert clinic.ended == [first.session]
    with pytest.raises(SessionEnded):
        clinic.caller(first)
    assert clinic.caller(second)


# --- passwords --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_right_password_opens_a_session_and_a_wrong_one_does_not(clinic):
    clinic.admin(SetPassword(user="anna@clinic", password="correct horse"))
    assert isinstance(by_password(clinic, "correct horse"), SignedIn)
    assert isinstance(by_password(clinic, "wrong horse"), NotSignedIn)
    assert clinic.events[-1].reason == "wrong-password"


@pytest.mark.slow
def test_a_user_without_a_password_has_none_that_is_right(clinic):
    for password in ("", "None"):
        assert isinstance(by_password(clinic, password), NotSignedIn)


def test_a_password_that_was_changed_while_it_was_checked_opens_nothing(clinic):
    clinic.admin(SetPassword(user="anna@clinic", password="correct horse"))
    op = SignInWithPassword(
        name="anna@clinic", password="correct horse", session_identifier=b"", address="192.0.2.7", door="http"
    )
    checked = clinic.do(lambda work: sign_in.password_to_check(work, op))
    clinic.admin(SetPassword(user="anna@clinic", password="another horse"))
    assert isinstance(
        clinic.do(lambda work: sign_in.finish_password(work, op, checked=checked, right=True)).answer, NotSignedIn
    )


def test_over_ssh_a_password_needs_an_exchange_of_ours_and_uses_it_up(clinic):
    def by_ssh():
        op = SignInWithPassword(
            name="anna@clinic", password="x", session_identifier=EXCHANGE, address="192.0.2.7", door="sftp"
        )
        checked = clinic.do(lambda work: sign_in.password_to_check(work, op))
        return clinic.do(lambda work: sign_in.finish_password(work, op, checked=checked, right=True)).answer

    clinic.admin(SetPassword(user="anna@clinic", password="correct horse"))
    assert isinstance(by_ssh(), NotSignedIn)
    exchanged(clinic)
    assert isinstance(by_ssh(), SignedIn)
    assert isinstance(by_ssh(), NotSignedIn)


def test_failures_slow_down_then_lock_and_a_stranger_cannot_tell_an_account_from_none(clinic):
    clinic.admin(SetPassword(user="anna@clinic", password="correct horse"))

    def tries(name, address):
        seen = []
        for _ in range(clinic.settings.sign_in_failures_max + 2):
            outcome = by_password(clinic, "wrong", name=name, address=address, right=False, outcome=True)
            seen.append((type(outcome.answer), outcome.wait_seconds))
        return seen

    known = tries("anna@clinic", "192.0.2.7")
    unknown = tries("nobody@clinic", "198.51.100.7")
    assert known == unknown
    waits = [wait for _, wait in known]
    assert waits[:2] == [0.0, 0.0]
    assert waits == sorted(waits)
    assert waits[-1] == 4.0
    assert [kind for kind, _ in known] == [NotSignedIn] * clinic.settings.sign_in_failures_max + [Locked] * 2


def test_a_name_is_one_in_either_normal_form(clinic):
    clinic.user("zo\u00eb@clinic")
    clinic.admin(SetPassword(user="zo\u00eb@clinic", password="correct horse"))
    for number in range(clinic.settings.sign_in_failures_max):
        name = ("zo\u00eb@clinic", "zoe\u0308@clinic")[number % 2]
        by_password(clinic, "wrong", name=name, address=f"198.51.{number}.1", right=False)
    assert isinstance(by_password(clinic, "x", name="zoe\u0308@clinic", right=True, address="203.0.113.9"), Locked)


def test_a_locked_name_gets_no_password_tried_not_even_the_right_one_until_its_time_is_over(clinic):
    clinic.admin(SetPassword(user="anna@clinic", password="correct horse"))
    for _ in range(clinic.settings.sign_in_failures_max):
        by_password(clinic, "wrong", right=False)
    op = SignInWithPassword(
        name="anna@clinic", password="x", session_identifier=b"", address="203.0.113.9", door="http"
    )
    assert clinic.do(lambda work: sign_in.password_to_check(work, op)) is None
    assert isinstance(by_password(clinic, "x", right=True, address="203.0.113.9"), Locked)
    clinic.clock.advance(timedelta(seconds=clinic.settings.sign_in_lock_seconds + 1))
    assert isinstance(by_password(clinic, "x", right=True), SignedIn)


def test_tries_at_once_do_not_get_past_the_lock(clinic):
    clinic.admin(SetPassword(user="anna@clinic", password="correct horse"))
    op = SignInWithPassword(name="anna@clinic", password="x", session_identifier=b"", address="192.0.2.7", door="http")
    checked = clinic.do(lambda work: sign_in.password_to_check(work, op))
    for _ in range(clinic.settings.sign_in_failures_max):
        by_password(clinic, "wrong", right=False)
    late = clinic.do(lambda work: sign_in.finish_password(work, op, checked=checked, right=True))
    assert isinstance(late.answer, Locked)


def test_a_key_and_a_token_still_open_a_session_while_passwords_are_locked(clinic):
    token = clinic.admin(AddToken(user="anna@clinic", scopes=("read",), expires=None)).token
    for _ in range(clinic.settings.sign_in_range_failures_max):
        by_token(clinic, "sealane_wrong")
    assert isinstance(by_token(clinic, "sealane_wrong"), Locked)
    assert isinstance(by_token(clinic, token), SignedIn)
    exchanged(clinic)
    assert isinstance(by_key(clinic, key_request(KEY)), SignedIn)


def test_an_address_range_is_counted_together_and_its_neighbours_are_not(clinic):
    clinic.set(sign_in_range_failures_max=3)
    for number in range(3):
        by_password(clinic, "wrong", name=f"user{number}", address=f"192.0.2.{number}", right=False)
    assert isinstance(by_password(clinic, "x", name="other", address="192.0.2.200", right=False), Locked)
    assert isinstance(by_password(clinic, "x", name="other", address="192.0.3.200", right=False), NotSignedIn)


def test_signing_in_forgets_the_failures_of_the_name(clinic):
    clinic.admin(SetPassword(user="anna@clinic", password="correct horse"))
    for _ in range(2):
        for _ in range(clinic.settings.sign_in_failures_max - 1):
            assert isinstance(by_password(clinic, "wrong", right=False), NotSignedIn)
        assert isinstance(by_password(clinic, "correct horse", right=True), SignedIn)


def test_failures_of_long_ago_do_not_count(clinic):
    for _ in range(3):
        for _ in range(clinic.settings.sign_in_failures_max - 1):
            assert isinstance(by_password(clinic, "wrong", right=False), NotSignedIn)
        clinic.clock.advance(timedelta(seconds=clinic.settings.sign_in_window_seconds))
    clinic.clock.advance(timedelta(seconds=1))
    assert clinic.do(attempts.forget_old) == 2


def test_what_is_remembered_of_failures_is_bounded(clinic):
    clinic.set(failures_kept_rows_max=5, sign_in_range_failures_max=10**6)
    for number in range(20):
        by_password(clinic, "wrong", name=f"guess{number}", right=False)
        clinic.clock.advance(timedelta(milliseconds=1))
    from sealane.domain.queries.sign_in import COUNT_FAILURES

    assert clinic.do(lambda work: work.transaction.first(COUNT_FAILURES)).count == 5


# --- strangers --------------------------------------------------------------------------------------------------------


def test_strangers_are_counted_by_range_and_minute_and_written_once_the_minute_is_over(clinic):
    for number in range(4):
        by_password(clinic, "x", name=f"nobody{number}", address=f"192.0.2.{number}", right=False)
    by_token(clinic, "sealane_guess", address="2001:db8::1")
    assert clinic.events == []
    assert clinic.do(attempts.write_strangers) == 0
    clinic.clock.advance(timedelta(minutes=1))
    assert clinic.do(attempts.write_strangers) == 2
    assert [(event.address_range, event.count) for event in clinic.events] == [
        ("192.0.2.0/24", 4),
        ("2001:db8::/64", 1),
    ]
    assert clinic.do(attempts.write_strangers) == 0


def test_a_flood_of_strangers_takes_a_bounded_number_of_rows_and_events(clinic):
    clinic.set(strangers_kept_rows_max=3)
    for number in range(12):
        by_token(clinic, "sealane_guess", address=f"10.0.{number}.1")
    clinic.clock.advance(timedelta(minutes=1))
    clinic.do(attempts.write_strangers)
    assert [(event.address_range, event.count) for event in clinic.events] == [
        ("10.0.0.0/24", 1),
        ("10.0.1.0/24", 1),
        ("10.0.2.0/24", 1),
        (attempts.MANY_RANGES, 9),
    ]


def test_a_refusal_of_a_known_account_is_on_record_by_itself(clinic):
    by_password(clinic, "x", right=False)
    (event,) = clinic.events
    assert (event.kind.value, event.account_name, event.who.address) == ("sign_in_refused", "anna@clinic", "192.0.2.7")


@given(st.ip_addresses())
def test_every_address_has_a_range_and_is_in_it(address):
    import ipaddress

    mapped = getattr(address, "ipv4_mapped", None)
    assert (mapped or address) in ipaddress.ip_network(attempts.range_of(str(address)))


@given(st.text(max_size=60))
def test_what_is_no_address_is_counted_too(text):
    assert attempts.range_of(text)


# --- tokens -----------------------------------------------------------------------------------------------------------


def test_a_token_opens_a_short_session_of_its_own_scopes(clinic):
    token = clinic.admin(AddToken(user="anna@clinic", scopes=("write", "read"), expires=None))
    assert token.token.startswith("sealane_")
    answer = by_token(clinic, token.token)
    assert answer.scopes == ("read", "write")
    assert answer.expires == clinic.clock.now() + timedelta(seconds=clinic.settings.token_session_seconds)
    assert clinic.events[-1].credential == token.name
    clinic.clock.advance(timedelta(seconds=clinic.settings.token_session_seconds))
    with pytest.raises(SessionEnded):
        clinic.caller(answer)
    assert isinstance(by_token(clinic, token.token), SignedIn)


def test_a_session_never_outlives_its_token(clinic):
    expires = clinic.clock.now() + timedelta(seconds=60)
    token = clinic.admin(AddToken(user="anna@clinic", scopes=("read",), expires=expires)).token
    assert by_token(clinic, token).expires == expires
    clinic.clock.advance(timedelta(seconds=60))
    assert isinstance(by_token(clinic, token), NotSignedIn)


def test_a_token_that_was_revoked_or_whose_user_is_disabled_opens_nothing(clinic):
    token = clinic.admin(AddToken(user="anna@clinic", scopes=("read",), expires=None))
    session = by_token(clinic, token.token)
    clinic.admin(DisableUser(user="anna@clinic"))
    assert isinstance(by_token(clinic, token.token), NotSignedIn)
    clinic.admin(EnableUser(user="anna@clinic"))
    again = by_token(clinic, token.token)
    clinic.ended.clear()
    clinic.admin(RevokeToken(user="anna@clinic", name=token.name))
    assert clinic.ended == [again.session]
    assert isinstance(by_token(clinic, token.token), NotSignedIn)
    with pytest.raises(SessionEnded):
        clinic.caller(session)


WHY = {
    "expired": "This token has expired. Ask your administrator for a new one.",
    "revoked": "This token was revoked. Ask your administrator for a new one.",
    "disabled": "This account is disabled. Ask your administrator.",
}


def made_useless(clinic, reason):
    """A right token that opens nothing any more."""
    expires = clinic.clock.now() + timedelta(seconds=60)
    token = clinic.admin(AddToken(user="anna@clinic", scopes=("read",), expires=expires))
    if reason == "expired":
        clinic.clock.advance(timedelta(seconds=60))
    elif reason == "revoked":
        clinic.admin(RevokeToken(user="anna@clinic", name=token.name))
    else:
        clinic.admin(DisableUser(user="anna@clinic"))
    clinic.events.clear()
    return token.token


@pytest.mark.parametrize("reason", WHY)
def test_who_has_a_right_token_is_told_why_it_opens_nothing_any_more(clinic, reason):
    answer = by_token(clinic, made_useless(clinic, reason))
    assert (answer.code, answer.sentence) == ("not-signed-in", WHY[reason])
    (event,) = clinic.events
    assert (event.kind.value, event.reason, event.account_name) == ("sign_in_refused", reason, "anna@clinic")


@pytest.mark.parametrize("reason", WHY)
def test_a_right_token_is_never_told_that_it_is_locked_however_often_and_whoever_else_failed(clinic, reason):
    token = made_useless(clinic, reason)
    for _ in range(3 * clinic.settings.sign_in_failures_max):
        assert by_token(clinic, token).sentence == WHY[reason]
    for _ in range(clinic.settings.sign_in_range_failures_max):
        by_token(clinic, "sealane_guess")
    assert isinstance(by_token(clinic, "sealane_guess"), Locked)
    assert by_token(clinic, token).sentence == WHY[reason]


def test_a_program_that_goes_on_with_an_expired_token_slows_down_only_itself(clinic):
    clinic.admin(SetPassword(user="anna@clinic", password="correct horse"))
    token = made_useless(clinic, "expired")
    waits = []
    for _ in range(2 * clinic.settings.sign_in_range_failures_max):
        op = SignInWithToken(token=token, address="192.0.2.7", door="http")
        waits.append(clinic.do(lambda work, op=op: sign_in.sign_in_with_token(work, op)).wait_seconds)
    assert waits[0] == 0
    assert waits[-1] == 4
    guess = SignInWithToken(token="sealane_guess", address="192.0.2.7", door="http")
    assert clinic.do(lambda work: sign_in.sign_in_with_token(work, guess)).wait_seconds == 0
    assert isinstance(by_password(clinic, "correct horse", right=True), SignedIn)
    refused = [event for event in clinic.events if event.kind.value == "sign_in_refused"]
    assert len(refused) == clinic.settings.sign_in_failures_max
    clinic.clock.advance(timedelta(minutes=1))
    assert clinic.do(attempts.write_strangers) == 1
    assert clinic.events[-1].count == len(waits) - len(refused) + 1


def test_every_token_but_the_right_one_answers_alike(clinic):
    token = clinic.admin(AddToken(user="anna@clinic", scopes=("read",), expires=None)).token
    for position in range(len(token)):
        flipped = token[:position] + chr(ord(token[position]) ^ 1) + token[position + 1 :]
        op = SignInWithToken(token=flipped, address=f"10.0.{position}.1", door="http")
        answer = clinic.do(lambda work, op=op: sign_in.sign_in_with_token(work, op)).answer
        assert (type(answer), answer.sentence) == (NotSignedIn, NotSignedIn.default)
    for odd in ("", " ", token + "\n", "\ud800", token.upper()):
        assert isinstance(by_token(clinic, odd), NotSignedIn)


def test_the_token_itself_is_nowhere_in_the_database(clinic, tmp_path):
    if clinic.database.dialect != "sqlite":
        pytest.skip("its files are the server's")
    token = clinic.admin(AddToken(user="anna@clinic", scopes=("read",), expires=None))
    session = by_token(clinic, token.token)
    assert token.token not in repr(clinic.rows("ListTokens", user="anna@clinic"))
    assert token.token not in repr(clinic.events)
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("catalogue.sqlite*"))
    assert token.name.encode() in stored
    for secret in (token.token, token.token.removeprefix("sealane_"), session.handle):
        assert secret.encode() not in stored


# --- sessions ---------------------------------------------------------------------------------------------------------


def test_a_session_in_use_lives_on_until_its_lifetime_is_over(clinic):
    clinic.set(session_idle_seconds=100, session_lifetime_seconds=450)
    exchanged(clinic)
    signed_in = by_key(clinic, key_request(KEY))
    for _ in range(7):
        clinic.clock.advance(timedelta(seconds=60))
        clinic.caller(signed_in)
    clinic.clock.advance(timedelta(seconds=60))
    with pytest.raises(SessionEnded):
        clinic.caller(signed_in)


def test_an_idle_session_is_over_and_is_told_and_recorded_by_the_tick(clinic):
    exchanged(clinic)
    signed_in = by_key(clinic, key_request(KEY))
    clinic.clock.advance(timedelta(seconds=clinic.settings.session_idle_seconds))
    with pytest.raises(SessionEnded):
        clinic.caller(signed_in)
    clinic.ended.clear()
    clinic.do(sessions.end_expired)
    assert signed_in.session in clinic.ended
    assert clinic.events[-1].kind.value == "session_ended"


def test_signing_out_ends_the_session_once(clinic):
    exchanged(clinic)
    signed_in = by_key(clinic, key_request(KEY))
    caller = clinic.caller(signed_in)
    clinic.ask(caller, SignOut(handle=signed_in.handle))
    clinic.ask(caller, SignOut(handle=signed_in.handle))
    with pytest.raises(SessionEnded):
        clinic.caller(signed_in)
    assert clinic.kinds().count("session_ended") == 1


def test_a_handle_that_was_not_given_out_speaks_for_nobody(clinic):
    exchanged(clinic)
    signed_in = by_key(clinic, key_request(KEY))
    for handle in ("", signed_in.session, signed_in.handle[:-1], signed_in.handle + "A", "\ud800"):
        with pytest.raises(SessionEnded):
            clinic.do(lambda work, handle=handle: sessions.caller_of(work, handle))


def test_a_user_has_a_most_of_sessions(clinic):
    clinic.set(sessions_per_user_max=2)
    exchanged(clinic)
    assert isinstance(by_key(clinic, key_request(KEY)), SignedIn)
    exchanged(clinic, b"i" * 32)
    assert isinstance(by_key(clinic, key_request(KEY, exchange=b"i" * 32)), TooMany)


def test_disabling_a_user_ends_all_they_are_doing(clinic):
    exchanged(clinic)
    signed_in = by_key(clinic, key_request(KEY))
    clinic.ended.clear()
    clinic.admin(DisableUser(user="anna@clinic"))
    assert signed_in.session in clinic.ended
    with pytest.raises(SessionEnded):
        clinic.caller(signed_in)
    exchanged(clinic, b"i" * 32)
    assert isinstance(by_key(clinic, key_request(KEY, exchange=b"i" * 32)), NotSignedIn)
