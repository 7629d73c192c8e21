"""Statements on folders: by name, the chain above one, the tree below one, what they hold."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from sealane.database.statements import Statement
from sealane.database.tables import files, folders, grants, organizations, uploads
from sealane.domain.queries.wanted import of_organization
from sealane.ids import FolderId, OrganizationId


class FolderRow(NamedTuple):
    """A folder. An organization's root has no parent and an empty name."""

    id: FolderId
    organization_id: OrganizationId
    parent_id: FolderId | None
    name: str
    quota_bytes: int
    quota_files: int
    used_bytes: int
    used_files: int
    modified: datetime
    sealed_by: FolderId | None
    """The folder that is sealed with all below it: this one or one above."""
    pending_bytes: int
    """What unfinished uploads into it and below it hold."""
    kept_bytes: int
    """Versions that were replaced or removed in it and below it."""


class LinkRow(NamedTuple):
    """A folder in the chain from one folder up to its organization's root; `level` counts from 0 upwards."""

    level: int
    id: FolderId
    organization_id: OrganizationId
    parent_id: FolderId | None
    name: str
    quota_bytes: int
    quota_files: int
    used_bytes: int
    used_files: int


class TreeRow(NamedTuple):
    """How many folders deep the tree below a folder is (0: no folders in it), and how many grants are in it."""

    height: int
    grants: int


class NameRow(NamedTuple):
    """One name."""

    name: str


class CountRow(NamedTuple):
    """One number."""

    count: int


_COLUMNS = (
    folders.c.id,
    folders.c.organization_id,
    folders.c.parent_id,
    folders.c.name,
    folders.c.quota_bytes,
    folders.c.quota_files,
    folders.c.used_bytes,
    folders.c.used_files,
    folders.c.modified,
    folders.c.sealed_by,
    folders.c.pending_bytes,
    folders.c.kept_bytes,
)


def _chain(column: str) -> sa.CTE:
    """Return the folder that the parameter names and all folders above it."""
    start = sa.select(
        sa.literal(0, sa.Integer).label("level"), folders.c.id.label("id"), folders.c.parent_id.label("parent_id")
    ).where(folders.c.id == sa.bindparam(column, type_=sa.BigInteger))
    chain = start.cte("chain", recursive=True)
    return chain.union_all(
        sa.select(chain.c.level + 1, folders.c.id, folders.c.parent_id).where(folders.c.id == chain.c.parent_id)
    )


def _tree() -> sa.CTE:
    """Return the folder `folder_id` and all folders below it."""
    start = sa.select(sa.literal(0, sa.Integer).label("level"), folders.c.id.label("id")).where(
        folders.c.id == sa.bindparam("folder_id", type_=sa.BigInteger)
    )
    tree = start.cte("tree", recursive=True)
    return tree.union_all(sa.select(tree.c.level + 1, folders.c.id).where(folders.c.parent_id == tree.c.id))


_up = _chain("folder_id")
_down = _tree()

