"""The first schema: accounts, folders and files, contents, uploads, the ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sealane.database.columns import BigId, Name

revision = "0001"
down_revision = None


def upgrade() -> None:  # noqa: PLR0915 - one table after the other, as Alembic writes it
    """Make every table."""
    op.create_table(
        "dead_blobs",
        sa.Column("segment_id", sa.String(length=32), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("segment_id", name=op.f("pk_dead_blobs")),
        comment="Blobs that no row needs any more; removed from the store after this row is durable, then the "
        "row goes.",
    )
    op.create_table(
        "downloads",
        sa.Column("id", BigId, nullable=False),
        sa.Column("session_id", sa.String(length=32), nullable=False),
        sa.Column("version_id", sa.String(length=32), nullable=False),
        sa.Column("began", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_downloads")),
        comment="Downloads that have begun and not ended.",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_downloads_session_id"), "downloads", ["session_id"], unique=False)
    op.create_index(op.f("ix_downloads_version_id"), "downloads", ["version_id"], unique=False)
    op.create_table(
        "exchanges",
        sa.Column("exchange_hash", sa.LargeBinary(), nullable=False),
        sa.Column("signed", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("exchange_hash", name=op.f("pk_exchanges")),
        comment="SSH exchanges the keeper signed as a connection's first; a user's signature counts once, for "
        "one of them.",
    )
    op.create_index(op.f("ix_exchanges_signed"), "exchanges", ["signed"], unique=False)
    op.create_table(
        "failures",
        sa.Column("subject", sa.String(length=400), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("window_began", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("locked_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_failures")),
        comment="Failed sign-ins by account and by address range.",
    )
    op.create_table(
        "ledger",
        sa.Column("seq", BigId, autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("session_id", sa.String(length=32), nullable=True),
        sa.Column("folder_id", sa.BigInteger(), nullable=True),
        sa.Column("file_id", sa.BigInteger(), nullable=True),
        sa.Column("version_id", sa.String(length=32), nullable=True),
        sa.Column("door", sa.String(length=16), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_ledger")),
        comment="Append only. The columns beside `body` are an index into it; what is proven is `body`.",
    )
    op.create_index(op.f("ix_ledger_at"), "ledger", ["at"], unique=False)
    op.create_index(op.f("ix_ledger_kind_seq"), "ledger", ["kind", "seq"], unique=False)
    op.create_index(op.f("ix_ledger_door_seq"), "ledger", ["door", "seq"], unique=False)
    op.create_index(
        op.f("ix_ledger_organization_id_seq"),
        "ledger",
        ["organization_id", "seq"],
        unique=False,
        sqlite_where=sa.column("organization_id").is_not(None),
        postgresql_where=sa.column("organization_id").is_not(None),
    )
    op.create_index(
        op.f("ix_ledger_folder_id_seq"),
        "ledger",
        ["folder_id", "seq"],
        unique=False,
        sqlite_where=sa.column("folder_id").is_not(None),
        postgresql_where=sa.column("folder_id").is_not(None),
    )
    op.create_index(
        op.f("ix_ledger_file_id_seq"),
        "ledger",
        ["file_id", "seq"],
        unique=False,
        sqlite_where=sa.column("file_id").is_not(None),
        postgresql_where=sa.column("file_id").is_not(None),
    )
    op.create_index(
        op.f("ix_ledger_session_id_seq"),
        "ledger",
        ["session_id", "seq"],
        unique=False,
        sqlite_where=sa.column("session_id").is_not(None),
        postgresql_where=sa.column("session_id").is_not(None),
    )
    op.create_index(
        op.f("ix_ledger_user_id_seq"),
        "ledger",
        ["user_id", "seq"],
        unique=False,
        sqlite_where=sa.column("user_id").is_not(None),
        postgresql_where=sa.column("user_id").is_not(None),
    )
    op.create_index(
        op.f("ix_ledger_version_id_seq"),
        "ledger",
        ["version_id", "seq"],
        unique=False,
        sqlite_where=sa.column("version_id").is_not(None),
        postgresql_where=sa.column("version_id").is_not(None),
    )
    op.create_table(
        "ledger_openings",
        sa.Column("seq", BigId, autoincrement=False, nullable=False),
        sa.Column("openings", sa.LargeBinary(), nullable=False),
        sa.Column("path_digest", sa.LargeBinary(), nullable=True),
        sa.Column("target_digest", sa.LargeBinary(), nullable=True),
        sa.Column("address_digest", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_ledger_openings")),
        comment="What opens an entry's salted commitments: JSON, field to [salt, value]. A lawful erasure "
        "removes it from here; the ledger still proves. The digests find an entry by its path or address.",
    )
    op.create_index(
        op.f("ix_ledger_openings_address_digest_seq"),
        "ledger_openings",
        ["address_digest", "seq"],
        unique=False,
        sqlite_where=sa.column("address_digest").is_not(None),
        postgresql_where=sa.column("address_digest").is_not(None),
    )
    op.create_index(
        op.f("ix_ledger_openings_path_digest_seq"),
        "ledger_openings",
        ["path_digest", "seq"],
        unique=False,
        sqlite_where=sa.column("path_digest").is_not(None),
        postgresql_where=sa.column("path_digest").is_not(None),
    )
    op.create_index(
        op.f("ix_ledger_openings_target_digest_seq"),
        "ledger_openings",
        ["target_digest", "seq"],
        unique=False,
        sqlite_where=sa.column("target_digest").is_not(None),
        postgresql_where=sa.column("target_digest").is_not(None),
    )
    op.create_table(
        "ledger_tree",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "number", name=op.f("pk_ledger_tree")),
        comment="Nodes of the Merkle tree, each the root over 256 below it; level 1 stands over entries' leaves.",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ledger_checkpoints",
        sa.Column("size", BigId, autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_ledger_checkpoints")),
        comment="Signed checkpoints (C2SP tlog-checkpoint), as they were given out.",
    )
    op.create_table(
        "ledger_cosignatures",
        sa.Column("size", BigId, autoincrement=False, nullable=False),
        sa.Column("witness", Name, nullable=False),
        sa.Column("line", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["size"], ["ledger_checkpoints.size"], name=op.f("fk_ledger_cosignatures_size_ledger_checkpoints")
        ),
        sa.PrimaryKeyConstraint("size", "witness", name=op.f("pk_ledger_cosignatures")),
        comment="What witnesses have signed of our checkpoints: signature lines of the note.",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "node",
        sa.Column("name", Name, nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_node")),
        comment="What the node is: origin of its ledger, wrapped SSH host keys and signing key, when it was alive.",
    )
    op.create_table(
        "organizations",
        sa.Column("id", BigId, nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("quota_bytes", sa.BigInteger(), nullable=False),
        sa.Column("quota_files", sa.BigInteger(), nullable=False),
        sa.Column("used_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("used_files", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("kept_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "used_bytes >= 0 AND used_files >= 0 AND kept_bytes >= 0", name=op.f("ck_organizations_use_not_negative")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organizations")),
        sa.UniqueConstraint("name", name=op.f("uq_organizations_name")),
        comment="`used_*` counts what is visible, `kept_bytes` versions that were replaced or removed.",
        sqlite_autoincrement=True,
    )
    op.create_table(
        "strangers",
        sa.Column("address_range", sa.String(length=64), nullable=False),
        sa.Column("minute", sa.BigInteger(), nullable=False),
        sa.Column("door", sa.String(length=16), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("address_range", "minute", "door", name=op.f("pk_strangers")),
        comment="Strangers' refusals not yet written to the ledger; one entry a range and minute.",
    )
    op.create_table(
        "folders",
        sa.Column("id", BigId, nullable=False),
        sa.Column("organization_id", BigId, nullable=False),
        sa.Column("parent_id", BigId, nullable=True),
        sa.Column("name", Name, nullable=False),
        sa.Column("quota_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("quota_files", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("used_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("used_files", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("modified", sa.BigInteger(), nullable=False),
        sa.Column("sealed_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("used_bytes >= 0 AND used_files >= 0", name=op.f("ck_folders_use_not_negative")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_folders_organization_id_organizations")
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["folders.id"], name=op.f("fk_folders_parent_id_folders")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_folders")),
        sa.UniqueConstraint("parent_id", "name", name=op.f("uq_folders_parent_id_name")),
        comment="Each organization has one root folder: no parent, no name. Use is counted on every folder above"
        " a file.",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_folders_organization_id"), "folders", ["organization_id"], unique=False)
    op.create_index(
        "uq_folders_root",
        "folders",
        ["organization_id"],
        unique=True,
        sqlite_where=sa.column("parent_id").is_(None),
        postgresql_where=sa.column("parent_id").is_(None),
    )
    op.create_table(
        "groups",
        sa.Column("id", BigId, nullable=False),
        sa.Column("organization_id", BigId, nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_groups_organization_id_organizations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_groups")),
        sa.UniqueConstraint("organization_id", "name", name=op.f("uq_groups_organization_id_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "upload_keys",
        sa.Column("id", BigId, nullable=False),
        sa.Column("organization_id", BigId, nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=8), server_default="slots", nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_upload_keys_organization_id_organizations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload_keys")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "users",
        sa.Column("id", BigId, nullable=False),
        sa.Column("organization_id", BigId, nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("email", sa.String(length=320), server_default="", nullable=False),
        sa.Column("password_hash", sa.String(length=512), nullable=True),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("disabled", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("role IN ('admin', 'auditor', 'officer', 'member')", name=op.f("ck_users_role_known")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_users_organization_id_organizations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("organization_id", "name", name=op.f("uq_users_organization_id_name")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_users_name"), "users", ["name"], unique=False)
    op.create_table(
        "files",
        sa.Column("id", BigId, nullable=False),
        sa.Column("folder_id", BigId, nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("version_id", sa.String(length=32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("modified", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["folder_id"], ["folders.id"], name=op.f("fk_files_folder_id_folders")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_files")),
        sa.UniqueConstraint("folder_id", "name", name=op.f("uq_files_folder_id_name")),
        comment="What is visible. The present version's size and time stand here too, so that a listing reads "
        "one table.",
        sqlite_autoincrement=True,
    )
    op.create_table(
        "grants",
        sa.Column("id", BigId, nullable=False),
        sa.Column("folder_id", BigId, nullable=False),
        sa.Column("user_id", BigId, nullable=True),
        sa.Column("group_id", BigId, nullable=True),
        sa.Column("rights", sa.Integer(), nullable=False),
        sa.Column("shown_as", Name, server_default="", nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("(user_id IS NULL) <> (group_id IS NULL)", name=op.f("ck_grants_one_grantee")),
        sa.CheckConstraint("rights > 0", name=op.f("ck_grants_some_right")),
        sa.ForeignKeyConstraint(["folder_id"], ["folders.id"], name=op.f("fk_grants_folder_id_folders")),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_grants_group_id_groups")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_grants_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grants")),
        sa.UniqueConstraint("folder_id", "group_id", name=op.f("uq_grants_folder_id_group_id")),
        sa.UniqueConstraint("folder_id", "user_id", name=op.f("uq_grants_folder_id_user_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_grants_group_id"), "grants", ["group_id"], unique=False)
    op.create_index(op.f("ix_grants_user_id"), "grants", ["user_id"], unique=False)
    op.create_table(
        "memberships",
        sa.Column("group_id", BigId, nullable=False),
        sa.Column("user_id", BigId, nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_memberships_group_id_groups")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_memberships_user_id_users")),
        sa.PrimaryKeyConstraint("group_id", "user_id", name=op.f("pk_memberships")),
    )
    op.create_index(op.f("ix_memberships_user_id"), "memberships", ["user_id"], unique=False)
    op.create_table(
        "recipients",
        sa.Column("id", BigId, nullable=False),
        sa.Column("user_id", BigId, nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_recipients_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recipients")),
        comment="age recipients (public keys) of users: what a sealed folder holds is sealed to its readers'.",
        sqlite_autoincrement=True,
    )
    op.create_table(
        "segments",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("key_id", BigId, nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("tags_digest", sa.LargeBinary(), nullable=False),
        sa.Column("inline", sa.LargeBinary(), nullable=True),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("first_chunk", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["key_id"], ["upload_keys.id"], name=op.f("fk_segments_key_id_upload_keys")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segments")),
    )
    op.create_index(op.f("ix_segments_key_id"), "segments", ["key_id"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("handle_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", BigId, nullable=False),
        sa.Column("door", sa.String(length=16), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.Column("credential", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.String(length=64), nullable=False),
        sa.Column("began", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("handle_hash", name=op.f("uq_sessions_handle_hash")),
    )
    op.create_index(op.f("ix_sessions_ended_expires"), "sessions", ["ended", "expires"], unique=False)
    op.create_index(op.f("ix_sessions_user_id_ended"), "sessions", ["user_id", "ended"], unique=False)
    op.create_table(
        "ssh_keys",
        sa.Column("id", BigId, nullable=False),
        sa.Column("user_id", BigId, nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("blob", sa.LargeBinary(), nullable=False),
        sa.Column("comment", sa.String(length=255), server_default="", nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_ssh_keys_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ssh_keys")),
        sa.UniqueConstraint("user_id", "fingerprint", name=op.f("uq_ssh_keys_user_id_fingerprint")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "tokens",
        sa.Column("id", BigId, nullable=False),
        sa.Column("user_id", BigId, nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", sa.String(length=64), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=True),
        sa.Column("revoked", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_tokens_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("name", name=op.f("uq_tokens_name")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_tokens_secret_hash")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_tokens_user_id"), "tokens", ["user_id"], unique=False)
    op.create_table(
        "uploads",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("user_id", BigId, nullable=False),
        sa.Column("organization_id", BigId, nullable=False),
        sa.Column("folder_id", BigId, nullable=True),
        sa.Column("name", Name, server_default="", nullable=False),
        sa.Column("shown_path", sa.Text(), server_default="", nullable=False),
        sa.Column("key_id", BigId, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("recorded", sa.Integer(), nullable=False),
        sa.Column("session_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("contiguous", sa.BigInteger(), nullable=False),
        sa.Column("pieces", sa.Integer(), nullable=False),
        sa.Column("declared", sa.BigInteger(), nullable=True),
        sa.Column("metadata", sa.Text(), server_default="", nullable=False),
        sa.Column("partial", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("joined", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("base_version_id", sa.String(length=32), nullable=True),
        sa.Column("extents", sa.LargeBinary(), nullable=False),
        sa.Column("version_id", sa.String(length=32), nullable=True),
        sa.Column("began", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["folder_id"], ["folders.id"], name=op.f("fk_uploads_folder_id_folders")),
        sa.ForeignKeyConstraint(["key_id"], ["upload_keys.id"], name=op.f("fk_uploads_key_id_upload_keys")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_uploads_organization_id_organizations")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_uploads_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
        comment="Writing in progress: state open, finished (kept for its tus answer until it expires; no folder "
        "any more). `recorded` numbers the last record of this generation; `pieces` is at least the "
        "number of extents, the edits not yet folded in included.",
    )
    op.create_index(op.f("ix_uploads_expires"), "uploads", ["expires"], unique=False)
    op.create_index(op.f("ix_uploads_folder_id"), "uploads", ["folder_id"], unique=False)
    op.create_index(op.f("ix_uploads_key_id"), "uploads", ["key_id"], unique=False)
    op.create_index(op.f("ix_uploads_organization_id_state"), "uploads", ["organization_id", "state"], unique=False)
    op.create_index(
        op.f("ix_uploads_user_id_state_folder_id_name"),
        "uploads",
        ["user_id", "state", "folder_id", "name"],
        unique=False,
    )
    op.create_table(
        "versions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organization_id", BigId, nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=False),
        sa.Column("format", sa.String(length=16), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("extents", sa.LargeBinary(), nullable=False),
        sa.Column("authenticator", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", BigId, nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("modified", sa.BigInteger(), nullable=False),
        sa.Column("replaced", sa.BigInteger(), nullable=True),
        sa.Column("damaged", sa.BigInteger(), nullable=True),
        sa.Column("leased_until", sa.BigInteger(), nullable=True),
        sa.Column("owes", sa.String(length=16), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_versions_organization_id_organizations")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_versions_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_versions")),
        comment="Contents of files. `extents` is the packed list; `authenticator` binds it, all segments' tags, "
        "the size.",
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_versions_file_id"), "versions", ["file_id"], unique=False)
    op.create_index(
        op.f("ix_versions_owes_made"),
        "versions",
        ["owes", "made"],
        unique=False,
        sqlite_where=sa.column("owes").is_not(None),
        postgresql_where=sa.column("owes").is_not(None),
    )
    op.create_index(
        op.f("ix_versions_organization_id_replaced"),
        "versions",
        ["organization_id", "replaced"],
        unique=False,
        sqlite_where=sa.column("replaced").is_not(None),
        postgresql_where=sa.column("replaced").is_not(None),
    )
    op.create_index(
        op.f("ix_versions_replaced"),
        "versions",
        ["replaced"],
        unique=False,
        sqlite_where=sa.column("replaced").is_not(None),
        postgresql_where=sa.column("replaced").is_not(None),
    )
    op.create_table(
        "upload_edits",
        sa.Column("upload_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("edits", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["upload_id"], ["uploads.id"], name=op.f("fk_upload_edits_upload_id_uploads")),
        sa.PrimaryKeyConstraint("upload_id", "number", name=op.f("pk_upload_edits")),
        comment="Records that append, not yet folded into the upload's extents: a long upload's records cost no more.",
    )
    op.create_table(
        "upload_segments",
        sa.Column("upload_id", sa.String(length=32), nullable=False),
        sa.Column("segment_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["segment_id"], ["segments.id"], name=op.f("fk_upload_segments_segment_id_segments")),
        sa.ForeignKeyConstraint(["upload_id"], ["uploads.id"], name=op.f("fk_upload_segments_upload_id_uploads")),
        sa.PrimaryKeyConstraint("upload_id", "segment_id", name=op.f("pk_upload_segments")),
        comment="Which uploads still need a segment.",
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_upload_segments_segment_id"), "upload_segments", ["segment_id"], unique=False)
    op.create_table(
        "version_segments",
        sa.Column("version_id", sa.String(length=32), nullable=False),
        sa.Column("segment_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["segment_id"], ["segments.id"], name=op.f("fk_version_segments_segment_id_segments")),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name=op.f("fk_version_segments_version_id_versions")),
        sa.PrimaryKeyConstraint("version_id", "segment_id", name=op.f("pk_version_segments")),
        comment="Which versions still need a segment.",
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_version_segments_segment_id"), "version_segments", ["segment_id"], unique=False)
