"""Sealing: a closed upload that has settled becomes an age file that only its recipients can open.

The inspector leases such uploads (settled.py), is given the keys of one at a time, seals what is not yet a chunk in its
place (of an upload that came in order only the last), and answers; then the header is written here, the keys are
destroyed and the file is visible, all in one transaction. Every step may be repeated: what is left to do is told from
the map.
Must stay true: chunks are sealed under a key only where that number cannot have been used before, else all of the file
under a fresh one; while the inspector has an upload open nobody else writes under its key (whoever takes it up gets
another, and the generation refuses the inspector); the file key does not leave the keeper.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealane.domain import (
    age_versions,
    exposures,
    held_back,
    keyring,
    pending,
    places,
    publish,
    reading,
    recipients,
    resume,
    seals,
    upload_map,
    versions,
)
from sealane.domain.queries import inspection as inspection_queries
from sealane.domain.queries import sealed_folders as sealed_queries
from sealane.domain.queries import sealing as statements
from sealane.domain.queries import uploads as upload_queries
from sealane.domain.queries import versions as version_queries
from sealane.domain.resume import FINISHED, OPEN
from sealane.domain.versions import Composition
from sealane.errors import Invalid, Missing, NotASegment, UploadTakenOver
from sealane.ids import VersionId
from sealane.ledger import events
from sealane.operations.envelope import Done
from sealane.operations.sealing import SealingOpened
from sealane.vault.age import files as age_files
from sealane.vault.age.header import FILE_KEY_BYTES
from sealane.vault.age.payload import CHUNK_BYTES, NONCE_BYTES, TAG_BYTES, PayloadKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sealane.domain.places import Folder
    from sealane.domain.queries.sealing import SealRow
    from sealane.domain.queries.uploads import FileRow, SegmentRow, UploadRow
    from sealane.domain.work import Work
    from sealane.ids import KeyId
    from sealane.operations.inspection import Reading
    from sealane.operations.sealing import (
        FinishSealing,
        OpenSealing,
        RecordSealing,
        ReportSealingDamage,
    )
    from sealane.vault.extents import ExtentMap

_DIGEST_BYTES: Final = 32


# --- What is left to do ----------------------------------------------------------------------------------------------


def chunks_left(extents: ExtentMap, segments: Mapping[str, SegmentRow], key_id: KeyId) -> tuple[tuple[int, int], ...]:
    """Return the ranges of chunks (end exclusive) that are not stored in their places under this key.

    The last chunk of a file is among them until it is: it was not known to be the last.
    """
    total = -(-extents.size // CHUNK_BYTES)
    left: list[tuple[int, int]] = []
    reached = offset = 0
    for extent in extents:
        end = offset + extent.length
        row = segments.get(extent.segment)
        if row is not None and row.key_id == key_id and row.first_chunk is not None:
            in_place = offset - extent.start == row.first_chunk * CHUNK_BYTES
            first = -(-offset // CHUNK_BYTES)
            after = total if end == extents.size else end // CHUNK_BYTES
            if in_place and first < after:
                if reached < first:
                    left.append((reached, first))
                reached = after
        offset = end
    if reached < total:
        left.append((reached, total))
    return tuple(left)


def may_seal(left: Iterable[tuple[int, int]], seal: SealRow) -> bool:
    """Return whether these chunks may be sealed under the upload's present age key."""
    if not seal.clean:
        return False
    return not any(first < seal.next_chunk and seal.first_chunk < after for first, after in left)


# --- The inspector's acts --------------------------------------------------------------------------------------------


def open_sealing(work: Work, op: OpenSealing) -> SealingOpened:
    """Give the keys of an upload that is leased to this connection, and say which chunks are to be sealed.

    One that was held back in an ordinary folder is only read: it has no age key and nothing to be sealed.
    """
    upload, seal = _leased(work, op.upload)
    given_back = work.holds.open_arrival(work.connection, VersionId(upload.id))
    if given_back is not None:
        work.transaction.run(inspection_queries.GIVE_BACK, version=given_back)
    extents, segments = made_of(work, upload)
    key_id = seal.age_key_id
    left = chunks_left(extents, segments, key_id)
    held = held_back.is_only_read(upload, seal)
    only_read = held and seals.folder_of(work, upload.folder_id) is None
    if only_read:
        left = ()
    if not seal.begun or held:
        first, reached = seal.first_chunk, seal.next_chunk
        if not only_read and (held or not may_seal(left, seal)):
            secret = keyring.new_age_secret()
            key_id = keyring.add_upload_key(work, upload.organization_id, secret, kind=keyring.AGE)
            first = reached = 0
            left = chunks_left(extents, segments, key_id)
        work.transaction.run(
            statements.BEGUN, upload=upload.id, age_key_id=key_id, first_chunk=first, next_chunk=reached
        )
    upload_map.fold(work, upload, extents, recorded=upload.recorded)
    keys = keyring.open_upload_keys(work, [*(row.key_id for row in segments.values()), key_id])
    work.record(
        events.SealingOpened(
            upload_id=upload.id, owner_organization_id=upload.organization_id, key_ids=tuple(sorted(keys))
        )
    )
    return SealingOpened(
        upload=upload.id,
        generation=upload.generation,
        size=extents.size,
        extents=tuple(extents),
        segments=Composition(extents, segments).places(),
        keys=keys,
        age_key=b"" if only_read else keys[key_id],
        chunks=left,
        digest=seal.digest if extents.size else publish.DIGEST_OF_NOTHING,
        reading=_reading_of(work, upload) if extents.size else None,
    )


