"""Versions that were replaced or removed are counted in their folders; when a version came to its name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sealane.database.columns import Moment

revision = "0014"
down_revision = "0013"

_FOLDERS = (
    "Each organization has one root folder: no parent, no name. Use is counted on every folder above a file; "
    "`pending_bytes`, what unfinished uploads hold, and `kept_bytes`, what was replaced or removed, likewise."
)
_VERSIONS = (
    "Contents of files. `extents` is the packed list; `authenticator` binds it, all segments' tags, the size. "
    "`kept_*`: where one stood until it was replaced or removed; `stands_since`: when it came to its name, where that "
    "was after it was made."
)


def upgrade() -> None:
    """Count what is kept. What stood in folders that are gone, or that were moved elsewhere, has no place."""
    op.add_column("folders", sa.Column("kept_bytes", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("versions", sa.Column("stands_since", Moment))
    op.drop_index(op.f("ix_versions_organization_id_replaced"), table_name="versions")
    known = sa.column("kept_folder_id").is_not(None)
    op.create_index(
        op.f("ix_versions_kept_folder_id_replaced"),
        "versions",
        ["kept_folder_id", "replaced"],
        sqlite_where=known,
        postgresql_where=known,
    )
    _count()
    if op.get_context().dialect.supports_comments:
        op.create_table_comment("folders", _FOLDERS)
        op.create_table_comment("versions", _VERSIONS)


def _count() -> None:
    folders = sa.table("folders", *(sa.column(name) for name in ("id", "parent_id", "kept_bytes")))
    versions = sa.table("versions", *(sa.column(name) for name in ("size", "replaced", "kept_folder_id", "kept_name")))
    op.execute(
        sa.update(versions)
        .where(versions.c.kept_folder_id.is_not(None), versions.c.kept_folder_id.not_in(sa.select(folders.c.id)))
        .values(kept_folder_id=None, kept_name=None)
    )
    connection = op.get_bind()
    parents = {row.id: row.parent_id for row in connection.execute(sa.select(folders.c.id, folders.c.parent_id))}
    kept = dict.fromkeys(parents, 0)
    sums = (
        sa.select(versions.c.kept_folder_id, sa.func.sum(versions.c.size).label("size"))
        .where(versions.c.replaced.is_not(None), versions.c.kept_folder_id.is_not(None))
        .group_by(versions.c.kept_folder_id)
    )
    for row in connection.execute(sums):
        above = row.kept_folder_id
        while above is not None:
            kept[above] += int(row.size)
            above = parents[above]
    for folder, size in kept.items():
        if size:
            op.execute(sa.update(folders).where(folders.c.id == folder).values(kept_bytes=size))
