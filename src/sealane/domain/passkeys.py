"""Passkeys (W3C Web Authentication, level 3): keys in authenticators that verify their owner by themselves.

A passkey signs in alone: having it and opening it are two factors already, so no password and no one-time code are
asked for beside it. Whoever answers is found by the credential, so signing in tells a stranger of no account. Must
stay true: the owner was verified by the authenticator; a challenge counts once, whatever came of it, for a short time,
for the session or browser that it was given to; a counter that goes back refuses (a copy of the authenticator).
"""

from __future__ import annotations

import base64
import json
import secrets
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

from sealane.domain import attempts, browsing, rows, sessions
from sealane.domain.outcomes import Outcome
from sealane.domain.queries import passkeys as statements
from sealane.domain.queries import sign_in as sign_in_statements
from sealane.errors import AlreadyExists, Invalid, Locked, NotSignedIn, TooMany
from sealane.ledger import events
from sealane.operations.envelope import Done
from sealane.operations.failures import CredentialMissing, PasskeysOff, PasskeyWrong
from sealane.operations.passkeys import PasskeyOptions

if TYPE_CHECKING:
    from webauthn.registration.verify_registration_response import VerifiedRegistration

    from sealane.domain.queries.passkeys import PasskeyRow
    from sealane.domain.work import Caller, Work
    from sealane.ids import UserId
    from sealane.operations.accounts import RowsAre
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
    from sealane.settings import Settings

METHOD: Final = "passkey"
_Purpose = Literal["add", "prove", "sign-in"]
_CHALLENGE_BYTES: Final = 32
_NAME_MAX: Final = 64
_RESPONSE_MAX: Final = 32_768
_CREDENTIAL_BYTES_MAX: Final = 1023
"""Web Authentication, 4: a credential id has no more."""


def site(settings: Settings) -> tuple[str, str]:
    """Return the relying party's id and the origin of our pages. Raises `PasskeysOff`: both follow from `public_url`.

    A browser makes passkeys for a name, never for a bare address, and only under TLS or on localhost.
    """
    parts = urlsplit(settings.public_url)
    host = parts.hostname or ""
    named = any(letter.isalpha() for letter in host.rpartition(".")[2]) and ":" not in host
    if not named or (parts.scheme != "https" and host != "localhost"):
        raise PasskeysOff
    return host, f"{parts.scheme}://{parts.netloc}"


# --- challenges ------------------------------------------------------------------------------------------------------


def _challenge(work: Work, purpose: _Purpose, bound: str) -> bytes:
    """Give out a challenge that only this session, or browser, can answer."""
    forget_old(work)
    kept = work.transaction.first(statements.COUNT_CHALLENGES)
    if kept is not None and kept.count >= work.settings.one_time_rows_max:
        raise TooMany
    challenge = secrets.token_bytes(_CHALLENGE_BYTES)
    work.transaction.run(
        statements.ADD_CHALLENGE,
        challenge_hash=sha256(challenge).digest(),
        purpose=purpose,
        bound_hash=sha256(bound.encode()).digest(),
        made=work.now,
    )
    return challenge


def _answered(work: Work, purpose: _Purpose, bound: str, response: str) -> tuple[bytes, bytes] | None:
    """Return the challenge that a response answers and its credential id, used up; None for one that does not count."""
    read = _read(response)
    if read is None:
        return None
    challenge, credential = read
    hashed = sha256(challenge).digest()
    row = work.transaction.first(statements.CHALLENGE, challenge_hash=hashed)
    work.transaction.run(statements.DELETE_CHALLENGE, challenge_hash=hashed)
    until = None if row is None else row.made + timedelta(seconds=work.settings.sign_in_ticket_seconds)
    if row is None or until is None or until <= work.now or row.purpose != purpose:
        return None
    return (challenge, credential) if row.bound_hash == sha256(bound.encode()).digest() else None


