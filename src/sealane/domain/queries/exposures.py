"""Statements of whose data is in versions: what was read, people lists, sums over folders, the inspector's queue."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import bindparam

from sealane.database.exposure_tables import exposed_classes, exposures, people_lists
from sealane.database.sealed_tables import seals
from sealane.database.statements import Statement, parameters
from sealane.database.tables import files, folders, versions
from sealane.domain.queries.sealed_folders import below
from sealane.ids import FileId, FolderId, OrganizationId, SegmentId, UserId, VersionId


class ExposureRow(NamedTuple):
    """What is known of whose data is in a version."""

    version_id: VersionId
    organization_id: OrganizationId
    file_id: FileId
    folder_id: FolderId
    path: str
    user_id: UserId
    made: datetime
    format: str
    coverage: str
    unreadable: bytes
    records: int
    people: int
    readers: int
    gone: datetime | None


class ClassRow(NamedTuple):
    """Of how many individuals a class of data is told."""

    data_class: str
    people: int


class ListRow(NamedTuple):
    """A sealed people list."""

    id: int
    version_id: VersionId
    organization_id: OrganizationId
    blob_id: SegmentId
    inline: bytes | None
    header: bytes
    first_header: bytes | None
    revision: int
    size: int
    digest: bytes
    recipients: bytes
    sent: bool


class RecipientsRow(NamedTuple):
    """How many lists name just these recipients."""

    recipients: bytes
    count: int


class StoredRow(NamedTuple):
    """A stored version, as far as it may be read again."""

    id: VersionId
    organization_id: OrganizationId
    file_id: FileId
    folder_id: FolderId
    name: str
    user_id: UserId
    made: datetime
    owes: str | None
    readers: int | None
    people: int | None
    coverage: str | None
    list_id: int | None


class SumRow(NamedTuple):
    """Files that are stored and read alike, and the individuals in them."""

    format: str
    coverage: str | None
    files: int
    people: int | None


class ClassSumRow(NamedTuple):
    """A class of data in files that are stored alike."""

    format: str
    data_class: str
    people: int


class QueueRow(NamedTuple):
    """What waits for the inspector."""

    waiting: int
    oldest: datetime | None


class GoneRow(NamedTuple):
    """What is known of a version that is not stored any more."""

    version_id: VersionId
    file_id: FileId
    organization_id: OrganizationId


# --- What was read ---------------------------------------------------------------------------------------------------

EXPOSURE = Statement(
    "exposures.one",
    sa.select(*[exposures.c[name] for name in ExposureRow._fields]).where(
        exposures.c.version_id == bindparam("version")
    ),
    ExposureRow,
)
CLASSES = Statement(
    "exposures.classes",
    sa.select(exposed_classes.c.data_class, exposed_classes.c.people).where(
        exposed_classes.c.version_id == bindparam("version")
    ),
    ClassRow,
)
ADD = Statement("exposures.add", sa.insert(exposures).values(**parameters(*exposures.c.keys())))
SET = Statement(
    "exposures.set",
    sa.update(exposures)
    .where(exposures.c.version_id == bindparam("version"))
    .values(**parameters("format", "coverage", "unreadable", "records", "people", "readers", "recorded")),
)
REMOVE_CLASSES = Statement(
    "exposures.remove_classes",
    sa.delete(exposed_classes).where(exposed_classes.c.version_id == bindparam("version")),
)
ADD_CLASS = Statement(
    "exposures.add_class", sa.insert(exposed_classes).values(**parameters("version_id", "data_class", "people"))
)
GONE = Statement(
    "exposures.gone",
    sa.update(exposures).where(exposures.c.version_id == bindparam("version")).values(gone=bindparam("now")),
)
LONG_GONE = Statement(
    "exposures.long_gone",
    sa.select(*[exposures.c[name] for name in GoneRow._fields])
    .where(exposures.c.gone < bindparam("before"))
    .order_by(exposures.c.gone)
    .limit(bindparam("limit", type_=sa.Integer)),
    GoneRow,
)
REMOVE = Statement("exposures.remove", sa.delete(exposures).where(exposures.c.version_id == bindparam("version")))

# --- The queue -------------------------------------------------------------------------------------------------------

QUEUE = Statement(
    "exposures.queue",
    sa.select(sa.func.count().label("waiting"), sa.func.min(versions.c.made).label("oldest")).where(
        versions.c.owes.is_not(None)
    ),
    QueueRow,
)
SETTLED = Statement(
    "exposures.settled",
    sa.select(sa.func.count().label("waiting"), sa.func.min(seals.c.settles).label("oldest")).where(
        seals.c.settles <= bindparam("now")
    ),
    QueueRow,
)
_tree = below("folder")
STORED = Statement(
    "exposures.stored",
    sa.select(
        versions.c.id,
        versions.c.organization_id,
        versions.c.file_id,
        files.c.folder_id,
        files.c.name,
        versions.c.user_id,
        versions.c.made,
        versions.c.owes,
        exposures.c.readers,
        exposures.c.people,
        exposures.c.coverage,
        people_lists.c.id.label("list_id"),
    )
    .join_from(files, versions, versions.c.id == files.c.version_id)
    .join(exposures, exposures.c.version_id == versions.c.id, isouter=True)
    .join(people_lists, people_lists.c.version_id == versions.c.id, isouter=True)
    .where(
        files.c.folder_id.in_(sa.select(_tree.c.id)),
        versions.c.format == "slots-1",
        versions.c.damaged.is_(None),
        versions.c.id > bindparam("after"),
    )
    .order_by(versions.c.id)
    .limit(bindparam("limit", type_=sa.Integer)),
    StoredRow,
)
"""Ordinary files of a folder and below it."""
OWE = Statement(
    "exposures.owe",
    sa.update(versions).where(versions.c.id == bindparam("version")).values(owes=bindparam("owed")),
)

# --- Sums ------------------------------------------------------------------------------------------------------------

_inside = below("folder")
SUMS = Statement(
    "exposures.sums",
    sa.select(
        versions.c.format,
        exposures.c.coverage,
        sa.func.count().label("files"),
        sa.cast(sa.func.sum(exposures.c.people), sa.BigInteger).label("people"),
    )
    .join_from(files, versions, versions.c.id == files.c.version_id)
    .join(exposures, exposures.c.version_id == versions.c.id, isouter=True)
    .where(files.c.folder_id.in_(sa.select(_inside.c.id)))
    .group_by(versions.c.format, exposures.c.coverage),
    SumRow,
)
"""Present files of a folder and below it."""
_within = below("folder")
CLASS_SUMS = Statement(
    "exposures.class_sums",
    sa.select(
        versions.c.format,
        exposed_classes.c.data_class,
        sa.cast(sa.func.sum(exposed_classes.c.people), sa.BigInteger).label("people"),
    )
    .join_from(files, versions, versions.c.id == files.c.version_id)
    .join(exposed_classes, exposed_classes.c.version_id == versions.c.id)
    .where(files.c.folder_id.in_(sa.select(_within.c.id)))
    .group_by(versions.c.format, exposed_classes.c.data_class),
    ClassSumRow,
)
_kept = below("folder")
KEPT_SUMS = Statement(
    "exposures.kept_sums",
    sa.select(
        versions.c.format,
        exposures.c.coverage,
        sa.func.count().label("files"),
        sa.cast(sa.func.sum(exposures.c.people), sa.BigInteger).label("people"),
    )
    .join_from(exposures, versions, versions.c.id == exposures.c.version_id)
    .where(exposures.c.folder_id.in_(sa.select(_kept.c.id)), versions.c.replaced.is_not(None))
    .group_by(versions.c.format, exposures.c.coverage),
    SumRow,
)
"""Versions that were replaced or removed, of folders that are there."""
_kept_inside = below("folder")
KEPT_CLASS_SUMS = Statement(
    "exposures.kept_class_sums",
    sa.select(
        versions.c.format,
        exposed_classes.c.data_class,
        sa.cast(sa.func.sum(exposed_classes.c.people), sa.BigInteger).label("people"),
    )
    .join_from(exposures, versions, versions.c.id == exposures.c.version_id)
    .join(exposed_classes, exposed_classes.c.version_id == versions.c.id)
    .where(exposures.c.folder_id.in_(sa.select(_kept_inside.c.id)), versions.c.replaced.is_not(None))
    .group_by(versions.c.format, exposed_classes.c.data_class),
    ClassSumRow,
)


class RootRow(NamedTuple):
    """An organization's root folder."""

    id: FolderId


