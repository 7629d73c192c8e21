"""The tables of passkeys (WebAuthn): public keys of authenticators, and challenges that wait for their answer."""

from __future__ import annotations

import sqlalchemy as sa

from sealane.database.columns import BigId, Moment
from sealane.database.share_tables import metadata
from sealane.database.tables import BY_KEY, NUMBERS_ONCE

passkeys = sa.Table(
    "passkeys",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("user_id", sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("credential_id", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("public_key", sa.LargeBinary, nullable=False),
    sa.Column("sign_count", sa.BigInteger, nullable=False),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("made", Moment, nullable=False),
    sa.Column("used", Moment),
    comment="`public_key`: COSE. `sign_count`: as the authenticator last told it; 0 where it does not count.",
    **NUMBERS_ONCE,
)

passkey_challenges = sa.Table(
    "passkey_challenges",
    metadata,
    sa.Column("challenge_hash", sa.LargeBinary, primary_key=True),
    sa.Column("purpose", sa.String(16), nullable=False),
    sa.Column("bound_hash", sa.LargeBinary, nullable=False),
    sa.Column("made", Moment, nullable=False),
    sa.Index(None, "made"),
    sa.CheckConstraint("purpose IN ('add', 'prove', 'sign-in')", name="purpose_known"),
    comment="Challenges that were given out. `bound_hash`: of the session, or browser, that may answer. A row goes with"
    " the first answer, right or wrong.",
    **BY_KEY,
)
