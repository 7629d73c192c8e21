"""When folders publish and how far reading is behind, for an administrator who has signed in, and for a door's metrics.

Only administrators of the folder's organization; with a token of the scope `admin`, which was made for such things, or
with a proof that is fresh. The operator's own commands are in `reading.py`.
Must stay true: numbers of what waits name no file, folder or user.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane.domain import browsing, held_back, named_folders, reading, rescanning, sessions
from sealane.domain.queries import browser as queries
from sealane.errors import Missing, NotAllowed
from sealane.operations.exposures import BacklogIs, FolderReadingIs, LookQueue, SetReading

if TYPE_CHECKING:
    from sealane.domain.work import Caller, Work
    from sealane.operations.exposures import LookBacklog, LookFolderReading, LookOwnBacklog, SetFolderPublishing


def look_folder_reading(work: Work, caller: Caller, op: LookFolderReading) -> FolderReadingIs:
    """Say how a folder is read. Raises `NotAllowed`, `Missing`."""
    _demand_administrator(work, caller)
    return _told(work, caller, op.path)


def set_folder_publishing(work: Work, caller: Caller, op: SetFolderPublishing) -> FolderReadingIs:
    """Say when a folder publishes. Raises `NotAllowed`, `ProofWanted`, `Missing`, `Invalid`."""
    _demand_administrator(work, caller)
    found = work.transaction.first(queries.METHOD_OF, session_id=caller.session)
    if found is None or found.method != sessions.TOKEN:
        browsing.demand_proof(work, caller)
    work.operator = caller.who
    folder = _named(caller, op.path)
    reading.set_reading(
        work, SetReading(folder=folder, publish=op.publish, unread_after_seconds=op.unread_after_seconds)
    )
    return _told(work, caller, op.path)


def look_own_backlog(work: Work, caller: Caller, op: LookOwnBacklog) -> BacklogIs:
    """Say how much waits to be read. Raises `NotAllowed`."""
    del op
    _demand_administrator(work, caller)
    return _backlog(work)


def look_backlog(work: Work, op: LookBacklog) -> BacklogIs:
    """Say the same to a door."""
    del op
    return _backlog(work)


def _backlog(work: Work) -> BacklogIs:
    queue = rescanning.look_queue(work, LookQueue())
    return BacklogIs(
        waiting_files=queue.waiting + queue.settled,
        waiting_since=min(filter(None, (queue.oldest, queue.held_since)), default=None),
        held_files=queue.held_files,
        held_bytes=queue.held_bytes,
        held_since=queue.held_since,
        behind=held_back.is_behind(work),
    )


def _told(work: Work, caller: Caller, path: str) -> FolderReadingIs:
    folder = named_folders.find(work, _named(caller, path))
    said = work.tree.reading(work.transaction, folder.id)
    return FolderReadingIs(
        path=path,
        reading=reading.is_read(work, folder.id),
        publish="after-reading" if said is not None and said.publishes == held_back.AFTER_READING else "at-once",
        unread_after_seconds=0 if said is None else said.unread_after_seconds,
        said_here=said is not None and said.folder_id == folder.id,
    )


def _named(caller: Caller, path: str) -> str:
    """Return a folder of the caller's organization as the operator names it."""
    if path == "/" or path.startswith("/@"):
        raise Missing
    return f"{caller.name.rpartition('@')[2]}:{path}"


def _demand_administrator(work: Work, caller: Caller) -> None:
    if not browsing.administers(work, caller):
        raise NotAllowed("Only an administrator may do this.")
