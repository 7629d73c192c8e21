"""Uploads that are begun before their names are known, for a session that sends many new contents to one folder.

They are given where beginning one more would answer the same for every name but those of folders, and only as long as
that is so: the door is told of what may end it (watches.py) and then asks again. Rights, room and name are decided
again when the upload is recorded or finished. Not here: the notes themselves (beginnings.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from sealane import paths
from sealane.domain import allowances, beginnings, pending, quotas, seals
from sealane.domain.queries import uploads as queries
from sealane.domain.watches import Watched
from sealane.operations.uploads import Ahead

if TYPE_CHECKING:
    from sealane.domain.places import Folder
    from sealane.domain.work import Caller, Work
    from sealane.operations.uploads import BeginUpload, UploadOpened

_FOLDERS_MAX: Final = 64
"""Names of folders that are told with them; where there are more, each upload is begun by itself."""


def given(work: Work, caller: Caller, folder: Folder, op: BeginUpload, opened: UploadOpened) -> UploadOpened:
    """Return what was opened with as many more as are wanted and may be; the first one was decided just now."""
    names = work.tree.names(work.transaction, folder.id)
    files = quotas.room(work, pending.place(work, folder.organization_id, folder.id)).files
    count = min(op.ahead, work.settings.uploads_ahead_max, files - 1)
    if (
        count < 1
        or caller.guest is not None
        or folder.virtual
        or op.declared is not None
        or work.settings.reading_behind_everywhere
        or seals.closes(work, folder.id)
        or names is None
        or len(names) > _FOLDERS_MAX
        or _has_unfinished(work, caller, folder)
    ):
        return opened
    room = allowances.room(work, folder.organization_id, folder.id, None)
    watch = work.watches.watch(work.connection, folder.id, Watched.UPLOADS)
    if not watch:
        return opened
    shown = paths.show(paths.parse(op.path)[:-1])
    uploads = beginnings.without_names(work, caller, folder, shown, count)
    return msgspec.structs.replace(opened, ahead=Ahead(watch, room, tuple(sorted(names)), uploads))


def _has_unfinished(work: Work, caller: Caller, folder: Folder) -> bool:
    """Whether the caller has an upload in this folder that a new one of its name would take the place of."""
    found = work.transaction.first(queries.OPEN_IN_FOLDER, user=caller.user_id, folder=folder.id)
    return found is None or found.count > 0
