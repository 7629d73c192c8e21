"""Versions that stood at a name before: which there are, and having one back.

A version that is written over or removed stays at the place where it stood until its time is over (`kept.py`); it goes
along when its file gets another name in the same folder, and stays behind when it is moved elsewhere: who may read
there was never shown it. Versions of removed files are found the same way. Where a whole folder is removed or moved
elsewhere, they stay with the folder in which it was (`kept.stay_behind`), by the name `FOLDER/NAME`; to have one back
is to make its folder again, by whoever may.
Must stay true: what is had back comes back to its own place only; it counts once, as what is visible; what stood there
until now is kept in its stead. Not here: opening one for reading (deliver.py).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from sealane import paths
from sealane.domain import (
    allowances,
    folders,
    kept,
    keyring,
    listing,
    places,
    publish,
    quotas,
    rights,
    seals,
    unread,
    versions,
)
from sealane.domain.queries import earlier_versions as queries
from sealane.domain.queries import versions as version_queries
from sealane.domain.rights import Act
from sealane.errors import Integrity, IsAFolder, Missing
from sealane.ids import FileId
from sealane.ledger import events
from sealane.operations.failures import NotSealed
from sealane.operations.files import MakeFolder, Seen
from sealane.operations.versions import RemovedAre, RemovedFile, StoredVersion, VersionsAre

if TYPE_CHECKING:
    from sealane.domain.places import Folder
    from sealane.domain.queries.earlier_versions import StoodRow
    from sealane.domain.queries.uploads import FileRow
    from sealane.domain.queries.versions import VersionRow
    from sealane.domain.work import Caller, Work
    from sealane.ids import VersionId
    from sealane.operations.versions import ListRemoved, ListVersions, LookVersion, RestoreVersion

_READ_ON: Final = timedelta(days=1)
"""How long whoever was reading a version that was written over may go on by its id."""
_NEVER: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""Later than anything that was replaced."""


# --- Looking ---------------------------------------------------------------------------------------------------------


def list_versions(work: Work, caller: Caller, op: ListVersions) -> VersionsAre:
    """Say which versions of a path there are. Raises `Missing` where there is none that the caller may know of."""
    left = _left_above(work, caller, op.path)
    if left is None:
        return _versions_at(work, caller, op, *places.find_parent(work, caller, op.path))
    own = VersionsAre(versions=(), after="")
    if not op.after or stood_at(work, *left, op.after) is None:
        try:
            own = _versions_at(work, caller, op, *places.find_parent(work, caller, op.path))
        except Missing:
            pass
        else:
            op = msgspec.structs.replace(op, after="")
    limit = max(1, min(op.limit, work.settings.page_entries_max))
    if own.after:
        return own
    if len(own.versions) == limit:  # what stayed with the folder above comes on the next page
        return VersionsAre(versions=own.versions, after=own.versions[-1].entry.version)
    rest = _versions_at(work, caller, msgspec.structs.replace(op, limit=limit - len(own.versions)), *left)
    return VersionsAre(versions=own.versions + rest.versions, after=rest.after)


def _left_above(work: Work, caller: Caller, path: str) -> tuple[Folder, str] | None:
    """Return the folder with which what stood at a path has stayed, and its name there: its own folder is gone."""
    names = paths.parse(path)
    folder = places.root_of(work, caller)
    found = None
    for depth, name in enumerate(names[:-1]):
        way = "/".join(names[depth:])
        page = {"folder": folder.id, "name": way, "before": _NEVER, "than": ""}
        if rights.may(caller, Act.SEE_EARLIER, folder.rights) and work.transaction.first(queries.PAGE, **page, limit=1):
            found = folder, way
        below = places.child_folder(work, caller, folder, name)
        if below is None:
            break
        folder = below
    return found


def _versions_at(work: Work, caller: Caller, op: ListVersions, parent: Folder, name: str) -> VersionsAre:
    file = places.child_file(work, caller, parent, name)
    limit = max(1, min(op.limit, work.settings.page_entries_max))
    rows: list[StoodRow] = []
    if file is not None:
        parent.demand(caller, Act.LEARN_DIGEST)
        present = work.transaction.first(queries.ONE, version=file.version_id)
        rows = [present] if present is not None and not op.after else []
    if rights.may(caller, Act.SEE_EARLIER, parent.rights):
        before, than = _end_of_page(work, parent, name, op.after)
        wanted = {"folder": parent.id, "name": name, "before": before, "than": than}
        rows += work.transaction.all(queries.PAGE, **wanted, limit=limit + 1 - len(rows))
    if not rows and file is None and not op.after:
        raise IsAFolder if places.child_folder(work, caller, parent, name) is not None else Missing
    as_age = places.asks_for_age(op.path, name)
    shown = tuple(_stored(work, caller, parent, name, row, as_age=as_age) for row in rows[:limit])
    return VersionsAre(versions=shown, after=shown[-1].entry.version if len(rows) > limit else "")


