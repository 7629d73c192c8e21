"""Failed sign-ins: counted by account name and by address range, answered slower, then not at all.

Names are counted as they were typed (in normal form C), whether or not there is such an account, so that counting
tells a stranger nothing; they are kept hashed, since people type passwords into the wrong field. Refusals of strangers
are counted per address range and minute and become one ledger event when the minute is over. What cannot be guessed, a
right key or token that opens nothing any more, is counted by itself: its address range, where others are, pays nothing.
Must stay true: nothing here grows without bound (`failures_kept_rows_max`, `strangers_kept_rows_max`).
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from sealane.domain.queries import sign_in as statements
from sealane.ledger import events

if TYPE_CHECKING:
    from datetime import datetime

    from sealane.domain.queries.sign_in import FailureRow
    from sealane.domain.work import Work

_WAIT_SECONDS_MIN = 0.25
_WAIT_SECONDS_MAX = 4.0
MANY_RANGES = "many"
"""Stands for the address range once there are more ranges than are kept apart."""
_EVENTS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Standing:
    """How a name and an address range stand at a try."""

    locked: bool
    failures: int
    """Of the name, within the window."""
    range_failures: int


def range_of(address: str) -> str:
    """Return the address range that is counted together: /24 of IPv4, /64 of IPv6."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    prefix = 24 if isinstance(parsed, ipaddress.IPv4Address) else 64
    return str(ipaddress.ip_network((parsed, prefix), strict=False))


def standing(work: Work, *, name: str, address: str) -> Standing:
    """Return how a try by this name from this address stands; an empty name is not counted (tokens have none)."""
    by_name = _present(work, _name_subject(name)) if name else None
    by_range = _present(work, _range_subject(address))
    return Standing(
        locked=any(row is not None and row.locked_until is not None for row in (by_name, by_range)),
        failures=0 if by_name is None else by_name.count,
        range_failures=0 if by_range is None else by_range.count,
    )


def failed(work: Work, *, name: str, address: str) -> None:
    """Count a failed try against the name (unless empty) and the address range."""
    settings = work.settings
    if name:
        _count(work, _name_subject(name), settings.sign_in_failures_max)
    _count(work, _range_subject(address), settings.sign_in_range_failures_max)


def standing_of_proof(work: Work, subject: str) -> Standing:
    """Return how a right proof that opens nothing any more stands: `token:…` or `key:…` with its number."""
    row = _present(work, subject)
    return Standing(
        locked=row is not None and row.locked_until is not None,
        failures=0 if row is None else row.count,
        range_failures=0,
    )


def failed_with_proof(work: Work, subject: str) -> None:
    """Count a refused use of such a proof."""
    _count(work, subject, work.settings.sign_in_failures_max)


def succeeded(work: Work, *, name: str) -> None:
    """Forget the failures of a name whose owner has signed in."""
    work.transaction.run(statements.FORGET_FAILURE, subject=_name_subject(name))


def wait_seconds(work: Work, stands: Standing) -> float:
    """Return how long the answer to a try is to be held back."""
    over = max(
        stands.failures - work.settings.sign_in_slow_after,
        stands.range_failures - work.settings.sign_in_range_failures_max // 2,
    )
    return 0.0 if over < 0 else min(_WAIT_SECONDS_MIN * 2.0 ** min(over, 16), _WAIT_SECONDS_MAX)


def count_stranger(work: Work, *, address: str, door: str) -> None:
    """Count a refusal of somebody who is not known, for the ledger's event of this minute."""
    minute = work.now.replace(second=0, microsecond=0)
    place = range_of(address)
    if work.transaction.run(statements.COUNT_STRANGER, from_range=place, in_minute=minute, at_door=door):
        return
    rows = work.transaction.first(statements.COUNT_STRANGERS)
    if rows is not None and rows.count >= work.settings.strangers_kept_rows_max:
        place = MANY_RANGES
        if work.transaction.run(statements.COUNT_STRANGER, from_range=place, in_minute=minute, at_door=door):
            return
    work.transaction.run(statements.ADD_STRANGER, address_range=place, minute=minute, door=door)


def write_strangers(work: Work) -> int:
    """Write the minutes that are over to the ledger, one event an address range, minute and door. Returns how many."""
    before = work.now.replace(second=0, microsecond=0)
    rows = work.transaction.all(statements.STRANGERS_BEFORE, before=before, limit=_EVENTS_AT_ONCE)
    for row in rows:
        work.record(
            events.StrangersRefused(
                who=events.Who(door=row.door), address_range=row.address_range, minute=row.minute, count=row.count
            )
        )
        work.transaction.run(
            statements.FORGET_STRANGER, address_range=row.address_range, minute=row.minute, door=row.door
        )
    return len(rows)


def forget_old(work: Work) -> int:
    """Forget failures whose window and lock are over. Returns how many; called by the keeper's tick."""
    window = timedelta(seconds=work.settings.sign_in_window_seconds)
    return work.transaction.run(statements.FORGET_OLD_FAILURES, before=work.now - window, at=work.now)


def _present(work: Work, subject: str) -> FailureRow | None:
    """Return what still counts of a subject's failures: within the window, or while the lock holds."""
    row = work.transaction.first(statements.FAILURE, subject=subject)
    if row is None:
        return None
    if row.locked_until is not None:
        return row if row.locked_until > work.now else None
    window = timedelta(seconds=work.settings.sign_in_window_seconds)
    return row if row.window_began + window > work.now else None


def _count(work: Work, subject: str, failures_max: int) -> None:
    row = _present(work, subject)
    count = 1 if row is None else row.count + 1
    began = work.now if row is None else row.window_began
    locked: datetime | None = None
    if count >= failures_max:
        locked = work.now + timedelta(seconds=work.settings.sign_in_lock_seconds)
    changed = work.transaction.run(
        statements.SET_FAILURE, whose=subject, failed=count, since=began, at=work.now, until=locked
    )
    if changed:
        return
    kept = work.transaction.first(statements.COUNT_FAILURES)
    if kept is not None and kept.count >= work.settings.failures_kept_rows_max:
        oldest = work.transaction.first(statements.OLDEST_FAILURE)
        if oldest is not None:
            work.transaction.run(statements.FORGET_FAILURE, subject=oldest.subject)
    work.transaction.run(
        statements.ADD_FAILURE, subject=subject, count=count, window_began=began, last=work.now, locked_until=locked
    )


def _name_subject(name: str) -> str:
    return "name:" + sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def _range_subject(address: str) -> str:
    return "range:" + range_of(address)
