"""A package may take files back: into which folder of its sender's, and where each visit's go."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add both; packages that were sent before take no files back."""
    op.add_column("shares", sa.Column("reply_folder_id", sa.BigInteger()))
    op.add_column("share_visits", sa.Column("reply_folder_id", sa.BigInteger()))
