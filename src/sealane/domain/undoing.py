"""Undoing a removal: the file is there again as it was, for a while after it was removed, by whoever removed it.

What stood where is in a sealed note that the remover gets and hands back; only the keeper makes and reads notes. A note
lets its holder have that one version back (`earlier_versions.py`) who may remove there and perhaps not write.
Must stay true: what was removed comes back to its own folder only, so that nobody reads by an undoing what they could
not read before; it needs the right to remove there now; a name that was taken meanwhile stays with who took it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from sealane.domain import earlier_versions, folders, keyring, listing, places, publish
from sealane.domain.rights import Act
from sealane.errors import AlreadyExists, Integrity, Missing
from sealane.ids import FolderId, OrganizationId, UserId, VersionId
from sealane.operations.files import RemovedRestorably, RemoveFile, Seen

if TYPE_CHECKING:
    from sealane.domain.places import Folder
    from sealane.domain.work import Caller, Work
    from sealane.operations.files import RemoveRestorably, RestoreFile

_ORGANIZATION_BYTES: Final = 8
_GONE: Final = "This cannot be undone any more."


class Removed(msgspec.Struct, frozen=True, array_like=True, tag="removed-2"):
    """What was removed, by whom."""

    name: str
    user_id: UserId
    folder_id: FolderId
    version_id: VersionId
    at: datetime


_decoder = msgspec.msgpack.Decoder(Removed)


def remove_restorably(work: Work, caller: Caller, op: RemoveRestorably) -> RemovedRestorably:
    """Remove a file; give what undoes it. Raises what removing raises."""
    parent, name = places.find_parent(work, caller, op.path)
    file = places.child_file(work, caller, parent, name)
    folders.remove_file(work, caller, RemoveFile(handle="", path=op.path))
    if file is None:
        raise Missing
    removed = Removed(
        name=file.name,
        user_id=caller.user_id,
        folder_id=parent.id,
        version_id=file.version_id,
        at=work.now,
    )
    note = keyring.organization_key(work, parent.organization_id).seal_note(msgspec.msgpack.encode(removed))
    return RemovedRestorably(parent.organization_id.to_bytes(_ORGANIZATION_BYTES, "big") + note)


def restore_file(work: Work, caller: Caller, op: RestoreFile) -> Seen:
    """Put a file that was removed back where it was. Raises `Missing` past its time, `AlreadyExists`, `NotAllowed`."""
    removed = _opened(work, caller, op.note)
    parent, _ = places.find_parent(work, caller, op.path)
    if parent.id != removed.folder_id or not _is_kept(work, parent, removed):
        raise Missing(_GONE)
    parent.demand(caller, Act.REMOVE)
    if publish.present_file(work, parent, removed.name) is not None:
        raise AlreadyExists("There is another file of this name now.")
    earlier_versions.put_back(work, caller, parent, removed.name, removed.version_id, file=None)
    file = places.child_file(work, caller, parent, removed.name)
    assert file is not None
    return Seen(listing.file_entry(caller, parent, file))


def _is_kept(work: Work, folder: Folder, removed: Removed) -> bool:
    return earlier_versions.stood_at(work, folder, removed.name, removed.version_id) is not None


def _opened(work: Work, caller: Caller, note: bytes) -> Removed:
    organization = OrganizationId(int.from_bytes(note[:_ORGANIZATION_BYTES], "big"))
    told = keyring.organization_key(work, organization).open_note(note[_ORGANIZATION_BYTES:])
    try:
        removed = _decoder.decode(told)
    except msgspec.DecodeError:
        raise Integrity from None  # another kind of note
    until = removed.at + timedelta(seconds=work.settings.undo_seconds)
    if removed.user_id != caller.user_id or until <= work.now:
        raise Missing(_GONE)
    return removed
