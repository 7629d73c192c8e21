"""Tables of whose data is in files: what was counted, the sealed people lists, and to whom those are sealed.

They are tables of the same catalogue as `tables.py`; here because they belong together. Nothing of them names a person:
counts and what could not be read are in clear, the individuals only inside lists that the server cannot open. None of
them dies with the version or the file that it tells of.
"""

from __future__ import annotations

import sqlalchemy as sa

from sealane.database.columns import BigId, Moment, Name
from sealane.database.sealed_tables import metadata
from sealane.database.tables import BY_KEY, NUMBERS_ONCE, index_where_known

officers = sa.Table(
    "officers",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("organization_id", sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("recipient", sa.Text, nullable=False),
    sa.Column("recovery", sa.Boolean, nullable=False),
    sa.Column("made", Moment, nullable=False),
    sa.UniqueConstraint("organization_id", "recipient"),
    comment="Public keys of organizations' privacy officers and their recovery keys: people lists are sealed to them.",
    **NUMBERS_ONCE,
)

read_folders = sa.Table(
    "read_folders",
    metadata,
    sa.Column("folder_id", sa.ForeignKey("folders.id"), primary_key=True),
    sa.Column("reading", sa.Boolean, nullable=False),
    sa.Column("owner", Name, nullable=False),
    sa.Column("owner_recipient", sa.Text),
    sa.Column("made", Moment, nullable=False),
    sa.Column("publishes", sa.Integer, nullable=False, server_default="0"),
    sa.Column("unread_after_seconds", sa.Integer, nullable=False, server_default="0"),
    comment="How folders are read with all below them, where it was said: whether at all, whose people's data is in it"
    " (`owner`), and that data owner's own public key. The nearest one above a file holds.",
    **BY_KEY,
)

exposures = sa.Table(
    "exposures",
    metadata,
    sa.Column("version_id", sa.String(32), primary_key=True),
    sa.Column("organization_id", sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("file_id", sa.BigInteger, nullable=False),
    sa.Column("folder_id", sa.BigInteger, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("user_id", sa.BigInteger, nullable=False),
    sa.Column("made", Moment, nullable=False),
    sa.Column("format", sa.String(16), nullable=False),
    sa.Column("coverage", sa.String(16), nullable=False),
    sa.Column("unreadable", sa.LargeBinary, nullable=False),
    sa.Column("records", sa.BigInteger, nullable=False),
    sa.Column("people", sa.BigInteger, nullable=False),
    sa.Column("readers", sa.Integer, nullable=False),
    sa.Column("recorded", Moment, nullable=False),
    sa.Column("gone", Moment),
    sa.Index(None, "folder_id"),
    sa.Index(None, "organization_id"),
    index_where_known("gone"),
    comment="What is known of whose data is in a version; of one without a row nobody has read anything. `made`, `path`"
    " as they were when it came; `readers`: by which generation of readers; `gone`: since when it is not stored.",
)

exposed_classes = sa.Table(
    "exposed_classes",
    metadata,
    sa.Column("version_id", sa.ForeignKey("exposures.version_id"), primary_key=True),
    sa.Column("data_class", sa.String(32), primary_key=True),
    sa.Column("people", sa.BigInteger, nullable=False),
    comment="Of how many individuals of a version each class of data is told.",
    **BY_KEY,
)

people_lists = sa.Table(
    "people_lists",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("version_id", sa.ForeignKey("exposures.version_id"), nullable=False, unique=True),
    sa.Column("organization_id", sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("blob_id", sa.String(32), nullable=False, unique=True),
    sa.Column("inline", sa.LargeBinary),
    sa.Column("header", sa.LargeBinary, nullable=False),
    sa.Column("first_header", sa.LargeBinary),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("recipients", sa.LargeBinary, nullable=False),
    sa.Column("sent", sa.Boolean, nullable=False),
    sa.Column("made", Moment, nullable=False),
    sa.Index(None, "organization_id", "id"),
    comment="Sealed people lists: age files, the header apart so that it can be made anew. `size` and `digest` are of"
    " what follows the header, which is in the blob `blob_id` or, where it is small, `inline`. `sent`: it was made by"
    " the sender of a file that only its readers can open.",
    **NUMBERS_ONCE,
)

layouts = sa.Table(
    "layouts",
    metadata,
    sa.Column("folder_id", sa.ForeignKey("folders.id"), primary_key=True),
    sa.Column("user_id", sa.BigInteger, primary_key=True),
    sa.Column("fingerprint", sa.String(32), primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True),
    sa.Column("layout", sa.LargeBinary, nullable=False),
    sa.Column("corrected", sa.Boolean, nullable=False),
    sa.Column("made", Moment, nullable=False),
    comment="What the columns of a sender's tables in a folder hold, by a fingerprint of their header; the newest"
    " revision holds, and an administrator's correction is never replaced by what a scan finds.",
    **BY_KEY,
)
