"""Renaming and moving files and folders: one step, within one organization.

Within a folder it needs write; to another folder, delete there and write here, and that its mover was granted to read
there (`Act.MOVE_AWAY`): else whoever may tidy up unread files could carry them to where they can read them.
To another organization nothing is moved: its files are under its own key, and giving them away is a delivery that
belongs on record as one. The client downloads and uploads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealane import paths
from sealane.domain import allowances, earlier_versions, folders, kept, pending, places, quotas, seals, unread
from sealane.domain.queries import files as file_statements
from sealane.domain.queries import folders as statements
from sealane.domain.queries import uploads as upload_statements
from sealane.domain.queries import versions as version_statements
from sealane.domain.rights import Act
from sealane.errors import AlreadyExists, IsAFolder, Missing, MoveIntoItself, NotAFolder, Unsupported
from sealane.ledger import events
from sealane.operations.envelope import Done
from sealane.operations.failures import NotSealed, SealedMove

if TYPE_CHECKING:
    from sealane.domain.places import Folder
    from sealane.domain.queries.files import FileRow
    from sealane.domain.queries.uploads import UploadRow
    from sealane.domain.work import Caller, Work
    from sealane.operations.files import Move


@dataclass(frozen=True, slots=True)
class _End:
    """One end of a move: a folder, a name in it, and what is there."""

    parent: Folder
    name: str
    shown: str
    """The whole path, as its caller writes it."""
    file: FileRow | None
    folder: Folder | None

    @property
    def path(self) -> str:
        return self.folder.path if self.folder is not None else self.parent.path_of(self.name)


def move(work: Work, caller: Caller, op: Move) -> Done:
    """Rename or move. Raises `AlreadyExists` where the target's name is taken and is not to give way."""
    source, target = _end(work, caller, op.source), _end(work, caller, op.target)
    unfinished = _own_uploads(work, caller, source) if op.own_uploads and source.folder is None else []
    if source.file is None and source.folder is None and not unfinished:
        raise Missing
    within = source.parent.id == target.parent.id
    if within and source.name == target.name:
        return Done()
    source.parent.demand(caller, Act.RENAME if within else Act.MOVE_AWAY)
    target.parent.demand(caller, Act.RENAME if within else Act.WRITE_FILE)
    if source.parent.organization_id != target.parent.organization_id:
        raise Unsupported(
            "Nothing is moved from one organization to another. Download it, upload it there, then remove it here."
        )
    if source.parent.row.sealed_by != target.parent.row.sealed_by:
        raise SealedMove
    if source.file is not None:
        _move_file(work, caller, source, source.file, target, replace=op.replace)
    elif source.folder is not None:
        _move_folder(work, caller, source, source.folder, target, replace=op.replace)
    else:
        _check_target(target, replace=op.replace)
    for upload in unfinished:
        _move_upload(work, caller, source, upload, target)
    return Done()


def _end(work: Work, caller: Caller, path: str) -> _End:
    parent, name = places.find_parent(work, caller, path)
    return _End(
        parent,
        name,
        paths.show(paths.parse(path)),
        places.child_file(work, caller, parent, name),
        places.child_folder(work, caller, parent, name),
    )


def _own_uploads(work: Work, caller: Caller, end: _End) -> list[UploadRow]:
    return work.transaction.all(
        upload_statements.OWN_INTERRUPTED, user=caller.user_id, folder=end.parent.id, name=end.name
    )


def _check_target(target: _End, *, replace: bool) -> None:
    """Raise unless a file may take the target's name."""
    if (target.file is not None or target.folder is not None) and not replace:
        raise AlreadyExists
    if target.folder is not None:
        raise IsAFolder


