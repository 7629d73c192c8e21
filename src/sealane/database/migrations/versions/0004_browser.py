"""People at a browser."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sealane.database.columns import BigId

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add second factors, tickets and links; when a session's owner last proved who they are; who runs the node."""
    op.create_table(
        "session_proofs",
        sa.Column("session_id", sa.String(length=32), nullable=False),
        sa.Column("proved", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_session_proofs_session_id_sessions")),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_session_proofs")),
        comment="When the owner of a session in a browser last gave their password.",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "node_organizations",
        sa.Column("organization_id", BigId, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_node_organizations_organization_id_organizations")
        ),
        sa.PrimaryKeyConstraint("organization_id", name=op.f("pk_node_organizations")),
        comment="Whose administrators run the node: they administer every organization.",
    )
    op.create_table(
        "second_factors",
        sa.Column("user_id", BigId, autoincrement=False, nullable=False),
        sa.Column("wrapped_secret", sa.LargeBinary(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("confirmed", sa.BigInteger(), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_second_factors_user_id_users")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_second_factors")),
        comment="Secrets of authenticator apps (RFC 6238), wrapped by the node key. `last_step`: the newest time step"
        " of which a code was taken; none at or before it counts again.",
    )
    op.create_table(
        "recovery_codes",
        sa.Column("id", BigId, nullable=False),
        sa.Column("user_id", BigId, nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_recovery_codes_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_codes")),
        comment="What stands for a one-time code once; a row goes when its code is used.",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_recovery_codes_user_id"), "recovery_codes", ["user_id"], unique=False)
    op.create_table(
        "sign_in_tickets",
        sa.Column("ticket_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", BigId, nullable=False),
        sa.Column("name", sa.String(1024).with_variant(sa.String(1024, collation="C"), "postgresql"), nullable=False),
        sa.Column("began", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sign_in_tickets_user_id_users")),
        sa.PrimaryKeyConstraint("ticket_hash", name=op.f("pk_sign_in_tickets")),
        comment="Passwords that were right and wait for their one-time code. `name`: as it was typed.",
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_sign_in_tickets_began"), "sign_in_tickets", ["began"], unique=False)
    op.create_table(
        "one_time_links",
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("user_id", BigId, nullable=True),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("purpose IN ('setup', 'password')", name=op.f("ck_one_time_links_purpose_known")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_one_time_links_user_id_users")),
        sa.PrimaryKeyConstraint("secret_hash", name=op.f("pk_one_time_links")),
        comment="Links that count once: the first start, a password that its owner is to set.",
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_one_time_links_expires"), "one_time_links", ["expires"], unique=False)
