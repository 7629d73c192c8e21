"""Statements of versions, of the segments and keys that keep them readable, and of what dies with them."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import bindparam

from sealane.database.columns import Moment
from sealane.database.sealed_tables import age_files, former_headers, seals
from sealane.database.statements import Statement, parameters
from sealane.database.tables import (
    dead_blobs,
    downloads,
    files,
    organizations,
    segments,
    upload_keys,
    upload_segments,
    uploads,
    version_segments,
    versions,
)
from sealane.domain.queries.uploads import SegmentRow
from sealane.ids import FileId, FolderId, KeyId, OrganizationId, SegmentId, UserId, VersionId


class VersionRow(NamedTuple):
    """One content of a file."""

    id: VersionId
    organization_id: OrganizationId
    file_id: FileId
    format: str
    size: int
    digest: bytes | None
    extents: bytes
    authenticator: bytes
    user_id: UserId
    made: datetime
    """When its sender was told that it is kept."""
    modified: datetime
    replaced: datetime | None
    damaged: datetime | None
    leased_until: datetime | None
    owes: str | None
    kept_folder_id: FolderId | None = None
    """Where it stood until it was replaced or removed."""
    kept_name: str | None = None
    stands_since: datetime | None = None
    """When it came to its name, where that was after it was made: it was moved there, had back, or waited."""


class ExpiredRow(NamedTuple):
    """A version whose time is over."""

    id: VersionId
    file_id: FileId
    organization_id: OrganizationId
    size: int
    kept_folder_id: FolderId | None


class DyingRow(NamedTuple):
    """A segment that nothing needs any more."""

    id: SegmentId
    key_id: KeyId
    is_inline: bool
    length: int
    first_chunk: int | None


class KeyChainRow(NamedTuple):
    """An upload's key as wrapped by its organization's key, and that one as wrapped by the node's."""

    key_id: KeyId
    kind: str
    wrapped_key: bytes
    organization_id: OrganizationId
    organization_wrapped_key: bytes


class OrganizationKeyRow(NamedTuple):
    """An organization's key as wrapped by the node's."""

    organization_id: OrganizationId
    wrapped_key: bytes


VERSION = Statement(
    "versions.one",
    sa.select(*[versions.c[name] for name in VersionRow._fields]).where(versions.c.id == bindparam("version")),
    VersionRow,
)

INSERT_VERSION = Statement(
    "versions.add",
    sa.insert(versions).values(**parameters(*versions.c.keys())),
)

REPLACE_VERSION = Statement(
    "versions.replace",
    sa.update(versions)
    .where(versions.c.id == bindparam("version"), versions.c.replaced.is_(None))
    .values(
        replaced=bindparam("now"),
        kept_folder_id=bindparam("folder"),
        kept_name=bindparam("name"),
        owes=sa.case((versions.c.owes.in_(bindparam("reads", expanding=True)), bindparam("last_reads"))),
    ),
)
"""What it owes besides being read is dropped (`owing.py`): nobody may ever have it again."""

TAKE_BACK_VERSION = Statement(
    "versions.take_back",
    sa.update(versions)
    .where(versions.c.id == bindparam("version"))
    .values(
        replaced=None,
        kept_folder_id=None,
        kept_name=None,
        owes=bindparam("owed"),
        stands_since=bindparam("now", type_=Moment),
    ),
)

STANDS_SINCE = Statement(
    "versions.stands_since",
    sa.update(versions)
    .where(versions.c.id == bindparam("version"))
    .values(stands_since=bindparam("now", type_=Moment)),
)

EXPIRED_VERSIONS = Statement(
    "versions.expired",
    sa.select(*[versions.c[name] for name in ExpiredRow._fields])
    .where(versions.c.replaced < bindparam("before"))
    .order_by(versions.c.replaced)
    .limit(bindparam("limit", type_=sa.Integer)),
    ExpiredRow,
)

