"""How arrivals are read: whether at all, whose people are in them, by which layouts. Said for folders.

What was said of the nearest folder above a file holds; where nothing was said, what arrives is read. A layout found in
a table is remembered by sender, folder and header; an administrator's correction goes before it and is never lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from sealane.domain import accounts, held_back, named_folders, officers, places, recipients, rows
from sealane.domain.queries import reading as queries
from sealane.errors import Conflict, Invalid, Missing
from sealane.ledger import events
from sealane.operations.envelope import Done
from sealane.operations.inspection import ColumnOf, LayoutOf, Reading, is_layout

if TYPE_CHECKING:
    from sealane.domain.queries.reading import LayoutRow, ReadFolderRow
    from sealane.domain.work import Work
    from sealane.ids import FolderId, OrganizationId, UserId
    from sealane.operations.accounts import RowsAre
    from sealane.operations.exposures import CorrectLayout, ListLayouts, ListReading, LookReading, SetReading

_OWNER_CHARACTERS_MAX: Final = 255
_LAYOUTS_TOLD_MAX: Final = 200
"""Layouts that go along with one arrival, newest first; past it one is found anew."""
_LAYOUTS_KEPT_MAX: Final = 1000
"""Layouts that are remembered of one sender in one folder."""
_LISTED_MAX: Final = 10_000
_UNREAD_SECONDS_MAX: Final = 366 * 86400
_PUBLISH_WORDS: Final = {
    held_back.AT_ONCE: "at-once",
    held_back.AFTER_READING: "after-reading",
    held_back.AT_ONCE_AGAIN: "at-once",
}
_columns = msgspec.msgpack.Decoder(tuple[ColumnOf, ...])


def is_read(work: Work, folder_id: FolderId) -> bool:
    """Return whether what arrives in a folder is read."""
    said = work.tree.reading(work.transaction, folder_id) if work.settings.exposure_read else None
    return bool(work.settings.exposure_read) and (said is None or said.reading)


def of_arrival(
    work: Work, *, organization_id: OrganizationId, folder_id: FolderId, user_id: UserId, name: str
) -> Reading:
    """Return how an arrival of this sender in this folder is to be read."""
    said = work.tree.reading(work.transaction, folder_id)
    known = work.transaction.all(queries.NEWEST_LAYOUTS, user=user_id, folder=folder_id, limit=_LAYOUTS_TOLD_MAX)
    return Reading(
        name=name,
        recipients=officers.of_folder(work, organization_id, folder_id),
        owner="" if said is None else said.owner,
        layouts=tuple(LayoutOf(row.fingerprint, _columns.decode(row.layout)) for row in known),
    )


# --- What the administrator says -------------------------------------------------------------------------------------


def set_reading(work: Work, op: SetReading) -> Done:
    """Say how a folder is read with all below it; what is not said stays as it was there."""
    folder = named_folders.find(work, op.folder)
    said = work.tree.reading(work.transaction, folder.id)
    before = said if said is not None and said.folder_id == folder.id else None
    reading = op.reading if op.reading is not None else said is None or said.reading
    owner = op.owner if op.owner is not None else _owner_of(before)
    if len(owner) > _OWNER_CHARACTERS_MAX or not (owner.isprintable() and owner == owner.strip()):
        raise Invalid("A data owner is named by up to 255 printable characters.")
    recipient = before.owner_recipient if before is not None else None
    if op.owner_recipient is not None:
        recipient = recipients.checked(op.owner_recipient) if op.owner_recipient else None
    if recipient is not None:
        officers.check_together([*officers.of_organization(work, folder.organization_id), recipient])
    publishes = _publishes(said, op)
    waits = op.unread_after_seconds
    if waits is None:
        waits = said.unread_after_seconds if said is not None else 0
    if not 0 <= waits <= _UNREAD_SECONDS_MAX:
        raise Invalid("The time after which files are published unread is a number of seconds up to a year; 0: never.")
    work.transaction.run(queries.REMOVE_READ_FOLDER, folder=folder.id)
    work.transaction.run(
        queries.ADD_READ_FOLDER,
        folder_id=folder.id,
        reading=reading,
        owner=owner,
        owner_recipient=recipient,
        made=work.now,
        publishes=publishes,
        unread_after_seconds=waits,
    )
    work.tree.forget()
    work.arrivals = True
    work.record(
        events.ReadingSet(
            folder_id=folder.id,
            owner_organization_id=folder.organization_id,
            path=op.folder,
            reading=reading,
            data_owner=owner,
            recipient=recipient or "",
            publish=_PUBLISH_WORDS[publishes],
            unread_after_seconds=waits,
        )
    )
    return Done()


def _publishes(said: ReadFolderRow | None, op: SetReading) -> int:
    """Return when a folder publishes, by what was said until now and what is said."""
    before = held_back.AT_ONCE if said is None else said.publishes
    if op.publish == "after-reading":
        return held_back.AFTER_READING
    if op.publish is None or before == held_back.AT_ONCE:
        return before
    return held_back.AT_ONCE_AGAIN


def _owner_of(said: ReadFolderRow | None) -> str:
    return "" if said is None else said.owner


def list_reading(work: Work, op: ListReading) -> RowsAre:
    """List the folders of which it was said how they are read."""
    del op
    found = []
    for row in work.transaction.all(queries.READ_FOLDERS):
        try:
            path = places.of_organization(work, row.folder_id).path
        except Missing:
            continue
        publish = _PUBLISH_WORDS[row.publishes]
        found.append((path, bool(row.reading), row.owner, row.owner_recipient or "", publish, row.unread_after_seconds))
    columns = ("folder", "reading", "owner", "owner_recipient", "publish", "unread_after_seconds")
    return rows.listing(columns, sorted(found))


def look_reading(work: Work, op: LookReading) -> RowsAre:
    """Say how a folder is read, and whether that was said of the folder itself."""
    folder = named_folders.find(work, op.folder)
    said = work.tree.reading(work.transaction, folder.id)
    columns = ("here", "reading", "publish", "unread_after_seconds")
    if said is None:
        return rows.listing(columns, ())
    publish = _PUBLISH_WORDS[said.publishes]
    return rows.listing(
        columns, [(said.folder_id == folder.id, bool(said.reading), publish, said.unread_after_seconds)]
    )


# --- Layouts ---------------------------------------------------------------------------------------------------------


def remember(work: Work, user_id: UserId, folder_id: FolderId, found: tuple[LayoutOf, ...]) -> None:
    """Remember layouts that a scan found; one that is known stays as it is."""
    if not found or work.tree.folder(work.transaction, folder_id) is None:
        return
    known = work.transaction.all(queries.NEWEST_LAYOUTS, user=user_id, folder=folder_id, limit=_LAYOUTS_KEPT_MAX)
    taken = {row.fingerprint for row in known}
    for layout in found[: max(0, _LAYOUTS_KEPT_MAX - len(known))]:
        if layout.fingerprint not in taken:
            _add(work, user_id, folder_id, layout, revision=1, corrected=False)
            taken.add(layout.fingerprint)


def correct_layout(work: Work, op: CorrectLayout) -> Done:
    """Take what an administrator says of a table: a further revision, which holds from now on."""
    folder = named_folders.find(work, op.folder)
    user = accounts.find_user(work, op.user)
    if not is_layout(op.layout):
        raise Invalid("This is not the layout of a table.")
    newest: LayoutRow | None = work.transaction.first(
        queries.NEWEST_LAYOUT, user=user.id, folder=folder.id, fingerprint=op.layout.fingerprint
    )
    if newest is None:
        raise Missing("No table of this header has come from this user in this folder.")
    if len(_columns.decode(newest.layout)) != len(op.layout.columns):
        raise Conflict("The table has another number of columns.")
    revision = newest.revision + 1
    _add(work, user.id, folder.id, op.layout, revision=revision, corrected=True)
    work.record(
        events.LayoutCorrected(
            account_id=user.id,
            account_name=op.user,
            owner_organization_id=folder.organization_id,
            folder_id=folder.id,
            fingerprint=op.layout.fingerprint,
            revision=revision,
        )
    )
    return Done()


def list_layouts(work: Work, op: ListLayouts) -> RowsAre:
    """List the layouts of a folder's tables, by sender, with all their revisions."""
    folder = named_folders.find(work, op.folder)
    found = work.transaction.all(queries.LAYOUTS_OF_FOLDER, folder=folder.id, limit=_LISTED_MAX)
    return rows.listing(
        ("user", "fingerprint", "revision", "corrected", "columns"),
        (
            (
                f"{row.name}@{row.organization}",
                row.fingerprint,
                row.revision,
                bool(row.corrected),
                tuple(f"{one.role}.{one.slot}" if one.role else one.slot for one in _columns.decode(row.layout)),
            )
            for row in found
        ),
    )


def _add(work: Work, user_id: UserId, folder_id: FolderId, layout: LayoutOf, *, revision: int, corrected: bool) -> None:
    work.transaction.run(
        queries.ADD_LAYOUT,
        user_id=user_id,
        folder_id=folder_id,
        fingerprint=layout.fingerprint,
        revision=revision,
        layout=msgspec.msgpack.encode(layout.columns),
        corrected=corrected,
        made=work.now,
    )
