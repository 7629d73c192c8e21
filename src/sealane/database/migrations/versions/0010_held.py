"""What unfinished uploads hold of the quotas, counted on folders; which folder the whole of a part is for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_UPLOADS = (
    "Writing in progress: state open, finished (kept for its tus answer until it expires; no folder any more). "
    "`recorded` numbers the last record of this generation; `pieces` is at least the number of extents, the edits not "
    "yet folded in included; `stored` counts the bytes of its own segments, `held` what it takes of the quotas, "
    "`shared` how long the version is that it goes on from; "
    "`target_id` is the folder that the whole of a part is for. `base_version_id`: what stood at its name when it "
    "began, which an update goes on from; once something else stands there it is neither shown nor resumed so."
)
_FOLDERS = (
    "Each organization has one root folder: no parent, no name. Use is counted on every folder above a file; "
    "`pending_bytes`, what unfinished uploads hold, on every folder above one."
)


def upgrade() -> None:
    """Count from now on: an upload that is under way is counted from its next record on."""
    op.add_column("folders", sa.Column("pending_bytes", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("uploads", sa.Column("stored", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("uploads", sa.Column("held", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("uploads", sa.Column("shared", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("uploads", sa.Column("target_id", sa.BigInteger()))
    if op.get_context().dialect.supports_comments:
        op.create_table_comment("uploads", _UPLOADS)
        op.create_table_comment("folders", _FOLDERS)
