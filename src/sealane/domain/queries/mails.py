"""Statements of mail that is to go out."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from sealane.database.share_tables import mails
from sealane.database.statements import Statement, parameters
from sealane.domain.queries.shares import CountRow, WrappedRow
from sealane.ids import OrganizationId


class MailRow(NamedTuple):
    """Mail that is to go out."""

    id: int
    wrapped_letter: bytes
    owner_organization_id: OrganizationId
    made: datetime
    tries: int


_count = sa.func.count().label("count")

ADD_MAIL = Statement(
    "mails.add_mail",
    mails.insert()
    .values(**parameters("wrapped_letter", "owner_organization_id", "made", "due"), tries=0)
    .returning(mails.c.id),
)
COUNT_MAILS = Statement("mails.count_mails", sa.select(_count).select_from(mails), CountRow)
MAIL = Statement(
    "mails.mail",
    sa.select(mails.c.id, mails.c.wrapped_letter, mails.c.owner_organization_id, mails.c.made, mails.c.tries).where(
        mails.c.id == sa.bindparam("mail")
    ),
    MailRow,
)
MAILS_DUE = Statement(
    "mails.mails_due",
    sa.select(mails.c.id, mails.c.wrapped_letter, mails.c.owner_organization_id, mails.c.made, mails.c.tries)
    .where(mails.c.due <= sa.bindparam("at"))
    .order_by(mails.c.due, mails.c.id)
    .limit(sa.bindparam("limit", type_=sa.Integer)),
    MailRow,
)
LEASE_MAIL = Statement(
    "mails.lease_mail",
    mails.update().where(mails.c.id == sa.bindparam("mail")).values(due=sa.bindparam("until"), tries=mails.c.tries + 1),
)
POSTPONE_MAIL = Statement(
    "mails.postpone_mail",
    mails.update().where(mails.c.id == sa.bindparam("mail")).values(due=sa.bindparam("until")),
)
DELETE_MAIL = Statement("mails.delete_mail", mails.delete().where(mails.c.id == sa.bindparam("mail")))

LETTERS = Statement(
    "mails.letters", sa.select(mails.c.id.label("key"), mails.c.wrapped_letter.label("wrapped")), WrappedRow
)
REWRAP_LETTER = Statement(
    "mails.rewrap_letter",
    mails.update().where(mails.c.id == sa.bindparam("which")).values(wrapped_letter=sa.bindparam("anew")),
)
