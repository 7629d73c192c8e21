"""How long the version is that an unfinished upload goes on from: what it shares is not counted twice."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Count what is under way as made from nothing, which is more than it holds and never less."""
    op.add_column("uploads", sa.Column("shared", sa.BigInteger(), nullable=False, server_default="0"))
