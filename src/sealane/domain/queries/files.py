"""Statements on files as they are seen: by name, a page, renamed, removed. Versions have `versions.py`."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from sealane.database.columns import Moment
from sealane.database.sealed_tables import age_files, seals
from sealane.database.statements import Statement
from sealane.database.tables import files, uploads, versions
from sealane.domain.queries.uploads import OF_A_SESSION
from sealane.ids import FileId, FolderId, UploadId, VersionId


class FileRow(NamedTuple):
    """A file that is visible, with what its present version says."""

    id: FileId
    folder_id: FolderId
    name: str
    version_id: VersionId
    size: int
    modified: datetime
    digest: bytes | None
    plain_size: int | None = None
    """Of a sealed file; None for any other."""
    before_chunks: int = 0
    """Bytes of a sealed file that come before its chunks, or before the bytes that its sender sealed."""
    skip: int | None = None
    payload_digest: bytes | None = None
    revision: int | None = None
    """How often a sealed file's header was replaced."""


class UnfinishedRow(NamedTuple):
    """An interrupted upload of the caller. `size` is where it can be gone on from."""

    id: UploadId
    name: str
    size: int
    began: datetime
    closed: datetime | None = None
    """It goes to a sealed folder, and its sender has said that it is whole."""
    modified: datetime | None = None
    digest: bytes | None = None


_COLUMNS = (
    files.c.id,
    files.c.folder_id,
    files.c.name,
    files.c.version_id,
    files.c.size,
    files.c.modified,
    versions.c.digest,
)
_SEEN = files.join(versions, versions.c.id == files.c.version_id)
_PLAIN_COLUMNS = (
    *_COLUMNS,
    sa.literal(None, sa.BigInteger).label("plain_size"),
    sa.literal(0, sa.BigInteger).label("before_chunks"),
    sa.literal(None, sa.BigInteger).label("skip"),
    sa.literal(None, sa.LargeBinary).label("payload_digest"),
    sa.literal(None, sa.Integer).label("revision"),
)
_SEALED_COLUMNS = (
    *_COLUMNS,
    age_files.c.plain_size,
    (sa.func.length(age_files.c.header) + sa.func.length(age_files.c.start)).label("before_chunks"),
    age_files.c.skip,
    age_files.c.payload_digest,
    age_files.c.revision,
)
_SEALED_SEEN = _SEEN.outerjoin(age_files, age_files.c.version_id == files.c.version_id)
_UNFINISHED = (uploads.c.id, uploads.c.name, uploads.c.contiguous.label("size"), uploads.c.began)
_NEVER_CLOSED = (
    *_UNFINISHED,
    sa.literal(None, Moment).label("closed"),
    sa.literal(None, Moment).label("modified"),
    sa.literal(None, sa.LargeBinary).label("digest"),
)
_CLOSABLE = (*_UNFINISHED, seals.c.closed, seals.c.modified, seals.c.digest)
_CLOSABLE_SEEN = uploads.outerjoin(seals, seals.c.upload_id == uploads.c.id)
_newer = uploads.alias("newer")
_waiting = seals.alias("waiting")


