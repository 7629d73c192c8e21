"""The tables of sending and requesting: shares, the guests they were sent to, codes, and mail that is to go out."""

from __future__ import annotations

import sqlalchemy as sa

from sealane.database.browser_tables import metadata
from sealane.database.columns import BigId, Moment
from sealane.database.tables import BY_KEY, NUMBERS_ONCE

shares = sa.Table(
    "shares",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("sender_id", sa.ForeignKey("users.id"), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("folder_id", sa.BigInteger, nullable=False),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("wrapped_note", sa.LargeBinary, nullable=False),
    sa.Column("proof", sa.String(16), nullable=False),
    sa.Column("password_hash", sa.String(512)),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("made", Moment, nullable=False),
    sa.Column("expires", Moment, nullable=False),
    sa.Column("recalled", Moment),
    sa.Column("downloads_max", sa.BigInteger, nullable=False),
    sa.Column("downloads", sa.BigInteger, nullable=False),
    sa.Column("bytes_max", sa.BigInteger, nullable=False),
    sa.Column("files_max", sa.BigInteger, nullable=False),
    sa.Column("came_bytes", sa.BigInteger, nullable=False),
    sa.Column("came_files", sa.BigInteger, nullable=False),
    sa.Column("endings", sa.String(400), nullable=False),
    sa.Column("reply_folder_id", sa.BigInteger),
    sa.Index(None, "sender_id", "made"),
    sa.CheckConstraint("kind IN ('package', 'request')", name="kind_known"),
    sa.CheckConstraint("proof IN ('code', 'password', 'link')", name="proof_known"),
    comment="Packages and request links. The files are in the folder; `folder_id` may name one that is gone. Of the"
    " limits 0 is none. `endings`: what the name of a file that comes may end with, separated by spaces.",
    **BY_KEY,
)

share_guests = sa.Table(
    "share_guests",
    metadata,
    sa.Column("user_id", sa.ForeignKey("users.id"), primary_key=True, autoincrement=False),
    sa.Column("share_id", sa.ForeignKey("shares.id"), nullable=False, index=True),
    sa.Column("mailbox", sa.String(320), nullable=False),
    sa.Column("link_hash", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("came", Moment),
    sa.Column("fetched", Moment),
    sa.Column("replied", Moment),
    sa.Column("wrapped_reply", sa.LargeBinary),
    comment="Whom a share was sent to. `user_id`: the account that they act as, with no password, key or grant.",
)

share_visits = sa.Table(
    "share_visits",
    metadata,
    sa.Column("session_id", sa.String(32), primary_key=True),
    sa.Column("folder_id", sa.BigInteger, nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("reply_folder_id", sa.BigInteger),
    comment="Guests' sessions: the one folder that each opens. `name`: as they called themselves, unproved.",
    **BY_KEY,
)

share_downloads = sa.Table(
    "share_downloads",
    metadata,
    sa.Column("session_id", sa.String(32), primary_key=True),
    sa.Column("version_id", sa.String(32), primary_key=True),
    comment="What a guest has fetched in a session: fetched again (a resumption, a further range) it counts no more.",
    **BY_KEY,
)

share_codes = sa.Table(
    "share_codes",
    metadata,
    sa.Column("ticket_hash", sa.LargeBinary, primary_key=True),
    sa.Column("share_id", sa.ForeignKey("shares.id"), nullable=False, index=True),
    sa.Column("user_id", sa.ForeignKey("users.id")),
    sa.Column("browser_hash", sa.LargeBinary, nullable=False),
    sa.Column("code_hash", sa.LargeBinary, nullable=False),
    sa.Column("made", Moment, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Index(None, "made"),
    comment="One-time codes sent to a mailbox. `user_id` is NULL where an address was typed that is not the guest's:"
    " such a row never opens anything.",
    **BY_KEY,
)

mails = sa.Table(
    "mails",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("wrapped_letter", sa.LargeBinary, nullable=False),
    sa.Column("owner_organization_id", sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("made", Moment, nullable=False),
    sa.Column("due", Moment, nullable=False, index=True),
    sa.Column("tries", sa.Integer, nullable=False),
    comment="Mail that is to go out; a row goes when a mail server has taken it or it is given up.",
    **NUMBERS_ONCE,
)
