"""From when a former header of a sealed file is dropped, since it lets in who was left out since."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_FORMER = (
    "Headers that a recipient's client replaced: whoever spoils one has spoilt nothing for good. `forgotten`:"
    " from when it is dropped, since it lets in who was left out since."
)


def upgrade() -> None:
    """Headers that were replaced before are kept until somebody is left out again."""
    op.add_column("former_headers", sa.Column("forgotten", sa.BigInteger()))
    op.create_index(
        op.f("ix_former_headers_forgotten"),
        "former_headers",
        ["forgotten"],
        unique=False,
        sqlite_where=sa.column("forgotten").is_not(None),
        postgresql_where=sa.column("forgotten").is_not(None),
    )
    if op.get_context().dialect.supports_comments:
        op.create_table_comment("former_headers", _FORMER)
