"""Packages and requests: shares, guests, codes, mail."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sealane.database.columns import BigId

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add shares, the guests they were sent to and their visits, codes sent to mailboxes, and the queue of mail."""
    _shares()
    _guests()
    _codes()
    op.create_table(
        "mails",
        sa.Column("id", BigId, nullable=False),
        sa.Column("wrapped_letter", sa.LargeBinary(), nullable=False),
        sa.Column("owner_organization_id", BigId, nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_organization_id"], ["organizations.id"], name=op.f("fk_mails_owner_organization_id_organizations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mails")),
        comment="Mail that is to go out; a row goes when a mail server has taken it or it is given up.",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_mails_due"), "mails", ["due"], unique=False)


def _shares() -> None:
    op.create_table(
        "shares",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("sender_id", BigId, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("folder_id", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("wrapped_note", sa.LargeBinary(), nullable=False),
        sa.Column("proof", sa.String(16), nullable=False),
        sa.Column("password_hash", sa.String(512), nullable=True),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.Column("recalled", sa.BigInteger(), nullable=True),
        sa.Column("downloads_max", sa.BigInteger(), nullable=False),
        sa.Column("downloads", sa.BigInteger(), nullable=False),
        sa.Column("bytes_max", sa.BigInteger(), nullable=False),
        sa.Column("files_max", sa.BigInteger(), nullable=False),
        sa.Column("came_bytes", sa.BigInteger(), nullable=False),
        sa.Column("came_files", sa.BigInteger(), nullable=False),
        sa.Column("endings", sa.String(400), nullable=False),
        sa.CheckConstraint("kind IN ('package', 'request')", name=op.f("ck_shares_kind_known")),
        sa.CheckConstraint("proof IN ('code', 'password', 'link')", name=op.f("ck_shares_proof_known")),
        sa.ForeignKeyConstraint(["sender_id"], ["users.id"], name=op.f("fk_shares_sender_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shares")),
        comment="Packages and request links. The files are in the folder; `folder_id` may name one that is gone. Of the"
        " limits 0 is none. `endings`: what the name of a file that comes may end with, separated by spaces.",
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_shares_sender_id_made"), "shares", ["sender_id", "made"], unique=False)


def _guests() -> None:
    op.create_table(
        "share_guests",
        sa.Column("user_id", BigId, autoincrement=False, nullable=False),
        sa.Column("share_id", sa.String(32), nullable=False),
        sa.Column("mailbox", sa.String(320), nullable=False),
        sa.Column("link_hash", sa.LargeBinary(), nullable=False),
        sa.Column("came", sa.BigInteger(), nullable=True),
        sa.Column("fetched", sa.BigInteger(), nullable=True),
        sa.Column("replied", sa.BigInteger(), nullable=True),
        sa.Column("wrapped_reply", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["share_id"], ["shares.id"], name=op.f("fk_share_guests_share_id_shares")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_share_guests_user_id_users")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_share_guests")),
        sa.UniqueConstraint("link_hash", name=op.f("uq_share_guests_link_hash")),
        comment="Whom a share was sent to. `user_id`: the account that they act as, with no password, key or grant.",
    )
    op.create_index(op.f("ix_share_guests_share_id"), "share_guests", ["share_id"], unique=False)
    op.create_table(
        "share_visits",
        sa.Column("session_id", sa.String(32), nullable=False),
        sa.Column("folder_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_share_visits")),
        comment="Guests' sessions: the one folder that each opens. `name`: as they called themselves, unproved.",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "share_downloads",
        sa.Column("session_id", sa.String(32), nullable=False),
        sa.Column("version_id", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("session_id", "version_id", name=op.f("pk_share_downloads")),
        comment="What a guest has fetched in a session: fetched again (a resumption, a further range) it counts no"
        " more.",
        sqlite_with_rowid=False,
    )


def _codes() -> None:
    op.create_table(
        "share_codes",
        sa.Column("ticket_hash", sa.LargeBinary(), nullable=False),
        sa.Column("share_id", sa.String(32), nullable=False),
        sa.Column("user_id", BigId, nullable=True),
        sa.Column("browser_hash", sa.LargeBinary(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["share_id"], ["shares.id"], name=op.f("fk_share_codes_share_id_shares")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_share_codes_user_id_users")),
        sa.PrimaryKeyConstraint("ticket_hash", name=op.f("pk_share_codes")),
        comment="One-time codes sent to a mailbox. `user_id` is NULL where an address was typed that is not the"
        " guest's: such a row never opens anything.",
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_share_codes_share_id"), "share_codes", ["share_id"], unique=False)
    op.create_index(op.f("ix_share_codes_made"), "share_codes", ["made"], unique=False)
