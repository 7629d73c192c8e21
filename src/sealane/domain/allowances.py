"""How much an upload may bring: declared lengths, room under the quotas, how many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane.domain import pending, quotas
from sealane.domain.queries import uploads as queries
from sealane.errors import Invalid, QuotaExceeded, TooLarge, TooMany

if TYPE_CHECKING:
    from sealane.domain.queries.uploads import FileRow, UploadRow
    from sealane.domain.work import Caller, Work
    from sealane.ids import FolderId, OrganizationId


def check_declared(work: Work, declared: int | None) -> None:
    """Raise `TooLarge` for a declared length that no file may have."""
    if declared is not None and declared < 0:
        raise Invalid
    if declared is not None and declared > work.settings.file_bytes_max:
        raise TooLarge


def check_count(work: Work, caller: Caller) -> None:
    """Raise `TooMany` for a user with as many unfinished uploads as one may have."""
    open_now = work.transaction.first(queries.OPEN_OF_USER, user=caller.user_id)
    if open_now is not None and open_now.count >= work.settings.uploads_per_user_max:
        raise TooMany("You have too many unfinished uploads. Finish or remove some of them.")
    if open_now is not None and open_now.count + 1 >= work.settings.uploads_per_user_max:
        work.tree.filled()  # what may begin now may be the last


def room(
    work: Work, organization: OrganizationId, folder_id: FolderId | None, file: FileRow | None, *, own: int = 0
) -> int:
    """Return how long a file may become here: what the quotas still let in, less what other uploads hold already.

    `own`: what the upload that asks holds itself. Raises `QuotaExceeded` where no file more may be.
    """
    at = pending.place(work, organization, folder_id)
    if file is None and folder_id is not None and quotas.room(work, at).files < 1:
        raise QuotaExceeded
    free = quotas.unheld_bytes(work, at)
    if free == quotas.UNBOUNDED:
        return work.settings.file_bytes_max
    return max(0, min(free + own + (file.size if file else 0), work.settings.file_bytes_max))


def room_of(work: Work, upload: UploadRow) -> int:
    """Return how long an upload may become; what it holds already is its own."""
    folder_id = upload.folder_id or upload.target_id
    return room(work, upload.organization_id, folder_id, pending.file_at(work, upload), own=upload.held)


def check_whole(work: Work, caller: Caller, folder_id: FolderId, name: str, *, whole: int | None, room: int) -> None:
    """Raise for a part of a whole that is longer than there is room for, its other parts being a part of that."""
    check_declared(work, whole)
    others = work.transaction.first(queries.HELD_FOR, user=caller.user_id, folder=folder_id, name=name)
    check_room(whole, room + (others.count if others else 0))


def check_growth(work: Work, upload: UploadRow, held: int) -> None:
    """Raise `QuotaExceeded` where there is no room for what an upload is about to hold more than until now."""
    growth = held - upload.held
    if growth <= 0:
        return
    free = quotas.unheld_bytes(work, pending.place_of(work, upload))
    if growth <= free:
        return
    file = pending.file_at(work, upload)
    if growth > free + (file.size if file else 0):
        raise QuotaExceeded


def check_room(declared: int | None, room: int) -> None:
    """Raise `QuotaExceeded` for a declared length that there is no room for, before any byte of it has come."""
    if declared is not None and declared > room:
        raise QuotaExceeded
