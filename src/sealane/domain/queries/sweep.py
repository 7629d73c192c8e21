"""Statements of clearing up: rows past their time, and blobs that nothing names."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import bindparam

from sealane.database.exposure_tables import people_lists
from sealane.database.sealed_tables import former_headers
from sealane.database.share_tables import share_downloads, share_visits
from sealane.database.statements import Statement
from sealane.database.tables import dead_blobs, segments, sessions
from sealane.ids import SegmentId


class BlobRow(NamedTuple):
    """A blob's name."""

    segment_id: SegmentId


DEAD_BLOBS = Statement(
    "sweep.dead_blobs",
    sa.select(dead_blobs.c.segment_id)
    .order_by(dead_blobs.c.since, dead_blobs.c.segment_id)
    .limit(bindparam("limit", type_=sa.Integer)),
    BlobRow,
)

FORGET_DEAD_BLOB = Statement(
    "sweep.forget_dead_blob", sa.delete(dead_blobs).where(dead_blobs.c.segment_id == bindparam("segment"))
)

NAMED = Statement(
    "sweep.named",
    sa.union_all(
        sa.select(segments.c.id.label("segment_id")).where(segments.c.id.in_(bindparam("names", expanding=True))),
        sa.select(dead_blobs.c.segment_id).where(dead_blobs.c.segment_id.in_(bindparam("names", expanding=True))),
        sa.select(people_lists.c.blob_id.label("segment_id")).where(
            people_lists.c.blob_id.in_(bindparam("names", expanding=True))
        ),
    ),
    BlobRow,
)
"""Those of some blobs that the catalogue knows of."""

FORGET_HEADERS = Statement(
    "sweep.forget_headers",
    sa.delete(former_headers).where(
        former_headers.c.id.in_(
            sa.select(former_headers.c.id)
            .where(former_headers.c.forgotten <= bindparam("now"))
            .order_by(former_headers.c.forgotten)
            .limit(bindparam("limit", type_=sa.Integer))
        )
    ),
)

_LONG_OVER = (
    sa.select(sessions.c.id)
    .where(sessions.c.ended < bindparam("before"))
    .order_by(sessions.c.ended)
    .limit(bindparam("limit", type_=sa.Integer))
)
DELETE_VISITS = Statement(
    "sweep.delete_visits", sa.delete(share_visits).where(share_visits.c.session_id.in_(_LONG_OVER))
)
DELETE_FETCHED = Statement(
    "sweep.delete_fetched", sa.delete(share_downloads).where(share_downloads.c.session_id.in_(_LONG_OVER))
)
DELETE_SESSIONS = Statement("sweep.delete_sessions", sa.delete(sessions).where(sessions.c.id.in_(_LONG_OVER)))