ROOTS = Statement(
    "exposures.roots", sa.select(folders.c.id).where(folders.c.parent_id.is_(None)).order_by(folders.c.id), RootRow
)

# --- People lists ----------------------------------------------------------------------------------------------------

_LIST = [people_lists.c[name] for name in ListRow._fields]
LIST = Statement("exposures.list", sa.select(*_LIST).where(people_lists.c.version_id == bindparam("version")), ListRow)
LISTS = Statement(
    "exposures.lists",
    sa.select(*_LIST)
    .where(people_lists.c.organization_id == bindparam("organization"), people_lists.c.id > bindparam("after"))
    .order_by(people_lists.c.id)
    .limit(bindparam("limit", type_=sa.Integer)),
    ListRow,
)
LIST_RECIPIENTS = Statement(
    "exposures.list_recipients",
    sa.select(people_lists.c.recipients, sa.func.count().label("count"))
    .where(people_lists.c.organization_id == bindparam("organization"))
    .group_by(people_lists.c.recipients),
    RecipientsRow,
)
ADD_LIST = Statement(
    "exposures.add_list",
    sa.insert(people_lists).values(**parameters(*people_lists.c.keys()[1:])),
)
REMOVE_LIST = Statement(
    "exposures.remove_list", sa.delete(people_lists).where(people_lists.c.version_id == bindparam("version"))
)
SET_LIST_HEADER = Statement(
    "exposures.set_list_header",
    sa.update(people_lists)
    .where(people_lists.c.version_id == bindparam("version"))
    .values(revision=people_lists.c.revision + 1, **parameters("header", "first_header", "recipients")),
)