def _shown(upload: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether an upload stands before the file of its name: it was closed, or what stood there as it began still does.

    What somebody has made since is newer than it, and is not hidden by it.
    """
    named = (files.c.folder_id == upload.c.folder_id, files.c.name == upload.c.name)
    stands = sa.select(files.c.version_id).where(*named).correlate(upload)
    waits = (_waiting.c.upload_id == upload.c.id, _waiting.c.closed.is_not(None))
    closed = sa.exists(sa.select(_waiting.c.upload_id).where(*waits).correlate(upload))
    return sa.or_(
        sa.func.coalesce(upload.c.base_version_id, "") == sa.func.coalesce(stands.scalar_subquery(), ""), closed
    )


_OWN_OPEN = (
    uploads.c.user_id == sa.bindparam("user_id"),
    uploads.c.folder_id == sa.bindparam("folder_id"),
    uploads.c.state == "open",
    uploads.c.partial.is_(False),
    OF_A_SESSION,
    _shown(uploads),
    # Of several of one name, the newest.
    ~sa.exists().where(
        _newer.c.user_id == uploads.c.user_id,
        _newer.c.folder_id == uploads.c.folder_id,
        _newer.c.name == uploads.c.name,
        _newer.c.state == "open",
        _newer.c.partial.is_(False),
        _newer.c.session_id != "",
        _shown(_newer),
        sa.or_(
            _newer.c.began > uploads.c.began,
            sa.and_(_newer.c.began == uploads.c.began, _newer.c.id > uploads.c.id),
        ),
    ),
)

BY_NAME = Statement(
    "files.by_name",
    sa.select(*_PLAIN_COLUMNS)
    .select_from(_SEEN)
    .where(files.c.folder_id == sa.bindparam("folder_id"), files.c.name == sa.bindparam("name")),
    FileRow,
)
PAGE = Statement(
    "files.page",
    sa.select(*_PLAIN_COLUMNS)
    .select_from(_SEEN)
    .where(files.c.folder_id == sa.bindparam("folder_id"), files.c.name > sa.bindparam("after"))
    .order_by(files.c.name)
    .limit(sa.bindparam("limit", type_=sa.Integer)),
    FileRow,
)
UNFINISHED_BY_NAME = Statement(
    "files.unfinished_by_name",
    sa.select(*_NEVER_CLOSED).where(*_OWN_OPEN, uploads.c.name == sa.bindparam("name")),
    UnfinishedRow,
)
UNFINISHED_PAGE = Statement(
    "files.unfinished_page",
    sa.select(*_NEVER_CLOSED)
    .where(*_OWN_OPEN, uploads.c.name > sa.bindparam("after"))
    .order_by(uploads.c.name)
    .limit(sa.bindparam("limit", type_=sa.Integer)),
    UnfinishedRow,
)
SEALED_BY_NAME = Statement(
    "files.sealed_by_name",
    sa.select(*_SEALED_COLUMNS)
    .select_from(_SEALED_SEEN)
    .where(files.c.folder_id == sa.bindparam("folder_id"), files.c.name == sa.bindparam("name")),
    FileRow,
)
SEALED_PAGE = Statement(
    "files.sealed_page",
    sa.select(*_SEALED_COLUMNS)
    .select_from(_SEALED_SEEN)
    .where(files.c.folder_id == sa.bindparam("folder_id"), files.c.name > sa.bindparam("after"))
    .order_by(files.c.name)
    .limit(sa.bindparam("limit", type_=sa.Integer)),
    FileRow,
)
CLOSABLE_BY_NAME = Statement(
    "files.closable_by_name",
    sa.select(*_CLOSABLE).select_from(_CLOSABLE_SEEN).where(*_OWN_OPEN, uploads.c.name == sa.bindparam("name")),
    UnfinishedRow,
)
CLOSABLE_PAGE = Statement(
    "files.closable_page",
    sa.select(*_CLOSABLE)
    .select_from(_CLOSABLE_SEEN)
    .where(*_OWN_OPEN, uploads.c.name > sa.bindparam("after"))
    .order_by(uploads.c.name)
    .limit(sa.bindparam("limit", type_=sa.Integer)),
    UnfinishedRow,
)
DELETE = Statement("files.delete", files.delete().where(files.c.id == sa.bindparam("file_id")))
MOVE = Statement(
    "files.move",
    files.update()
    .where(files.c.id == sa.bindparam("file_id"))
    .values(folder_id=sa.bindparam("target_id"), name=sa.bindparam("target_name")),
)
SET_MODIFIED = Statement(
    "files.set_modified",
    files.update().where(files.c.id == sa.bindparam("file_id")).values(modified=sa.bindparam("at")),
)
SET_VERSION_MODIFIED = Statement(
    "files.set_version_modified",
    versions.update().where(versions.c.id == sa.bindparam("version_id")).values(modified=sa.bindparam("at")),
)
