"""Files that were in a folder before it was sealed: each is put on its way to be sealed like what arrives now.

Not here: sealing them (sealing.py). Must stay true: the uploads that are made here are nobody's to go on with (they
have no session), and a file whose upload was superseded is found again by whoever begins from the first. A file that
is not what was written is reported as damaged, and holds up no other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane.domain import inspection, keyring, resume, seals, versions
from sealane.domain.queries import sealed_folders as sealed_queries
from sealane.domain.queries import uploads as upload_queries
from sealane.domain.queries import versions as version_queries
from sealane.errors import Integrity
from sealane.ids import UploadId, random_name
from sealane.operations.inspection import ReportDamage

if TYPE_CHECKING:
    from sealane.domain.queries.sealed_folders import ConvertingRow
    from sealane.domain.work import Work


def convert_some(work: Work) -> int:
    """Begin to seal files of sealed folders that are there from before; return how many, a batch of them.

    Each becomes an upload of its own that is closed already, so that it goes the way of every other.
    """
    while (converting := work.transaction.first(sealed_queries.CONVERTING)) is not None:
        begun = _convert_in(work, converting)
        if begun:
            return begun
    return 0


def _convert_in(work: Work, converting: ConvertingRow) -> int:
    limit = work.settings.inspector_batch
    rows = work.transaction.all(
        sealed_queries.PLAIN_FILES, folder=converting.folder_id, after=converting.converted_to, limit=limit
    )
    reached = rows[-1].file_id if len(rows) == limit else None
    work.transaction.run(sealed_queries.CONVERTED_TO, folder=converting.folder_id, reached=reached)
    work.arrivals = work.arrivals or bool(rows)
    for row in rows:
        version = work.transaction.first(version_queries.VERSION, version=row.version_id)
        assert version is not None, "its file was read in this transaction"
        try:
            composition = versions.composition_of(work, version)
        except Integrity as damage:
            inspection.report_damage(work, ReportDamage(version.id, damage.sentence))
            continue
        key_id, _ = keyring.new_upload_key(work, row.organization_id)
        upload = UploadId(random_name())
        resume.add_upload(
            work,
            id=upload,
            user_id=row.user_id,
            organization_id=row.organization_id,
            folder_id=row.folder_id,
            name=row.name,
            shown_path="",
            key_id=key_id,
            session_id="",
            size=composition.extents.size,
            contiguous=composition.extents.contiguous,
            pieces=len(composition.extents),
            declared=None,
            metadata="",
            partial=False,
            base_version_id=row.version_id,
            extents=version.extents,
        )
        work.transaction.run(upload_queries.UPLOAD_NEEDS_VERSION, upload=upload, version=row.version_id)
        age_key = keyring.add_upload_key(work, row.organization_id, keyring.new_age_secret(), kind=keyring.AGE)
        seals.add(
            work,
            upload,
            age_key,
            clean=True,
            settles=work.now,
            digest=version.digest,
            modified=row.modified,
            converts=row.version_id,
        )
    return len(rows)
