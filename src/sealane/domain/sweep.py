"""Clearing up: what is past its time goes, in transactions of bounded size.

Interrupted uploads, replaced versions (what is too many of them in a folder too), former headers that let in who was
left out since, downloads whose session is long over, rows of such sessions. Blobs are only marked here (`dead_blobs`);
`blob_sweep.py` deletes them from the store, and only what these acts have made durable.
Not here: ending sessions, forgetting sign-in failures and exchanges (sessions.py, attempts.py, sign_in.py).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sealane.domain import exposures, kept, resume, seals
from sealane.domain.queries import downloads as download_queries
from sealane.domain.queries import sweep as queries
from sealane.domain.queries import uploads as upload_queries
from sealane.domain.queries import versions as version_queries
from sealane.errors import Integrity, NotASegment, TooMany
from sealane.ids import SegmentId
from sealane.ledger import events
from sealane.operations.accounts import SweptIs
from sealane.operations.envelope import Done
from sealane.vault.blobs import check_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sealane.domain.queries.uploads import UploadRow
    from sealane.domain.work import Caller, Work
    from sealane.operations.accounts import Sweep
    from sealane.operations.uploads import DropSegments


def sweep(work: Work, op: Sweep) -> SweptIs:
    """Clear one round at once, for the administrator. All zeros: nothing more was past its time."""
    del op
    return clear(work)


def clear(work: Work) -> SweptIs:
    """Clear at most `sweep_rows_max` of each kind of what is past its time; return how many."""
    limit = work.settings.sweep_rows_max
    marked = len(dead_blobs(work))
    uploads = _expire_uploads(work, limit)
    expired = _expire_versions(work, limit) + _thin_out(work, limit)
    before = work.now - timedelta(seconds=work.settings.ended_session_keep_seconds)
    exposures.forget_old(work, limit)
    if work.transaction.run(queries.FORGET_HEADERS, now=work.now, limit=limit):
        work.destroyed = True
    _end_downloads(work, before, limit)
    for over in (queries.DELETE_VISITS, queries.DELETE_FETCHED):
        work.transaction.run(over, before=before, limit=limit)
    work.transaction.run(queries.DELETE_SESSIONS, before=before, limit=limit)
    return SweptIs(uploads=uploads, versions=expired, blobs=len(dead_blobs(work)) - marked)


def _expire_uploads(work: Work, limit: int) -> int:
    rows = work.transaction.all(upload_queries.EXPIRED_UPLOADS, now=work.now, limit=limit)
    expired = [upload for upload in rows if not _is_closed(work, upload)]
    for upload in expired:
        resume.drop(work, upload, who=events.KEEPER, reason="expired")
    return len(expired)


def _is_closed(work: Work, upload: UploadRow) -> bool:
    """Let an upload be sealed that was closed once and is past its time; what was acknowledged is not dropped."""
    return upload.state == resume.OPEN and seals.settle(work, upload)


def _expire_versions(work: Work, limit: int) -> int:
    before = work.now - timedelta(seconds=work.settings.version_keep_seconds)
    rows = work.transaction.all(version_queries.EXPIRED_VERSIONS, before=before, limit=limit)
    for version in rows:
        kept.expire(work, version)
    return len(rows)


def _thin_out(work: Work, limit: int) -> int:
    """Drop the oldest versions of folders of which too many are kept."""
    dropped = 0
    for folder in tuple(work.tree.overfull):
        gone = kept.thin_out(work, folder, limit - dropped)
        dropped += gone
        if not gone:
            work.tree.overfull.discard(folder)
        if dropped >= limit:
            break
    return dropped


def _end_downloads(work: Work, before: datetime, limit: int) -> None:
    """End downloads whose session is long over. What was sent of them is not known, and that is written down."""
    for download in work.transaction.all(download_queries.LEFT_OPEN, before=before, limit=limit):
        version = work.transaction.first(version_queries.VERSION, version=download.version_id)
        work.transaction.run(download_queries.DELETE_DOWNLOAD, download=download.id)
        work.record(
            events.DownloadEnded(
                who=events.KEEPER,
                download_id=download.id,
                version_id=download.version_id,
                file_id=version.file_id if version else None,
                owner_organization_id=version.organization_id if version else None,
                whole=False,
            )
        )


# --- Blobs -----------------------------------------------------------------------------------------------------------


def dead_blobs(work: Work) -> list[SegmentId]:
    """Return blobs that no row needs any more, oldest first, a batch of them."""
    rows = work.transaction.all(queries.DEAD_BLOBS, limit=work.settings.sweep_rows_max)
    return [row.segment_id for row in rows]


def forget_dead_blobs(work: Work, names: Sequence[SegmentId]) -> int:
    """Drop the rows of dead blobs that are gone from the store; return how many."""
    if names:
        work.transaction.run_many(queries.FORGET_DEAD_BLOB, [{"segment": name} for name in names])
    return len(names)


def unnamed(work: Work, names: Sequence[SegmentId]) -> set[SegmentId]:
    """Return those of some blobs that no row names."""
    if not names:
        return set()
    return set(names).difference(row.segment_id for row in work.transaction.all(queries.NAMED, names=list(names)))


def drop_segments(work: Work, caller: Caller, op: DropSegments) -> Done:
    """Mark segments that a door will not record as dead, those excepted that were recorded all the same."""
    del caller  # whoever has the names has written them: they are random, and told to nobody else
    if len(op.segments) > work.settings.segments_per_record_max:
        raise TooMany
    try:
        names = [check_name(SegmentId(name)) for name in op.segments]
    except Integrity:
        raise NotASegment from None
    work.dead_bytes += bury(work, names) * work.settings.segment_bytes_max
    return Done()


def bury(work: Work, names: Sequence[SegmentId]) -> int:
    """Mark blobs as dead that no row names, so that no record can name them from now on; return how many."""
    dead = sorted(unnamed(work, names))
    if dead:
        work.transaction.run_many(
            version_queries.INSERT_DEAD_BLOB, [{"segment_id": name, "since": work.now} for name in dead]
        )
    return len(dead)
