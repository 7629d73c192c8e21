"""An upload between its begin and its end: how it stands, taken up again, let go, thrown away.

Not here: beginning, recording and finishing one (receive.py, finish.py).
Must stay true: one writer an upload. `generation` says which: taking an upload over raises it, and every record and
the end name it, so that an earlier writer is refused whatever its door believes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from sealane.domain import allowances, keyring, pending, places, seals, upload_map, versions
from sealane.domain.holds import Hold
from sealane.domain.queries import uploads as queries
from sealane.domain.queries import versions as version_queries
from sealane.domain.rights import Act
from sealane.domain.versions import Composition
from sealane.errors import (
    LengthMismatch,
    Missing,
    UploadBusy,
    UploadFinished,
    UploadMissing,
    UploadTakenOver,
)
from sealane.ledger import events
from sealane.operations.envelope import Done
from sealane.operations.uploads import UploadIs, UploadOpened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealane.domain.places import Folder
    from sealane.domain.queries.uploads import SegmentRow, UploadRow
    from sealane.domain.work import Caller, Work
    from sealane.ids import FolderId, KeyId, OrganizationId, UploadId, VersionId
    from sealane.operations.uploads import AbandonUpload, AgeKey, LookUpload, NewSegment, SuspendUpload, TakeUpload
    from sealane.vault.extents import ExtentMap

OPEN: Final = "open"
PART: Final = "part"
"""A partial upload that is whole and waits to be joined."""
FINISHED: Final = "finished"
"""Kept only so that its client can still ask for it."""
RemovalReason = Literal["abandoned", "expired", "superseded", "removed"]


def look_upload(work: Work, caller: Caller, op: LookUpload) -> UploadIs:
    """Say how an upload stands, to its own user."""
    upload = own_upload(work, caller, op.upload)
    return UploadIs(
        upload=upload.id,
        path=upload.shown_path,
        size=upload.contiguous,
        declared=upload.declared,
        metadata=upload.metadata,
        partial=upload.partial,
        joined=upload.joined,
        finished=upload.state != OPEN,
        expires=upload.expires,
    )


def take_upload(work: Work, caller: Caller, op: TakeUpload) -> UploadOpened:
    """Go on with an interrupted upload. Raises `UploadBusy` while a living session is sending to it."""
    upload = own_upload(work, caller, op.upload)
    if upload.state != OPEN:
        raise UploadFinished
    if is_held(work, upload):
        raise UploadBusy
    allowances.check_declared(work, op.declared)
    if upload.declared is not None and op.declared not in {None, upload.declared}:
        raise LengthMismatch("The length of this upload was declared before, and differently.")
    return take_over(work, caller, upload, writable_folder(work, caller, upload), declared=op.declared)


def own_upload(work: Work, caller: Caller, upload: str) -> UploadRow:
    """Return the caller's own upload. Raises `UploadMissing`, also for another's and for one whose time is over."""
    row = find_own(work, caller, upload)
    if row is None:
        raise UploadMissing
    return row


def find_own(work: Work, caller: Caller, upload: str) -> UploadRow | None:
    """Return the caller's own upload, or None for what is not there, another's, or past its time."""
    row = work.transaction.first(queries.UPLOAD, upload=upload)
    if row is None or row.user_id != caller.user_id or not row.session_id:
        return None
    return None if row.expires <= work.now else row


def take_over(
    work: Work, caller: Caller, upload: UploadRow, folder: Folder | None, *, declared: int | None
) -> UploadOpened:
    """Make the caller the writer of their own upload; whoever was it until now is fenced out."""
    declared = upload.declared if declared is None else declared
    if declared is not None and declared < upload.size:
        raise LengthMismatch
    room = allowances.room_of(work, upload)
    allowances.check_room(declared, room)
    _tidy(work, upload._replace(declared=declared))
    work.transaction.run(queries.TAKE, upload=upload.id, session_id=caller.session, declared=declared)
    work.record(
        events.UploadResumed(
            who=caller.who,
            upload_id=upload.id,
            generation=upload.generation + 1,
            key_id=upload.key_id,
            owner_organization_id=upload.organization_id,
            folder_id=upload.folder_id,
            path=folder.path_of(upload.name) if folder else "",
            size=upload.size,
        )
    )
    work.holds.take(upload.id, Hold(work.connection, caller.session))
    interrupted = not seals.is_closed(work, upload)
    age = seals.take_up(work, upload)
    return reopened(work, own_upload(work, caller, upload.id), room, age=age, interrupted=interrupted)


def reopened(
    work: Work, upload: UploadRow, room: int, *, age: AgeKey | None = None, interrupted: bool = False
) -> UploadOpened:
    """Say how an upload that its writer has folded stands, with its key."""
    composition = composition_of(work, upload, upload_map.current(work, upload), ())
    key = keyring.open_upload_keys(work, [upload.key_id])[upload.key_id]
    return opened(
        upload.id,
        upload.generation,
        upload.key_id,
        key,
        composition,
        declared=upload.declared,
        room=room,
        partial=upload.partial,
        age=age,
        sent_sealed=seals.is_sent_sealed(work, upload),
        interrupted=interrupted,
    )


def _tidy(work: Work, upload: UploadRow) -> None:
    """Fold the map, and let go of every segment that it does not name: whoever wrote until now is fenced out."""
    extents = upload_map.current(work, upload)
    known = upload_map.segments_of(work, upload.id)
    versions.bury_superseded(work, upload, known, extents)
    stored = pending.stored_of((known[name] for name in extents.segments()), upload.key_id)
    upload_map.fold(work, upload, extents, recorded=0, stored=stored)


def is_held(work: Work, upload: UploadRow) -> bool:
    """Whether a session that is not over is writing the upload."""
    hold = work.holds.of(upload.id)
    if hold is None:
        return False
    living = work.transaction.first(queries.SESSION_LIVES, session=hold.session, now=work.now)
    return living is not None and living.count > 0


def writable_folder(work: Work, caller: Caller, upload: UploadRow) -> Folder | None:
    """Return the folder that an upload goes to, where its user may still write. A part has none."""
    if upload.partial:
        return None
    if upload.folder_id is None:
        raise Missing
    folder = places.find_again(work, caller, upload.folder_id)
    folder.demand(caller, Act.WRITE_FILE)
    return folder


def add_upload(
    work: Work,
    *,
    organization_id: OrganizationId,
    folder_id: FolderId | None,
    target_id: FolderId | None = None,
    held: int = 0,
    **columns: object,
) -> None:
    """Add an upload's row; what is not given is that of one that has just begun. What it holds is counted."""
    pending.count(work, pending.place(work, organization_id, folder_id or target_id), held)
    begun = {
        "generation": 1,
        "recorded": 0,
        "state": OPEN,
        "joined": False,
        "version_id": None,
        "began": work.now,
        "expires": upload_map.expiry(work),
        "organization_id": organization_id,
        "folder_id": folder_id,
        "target_id": target_id,
        "stored": 0,
        "shared": 0,
        "held": held,
    }
    work.transaction.run(queries.INSERT_UPLOAD, **(begun | columns))


