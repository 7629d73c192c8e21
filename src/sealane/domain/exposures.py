"""What is known of whose data is in a version: expected when it comes, recorded when it was read, forgotten in the end.

In clear there are only counts, classes and coverage; the individuals are in the people list, which is sealed before it
comes here. Must stay true: what is known outlives the version and the file; a reading that failed takes nothing away
that an earlier one has found; a blob that a list names is not named by anything else.
"""

from __future__ import annotations

from datetime import datetime, timedelta  # the first is a field of a NamedTuple
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from sealane.domain import reading, recipients
from sealane.domain.queries import exposures as queries
from sealane.domain.queries import sweep as sweep_queries
from sealane.domain.queries import versions as version_queries
from sealane.errors import Integrity, Invalid, SealaneError, Unsupported
from sealane.exposure.model import Coverage, Format, Why
from sealane.ids import FileId, FolderId, OrganizationId, SegmentId, UserId, VersionId  # likewise
from sealane.ledger import events
from sealane.operations.inspection import Exposed, PartNotRead, is_sound
from sealane.vault.age import header as age_header
from sealane.vault.age.payload import NONCE_BYTES, TAG_BYTES, plain_length
from sealane.vault.blobs import check_name

if TYPE_CHECKING:
    from sealane.domain.queries.exposures import ExposureRow, ListRow
    from sealane.domain.work import Work
    from sealane.ledger.events import Who
    from sealane.operations.inspection import SealedList

WAITING: Final = "waiting"
"""The coverage of what is still to be read."""
_DIGEST_BYTES: Final = 32
_PART_CHARACTERS_MAX: Final = 1024
_unreadable = msgspec.msgpack.Decoder(tuple[PartNotRead, ...])
_NOTHING: Final = msgspec.msgpack.encode(())


class Arrived(NamedTuple):
    """A version, and where it came to."""

    version: VersionId
    organization: OrganizationId
    file: FileId
    folder: FolderId
    path: str
    """As the ledger writes it, when it came."""
    user: UserId
    made: datetime


def expect(work: Work, arrived: Arrived, *, empty: bool) -> None:
    """Note that whose data is in a version is to be read; in an empty one there is nobody's."""
    work.transaction.run(
        queries.ADD,
        version_id=arrived.version,
        organization_id=arrived.organization,
        file_id=arrived.file,
        folder_id=arrived.folder,
        path=arrived.path,
        user_id=arrived.user,
        made=arrived.made,
        format=Format.UNKNOWN.value,
        coverage=Coverage.COMPLETE.value if empty else WAITING,
        unreadable=_NOTHING,
        records=0,
        people=0,
        readers=0,
        recorded=work.now,
        gone=None,
    )


def record(work: Work, version: VersionId, exposed: Exposed, *, who: Who, sent: bool = False) -> None:
    """Write down what was read of an expected version, on record. Raises `Invalid` for what cannot be."""
    row = work.transaction.first(queries.EXPOSURE, version=version)
    if row is None:
        raise Integrity
    _check(work, exposed)
    earlier = work.transaction.first(queries.LIST, version=version)
    if earlier is not None and exposed.people_list is None and exposed.coverage == Coverage.UNREADABLE:
        return
    work.transaction.run(
        queries.SET,
        version=version,
        format=exposed.format,
        coverage=exposed.coverage,
        unreadable=msgspec.msgpack.encode(exposed.unreadable),
        records=exposed.records,
        people=exposed.people,
        readers=exposed.readers,
        recorded=work.now,
    )
    work.transaction.run(queries.REMOVE_CLASSES, version=version)
    work.transaction.run_many(
        queries.ADD_CLASS,
        [
            {"version_id": version, "data_class": name, "people": people}
            for name, people in sorted(exposed.classes.items())
        ],
    )
    if earlier is not None:
        _bury(work, earlier)
    if exposed.people_list is not None:
        _add_list(work, row, exposed.people_list, sent=sent)
    reading.remember(work, row.user_id, row.folder_id, exposed.layouts)
    _record(work, row, exposed, who)


