"""Ordinary folders that publish only after reading: what has ended there is kept, and hidden, until it was read.

Such an upload is closed like one of a sealed folder (`seals.py`): its sender was told that it is kept and sees it as
they sent it; others see nothing of it, by no door. The inspector leases it with those that are to be sealed
(`sealing.py`), is given its keys, reads it and answers; then it becomes an ordinary version, in the transaction that
writes down what was read. Read, not readable or failed: all publish, with their coverage.
Must stay true: what was acknowledged is published whatever happens to the setting meanwhile; without a time limit that
an operator has set for the folder nothing is published unread.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sealane.domain.queries import held_back as queries
from sealane.operations.failures import ReadingBehind

if TYPE_CHECKING:
    from datetime import datetime

    from sealane.domain.queries.reading import ReadFolderRow
    from sealane.domain.queries.sealing import SealRow
    from sealane.domain.queries.uploads import UploadRow
    from sealane.domain.work import Work
    from sealane.ids import FolderId

AT_ONCE: Final = 0
AFTER_READING: Final = 1
AT_ONCE_AGAIN: Final = 2
"""What ends now is published at once; what ended before may still be held back."""


def holds(work: Work, folder_id: FolderId) -> bool:
    """Return whether what ends in an ordinary folder now is held back until it was read."""
    said = _said(work, folder_id)
    return said is not None and said.publishes == AFTER_READING and said.reading and bool(work.settings.exposure_read)


def may_hold(work: Work, folder_id: FolderId | None) -> bool:
    """Return whether something in an ordinary folder may be held back now."""
    said = None if folder_id is None else _said(work, folder_id)
    return said is not None and said.publishes != AT_ONCE


def is_only_read(upload: UploadRow, seal: SealRow) -> bool:
    """Return whether a closed upload has no age key: it was held back, and nothing of it is sealed."""
    return seal.age_key_id == upload.key_id


def published_at(work: Work, folder_id: FolderId | None, closed: datetime) -> datetime | None:
    """Return when something that was closed then is published unread; None: never."""
    said = None if folder_id is None else _said(work, folder_id)
    if said is None or not said.unread_after_seconds:
        return None
    return closed + timedelta(seconds=said.unread_after_seconds)


def _said(work: Work, folder_id: FolderId) -> ReadFolderRow | None:
    return work.tree.reading(work.transaction, folder_id)


# --- When arrivals outrun reading ------------------------------------------------------------------------------------


def check_room(work: Work, folder_id: FolderId) -> None:
    """Raise `ReadingBehind` where so much waits to be read that nothing more is taken which would have to wait for it.

    That are folders that publish after reading, and all that are read where the operator has said so.
    """
    everywhere = bool(work.settings.reading_behind_everywhere)
    if (holds(work, folder_id) or (everywhere and _is_read(work, folder_id))) and is_behind(work):
        raise ReadingBehind


def is_behind(work: Work) -> bool:
    """Return whether more waits to be read than the operator lets wait."""
    settings = work.settings
    everywhere = bool(settings.reading_behind_everywhere)
    waiting = work.holds.backlog(work.now)
    if waiting is None:
        found = work.transaction.first(queries.BACKLOG, now=work.now)
        files, size = (found.files, found.bytes) if found is not None else (0, 0)
        if everywhere:
            owed = work.transaction.first(queries.OWED)
            files, size = (files + owed.files, size + owed.bytes) if owed is not None else (files, size)
        waiting = work.holds.note_backlog(work.now, files, size)
    return waiting.files >= settings.reading_behind_files_max or waiting.bytes >= settings.reading_behind_bytes_max


def _is_read(work: Work, folder_id: FolderId) -> bool:
    said = _said(work, folder_id)
    return bool(work.settings.exposure_read) and (said is None or said.reading)
