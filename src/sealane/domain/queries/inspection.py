"""Statements of arrivals that owe something to the inspector."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import bindparam

from sealane.database.statements import Statement
from sealane.database.tables import versions
from sealane.domain.queries.versions import VersionIdRow

WAITING = Statement(
    "inspection.waiting",
    sa.select(versions.c.id)
    .where(
        versions.c.owes > "",
        sa.or_(versions.c.leased_until.is_(None), versions.c.leased_until <= bindparam("now")),
    )
    .order_by(versions.c.made, versions.c.id)
    .limit(bindparam("limit", type_=sa.Integer)),
    VersionIdRow,
)

LEASE = Statement(
    "inspection.lease",
    sa.update(versions).where(versions.c.id == bindparam("version")).values(leased_until=bindparam("until")),
)

GIVE_BACK = Statement(
    "inspection.give_back",
    sa.update(versions).where(versions.c.id == bindparam("version")).values(leased_until=sa.null()),
)

SET_DIGEST = Statement(
    "inspection.set_digest",
    sa.update(versions)
    .where(versions.c.id == bindparam("version"))
    .values(digest=bindparam("digest"), owes="", leased_until=sa.null()),
)

SET_DAMAGED = Statement(
    "inspection.set_damaged",
    sa.update(versions)
    .where(versions.c.id == bindparam("version"))
    .values(damaged=bindparam("now"), owes="", leased_until=sa.null()),
)
