"""What `sealane doctor` looks at in the ledger: its end, the clock, who speaks for it, who met a limit."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sealane.cli.findings import Finding
from sealane.clock import Clock
from sealane.errors import Missing
from sealane.ledger import tree
from sealane.operations.audit import EntriesAre, LedgerIs, LookLedger, ReadLedger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealane.cli.asking import Ask

_CLOCK_SECONDS_BACK = 5
_LEDGER_ENTRIES_LOOKED_AT = 2000
_WITNESS_SECONDS_LATE = 3600


def check_ledger(ask: Ask) -> Iterator[Finding]:
    """See that the last entries are what was written, and that the clock has not gone back behind them."""
    try:
        present = ask(LookLedger(), LedgerIs)
    except Missing:
        yield Finding("ledger", "ok", "The ledger has no entries yet.")
        return
    first = max(present.size - _LEDGER_ENTRIES_LOOKED_AT, 0)
    page = ask(ReadLedger(after=first, limit=_LEDGER_ENTRIES_LOOKED_AT), EntriesAre)
    for expected, entry in enumerate(page.entries, first + 1):
        if entry.seq != expected or tree.leaf_of(entry.body) != entry.leaf:
            yield Finding("ledger", "bad", f"Entry {expected} is damaged. Run: sealane audit verify")
            return
    count = len(page.entries)
    yield Finding("ledger", "ok", f"The last {count} of {present.size} entries hold together; audit verify proves all.")
    last = _time_of(page.entries[-1].body)
    if last is not None and last - Clock().now() > timedelta(seconds=_CLOCK_SECONDS_BACK):
        yield Finding("clock", "bad", f"The ledger's last entry is of {last:%Y-%m-%d %H:%M:%S} UTC, later than now.")
    else:
        yield Finding("clock", "ok", "The clock stands after the ledger's last entry.")


def check_witnesses(ask: Ask) -> Iterator[Finding]:
    """See whether somebody outside speaks for the ledger, and for how much of it."""
    with contextlib.suppress(Missing):
        present = ask(LookLedger(), LedgerIs)
        if not present.cosigned:
            yield Finding(
                "witnesses",
                "warning",
                "No witness speaks for the ledger: whoever takes this server with its keys could write its history"
                " anew. Name some in 'witnesses' (docs/operations.md), or keep checkpoints elsewhere: sealane audit"
                " checkpoint --out FILE.",
            )
            return
        said = f"Witnesses speak for entries 1 to {present.cosigned} of {present.size}"
        unwitnessed = _first_after(ask, present.cosigned) if present.cosigned < present.signed else None
        late = unwitnessed is not None and Clock().now() - unwitnessed > timedelta(seconds=_WITNESS_SECONDS_LATE)
        if late:
            yield Finding(
                "witnesses",
                "warning",
                f"{said}; what came later waits since {unwitnessed:%Y-%m-%d %H:%M} UTC. The server's log says why"
                " they do not sign; ALARM there: a witness has seen another history than this one.",
            )
        else:
            yield Finding("witnesses", "ok", f"{said}.")


def _first_after(ask: Ask, seq: int) -> datetime | None:
    entries = ask(ReadLedger(after=seq, limit=1), EntriesAre).entries
    return _time_of(entries[0].body) if entries else None


def check_releases(ask: Ask) -> Iterator[Finding]:
    """See whether a session, or all of them, met the limit of what may be fetched in an hour."""
    since = Clock().now() - timedelta(days=1)
    question = ReadLedger(since=since, kind="request_refused", limit=_LEDGER_ENTRIES_LOOKED_AT)
    met = [entry for entry in ask(question, EntriesAre).entries if b'"code":"release-limit"' in entry.body]
    if met:
        who = sorted(
            {entry.openings["user_name"][1] for entry in met if entry.openings and "user_name" in entry.openings}
        )
        yield Finding(
            "releases",
            "bad",
            f"Since yesterday the limit of what may be fetched in an hour was met by {', '.join(who) or 'somebody'}:"
            f" see entry {met[0].seq} of the ledger, and what its session fetched before.",
        )
    else:
        yield Finding("releases", "ok", "Nobody met the limit of what may be fetched in an hour since yesterday.")


def _time_of(body: bytes) -> datetime | None:
    found = re.search(rb'"at":"([0-9T:.\-]+)Z"', body)
    return None if found is None else datetime.fromisoformat(found[1].decode()).replace(tzinfo=UTC)
