"""Statements of the way out: downloads that have begun, and who sent and fetched a version."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import bindparam

from sealane.database.ledger_tables import ledger
from sealane.database.statements import Statement, parameters
from sealane.database.tables import downloads, organizations, sessions, users
from sealane.ids import DownloadId, SessionId, VersionId


class DownloadRow(NamedTuple):
    """A download that has begun and not ended."""

    id: DownloadId
    session_id: SessionId
    version_id: VersionId


class TransferRow(NamedTuple):
    """An entry of the ledger about a version, and its user's name."""

    seq: int
    at: datetime
    kind: str
    body: bytes
    leaf: bytes
    user: str
    organization: str


_DOWNLOAD = (downloads.c.id, downloads.c.session_id, downloads.c.version_id)

INSERT_DOWNLOAD = Statement(
    "downloads.add",
    sa.insert(downloads).values(**parameters("session_id", "version_id", "began")).returning(downloads.c.id),
)

DOWNLOAD = Statement(
    "downloads.one",
    sa.select(*_DOWNLOAD)
    .join(sessions, sessions.c.id == downloads.c.session_id)
    .where(downloads.c.id == bindparam("download"), sessions.c.user_id == bindparam("user")),
    DownloadRow,
)
"""Only by the user who began it. Not only by that session: a token's session is short, and may be renewed meanwhile."""

DELETE_DOWNLOAD = Statement("downloads.delete", sa.delete(downloads).where(downloads.c.id == bindparam("download")))

GO_ON = Statement(
    "downloads.go_on",
    sa.update(downloads)
    .where(
        downloads.c.session_id
        == sa.select(sessions.c.id)
        .where(sessions.c.handle_hash == bindparam("handle_hash"), sessions.c.user_id == bindparam("user"))
        .scalar_subquery()
    )
    .values(session_id=bindparam("session")),
)
"""What runs in a session of a user goes on in the next; a session's handle is known to who speaks in it alone."""

LEFT_OPEN = Statement(
    "downloads.left_open",
    sa.select(*_DOWNLOAD)
    .outerjoin(sessions, sessions.c.id == downloads.c.session_id)
    .where(sa.or_(sessions.c.id.is_(None), sessions.c.ended < bindparam("before")))
    .order_by(downloads.c.id)
    .limit(bindparam("limit", type_=sa.Integer)),
    DownloadRow,
)
"""Downloads whose session is long over: no door will say any more how they ended."""

_TRANSFERS = (
    sa.select(
        ledger.c.seq,
        ledger.c.at,
        ledger.c.kind,
        ledger.c.body,
        ledger.c.leaf,
        users.c.name.label("user"),
        organizations.c.name.label("organization"),
    )
    .join(users, users.c.id == ledger.c.user_id)
    .join(organizations, organizations.c.id == users.c.organization_id)
    .where(ledger.c.version_id == bindparam("version"), ledger.c.kind.in_(bindparam("kinds", expanding=True)))
    .order_by(ledger.c.seq)
    .limit(bindparam("limit", type_=sa.Integer))
)
TRANSFERS = Statement("downloads.transfers", _TRANSFERS, TransferRow)
"""Everybody's, for the organization that owns the file, and for its sender."""
TRANSFERS_SEEN = Statement(
    "downloads.transfers_seen",
    _TRANSFERS.where(
        sa.or_(users.c.organization_id == bindparam("organization"), ledger.c.kind == bindparam("upload_kind"))
    ),
    TransferRow,
)
"""Who sent it, and what one's own organization fetched: organizations do not see each other."""