def unreadable(name: str, why: Why) -> Exposed:
    """Return what is known of a file of which nothing could be read."""
    part = PartNotRead(name[:_PART_CHARACTERS_MAX], why.value)
    return Exposed(
        Format.UNKNOWN.value, Coverage.UNREADABLE.value, records=0, people=0, classes={}, unreadable=(part,), readers=0
    )


def known(work: Work, row: ExposureRow) -> Exposed:
    """Return what was read, without the people list."""
    classes = {one.data_class: one.people for one in work.transaction.all(queries.CLASSES, version=row.version_id)}
    return Exposed(
        format=row.format,
        coverage=row.coverage,
        records=row.records,
        people=row.people,
        classes=classes,
        unreadable=_unreadable.decode(row.unreadable),
        readers=row.readers,
    )


def forget_old(work: Work, limit: int) -> int:
    """Drop what is known of versions that are long gone, their people lists too; return how many."""
    before = work.now - timedelta(seconds=work.settings.people_list_keep_seconds)
    old = work.transaction.all(queries.LONG_GONE, before=before, limit=limit)
    for row in old:
        there = work.transaction.first(queries.LIST, version=row.version_id)
        if there is not None:
            _bury(work, there)
        work.transaction.run(queries.REMOVE_CLASSES, version=row.version_id)
        work.transaction.run(queries.REMOVE, version=row.version_id)
        work.record(
            events.ExposureForgotten(
                version_id=row.version_id, file_id=row.file_id, owner_organization_id=row.organization_id
            )
        )
    return len(old)


# --- Rows ------------------------------------------------------------------------------------------------------------


def _record(work: Work, row: ExposureRow, exposed: Exposed, who: Who) -> None:
    made = exposed.people_list
    work.record(
        events.ExposureRecorded(
            who=who,
            version_id=row.version_id,
            file_id=row.file_id,
            owner_organization_id=row.organization_id,
            folder_id=row.folder_id,
            format=exposed.format,
            coverage=exposed.coverage,
            records=exposed.records,
            people=exposed.people,
            readers=exposed.readers,
            list_digest="" if made is None else made.digest.hex(),
            recipients="" if made is None else recipients.on_record(made.recipients),
        )
    )


def _add_list(work: Work, row: ExposureRow, made: SealedList, *, sent: bool) -> None:
    work.transaction.run(
        queries.ADD_LIST,
        version_id=row.version_id,
        organization_id=row.organization_id,
        blob_id=made.blob,
        inline=made.inline,
        header=made.header,
        first_header=None,
        revision=0,
        size=made.size,
        digest=made.digest,
        recipients=msgspec.msgpack.encode(made.recipients),
        sent=sent,
        made=work.now,
    )


def _bury(work: Work, there: ListRow) -> None:
    """Remove a list's row; its blob goes from the store later."""
    work.transaction.run(queries.REMOVE_LIST, version=there.version_id)
    if there.inline is None:
        work.transaction.run(version_queries.INSERT_DEAD_BLOB, segment_id=there.blob_id, since=work.now)


def _check(work: Work, exposed: Exposed) -> None:
    if not is_sound(exposed, parts_max=work.settings.unreadable_parts_told_max):
        raise Invalid("This is not what a reading of a file tells.")
    if exposed.people_list is not None:
        _check_list(work, exposed.people_list)


def _check_list(work: Work, made: SealedList) -> None:
    """Raise `Invalid` unless this can be a sealed list under a name that is free."""
    settings = work.settings
    try:
        check_name(SegmentId(made.blob))
        parsed, length = age_header.parse(made.header)
        plain_length(made.size - NONCE_BYTES)
    except (SealaneError, Unsupported):
        raise Invalid("This is not a sealed people list.") from None
    stored = made.inline is None or len(made.inline) == made.size <= settings.inline_bytes_max + NONCE_BYTES + TAG_BYTES
    if (
        length != len(made.header)
        or len(parsed.stanzas) != len(made.recipients)
        or not stored
        or made.size > settings.people_list_bytes_max
        or len(made.digest) != _DIGEST_BYTES
        or work.transaction.first(sweep_queries.NAMED, names=[made.blob]) is not None
    ):
        raise Invalid("This is not a sealed people list.")
