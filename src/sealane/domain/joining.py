"""Files made of bytes that are stored already: parts joined (tus concatenation), ranges shared (copy-data).

No byte is read, copied or encrypted again: only maps are put together. Parts stay what they are until their time is
over, so that a join whose answer was lost may be asked for again.
Must stay true: the bytes of a version are under keys of its own organization. A part belongs to the organization that
the whole is for, from its begin if its client said so, else from its first join on, and is joined nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane import paths
from sealane.domain import (
    allowances,
    held_back,
    keyring,
    pending,
    places,
    publish,
    resume,
    seals,
    sent_sealed,
    upload_map,
    versions,
)
from sealane.domain.queries import downloads as download_queries
from sealane.domain.queries import uploads as queries
from sealane.domain.queries import versions as version_queries
from sealane.domain.resume import FINISHED, OPEN
from sealane.domain.rights import Act
from sealane.domain.versions import Composition
from sealane.errors import CopyNotShared, Invalid, Missing, TooLarge, UploadUnfinished
from sealane.ids import SegmentId, UploadId, random_name
from sealane.ledger import events
from sealane.operations.failures import NotSealed, PartElsewhere
from sealane.operations.uploads import Finished, PartOpened

if TYPE_CHECKING:
    from collections.abc import Collection

    from sealane.domain.places import Folder
    from sealane.domain.queries.uploads import FileRow, SegmentRow, UploadRow
    from sealane.domain.work import Caller, Work
    from sealane.operations.uploads import CopyInto, JoinUploads, OpenPart, UploadOpened


def join_uploads(work: Work, caller: Caller, op: JoinUploads) -> Finished:
    """Join the caller's own finished parts, in order, into the file at a path."""
    if not 0 < len(op.uploads) <= work.settings.extents_max:
        raise Invalid("There are no parts to join, or too many.")
    folder, name = places.find_parent(work, caller, op.path)
    folder.demand(caller, Act.WRITE_FILE)
    parts = {upload: _part(work, caller, upload) for upload in dict.fromkeys(op.uploads)}
    composition = _joined(work, [parts[upload] for upload in op.uploads])
    if composition.extents.size > work.settings.file_bytes_max:
        raise TooLarge
    for part in parts.values():
        _check_home(part, folder)
        keyring.rewrap_upload_key(work, part.key_id, folder.organization_id)
    pending.let_go(work, parts.values())
    file = publish.present_file(work, folder, name)
    modified = op.modified or work.now
    sent = op.sent_sealed
    if sent is not None:
        sent_sealed.check(folder, sent, composition.extents.size)
    elif folder.row.sealed_by is not None or (composition.extents.size and held_back.holds(work, folder.id)):
        return _closed(work, caller, op, folder, name, file, composition, parts.values())
    published = publish.publish(
        work,
        caller.user_id,
        folder,
        name,
        file=file,
        composition=composition,
        digest=None if sent is None else sent.digest,
        modified=modified,
        form=versions.SLOTS_FORMAT if sent is None else versions.SENT_SEALED_FORMAT,
    )
    for part in parts.values():
        work.transaction.run(
            queries.JOIN_PART,
            upload=part.id,
            state=FINISHED,
            version_id=published.version,
            organization_id=folder.organization_id,
            target_id=folder.id,
        )
    upload = _add_joined(work, caller, op, folder, published, composition, next(iter(parts.values())))
    if sent is not None:
        sent_sealed.keep(work, upload, folder, published, sent)
        sent_sealed.note_unread(work, folder, name, published, caller)
    work.record(
        events.UploadFinished(
            who=caller.who,
            upload_id=upload,
            owner_organization_id=folder.organization_id,
            folder_id=folder.id,
            file_id=published.file,
            version_id=published.version,
            replaced_version_id=file.version_id if file else "",
            path=folder.path_of(name),
            size=composition.extents.size,
            digest=(published.digest or b"").hex(),
            joined=tuple(parts),
        )
    )
    return Finished(
        upload=upload,
        version=published.version,
        size=composition.extents.size,
        digest=published.digest,
        visible=True,
        modified=modified,
    )


def _closed(
    work: Work,
    caller: Caller,
    op: JoinUploads,
    folder: Folder,
    name: str,
    file: FileRow | None,
    composition: Composition,
    parts: Collection[UploadRow],
) -> Finished:
    """Keep the whole as an upload that is closed; once it is sealed or read, the parts go."""
    if places.asks_for_age(op.path, name):
        raise NotSealed
    if folder.row.sealed_by is not None:
        seals.check_can_be_sealed(work, caller, folder)
        seals.check_pieces(work, composition.extents)
    size = composition.extents.size
    for part in parts:
        work.transaction.run(
            queries.KEEP_PART, upload=part.id, organization_id=folder.organization_id, target_id=folder.id
        )
    allowances.check_room(size, allowances.room(work, folder.organization_id, folder.id, file))
    upload = UploadId(random_name())
    key_id, _ = keyring.new_upload_key(work, folder.organization_id)
    resume.add_upload(
        work,
        id=upload,
        user_id=caller.user_id,
        organization_id=folder.organization_id,
        folder_id=folder.id,
        name=name,
        shown_path=paths.show(paths.parse(op.path)),
        key_id=key_id,
        session_id=caller.session,
        size=size,
        contiguous=composition.extents.contiguous,
        pieces=len(composition.extents),
        declared=size,
        metadata=op.metadata,
        partial=False,
        joined=True,
        base_version_id=None,
        extents=composition.extents.pack(),
        held=size,
    )
    upload_map.need_segments(work, upload, composition.extents.segments())
    if folder.row.sealed_by is not None:
        seals.begin(work, upload, folder.organization_id)
    row = resume.own_upload(work, caller, upload)
    modified = seals.close(work, caller.who, row, folder, size=size, digest=None, modified=op.modified, settles=False)
    return Finished(upload=upload, version="", size=size, digest=None, visible=False, modified=modified)


