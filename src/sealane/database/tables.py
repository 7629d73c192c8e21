"""Every table, once. SQLAlchemy Core only; what runs is compiled from expressions over these (`statements.py`).

Times are `Moment` (aware UTC in Python, microseconds in the database). Names are compared by code points on both
databases, so nothing that decides a right depends on a collation; LIKE is not used.
"""

from __future__ import annotations

import sqlalchemy as sa

from sealane.database.columns import BigId, Moment, Name

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


BY_KEY = {"sqlite_with_rowid": False}
"""The rows lie in the order of their key (SQLite, WITHOUT ROWID): one page an insert instead of two."""

NUMBERS_ONCE = {"sqlite_autoincrement": True}
"""A number is never given again, not even that of the newest row once it is deleted (SQLite, AUTOINCREMENT; PostgreSQL
does so by itself): ids stand in the ledger and in what authenticates versions."""


def _id() -> sa.Column[int]:
    return sa.Column("id", BigId, primary_key=True)


def index_where_known(column: str, *then: str) -> sa.Index:
    """Return an index over the rows in which `column` is not NULL."""
    known = sa.column(column).is_not(None)
    return sa.Index(None, column, *then, sqlite_where=known, postgresql_where=known)


_is_root = sa.column("parent_id").is_(None)

node = sa.Table(
    "node",
    metadata,
    sa.Column("name", Name, primary_key=True),
    sa.Column("value", sa.LargeBinary, nullable=False),
    comment="What the node is: origin of its ledger, wrapped SSH host keys and signing key, when it was alive.",
)

