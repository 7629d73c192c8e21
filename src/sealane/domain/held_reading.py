"""The end of holding back: what was read becomes visible, with what was read of it, by one transaction.

Here the inspector answers; and here what has waited for longer than the operator lets it is published unread, with a
coverage that says so. Must stay true: what was said later under a name stays its present version; every step may be
repeated, and what is read of a file that was published meanwhile is written down all the same.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sealane.domain import held_back, inspection, places, publish, sealing, versions
from sealane.domain.queries import held_back as queries
from sealane.domain.queries import reading as reading_queries
from sealane.domain.queries import sealing as sealing_queries
from sealane.domain.queries import uploads as upload_queries
from sealane.domain.resume import FINISHED
from sealane.domain.versions import Composition
from sealane.errors import Invalid, Missing, UploadTakenOver
from sealane.ids import VersionId
from sealane.ledger import events
from sealane.operations.envelope import Done
from sealane.operations.inspection import RecordExposure

if TYPE_CHECKING:
    from sealane.domain.queries.sealing import SealRow
    from sealane.domain.queries.uploads import UploadRow
    from sealane.domain.work import Work
    from sealane.ids import UploadId
    from sealane.operations.sealing import FinishReading

_DIGEST_BYTES: Final = 32


def finish_reading(work: Work, op: FinishReading) -> Done:
    """Publish an upload that was held back until it was read. Repeated, it changes nothing."""
    if len(op.digest) != _DIGEST_BYTES:
        raise Invalid("A SHA-256 digest has 32 bytes.")
    row = work.transaction.first(upload_queries.UPLOAD, upload=op.upload)
    version = row.version_id if row is not None and row.state == FINISHED else None
    if version is None:
        upload, seal = sealing.still_open(work, op.upload, op.generation)
        if not held_back.is_only_read(upload, seal):
            raise UploadTakenOver  # it has got an age key since: its folder was sealed
        version = _published(work, upload, seal, digest=seal.digest or op.digest)
    if op.exposed is not None:
        inspection.record_exposure(work, RecordExposure(version, op.exposed))
    return Done()


def publish_unread(work: Work) -> int:
    """Publish some of what has been held back for longer than its folder's limit; return how many."""
    within = {row.folder_id: row.unread_after_seconds for row in work.transaction.all(reading_queries.READ_FOLDERS)}
    limits = [seconds for seconds in within.values() if seconds]
    if not limits:
        return 0
    before = work.now - timedelta(seconds=min(limits))
    published = 0
    for row in work.transaction.all(queries.CLOSED, before=before):
        at = held_back.published_at(work, row.folder_id, row.closed)
        if at is not None and at <= work.now and published < work.settings.sweep_rows_max:
            published += _publish_unread(work, row.upload_id)
    return published


def _publish_unread(work: Work, name: UploadId) -> bool:
    upload = work.transaction.first(upload_queries.UPLOAD, upload=name)
    seal = work.transaction.first(sealing_queries.SEAL, upload=name)
    if upload is None or seal is None:
        return False
    try:
        _published(work, upload, seal, digest=seal.digest)
    except (Missing, UploadTakenOver):
        return False  # its folder is gone, or is sealed now; others are not to wait for it
    return True


def _published(work: Work, upload: UploadRow, seal: SealRow, *, digest: bytes | None) -> VersionId:
    """Make the upload the version that its sender was told of. Raises `UploadTakenOver` where its folder is sealed."""
    if upload.folder_id is None:
        raise Missing
    folder = places.of_organization(work, upload.folder_id)
    if folder.row.sealed_by is not None:
        raise UploadTakenOver
    extents, segments = sealing.made_of(work, upload)
    file = publish.present_file(work, folder, upload.name)
    published = publish.publish(
        work,
        upload.user_id,
        folder,
        upload.name,
        file=file,
        composition=Composition(extents, segments),
        digest=digest,
        modified=seal.modified or upload.began,
        form=versions.SLOTS_FORMAT,
        said=seal.closed or work.now,
    )
    sealing.end_upload(work, upload, published.version, extents)
    work.record(
        events.UploadFinished(
            who=sealing.sender_of(work, upload),
            upload_id=upload.id,
            owner_organization_id=folder.organization_id,
            folder_id=folder.id,
            file_id=published.file,
            version_id=published.version,
            replaced_version_id=file.version_id if file and published.present else "",
            path=folder.path_of(upload.name),
            size=extents.size,
            digest=(published.digest or b"").hex(),
        )
    )
    work.holds.end_lease(VersionId(upload.id))
    return published.version