_KEPT_OF_FOLDER = sa.select(*[versions.c[name] for name in ExpiredRow._fields]).where(
    versions.c.kept_folder_id == bindparam("folder"),
    versions.c.replaced.is_not(None),
    ~sa.exists().where(downloads.c.version_id == versions.c.id),
)
OLDEST_KEPT = Statement(
    "versions.oldest_kept",
    _KEPT_OF_FOLDER.order_by(versions.c.replaced).limit(bindparam("limit", type_=sa.Integer)),
    ExpiredRow,
)
"""What goes first where too much of a folder is kept; nobody is receiving it."""

OLDEST_KEPT_OF_NAME = Statement(
    "versions.oldest_kept_of_name",
    _KEPT_OF_FOLDER.where(versions.c.kept_name == bindparam("name"))
    .order_by(versions.c.replaced, versions.c.id)
    .limit(bindparam("limit", type_=sa.Integer)),
    ExpiredRow,
)
"""Of one name, likewise."""

KEPT_UNREAD = Statement(
    "versions.kept_unread",
    sa.select(*[versions.c[name] for name in ExpiredRow._fields]).where(
        versions.c.id == bindparam("version"),
        versions.c.replaced.is_not(None),
        ~sa.exists().where(downloads.c.version_id == versions.c.id),
    ),
    ExpiredRow,
)
"""A version that is kept, unless somebody is receiving it."""

COUNT_KEPT = Statement(
    "versions.count_kept",
    sa.update(organizations)
    .where(organizations.c.id == bindparam("organization"))
    .values(kept_bytes=organizations.c.kept_bytes + bindparam("more", type_=sa.BigInteger)),
)

DELETE_VERSION = Statement("versions.delete", sa.delete(versions).where(versions.c.id == bindparam("version")))

INSERT_FILE = Statement(
    "versions.add_file",
    sa.insert(files).values(**parameters("folder_id", "name", "version_id", "size", "modified")).returning(files.c.id),
)

UPDATE_FILE = Statement(
    "versions.update_file",
    sa.update(files).where(files.c.id == bindparam("file")).values(**parameters("version_id", "size", "modified")),
)

ADD_VERSION_SEGMENT = Statement(
    "versions.need_segment",
    sa.insert(version_segments).values(version_id=bindparam("version"), segment_id=bindparam("segment")),
)

DELETE_VERSION_SEGMENTS = Statement(
    "versions.need_no_segments",
    sa.delete(version_segments).where(version_segments.c.version_id == bindparam("version")),
)

DELETE_UPLOAD_SEGMENTS = Statement(
    "versions.upload_needs_no_segments",
    sa.delete(upload_segments).where(upload_segments.c.upload_id == bindparam("upload")),
)

LET_SEGMENTS_GO = Statement(
    "versions.upload_needs_not",
    sa.delete(upload_segments).where(
        upload_segments.c.upload_id == bindparam("upload"),
        upload_segments.c.segment_id.in_(bindparam("names", expanding=True)),
    ),
)

SEGMENTS_OF_VERSION = Statement(
    "versions.segments",
    sa.select(*[segments.c[name] for name in SegmentRow._fields])
    .join(version_segments, version_segments.c.segment_id == segments.c.id)
    .where(version_segments.c.version_id == bindparam("version")),
    SegmentRow,
)

_OTHER_UPLOAD = upload_segments.alias("other_upload")
_OTHER_VERSION = version_segments.alias("other_version")
_DYING = (
    segments.c.id,
    segments.c.key_id,
    segments.c.inline.is_not(None).label("is_inline"),
    segments.c.length,
    segments.c.first_chunk,
)

_dying_with_upload = (
    sa.select(*_DYING)
    .join(upload_segments, upload_segments.c.segment_id == segments.c.id)
    .where(
        upload_segments.c.upload_id == bindparam("upload"),
        ~sa.exists().where(_OTHER_VERSION.c.segment_id == segments.c.id),
        ~sa.exists().where(
            _OTHER_UPLOAD.c.segment_id == segments.c.id, _OTHER_UPLOAD.c.upload_id != bindparam("upload")
        ),
    )
)
DYING_WITH_UPLOAD = Statement("versions.dying_with_upload", _dying_with_upload, DyingRow)
"""Segments that only this upload still needs."""
DYING_OF_UPLOAD = Statement(
    "versions.dying_of_upload",
    _dying_with_upload.where(segments.c.id.in_(bindparam("names", expanding=True))),
    DyingRow,
)
"""Those of some segments that only this upload still needs."""