organizations = sa.Table(
    "organizations",
    metadata,
    _id(),
    sa.Column("name", Name, nullable=False, unique=True),
    sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
    sa.Column("quota_bytes", sa.BigInteger, nullable=False),
    sa.Column("quota_files", sa.BigInteger, nullable=False),
    sa.Column("used_bytes", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("used_files", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("kept_bytes", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("made", Moment, nullable=False),
    sa.CheckConstraint("used_bytes >= 0 AND used_files >= 0 AND kept_bytes >= 0", name="use_not_negative"),
    comment="`used_*` counts what is visible, `kept_bytes` versions that were replaced or removed.",
    **NUMBERS_ONCE,
)

users = sa.Table(
    "users",
    metadata,
    _id(),
    sa.Column("organization_id", sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("name", Name, nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("email", sa.String(320), nullable=False, server_default=""),
    sa.Column("password_hash", sa.String(512)),
    sa.Column("made", Moment, nullable=False),
    sa.Column("disabled", Moment),
    sa.UniqueConstraint("organization_id", "name"),
    sa.Index(None, "name"),
    sa.CheckConstraint("role IN ('admin', 'auditor', 'officer', 'member')", name="role_known"),
    **NUMBERS_ONCE,
)

groups = sa.Table(
    "groups",
    metadata,
    _id(),
    sa.Column("organization_id", sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("name", Name, nullable=False),
    sa.Column("made", Moment, nullable=False),
    sa.UniqueConstraint("organization_id", "name"),
    **NUMBERS_ONCE,
)

memberships = sa.Table(
    "memberships",
    metadata,
    sa.Column("group_id", sa.ForeignKey("groups.id"), primary_key=True),
    sa.Column("user_id", sa.ForeignKey("users.id"), primary_key=True, index=True),
)

ssh_keys = sa.Table(
    "ssh_keys",
    metadata,
    _id(),
    sa.Column("user_id", sa.ForeignKey("users.id"), nullable=False),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("blob", sa.LargeBinary, nullable=False),
    sa.Column("comment", sa.String(255), nullable=False, server_default=""),
    sa.Column("made", Moment, nullable=False),
    sa.UniqueConstraint("user_id", "fingerprint"),
    **NUMBERS_ONCE,
)

recipients = sa.Table(
    "recipients",
    metadata,
    _id(),
    sa.Column("user_id", sa.ForeignKey("users.id"), nullable=False),
    sa.Column("recipient", sa.Text, nullable=False),
    sa.Column("made", Moment, nullable=False),
    comment="age recipients (public keys) of users: what a sealed folder holds is sealed to its readers'.",
    **NUMBERS_ONCE,
)

tokens = sa.Table(
    "tokens",
    metadata,
    _id(),
    sa.Column("user_id", sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("name", sa.String(32), nullable=False, unique=True),
    sa.Column("secret_hash", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("scopes", sa.String(64), nullable=False),
    sa.Column("made", Moment, nullable=False),
    sa.Column("expires", Moment),
    sa.Column("revoked", Moment),
    **NUMBERS_ONCE,
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("handle_hash", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("user_id", sa.ForeignKey("users.id"), nullable=False),
    sa.Column("door", sa.String(16), nullable=False),
    sa.Column("address", sa.String(64), nullable=False),
    sa.Column("method", sa.String(16), nullable=False),
    sa.Column("credential", sa.String(64), nullable=False),
    sa.Column("scopes", sa.String(64), nullable=False),
    sa.Column("began", Moment, nullable=False),
    sa.Column("expires", Moment, nullable=False),
    sa.Column("ended", Moment),
    sa.Index(None, "user_id", "ended"),
    sa.Index(None, "ended", "expires"),
)

exchanges = sa.Table(
    "exchanges",
    metadata,
    sa.Column("exchange_hash", sa.LargeBinary, primary_key=True),
    sa.Column("signed", Moment, nullable=False),
    sa.Column("used", Moment),
    sa.Index(None, "signed"),
    comment="SSH exchanges the keeper signed as a connection's first; a user's signature counts once, for one of them.",
)

failures = sa.Table(
    "failures",
    metadata,
    sa.Column("subject", sa.String(400), primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("window_began", Moment, nullable=False),
    sa.Column("last", Moment, nullable=False),
    sa.Column("locked_until", Moment),
    comment="Failed sign-ins by account and by address range.",
)

strangers = sa.Table(
    "strangers",
    metadata,
    sa.Column("address_range", sa.String(64), primary_key=True),
    sa.Column("minute", Moment, primary_key=True),
    sa.Column("door", sa.String(16), primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
    comment="Strangers' refusals not yet written to the ledger; one entry a range and minute.",
)

folders = sa.Table(
    "folders",
    metadata,
    _id(),
    sa.Column("organization_id", sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("parent_id", sa.ForeignKey("folders.id")),
    sa.Column("name", Name, nullable=False),
    sa.Column("quota_bytes", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("quota_files", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("used_bytes", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("used_files", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("made", Moment, nullable=False),
    sa.Column("modified", Moment, nullable=False),
    sa.Column("sealed_by", sa.BigInteger),
    sa.Column("pending_bytes", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("kept_bytes", sa.BigInteger, nullable=False, server_default="0"),
    sa.UniqueConstraint("parent_id", "name"),
    sa.Index("uq_folders_root", "organization_id", unique=True, sqlite_where=_is_root, postgresql_where=_is_root),
    sa.Index(None, "organization_id"),
    sa.CheckConstraint("used_bytes >= 0 AND used_files >= 0", name="use_not_negative"),
    comment="Each organization has one root folder: no parent, no name. Use is counted on every folder above a file; "
    "`pending_bytes`, what unfinished uploads hold, and `kept_bytes`, what was replaced or removed, likewise.",
    **NUMBERS_ONCE,
)

grants = sa.Table(
    "grants",
    metadata,
    _id(),
    sa.Column("folder_id", sa.ForeignKey("folders.id"), nullable=False),
    sa.Column("user_id", sa.ForeignKey("users.id"), index=True),
    sa.Column("group_id", sa.ForeignKey("groups.id"), index=True),
    sa.Column("rights", sa.Integer, nullable=False),
    sa.Column("shown_as", Name, nullable=False, server_default=""),
    sa.Column("made", Moment, nullable=False),
    sa.UniqueConstraint("folder_id", "user_id"),
    sa.UniqueConstraint("folder_id", "group_id"),
    sa.CheckConstraint("(user_id IS NULL) <> (group_id IS NULL)", name="one_grantee"),
    sa.CheckConstraint("rights > 0", name="some_right"),
    **NUMBERS_ONCE,
)

files = sa.Table(
    "files",
    metadata,
    _id(),
    sa.Column("folder_id", sa.ForeignKey("folders.id"), nullable=False),
    sa.Column("name", Name, nullable=False),
    sa.Column("version_id", sa.String(32), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("modified", Moment, nullable=False),
    sa.UniqueConstraint("folder_id", "name"),
    comment="What is visible. The present version's size and time stand here too, so that a listing reads one table.",
    **NUMBERS_ONCE,
)

versions = sa.Table(
    "versions",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("organization_id", sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("file_id", sa.BigInteger, nullable=False, index=True),
    sa.Column("format", sa.String(16), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.LargeBinary),
    sa.Column("extents", sa.LargeBinary, nullable=False),
    sa.Column("authenticator", sa.LargeBinary, nullable=False),
    sa.Column("user_id", sa.ForeignKey("users.id"), nullable=False),
    sa.Column("made", Moment, nullable=False),
    sa.Column("modified", Moment, nullable=False),
    sa.Column("replaced", Moment),
    sa.Column("damaged", Moment),
    sa.Column("leased_until", Moment),
    sa.Column("owes", sa.String(16)),
    sa.Column("kept_folder_id", sa.BigInteger),
    sa.Column("kept_name", Name),
    sa.Column("stands_since", Moment),
    index_where_known("replaced"),
    index_where_known("owes", "made"),
    index_where_known("kept_folder_id", "kept_name"),
    index_where_known("kept_folder_id", "replaced"),
    comment="Contents of files. `extents` is the packed list; `authenticator` binds it, all segments' tags, the size. "
    "`kept_*`: where one stood until it was replaced or removed; `stands_since`: when it came to its name, where that "
    "was after it was made.",
    **BY_KEY,
)

upload_keys = sa.Table(
    "upload_keys",
    metadata,
    _id(),
    sa.Column("organization_id", sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
    sa.Column("made", Moment, nullable=False),
    sa.Column("kind", sa.String(8), nullable=False, server_default="slots"),
    **NUMBERS_ONCE,
)

segments = sa.Table(
    "segments",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("key_id", sa.ForeignKey("upload_keys.id"), nullable=False, index=True),
    sa.Column("length", sa.BigInteger, nullable=False),
    sa.Column("tags_digest", sa.LargeBinary, nullable=False),
    sa.Column("inline", sa.LargeBinary),
    sa.Column("made", Moment, nullable=False),
    sa.Column("first_chunk", sa.BigInteger),
)

version_segments = sa.Table(
    "version_segments",
    metadata,
    sa.Column("version_id", sa.ForeignKey("versions.id"), primary_key=True),
    sa.Column("segment_id", sa.ForeignKey("segments.id"), primary_key=True, index=True),
    comment="Which versions still need a segment.",
    **BY_KEY,
)

uploads = sa.Table(
    "uploads",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("user_id", sa.ForeignKey("users.id"), nullable=False),
    sa.Column("organization_id", sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("folder_id", sa.ForeignKey("folders.id")),
    sa.Column("name", Name, nullable=False, server_default=""),
    sa.Column("shown_path", sa.Text, nullable=False, server_default=""),
    sa.Column("key_id", sa.ForeignKey("upload_keys.id"), nullable=False),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("recorded", sa.Integer, nullable=False),
    sa.Column("session_id", sa.String(32), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("contiguous", sa.BigInteger, nullable=False),
    sa.Column("pieces", sa.Integer, nullable=False),
    sa.Column("declared", sa.BigInteger),
    sa.Column("metadata", sa.Text, nullable=False, server_default=""),
    sa.Column("partial", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("joined", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("base_version_id", sa.String(32)),
    sa.Column("extents", sa.LargeBinary, nullable=False),
    sa.Column("version_id", sa.String(32)),
    sa.Column("began", Moment, nullable=False),
    sa.Column("expires", Moment, nullable=False),
    sa.Column("stored", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("held", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("shared", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("target_id", sa.BigInteger),
    sa.Index(None, "user_id", "state", "folder_id", "name"),
    sa.Index(None, "organization_id", "state"),
    sa.Index(None, "folder_id"),
    sa.Index(None, "key_id"),
    sa.Index(None, "expires"),
    comment="Writing in progress: state open, finished (kept for its tus answer until it expires; no folder any more). "
    "`recorded` numbers the last record of this generation; `pieces` is at least the number of extents, the edits not "
    "yet folded in included; `stored` counts the bytes of its own segments, `held` what it takes of the quotas, "
    "`shared` how long the version is that it goes on from; "
    "`target_id` is the folder that the whole of a part is for. `base_version_id`: what stood at its name when it "
    "began, which an update goes on from; once something else stands there it is neither shown nor resumed so.",
)

upload_edits = sa.Table(
    "upload_edits",
    metadata,
    sa.Column("upload_id", sa.ForeignKey("uploads.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("edits", sa.LargeBinary, nullable=False),
    comment="Records that append, not yet folded into the upload's extents: a long upload's records cost no more.",
)

upload_segments = sa.Table(
    "upload_segments",
    metadata,
    sa.Column("upload_id", sa.ForeignKey("uploads.id"), primary_key=True),
    sa.Column("segment_id", sa.ForeignKey("segments.id"), primary_key=True, index=True),
    comment="Which uploads still need a segment.",
    **BY_KEY,
)

downloads = sa.Table(
    "downloads",
    metadata,
    _id(),
    sa.Column("session_id", sa.String(32), nullable=False, index=True),
    sa.Column("version_id", sa.String(32), nullable=False, index=True),
    sa.Column("began", Moment, nullable=False),
    comment="Downloads that have begun and not ended.",
    **NUMBERS_ONCE,
)

dead_blobs = sa.Table(
    "dead_blobs",
    metadata,
    sa.Column("segment_id", sa.String(32), primary_key=True),
    sa.Column("since", Moment, nullable=False),
    comment="Blobs that no row needs any more; removed from the store after this row is durable, then the row goes.",
)
