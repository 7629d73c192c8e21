"""The tables of people at a browser: what they proved, second factors, tickets between two steps, one-time links."""

from __future__ import annotations

import sqlalchemy as sa

from sealane.database.columns import BigId, Moment, Name
from sealane.database.exposure_tables import metadata
from sealane.database.tables import BY_KEY, NUMBERS_ONCE

session_proofs = sa.Table(
    "session_proofs",
    metadata,
    sa.Column("session_id", sa.ForeignKey("sessions.id"), primary_key=True),
    sa.Column("proved", Moment, nullable=False),
    comment="When the owner of a session in a browser last gave their password.",
    **BY_KEY,
)

node_organizations = sa.Table(
    "node_organizations",
    metadata,
    sa.Column("organization_id", sa.ForeignKey("organizations.id"), primary_key=True, autoincrement=False),
    comment="Whose administrators run the node: they administer every organization.",
)

second_factors = sa.Table(
    "second_factors",
    metadata,
    sa.Column("user_id", sa.ForeignKey("users.id"), primary_key=True, autoincrement=False),
    sa.Column("wrapped_secret", sa.LargeBinary, nullable=False),
    sa.Column("made", Moment, nullable=False),
    sa.Column("confirmed", Moment),
    sa.Column("last_step", sa.BigInteger, nullable=False),
    comment="Secrets of authenticator apps (RFC 6238), wrapped by the node key. `last_step`: the newest time step of"
    " which a code was taken; none at or before it counts again.",
)

recovery_codes = sa.Table(
    "recovery_codes",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("user_id", sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("code_hash", sa.LargeBinary, nullable=False),
    comment="What stands for a one-time code once; a row goes when its code is used.",
    **NUMBERS_ONCE,
)

sign_in_tickets = sa.Table(
    "sign_in_tickets",
    metadata,
    sa.Column("ticket_hash", sa.LargeBinary, primary_key=True),
    sa.Column("user_id", sa.ForeignKey("users.id"), nullable=False),
    sa.Column("name", Name, nullable=False),
    sa.Column("began", Moment, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Index(None, "began"),
    comment="Passwords that were right and wait for their one-time code. `name`: as it was typed.",
    **BY_KEY,
)

one_time_links = sa.Table(
    "one_time_links",
    metadata,
    sa.Column("secret_hash", sa.LargeBinary, primary_key=True),
    sa.Column("purpose", sa.String(16), nullable=False),
    sa.Column("user_id", sa.ForeignKey("users.id")),
    sa.Column("expires", Moment, nullable=False),
    sa.Index(None, "expires"),
    sa.CheckConstraint("purpose IN ('setup', 'password')", name="purpose_known"),
    comment="Links that count once: the first start, a password that its owner is to set.",
    **BY_KEY,
)
