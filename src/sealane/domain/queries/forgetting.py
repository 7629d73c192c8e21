"""Statements of forgetting packages and requests that have long been over, with their guests."""

from __future__ import annotations

import sqlalchemy as sa

from sealane.database.share_tables import share_codes, share_guests, shares
from sealane.database.statements import Statement
from sealane.database.tables import sessions, uploads, users
from sealane.domain.queries.shares import CountRow

_count = sa.func.count().label("count")

SESSIONS_OF = Statement(
    "shares.sessions_of",
    sa.select(_count)
    .select_from(share_guests.join(sessions, sessions.c.user_id == share_guests.c.user_id))
    .where(share_guests.c.share_id == sa.bindparam("share_id")),
    CountRow,
)
UPLOADS_OF_GUEST = Statement(
    "shares.uploads_of_guest",
    sa.select(_count).select_from(uploads).where(uploads.c.user_id == sa.bindparam("user_id")),
    CountRow,
)
DELETE_CODES_OF_SHARE = Statement(
    "shares.delete_codes_of_share", share_codes.delete().where(share_codes.c.share_id == sa.bindparam("share"))
)
DELETE_GUEST = Statement(
    "shares.delete_guest", share_guests.delete().where(share_guests.c.user_id == sa.bindparam("guest"))
)
DELETE_GUESTS_ACCOUNT = Statement(
    "shares.delete_guests_account", users.delete().where(users.c.id == sa.bindparam("guest"))
)
ERASE_GUEST = Statement(
    "shares.erase_guest",
    share_guests.update().where(share_guests.c.user_id == sa.bindparam("guest")).values(mailbox="", wrapped_reply=None),
)
ERASE_GUESTS_MAILBOX = Statement(
    "shares.erase_guests_mailbox", users.update().where(users.c.id == sa.bindparam("guest")).values(email="")
)
DELETE_SHARE = Statement("shares.delete_share", shares.delete().where(shares.c.id == sa.bindparam("share")))
ERASE_SHARE = Statement(
    "shares.erase_share", shares.update().where(shares.c.id == sa.bindparam("share")).values(wrapped_note=b"")
)
