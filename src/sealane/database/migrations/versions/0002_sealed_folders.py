"""Sealed folders."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sealane.database.columns import BigId

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the tables of sealed folders; their columns of other tables are in the first revision."""
    op.create_table(
        "sealed_folders",
        sa.Column("folder_id", BigId, nullable=False),
        sa.Column("settle_seconds", sa.Integer(), nullable=False),
        sa.Column("plain_names", sa.Boolean(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("converted_to", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["folder_id"], ["folders.id"], name=op.f("fk_sealed_folders_folder_id_folders")),
        sa.PrimaryKeyConstraint("folder_id", name=op.f("pk_sealed_folders")),
        comment="Folders that are sealed with all below them (`folders.sealed_by` names the row). `converted_to`: files"
        " up to this id that were there before are sealed or on their way to it; NULL once all are.",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "recovery_recipients",
        sa.Column("id", BigId, nullable=False),
        sa.Column("organization_id", BigId, nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_recovery_recipients_organization_id_organizations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_recipients")),
        sa.UniqueConstraint(
            "organization_id", "recipient", name=op.f("uq_recovery_recipients_organization_id_recipient")
        ),
        comment="Public halves of an organization's off-line recovery keys; every sealed file of it is sealed to them.",
        sqlite_autoincrement=True,
    )
    op.create_table(
        "seals",
        sa.Column("upload_id", sa.String(length=32), nullable=False),
        sa.Column("age_key_id", BigId, nullable=False),
        sa.Column("first_chunk", sa.BigInteger(), nullable=False),
        sa.Column("next_chunk", sa.BigInteger(), nullable=False),
        sa.Column("clean", sa.Boolean(), nullable=False),
        sa.Column("begun", sa.Boolean(), nullable=False),
        sa.Column("closed", sa.BigInteger(), nullable=True),
        sa.Column("settles", sa.BigInteger(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("modified", sa.BigInteger(), nullable=True),
        sa.Column("converts", sa.String(length=32), nullable=True),
        sa.Column("leased_until", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["age_key_id"], ["upload_keys.id"], name=op.f("fk_seals_age_key_id_upload_keys")),
        sa.ForeignKeyConstraint(["upload_id"], ["uploads.id"], name=op.f("fk_seals_upload_id_uploads")),
        sa.PrimaryKeyConstraint("upload_id", name=op.f("pk_seals")),
        comment="Uploads into sealed folders. Chunks `first_chunk` to `next_chunk` may have been sealed under the age"
        " key; not `clean`: others may have been too. `begun`: the inspector has had the keys. `settles`: from when it"
        " is sealed; `converts`: the ordinary version that it takes the place of.",
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_seals_age_key_id"), "seals", ["age_key_id"], unique=False)
    op.create_index(
        op.f("ix_seals_settles"),
        "seals",
        ["settles"],
        unique=False,
        sqlite_where=sa.column("settles").is_not(None),
        postgresql_where=sa.column("settles").is_not(None),
    )
    op.create_table(
        "age_files",
        sa.Column("version_id", sa.String(length=32), nullable=False),
        sa.Column("header", sa.LargeBinary(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("start", sa.LargeBinary(), nullable=False),
        sa.Column("skip", sa.BigInteger(), nullable=True),
        sa.Column("plain_size", sa.BigInteger(), nullable=False),
        sa.Column("payload_digest", sa.LargeBinary(), nullable=True),
        sa.Column("recipients", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name=op.f("fk_age_files_version_id_versions")),
        sa.PrimaryKeyConstraint("version_id", name=op.f("pk_age_files")),
        comment="What makes a sealed version an age file: header (`revision`: how often it was replaced), what follows"
        " it (`start`: the nonce, and of an empty file the chunk), then the stored chunks; or, sealed by its sender,"
        " the stored bytes from `skip` on. `recipients` is a packed list of whom the header names.",
    )
    op.create_table(
        "former_headers",
        sa.Column("id", BigId, nullable=False),
        sa.Column("version_id", sa.String(length=32), nullable=False),
        sa.Column("header", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", BigId, nullable=False),
        sa.Column("replaced", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_former_headers_user_id_users")),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name=op.f("fk_former_headers_version_id_versions")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_former_headers")),
        comment="Headers that a recipient's client replaced: whoever spoils one has spoilt nothing for good.",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_former_headers_version_id"), "former_headers", ["version_id"], unique=False)