def _reading_of(work: Work, upload: UploadRow) -> Reading | None:
    if upload.folder_id is None or not reading.is_read(work, upload.folder_id):
        return None
    return reading.of_arrival(
        work,
        organization_id=upload.organization_id,
        folder_id=upload.folder_id,
        user_id=upload.user_id,
        name=upload.name,
    )


def record_sealing(work: Work, op: RecordSealing) -> Done:
    """Take note of chunks that were sealed, so that they need not be sealed again."""
    upload, seal = still_open(work, op.upload, op.generation)
    extents, _ = _with_sealed(work, upload, seal, op)
    upload_map.fold(work, upload, extents, recorded=upload.recorded)
    return Done()


def finish_sealing(work: Work, op: FinishSealing) -> Done:
    """Write the header, destroy the keys, make the file visible. Repeated, it changes nothing."""
    if len(op.digest) != _DIGEST_BYTES:
        raise Invalid("A SHA-256 digest has 32 bytes.")
    row = work.transaction.first(upload_queries.UPLOAD, upload=op.upload)
    if row is not None and row.state == FINISHED:
        return Done()
    upload, seal = still_open(work, op.upload, op.generation)
    extents, segments = _with_sealed(work, upload, seal, op)
    if chunks_left(extents, segments, seal.age_key_id) or extents.size != upload.size:
        raise NotASegment("Not every chunk of the file is sealed.")
    assert upload.folder_id is not None, "a folder with open uploads is not removed"
    folder = places.of_organization(work, upload.folder_id)
    file = publish.present_file(work, folder, upload.name)
    if seal.converts is not None and (file is None or file.version_id != seal.converts):
        if folder.row.sealed_by is not None:  # it may have got another name meanwhile: whoever looks again finds it
            work.transaction.run(sealed_queries.CONVERTED_TO, folder=folder.row.sealed_by, reached=0)
        resume.drop(work, upload, who=events.KEEPER, reason="superseded")  # a newer version came, or it was removed
        work.holds.end_lease(VersionId(upload.id))
        return Done()
    composition = Composition(extents, {name: segments[name] for name in extents.segments()})
    published = _seal(work, upload, seal, folder, file, composition, digest=seal.digest or op.digest)
    if op.exposed is not None:
        made = _said(work, seal)
        place = publish.arrived(published.version, published.file, folder, upload.name, upload.user_id, made)
        exposures.expect(work, place, empty=False)
        exposures.record(work, published.version, op.exposed, who=events.INSPECTOR)
    work.holds.end_lease(VersionId(upload.id))
    return Done()


def report_damage(work: Work, op: ReportSealingDamage) -> Done:
    """Take note that an upload cannot be read back, or not even be opened: it stays as it is and is not tried again."""
    upload = work.transaction.first(upload_queries.UPLOAD, upload=op.upload)
    seal = work.transaction.first(statements.SEAL, upload=op.upload)
    if upload is None or upload.state != OPEN or seal is None:
        return Done()
    if not seal.begun and work.holds.leaseholder(VersionId(upload.id)) != work.connection:
        return Done()  # its sender has taken it up, and what was being read may have been replaced
    work.transaction.run(statements.SETTLE, upload=upload.id, at=None)
    work.holds.end_lease(VersionId(upload.id))
    work.record(
        events.DamageFound(
            who=events.INSPECTOR,
            version_id=upload.id,
            owner_organization_id=upload.organization_id,
            sentence=op.sentence,
        )
    )
    return Done()


# --- Sealing ---------------------------------------------------------------------------------------------------------


