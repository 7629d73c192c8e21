"""People lists and what is known in clear: told to whoever may, handed to officers, re-wrapped, sent by senders.

Must stay true: a list goes to officers of the organization whose file it is, on record before it goes; nobody here can
open one; a header that is replaced leaves the first one in place, since the server cannot tell a good one from a bad.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from sealane import paths
from sealane.domain import exposures, officers, owing, places, reading, recipients, rights, versions
from sealane.domain.queries import exposures as queries
from sealane.domain.queries import files as file_statements
from sealane.domain.queries import versions as version_queries
from sealane.domain.rights import Act
from sealane.errors import Conflict, Integrity, Missing, NotAllowed, SealaneError
from sealane.ledger import events
from sealane.operations.envelope import Done
from sealane.operations.exposures import (
    ExposureIs,
    ListOf,
    ListRecipientsAre,
    ListsAre,
    PeopleListOpened,
)
from sealane.operations.failures import HeaderUnfit
from sealane.vault.age import header as age_header

if TYPE_CHECKING:
    from sealane.domain.queries.exposures import ExposureRow, ListRow
    from sealane.domain.queries.files import FileRow
    from sealane.domain.work import Caller, Work
    from sealane.ids import FolderId
    from sealane.operations.exposures import (
        KeepPeopleList,
        ListPeopleLists,
        ListRecipientsOf,
        OpenPeopleList,
        ReplaceListHeader,
        ShowExposure,
    )

LISTS_A_PAGE_MAX: Final = 500
_PAGE_BYTES_MAX: Final = 4 * 1024 * 1024
_OFFICER: Final = "officer"
_texts = msgspec.msgpack.Decoder(tuple[str, ...])


def show_exposure(work: Work, caller: Caller, op: ShowExposure) -> ExposureIs:
    """Say in counts whose data is in a file: to whoever may read it, or audits its organization."""
    file = _file_to_show(work, caller, op.path)
    version = work.transaction.first(version_queries.VERSION, version=file.version_id)
    if version is None:
        raise Integrity
    row = work.transaction.first(queries.EXPOSURE, version=version.id)
    waits = row is not None and row.coverage == exposures.WAITING
    read = row is not None and not waits
    return ExposureIs(
        path=op.path,
        version=version.id,
        state="read" if read else "waiting" if waits and owing.owes(version.owes, owing.PEOPLE) else "not-read",
        sealed=version.format != versions.SLOTS_FORMAT,
        exposed=exposures.known(work, row) if row is not None and read else None,
        listed=work.transaction.first(queries.LIST, version=version.id) is not None,
    )


def _file_to_show(work: Work, caller: Caller, path: str) -> FileRow:
    """Return the file at a path, by the caller's grants, or for an auditing role within their own organization."""
    if rights.may_audit(caller):
        found = _own_file(work, caller, path)
        if found is not None:
            return found
    folder, file = places.find_file(work, caller, path)
    folder.demand(caller, Act.READ_FILE)
    return file


def _own_file(work: Work, caller: Caller, path: str) -> FileRow | None:
    names = paths.parse(path)
    folder = own_folder(work, caller, names[:-1]) if names else None
    if folder is None:
        return None
    for name in dict.fromkeys((names[-1], names[-1].removesuffix(places.AGE_SUFFIX))):
        file = work.transaction.first(file_statements.BY_NAME, folder_id=folder, name=name) if name else None
        if file is not None:
            return file
    return None


def own_folder(work: Work, caller: Caller, names: paths.Path) -> FolderId | None:
    """Return a folder of the caller's own organization, whatever is granted to them; None: it is not there."""
    folder = places.view_of(work, caller).own_root.folder_id
    for name in names:
        row = work.tree.child(work.transaction, folder, name)
        if row is None:
            return None
        folder = row.id
    return folder


# --- For officers ----------------------------------------------------------------------------------------------------


def _demand_officer(caller: Caller) -> None:
    if caller.role != _OFFICER or "read" not in caller.scopes:
        raise NotAllowed("Only a privacy officer (role officer) may have people lists.")


def list_people_lists(work: Work, caller: Caller, op: ListPeopleLists) -> ListsAre:
    """Page through the people lists of the caller's organization, with what is known in clear of each file."""
    _demand_officer(caller)
    limit = max(1, min(op.limit, LISTS_A_PAGE_MAX))
    rows = work.transaction.all(
        queries.LISTS, organization=caller.organization_id, after=max(0, op.after), limit=limit + 1
    )
    told: list[ListOf] = []
    size = 0
    for row in rows[:limit]:
        told.append(_told(work, row))
        size += len(row.header) + len(row.recipients)
        if size > _PAGE_BYTES_MAX:
            break
    return ListsAre(tuple(told), told[-1].number if len(rows) > len(told) else 0)


