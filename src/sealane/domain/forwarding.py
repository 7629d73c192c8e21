"""What is still to be sent to the collector of logs, and how far it got. The jobs process carries it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane.errors import Invalid, NotAllowed
from sealane.ledger import queries, reader
from sealane.operations.audit import EntriesAre
from sealane.operations.envelope import Done

if TYPE_CHECKING:
    from sealane.domain.work import Work
    from sealane.operations.audit import ForwardedUpTo, WhatToForward

_POSITION = "syslog-forwarded"


def what_to_forward(work: Work, op: WhatToForward) -> EntriesAre:
    """Return the next entries for the collector. Raises `NotAllowed` where the settings name none."""
    if not work.settings.syslog:
        raise NotAllowed("The settings name no collector of logs.")
    after = _position(work) if op.after is None else op.after
    limit = max(1, min(op.limit, work.settings.page_entries_max))
    found = reader.page(work.transaction, reader.EVERYTHING, after=after, limit=limit)
    return EntriesAre(entries=tuple(found), after=found[-1].seq if found else after)


def forwarded_up_to(work: Work, op: ForwardedUpTo) -> Done:
    """Remember how far the collector has it; never back."""
    if not work.settings.syslog or op.seq > reader.size(work.transaction):
        raise Invalid("That much of the ledger is not there to be forwarded.")
    known = work.transaction.first(queries.ORIGIN, named=_POSITION)
    value = str(op.seq).encode()
    if known is None:
        work.transaction.run(queries.NAME_ORIGIN, name=_POSITION, value=value)
    elif op.seq > _position(work):
        work.transaction.run(queries.SET_NODE_VALUE, named=_POSITION, value=value)
    return Done()


def _position(work: Work) -> int:
    row = work.transaction.first(queries.ORIGIN, named=_POSITION)
    text = (row.value or b"") if row is not None else b""
    return int(text) if text.isdigit() else 0