def _check_home(part: UploadRow, folder: Folder) -> None:
    """Raise `PartElsewhere` for a part whose bytes are under the key of another organization than the folder's.

    A part of which nobody has said where it goes yet is not at home anywhere: it is from now on.
    """
    if part.organization_id != folder.organization_id and (part.target_id is not None or part.state == FINISHED):
        raise PartElsewhere


def _part(work: Work, caller: Caller, upload_id: str) -> UploadRow:
    upload = resume.own_upload(work, caller, upload_id)
    if not upload.partial:
        raise Invalid("Only parts can be joined.")
    if upload.state == OPEN:
        raise UploadUnfinished
    return upload


def open_part(work: Work, caller: Caller, op: OpenPart) -> PartOpened:
    """Give the key of a finished part to its own user's door once more, so that it can be read back. On record."""
    part = _part(work, caller, op.upload)
    extents = upload_map.current(work, part)
    composition = resume.composed(work, part, extents, {})
    work.record(
        events.UploadResumed(
            who=caller.who,
            upload_id=part.id,
            generation=part.generation,
            key_id=part.key_id,
            owner_organization_id=part.organization_id,
            folder_id=part.folder_id,
            size=part.size,
        )
    )
    return PartOpened(
        size=part.size,
        extents=tuple(extents),
        segments=composition.places(),
        keys=keyring.open_upload_keys(work, [part.key_id]),
    )


def _joined(work: Work, parts: list[UploadRow]) -> Composition:
    extents = upload_map.empty(work)
    segments: dict[str, SegmentRow] = {}
    for part in parts:
        extents.join(upload_map.current(work, part))
        segments |= upload_map.segments_of(work, part.id)
    return Composition(extents, {segment: segments[segment] for segment in extents.segments()})


def _add_joined(
    work: Work,
    caller: Caller,
    op: JoinUploads,
    folder: Folder,
    published: publish.Published,
    composition: Composition,
    first: UploadRow,
) -> UploadId:
    """Keep the whole as an upload of its own, finished, for the client that asks for it."""
    upload = UploadId(random_name())
    resume.add_upload(
        work,
        id=upload,
        user_id=caller.user_id,
        organization_id=folder.organization_id,
        folder_id=None,
        name="",
        shown_path=paths.show(paths.parse(op.path)),
        key_id=first.key_id,
        session_id=caller.session,
        state=FINISHED,
        size=composition.extents.size,
        contiguous=composition.extents.size,
        pieces=0,
        declared=composition.extents.size,
        metadata=op.metadata,
        partial=False,
        joined=True,
        base_version_id=None,
        extents=upload_map.empty(work).pack(),
        version_id=published.version,
        expires=upload_map.finished_expiry(work),
    )
    return upload


def copy_into(work: Work, caller: Caller, op: CopyInto) -> UploadOpened:
    """Share bytes of a download that the caller has open with an upload of the same organization."""
    upload = resume.own_upload(work, caller, op.upload)
    resume.fence(work, caller, upload, op.generation)
    download = work.transaction.first(download_queries.DOWNLOAD, download=op.download, user=caller.user_id)
    if download is None:
        raise Missing
    version = work.transaction.first(version_queries.VERSION, version=download.version_id)
    if version is None:
        raise Missing
    if upload.partial or version.organization_id != upload.organization_id:
        raise CopyNotShared
    if version.format != versions.SLOTS_FORMAT:
        raise CopyNotShared  # what is read of it is its age file, which is not stored in one piece
    source = versions.composition_of(work, version).extents
    if op.start < 0 or op.length < 1 or op.offset < 0 or op.start + op.length > source.size:
        raise Invalid("The range lies outside of the file.")
    if op.offset + op.length > work.settings.file_bytes_max:
        raise TooLarge
    extents = upload_map.current(work, upload)
    at = op.offset
    for run in source.runs(op.start, op.length):
        if not run.segment:
            raise CopyNotShared  # a hole has no segment to share; the door writes its zeros
        extents.place(at, run.length, SegmentId(run.segment), run.start)
        at += run.length
    known = upload_map.segments_of(work, upload.id)
    upload_map.need_segments(work, upload.id, [name for name in extents.segments() if name not in known])
    stored = max(0, upload.stored - versions.bury_superseded(work, upload, known, extents))
    allowances.check_growth(work, upload, pending.held_now(upload, stored=stored, size=extents.size))
    upload_map.fold(work, upload, extents, recorded=upload.recorded, stored=stored)
    work.record(
        events.ContentShared(
            who=caller.who,
            upload_id=upload.id,
            download_id=download.id,
            version_id=version.id,
            file_id=version.file_id,
            start=op.start,
            length=op.length,
            offset=op.offset,
        )
    )
    resume.writable_folder(work, caller, upload)
    copied = resume.own_upload(work, caller, upload.id)
    return resume.reopened(work, copied, allowances.room_of(work, copied))
