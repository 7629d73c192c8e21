"""How much an upload may bring: declared lengths, room under the quotas, how many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane.domain import quotas
from sealane.domain.queries import folders as folder_queries
from sealane.domain.queries import uploads as queries
from sealane.errors import Invalid, Missing, QuotaExceeded, TooLarge, TooMany

if TYPE_CHECKING:
    from sealane.domain.places import Folder
    from sealane.domain.queries.uploads import FileRow
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


def room(work: Work, organization: OrganizationId, folder: Folder | None, file: FileRow | None) -> int:
    """Return how long a file may become here: what the quotas still let in, less what other uploads hold already."""
    left = quotas.room(work, folder.id if folder else _root(work, organization))
    if file is None and folder is not None and left.files < 1:
        raise QuotaExceeded
    if left.bytes == quotas.UNBOUNDED:
        return work.settings.file_bytes_max
    pending = work.transaction.first(queries.PENDING_BYTES, organization=organization)
    free = left.bytes + (file.size if file else 0) - (pending.count if pending else 0)
    return max(0, min(free, work.settings.file_bytes_max))


def check_room(declared: int | None, room: int) -> None:
    """Raise `QuotaExceeded` for a declared length that there is no room for, before any byte of it has come."""
    if declared is not None and declared > room:
        raise QuotaExceeded


def _root(work: Work, organization: OrganizationId) -> FolderId:
    row = work.transaction.first(folder_queries.ROOT_OF, organization_id=organization)
    if row is None:
        raise Missing
    return row.id
