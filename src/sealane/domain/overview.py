"""What runs now, for the administrator: sessions and unfinished uploads; ending a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane.domain import accounts, rows, sessions
from sealane.domain.queries import accounts as account_statements
from sealane.domain.queries import sessions as statements
from sealane.ledger import events
from sealane.operations.envelope import Done
from sealane.operations.failures import SessionMissing

if TYPE_CHECKING:
    from sealane.domain.work import Work
    from sealane.operations.accounts import EndSession, ListSessions, ListUploads, RowsAre


def list_sessions(work: Work, op: ListSessions) -> RowsAre:
    """List open sessions, of one user, of one organization, or all."""
    if op.user:
        accounts.find_user(work, op.user)
    if op.organization:
        accounts.find_organization(work, op.organization)
    name, _, of_user = op.user.rpartition("@")
    if op.user and op.organization not in {"", of_user}:
        return rows.listing((), ())
    found = work.transaction.all(statements.LISTED, at=work.now, organization=op.organization or of_user, user=name)
    if op.part.limit:
        found.reverse()
    part, total = rows.cut(found, op.part, lambda row: f"{row.user}@{row.organization} {row.address}")
    return rows.listing(
        ("session", "user", "door", "address", "method", "credential", "began", "expires"),
        (
            (
                row.id,
                f"{row.user}@{row.organization}",
                row.door,
                row.address,
                row.method,
                row.credential,
                row.began,
                row.expires,
            )
            for row in part
        ),
        total=total,
    )


def end_session(work: Work, op: EndSession) -> Done:
    """End a session by its name."""
    found = work.transaction.all(statements.OPEN_BY_ID, session_id=op.session)
    if not sessions.end(work, found, who=events.OPERATOR, reason="ended by the administrator"):
        raise SessionMissing
    return Done()


def list_uploads(work: Work, op: ListUploads) -> RowsAre:
    """List uploads that are not finished."""
    del op
    return rows.listing(
        ("upload", "user", "path", "size", "declared", "began", "expires"),
        (
            (
                row.id,
                f"{row.user}@{row.organization}",
                row.path,
                row.size,
                row.declared,
                row.began,
                row.expires,
            )
            for row in work.transaction.all(account_statements.UNFINISHED_UPLOADS)
        ),
    )
