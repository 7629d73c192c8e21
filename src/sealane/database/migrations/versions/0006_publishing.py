"""Ordinary folders that publish only after reading."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Say of folders when they publish; what was said of them until now publishes at once."""
    op.add_column("read_folders", sa.Column("publishes", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("read_folders", sa.Column("unread_after_seconds", sa.Integer(), nullable=False, server_default="0"))