def _read(response: str) -> tuple[bytes, bytes] | None:
    """Return the challenge and the credential id that a response names, unproved; None for what is no response."""
    if len(response) > _RESPONSE_MAX:
        return None
    try:
        told: Any = json.loads(response)
        client: Any = json.loads(_plain(told["response"]["clientDataJSON"]))
        challenge, credential = _plain(client["challenge"]), _plain(told["rawId"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return (challenge, credential) if 0 < len(credential) <= _CREDENTIAL_BYTES_MAX else None


def _plain(text: object) -> bytes:
    """Return the bytes of base64url without padding. Raises `ValueError`, `TypeError`."""
    if not isinstance(text, str):
        raise TypeError
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def forget_old(work: Work) -> int:
    """Forget challenges that nobody has answered in time. Returns how many."""
    before = work.now - timedelta(seconds=work.settings.sign_in_ticket_seconds)
    return work.transaction.run(statements.FORGET_CHALLENGES, before=before)


# --- one's own -------------------------------------------------------------------------------------------------------


def begin(work: Work, caller: Caller, op: BeginPasskey) -> PasskeyOptions:
    """Return what an authenticator is to be asked for a new passkey of the caller's."""
    del op
    browsing.demand_proof(work, caller)
    theirs = work.transaction.all(statements.OF_USER, user_id=caller.user_id)
    if len(theirs) >= work.settings.passkeys_per_user_max:
        raise TooMany("You have as many passkeys as an account may have. Remove one first.")
    owner = sha256(f"sealane user {caller.user_id}".encode()).digest()
    return ask_for_new(
        work, bound=caller.session, owner=owner, name=caller.name, known=[row.credential_id for row in theirs]
    )


def ask_for_new(work: Work, *, bound: str, owner: bytes, name: str, known: list[bytes]) -> PasskeyOptions:
    """Return what an authenticator is to be asked for a new passkey; only who is `bound` can answer.

    `owner` is what the authenticator files it under, `name` what it shows. Raises `PasskeysOff`.
    """
    from webauthn import generate_registration_options, options_to_json  # noqa: PLC0415  # who has none needs it not
    from webauthn.helpers import structs  # noqa: PLC0415

    host, _ = site(work.settings)
    options = generate_registration_options(
        rp_id=host,
        rp_name="Sealane",
        user_id=owner,
        user_name=name,
        challenge=_challenge(work, "add", bound),
        attestation=structs.AttestationConveyancePreference.NONE,
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=one) for one in known],
    )
    return PasskeyOptions(options=options_to_json(options))


def add(work: Work, caller: Caller, op: AddPasskey) -> Outcome:
    """Take a passkey that the caller's authenticator has made."""
    browsing.demand_proof(work, caller)
    name = _checked_name(op.name)
    told = made_anew(work, bound=caller.session, response=op.response)
    if told is None:
        return Outcome(PasskeyWrong(), 0.0)
    passkey = keep(work, caller.user_id, told, name)
    _record(work, caller, events.PasskeyAdded, passkey)
    return Outcome(Done(), 0.0)


