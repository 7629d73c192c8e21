"""Quotas: what is visible counts, in bytes and in files, on every folder above it and on the organization.

Versions that were replaced or removed are kept for a time and counted apart (kept.py). A quota of 0 is none.
Must stay true: use on a folder is the sum over the files in it and below it, so whoever makes a file visible, removes
one, changes its size or moves it calls `charge` in the same transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealane.domain import places
from sealane.domain.queries import folders as statements
from sealane.domain.rights import Act, may
from sealane.errors import Exhausted, IsAFolder, Missing, QuotaExceeded
from sealane.operations.files import Space, SpaceIs

if TYPE_CHECKING:
    from sealane.domain.queries.folders import FolderRow, OrganizationUse
    from sealane.domain.work import Caller, Work
    from sealane.ids import FolderId

UNBOUNDED = (1 << 63) - 1
"""What `Room` says where there is no quota."""


@dataclass(frozen=True, slots=True)
class Room:
    """What the tightest quota above a folder still lets in; `UNBOUNDED` without one. Negative when it was lowered."""

    bytes: int
    files: int


def room(work: Work, folder_id: FolderId) -> Room:
    """Return how much may still come into a folder."""
    chain, organization = _chain(work, folder_id)
    return _room([*chain, organization])


def unheld_bytes(work: Work, folder_id: FolderId) -> int:
    """Return how many bytes may still come into a folder beside what unfinished uploads hold already.

    `UNBOUNDED` without a quota; negative where more is held than there is room for.
    """
    chain, organization = _chain(work, folder_id)
    free = [use.quota_bytes - use.used_bytes - use.pending_bytes for use in chain if use.quota_bytes]
    if organization.quota_bytes:
        free.append(organization.quota_bytes - organization.used_bytes - chain[-1].pending_bytes)
    return min(free, default=UNBOUNDED)


def charge(work: Work, folder_id: FolderId, size: int, files: int, *, at_any_rate: bool = False) -> None:
    """Count `size` bytes and `files` files more (or less) in a folder and everything above it.

    Raises `QuotaExceeded` where a quota does not hold the growth; a shrinking or equal use is never refused, nor is
    what was acknowledged before (`at_any_rate`).
    """
    chain, organization = _chain(work, folder_id)
    left = _room([*chain, organization])
    if not at_any_rate and ((size > 0 and size > left.bytes) or (files > 0 and files > left.files)):
        raise QuotaExceeded
    if files > 0 and files >= left.files:
        work.tree.filled()
    more = {"more_bytes": size, "more_files": files}
    work.transaction.run_many(statements.CHARGE, [{"charged_id": row.id, **more} for row in chain])
    work.transaction.run(statements.CHARGE_ORGANIZATION, charged_id=chain[0].organization_id, **more)
    work.tree.charged(folder_id, size, files)


def check_room_for_file(work: Work, folder_id: FolderId) -> None:
    """Raise unless one more file may stand in this folder. Counted only where all files below it reach the limit."""
    folder = work.tree.folder(work.transaction, folder_id)
    if folder is None or folder.used_files < work.settings.folder_entries_max:
        return
    found = work.transaction.first(statements.COUNT_FILES_IN, folder_id=folder_id)
    if found is not None and found.count >= work.settings.folder_entries_max:
        raise Exhausted("This folder has as many files as a folder may have.")


def space(work: Work, caller: Caller, op: Space) -> SpaceIs:
    """Say how much room there is at a path: what lies in its folder, and what the tightest quota still lets in.

    A quota is shown as use here plus room, so that nobody learns what lies elsewhere in the organization.
    """
    folder = _folder_at(work, caller, op.path)
    if not may(caller, Act.SEE, folder.granted):
        return SpaceIs(quota_bytes=0, used_bytes=0, quota_files=0, used_files=0)
    left = room(work, folder.id)
    used = folder.row
    return SpaceIs(
        quota_bytes=0 if left.bytes == UNBOUNDED else used.used_bytes + max(left.bytes, 0),
        used_bytes=used.used_bytes,
        quota_files=0 if left.files == UNBOUNDED else used.used_files + max(left.files, 0),
        used_files=used.used_files,
    )


def _folder_at(work: Work, caller: Caller, path: str) -> places.Folder:
    try:
        return places.find_file(work, caller, path)[0]
    except IsAFolder:
        return places.find_folder(work, caller, path)


def _chain(work: Work, folder_id: FolderId) -> tuple[list[FolderRow], OrganizationUse]:
    """Return a folder and all above it, upwards to the root, and the use of their organization."""
    chain = work.tree.chain(work.transaction, folder_id)
    if not chain:
        raise Missing
    organization = work.tree.use(work.transaction, chain[0].organization_id)
    if organization is None:
        raise Missing
    return chain, organization


def _room(uses: list[FolderRow | OrganizationUse]) -> Room:
    return Room(
        min((use.quota_bytes - use.used_bytes for use in uses if use.quota_bytes), default=UNBOUNDED),
        min((use.quota_files - use.used_files for use in uses if use.quota_files), default=UNBOUNDED),
    )
