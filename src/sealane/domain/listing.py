"""Looking: what is at a path, and the pages of a folder.

A page is read by key (the name after which it begins), so the last page of 50,000 entries costs what the first does,
and names that come or go meanwhile move no others. Folders, files and the caller's own interrupted uploads are one
list, by name in code points.
"""

from __future__ import annotations

import heapq
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from sealane import paths
from sealane.domain import places, rights, seals
from sealane.domain.queries import files as file_statements
from sealane.domain.queries import folders as folder_statements
from sealane.domain.rights import Act
from sealane.domain.watches import Watched
from sealane.errors import Missing
from sealane.operations.files import Entry, ListFolder, Look, Page, Seen
from sealane.vault.age.payload import sealed_length

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
    age_named = places.asks_for_age(op.path, name)
    closes = seals.closes(work, parent.id)
    if (op.own_uploads or closes) and not age_named:
        statement = file_statements.CLOSABLE_BY_NAME if closes else file_statements.UNFINISHED_BY_NAME
        unfinished = work.transaction.first(statement, user_id=caller.user_id, folder_id=parent.id, name=name)
        if unfinished is not None and (op.own_uploads or unfinished.closed is not None):
            return Seen(_unfinished_entry(caller, parent, unfinished, own=op.own_uploads))
    folder = places.child_folder(work, caller, parent, name)
    if folder is not None:
        return Seen(folder_entry(caller, folder, name))
    file = places.child_file(work, caller, parent, name)
    if file is not None and (not age_named or file.plain_size is not None):
        return Seen(file_entry(caller, parent, file, as_age=age_named))
    raise Missing


def list_folder(work: Work, caller: Caller, op: ListFolder) -> Page:
    """Return the entries after the name `after`.

    Without the right to list, a folder shows what leads on to something granted and the caller's own interrupted
    uploads; where nothing does, it answers `NotAllowed`. Raises `Missing`, `NotAFolder` for a file, or `PathInvalid`.
    """
    folder = places.find_folder(work, caller, op.path)
    after = paths.check_name(op.after) if op.after else ""
    sealed = seals.folder_of(work, folder.id)
    as_age = sealed is not None and not sealed.plain_names and rights.may(caller, Act.READ_FILE, folder.rights)
    if as_age and work.tree.child(work.transaction, folder.id, after) is None:
        after = after.removesuffix(places.AGE_SUFFIX)
    limit = max(1, min(op.limit, work.settings.page_entries_max))
    whole = rights.may(caller, Act.LIST_FOLDER, folder.rights)
    if not whole and not folder.virtual and folder.id not in places.view_of(work, caller).ways:
        folder.demand(caller, Act.LIST_FOLDER)
    # One more than the page, of each kind: enough to know whether anything follows.
    found: list[Iterable[Entry]] = [_folders(work, caller, folder, after, limit + 1, whole=whole)]
    if whole and not folder.virtual:
        found.append(_files(work, caller, folder, after, limit + 1))
    if op.own_uploads or seals.closes(work, folder.id):
        # An interrupted upload stands before the file of its name: the merge keeps the order of its inputs.
        found.insert(0, _unfinished(work, caller, folder, after, limit + 1, all_of_them=op.own_uploads))
    page = list(islice(_once(heapq.merge(*found, key=lambda entry: entry.name)), limit + 1))
    shown = tuple(_shown(entry) if as_age else entry for entry in page[:limit])
    watched = op.watch and whole and not folder.virtual and not seals.closes(work, folder.id)
    watch = work.watches.watch(work.connection, folder.id, Watched.ENTRIES) if watched else 0
    after = shown[-1].name if len(page) > limit else ""
    return Page(entries=shown, after=after, watch=watch, until=caller.expires if watch else None)


def _shown(entry: Entry) -> Entry:
    """Return an entry of a sealed folder as its readers see it: a sealed file is its age file."""
    if entry.age_size is None:
        return entry
    return msgspec.structs.replace(entry, name=entry.name + places.AGE_SUFFIX, size=entry.age_size)


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
    statement = file_statements.PAGE if folder.row.sealed_by is None else file_statements.SEALED_PAGE
    rows = work.transaction.all(statement, folder_id=folder.id, after=after, limit=limit)
    return (file_entry(caller, folder, row) for row in rows)


def _unfinished(
    work: Work, caller: Caller, folder: Folder, after: str, limit: int, *, all_of_them: bool
) -> Iterator[Entry]:
    closes = seals.closes(work, folder.id)
    statement = file_statements.CLOSABLE_PAGE if closes else file_statements.UNFINISHED_PAGE
    rows = work.transaction.all(statement, user_id=caller.user_id, folder_id=folder.id, after=after, limit=limit)
    return (
        _unfinished_entry(caller, folder, row, own=all_of_them) for row in rows if all_of_them or row.closed is not None
    )


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
    return Entry(
        name=name,
        kind="folder",
        size=0,
        modified=folder.row.modified,
        rights=rights.names(held),
        sealed=folder.row.sealed_by is not None,
    )


def file_entry(caller: Caller, folder: Folder, file: FileRow, *, as_age: bool = False) -> Entry:
    """Return the entry of a file; of a sealed one as its plaintext, or `as_age` as the age file that can be had."""
    age_size = age_size_of(file)
    return Entry(
        name=file.name + (places.AGE_SUFFIX if as_age else ""),
        kind="file",
        size=file.size if file.plain_size is None else (age_size or 0) if as_age else file.plain_size,
        modified=file.modified,
        rights=rights.names(rights.effective(caller.scopes, folder.rights)),
        version=file.version_id,
        digest=file.digest if rights.may(caller, Act.LEARN_DIGEST, folder.rights) else None,
        sealed=file.plain_size is not None,
        plain_size=file.plain_size,
        age_size=age_size,
        payload_digest=file.payload_digest,
        revision=file.revision or 0,
    )


def age_size_of(file: FileRow) -> int | None:
    """Return the bytes of a sealed file as it is handed out, None for a file that is not sealed."""
    if file.plain_size is None:
        return None
    if file.skip is not None:
        return file.before_chunks + file.size - file.skip
    return file.before_chunks + (sealed_length(file.size) if file.size else 0)


def _unfinished_entry(caller: Caller, folder: Folder, upload: UnfinishedRow, *, own: bool = True) -> Entry:
    closed = upload.closed is not None
    sealed = closed and folder.row.sealed_by is not None
    return Entry(
        name=upload.name,
        kind="file",
        size=upload.size,
        modified=(upload.modified if closed else None) or upload.began,
        rights=rights.names(rights.effective(caller.scopes, folder.rights)),
        digest=upload.digest if closed else None,
        unfinished=own,
        sealed=sealed,
        plain_size=upload.size if sealed else None,
    )