def made_anew(work: Work, *, bound: str, response: str) -> VerifiedRegistration | None:
    """Return the passkey that an authenticator has made for who is `bound`, checked; None for any other answer."""
    from webauthn import verify_registration_response  # noqa: PLC0415  # as above
    from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415

    host, origin = site(work.settings)
    answered = _answered(work, "add", bound, response)
    if answered is None:
        return None
    try:
        return verify_registration_response(
            credential=response,
            expected_challenge=answered[0],
            expected_rp_id=host,
            expected_origin=origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        return None


def keep(work: Work, owner: UserId, told: VerifiedRegistration, name: str) -> int:
    """Let a passkey sign its owner in; return its number. Raises `AlreadyExists`."""
    if work.transaction.first(statements.BY_CREDENTIAL, credential_id=told.credential_id) is not None:
        raise AlreadyExists("This passkey is known already.")
    return work.transaction.insert(
        statements.ADD,
        user_id=owner,
        credential_id=told.credential_id,
        public_key=told.credential_public_key,
        sign_count=told.sign_count,
        name=name,
        made=work.now,
    )


def list_own(work: Work, caller: Caller, op: ListPasskeys) -> RowsAre:
    """List the caller's passkeys."""
    del op
    found = work.transaction.all(statements.OF_USER, user_id=caller.user_id)
    return rows.listing(("passkey", "name", "made", "used"), ((row.id, row.name, row.made, row.used) for row in found))


def rename(work: Work, caller: Caller, op: RenamePasskey) -> Done:
    """Give one of the caller's passkeys another name."""
    name = _checked_name(op.name)
    if not work.transaction.run(statements.RENAME, passkey=op.passkey, whose=caller.user_id, new_name=name):
        raise CredentialMissing
    return Done()


def remove(work: Work, caller: Caller, op: RemovePasskey) -> Done:
    """Remove one of the caller's passkeys; what it opened ends."""
    browsing.demand_proof(work, caller)
    if not work.transaction.run(statements.REMOVE, passkey=op.passkey, whose=caller.user_id):
        raise CredentialMissing
    sessions.end_of_credential(
        work,
        caller.user_id,
        who=caller.who,
        method=METHOD,
        credential=credential(op.passkey),
        reason="passkey removed",
    )
    _record(work, caller, events.PasskeyRemoved, op.passkey)
    return Done()


def remove_of_user(work: Work, user_id: UserId) -> int:
    """Remove all passkeys of somebody who has lost what they sign in with. Returns how many."""
    return work.transaction.run(statements.REMOVE_OF_USER, whose=user_id)


def credential(passkey: int) -> str:
    """Return how a session names the passkey that opened it. Pure."""
    return f"passkey {passkey}"


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > _NAME_MAX or not name.isprintable():
        raise Invalid(f"Give the passkey a name of at most {_NAME_MAX} characters.")
    return name


def _record(work: Work, caller: Caller, kind: type[events.PasskeyAdded | events.PasskeyRemoved], passkey: int) -> None:
    work.record(
        kind(
            who=caller.who,
            account_id=caller.user_id,
            account_name=caller.name,
            owner_organization_id=caller.organization_id,
            passkey_id=passkey,
        )
    )


# --- signing in, proving again ---------------------------------------------------------------------------------------


def begin_proof(work: Work, caller: Caller, op: BeginPasskeyProof) -> PasskeyOptions:
    """Return what one of the caller's authenticators is to be asked."""
    del op
    found = work.transaction.all(statements.OF_USER, user_id=caller.user_id)
    if not found:
        raise CredentialMissing
    return _asking(work, "prove", caller.session, [row.credential_id for row in found])


def begin_sign_in(work: Work, op: BeginPasskeySignIn) -> Outcome:
    """Return what whatever authenticator is there is to be asked."""
    stands = attempts.standing(work, name="", address=op.address)
    if stands.locked:
        return Outcome(Locked(), attempts.wait_seconds(work, stands))
    return Outcome(_asking(work, "sign-in", op.browser, []), 0.0)


def _asking(work: Work, purpose: _Purpose, bound: str, allowed: list[bytes]) -> PasskeyOptions:
    from webauthn import generate_authentication_options, options_to_json  # noqa: PLC0415  # as above
    from webauthn.helpers import structs  # noqa: PLC0415

    host, _ = site(work.settings)
    options = generate_authentication_options(
        rp_id=host,
        challenge=_challenge(work, purpose, bound),
        allow_credentials=[structs.PublicKeyCredentialDescriptor(id=one) for one in allowed],
        user_verification=structs.UserVerificationRequirement.REQUIRED,
    )
    return PasskeyOptions(options=options_to_json(options))


def prove(work: Work, caller: Caller, op: ProveByPasskey) -> Outcome:
    """Open dangerous steps for a while."""
    row = _verified(work, "prove", caller.session, op.response)
    if row is None or row.user_id != caller.user_id:
        attempts.failed(work, name=caller.name, address=caller.address)
        return Outcome(PasskeyWrong(), 0.0)
    sessions.prove(work, caller.session)
    return Outcome(Done(), 0.0)


def sign_in(work: Work, op: SignInWithPasskey) -> Outcome:
    """Open a session for the owner of a passkey."""
    stands = attempts.standing(work, name="", address=op.address)
    if stands.locked:
        return Outcome(Locked(), attempts.wait_seconds(work, stands))
    row = _verified(work, "sign-in", op.browser, op.response)
    account = None if row is None else work.transaction.first(sign_in_statements.BY_ID, user_id=row.user_id)
    if row is None or account is None or account.disabled is not None:
        attempts.count_stranger(work, address=op.address, door=sessions.WEB)
        attempts.failed(work, name="", address=op.address)
        stands = attempts.standing(work, name="", address=op.address)
        return Outcome(NotSignedIn("This passkey is not known here."), attempts.wait_seconds(work, stands))
    opened = sessions.begin_on_record(
        work, account, method=METHOD, door=sessions.WEB, address=op.address, credential=credential(row.id)
    )
    return Outcome(opened, 0.0)


def _verified(work: Work, purpose: _Purpose, bound: str, response: str) -> PasskeyRow | None:
    """Return the passkey that has answered rightly, its counter noted; None for any other answer."""
    from webauthn import verify_authentication_response  # noqa: PLC0415  # as above
    from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415

    host, origin = site(work.settings)
    answered = _answered(work, purpose, bound, response)
    row = None if answered is None else work.transaction.first(statements.BY_CREDENTIAL, credential_id=answered[1])
    if answered is None or row is None:
        return None
    try:
        told = verify_authentication_response(
            credential=response,
            expected_challenge=answered[0],
            expected_rp_id=host,
            expected_origin=origin,
            credential_public_key=row.public_key,
            credential_current_sign_count=row.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        return None
    work.transaction.run(statements.USE, passkey=row.id, counted=told.new_sign_count, at=work.now)
    return row