def _move_upload(work: Work, caller: Caller, source: _End, upload: UploadRow, target: _End) -> None:
    """Let an unfinished upload become a file of another name; what stands there gives way when it is finished."""
    shown = target.parent.path_of(target.name)
    if places.asks_for_age(target.shown, target.name) != places.asks_for_age(upload.shown_path, upload.name):
        raise NotSealed(
            "In a sealed folder only a file that you have sealed yourself has a name that ends in .age, from its first"
            " byte on. Send it under its final name: your client may have a setting for temporary names."
        )
    seals.renamed(work, upload, target.name)
    gives_way = None if target.file is None else target.file.version_id
    if source.parent.id != target.parent.id:
        pending.let_go(work, [upload])
        moved = upload._replace(folder_id=target.parent.id, name=target.name, held=0)
        allowances.check_growth(work, moved, upload.held)
        pending.changed(work, moved, upload.held)
    work.transaction.run(
        upload_statements.MOVE_UPLOAD,
        upload=upload.id,
        base_version_id=upload.base_version_id if source.file is not None else gives_way,
        folder_id=target.parent.id,
        name=target.name,
        shown_path=target.shown,
    )
    work.record(
        events.UploadMoved(
            who=caller.who,
            upload_id=upload.id,
            owner_organization_id=upload.organization_id,
            folder_id=source.parent.id,
            target_folder_id=target.parent.id,
            path=source.path,
            target=shown,
        )
    )


def _move_file(work: Work, caller: Caller, source: _End, file: FileRow, target: _End, *, replace: bool) -> None:
    _check_target(target, replace=replace)
    version = work.transaction.first(version_statements.VERSION, version=file.version_id)
    if version is not None and source.parent.id != target.parent.id:
        unread.check_version(work, target.parent.id, version)
    if target.file is not None:
        folders.retire(work, target.parent, target.file)
    else:
        quotas.check_room_for_file(work, target.parent.id)
    _recount(work, source, target, file.size, 1)
    if source.parent.id == target.parent.id:
        earlier_versions.renamed(work, source.parent, file.id, source.name, target.name)
    work.transaction.run(file_statements.MOVE, file_id=file.id, target_id=target.parent.id, target_name=target.name)
    work.transaction.run(version_statements.STANDS_SINCE, version=file.version_id, now=work.now)
    work.record(
        events.FileMoved(
            who=caller.who,
            file_id=file.id,
            version_id=file.version_id,
            owner_organization_id=source.parent.organization_id,
            folder_id=source.parent.id,
            target_folder_id=target.parent.id,
            path=source.path,
            target=target.path,
            replaced_file_id=None if target.file is None else target.file.id,
            replaced_version_id="" if target.file is None else target.file.version_id,
        )
    )


def _move_folder(work: Work, caller: Caller, source: _End, folder: Folder, target: _End, *, replace: bool) -> None:
    if (target.file is not None or target.folder is not None) and not replace:
        raise AlreadyExists
    if target.file is not None:
        raise NotAFolder
    seals.check_expectations(work, target.parent, target.name, exclusive=True, expected_version="")
    above = work.tree.chain(work.transaction, target.parent.id)
    if any(link.id == folder.id for link in above):
        raise MoveIntoItself
    tree = work.transaction.first(statements.TREE, folder_id=folder.id)
    if tree is None:
        raise Missing
    if tree.grants:
        source.parent.demand(caller, Act.REMOVE_SHARED)
    if target.folder is not None:
        target.parent.demand(caller, Act.REMOVE)
        folders.remove_empty(work, caller, target.parent, target.folder)
    folders.check_room_for_folder(work, target.parent.id, height=tree.height)
    _recount(work, source, target, folder.row.used_bytes, folder.row.used_files)
    if source.parent.id != target.parent.id:
        unread.check_folder(work, target.parent.id, folder.id)
        kept.stay_behind(work, source.parent, folder)
        pending.count(work, source.parent.id, -folder.row.pending_bytes)
        pending.count(work, target.parent.id, folder.row.pending_bytes)
    work.transaction.run(statements.MOVE, folder_id=folder.id, target_id=target.parent.id, target_name=target.name)
    work.views.forget()
    work.tree.forget()
    work.record(
        events.FolderMoved(
            who=caller.who,
            folder_id=folder.id,
            owner_organization_id=folder.organization_id,
            path=source.path,
            target=target.parent.path_of(target.name),
        )
    )


def _recount(work: Work, source: _End, target: _End, size: int, files: int) -> None:
    """Take the use along. It is let go first, so that what stands above both ends refuses nothing it holds already."""
    if source.parent.id != target.parent.id:
        quotas.charge(work, source.parent.id, -size, -files)
        quotas.charge(work, target.parent.id, size, files)