def fence(work: Work, caller: Caller, upload: UploadRow, generation: int) -> None:
    """Raise unless the caller is the upload's one writer, and note that they are."""
    if upload.state != OPEN:
        raise UploadFinished
    if upload.generation != generation:
        raise UploadTakenOver
    seals.check_open(work, upload)
    work.holds.take(upload.id, Hold(work.connection, caller.session))


def composition_of(work: Work, upload: UploadRow, extents: ExtentMap, new: Sequence[NewSegment]) -> Composition:
    """Return what the upload is made of; of its segments those that the map still names."""
    return composed(work, upload, extents, upload_map.rows_of(upload.key_id, new))


def composed(work: Work, upload: UploadRow, extents: ExtentMap, new: dict[str, SegmentRow]) -> Composition:
    """Return what the upload is made of with the rows of segments that are new."""
    known = upload_map.segments_of(work, upload.id) | new
    return Composition(extents, {segment: known[segment] for segment in extents.segments()})


def opened(
    upload: UploadId,
    generation: int,
    key_id: KeyId,
    key: bytes,
    composition: Composition,
    *,
    declared: int | None,
    room: int,
    partial: bool,
    age: AgeKey | None = None,
    sent_sealed: bool = False,
    interrupted: bool = False,
) -> UploadOpened:
    """Return what a writer is told of an upload that is theirs now."""
    return UploadOpened(
        upload=upload,
        generation=generation,
        key_id=key_id,
        key=key,
        size=composition.extents.size,
        extents=tuple(composition.extents),
        segments=composition.places(),
        declared=declared,
        room=room,
        partial=partial,
        age=age,
        sent_sealed=sent_sealed,
        interrupted=interrupted,
    )


def suspend_upload(work: Work, caller: Caller, op: SuspendUpload) -> Done:
    """Let go of an upload, so that it can be taken up again. One not to be kept, or repeating its base, goes."""
    upload = own_upload(work, caller, op.upload)
    if upload.state == OPEN and upload.generation == op.generation:
        repeats = upload.base_version_id is not None and _unchanged(work, upload, upload.base_version_id)
        if repeats or not op.keep:
            drop(work, upload, who=caller.who, reason="abandoned")
        else:
            seals.suspended(work, upload, clean=op.clean)
        work.holds.let_go(upload.id)
    return Done()


def _unchanged(work: Work, upload: UploadRow, base: VersionId) -> bool:
    version = work.transaction.first(version_queries.VERSION, version=base)
    return version is not None and upload_map.current(work, upload).pack() == version.extents


def abandon_upload(work: Work, caller: Caller, op: AbandonUpload) -> Done:
    """Throw an upload away; whoever is sending to it is told so by their next record. A finished file stays."""
    drop(work, own_upload(work, caller, op.upload), who=caller.who, reason="abandoned")
    return Done()


def drop(work: Work, upload: UploadRow, *, who: events.Who, reason: RemovalReason) -> None:
    """Delete an upload and whatever nothing else needs."""
    pending.let_go(work, [upload])
    versions.let_segments_go(work, upload.id)
    work.transaction.run(queries.DELETE_EDITS, upload=upload.id)
    seals.forget(work, upload)
    work.transaction.run(queries.DELETE_UPLOAD, upload=upload.id)
    work.transaction.run(version_queries.DELETE_UNUSED_KEY, key=upload.key_id)
    work.holds.let_go(upload.id)
    if upload.state != FINISHED:
        work.record(
            events.UploadRemoved(
                who=who,
                upload_id=upload.id,
                owner_organization_id=upload.organization_id,
                folder_id=upload.folder_id,
                path=upload.shown_path,
                size=upload.size,
                reason=reason,
            )
        )
