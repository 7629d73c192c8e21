"""Statements of sending and requesting: shares, guests, visits, codes. Their letters: `mails.py`."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from sealane.database.sealed_tables import seals
from sealane.database.share_tables import share_codes, share_downloads, share_guests, share_visits, shares
from sealane.database.statements import Statement, parameters
from sealane.database.tables import organizations, sessions, uploads, users
from sealane.ids import FolderId, OrganizationId, SessionId, UserId


class ShareRow(NamedTuple):
    """A share and its sender."""

    id: str
    sender_id: UserId
    sender: str
    sender_disabled: datetime | None
    sender_role: str
    sender_mailbox: str
    organization_id: OrganizationId
    organization: str
    kind: str
    folder_id: FolderId
    title: str
    wrapped_note: bytes
    proof: str
    password_hash: str | None
    language: str
    made: datetime
    expires: datetime
    recalled: datetime | None
    downloads_max: int
    downloads: int
    bytes_max: int
    files_max: int
    came_bytes: int
    came_files: int
    endings: str
    reply_folder_id: FolderId | None
    """A package: under which folder files that guests send back come to stand; None where it takes none."""


class GuestRow(NamedTuple):
    """Somebody a share was sent to."""

    user_id: UserId
    share_id: str
    mailbox: str
    account: str
    came: datetime | None
    fetched: datetime | None
    replied: datetime | None
    wrapped_reply: bytes | None


class VisitRow(NamedTuple):
    """A guest's session."""

    share_id: str
    folder_id: FolderId
    name: str
    reply_folder_id: FolderId | None
    """Where what this guest sends back goes, from its first file on."""


class CodeRow(NamedTuple):
    """A code that was sent, or seemingly so."""

    share_id: str
    user_id: UserId | None
    browser_hash: bytes
    code_hash: bytes
    made: datetime
    tries: int


class WrappedRow(NamedTuple):
    """What is wrapped by the node key."""

    key: str | int
    wrapped: bytes


class CountRow(NamedTuple):
    """One number."""

    count: int


class UnfinishedRow(NamedTuple):
    """What the guests of a share have begun to send."""

    files: int
    bytes: int


class OpenRow(NamedTuple):
    """A guest's open session."""

    id: SessionId
    user_id: UserId
    organization_id: OrganizationId


_WORDS = (
    shares.c.kind,
    shares.c.folder_id,
    shares.c.title,
    shares.c.wrapped_note,
    shares.c.proof,
    shares.c.password_hash,
    shares.c.language,
    shares.c.made,
    shares.c.expires,
    shares.c.recalled,
    shares.c.downloads_max,
    shares.c.downloads,
    shares.c.bytes_max,
    shares.c.files_max,
    shares.c.came_bytes,
    shares.c.came_files,
    shares.c.endings,
    shares.c.reply_folder_id,
)
_sent = sa.select(
    shares.c.id,
    shares.c.sender_id,
    users.c.name.label("sender"),
    users.c.disabled.label("sender_disabled"),
    users.c.role.label("sender_role"),
    users.c.email.label("sender_mailbox"),
    users.c.organization_id,
    organizations.c.name.label("organization"),
    *_WORDS,
).select_from(
    shares.join(users, users.c.id == shares.c.sender_id).join(
        organizations, organizations.c.id == users.c.organization_id
    )
)
_count = sa.func.count().label("count")

SHARE = Statement("shares.share", _sent.where(shares.c.id == sa.bindparam("share_id")), ShareRow)
OF_SENDER = Statement(
    "shares.of_sender",
    _sent.where(shares.c.sender_id == sa.bindparam("sender_id"))
    .order_by(shares.c.made.desc(), shares.c.id)
    .limit(sa.bindparam("limit", type_=sa.Integer))
    .offset(sa.bindparam("start", type_=sa.BigInteger)),
    ShareRow,
)
COUNT_OF_SENDER = Statement(
    "shares.count_of_sender", sa.select(_count).where(shares.c.sender_id == sa.bindparam("sender_id")), CountRow
)
COUNT_OPEN = Statement(
    "shares.count_open",
    sa.select(_count).where(
        shares.c.sender_id == sa.bindparam("sender_id"),
        shares.c.recalled.is_(None),
        shares.c.expires > sa.bindparam("at"),
    ),
    CountRow,
)
_COUNTED = frozenset({"recalled", "downloads", "came_bytes", "came_files"})
ADD_SHARE = Statement(
    "shares.add_share",
    shares.insert().values(
        **parameters("id", "sender_id", *(word.name for word in _WORDS if word.name not in _COUNTED)),
        downloads=0,
        came_bytes=0,
        came_files=0,
    ),
)
RECALL = Statement(
    "shares.recall",
    shares.update()
    .where(shares.c.id == sa.bindparam("share_id"), shares.c.recalled.is_(None))
    .values(recalled=sa.bindparam("at")),
)
COUNT_DOWNLOAD = Statement(
    "shares.count_download",
    shares.update().where(shares.c.id == sa.bindparam("share_id")).values(downloads=shares.c.downloads + 1),
)
COUNT_UPLOAD = Statement(
    "shares.count_upload",
    shares.update()
    .where(shares.c.id == sa.bindparam("share_id"))
    .values(
        came_bytes=shares.c.came_bytes + sa.bindparam("size", type_=sa.BigInteger),
        came_files=shares.c.came_files + 1,
    ),
)

