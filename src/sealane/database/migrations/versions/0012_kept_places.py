"""Where a version stood until it was replaced or removed, so that it can be had back from there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sealane.database.columns import Name

revision = "0012"
down_revision = "0011"

_VERSIONS = (
    "Contents of files. `extents` is the packed list; `authenticator` binds it, all segments' tags, the size. "
    "`kept_*`: where one stood until it was replaced or removed."
)


def upgrade() -> None:
    """Versions that were written over are at the place of their file. Where removed files stood was not kept.

    What they owe besides being read is dropped, and that comes after what others owe.
    """
    op.add_column("versions", sa.Column("kept_folder_id", sa.BigInteger()))
    op.add_column("versions", sa.Column("kept_name", Name))
    known = sa.column("kept_folder_id").is_not(None)
    op.create_index(
        op.f("ix_versions_kept_folder_id_kept_name"),
        "versions",
        ["kept_folder_id", "kept_name"],
        sqlite_where=known,
        postgresql_where=known,
    )
    versions = sa.table(
        "versions",
        *(sa.column(name) for name in ("file_id", "replaced", "kept_folder_id", "kept_name")),
    )
    files = sa.table("files", *(sa.column(name) for name in ("id", "folder_id", "name")))
    there = files.c.id == versions.c.file_id
    op.execute(
        sa.update(versions)
        .where(versions.c.replaced.is_not(None))
        .values(
            kept_folder_id=sa.select(files.c.folder_id).where(there).scalar_subquery(),
            kept_name=sa.select(files.c.name).where(there).scalar_subquery(),
        )
    )
    owes = sa.column("owes")
    op.execute(
        sa.update(sa.table("versions", owes, sa.column("replaced")))
        .where(sa.column("replaced").is_not(None), owes.is_not(None))
        .values(owes=sa.case((owes.in_(["people", "digest people"]), "z people")))
    )
    if op.get_context().dialect.supports_comments:
        op.create_table_comment("versions", _VERSIONS)
