"""The public keys that files are sealed to for somebody, as they set them themselves. By an administrator: `users.py`.

Must stay true: a key is added only by somebody who proved lately who they are: it opens all that arrives from then on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane.domain import browsing, recipients
from sealane.domain.queries import accounts as account_statements
from sealane.domain.queries import sealed_folders as statements
from sealane.errors import AlreadyExists, TooMany
from sealane.ledger import events
from sealane.operations.browser import OwnRecipientsAre
from sealane.operations.envelope import Done
from sealane.operations.failures import CredentialMissing

if TYPE_CHECKING:
    from sealane.domain.work import Caller, Work
    from sealane.operations.browser import ListOwnRecipients, SetOwnRecipient


def list_own_recipients(work: Work, caller: Caller, op: ListOwnRecipients) -> OwnRecipientsAre:
    """List the caller's age recipients."""
    del op
    return OwnRecipientsAre(_own(work, caller))


def set_own_recipient(work: Work, caller: Caller, op: SetOwnRecipient) -> Done:
    """Add an age recipient to the caller, or take it away. Raises `ProofWanted`, `KeyInvalid`, `TooMany`."""
    browsing.demand_proof(work, caller)
    recipient = recipients.checked(op.recipient)
    if op.present:
        _add(work, caller, recipient)
    elif not work.transaction.run(statements.REMOVE_RECIPIENT, user=caller.user_id, gone=recipient):
        raise CredentialMissing
    kind = events.RecipientAdded if op.present else events.RecipientRemoved
    work.record(
        kind(
            who=caller.who,
            account_id=caller.user_id,
            account_name=caller.name,
            owner_organization_id=caller.organization_id,
            recipient=recipient,
        )
    )
    return Done()


def _add(work: Work, caller: Caller, recipient: str) -> None:
    there = _own(work, caller)
    if recipient in there:
        raise AlreadyExists("The user already has this key.")
    if len(there) >= work.settings.own_recipients_max:
        raise TooMany("You have as many keys as one may have. Take one away that you do not use any more.")
    work.transaction.run(account_statements.ADD_RECIPIENT, user_id=caller.user_id, recipient=recipient, made=work.now)


def _own(work: Work, caller: Caller) -> tuple[str, ...]:
    return tuple(row.recipient for row in work.transaction.all(statements.KEYS_OF, users=[caller.user_id]))
