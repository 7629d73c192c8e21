"""Following the ledger: what is there, then what comes, until somebody stops it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from sealane.operations.audit import EntriesAre, ReadLedger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealane.cli.asking import Ask
    from sealane.operations.audit import LedgerEntry

_PAUSE_SECONDS = 0.5


def followed(ask: Ask, question: ReadLedger, pause_seconds: float = _PAUSE_SECONDS) -> Iterator[LedgerEntry]:
    """Yield every entry that fits, in order, and go on with those that are recorded meanwhile. Never ends."""
    after = question.after
    while True:
        page = ask(msgspec.structs.replace(question, after=after), EntriesAre)
        yield from page.entries
        if page.entries:
            after = page.entries[-1].seq
        if not page.after:
            time.sleep(pause_seconds)
