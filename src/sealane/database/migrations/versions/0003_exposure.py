"""Whose data is in files: counts, people lists, officers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sealane.database.columns import BigId, Name

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the tables of exposure. What was stored before owes no reading: `sealane exposure rescan` asks for it."""
    op.create_table(
        "officers",
        sa.Column("id", BigId, nullable=False),
        sa.Column("organization_id", BigId, nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("recovery", sa.Boolean(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_officers_organization_id_organizations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_officers")),
        sa.UniqueConstraint("organization_id", "recipient", name=op.f("uq_officers_organization_id_recipient")),
        comment="Public keys of organizations' privacy officers and their recovery keys: people lists are sealed to"
        " them.",
        sqlite_autoincrement=True,
    )
    op.create_table(
        "read_folders",
        sa.Column("folder_id", BigId, nullable=False),
        sa.Column("reading", sa.Boolean(), nullable=False),
        sa.Column("owner", Name, nullable=False),
        sa.Column("owner_recipient", sa.Text(), nullable=True),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["folder_id"], ["folders.id"], name=op.f("fk_read_folders_folder_id_folders")),
        sa.PrimaryKeyConstraint("folder_id", name=op.f("pk_read_folders")),
        comment="How folders are read with all below them, where it was said: whether at all, whose people's data is in"
        " it (`owner`), and that data owner's own public key. The nearest one above a file holds.",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "exposures",
        sa.Column("version_id", sa.String(length=32), nullable=False),
        sa.Column("organization_id", BigId, nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=False),
        sa.Column("folder_id", sa.BigInteger(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("format", sa.String(length=16), nullable=False),
        sa.Column("coverage", sa.String(length=16), nullable=False),
        sa.Column("unreadable", sa.LargeBinary(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("people", sa.BigInteger(), nullable=False),
        sa.Column("readers", sa.Integer(), nullable=False),
        sa.Column("recorded", sa.BigInteger(), nullable=False),
        sa.Column("gone", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_exposures_organization_id_organizations")
        ),
        sa.PrimaryKeyConstraint("version_id", name=op.f("pk_exposures")),
        comment="What is known of whose data is in a version; of one without a row nobody has read anything. `made`,"
        " `path` as they were when it came; `readers`: by which generation of readers; `gone`: since when it is not"
        " stored.",
    )
    op.create_index(op.f("ix_exposures_folder_id"), "exposures", ["folder_id"], unique=False)
    op.create_index(op.f("ix_exposures_organization_id"), "exposures", ["organization_id"], unique=False)
    op.create_index(
        op.f("ix_exposures_gone"),
        "exposures",
        ["gone"],
        unique=False,
        sqlite_where=sa.column("gone").is_not(None),
        postgresql_where=sa.column("gone").is_not(None),
    )
    op.create_table(
        "exposed_classes",
        sa.Column("version_id", sa.String(length=32), nullable=False),
        sa.Column("data_class", sa.String(length=32), nullable=False),
        sa.Column("people", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["exposures.version_id"], name=op.f("fk_exposed_classes_version_id_exposures")
        ),
        sa.PrimaryKeyConstraint("version_id", "data_class", name=op.f("pk_exposed_classes")),
        comment="Of how many individuals of a version each class of data is told.",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "people_lists",
        sa.Column("id", BigId, nullable=False),
        sa.Column("version_id", sa.String(length=32), nullable=False),
        sa.Column("organization_id", BigId, nullable=False),
        sa.Column("blob_id", sa.String(length=32), nullable=False),
        sa.Column("inline", sa.LargeBinary(), nullable=True),
        sa.Column("header", sa.LargeBinary(), nullable=False),
        sa.Column("first_header", sa.LargeBinary(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("recipients", sa.LargeBinary(), nullable=False),
        sa.Column("sent", sa.Boolean(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_people_lists_organization_id_organizations")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["exposures.version_id"], name=op.f("fk_people_lists_version_id_exposures")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people_lists")),
        sa.UniqueConstraint("version_id", name=op.f("uq_people_lists_version_id")),
        sa.UniqueConstraint("blob_id", name=op.f("uq_people_lists_blob_id")),
        comment="Sealed people lists: age files, the header apart so that it can be made anew. `size` and `digest` are"
        " of what follows the header, which is in the blob `blob_id` or, where it is small, `inline`. `sent`: it was"
        " made by the sender of a file that only its readers can open.",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_people_lists_organization_id_id"), "people_lists", ["organization_id", "id"], unique=False)
    op.create_table(
        "layouts",
        sa.Column("folder_id", BigId, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.String(length=32), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("layout", sa.LargeBinary(), nullable=False),
        sa.Column("corrected", sa.Boolean(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["folder_id"], ["folders.id"], name=op.f("fk_layouts_folder_id_folders")),
        sa.PrimaryKeyConstraint("folder_id", "user_id", "fingerprint", "revision", name=op.f("pk_layouts")),
        comment="What the columns of a sender's tables in a folder hold, by a fingerprint of their header; the newest"
        " revision holds, and an administrator's correction is never replaced by what a scan finds.",
        sqlite_with_rowid=False,
    )
