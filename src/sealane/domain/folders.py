"""Making and removing folders, removing files, setting times. Moving has `moving.py`, the administrator `grants.py`.

Must stay true: no name is both a file and a folder; a folder with grants of its own is only removed or moved by whoever
administers it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane import paths
from sealane.domain import kept, listing, places, quotas, resume, seals
from sealane.domain.queries import files as file_statements
from sealane.domain.queries import folders as statements
from sealane.domain.queries import grants as grant_statements
from sealane.domain.queries import reading as reading_statements
from sealane.domain.queries import sealed_folders as sealed_queries
from sealane.domain.queries import sealing as sealing_statements
from sealane.domain.queries import uploads as upload_statements
from sealane.domain.rights import Act
from sealane.errors import AlreadyExists, Exhausted, Invalid, IsAFolder, Missing, NotAFolder, NotEmpty, PathInvalid
from sealane.ids import FolderId
from sealane.ledger import events
from sealane.operations.envelope import Done
from sealane.operations.files import MakeFolder, RemoveFile, RemoveFolder, Seen, SetModified

if TYPE_CHECKING:
    from datetime import datetime

    from sealane.domain.places import Folder
    from sealane.domain.queries.files import FileRow
    from sealane.domain.work import Caller, Work
    from sealane.ids import OrganizationId

DEPTH_MAX = paths.DEPTH_MAX - 2
"""Folders below an organization's root: a partner's path has `@ORG` before them, and a file's name comes after."""


def make_folder(work: Work, caller: Caller, op: MakeFolder) -> Seen:
    """Make one folder inside an existing one. Raises `AlreadyExists` if the name is taken."""
    parent, name = places.find_parent(work, caller, op.path)
    if (
        places.child_folder(work, caller, parent, name) is not None
        or places.child_file(work, caller, parent, name) is not None
    ):
        raise AlreadyExists
    parent.demand(caller, Act.MAKE_FOLDER)
    seals.check_expectations(work, parent, name, exclusive=True, expected_version="")
    if places.asks_for_age(op.path, name):
        raise Invalid("In a sealed folder a name that ends in .age is that of a sealed file.")
    check_room_for_folder(work, parent.id, height=0)
    folder_id = add(
        work, organization_id=parent.organization_id, parent_id=parent.id, name=name, modified=op.modified or work.now
    )
    work.record(
        events.FolderMade(
            who=caller.who,
            folder_id=folder_id,
            owner_organization_id=parent.organization_id,
            path=parent.path_of(name),
        )
    )
    made = places.child_folder(work, caller, parent, name)
    if made is None:
        raise Missing
    return Seen(listing.folder_entry(caller, made, name))


def remove_folder(work: Work, caller: Caller, op: RemoveFolder) -> Done:
    """Remove an empty folder. Raises `NotEmpty`; uploads in progress count as something in it."""
    parent, name = places.find_parent(work, caller, op.path)
    folder = places.child_folder(work, caller, parent, name)
    if folder is None:
        if places.child_file(work, caller, parent, name) is not None:
            raise NotAFolder
        raise Missing
    parent.demand(caller, Act.REMOVE)
    remove_empty(work, caller, parent, folder)
    return Done()


def remove_empty(work: Work, caller: Caller, parent: Folder, folder: Folder) -> None:
    """Remove a folder if nothing is in it; the caller may remove things from `parent`."""
    for inside in (statements.COUNT_IN, statements.COUNT_FILES_IN, statements.COUNT_OPEN_UPLOADS_IN):
        found = work.transaction.first(inside, folder_id=folder.id)
        if found is not None and found.count:
            raise NotEmpty("The folder is not empty: there are files, folders or unfinished uploads in it.")
    tree = work.transaction.first(statements.TREE, folder_id=folder.id)
    if tree is not None and tree.grants:
        parent.demand(caller, Act.REMOVE_SHARED)
        work.transaction.run(grant_statements.DELETE_OF_FOLDER, folder_id=folder.id)
    work.transaction.run(statements.UNFILE_UPLOADS, removed_id=folder.id)
    if folder.row.pending_bytes:
        work.transaction.run(statements.RETARGET_PARTS, removed_id=folder.id, parent_id=parent.id)
    work.transaction.run(sealed_queries.REMOVE_SEALED_FOLDER, folder=folder.id)
    work.transaction.run(reading_statements.REMOVE_READ_FOLDER, folder=folder.id)
    work.transaction.run(reading_statements.REMOVE_LAYOUTS, folder=folder.id)
    kept.stay_behind(work, parent, folder)
    work.transaction.run(statements.DELETE, folder_id=folder.id)
    work.views.forget()
    work.tree.forget()
    work.record(
        events.FolderRemoved(
            who=caller.who,
            folder_id=folder.id,
            owner_organization_id=folder.organization_id,
            path=folder.path,
        )
    )


