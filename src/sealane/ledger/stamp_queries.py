"""The statements of time stamps, beside those of `queries.py`; read as they are stored, whatever that is."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from sealane.database.ledger_tables import ledger_time_stamps
from sealane.database.statements import Statement, parameters
from sealane.ledger.queries import all_sound, as_stored


class LastStampRow(NamedTuple):
    """The newest time stamp: of which checkpoint, and when it was kept."""

    size: int
    at: datetime


class StampRow(NamedTuple):
    """A time stamp, as it is stored."""

    size: int
    response: bytes | None
    sound: bool


LAST = Statement(
    "time_stamps.last",
    sa.select(ledger_time_stamps.c.size, ledger_time_stamps.c.at).order_by(ledger_time_stamps.c.size.desc()).limit(1),
    LastStampRow,
)
_STAMP = (ledger_time_stamps.c.size, ledger_time_stamps.c.response)
PAGE = Statement(
    "time_stamps.page",
    sa.select(*map(as_stored, _STAMP), all_sound(*_STAMP).label("sound"))
    .where(ledger_time_stamps.c.size > sa.bindparam("after"))
    .order_by(ledger_time_stamps.c.size)
    .limit(sa.bindparam("limit", type_=sa.Integer)),
    StampRow,
)
FORGET = Statement(
    "time_stamps.forget", sa.delete(ledger_time_stamps).where(ledger_time_stamps.c.size == sa.bindparam("of"))
)
ADD = Statement("time_stamps.add", sa.insert(ledger_time_stamps).values(**parameters("size", "at", "response")))