BY_ID = Statement("folders.by_id", sa.select(*_COLUMNS).where(folders.c.id == sa.bindparam("folder_id")), FolderRow)
BY_NAME = Statement(
    "folders.by_name",
    sa.select(*_COLUMNS).where(
        folders.c.parent_id == sa.bindparam("parent_id"), folders.c.name == sa.bindparam("name")
    ),
    FolderRow,
)
ROOT_OF = Statement(
    "folders.root_of",
    sa.select(*_COLUMNS).where(
        folders.c.organization_id == sa.bindparam("organization_id"), folders.c.parent_id.is_(None)
    ),
    FolderRow,
)
ORGANIZATION_NAME = Statement(
    "folders.organization_name",
    sa.select(organizations.c.name).where(organizations.c.id == sa.bindparam("organization")),
    NameRow,
)
CHAIN = Statement(
    "folders.chain",
    sa.select(
        _up.c.level,
        folders.c.id,
        folders.c.organization_id,
        folders.c.parent_id,
        folders.c.name,
        folders.c.quota_bytes,
        folders.c.quota_files,
        folders.c.used_bytes,
        folders.c.used_files,
    )
    .join_from(_up, folders, folders.c.id == _up.c.id)
    .order_by(_up.c.level),
    LinkRow,
)
TREE = Statement(
    "folders.tree",
    sa.select(
        sa.func.max(_down.c.level).label("height"),
        sa.select(sa.func.count())
        .select_from(grants)
        .where(grants.c.folder_id.in_(sa.select(_down.c.id)))
        .scalar_subquery()
        .label("grants"),
    ),
    TreeRow,
)
PAGE = Statement(
    "folders.page",
    sa.select(*_COLUMNS)
    .where(folders.c.parent_id == sa.bindparam("parent_id"), folders.c.name > sa.bindparam("after"))
    .order_by(folders.c.name)
    .limit(sa.bindparam("limit", type_=sa.Integer)),
    FolderRow,
)
COUNT_IN = Statement(
    "folders.count_in",
    sa.select(sa.func.count().label("count"))
    .select_from(folders)
    .where(folders.c.parent_id == sa.bindparam("folder_id")),
    CountRow,
)
COUNT_FILES_IN = Statement(
    "folders.count_files_in",
    sa.select(sa.func.count().label("count")).select_from(files).where(files.c.folder_id == sa.bindparam("folder_id")),
    CountRow,
)
COUNT_OPEN_UPLOADS_IN = Statement(
    "folders.count_open_uploads_in",
    sa.select(sa.func.count().label("count"))
    .select_from(uploads)
    .where(uploads.c.folder_id == sa.bindparam("folder_id"), uploads.c.state == "open"),
    CountRow,
)
UNFILE_UPLOADS = Statement(
    "folders.unfile_uploads",
    uploads.update().where(uploads.c.folder_id == sa.bindparam("removed_id")).values(folder_id=None),
)
INSERT = Statement(
    "folders.insert",
    folders.insert()
    .values(
        organization_id=sa.bindparam("organization_id"),
        parent_id=sa.bindparam("parent_id"),
        name=sa.bindparam("name"),
        quota_bytes=sa.bindparam("quota_bytes"),
        quota_files=sa.bindparam("quota_files"),
        made=sa.bindparam("made"),
        modified=sa.bindparam("modified"),
        sealed_by=sa.bindparam("sealed_by"),
    )
    .returning(folders.c.id),
)
RETARGET_PARTS = Statement(
    "folders.retarget_parts",
    uploads.update()
    .where(uploads.c.target_id == sa.bindparam("removed_id"))
    .values(target_id=sa.bindparam("parent_id"), name=""),
)
"""Parts of what was to come into a folder that goes: they are counted in the one above it."""
DELETE = Statement("folders.delete", folders.delete().where(folders.c.id == sa.bindparam("folder_id")))
MOVE = Statement(
    "folders.move",
    folders.update()
    .where(folders.c.id == sa.bindparam("folder_id"))
    .values(parent_id=sa.bindparam("target_id"), name=sa.bindparam("target_name")),
)
SET_MODIFIED = Statement(
    "folders.set_modified",
    folders.update().where(folders.c.id == sa.bindparam("folder_id")).values(modified=sa.bindparam("at")),
)
SET_QUOTA = Statement(
    "folders.set_quota",
    folders.update()
    .where(folders.c.id == sa.bindparam("folder_id"))
    .values(quota_bytes=sa.bindparam("bytes_max"), quota_files=sa.bindparam("files_max")),
)
CHARGE = Statement(
    "folders.charge",
    folders.update()
    .where(folders.c.id == sa.bindparam("charged_id"))
    .values(
        used_bytes=folders.c.used_bytes + sa.bindparam("more_bytes", type_=sa.BigInteger),
        used_files=folders.c.used_files + sa.bindparam("more_files", type_=sa.BigInteger),
    ),
)
COUNT_PENDING = Statement(
    "folders.count_pending",
    folders.update()
    .where(folders.c.id.in_(sa.select(_chain("charged_id").c.id)))
    .values(pending_bytes=folders.c.pending_bytes + sa.bindparam("more_bytes", type_=sa.BigInteger)),
)
"""What the unfinished uploads of a whole organization hold stands in the row of its root."""
COUNT_KEPT = Statement(
    "folders.count_kept",
    folders.update()
    .where(folders.c.id.in_(sa.select(_chain("charged_id").c.id)))
    .values(kept_bytes=folders.c.kept_bytes + sa.bindparam("more_bytes", type_=sa.BigInteger)),
)
KEEP_NOTHING = Statement(
    "folders.keep_nothing",
    folders.update().where(folders.c.id.in_(sa.select(_down.c.id))).values(kept_bytes=0),
)
"""Of a folder that goes elsewhere with all below it: what is kept of them stays behind."""
CHARGE_ORGANIZATION = Statement(
    "folders.charge_organization",
    organizations.update()
    .where(organizations.c.id == sa.bindparam("charged_id"))
    .values(
        used_bytes=organizations.c.used_bytes + sa.bindparam("more_bytes", type_=sa.BigInteger),
        used_files=organizations.c.used_files + sa.bindparam("more_files", type_=sa.BigInteger),
    ),
)


class ListedFolder(NamedTuple):
    """A folder with its organization, for the administrator's listing."""

    id: FolderId
    parent_id: FolderId | None
    organization: str
    name: str
    quota_bytes: int
    quota_files: int
    used_bytes: int
    used_files: int
    sealed_by: FolderId | None


LISTED = Statement(
    "folders.listed",
    sa.select(
        folders.c.id,
        folders.c.parent_id,
        organizations.c.name.label("organization"),
        folders.c.name,
        folders.c.quota_bytes,
        folders.c.quota_files,
        folders.c.used_bytes,
        folders.c.used_files,
        folders.c.sealed_by,
    )
    .join_from(folders, organizations, organizations.c.id == folders.c.organization_id)
    .where(of_organization())
    .order_by(folders.c.id),
    ListedFolder,
)


class OrganizationUse(NamedTuple):
    """An organization's quota and use."""

    quota_bytes: int
    quota_files: int
    used_bytes: int
    used_files: int
    kept_bytes: int


ORGANIZATION_USE = Statement(
    "folders.organization_use",
    sa.select(
        organizations.c.quota_bytes,
        organizations.c.quota_files,
        organizations.c.used_bytes,
        organizations.c.used_files,
        organizations.c.kept_bytes,
    ).where(organizations.c.id == sa.bindparam("organization_id")),
    OrganizationUse,
)
