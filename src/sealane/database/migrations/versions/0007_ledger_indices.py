"""One index of the ledger less: nothing asked by it, and every event paid for it."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Take away the index of entries by file id."""
    op.drop_index(op.f("ix_ledger_file_id_seq"), table_name="ledger")
