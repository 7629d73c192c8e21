"""What unfinished uploads hold of the quotas, counted on their folder and on every folder above it.

An upload holds what is stored of it, at least its length and what it declared: from its begin, so that many at once
cannot bring more than there is room for. A part holds it where the whole that it is for will be, or on its
organization's root if nobody said where. What goes on from a version holds what it adds to it.
Must stay true: `pending_bytes` of a folder is the sum of `held` over the unfinished uploads in it and below it. Whoever
changes an upload's `held`, its place, or deletes it says so here in the same transaction.
Not here: deciding what there is room for (allowances.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane.domain.queries import folders as folder_queries
from sealane.domain.queries import uploads as queries
from sealane.errors import Missing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealane.domain.queries.uploads import FileRow, SegmentRow, UploadRow
    from sealane.domain.queries.versions import DyingRow
    from sealane.domain.work import Work
    from sealane.ids import FolderId, KeyId, OrganizationId


def held(*, stored: int, size: int, declared: int | None, shared: int) -> int:
    """Return what an upload holds; `shared`: how long the version is that it goes on from, whose bytes are counted."""
    return max(stored, size - shared, (declared or 0) - shared, 0)


def held_now(upload: UploadRow, *, stored: int, size: int, declared: int | None = None) -> int:
    """Return what an upload holds once it stands so."""
    declared = upload.declared if declared is None else declared
    return held(stored=stored, size=size, declared=declared, shared=upload.shared)


def is_own(row: SegmentRow | DyingRow, key_id: KeyId) -> bool:
    """Return whether an upload of this key has stored a segment itself: what it shares with a version it has not."""
    return row.key_id == key_id or row.first_chunk is not None  # chunks are never shared


def stored_of(rows: Iterable[SegmentRow | DyingRow], key_id: KeyId) -> int:
    """Return how many bytes of these segments an upload has stored itself."""
    return sum(row.length for row in rows if is_own(row, key_id))


def place(work: Work, organization: OrganizationId, folder_id: FolderId | None) -> FolderId:
    """Return the folder on which an upload is counted."""
    if folder_id is not None and work.tree.folder(work.transaction, folder_id) is not None:
        return folder_id
    row = work.transaction.first(folder_queries.ROOT_OF, organization_id=organization)
    if row is None:
        raise Missing
    return row.id


def place_of(work: Work, upload: UploadRow) -> FolderId:
    """Return the folder on which an upload is counted."""
    return place(work, upload.organization_id, upload.folder_id or upload.target_id)


def file_at(work: Work, upload: UploadRow) -> FileRow | None:
    """Return the file that an upload is going to replace."""
    folder = upload.folder_id or upload.target_id
    if folder is None or not upload.name:
        return None
    return work.transaction.first(queries.FILE_AT, folder=folder, name=upload.name)


def count(work: Work, folder_id: FolderId, more: int) -> None:
    """Count `more` (or less) bytes as held on a folder and all above it."""
    if more:
        work.transaction.run(folder_queries.COUNT_PENDING, charged_id=folder_id, more_bytes=more)
        work.tree.pending(folder_id, more)


def changed(work: Work, upload: UploadRow, now: int) -> None:
    """Count that an upload holds `now` from now on; its row is written by whoever calls."""
    if now != upload.held:
        count(work, place_of(work, upload), now - upload.held)


def let_go(work: Work, uploads: Iterable[UploadRow]) -> None:
    """Count that these uploads hold nothing any more."""
    places: dict[FolderId, int] = {}
    for upload in uploads:
        if upload.held:
            at = place_of(work, upload)
            places[at] = places.get(at, 0) + upload.held
    for at, sum_held in places.items():
        count(work, at, -sum_held)