def _seal(
    work: Work,
    upload: UploadRow,
    seal: SealRow,
    folder: Folder,
    file: FileRow | None,
    composition: Composition,
    *,
    digest: bytes,
) -> publish.Published:
    recipe = recipients.of_folder(work, folder.id, folder.organization_id)
    secret = keyring.open_age_secret(work, seal.age_key_id)
    file_key, nonce = secret[:FILE_KEY_BYTES], secret[FILE_KEY_BYTES:]
    begun = age_files.begin(recipe.parsed(), file_key=file_key, nonce=nonce)
    start = nonce
    if not composition.extents.size:
        empty = bytearray(TAG_BYTES)
        PayloadKey(file_key, nonce).seal_into(0, b"", empty, last=True)
        start += bytes(empty)
    published = publish.publish(
        work,
        upload.user_id,
        folder,
        upload.name,
        file=file,
        composition=composition,
        digest=digest,
        modified=seal.modified or upload.began,
        form=versions.AGE_FORMAT,
        said=_said(work, seal),
    )
    age_versions.add(
        work,
        published.version,
        header=begun.prefix[:-NONCE_BYTES],
        start=start,
        skip=None,
        plain_size=composition.extents.size,
        recipients_=recipe.texts(),
    )
    destroyed = (upload.key_id, seal.age_key_id)
    end_upload(work, upload, published.version, composition.extents)
    keyring.destroy(work, destroyed)
    work.record(
        events.UploadFinished(
            who=sender_of(work, upload),
            upload_id=upload.id,
            owner_organization_id=folder.organization_id,
            folder_id=folder.id,
            file_id=published.file,
            version_id=published.version,
            replaced_version_id=file.version_id if file and published.present else "",
            path=folder.path_of(upload.name),
            size=composition.extents.size,
            digest=digest.hex(),
        )
    )
    age_versions.record(work, upload.id, published, folder, recipe.texts(), destroyed)
    return published


def _said(work: Work, seal: SealRow) -> datetime:
    """Return when the sender of an upload was told that it is kept: what was told later under the name is newer."""
    converted = None
    if seal.converts is not None:
        converted = work.transaction.first(version_queries.VERSION, version=seal.converts)
    return converted.made if converted is not None else seal.closed or work.now


def end_upload(work: Work, upload: UploadRow, version: VersionId, extents: ExtentMap) -> None:
    """End the upload: what it needs besides the sealed chunks dies, also where parts of it were kept apart."""
    for part in work.transaction.all(statements.PARTS_OF, upload=upload.id):
        resume.drop(work, part, who=events.KEEPER, reason="superseded")
    pending.let_go(work, [upload])
    versions.let_segments_go(work, upload.id)
    work.transaction.run(upload_queries.DELETE_EDITS, upload=upload.id)
    work.transaction.run(statements.DELETE_SEAL, upload=upload.id)
    work.transaction.run(
        upload_queries.END_UPLOAD,
        upload=upload.id,
        state=FINISHED,
        version_id=version,
        extents=upload_map.empty(work).pack(),
        size=extents.size,
        contiguous=extents.size,
        pieces=0,
        expires=upload_map.finished_expiry(work),
        held=0,
    )
    work.holds.let_go(upload.id)


# --- Rows ------------------------------------------------------------------------------------------------------------


def _leased(work: Work, name: str) -> tuple[UploadRow, SealRow]:
    upload = work.transaction.first(upload_queries.UPLOAD, upload=name)
    seal = work.transaction.first(statements.SEAL, upload=name)
    if upload is None or seal is None or upload.state != OPEN or seal.settles is None or seal.settles > work.now:
        raise Missing
    lasts = seal.leased_until is not None and seal.leased_until > work.now
    if not lasts or work.holds.leaseholder(VersionId(name)) != work.connection:
        raise Missing
    return upload, seal


def still_open(work: Work, name: str, generation: int) -> tuple[UploadRow, SealRow]:
    """Return an upload whose keys the inspector has. Raises `UploadTakenOver` where its sender has taken it up."""
    upload = work.transaction.first(upload_queries.UPLOAD, upload=name)
    seal = work.transaction.first(statements.SEAL, upload=name)
    if upload is None or seal is None or upload.state != OPEN:
        raise Missing
    if upload.generation != generation or not seal.begun:
        raise UploadTakenOver
    return upload, seal


def made_of(work: Work, upload: UploadRow) -> tuple[ExtentMap, dict[str, SegmentRow]]:
    """Return an upload's map and the rows of the segments that it names."""
    extents = upload_map.current(work, upload)
    rows = upload_map.segments_of(work, upload.id)
    return extents, {name: rows[name] for name in extents.segments()}


def _with_sealed(
    work: Work, upload: UploadRow, seal: SealRow, op: RecordSealing | FinishSealing
) -> tuple[ExtentMap, dict[str, SegmentRow]]:
    """Take the segments that the inspector has sealed, and return what the upload is made of with them."""
    upload_map.check(work, upload.id, op.segments, op.edits)
    if any(segment.first_chunk is None for segment in op.segments):
        raise NotASegment
    extents = upload_map.current(work, upload)
    upload_map.apply(extents, op.edits)
    upload_map.add_segments(work, seal.age_key_id, op.segments)
    upload_map.need_segments(work, upload.id, [segment.segment for segment in op.segments])
    return extents, upload_map.segments_of(work, upload.id)


def sender_of(work: Work, upload: UploadRow) -> events.Who:
    """Return who sent an upload, from where: as their last session with it was."""
    row = work.transaction.first(statements.SESSION_OF, session=upload.session_id)
    if row is None:
        return events.KEEPER
    return events.Who(
        door=row.door,
        organization_id=row.organization_id,
        user_id=row.user_id,
        session_id=upload.session_id,
        user_name=f"{row.name}@{row.organization}",
        address=row.address,
    )