_guest = sa.select(
    share_guests.c.user_id,
    share_guests.c.share_id,
    share_guests.c.mailbox,
    users.c.name.label("account"),
    share_guests.c.came,
    share_guests.c.fetched,
    share_guests.c.replied,
    share_guests.c.wrapped_reply,
).join_from(share_guests, users, users.c.id == share_guests.c.user_id)
GUEST_BY_LINK = Statement(
    "shares.guest_by_link", _guest.where(share_guests.c.link_hash == sa.bindparam("link_hash")), GuestRow
)
GUEST = Statement("shares.guest", _guest.where(share_guests.c.user_id == sa.bindparam("user_id")), GuestRow)
GUESTS_OF = Statement(
    "shares.guests_of",
    _guest.where(share_guests.c.share_id == sa.bindparam("share_id")).order_by(share_guests.c.user_id),
    GuestRow,
)
ADD_GUEST = Statement(
    "shares.add_guest", share_guests.insert().values(**parameters("user_id", "share_id", "mailbox", "link_hash"))
)
NOTE_CAME = Statement(
    "shares.note_came",
    share_guests.update()
    .where(share_guests.c.user_id == sa.bindparam("guest"), share_guests.c.came.is_(None))
    .values(came=sa.bindparam("at")),
)
NOTE_FETCHED = Statement(
    "shares.note_fetched",
    share_guests.update().where(share_guests.c.user_id == sa.bindparam("guest")).values(fetched=sa.bindparam("at")),
)
NOTE_REPLY = Statement(
    "shares.note_reply",
    share_guests.update()
    .where(share_guests.c.user_id == sa.bindparam("guest"))
    .values(replied=sa.bindparam("at"), wrapped_reply=sa.bindparam("reply")),
)
NOTE_REPLIED = Statement(
    "shares.note_replied",
    share_guests.update().where(share_guests.c.user_id == sa.bindparam("guest")).values(replied=sa.bindparam("at")),
)

VISIT = Statement(
    "shares.visit",
    sa.select(share_guests.c.share_id, share_visits.c.folder_id, share_visits.c.name, share_visits.c.reply_folder_id)
    .select_from(
        share_visits.join(sessions, sessions.c.id == share_visits.c.session_id).join(
            share_guests, share_guests.c.user_id == sessions.c.user_id
        )
    )
    .where(share_visits.c.session_id == sa.bindparam("session_id")),
    VisitRow,
)
ADD_VISIT = Statement("shares.add_visit", share_visits.insert().values(**parameters("session_id", "folder_id", "name")))
SET_REPLY_FOLDER = Statement(
    "shares.set_reply_folder",
    share_visits.update()
    .where(share_visits.c.session_id == sa.bindparam("session"))
    .values(reply_folder_id=sa.bindparam("folder")),
)
VISITS_OPEN = Statement(
    "shares.visits_open",
    sa.select(sessions.c.id, sessions.c.user_id, users.c.organization_id)
    .select_from(
        share_guests.join(sessions, sessions.c.user_id == share_guests.c.user_id).join(
            users, users.c.id == sessions.c.user_id
        )
    )
    .where(share_guests.c.share_id == sa.bindparam("share_id"), sessions.c.ended.is_(None)),
    OpenRow,
)
VISITS_OF_SENDER = Statement(
    "shares.visits_of_sender",
    sa.select(sessions.c.id, sessions.c.user_id, users.c.organization_id)
    .select_from(
        shares.join(share_guests, share_guests.c.share_id == shares.c.id)
        .join(sessions, sessions.c.user_id == share_guests.c.user_id)
        .join(users, users.c.id == sessions.c.user_id)
    )
    .where(shares.c.sender_id == sa.bindparam("sender_id"), sessions.c.ended.is_(None)),
    OpenRow,
)
VISITS_LATELY = Statement(
    "shares.visits_lately",
    sa.select(_count)
    .select_from(share_guests.join(sessions, sessions.c.user_id == share_guests.c.user_id))
    .where(share_guests.c.share_id == sa.bindparam("share_id"), sessions.c.began >= sa.bindparam("since")),
    CountRow,
)
FETCHED = Statement(
    "shares.fetched",
    sa.select(_count)
    .select_from(share_downloads)
    .where(
        share_downloads.c.session_id == sa.bindparam("session_id"),
        share_downloads.c.version_id == sa.bindparam("version_id"),
    ),
    CountRow,
)
ADD_FETCHED = Statement("shares.add_fetched", share_downloads.insert().values(**parameters("session_id", "version_id")))

