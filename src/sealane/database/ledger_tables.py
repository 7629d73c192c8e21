"""The tables of the ledger, beside those of `tables.py`: entries, the tree over them, what was signed of it."""

from __future__ import annotations

import sqlalchemy as sa

from sealane.database.columns import BigId, Moment, Name
from sealane.database.tables import BY_KEY, index_where_known, metadata

ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column("seq", BigId, primary_key=True, autoincrement=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("organization_id", sa.BigInteger),
    sa.Column("user_id", sa.BigInteger),
    sa.Column("session_id", sa.String(32)),
    sa.Column("folder_id", sa.BigInteger),
    sa.Column("file_id", sa.BigInteger),
    sa.Column("version_id", sa.String(32)),
    sa.Column("door", sa.String(16), nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("leaf", sa.LargeBinary, nullable=False),
    sa.Index(None, "kind", "seq"),
    sa.Index(None, "door", "seq"),
    index_where_known("organization_id", "seq"),
    index_where_known("folder_id", "seq"),
    index_where_known("user_id", "seq"),
    index_where_known("session_id", "seq"),
    index_where_known("version_id", "seq"),
    comment="Append only. The columns beside `body` are an index into it; what is proven is `body`.",
)

ledger_tree = sa.Table(
    "ledger_tree",
    metadata,
    sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    comment="Nodes of the Merkle tree, each the root over 256 below it; level 1 stands over entries' leaves.",
    **BY_KEY,
)

ledger_checkpoints = sa.Table(
    "ledger_checkpoints",
    metadata,
    sa.Column("size", BigId, primary_key=True, autoincrement=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("note", sa.LargeBinary, nullable=False),
    comment="Signed checkpoints (C2SP tlog-checkpoint), as they were given out.",
)

ledger_cosignatures = sa.Table(
    "ledger_cosignatures",
    metadata,
    sa.Column("size", sa.ForeignKey("ledger_checkpoints.size"), primary_key=True, autoincrement=False),
    sa.Column("witness", Name, primary_key=True),
    sa.Column("line", sa.LargeBinary, nullable=False),
    comment="What witnesses have signed of our checkpoints: signature lines of the note.",
    **BY_KEY,
)

ledger_time_stamps = sa.Table(
    "ledger_time_stamps",
    metadata,
    sa.Column("size", sa.ForeignKey("ledger_checkpoints.size"), primary_key=True, autoincrement=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("response", sa.LargeBinary, nullable=False),
    comment="What a time-stamping authority (RFC 3161) answered about our checkpoints, whole, in DER.",
)

ledger_openings = sa.Table(
    "ledger_openings",
    metadata,
    sa.Column("seq", BigId, primary_key=True, autoincrement=False),
    sa.Column("openings", sa.LargeBinary, nullable=False),
    sa.Column("path_digest", sa.LargeBinary),
    sa.Column("target_digest", sa.LargeBinary),
    sa.Column("address_digest", sa.LargeBinary),
    index_where_known("address_digest", "seq"),
    index_where_known("path_digest", "seq"),
    index_where_known("target_digest", "seq"),
    comment="What opens an entry's salted commitments: JSON, field to [salt, value]. A lawful erasure removes it from "
    "here; the ledger still proves. The digests find an entry by its path or address.",
)
