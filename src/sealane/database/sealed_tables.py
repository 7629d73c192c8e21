"""The tables of sealed folders, beside those of `tables.py`: which are sealed, what is being sealed, what was."""

from __future__ import annotations

import sqlalchemy as sa

from sealane.database.columns import BigId, Moment
from sealane.database.ledger_tables import metadata
from sealane.database.tables import BY_KEY, NUMBERS_ONCE, index_where_known

sealed_folders = sa.Table(
    "sealed_folders",
    metadata,
    sa.Column("folder_id", sa.ForeignKey("folders.id"), primary_key=True),
    sa.Column("settle_seconds", sa.Integer, nullable=False),
    sa.Column("plain_names", sa.Boolean, nullable=False),
    sa.Column("since", Moment, nullable=False),
    sa.Column("converted_to", sa.BigInteger),
    comment="Folders that are sealed with all below them (`folders.sealed_by` names the row). `converted_to`: files up "
    "to this id that were there before are sealed or on their way to it; NULL once all are.",
    **BY_KEY,
)

recovery_recipients = sa.Table(
    "recovery_recipients",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("organization_id", sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("recipient", sa.Text, nullable=False),
    sa.Column("made", Moment, nullable=False),
    sa.UniqueConstraint("organization_id", "recipient"),
    comment="Public halves of an organization's off-line recovery keys; every sealed file of it is sealed to them.",
    **NUMBERS_ONCE,
)

seals = sa.Table(
    "seals",
    metadata,
    sa.Column("upload_id", sa.ForeignKey("uploads.id"), primary_key=True),
    sa.Column("age_key_id", sa.ForeignKey("upload_keys.id"), nullable=False, index=True),
    sa.Column("first_chunk", sa.BigInteger, nullable=False),
    sa.Column("next_chunk", sa.BigInteger, nullable=False),
    sa.Column("clean", sa.Boolean, nullable=False),
    sa.Column("begun", sa.Boolean, nullable=False),
    sa.Column("closed", Moment),
    sa.Column("settles", Moment),
    sa.Column("digest", sa.LargeBinary),
    sa.Column("modified", Moment),
    sa.Column("converts", sa.String(32)),
    sa.Column("leased_until", Moment),
    index_where_known("settles"),
    comment="Uploads into sealed folders. Chunks `first_chunk` to `next_chunk` may have been sealed under the age key;"
    " not `clean`: others may have been too. `begun`: the inspector has had the keys. `settles`: from when it is"
    " sealed; `converts`: the ordinary version that it takes the place of.",
    **BY_KEY,
)

age_files = sa.Table(
    "age_files",
    metadata,
    sa.Column("version_id", sa.ForeignKey("versions.id"), primary_key=True),
    sa.Column("header", sa.LargeBinary, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("start", sa.LargeBinary, nullable=False),
    sa.Column("skip", sa.BigInteger),
    sa.Column("plain_size", sa.BigInteger, nullable=False),
    sa.Column("payload_digest", sa.LargeBinary),
    sa.Column("recipients", sa.LargeBinary, nullable=False),
    comment="What makes a sealed version an age file: header (`revision`: how often it was replaced), what follows"
    " it (`start`: the nonce, and of an empty file the chunk), then the stored chunks; or, sealed by its sender,"
    " the stored bytes from `skip` on. `recipients` is a packed list of whom the header names.",
)

former_headers = sa.Table(
    "former_headers",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("version_id", sa.ForeignKey("versions.id"), nullable=False, index=True),
    sa.Column("header", sa.LargeBinary, nullable=False),
    sa.Column("user_id", sa.ForeignKey("users.id"), nullable=False),
    sa.Column("replaced", Moment, nullable=False),
    sa.Column("forgotten", Moment),
    index_where_known("forgotten"),
    comment="Headers that a recipient's client replaced: whoever spoils one has spoilt nothing for good. `forgotten`:"
    " from when it is dropped, since it lets in who was left out since.",
    **NUMBERS_ONCE,
)