CODE = Statement(
    "shares.code",
    sa.select(
        share_codes.c.share_id,
        share_codes.c.user_id,
        share_codes.c.browser_hash,
        share_codes.c.code_hash,
        share_codes.c.made,
        share_codes.c.tries,
    ).where(share_codes.c.ticket_hash == sa.bindparam("ticket_hash"), share_codes.c.made >= sa.bindparam("not_before")),
    CodeRow,
)
ADD_CODE = Statement(
    "shares.add_code",
    share_codes.insert().values(
        **parameters("ticket_hash", "share_id", "user_id", "browser_hash", "code_hash", "made"), tries=0
    ),
)
TRY_CODE = Statement(
    "shares.try_code",
    share_codes.update().where(share_codes.c.ticket_hash == sa.bindparam("used")).values(tries=share_codes.c.tries + 1),
)
DELETE_CODES_OF = Statement(
    "shares.delete_codes_of", share_codes.delete().where(share_codes.c.user_id == sa.bindparam("guest"))
)
CODES_LATELY = Statement(
    "shares.codes_lately",
    sa.select(_count)
    .select_from(share_codes)
    .where(share_codes.c.share_id == sa.bindparam("share_id"), share_codes.c.made >= sa.bindparam("since")),
    CountRow,
)
FORGET_CODES = Statement("shares.forget_codes", share_codes.delete().where(share_codes.c.made < sa.bindparam("before")))

_long_over = sa.or_(shares.c.expires < sa.bindparam("before"), shares.c.recalled < sa.bindparam("before"))
LONG_OVER = Statement(
    "shares.long_over",
    _sent.where(_long_over, shares.c.wrapped_note != b"")
    .order_by(shares.c.expires, shares.c.id)
    .limit(sa.bindparam("limit", type_=sa.Integer)),
    ShareRow,
)
_sending = (
    uploads.c.state == "open",
    ~sa.exists().where(seals.c.upload_id == uploads.c.id, seals.c.closed.is_not(None)).correlate(uploads),
)
"""Begun and neither finished nor closed: what was closed has been counted as come."""
UNFINISHED_OF_SHARE = Statement(
    "shares.unfinished_of_share",
    sa.select(
        sa.func.count().label("files"),
        sa.cast(sa.func.coalesce(sa.func.sum(uploads.c.declared), 0), sa.BigInteger).label("bytes"),
    )
    .select_from(share_guests.join(uploads, uploads.c.user_id == share_guests.c.user_id))
    .where(
        share_guests.c.share_id == sa.bindparam("share_id"),
        uploads.c.expires > sa.bindparam("at"),
        uploads.c.id != sa.bindparam("but"),
        uploads.c.session_id != sa.bindparam("but_session"),
        *_sending,
    ),
    UnfinishedRow,
)
LEAVE_UNFINISHED = Statement(
    "shares.leave_unfinished",
    uploads.update()
    .where(
        uploads.c.user_id == sa.bindparam("guest"),
        uploads.c.session_id == sa.bindparam("session"),
        uploads.c.user_id.in_(sa.select(share_guests.c.user_id)),
        *_sending,
    )
    .values(expires=sa.bindparam("at")),
)
"""A guest's visit is over: nobody can go on with what it has begun, and the next sweep clears it."""
NOTES = Statement(
    "shares.notes",
    sa.select(shares.c.id.label("key"), shares.c.wrapped_note.label("wrapped")).where(shares.c.wrapped_note != b""),
    WrappedRow,
)
REPLIES = Statement(
    "shares.replies",
    sa.select(share_guests.c.user_id.label("key"), share_guests.c.wrapped_reply.label("wrapped")).where(
        share_guests.c.wrapped_reply.is_not(None)
    ),
    WrappedRow,
)
REWRAP_NOTE = Statement(
    "shares.rewrap_note",
    shares.update().where(shares.c.id == sa.bindparam("which")).values(wrapped_note=sa.bindparam("anew")),
)
REWRAP_REPLY = Statement(
    "shares.rewrap_reply",
    share_guests.update()
    .where(share_guests.c.user_id == sa.bindparam("which"))
    .values(wrapped_reply=sa.bindparam("anew")),
)
