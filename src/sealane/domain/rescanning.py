"""Reading stored files (again): when readers have become better, an officer is there now, or a folder is read now.

Sealed files cannot be read any more. Each step looks at a bounded number of files, so that nobody waits long behind it.
Also here: how much waits for the inspector.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane.domain import exposures, named_folders, officers, owing, places, reading
from sealane.domain.queries import exposures as queries
from sealane.domain.queries import held_back as held_queries
from sealane.exposure import READERS
from sealane.ledger import events
from sealane.operations.exposures import QueueIs, RescanIs

if TYPE_CHECKING:
    from sealane.domain.queries.exposures import StoredRow
    from sealane.domain.work import Work
    from sealane.operations.exposures import LookQueue, Rescan


def rescan(work: Work, op: Rescan) -> RescanIs:
    """Have files of a folder and below it (or of all) read that owe it; return how many, and where to go on."""
    root, _, after = op.after.partition("/")
    folder = named_folders.find(work, op.folder) if op.folder else None
    roots = [folder.id] if folder is not None else [row.id for row in work.transaction.all(queries.ROOTS)]
    limit = work.settings.sweep_rows_max
    queued, reached = 0, ""
    for one in roots:
        if root and one < int(root):
            continue
        begin = after if root and one == int(root) else ""
        rows = work.transaction.all(queries.STORED, folder=one, after=begin, limit=limit)
        queued += sum(_queue(work, row) for row in rows if op.everything or _is_due(work, row))
        if len(rows) == limit:
            reached = f"{one}/{rows[-1].id}"
            break
        limit -= len(rows)
    if queued:
        work.arrivals = True
        work.record(
            events.ReadingAsked(
                folder_id=None if folder is None else folder.id,
                owner_organization_id=None if folder is None else folder.organization_id,
                path=op.folder,
                queued=queued,
            )
        )
    return RescanIs(queued, reached)


def _is_due(work: Work, row: StoredRow) -> bool:
    """Return whether reading a file would tell more than is known."""
    if row.readers is None or row.readers < READERS or row.coverage == exposures.WAITING:
        return True
    lacks_list = row.list_id is None and bool(row.people)
    return lacks_list and bool(officers.of_folder(work, row.organization_id, row.folder_id))


def _queue(work: Work, row: StoredRow) -> bool:
    if owing.owes(row.owes, owing.PEOPLE) or not reading.is_read(work, row.folder_id):
        return False
    if row.readers is None:
        folder = places.of_organization(work, row.folder_id)
        arrived = exposures.Arrived(
            row.id, row.organization_id, row.file_id, row.folder_id, folder.path_of(row.name), row.user_id, row.made
        )
        exposures.expect(work, arrived, empty=False)
    last = owing.owes(row.owes, owing.LAST)
    owed = owing.owed(digest=owing.owes(row.owes, owing.DIGEST), people=True, last=last)
    work.transaction.run(queries.OWE, version=row.id, owed=owed)
    return True


def look_queue(work: Work, op: LookQueue) -> QueueIs:
    """Say how much waits for the inspector, and since when."""
    del op
    owed = work.transaction.first(queries.QUEUE)
    settled = work.transaction.first(queries.SETTLED, now=work.now)
    assert owed is not None, "a count has a row"
    held = work.transaction.first(held_queries.HELD)
    assert held is not None, "a count has one row"
    return QueueIs(
        owed.waiting, owed.oldest, 0 if settled is None else settled.waiting, held.files, held.bytes, held.oldest
    )
