"""What unfinished uploads hold of the quotas, counted on folders; which folder the whole of a part is for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Count from now on: an upload that is under way is counted from its next record on."""
    op.add_column("folders", sa.Column("pending_bytes", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("uploads", sa.Column("stored", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("uploads", sa.Column("held", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("uploads", sa.Column("target_id", sa.BigInteger()))
