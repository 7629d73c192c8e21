"""Passkeys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sealane.database.columns import BigId

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add public keys of authenticators, and challenges that wait for their answer."""
    op.create_table(
        "passkeys",
        sa.Column("id", BigId, nullable=False),
        sa.Column("user_id", BigId, nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_passkeys_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkeys")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_passkeys_credential_id")),
        comment="`public_key`: COSE. `sign_count`: as the authenticator last told it; 0 where it does not count.",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_passkeys_user_id"), "passkeys", ["user_id"], unique=False)
    op.create_table(
        "passkey_challenges",
        sa.Column("challenge_hash", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("bound_hash", sa.LargeBinary(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("purpose IN ('add', 'prove', 'sign-in')", name=op.f("ck_passkey_challenges_purpose_known")),
        sa.PrimaryKeyConstraint("challenge_hash", name=op.f("pk_passkey_challenges")),
        comment="Challenges that were given out. `bound_hash`: of the session, or browser, that may answer. A row goes"
        " with the first answer, right or wrong.",
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_passkey_challenges_made"), "passkey_challenges", ["made"], unique=False)
