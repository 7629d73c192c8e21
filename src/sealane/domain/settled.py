"""Which uploads are to be sealed now: those that have settled, leased to inspectors in turn.

What came first goes first, and what failed, is huge or has no recipients now stands before nobody else. Not here: what
is done with one that is leased (sealing.py).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sealane.domain import converting, inspection, places, recipients
from sealane.domain.queries import sealing as statements
from sealane.errors import Conflict, Missing
from sealane.ids import VersionId
from sealane.operations.sealing import SealingsAre

if TYPE_CHECKING:
    from sealane.domain.queries.sealing import SettledRow
    from sealane.domain.work import Work
    from sealane.ids import FolderId
    from sealane.operations.sealing import LeaseSealings

_ANY_SIZE: Final = 2**62
_LOOKS_MAX: Final = 64
"""How many batches of uploads without recipients one lease goes past."""


def lease_sealings(work: Work, op: LeaseSealings) -> SealingsAre:
    """Lease uploads that have settled and are leased to nobody who is there, oldest first."""
    limit = max(1, min(op.limit, work.settings.inspector_batch))
    free = _in_turn(work, limit + work.holds.leased(), small=op.small)[:limit]
    if len(free) < limit and converting.convert_some(work):
        free = _in_turn(work, limit + work.holds.leased(), small=op.small)[:limit]
    leased = inspection.batch_of(work, [(row.upload_id, row.size) for row in free])
    until = work.now + timedelta(seconds=work.settings.inspector_lease_seconds)
    for upload in leased:
        work.transaction.run(statements.LEASE, upload=upload, until=until)
        work.holds.lease(VersionId(upload), work.connection)
    following = work.transaction.first(statements.NEXT_TO_SETTLE, now=work.now)
    at = following.at if following else None
    return SealingsAre(tuple(leased), None if at is None else max(0.0, (at - work.now).total_seconds()))


def _in_turn(work: Work, wanted: int, *, small: bool) -> list[SettledRow]:
    """Return what can be sealed now: first what was not tried yet, so that what fails, or is huge, holds up nobody.

    What there is no recipient for waits for a while, and what comes after it is looked at instead.
    """
    later = work.now + timedelta(seconds=work.settings.inspector_poll_seconds)
    most = work.settings.inspector_small_bytes_max if small else _ANY_SIZE
    fits: dict[FolderId | None, bool] = {}
    for _ in range(_LOOKS_MAX):
        settled = work.transaction.all(statements.SETTLED, now=work.now, size_max=most, limit=wanted)
        if len(settled) < wanted:
            more = wanted - len(settled)
            settled += work.transaction.all(statements.TRIED, now=work.now, size_max=most, limit=more)
        fits |= {folder: _has_recipients(work, folder) for folder in {row.folder_id for row in settled} - fits.keys()}
        without = [row for row in settled if not fits[row.folder_id]]
        for row in without:
            work.transaction.run(statements.SETTLE, upload=row.upload_id, at=later)
        free = [row for row in settled if fits[row.folder_id] and _is_free(work, row, small=small)]
        if free or not without:
            break
    return free


def _is_free(work: Work, row: SettledRow, *, small: bool) -> bool:
    return inspection.is_free(work, VersionId(row.upload_id), row.leased_until, small=small)


def _has_recipients(work: Work, folder_id: FolderId | None) -> bool:
    try:
        folder = None if folder_id is None else places.of_organization(work, folder_id)
        if folder is None or folder.row.sealed_by is None:
            return folder is not None  # what was held back there is only read
        return bool(recipients.of_folder(work, folder.id, folder.organization_id).keys)
    except (Missing, Conflict):
        return False