def _end_of_page(work: Work, folder: Folder, name: str, after: str) -> tuple[datetime, str]:
    """Return where the page after a version begins; after the present one, with all that was replaced."""
    last = stood_at(work, folder, name, after) if after else None
    if last is None or last.replaced is None:
        return _NEVER, ""
    return last.replaced, last.version_id


def _stored(work: Work, caller: Caller, folder: Folder, name: str, row: StoodRow, *, as_age: bool) -> StoredVersion:
    as_age = as_age and row.plain_size is not None
    above, _, name = name.rpartition("/")
    until = None if row.replaced is None else row.replaced + timedelta(seconds=work.settings.version_keep_seconds)
    return StoredVersion(
        entry=listing.file_entry(caller, folder, row.as_file(folder.id, name), as_age=as_age),
        made=row.made,
        sender=f"{row.sender}@{row.organization}",
        replaced=row.replaced,
        kept_until=until,
        damaged=row.damaged is not None,
        left_behind=bool(above),
    )


def look_version(work: Work, caller: Caller, op: LookVersion) -> Seen:
    """Say what a version is that stands at a path or stood there. Raises `Missing`."""
    left = _left_with(work, caller, op.path, op.version)
    if left is None:
        parent, name = places.find_parent(work, caller, op.path)
        known(work, caller, parent, name, op.version)
    else:
        parent, name = left[0], left[1].rpartition("/")[2]
    parent.demand(caller, Act.LEARN_DIGEST)
    row = work.transaction.first(queries.ONE, version=op.version)
    as_age = places.asks_for_age(op.path, name)
    if row is None or (as_age and row.plain_size is None):
        raise Missing
    entry = listing.file_entry(caller, parent, row.as_file(parent.id, name), as_age=as_age)
    return Seen(entry, left_behind=left is not None)


def known(work: Work, caller: Caller, folder: Folder, name: str, version: str) -> None:
    """Raise `Missing` unless a version stands at a name, or stood there and the caller may know of it.

    Of a file that still stands there it is enough for a day to know an earlier version's id: whoever has read on when
    it was written over goes on reading it. What was removed is for those who may see what stood there.
    """
    file = places.child_file(work, caller, folder, name)
    if file is not None and file.version_id == version:
        return
    stood = stood_at(work, folder, name, version)
    if stood is None:
        raise Missing
    just_now = stood.replaced is not None and work.now < stood.replaced + _READ_ON
    goes_on = file is not None and file.id == stood.id and just_now
    if not goes_on and not rights.may(caller, Act.SEE_EARLIER, folder.rights):
        raise Missing


def stood_at(work: Work, folder: Folder, name: str, version: str) -> StoodRow | None:
    """Return a version that stood at a name until it was written over or removed; None for any other."""
    row = work.transaction.first(queries.ONE, version=version)
    return row if row is not None and (row.folder_id, row.name) == (folder.id, name) else None


def list_removed(work: Work, caller: Caller, op: ListRemoved) -> RemovedAre:
    """Say which files were removed from a folder and can be had back. Raises `NotAllowed`, `Missing`, `NotAFolder`."""
    folder = places.find_folder(work, caller, op.path)
    folder.demand(caller, Act.LIST_FOLDER)
    folder.demand(caller, Act.SEE_EARLIER)
    after = "/".join(paths.parse(f"/{op.after}")) if op.after else ""
    limit = max(1, min(op.limit, work.settings.page_entries_max))
    rows = work.transaction.all(queries.REMOVED, folder=folder.id, after=after, limit=limit + 1)
    shown = tuple(RemovedFile(*row) for row in rows[:limit])
    return RemovedAre(files=shown, after=shown[-1].name if len(rows) > limit else "")


# --- Having one back -------------------------------------------------------------------------------------------------


def restore_version(work: Work, caller: Caller, op: RestoreVersion) -> Seen:
    """Let an earlier version stand at its path again. Raises `Missing`, `NotAllowed`, `QuotaExceeded`, `Conflict`."""
    _make_folder_again(work, caller, op)
    parent, name = places.find_parent(work, caller, op.path)
    parent.demand(caller, Act.WRITE_FILE)
    file = publish.present_file(work, parent, name)
    if file is None or file.version_id != op.version:
        found = stood_at(work, parent, name, op.version)
        if found is None or not rights.may(caller, Act.SEE_EARLIER, parent.rights):
            raise Missing
        seals.check_expectations(work, parent, name, exclusive=False, expected_version=op.version)
        put_back(work, caller, parent, name, found.version_id, file=file)
    shown = places.child_file(work, caller, parent, name)
    assert shown is not None
    return Seen(listing.file_entry(caller, parent, shown))