def _told(work: Work, row: ListRow) -> ListOf:
    known = _known(work, row)
    present = officers.of_folder(work, row.organization_id, known.folder_id)
    named = _texts.decode(row.recipients)
    return ListOf(
        number=row.id,
        version=row.version_id,
        file=known.file_id,
        path=known.path,
        made=known.made,
        size=row.size,
        digest=row.digest,
        header=row.header,
        recipients=named,
        lacking=tuple(text for text in present if text not in named),
        extra=tuple(text for text in named if text not in present),
        exposed=exposures.known(work, known),
        sent=bool(row.sent),
    )


def _known(work: Work, row: ListRow) -> ExposureRow:
    known = work.transaction.first(queries.EXPOSURE, version=row.version_id)
    if known is None:
        raise Integrity
    return known


def open_people_list(work: Work, caller: Caller, op: OpenPeopleList) -> PeopleListOpened:
    """Hand a sealed list to an officer. That they receive it is on record before a byte of it goes."""
    _demand_officer(caller)
    row, known = _own_list(work, caller, op.version)
    work.releases.take(caller.session, row.size, work.now, work.settings)
    work.record(
        events.PeopleListReceived(
            who=caller.who,
            version_id=row.version_id,
            file_id=known.file_id,
            owner_organization_id=row.organization_id,
        )
    )
    return PeopleListOpened(
        version=row.version_id,
        header=row.header,
        size=row.size,
        digest=row.digest,
        blob=row.blob_id,
        inline=row.inline,
        revision=row.revision,
    )


def replace_list_header(work: Work, caller: Caller, op: ReplaceListHeader) -> Done:
    """Put a header that an officer made anew in the place of a list's, if it is for the present recipients."""
    _demand_officer(caller)
    if "write" not in caller.scopes:
        raise NotAllowed("This token may only read. Making headers anew needs one that may write, too.")
    row, known = _own_list(work, caller, op.version)
    named = tuple(recipients.checked(text) for text in op.recipients)
    present = officers.of_folder(work, row.organization_id, known.folder_id)
    try:
        parsed, length = age_header.parse(op.header)
    except SealaneError:
        raise HeaderUnfit from None
    if length != len(op.header) or len(parsed.stanzas) != len(named) or set(named) != set(present):
        raise HeaderUnfit
    if op.header == row.header:
        return Done()
    work.transaction.run(
        queries.SET_LIST_HEADER,
        version=row.version_id,
        header=op.header,
        first_header=row.header if row.first_header is None else row.first_header,
        recipients=msgspec.msgpack.encode(named),
    )
    work.record(
        events.ListHeaderReplaced(
            who=caller.who,
            version_id=row.version_id,
            file_id=known.file_id,
            owner_organization_id=row.organization_id,
            recipients=recipients.on_record(named),
        )
    )
    return Done()


def _own_list(work: Work, caller: Caller, version: str) -> tuple[ListRow, ExposureRow]:
    """Return a list of the caller's organization. Raises `Missing`, for another organization's too."""
    row = work.transaction.first(queries.LIST, version=version)
    if row is None or row.organization_id != caller.organization_id:
        raise Missing
    return row, _known(work, row)


# --- For senders that seal themselves --------------------------------------------------------------------------------


def list_recipients(work: Work, caller: Caller, op: ListRecipientsOf) -> ListRecipientsAre:
    """Say to whom a file's people list is to be sealed, to whoever may write there; without a path, to officers."""
    if not op.path:
        _demand_officer(caller)
        return ListRecipientsAre(officers.of_organization(work, caller.organization_id))
    folder, _ = places.find_parent(work, caller, op.path)
    folder.demand(caller, Act.WRITE_FILE)
    keys = officers.of_folder(work, folder.organization_id, folder.id)
    said = work.tree.reading(work.transaction, folder.id)
    return ListRecipientsAre(keys, reading=reading.is_read(work, folder.id), owner="" if said is None else said.owner)


def keep_people_list(work: Work, caller: Caller, op: KeepPeopleList) -> Done:
    """Take the people list of a sealed file from who sent it, made on their machine; the same again changes nothing."""
    version = work.transaction.first(version_queries.VERSION, version=op.version)
    row = work.transaction.first(queries.EXPOSURE, version=op.version)
    if version is None or row is None or version.user_id != caller.user_id or "write" not in caller.scopes:
        raise Missing
    there = work.transaction.first(queries.LIST, version=op.version)
    if version.format != versions.SENT_SEALED_FORMAT or (there is not None and not there.sent):
        raise Conflict("Whose data is in this file is read by the server.")
    made = op.exposed.people_list
    if there is not None:
        if made is not None and made.digest == there.digest:
            return Done()
        raise Conflict("This file has its people list already.")
    present = officers.of_folder(work, row.organization_id, row.folder_id)
    if made is not None and set(made.recipients) != set(present):
        raise Conflict("The people list is sealed to others than those whom this folder's lists are sealed to now.")
    exposures.record(work, version.id, op.exposed, who=caller.who, sent=True)
    return Done()
