"""Packages and requests that have been over for long are forgotten: note, replies, guests and their addresses.

A guest's account goes with them, unless files came from it that may still be stored: the sender of a stored version
stays, without an address. Must stay true: nothing that still opens, or whose visits are not all cleared, is touched;
each act is on record; a request of which accounts stay is erased once (its note is empty then) and not looked at again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sealane.domain.queries import forgetting as statements
from sealane.domain.queries import shares as share_statements
from sealane.ledger import events

if TYPE_CHECKING:
    from sealane.domain.queries.shares import GuestRow, ShareRow
    from sealane.domain.work import Work


def forget_shares(work: Work) -> int:
    """Forget what has been over for `guest_keep_seconds`, a bounded number; return how many. By the keeper's tick."""
    before = work.now - timedelta(seconds=work.settings.guest_keep_seconds)
    found = work.transaction.all(share_statements.LONG_OVER, before=before, limit=work.settings.sweep_rows_max)
    return sum(_forget(work, share) for share in found)


def _forget(work: Work, share: ShareRow) -> bool:
    visits = work.transaction.first(statements.SESSIONS_OF, share_id=share.id)
    if visits is None or visits.count:
        return False
    work.transaction.run(statements.DELETE_CODES_OF_SHARE, share=share.id)
    guests = work.transaction.all(share_statements.GUESTS_OF, share_id=share.id)
    removed = tuple(guest.user_id for guest in guests if _removed(work, share, guest))
    if len(removed) == len(guests):
        work.transaction.run(statements.DELETE_SHARE, share=share.id)
    else:
        work.transaction.run(statements.ERASE_SHARE, share=share.id)
    work.record(
        events.ShareForgotten(
            share_id=share.id,
            owner_organization_id=share.organization_id,
            guest_ids=tuple(guest.user_id for guest in guests),
            removed_ids=removed,
        )
    )
    return True


def _removed(work: Work, share: ShareRow, guest: GuestRow) -> bool:
    """Remove a guest's account; where it may be the sender of something stored, only who it was. Return which."""
    begun = work.transaction.first(statements.UPLOADS_OF_GUEST, user_id=guest.user_id)
    last = guest.fetched if share.kind == "request" else guest.replied
    sent = share.came_files > 0 and last is not None
    if sent or begun is None or begun.count:
        work.transaction.run(statements.ERASE_GUEST, guest=guest.user_id)
        work.transaction.run(statements.ERASE_GUESTS_MAILBOX, guest=guest.user_id)
        return False
    work.transaction.run(statements.DELETE_GUEST, guest=guest.user_id)
    work.transaction.run(statements.DELETE_GUESTS_ACCOUNT, guest=guest.user_id)
    return True