DYING_WITH_VERSION = Statement(
    "versions.dying_with_version",
    sa.select(*_DYING)
    .join(version_segments, version_segments.c.segment_id == segments.c.id)
    .where(
        version_segments.c.version_id == bindparam("version"),
        ~sa.exists().where(_OTHER_UPLOAD.c.segment_id == segments.c.id),
        ~sa.exists().where(
            _OTHER_VERSION.c.segment_id == segments.c.id, _OTHER_VERSION.c.version_id != bindparam("version")
        ),
    ),
    DyingRow,
)
"""Segments that only this version still needs."""

DELETE_SEGMENT = Statement("versions.delete_segment", sa.delete(segments).where(segments.c.id == bindparam("segment")))

INSERT_DEAD_BLOB = Statement(
    "versions.add_dead_blob",
    sa.insert(dead_blobs).values(**parameters("segment_id", "since")),
)

DELETE_UNUSED_KEY = Statement(
    "versions.delete_unused_key",
    sa.delete(upload_keys).where(
        upload_keys.c.id == bindparam("key"),
        ~sa.exists().where(segments.c.key_id == upload_keys.c.id),
        ~sa.exists().where(uploads.c.key_id == upload_keys.c.id),
        ~sa.exists().where(seals.c.age_key_id == upload_keys.c.id),
    ),
)

DESTROY_KEY = Statement(
    "versions.destroy_key",
    sa.update(upload_keys).where(upload_keys.c.id == bindparam("key")).values(wrapped_key=sa.literal(b"")),
)
"""The row stays: segments and authenticators name it. What it held is gone."""

DESTROY_UNUSED_KEY = Statement(
    "versions.destroy_unused_key",
    sa.update(upload_keys)
    .where(
        upload_keys.c.id == bindparam("key"),
        ~sa.exists().where(segments.c.key_id == upload_keys.c.id),
        ~sa.exists().where(uploads.c.key_id == upload_keys.c.id, uploads.c.state != "finished"),
        ~sa.exists().where(seals.c.age_key_id == upload_keys.c.id),
    )
    .values(wrapped_key=sa.literal(b"")),
)
"""The key of what is stored no more: a finished upload, which is kept to answer for itself, only names it."""

DELETE_AGE_FILE = Statement(
    "versions.delete_age_file", sa.delete(age_files).where(age_files.c.version_id == bindparam("version"))
)

DELETE_FORMER_HEADERS = Statement(
    "versions.delete_former_headers",
    sa.delete(former_headers).where(former_headers.c.version_id == bindparam("version")),
)

INSERT_KEY = Statement(
    "versions.add_key",
    sa.insert(upload_keys)
    .values(**parameters("organization_id", "wrapped_key", "made", "kind"))
    .returning(upload_keys.c.id),
)

REWRAP_KEY = Statement(
    "versions.rewrap_key",
    sa.update(upload_keys)
    .where(upload_keys.c.id == bindparam("key"))
    .values(**parameters("organization_id", "wrapped_key")),
)

KEY_CHAIN = Statement(
    "versions.key_chain",
    sa.select(
        upload_keys.c.id.label("key_id"),
        upload_keys.c.kind,
        upload_keys.c.wrapped_key,
        organizations.c.id.label("organization_id"),
        organizations.c.wrapped_key.label("organization_wrapped_key"),
    )
    .join(organizations, organizations.c.id == upload_keys.c.organization_id)
    .where(upload_keys.c.id == bindparam("key")),
    KeyChainRow,
)

ORGANIZATION_KEY = Statement(
    "versions.organization_key",
    sa.select(organizations.c.id.label("organization_id"), organizations.c.wrapped_key).where(
        organizations.c.id == bindparam("organization")
    ),
    OrganizationKeyRow,
)
