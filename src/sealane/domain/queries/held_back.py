"""Statements of what is held back until it was read, and of how much waits."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import bindparam

from sealane.database.exposure_tables import exposures
from sealane.database.sealed_tables import seals
from sealane.database.statements import Statement
from sealane.database.tables import files, uploads, versions
from sealane.domain.queries.sealed_folders import below
from sealane.ids import FileId, FolderId, UploadId


class BacklogRow(NamedTuple):
    """How much waits."""

    files: int
    bytes: int


class HeldRow(NamedTuple):
    """How much is held back, and since when the oldest is."""

    files: int
    bytes: int
    oldest: datetime | None


class ClosedRow(NamedTuple):
    """An upload that is held back."""

    upload_id: UploadId
    folder_id: FolderId | None
    closed: datetime


class UnreadRow(NamedTuple):
    """A file that was never read."""

    file_id: FileId


_held = seals.c.age_key_id == uploads.c.key_id
_bytes = sa.cast(sa.func.coalesce(sa.func.sum(uploads.c.size), 0), sa.BigInteger).label("bytes")
_both = sa.join(seals, uploads, uploads.c.id == seals.c.upload_id)

BACKLOG = Statement(
    "held_back.backlog",
    sa.select(sa.func.count().label("files"), _bytes).select_from(_both).where(seals.c.settles <= bindparam("now")),
    BacklogRow,
)
"""Closed uploads that the inspectors have before them: to be read, or read and sealed."""
OWED = Statement(
    "held_back.owed",
    sa.select(
        sa.func.count().label("files"),
        sa.cast(sa.func.coalesce(sa.func.sum(versions.c.size), 0), sa.BigInteger).label("bytes"),
    ).where(versions.c.owes.is_not(None)),
    BacklogRow,
)
HELD = Statement(
    "held_back.held",
    sa.select(sa.func.count().label("files"), _bytes, sa.func.min(seals.c.closed).label("oldest"))
    .select_from(_both)
    .where(_held, seals.c.closed.is_not(None)),
    HeldRow,
)
CLOSED = Statement(
    "held_back.closed",
    sa.select(seals.c.upload_id, uploads.c.folder_id, seals.c.closed)
    .select_from(_both)
    .where(_held, seals.c.settles.is_not(None), seals.c.closed <= bindparam("before"))
    .order_by(seals.c.closed),
    ClosedRow,
)
"""Oldest first."""

UNREAD_BELOW = Statement(
    "held_back.unread_below",
    sa.select(files.c.id.label("file_id"))
    .select_from(
        sa.join(files, versions, versions.c.id == files.c.version_id).outerjoin(
            exposures, exposures.c.version_id == versions.c.id
        )
    )
    .where(
        files.c.folder_id.in_(sa.select(below("folder_id").c.id)),
        versions.c.format == bindparam("format"),
        versions.c.size > 0,
        sa.or_(exposures.c.version_id.is_(None), exposures.c.coverage == bindparam("waiting")),
    )
    .limit(1),
    UnreadRow,
)
"""A file in a folder, or below it, whose present content was never read."""
