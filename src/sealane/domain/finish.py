"""The end of an upload: what it is made of is whole, and becomes the present version of its name, or a part of one.

Rights are asked once more, and what the client said of the length must hold. A finished upload answers the same when it
is finished again, since the first answer may have been lost on its way.
Not here: making the version (publish.py), joining parts (joining.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealane.domain import (
    allowances,
    beginnings,
    guests,
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
from sealane.domain.queries import uploads as queries
from sealane.domain.queries import versions as version_queries
from sealane.domain.resume import FINISHED, OPEN, PART
from sealane.domain.rights import Act
from sealane.domain.versions import Composition
from sealane.errors import Invalid, LengthMismatch, UploadMissing
from sealane.ids import VersionId
from sealane.ledger import events
from sealane.operations.failures import NotSealed
from sealane.operations.uploads import Finished

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sealane.domain.beginnings import Begun
    from sealane.domain.places import Folder
    from sealane.domain.queries.uploads import UploadRow
    from sealane.domain.queries.versions import VersionRow
    from sealane.domain.work import Caller, Work
    from sealane.ids import KeyId, UploadId
    from sealane.operations.uploads import FinishUpload, NewSegment
    from sealane.vault.extents import ExtentMap

DIGEST_BYTES: Final = 32


def finish_upload(work: Work, caller: Caller, op: FinishUpload) -> Finished:
    """End an upload: it becomes the present version of its name. A finished one answers the same again."""
    if op.digest is not None and len(op.digest) != DIGEST_BYTES:
        raise Invalid("A SHA-256 digest has 32 bytes.")
    # A small file that is sent once: nothing is known of it, which one statement says.
    unknown = bool(op.begin) and upload_map.is_unknown(work, op.upload, op.segments)
    upload = None if unknown else resume.find_own(work, caller, op.upload)
    if upload is None:
        if not op.begin:
            raise UploadMissing
        begun = beginnings.opened(work, caller, op.upload, op.begin, op.path)
        version = None if unknown else beginnings.version_of(work, begun)
        if version is not None:
            return _answer_of(begun.upload, version)
        if op.sent_sealed is None and (
            seals.folder_of(work, begun.folder_id) is not None or (op.size and held_back.holds(work, begun.folder_id))
        ):
            return _finish_kept(work, caller, beginnings.keep(work, caller, begun), op)
        upload_map.check(work, begun.upload, op.segments, op.edits, unknown=unknown)
        extents = upload_map.empty(work)
        upload_map.apply(extents, op.edits)
        if {segment.segment for segment in op.segments}.issubset(extents.segments()):
            return _finish_at_once(work, caller, begun, extents, op)
        upload = beginnings.keep(work, caller, begun)  # there are segments that nothing needs: they die with it
    if upload.state != OPEN and upload.generation == op.generation:
        return _finished_again(work, upload)
    seal = seals.of(work, upload)
    if seal is not None and seal.settles is not None and upload.generation == op.generation:
        return _closed(upload, upload.size, seal.digest, seal.modified)  # again: the first answer was lost
    return _finish_kept(work, caller, upload, op)


def _finish_at_once(work: Work, caller: Caller, begun: Begun, extents: ExtentMap, op: FinishUpload) -> Finished:
    """Begin and end an upload of which nothing was kept: the segments that came with its end are all of it.

    The version gets the upload's id: by that a second end finds the first, and no row of the upload is needed.
    """
    folder = places.find_again(work, caller, begun.folder_id)
    folder.demand(caller, Act.WRITE_FILE)
    _check_whole(begun.declared, extents, op.size)
    key_id = keyring.add_upload_key(work, begun.organization_id, begun.key)
    upload_map.add_segments(work, key_id, op.segments)
    composition = Composition(extents, upload_map.rows_of(key_id, op.segments))
    return _made_visible(work, caller, folder, begun.name, composition, op, at_once=key_id)


def _finish_kept(work: Work, caller: Caller, upload: UploadRow, op: FinishUpload) -> Finished:
    resume.fence(work, caller, upload, op.generation)
    folder = resume.writable_folder(work, caller, upload)
    upload_map.check(work, upload.id, op.segments, op.edits)
    extents = upload_map.current(work, upload)
    named = extents.segments()
    upload_map.apply(extents, op.edits)
    _check_whole(upload.declared, extents, op.size)
    allowances.check_growth(work, upload, pending.held_now(upload, stored=0, size=extents.size))
    added = seals.add_segments(work, upload, op.segments)
    if folder is None:
        return _finish_part(work, caller, upload, extents, op.segments, named)
    if op.sent_sealed is not None and seals.of(work, upload) is not None:
        raise NotSealed("What was begun as a file to be sealed here cannot end as one that its sender has sealed.")
    if op.sent_sealed is None and (
        folder.row.sealed_by is not None
        or (extents.size and held_back.holds(work, folder.id))
        or seals.of(work, upload) is not None  # it was held back before its sender went on with it
    ):
        return _close(work, caller, folder, upload, extents, op, named)
    composition = resume.composed(work, upload, extents, added)
    finished = _made_visible(work, caller, folder, upload.name, composition, op)
    unused = {segment.segment for segment in op.segments}.difference(extents.segments())
    upload_map.need_segments(work, upload.id, unused)  # so that they die with what the upload no longer needs
    versions.let_segments_go(work, upload.id)
    _end(work, upload, FINISHED, finished.version, extents)
    return finished


def _close(
    work: Work,
    caller: Caller,
    folder: Folder,
    upload: UploadRow,
    extents: ExtentMap,
    op: FinishUpload,
    named: Sequence[str],
) -> Finished:
    """Keep a whole upload until it is sealed, or read. What it holds has room under the quotas, then too.

    `named`: the segments that its map named until now.
    """
    file = publish.present_file(work, folder, upload.name)
    publish.check_expectations(file, exclusive=op.exclusive, expected_version=op.expected_version)
    seals.check_expectations(
        work, folder, upload.name, exclusive=op.exclusive, expected_version=op.expected_version, but=upload.id
    )
    allowances.check_room(extents.size, allowances.room_of(work, upload))
    if not seals.is_closed(work, upload):
        guests.count_arrival(work, caller, extents.size, upload=upload.id)
    if folder.row.sealed_by is not None:
        seals.check_can_be_sealed(work, caller, folder)
        seals.check_pieces(work, extents)
    stored = _need_last(work, upload, extents, op.segments, named)
    upload_map.fold(work, upload, extents, recorded=upload.recorded, stored=stored)
    modified = seals.close(
        work,
        caller.who,
        upload,
        folder,
        size=extents.size,
        digest=op.digest if extents.size else publish.DIGEST_OF_NOTHING,
        modified=op.modified,
        settles=op.settles,
    )
    work.holds.let_go(upload.id)
    return _closed(upload, extents.size, op.digest, modified)


def _need_last(
    work: Work, upload: UploadRow, extents: ExtentMap, new: Sequence[NewSegment], named: Sequence[str]
) -> int:
    """Keep the last segments of an upload, let go of those that they replace; return how much it has stored then."""
    last = [segment.segment for segment in new]
    upload_map.need_segments(work, upload.id, last)
    freed = versions.bury_superseded(work, upload, (*named, *last), extents)
    return max(0, upload.stored + sum(segment.length for segment in new) - freed)


def _closed(upload: UploadRow, size: int, digest: bytes | None, modified: datetime | None) -> Finished:
    return Finished(
        upload=upload.id,
        version="",
        size=size,
        digest=digest,
        visible=False,
        modified=modified or upload.began,
    )


def _check_whole(declared: int | None, extents: ExtentMap, size: int) -> None:
    """Raise `LengthMismatch` unless the file is as long as was said, and without a gap where a length was declared."""
    if extents.size != size:
        raise LengthMismatch
    if declared is not None and not declared == size == extents.contiguous:
        raise LengthMismatch


def _finish_part(
    work: Work,
    caller: Caller,
    upload: UploadRow,
    extents: ExtentMap,
    new: Sequence[NewSegment],
    named: Sequence[str],
) -> Finished:
    stored = _need_last(work, upload, extents, new, named)
    _end(work, upload, PART, "", extents, held=max(stored, extents.size))
    work.record(
        events.UploadFinished(
            who=caller.who, upload_id=upload.id, owner_organization_id=upload.organization_id, size=extents.size
        )
    )
    return Finished(upload=upload.id, version="", size=extents.size, digest=None, visible=False, modified=upload.began)


def _made_visible(
    work: Work,
    caller: Caller,
    folder: Folder,
    name: str,
    composition: Composition,
    op: FinishUpload,
    *,
    at_once: KeyId | None = None,
) -> Finished:
    """Publish, on record. `at_once`: the key of an upload of which nothing was kept before."""
    file = publish.present_file(work, folder, name)
    if at_once is not None:  # nothing was held for it until now
        size = composition.extents.size
        allowances.check_room(size, allowances.room(work, folder.organization_id, folder.id, file))
    publish.check_expectations(file, exclusive=op.exclusive, expected_version=op.expected_version)
    seals.check_expectations(work, folder, name, exclusive=op.exclusive, expected_version=op.expected_version)
    modified = op.modified or work.now
    sent = op.sent_sealed
    digest = op.digest if sent is None else sent.digest
    if sent is not None:
        sent_sealed.check(folder, sent, composition.extents.size)
    published = publish.publish(
        work,
        caller.user_id,
        folder,
        name,
        file=file,
        composition=composition,
        digest=digest,
        modified=modified,
        version=VersionId(op.upload) if at_once else None,
        form=versions.SLOTS_FORMAT if sent is None else versions.SENT_SEALED_FORMAT,
    )
    size = composition.extents.size
    guests.count_arrival(work, caller, size, upload=op.upload)
    if sent is not None:
        sent_sealed.keep(work, op.upload, folder, published, sent)
        sent_sealed.note_unread(work, folder, name, published, caller)
    work.record(
        events.UploadFinished(
            who=caller.who,
            upload_id=op.upload,
            key_id=at_once,
            owner_organization_id=folder.organization_id,
            folder_id=folder.id,
            file_id=published.file,
            version_id=published.version,
            replaced_version_id=file.version_id if file else "",
            path=folder.path_of(name),
            size=size,
            digest=(published.digest or b"").hex(),
        )
    )
    return Finished(
        upload=op.upload,
        version=published.version,
        size=size,
        digest=published.digest,
        visible=True,
        modified=modified,
    )


def _end(work: Work, upload: UploadRow, state: str, version: str, extents: ExtentMap, *, held: int = 0) -> None:
    """Mark an upload as whole. A part keeps its map until it is joined, and holds what it has stored."""
    pending.changed(work, upload, held)
    kept = extents if state == PART else upload_map.empty(work)
    work.transaction.run(queries.DELETE_EDITS, upload=upload.id)
    work.transaction.run(
        queries.END_UPLOAD,
        upload=upload.id,
        state=state,
        version_id=version or None,
        extents=kept.pack(),
        size=extents.size,
        contiguous=extents.size,
        pieces=len(kept),
        expires=upload_map.expiry(work) if state == PART else upload_map.finished_expiry(work),
        held=held,
    )
    work.holds.let_go(upload.id)


def _finished_again(work: Work, upload: UploadRow) -> Finished:
    """Answer as before: the first answer may have been lost on its way."""
    if upload.version_id is None or upload.partial:
        return Finished(
            upload=upload.id, version="", size=upload.size, digest=None, visible=False, modified=upload.began
        )
    version = work.transaction.first(version_queries.VERSION, version=upload.version_id)
    if version is None:
        raise UploadMissing
    return _answer_of(upload.id, version)


def _answer_of(upload: UploadId, version: VersionRow) -> Finished:
    return Finished(
        upload=upload,
        version=version.id,
        size=version.size,
        digest=version.digest,
        visible=True,
        modified=version.modified,
    )
