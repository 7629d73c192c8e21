"""Statements of arrivals that owe something to the inspector."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import bindparam

from sealane.database.statements import Statement
from sealane.database.tables import versions
from sealane.ids import VersionId


class OwingRow(NamedTuple):
    """An arrival that owes something, and until when it is leased."""

    id: VersionId
    size: int
    leased_until: datetime | None


OWING = Statement(
    "inspection.owing",
    sa.select(versions.c.id, versions.c.size, versions.c.leased_until)
    .where(versions.c.owes.is_not(None), versions.c.size <= bindparam("size_max"))
    .order_by(versions.c.owes, versions.c.made, versions.c.id)
    .limit(bindparam("limit", type_=sa.Integer)),
    OwingRow,
)
"""In the order of `owing.py`'s words: what a client may wait for first, what no longer stands anywhere last."""

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
    sa.update(versions).where(versions.c.id == bindparam("version")).values(digest=bindparam("digest")),
)

OWES = Statement(
    "inspection.owes",
    sa.update(versions).where(versions.c.id == bindparam("version")).values(owes=bindparam("owed")),
)

PAID = Statement(
    "inspection.paid",
    sa.update(versions).where(versions.c.id == bindparam("version")).values(owes=sa.null(), leased_until=sa.null()),
)

SET_DAMAGED = Statement(
    "inspection.set_damaged",
    sa.update(versions)
    .where(versions.c.id == bindparam("version"))
    .values(damaged=bindparam("now"), owes=sa.null(), leased_until=sa.null()),
)
