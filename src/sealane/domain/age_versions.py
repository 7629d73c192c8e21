"""Versions that are age files: the row that makes them one, the record that they were sealed, their payload's digest.

Must stay true: where a sealed version stands, no earlier version of the file opens by keys that are here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sealane.domain import kept, owing, recipients
from sealane.domain.queries import inspection as inspection_queries
from sealane.domain.queries import sealed_folders as sealed_queries
from sealane.domain.queries import sealing as statements
from sealane.ledger import events

if TYPE_CHECKING:
    from sealane.domain.places import Folder
    from sealane.domain.publish import Published
    from sealane.domain.queries.sealing import AgeFileRow
    from sealane.domain.queries.versions import VersionRow
    from sealane.domain.work import Work
    from sealane.ids import KeyId, UploadId, VersionId


def add(
    work: Work,
    version: VersionId,
    *,
    header: bytes,
    start: bytes,
    skip: int | None,
    plain_size: int,
    recipients_: tuple[str, ...],
) -> None:
    """Keep what makes a version an age file."""
    work.transaction.run(
        statements.ADD_AGE_FILE,
        version_id=version,
        header=header,
        revision=0,
        start=start,
        skip=skip,
        plain_size=plain_size,
        payload_digest=None,
        recipients=msgspec.msgpack.encode(recipients_),
    )


def want_payload_digest(work: Work, version: VersionRow, sealed: AgeFileRow) -> None:
    """Have the digest of a version's payload worked out, unless it is there, owed already, or cannot be had."""
    if sealed.payload_digest is not None or version.damaged is not None or owing.owes(version.owes, owing.DIGEST):
        return
    people = owing.owes(version.owes, owing.PEOPLE)
    owed = owing.owed(digest=True, people=people, last=version.replaced is not None)
    work.transaction.run(inspection_queries.OWES, version=version.id, owed=owed)
    work.arrivals = True


def record(
    work: Work,
    upload: UploadId,
    published: Published,
    folder: Folder,
    texts: tuple[str, ...],
    destroyed: tuple[KeyId, ...],
) -> None:
    """Write down that a file is sealed. Versions of it that are not go now, however they were replaced."""
    work.record(
        events.FileSealed(
            who=events.KEEPER,
            upload_id=upload,
            version_id=published.version,
            file_id=published.file,
            owner_organization_id=folder.organization_id,
            folder_id=folder.id,
            recipients=recipients.on_record(texts),
            destroyed_key_ids=destroyed,
        )
    )
    for older in work.transaction.all(sealed_queries.OTHER_PLAIN_VERSIONS, file=published.file):
        kept.expire(work, older)
        work.destroyed = True
