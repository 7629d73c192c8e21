"""The one way in: an upload is begun, and recorded as it becomes durable.

Nobody but its user sees anything of an upload before it is finished; what a record has acknowledged is never lost
until its time is over. Rights are asked at the beginning, when an upload is taken up again, and at the end.
Not here: the end (finish.py), beginning without keeping anything (beginnings.py), taking up and letting go (resume.py),
what an upload is made of (upload_map.py), joining uploads and sharing bytes (joining.py), clearing what is past its
time (sweep.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealane import paths
from sealane.domain import (
    ahead,
    allowances,
    beginnings,
    guest_rooms,
    guests,
    held_back,
    keyring,
    pending,
    places,
    publish,
    resume,
    rights,
    seals,
    upload_map,
    versions,
)
from sealane.domain.holds import Hold
from sealane.domain.queries import uploads as queries
from sealane.domain.queries import versions as version_queries
from sealane.domain.rights import Act
from sealane.domain.versions import Composition
from sealane.errors import Integrity, Invalid, LengthMismatch, Missing, NotASegment, UploadFinished
from sealane.ids import UploadId, VersionId, random_name
from sealane.ledger import events
from sealane.operations.failures import SealedContent
from sealane.operations.uploads import Recorded, UploadOpened

if TYPE_CHECKING:
    from sealane.domain.places import Folder
    from sealane.domain.queries.uploads import FileRow, UploadRow
    from sealane.domain.work import Caller, Work
    from sealane.ids import FolderId, OrganizationId
    from sealane.operations.uploads import BeginUpload, RecordSegments


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an upload goes. A part has no folder, only the organization whose key its bytes are under."""

    organization: OrganizationId
    folder: Folder | None
    name: str
    file: FileRow | None
    """What stands at the name now."""
    target: FolderId | None = None
    """Of a part: the folder that the whole is for, where its client said so. `name` is then that of the whole."""
    sent_sealed: bool = False
    """The name says that its sender has sealed it."""

    @property
    def present(self) -> VersionId | None:
        """The version that stands at the name now."""
        return self.file.version_id if self.file is not None else None

    @property
    def is_sealed(self) -> bool:
        """Whether what comes is to be sealed here."""
        return self.folder is not None and self.folder.row.sealed_by is not None and not self.sent_sealed

    @property
    def path(self) -> str:
        """How the ledger writes it."""
        return self.folder.path_of(self.name) if self.folder else ""


# --- Begin -----------------------------------------------------------------------------------------------------------


def begin_upload(work: Work, caller: Caller, op: BeginUpload) -> UploadOpened:
    """Start writing the file at a path. Raises before any byte where rights, name, quota or state forbid it."""
    allowances.check_declared(work, op.declared)
    guests.check_begin(work, caller, op)
    guest_rooms.ready(work, caller, op)
    destination = _destination(work, caller, op)
    if op.mode == "resume":
        upload = _to_resume(work, caller, destination)
        if upload is not None:
            return resume.take_over(work, caller, upload, destination.folder, declared=op.declared)
    if op.mode == "create":
        for upload in _interrupted(work, caller, destination):
            # What was begun with words of its client's own (tus) is found by its id: that promise outlives this one.
            # And what was closed is whole: it is sealed, as the version before the one that begins now.
            if not (upload.metadata or resume.is_held(work, upload) or seals.settle(work, upload)):
                resume.drop(work, upload, who=caller.who, reason="superseded")
    if destination.folder is not None:
        held_back.check_room(work, destination.folder.id)
    allowances.check_count(work, caller)
    guests.check_room(work, caller, op.declared)
    counted = destination.folder.id if destination.folder is not None else destination.target
    room = allowances.room(work, destination.organization, counted, destination.file)
    allowances.check_room(op.declared, room)
    if destination.target is not None and op.whole is not None:
        allowances.check_whole(work, caller, destination.target, destination.name, whole=op.whole, room=room)
    if destination.folder is not None and destination.is_sealed:
        seals.check_can_be_sealed(work, caller, destination.folder)
    if op.mode == "create" and destination.folder is not None and not op.lasting:
        opened = beginnings.promise(
            work,
            caller,
            destination.folder,
            destination.name,
            shown_path=paths.show(paths.parse(op.path)),
            declared=op.declared,
            stood=destination.present,
            room=room,
            sealed=destination.is_sealed,
            sent_sealed=destination.sent_sealed,
        )
        return opened if op.ahead < 1 else ahead.given(work, caller, destination.folder, op, opened)
    base = None if op.mode == "create" else _base(work, destination)
    return _new_upload(work, caller, op, destination, base, room)


def _destination(work: Work, caller: Caller, op: BeginUpload) -> Destination:
    if op.partial and op.mode != "create":
        raise Invalid("A part of an upload is always made from nothing.")
    if op.partial and not op.path:
        rights.demand(caller, Act.WRITE_FILE, places.view_of(work, caller).anywhere, known=True)
        return Destination(caller.organization_id, None, "", None)
    folder, name = places.find_parent(work, caller, op.path)
    folder.demand(caller, Act.WRITE_FILE)
    file = publish.present_file(work, folder, name)
    if op.partial:
        return Destination(folder.organization_id, None, name, file, target=folder.id)
    publish.check_expectations(file, exclusive=op.exclusive, expected_version="")
    seals.check_expectations(work, folder, name, exclusive=op.exclusive, expected_version="")
    if file is None and not op.may_create:
        raise Missing
    return Destination(folder.organization_id, folder, name, file, sent_sealed=places.asks_for_age(op.path, name))