def _left_with(work: Work, caller: Caller, path: str, version: str) -> tuple[Folder, str] | None:
    """Return the folder with which a version that stood at a path has stayed, and its name there; None: with no other.

    Raises `Missing`, `NotAFolder`.
    """
    stood = work.transaction.first(queries.ONE, version=version)
    if stood is None or stood.name is None or "/" not in stood.name:
        return None
    names, way = paths.parse(path), tuple(stood.name.split("/"))
    if names[-len(way) :] != way:
        return None
    folder = places.find_folder(work, caller, paths.show(names[: -len(way)]))
    if folder.id != stood.folder_id or not rights.may(caller, Act.SEE_EARLIER, folder.rights):
        return None
    return folder, stood.name


def _make_folder_again(work: Work, caller: Caller, op: RestoreVersion) -> None:
    """Make the folder again in which a version stood, if it is gone; all that stood there by that name comes along."""
    left = _left_with(work, caller, op.path, op.version)
    if left is None:
        return
    folder, way = left
    names = paths.parse(op.path)
    for depth in range(len(names) - way.count("/"), len(names)):
        path = paths.show(names[:depth])
        parent, name = places.find_parent(work, caller, path)
        if places.child_folder(work, caller, parent, name) is None:
            folders.make_folder(work, caller, MakeFolder(handle="", path=path))
    parent, name = places.find_parent(work, caller, op.path)
    if parent.row.sealed_by != folder.row.sealed_by:
        raise NotSealed("The folder of that name is sealed otherwise than the one in which this version stood.")
    kept.go_along(work, folder, way, parent, name)


def put_back(
    work: Work, caller: Caller, folder: Folder, name: str, version_id: VersionId, *, file: FileRow | None
) -> None:
    """Let a version that stood at a name stand there again, on record. Whoever calls has asked whether they may.

    `file`: what stands there now. Raises `Missing`, `QuotaExceeded`, `Exhausted`, `Integrity`, `NotSealed`,
    `NotReadYet`.
    """
    version = work.transaction.first(version_queries.VERSION, version=version_id)
    if version is None or (version.kept_folder_id, version.kept_name) != (folder.id, name):
        raise Missing
    _check_fit(work, folder, version)
    growth = version.size - (file.size if file else 0)
    if file is None:
        quotas.check_room_for_file(work, folder.id)
    if growth > 0 or file is None:
        allowances.check_room(version.size, allowances.room(work, folder.organization_id, folder.id, file))
    quotas.charge(work, folder.id, growth, 0 if file else 1)
    kept.take_back(work, version)  # before it may go as the oldest kept one
    if file is not None:
        kept.replace(work, file.version_id, file.size, folder, name)
    file_id = _point(work, folder, name, version, file)
    work.record(
        events.FileRestored(
            who=caller.who,
            file_id=file_id,
            version_id=version.id,
            owner_organization_id=folder.organization_id,
            folder_id=folder.id,
            path=folder.path_of(name),
            replaced_version_id="" if file is None else file.version_id,
            former_file_id=None if file_id == version.file_id else version.file_id,
        )
    )


def _check_fit(work: Work, folder: Folder, version: VersionRow) -> None:
    """Raise where the folder takes no such version any more: it was sealed since, or shows only what was read."""
    if version.damaged is not None:
        raise Integrity
    if version.format != versions.SLOTS_FORMAT or not version.size:
        return
    if folder.row.sealed_by is not None:
        raise NotSealed(
            "This version is from before its folder was sealed. Fetch it and send it again: then it is sealed too."
        )
    unread.check_version(work, folder.id, version)


def _point(work: Work, folder: Folder, name: str, version: VersionRow, file: FileRow | None) -> FileId:
    """Let the name show the version; return the file's id, by which the version is authenticated from now on."""
    shown = {"version_id": version.id, "size": version.size, "modified": version.modified}
    if file is not None:
        work.transaction.run(version_queries.UPDATE_FILE, file=file.id, **shown)
        file_id = file.id
    elif work.transaction.first(queries.FILE_THERE, file=version.file_id) is None:
        file_id = version.file_id
        work.transaction.run(queries.ADD_FILE_AGAIN, id=file_id, folder_id=folder.id, name=name, **shown)
    else:  # that file was moved elsewhere
        added = work.transaction.insert(version_queries.INSERT_FILE, folder_id=folder.id, name=name, **shown)
        file_id = FileId(added)
    if file_id != version.file_id:
        composition = versions.composition_of(work, version)
        authenticator = keyring.organization_key(work, folder.organization_id).authenticate(
            version.id, file_id, version.size, version.extents, versions.authenticated_segments(composition)
        )
        work.transaction.run(queries.BELONGS, version=version.id, to_file=file_id, authenticated=authenticator)
    return file_id


def renamed(work: Work, folder: Folder, file: FileId, name: str, new_name: str) -> None:
    """Take a file's earlier versions along to its new name in the same folder."""
    work.transaction.run(queries.RENAMED, file=file, folder=folder.id, old_name=name, new_name=new_name)
