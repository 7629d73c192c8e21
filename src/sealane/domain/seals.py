"""Uploads into sealed folders, from their begin until they are left to be sealed.

What comes in order is written as chunks of one age file at once, under the upload's age key; what does not is staged in
slots. The seal of an upload (one row) says which chunk numbers that key may have been used for.
Must stay true: no chunk number is used for two plaintexts under one key. A door may use a number at or above
`next_chunk` only, each record raises it, and whoever takes an upload up of which chunks may be missing from the records
(`clean` is not said) gets another key. A closed upload was acknowledged and is never dropped but by its sender.
Not here: sealing (sealing.py), whom to (recipients.py).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sealane.domain import held_back, keyring, places, recipients, upload_map
from sealane.domain.queries import sealed_folders as sealed_queries
from sealane.domain.queries import sealing as statements
from sealane.domain.queries import versions as version_queries
from sealane.errors import AlreadyExists, Conflict, NotASegment, TooMany, UploadFinished
from sealane.ids import VersionId
from sealane.ledger import events
from sealane.operations.uploads import AgeKey
from sealane.vault.age.payload import CHUNK_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sealane.domain.places import Folder
    from sealane.domain.queries.sealed_folders import SealedFolderRow
    from sealane.domain.queries.sealing import ClosedRow, SealRow
    from sealane.domain.queries.uploads import SegmentRow, UploadRow
    from sealane.domain.work import Caller, Work
    from sealane.ids import FolderId, KeyId, OrganizationId, UploadId
    from sealane.operations.uploads import NewSegment
    from sealane.vault.extents import ExtentMap

_UNFINISHED_NAMES: Final = (".part", ".filepart", ".partial", ".tmp", ".crdownload")
"""How clients name a file that they are still writing; renaming it to another name says that it is whole."""
_PIECES_BETWEEN: Final = 4
"""Extents that a map has for a moment where sealed chunks take the place of a part of what was there."""


def folder_of(work: Work, folder_id: FolderId | None) -> SealedFolderRow | None:
    """Return how a folder is sealed, None if it is not."""
    row = None if folder_id is None else work.tree.folder(work.transaction, folder_id)
    if row is None or row.sealed_by is None:
        return None
    return work.transaction.first(sealed_queries.SEALED_FOLDER, folder=row.sealed_by)


def closes(work: Work, folder_id: FolderId | None) -> bool:
    """Return whether what has ended in a folder may wait there, closed: to be sealed, or to be read before it shows."""
    return folder_of(work, folder_id) is not None or held_back.may_hold(work, folder_id)


def of(work: Work, upload: UploadRow) -> SealRow | None:
    """Return the seal of an upload, None for one that was begun in an ordinary folder and is not held back.

    One that was held back keeps it when it is moved to where nothing is.
    """
    return None if upload.partial else work.transaction.first(statements.SEAL, upload=upload.id)


def is_sent_sealed(work: Work, upload: UploadRow) -> bool:
    """Return whether an upload's name says that its sender has sealed it. Of parts the whole says so."""
    named = not upload.partial and bool(upload.shown_path) and places.asks_for_age(upload.shown_path, upload.name)
    return named and of(work, upload) is None  # what has a seal is sealed here


def check_can_be_sealed(work: Work, caller: Caller, folder: Folder) -> None:
    """Raise `NoRecipients` or `RecipientsDiffer` where nothing could be sealed: before a byte has come."""
    recipients.for_caller(work, caller, folder)


