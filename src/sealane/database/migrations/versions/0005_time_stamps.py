"""Time stamps of the ledger's checkpoints."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sealane.database.columns import BigId

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add what time-stamping authorities answered."""
    op.create_table(
        "ledger_time_stamps",
        sa.Column("size", BigId, autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("response", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["size"], ["ledger_checkpoints.size"], name=op.f("fk_ledger_time_stamps_size_ledger_checkpoints")
        ),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_ledger_time_stamps")),
        comment="What a time-stamping authority (RFC 3161) answered about our checkpoints, whole, in DER.",
    )
