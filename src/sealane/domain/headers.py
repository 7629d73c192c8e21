"""Headers of sealed files made anew by a recipient's client, when readers come or go. The payload is never touched.

The server cannot tell a good header from a spoilt one, since only a recipient can open it; so what is replaced is kept
(the first one always, of the others the newest), and who replaced it is on record. Where somebody is left out it is
kept for a time only, since it still opens to them for whoever steals it. No header is taken that is said to be for
others than the folder's present recipients.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from sealane.domain import places, recipients, rights
from sealane.domain.places import Folder  # a field of a NamedTuple
from sealane.domain.queries import sealing as statements
from sealane.domain.rights import Act
from sealane.errors import Conflict, Invalid, Missing, NotAllowed, SealaneError, TooMany
from sealane.ledger import events
from sealane.operations.failures import HeaderUnfit, RecipientsChanged
from sealane.operations.sealing import HeadersAre, HeadersReplaced, SealedFile
from sealane.vault.age import header as age_header

if TYPE_CHECKING:
    from sealane.domain.queries.sealing import SealedFileRow
    from sealane.domain.work import Caller, Work
    from sealane.ids import FolderId
    from sealane.operations.sealing import ListHeaders, NewHeader, ReadHeader, ReplaceHeaders

HEADERS_MAX: Final = 500
FORMER_HEADERS_MAX: Final = 32
"""Headers that are kept of a file after they were replaced."""
_ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
_texts = msgspec.msgpack.Decoder(tuple[str, ...])


class _Readable(NamedTuple):
    """A folder that the caller may read."""

    folder: Folder
    shown: str
    """Its path as the caller sees it."""
    present: tuple[str, ...]
    """To whom its files are sealed now."""


class _Seen:
    """What the caller may read, and to whom it is sealed now; each folder is looked at once."""

    def __init__(self, work: Work, caller: Caller) -> None:
        self._work = work
        self._caller = caller
        self._folders: dict[FolderId, _Readable | None] = {}

    def readable(self, row: SealedFileRow) -> _Readable | None:
        """Return where a file is and to whom it would be sealed now, or None if the caller may not read there."""
        if row.folder_id not in self._folders:
            self._folders[row.folder_id] = self._look(row.folder_id)
        return self._folders[row.folder_id]

    def _look(self, folder_id: FolderId) -> _Readable | None:
        try:
            folder = places.find_again(self._work, self._caller, folder_id)
            if not rights.may(self._caller, Act.READ_FILE, folder.rights):
                return None
            present = recipients.of_folder(self._work, folder.id, folder.organization_id).texts()
            return _Readable(folder, places.as_seen(self._work, self._caller, folder), present)
        except (Missing, Conflict):
            return None

    def file(self, row: SealedFileRow) -> SealedFile | None:
        """Return a file as it is told, or None."""
        found = self.readable(row)
        if found is None:
            return None
        named = _texts.decode(row.recipients)
        return SealedFile(
            version=row.version_id,
            path=f"{found.shown.removesuffix('/')}/{row.name}",
            header=row.header,
            recipients=named,
            lacking=tuple(text for text in found.present if text not in named),
            extra=tuple(text for text in named if text not in found.present),
        )


def list_headers(work: Work, caller: Caller, op: ListHeaders) -> HeadersAre:
    """List sealed files in a folder and below it whose header is not that of its present recipients."""
    folder = places.find_folder(work, caller, op.path)
    folder.demand(caller, Act.READ_FILE)
    limit = max(1, min(op.limit, HEADERS_MAX))
    try:
        after = int(op.after or "0")
    except ValueError:
        raise Invalid("This is not where a page of headers begins.") from None
    seen = _Seen(work, caller)
    found: list[SealedFile] = []
    size = 0
    rows = work.transaction.all(statements.SEALED_FILES, folder=folder.id, after=after, limit=HEADERS_MAX)
    for row in rows:
        if len(found) >= limit or size > _ANSWER_BYTES_MAX:
            return HeadersAre(tuple(found), str(after))
        file = seen.file(row)
        if file is not None and (file.lacking or file.extra):
            found.append(file)
            size += len(file.header) + len(row.recipients)
        after = row.file_id
    return HeadersAre(tuple(found), str(after) if len(rows) == HEADERS_MAX else "")


def read_header(work: Work, caller: Caller, op: ReadHeader) -> HeadersAre:
    """Return the header of a file's present version."""
    row = work.transaction.first(statements.SEALED_FILE, version=op.version)
    file = None if row is None else _Seen(work, caller).file(row)
    if file is None:
        raise Missing
    return HeadersAre((file,), "")


def replace_headers(work: Work, caller: Caller, op: ReplaceHeaders) -> HeadersReplaced:
    """Replace headers, each for itself: what cannot be is told with its code, and takes no other with it."""
    if len(op.headers) > HEADERS_MAX:
        raise TooMany
    if "write" not in caller.scopes:
        raise NotAllowed("This token may only read. Making headers anew needs one that may write, too.")
    seen = _Seen(work, caller)
    refused: list[tuple[str, str]] = []
    for new in op.headers:
        try:
            _replace(work, caller, seen, new)
        except SealaneError as failure:
            refused.append((new.version, failure.code))
    return HeadersReplaced(len(op.headers) - len(refused), tuple(refused))


def _replace(work: Work, caller: Caller, seen: _Seen, new: NewHeader) -> None:
    row = work.transaction.first(statements.SEALED_FILE, version=new.version)
    found = None if row is None else seen.readable(row)
    if row is None or found is None:
        raise Missing
    named = tuple(recipients.checked(text) for text in new.recipients)
    try:
        parsed, length = age_header.parse(new.header)
    except SealaneError:
        raise HeaderUnfit from None
    if length != len(new.header) or len(parsed.stanzas) != len(named) or len(set(named)) != len(named):
        raise HeaderUnfit
    if new.header == row.header:
        return
    if set(named) != set(found.present):  # else whoever is slow would let in again who was removed meanwhile
        raise RecipientsChanged
    work.transaction.run(
        statements.KEEP_HEADER, version_id=row.version_id, header=row.header, user_id=caller.user_id, replaced=work.now
    )
    if set(_texts.decode(row.recipients)).difference(named):
        forgotten = work.now + timedelta(seconds=work.settings.former_header_keep_seconds)
        work.transaction.run(statements.LEFT_OUT, version=row.version_id, at=forgotten)
    spare = work.transaction.first(statements.SPARE_HEADER, version=row.version_id, limit=FORMER_HEADERS_MAX)
    if spare is not None:
        work.transaction.run(statements.DROP_HEADER, former=spare.id)
    work.transaction.run(
        statements.SET_HEADER, version=row.version_id, header=new.header, recipients=msgspec.msgpack.encode(named)
    )
    work.record(
        events.HeaderReplaced(
            who=caller.who,
            version_id=row.version_id,
            file_id=row.file_id,
            owner_organization_id=found.folder.organization_id,
            folder_id=found.folder.id,
            recipients=recipients.on_record(named),
        )
    )