def _interrupted(work: Work, caller: Caller, destination: Destination) -> list[UploadRow]:
    """Return the caller's own uploads of this name that are not finished, newest first."""
    if destination.folder is None:
        return []
    return work.transaction.all(
        queries.OWN_INTERRUPTED, user=caller.user_id, folder=destination.folder.id, name=destination.name
    )


def _to_resume(work: Work, caller: Caller, destination: Destination) -> UploadRow | None:
    """Return the upload that `resume` takes up.

    Not one that this very session is writing by another handle, and not one over whose name somebody has written
    since it began: it would undo that.
    """
    for upload in _interrupted(work, caller, destination):
        hold = work.holds.of(upload.id)
        written_here = hold is not None and hold.session == caller.session
        goes_on = upload.base_version_id == destination.present or seals.is_closed(work, upload)
        if not written_here and upload.expires > work.now and goes_on:
            return upload
    return None


def _base(work: Work, destination: Destination) -> tuple[VersionId, Composition] | None:
    """Return the version that the upload goes on from, authenticated, so that damage is not carried into a new one."""
    if destination.file is None:
        return None
    version = work.transaction.first(version_queries.VERSION, version=destination.file.version_id)
    if version is None or version.organization_id != destination.organization:
        raise Integrity
    if version.format in {versions.AGE_FORMAT, versions.SENT_SEALED_FORMAT}:
        raise SealedContent
    return version.id, versions.composition_of(work, version)


def _new_upload(
    work: Work,
    caller: Caller,
    op: BeginUpload,
    destination: Destination,
    base: tuple[VersionId, Composition] | None,
    room: int,
) -> UploadOpened:
    key_id, key = keyring.new_upload_key(work, destination.organization)
    composition = base[1] if base else Composition(upload_map.empty(work), {})
    extents = composition.extents
    upload = UploadId(random_name())
    resume.add_upload(
        work,
        id=upload,
        user_id=caller.user_id,
        organization_id=destination.organization,
        folder_id=destination.folder.id if destination.folder else None,
        name=destination.name,
        shown_path=paths.show(paths.parse(op.path)) if op.path else "",
        key_id=key_id,
        session_id=caller.session,
        size=extents.size,
        contiguous=extents.contiguous,
        pieces=len(extents),
        declared=op.declared,
        metadata=op.metadata,
        partial=op.partial,
        base_version_id=destination.present if destination.folder else None,
        extents=extents.pack(),
        target_id=destination.target,
        held=pending.held(stored=0, size=extents.size, declared=op.declared, shared=extents.size),
        shared=extents.size,
    )
    if base:
        work.transaction.run(queries.UPLOAD_NEEDS_VERSION, upload=upload, version=base[0])
    work.record(
        events.UploadBegun(
            who=caller.who,
            upload_id=upload,
            mode=op.mode,
            key_id=key_id,
            owner_organization_id=destination.organization,
            folder_id=destination.folder.id if destination.folder else None,
            path=destination.path,
            declared=op.declared,
            base_version_id=base[0] if base else "",
        )
    )
    work.holds.take(upload, Hold(work.connection, caller.session))
    age = seals.begin(work, upload, destination.organization) if destination.is_sealed else None
    return resume.opened(
        upload,
        1,
        key_id,
        key,
        composition,
        declared=op.declared,
        room=room,
        partial=op.partial,
        age=age if base is None else None,
        sent_sealed=destination.sent_sealed,
    )


# --- Record ----------------------------------------------------------------------------------------------------------


def record_segments(work: Work, caller: Caller, op: RecordSegments) -> Recorded:
    """Record durable segments and where their bytes belong. A record that was recorded before changes nothing."""
    upload = resume.find_own(work, caller, op.upload) if op.begin else resume.own_upload(work, caller, op.upload)
    if upload is None:
        begun = beginnings.opened(work, caller, op.upload, op.begin, op.path)
        if beginnings.version_of(work, begun) is not None:
            raise UploadFinished
        upload = beginnings.keep(work, caller, begun)
    resume.fence(work, caller, upload, op.generation)
    if op.number <= upload.recorded:
        return Recorded(size=upload.contiguous)
    if op.number != upload.recorded + 1:
        raise NotASegment("The records of this upload came out of order.")
    upload_map.check(work, upload.id, op.segments, op.edits)
    work.touch(upload.folder_id)
    seals.add_segments(work, upload, op.segments)
    upload_map.need_segments(work, upload.id, [segment.segment for segment in op.segments])
    appended = upload_map.appended(upload, op.edits, extents_max=work.settings.extents_max)
    stored = upload.stored + sum(segment.length for segment in op.segments)
    if appended is not None:
        size = upload.size + appended
        _check_length(upload, size)
        held = pending.held_now(upload, stored=stored, size=size)
        allowances.check_growth(work, upload, held)
        pending.changed(work, upload, held)
        upload_map.keep_edits(work, upload, op.number, op.edits)
        work.transaction.run(
            queries.MARK_RECORDED,
            upload=upload.id,
            recorded=op.number,
            size=size,
            contiguous=size,
            pieces=upload.pieces + len(op.edits),
            expires=upload_map.expiry(work),
            stored=stored,
            held=held,
        )
        return Recorded(size=size)
    extents = upload_map.current(work, upload)
    named = (*extents.segments(), *(segment.segment for segment in op.segments))
    upload_map.apply(extents, op.edits)
    _check_length(upload, extents.size)
    stored = max(0, stored - versions.bury_superseded(work, upload, named, extents))
    allowances.check_growth(work, upload, pending.held_now(upload, stored=stored, size=extents.size))
    upload_map.fold(work, upload, extents, recorded=op.number, stored=stored)
    return Recorded(size=extents.contiguous)


def _check_length(upload: UploadRow, size: int) -> None:
    if upload.declared is not None and size > upload.declared:
        raise LengthMismatch
