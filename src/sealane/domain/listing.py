"""Looking: what is at a path, and the pages of a folder.

A page is read by key (the name after which it begins), so the last page of 50,000 entries costs what the first does,
and names that come or go meanwhile move no others. Folders, files and the caller's own interrupted uploads are one
list, by name in code points.
"""

from __future__ import annotations

import heapq
from itertools import islice
from typing import TYPE_CHECKING

from sealane import paths
from sealane.domain import places, rights
from sealane.domain.queries import files as file_statements
from sealane.domain.queries import folders as folder_statements
from sealane.domain.rights import Act
from sealane.errors import Missing
from sealane.operations.files import Entry, ListFolder, Look, Page, Seen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sealane.domain.places import Folder
    from sealane.domain.queries.files import FileRow, UnfinishedRow
    from sealane.domain.work import Caller, Work


def look(work: Work, caller: Caller, op: Look) -> Seen:
    """Say what is at a path. Raises `Missing`, or `NotAFolder` where a file is in the way."""
    if op.path in {"", "/"}:
        return Seen(folder_entry(caller, places.root_of(work, caller), "/"))
    parent, name = places.find_parent(work, caller, op.path)
    if op.own_uploads:
        unfinished = work.transaction.first(
            file_statements.UNFINISHED_BY_NAME, user_id=caller.user_id, folder_id=parent.id, name=name
        )
        if unfinished is not None:
            return Seen(_unfinished_entry(caller, parent, unfinished))
    folder = places.child_folder(work, caller, parent, name)
    if folder is not None:
        return Seen(folder_entry(caller, folder, name))
    file = places.child_file(work, caller, parent, name)
    if file is not None:
        return Seen(_file_entry(caller, parent, file))
    raise Missing


def list_folder(work: Work, caller: Caller, op: ListFolder) -> Page:
    """Return the entries after the name `after`.

    Without the right to list, a folder shows what leads on to something granted and the caller's own interrupted
    uploads; where nothing does, it answers `NotAllowed`. Raises `Missing`, `NotAFolder` for a file, or `PathInvalid`.
    """
    folder = places.find_folder(work, caller, op.path)
    after = paths.check_name(op.after) if op.after else ""
    limit = max(1, min(op.limit, work.settings.page_entries_max))
    whole = rights.may(caller, Act.LIST_FOLDER, folder.rights)
    if not whole and not folder.virtual and folder.id not in places.view_of(work, caller).ways:
        folder.demand(caller, Act.LIST_FOLDER)
    # One more than the page, of each kind: enough to know whether anything follows.
    found: list[Iterable[Entry]] = [_folders(work, caller, folder, after, limit + 1, whole=whole)]
    if whole and not folder.virtual:
        found.append(_files(work, caller, folder, after, limit + 1))
    if op.own_uploads:
        # An interrupted upload stands before the file of its name: the merge keeps the order of its inputs.
        found.insert(0, _unfinished(work, caller, folder, after, limit + 1))
    page = list(islice(_once(heapq.merge(*found, key=lambda entry: entry.name)), limit + 1))
    return Page(entries=tuple(page[:limit]), after=page[limit - 1].name if len(page) > limit else "")


def _folders(work: Work, caller: Caller, folder: Folder, after: str, limit: int, *, whole: bool) -> Iterator[Entry]:
    view = places.view_of(work, caller)
    if whole:
        rows = work.transaction.all(folder_statements.PAGE, parent_id=folder.id, after=after, limit=limit)
        below = [places.seen(caller, view, folder, row) for row in rows]
        entries = [folder_entry(caller, one, one.row.name) for one in below if one is not None]
    else:
        entries = _named(work, caller, folder, view.ways.get(folder.id, ()), after)
    if folder.virtual and folder.id == view.own_root.folder_id:
        others = [*view.aliases, *(f"@{name}" for name in view.announced)]
        entries.extend(_named(work, caller, folder, others, after))
    return iter(sorted(entries, key=lambda entry: entry.name)[:limit])


def _named(work: Work, caller: Caller, parent: Folder, names: Iterable[str], after: str) -> list[Entry]:
    """Return the folders of these names as the caller sees them; there are as many as they have grants."""
    wanted = ((name, places.child_folder(work, caller, parent, name)) for name in names if name > after)
    return [folder_entry(caller, folder, name) for name, folder in wanted if folder is not None]


def _files(work: Work, caller: Caller, folder: Folder, after: str, limit: int) -> Iterator[Entry]:
    rows = work.transaction.all(file_statements.PAGE, folder_id=folder.id, after=after, limit=limit)
    return (_file_entry(caller, folder, row) for row in rows)


def _unfinished(work: Work, caller: Caller, folder: Folder, after: str, limit: int) -> Iterator[Entry]:
    rows = work.transaction.all(
        file_statements.UNFINISHED_PAGE, user_id=caller.user_id, folder_id=folder.id, after=after, limit=limit
    )
    return (_unfinished_entry(caller, folder, row) for row in rows)


def _once(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Return the first entry of each name."""
    last = ""
    for entry in entries:
        if entry.name != last:
            yield entry
        last = entry.name


def folder_entry(caller: Caller, folder: Folder, name: str) -> Entry:
    """Return the entry of a folder under the name that it has where the caller looks."""
    held = rights.effective(caller.scopes, folder.rights)
    return Entry(name=name, kind="folder", size=0, modified=folder.row.modified, rights=rights.names(held))


def _file_entry(caller: Caller, folder: Folder, file: FileRow) -> Entry:
    return Entry(
        name=file.name,
        kind="file",
        size=file.size,
        modified=file.modified,
        rights=rights.names(rights.effective(caller.scopes, folder.rights)),
        version=file.version_id,
        digest=file.digest if rights.may(caller, Act.LEARN_DIGEST, folder.rights) else None,
    )


def _unfinished_entry(caller: Caller, folder: Folder, upload: UnfinishedRow) -> Entry:
    return Entry(
        name=upload.name,
        kind="file",
        size=upload.size,
        modified=upload.began,
        rights=rights.names(rights.effective(caller.scopes, folder.rights)),
        unfinished=True,
    )