def check_pieces(work: Work, extents: ExtentMap) -> None:
    """Raise `TooMany` for a file in so many pieces that its map would be full before all of it is sealed."""
    longest = work.settings.segment_bytes_max
    holes = sum((extent.length - 1) // longest for extent in extents)  # nothing else is longer than a segment
    # What came in order stays as it is; between any two pieces that did not, sealing adds one at most.
    apart = max(0, len(extents) - extents.size // longest)
    if len(extents) + apart // 2 + holes + _PIECES_BETWEEN > work.settings.extents_max:
        raise TooMany


def begin(work: Work, upload: UploadId, organization: OrganizationId, secret: bytes | None = None) -> AgeKey:
    """Give an upload that has just begun its age key."""
    secret = secret or keyring.new_age_secret()
    key_id = keyring.add_upload_key(work, organization, secret, kind=keyring.AGE)
    add(work, upload, key_id, clean=False)
    return AgeKey(key_id, keyring.payload_key_of(secret), 0)


def add(
    work: Work,
    upload: UploadId,
    key_id: KeyId,
    *,
    clean: bool,
    settles: datetime | None = None,
    digest: bytes | None = None,
    modified: datetime | None = None,
    converts: VersionId | None = None,
) -> None:
    """Add the seal of an upload; with `settles` it is closed already."""
    work.transaction.run(
        statements.ADD_SEAL,
        upload_id=upload,
        age_key_id=key_id,
        first_chunk=0,
        next_chunk=0,
        clean=clean,
        begun=False,
        closed=None if settles is None else work.now,
        settles=settles,
        digest=digest,
        modified=modified,
        converts=converts,
        leased_until=None,
    )


def add_segments(work: Work, upload: UploadRow, new: Sequence[NewSegment]) -> dict[str, SegmentRow]:
    """Add a record's segments, each under its key; return their rows.

    Raises `NotASegment` for a chunk number that may not be used.
    """
    chunks = [segment for segment in new if segment.first_chunk is not None]
    if not chunks:
        upload_map.add_segments(work, upload.key_id, new)
        return upload_map.rows_of(upload.key_id, new)
    seal = of(work, upload)
    if seal is None:
        raise NotASegment
    reached = seal.next_chunk
    for segment in chunks:
        if segment.first_chunk is None or segment.first_chunk < reached or segment.length % CHUNK_BYTES:
            raise NotASegment
        reached = segment.first_chunk + segment.length // CHUNK_BYTES
    slots = [segment for segment in new if segment.first_chunk is None]
    upload_map.add_segments(work, seal.age_key_id, chunks)
    upload_map.add_segments(work, upload.key_id, slots)
    work.transaction.run(statements.REACHED, upload=upload.id, next=reached)
    return upload_map.rows_of(seal.age_key_id, chunks) | upload_map.rows_of(upload.key_id, slots)


def check_open(work: Work, upload: UploadRow) -> None:
    """Raise `UploadFinished` for a closed upload that nobody took up again: the inspector may be at it."""
    seal = of(work, upload)
    if seal is not None and seal.settles is not None:
        raise UploadFinished


def is_closed(work: Work, upload: UploadRow) -> bool:
    """Return whether an upload is whole as its sender was told, and waits to be sealed or read."""
    seal = of(work, upload)
    return seal is not None and seal.closed is not None


def take_up(work: Work, upload: UploadRow) -> AgeKey | None:
    """Let a writer go on with an upload: under the same key only if every chunk that was sealed is recorded."""
    seal = of(work, upload)
    if seal is None:
        return None
    work.holds.end_lease(VersionId(upload.id))  # whatever an inspector has of it is over
    sealed = folder_of(work, upload.folder_id) is not None
    key_id, first, reached = seal.age_key_id, seal.first_chunk, seal.next_chunk
    if sealed and (not seal.clean or seal.begun or held_back.is_only_read(upload, seal)):
        secret = keyring.new_age_secret()
        key_id = keyring.add_upload_key(work, upload.organization_id, secret, kind=keyring.AGE)
        first = reached = upload.contiguous // CHUNK_BYTES
    work.transaction.run(
        statements.TAKEN_UP, upload=upload.id, age_key_id=key_id, first_chunk=first, next_chunk=reached
    )
    if key_id != seal.age_key_id:
        work.transaction.run(version_queries.DELETE_UNUSED_KEY, key=seal.age_key_id)
    if not sealed:
        return None
    return AgeKey(key_id, keyring.open_upload_keys(work, [key_id])[key_id], reached)


def suspended(work: Work, upload: UploadRow, *, clean: bool) -> None:
    """Note whether every chunk that the writer sealed is recorded."""
    if of(work, upload) is not None:
        work.transaction.run(statements.SUSPENDED, upload=upload.id, is_clean=clean)


def close(
    work: Work,
    who: events.Who,
    upload: UploadRow,
    folder: Folder,
    *,
    size: int,
    digest: bytes | None,
    modified: datetime | None,
    settles: bool,
) -> datetime:
    """Note that an upload is whole, on record; return the time that its file will show.

    In a sealed folder it stays open to its sender for the settle time where the client could not say that this is the
    end; in one that publishes after reading it is read from now on.
    """
    sealed = folder_of(work, folder.id)
    shown = modified or work.now
    at = work.now + timedelta(seconds=sealed.settle_seconds if sealed is not None and settles else 0)
    for earlier in closed_of_name(work, folder, upload.name, but=upload.id):
        if earlier.settles is not None and earlier.settles > work.now:  # it is to be the version before this one
            work.transaction.run(statements.SETTLE, upload=earlier.upload_id, at=work.now)
    if of(work, upload) is not None:
        pass
    elif sealed is None:  # it is only read; nobody seals anything under its key
        add(work, upload.id, upload.key_id, clean=True)
    else:  # the folder was sealed while it was on its way
        begin(work, upload.id, upload.organization_id)
    work.transaction.run(
        statements.CLOSED, upload=upload.id, closed=work.now, settles=at, digest=digest, modified=shown
    )
    work.arrivals = True
    work.record(
        events.UploadClosed(
            who=who,
            upload_id=upload.id,
            owner_organization_id=upload.organization_id,
            folder_id=folder.id,
            path=folder.path_of(upload.name),
            size=size,
            digest=(digest or b"").hex(),
            settles=at,
        )
    )
    return shown


def closed_of_name(work: Work, folder: Folder, name: str, *, but: str = "") -> list[ClosedRow]:
    """Return what was closed under a name and is not visible yet, one upload excepted."""
    if not closes(work, folder.id):
        return []
    return work.transaction.all(statements.CLOSED_OF_NAME, folder=folder.id, name=name, but=but)


def check_expectations(
    work: Work, folder: Folder, name: str, *, exclusive: bool, expected_version: str, but: str = ""
) -> None:
    """Raise `AlreadyExists` or `Conflict` where what is closed and not sealed yet will stand at the name."""
    if (exclusive or expected_version) and closed_of_name(work, folder, name, but=but):
        raise AlreadyExists if exclusive else Conflict("The file has changed since you saw it.")


def settle(work: Work, upload: UploadRow) -> bool:
    """Let a closed upload be sealed now; False if it was never closed."""
    seal = of(work, upload)
    if seal is None or seal.closed is None:
        return False
    if seal.settles is None or seal.settles > work.now:
        work.transaction.run(statements.SETTLE, upload=upload.id, at=work.now)
        work.arrivals = True
    return True


def renamed(work: Work, upload: UploadRow, name: str) -> None:
    """Let an upload be sealed at once whose client has given it its final name."""
    if upload.name.lower().endswith(_UNFINISHED_NAMES) and not name.lower().endswith(_UNFINISHED_NAMES):
        seal = of(work, upload)
        if seal is not None and seal.settles is not None:
            settle(work, upload)


def forget(work: Work, upload: UploadRow) -> None:
    """Delete the seal of an upload that is about to be deleted, and the key with it."""
    seal = work.transaction.first(statements.SEAL, upload=upload.id) if not upload.partial else None
    if seal is not None:
        work.transaction.run(statements.DELETE_SEAL, upload=upload.id)
        work.transaction.run(version_queries.DELETE_UNUSED_KEY, key=seal.age_key_id)
        work.destroyed = True
