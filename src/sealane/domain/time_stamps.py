"""When a time stamp of the ledger is due, and keeping it. The jobs process brings it from the authority.

The jobs process has proven who signed it; here it is only seen that it is of our checkpoint. So nothing of what an
authority sends is verified in the process that holds the keys; `audit verify` proves it anew.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sealane.errors import Missing, TooLarge
from sealane.ledger import notes, reader, stamp_queries
from sealane.operations.audit import TimeStampsAre, ToTimeStampAre
from sealane.operations.envelope import Done

if TYPE_CHECKING:
    from sealane.domain.work import Work
    from sealane.operations.audit import ReadTimeStamps, RecordTimeStamp, WhatToTimeStamp


def what_to_time_stamp(work: Work, op: WhatToTimeStamp) -> ToTimeStampAre:
    """Return the newest checkpoint's text. Raises `Missing` where it has a stamp, or the last one is young enough."""
    del op
    newest = reader.last_checkpoint(work.transaction)
    last = work.transaction.first(stamp_queries.LAST)
    if newest is None or (last is not None and last.size >= newest[0]):
        raise Missing("There is nothing new to be stamped.")
    every = timedelta(seconds=work.settings.time_stamp_seconds)
    if last is not None and timedelta(0) <= work.now - last.at < every:
        raise Missing("The last time stamp is young enough.")
    return ToTimeStampAre(size=newest[0], text=notes.parse(newest[1]).text)


def record_time_stamp(work: Work, op: RecordTimeStamp) -> Done:
    """Keep a time stamp. Raises `TimeStampWrong` unless it is of our checkpoint."""
    from sealane.ledger import time_stamps  # noqa: PLC0415  # reads certificates too: few keepers ever need it

    if len(op.response) > time_stamps.RESPONSE_BYTES_MAX:
        raise TooLarge("The time stamp is far too long.")
    found = reader.checkpoints(work.transaction, after=op.size - 1, limit=1)
    if not found or found[0][0] != op.size:
        raise Missing("There is no such checkpoint.")
    time_stamps.check_imprint(notes.parse(found[0][1]).text, op.response)
    work.transaction.run(stamp_queries.FORGET, of=op.size)
    work.transaction.run(stamp_queries.ADD, size=op.size, at=work.now, response=op.response)
    return Done()


def read_time_stamps(work: Work, op: ReadTimeStamps) -> TimeStampsAre:
    """Return a page of time stamps."""
    limit = max(1, min(op.limit, work.settings.page_entries_max))
    rows = work.transaction.all(stamp_queries.PAGE, after=op.after, limit=limit + 1)
    shown = rows[:limit]
    return TimeStampsAre(
        sizes=tuple(row.size for row in shown),
        responses=tuple((row.response or b"") if row.sound else b"" for row in shown),
        after=shown[-1].size if len(rows) > limit else 0,
    )
