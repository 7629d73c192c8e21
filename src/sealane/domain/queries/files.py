"""Statements on files as they are seen: by name, a page, renamed, removed. Versions have `versions.py`."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from sealane.database.statements import Statement
from sealane.database.tables import files, uploads, versions
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


class UnfinishedRow(NamedTuple):
    """An interrupted upload of the caller. `size` is where it can be gone on from."""

    id: UploadId
    name: str
    size: int
    began: datetime


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
_UNFINISHED = (uploads.c.id, uploads.c.name, uploads.c.contiguous.label("size"), uploads.c.began)
_newer = uploads.alias("newer")
_OWN_OPEN = (
    uploads.c.user_id == sa.bindparam("user_id"),
    uploads.c.folder_id == sa.bindparam("folder_id"),
    uploads.c.state == "open",
    uploads.c.partial.is_(False),
    # Of several of one name, the newest.
    ~sa.exists().where(
        _newer.c.user_id == uploads.c.user_id,
        _newer.c.folder_id == uploads.c.folder_id,
        _newer.c.name == uploads.c.name,
        _newer.c.state == "open",
        _newer.c.partial.is_(False),
        sa.or_(
            _newer.c.began > uploads.c.began,
            sa.and_(_newer.c.began == uploads.c.began, _newer.c.id > uploads.c.id),
        ),
    ),
)

BY_NAME = Statement(
    "files.by_name",
    sa.select(*_COLUMNS)
    .select_from(_SEEN)
    .where(files.c.folder_id == sa.bindparam("folder_id"), files.c.name == sa.bindparam("name")),
    FileRow,
)
PAGE = Statement(
    "files.page",
    sa.select(*_COLUMNS)
    .select_from(_SEEN)
    .where(files.c.folder_id == sa.bindparam("folder_id"), files.c.name > sa.bindparam("after"))
    .order_by(files.c.name)
    .limit(sa.bindparam("limit", type_=sa.Integer)),
    FileRow,
)
UNFINISHED_BY_NAME = Statement(
    "files.unfinished_by_name",
    sa.select(*_UNFINISHED).where(*_OWN_OPEN, uploads.c.name == sa.bindparam("name")),
    UnfinishedRow,
)
UNFINISHED_PAGE = Statement(
    "files.unfinished_page",
    sa.select(*_UNFINISHED)
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