def remove_file(work: Work, caller: Caller, op: RemoveFile) -> Done:
    """Remove a file; its versions are kept for their time. With `own_uploads`, the caller's unfinished uploads too."""
    parent, name = places.find_parent(work, caller, op.path)
    file = places.child_file(work, caller, parent, name)
    if file is not None:
        parent.demand(caller, Act.REMOVE)
        retire(work, parent, file)
        work.record(
            events.FileRemoved(
                who=caller.who,
                file_id=file.id,
                version_id=file.version_id,
                owner_organization_id=parent.organization_id,
                folder_id=parent.id,
                path=parent.path_of(name),
            )
        )
    if (op.own_uploads and _drop_own_uploads(work, caller, parent, name)) or file is not None:
        return Done()
    if places.child_folder(work, caller, parent, name) is not None:
        raise IsAFolder
    raise Missing


def retire(work: Work, folder: Folder, file: FileRow) -> None:
    """Take a file out of sight: its present version is kept for its time, its bytes no longer count."""
    kept.replace(work, file.version_id, file.size, folder, file.name)
    work.transaction.run(file_statements.DELETE, file_id=file.id)
    quotas.charge(work, folder.id, -file.size, -1)


def set_modified(work: Work, caller: Caller, op: SetModified) -> Done:
    """Set the time that is shown of a file or folder."""
    parent, name = places.find_parent(work, caller, op.path)
    file = places.child_file(work, caller, parent, name)
    folder = None if file is not None else places.child_folder(work, caller, parent, name)
    if folder is None and seals.closes(work, parent.id) and _set_own_modified(work, caller, parent, name, op):
        return Done()
    if file is not None:
        parent.demand(caller, Act.SET_TIME)
        work.transaction.run(file_statements.SET_MODIFIED, file_id=file.id, at=op.modified)
        work.transaction.run(file_statements.SET_VERSION_MODIFIED, version_id=file.version_id, at=op.modified)
    elif folder is not None:
        folder.demand(caller, Act.SET_TIME)
        work.transaction.run(statements.SET_MODIFIED, folder_id=folder.id, at=op.modified)
        work.tree.forget()
    else:
        raise Missing
    work.record(
        events.ModifiedSet(
            who=caller.who,
            owner_organization_id=parent.organization_id,
            folder_id=parent.id if folder is None else folder.id,
            file_id=None if file is None else file.id,
            path=parent.path_of(name) if folder is None else folder.path,
            modified=op.modified,
        )
    )
    return Done()


def _set_own_modified(work: Work, caller: Caller, parent: Folder, name: str, op: SetModified) -> bool:
    """Set the time of the caller's own closed upload: clients set it right after CLOSE. False where there is none."""
    found = work.transaction.all(upload_statements.OWN_INTERRUPTED, user=caller.user_id, folder=parent.id, name=name)
    for upload in found[:1]:
        seal = seals.of(work, upload)
        if seal is None or seal.closed is None:
            return False
        parent.demand(caller, Act.SET_TIME)
        work.transaction.run(sealing_statements.SET_MODIFIED, upload=upload.id, at=op.modified)
        work.record(
            events.ModifiedSet(
                who=caller.who,
                owner_organization_id=parent.organization_id,
                folder_id=parent.id,
                path=parent.path_of(name),
                modified=op.modified,
            )
        )
    return bool(found)


def add(
    work: Work,
    *,
    organization_id: OrganizationId,
    parent_id: FolderId | None,
    name: str,
    modified: datetime,
    quota_bytes: int = 0,
    quota_files: int = 0,
) -> FolderId:
    """Write a new folder's row. Who may is the caller's question; views do not change by a folder without grants.

    It is sealed where the folder that it stands in is.
    """
    parent = None if parent_id is None else work.tree.folder(work.transaction, parent_id)
    made = work.transaction.insert(
        statements.INSERT,
        organization_id=organization_id,
        parent_id=parent_id,
        name=name,
        quota_bytes=quota_bytes,
        quota_files=quota_files,
        made=work.now,
        modified=modified,
        sealed_by=None if parent is None else parent.sealed_by,
    )
    work.tree.forget()
    return FolderId(made)


def check_room_for_folder(work: Work, parent_id: FolderId, *, height: int) -> None:
    """Raise unless one more folder, with `height` levels below it, may stand in this one."""
    depth = len(work.tree.chain(work.transaction, parent_id))  # the root counts for the new folder
    if depth + height > DEPTH_MAX:
        raise PathInvalid(f"Folders may be {DEPTH_MAX} deep at most.")
    found = work.transaction.first(statements.COUNT_IN, folder_id=parent_id)
    if found is not None and found.count >= work.settings.folder_entries_max:
        raise Exhausted("This folder has as many folders as a folder may have.")


def _drop_own_uploads(work: Work, caller: Caller, folder: Folder, name: str) -> bool:
    found = work.transaction.all(upload_statements.OWN_INTERRUPTED, user=caller.user_id, folder=folder.id, name=name)
    for upload in found:
        resume.drop(work, upload, who=caller.who, reason="removed")
    return bool(found)
