"""Statements of versions as they stood at a name: the present one, and those that were written over or removed."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy import bindparam

from sealane.database.sealed_tables import age_files
from sealane.database.statements import Statement, parameters
from sealane.database.tables import files, folders, organizations, users, versions
from sealane.domain.queries.files import FileRow
from sealane.domain.queries.uploads import CountRow
from sealane.ids import FileId, FolderId, VersionId

_NAME_CHARACTERS_MAX: Final = 1024
"""What a column of a name takes."""


class StoodRow(NamedTuple):
    """A version, as its file showed it while it stood there; folder and name are None of one that stands there now."""

    id: FileId
    folder_id: FolderId | None
    name: str | None
    version_id: VersionId
    size: int
    modified: datetime
    digest: bytes | None
    plain_size: int | None
    before_chunks: int
    skip: int | None
    payload_digest: bytes | None
    revision: int | None
    made: datetime
    replaced: datetime | None
    damaged: datetime | None
    sender: str
    organization: str

    def as_file(self, folder: FolderId, name: str) -> FileRow:
        """Return the row that a listing of its place would have for it."""
        return FileRow(
            self.id,
            folder,
            name,
            self.version_id,
            self.size,
            self.modified,
            self.digest,
            self.plain_size,
            self.before_chunks,
            self.skip,
            self.payload_digest,
            self.revision,
        )


class RemovedRow(NamedTuple):
    """A name at which nothing stands any more."""

    name: str
    versions: int
    removed: datetime


class FileIdRow(NamedTuple):
    """A file that is there."""

    id: FileId


_SEEN = (
    versions.join(users, users.c.id == versions.c.user_id)
    .join(organizations, organizations.c.id == users.c.organization_id)
    .outerjoin(age_files, age_files.c.version_id == versions.c.id)
)
_before_chunks = sa.func.length(age_files.c.header) + sa.func.length(age_files.c.start)
_STOOD = sa.select(
    versions.c.file_id.label("id"),
    versions.c.kept_folder_id.label("folder_id"),
    versions.c.kept_name.label("name"),
    versions.c.id.label("version_id"),
    versions.c.size,
    versions.c.modified,
    versions.c.digest,
    age_files.c.plain_size,
    sa.func.coalesce(_before_chunks, 0).label("before_chunks"),
    age_files.c.skip,
    age_files.c.payload_digest,
    age_files.c.revision,
    versions.c.made,
    versions.c.replaced,
    versions.c.damaged,
    users.c.name.label("sender"),
    organizations.c.name.label("organization"),
).select_from(_SEEN)

ONE = Statement("earlier_versions.one", _STOOD.where(versions.c.id == bindparam("version")), StoodRow)

PAGE = Statement(
    "earlier_versions.page",
    _STOOD.where(
        versions.c.kept_folder_id == bindparam("folder"),
        versions.c.kept_name == bindparam("name"),
        sa.or_(
            versions.c.replaced < bindparam("before"),
            sa.and_(versions.c.replaced == bindparam("before"), versions.c.id < bindparam("than")),
        ),
    )
    .order_by(versions.c.replaced.desc(), versions.c.id.desc())
    .limit(bindparam("limit", type_=sa.Integer)),
    StoodRow,
)
"""The newest first: those replaced before a time, and those of that very time whose id is smaller."""

_there = sa.exists().where(files.c.folder_id == versions.c.kept_folder_id, files.c.name == versions.c.kept_name)
REMOVED = Statement(
    "earlier_versions.removed",
    sa.select(
        versions.c.kept_name.label("name"),
        sa.func.count().label("versions"),
        sa.func.max(versions.c.replaced).label("removed"),
    )
    .where(versions.c.kept_folder_id == bindparam("folder"), versions.c.kept_name > bindparam("after"), ~_there)
    .group_by(versions.c.kept_name)
    .order_by(versions.c.kept_name)
    .limit(bindparam("limit", type_=sa.Integer)),
    RemovedRow,
)

RENAMED = Statement(
    "earlier_versions.renamed",
    sa.update(versions)
    .where(
        versions.c.file_id == bindparam("file"),
        versions.c.kept_folder_id == bindparam("folder"),
        versions.c.kept_name == bindparam("old_name"),
    )
    .values(kept_name=bindparam("new_name")),
)


def _below_by_name() -> sa.CTE:
    """Return a folder and those below it, each with the way to it from above the first; NULL where it has none."""
    sealed_alike = sa.func.coalesce(folders.c.sealed_by, 0) == bindparam("sealed_by", type_=sa.BigInteger)
    start = sa.select(
        folders.c.id.label("id"), sa.case((sealed_alike, sa.cast(folders.c.name, sa.Text) + "/")).label("way")
    ).where(folders.c.id == bindparam("folder_id", type_=sa.BigInteger))
    tree = start.cte("tree", recursive=True)
    return tree.union_all(
        sa.select(folders.c.id, sa.case((sealed_alike, tree.c.way + folders.c.name + "/"))).where(
            folders.c.parent_id == tree.c.id
        )
    )


_gone = _below_by_name()
_whole_name = (
    sa.select(_gone.c.way).where(_gone.c.id == versions.c.kept_folder_id).correlate(versions).scalar_subquery()
    + versions.c.kept_name
)
STAY_BEHIND = Statement(
    "earlier_versions.stay_behind",
    sa.update(versions)
    .where(versions.c.kept_folder_id.in_(sa.select(_gone.c.id)))
    .values(
        kept_folder_id=bindparam("parent", type_=sa.BigInteger),
        kept_name=sa.case((sa.func.length(_whole_name) <= _NAME_CHARACTERS_MAX, _whole_name)),
    ),
)
"""What stood in a folder, or in one below it, stood in `parent`, by the way that leads there (none if too long)."""

KEPT_OF_NAME = Statement(
    "earlier_versions.kept_of_name",
    sa.select(sa.cast(sa.func.coalesce(sa.func.sum(versions.c.size), 0), sa.BigInteger).label("count")).where(
        versions.c.kept_folder_id == bindparam("folder"), versions.c.kept_name == bindparam("name")
    ),
    CountRow,
)
NUMBER_OF_NAME = Statement(
    "earlier_versions.number_of_name",
    sa.select(sa.func.count().label("count")).where(
        versions.c.kept_folder_id == bindparam("folder"), versions.c.kept_name == bindparam("name")
    ),
    CountRow,
)
NUMBER_OF_FOLDER = Statement(
    "earlier_versions.number_of_folder",
    sa.select(sa.func.count().label("count")).where(versions.c.kept_folder_id == bindparam("folder")),
    CountRow,
)
GO_ALONG = Statement(
    "earlier_versions.go_along",
    sa.update(versions)
    .where(versions.c.kept_folder_id == bindparam("folder"), versions.c.kept_name == bindparam("name"))
    .values(kept_folder_id=bindparam("to_folder", type_=sa.BigInteger), kept_name=bindparam("to_name")),
)

FILE_THERE = Statement(
    "earlier_versions.file_there", sa.select(files.c.id).where(files.c.id == bindparam("file")), FileIdRow
)
ADD_FILE_AGAIN = Statement(
    "earlier_versions.add_file_again",
    sa.insert(files).values(**parameters("id", "folder_id", "name", "version_id", "size", "modified")),
)
BELONGS = Statement(
    "earlier_versions.belongs",
    sa.update(versions)
    .where(versions.c.id == bindparam("version"))
    .values(file_id=bindparam("to_file"), authenticator=bindparam("authenticated")),
)
