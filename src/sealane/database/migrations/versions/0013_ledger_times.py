"""The index of the ledger's entries by time is taken away: where a time lies is found by halving (ledger/spans.py)."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Take away the index: every event paid for it, and nothing asks by it."""
    op.drop_index(op.f("ix_ledger_at"), table_name="ledger")
