"""What users sign in with besides passwords: SSH keys and API tokens. Taking one away ends the sessions it opened."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from sealane import ids
from sealane.domain import accounts, rows, sessions, sign_in, ssh_keys
from sealane.domain.queries import accounts as statements
from sealane.errors import AlreadyExists, Invalid
from sealane.ids import SshKeyId, TokenId
from sealane.ledger import events
from sealane.operations.accounts import TokenIs
from sealane.operations.envelope import Done
from sealane.operations.failures import CredentialMissing

if TYPE_CHECKING:
    from sealane.domain.queries.accounts import UserRow
    from sealane.domain.work import Work
    from sealane.operations.accounts import (
        AddSshKey,
        AddToken,
        ListSshKeys,
        ListTokens,
        RemoveSshKey,
        RevokeToken,
        RowsAre,
    )

_TOKEN_BYTES = 32
_TOKEN_NAME_CHARACTERS = 10


def add_ssh_key(work: Work, op: AddSshKey) -> Done:
    """Add an SSH public key. Raises `SshKeyInvalid` for weak or unknown kinds, `AlreadyExists` if they have it."""
    enroll(work, accounts.find_user(work, op.user), op.user, op.line)
    return Done()


def enroll(work: Work, user: UserRow, full_name: str, line: str) -> None:
    """Add the SSH public key of a line of `authorized_keys` to a user."""
    key = ssh_keys.parse_line(line)
    if any(row.fingerprint == key.fingerprint for row in work.transaction.all(statements.SSH_KEYS, user_id=user.id)):
        raise AlreadyExists("The user already has this key.")
    key_id = SshKeyId(
        work.transaction.insert(
            statements.ADD_SSH_KEY,
            user_id=user.id,
            fingerprint=key.fingerprint,
            blob=key.blob,
            comment=key.comment,
            made=work.now,
        )
    )
    work.record(
        events.SshKeyAdded(
            account_id=user.id,
            account_name=full_name,
            owner_organization_id=user.organization_id,
            ssh_key_id=key_id,
            fingerprint=key.fingerprint,
        )
    )


def remove_ssh_key(work: Work, op: RemoveSshKey) -> Done:
    """Remove an SSH public key; the sessions that it opened end."""
    user = accounts.find_user(work, op.user)
    found = [
        row for row in work.transaction.all(statements.SSH_KEYS, user_id=user.id) if row.fingerprint == op.fingerprint
    ]
    if not found:
        raise CredentialMissing
    work.transaction.run(statements.REMOVE_SSH_KEY, key=found[0].id)
    sessions.end_of_credential(
        work, user.id, who=events.OPERATOR, method=sessions.KEY, credential=op.fingerprint, reason="key removed"
    )
    work.record(
        events.SshKeyRemoved(
            account_id=user.id,
            account_name=op.user,
            owner_organization_id=user.organization_id,
            ssh_key_id=found[0].id,
            fingerprint=op.fingerprint,
        )
    )
    return Done()


def list_ssh_keys(work: Work, op: ListSshKeys) -> RowsAre:
    """List a user's SSH keys."""
    user = accounts.find_user(work, op.user)
    return rows.listing(
        ("fingerprint", "comment", "made"),
        (
            (row.fingerprint, row.comment, row.made)
            for row in work.transaction.all(statements.SSH_KEYS, user_id=user.id)
        ),
    )


def add_token(work: Work, op: AddToken) -> TokenIs:
    """Make an API token of 256 random bits. It is in this answer and nowhere else; only its hash is stored."""
    user = accounts.find_user(work, op.user)
    if not op.scopes:
        raise Invalid("A token needs a scope: read, write or admin.")
    if op.expires is not None and op.expires <= work.now:
        raise Invalid("The token would have expired already.")
    name = ids.random_name()[:_TOKEN_NAME_CHARACTERS]
    token = sign_in.TOKEN_PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
    scopes = tuple(sorted(set(op.scopes)))
    token_id = TokenId(
        work.transaction.insert(
            statements.ADD_TOKEN,
            user_id=user.id,
            name=name,
            secret_hash=sign_in.token_hash(token),
            scopes=" ".join(scopes),
            made=work.now,
            expires=op.expires,
        )
    )
    work.record(
        events.TokenAdded(
            account_id=user.id,
            account_name=op.user,
            owner_organization_id=user.organization_id,
            token_id=token_id,
            token_name=name,
            scopes=scopes,
            expires=op.expires,
        )
    )
    return TokenIs(token=token, name=name)


def revoke_token(work: Work, op: RevokeToken) -> Done:
    """Revoke a token by its name; the sessions that it opened end."""
    user = accounts.find_user(work, op.user)
    found = [
        row
        for row in work.transaction.all(statements.TOKENS, user_id=user.id)
        if row.name == op.name and row.revoked is None
    ]
    if not found:
        raise CredentialMissing
    work.transaction.run(statements.REVOKE_TOKEN, token=found[0].id, at=work.now)
    sessions.end_of_credential(
        work, user.id, who=events.OPERATOR, method=sessions.TOKEN, credential=op.name, reason="token revoked"
    )
    work.record(
        events.TokenRevoked(
            account_id=user.id,
            account_name=op.user,
            owner_organization_id=user.organization_id,
            token_id=found[0].id,
            token_name=op.name,
        )
    )
    return Done()


def list_tokens(work: Work, op: ListTokens) -> RowsAre:
    """List a user's tokens, without their secrets."""
    user = accounts.find_user(work, op.user)
    return rows.listing(
        ("name", "scopes", "made", "expires", "revoked"),
        (
            (row.name, tuple(row.scopes.split()), row.made, row.expires, row.revoked)
            for row in work.transaction.all(statements.TOKENS, user_id=user.id)
        ),
    )
