"""The ledger for those who may read it: searched by who, where and when, each entry in words; how far it is proven.

An entry is shown as it was recorded, its private parts from their openings; one whose openings were erased says so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from sealane.doors.http.problems import status_of
from sealane.errors import Conflict, Invalid, Missing, SealaneError, SessionEnded
from sealane.ledger import witnesses
from sealane.operations.administering import SearchLedger
from sealane.operations.audit import (
    BeginLedgerProof,
    CheckpointIs,
    LatestCheckpoint,
    LedgerProofIs,
    LookLedgerProof,
    OwnEntriesAre,
)
from sealane.operations.envelope import Done

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealane.doors.web.forms import Form
    from sealane.doors.web.visits import Visit
    from sealane.operations.audit import LedgerEntry

AUDITING_ROLES: Final = frozenset({"admin", "auditor", "officer"})
_PAGE: Final = 100
_ALWAYS: Final = frozenset({"at", "door", "kind", "organization_id", "private", "session_id", "user_id", "v"})
_SHOWN_APART: Final = frozenset({"account_name", "address", "path", "user_name"})


@dataclass(frozen=True, slots=True)
class Line:
    """One entry, as a line of the table."""

    seq: int
    at: datetime | None
    kind: str
    user: str
    door: str
    address: str
    what: str
    """Path or account."""
    more: tuple[tuple[str, str], ...]
    """All other fields."""
    erased: bool
    unreadable: bool = False


def line_of(entry: LedgerEntry) -> Line:
    """Return an entry in words. Pure."""
    if entry.unreadable:
        return Line(entry.seq, None, "", "", "", "", "", (), erased=False, unreadable=True)
    body: dict[str, Any] = json.loads(entry.body)
    opened = {name: value for name, (_, value) in (entry.openings or {}).items()}
    more = [(name, _text(value)) for name, value in sorted(body.items()) if name not in _ALWAYS]
    more += [(name, value) for name, value in sorted(opened.items()) if name not in _SHOWN_APART]
    return Line(
        seq=entry.seq,
        at=datetime.fromisoformat(body["at"]),
        kind=body["kind"],
        user=opened.get("user_name", ""),
        door=body.get("door", ""),
        address=opened.get("address", ""),
        what=opened.get("path", "") or opened.get("account_name", ""),
        more=tuple(more),
        erased=bool(set(body.get("private", {})) - set(opened)),
    )


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


async def show_ledger(visit: Visit) -> Response:
    """Show what happened, oldest first from a day on, or what a search finds."""
    if visit.signed.role not in AUDITING_ROLES:
        raise Missing("There is no such page.")
    query = visit.query()
    asked = {name: query[name] for name in ("user", "path", "session", "address", "since", "until", "outcome")}
    lines: list[Line] = []
    after, failure, status = 0, None, 200
    try:
        found = await visit.ask(_search(query), OwnEntriesAre)
        lines, after = [line_of(entry) for entry in found.entries], found.after
    except SessionEnded:
        raise
    except SealaneError as problem:
        failure, status = problem, status_of(problem)
    return visit.page(
        "ledger.html",
        status,
        lines=lines,
        asked=asked,
        next_after=after,
        failure=failure,
    )


async def show_proof(visit: Visit) -> Response:
    """Show how far the ledger is proven, here and by which witnesses, and what an outsider can do."""
    return await _proof(visit, None)


async def _proof(visit: Visit, failure: SealaneError | None, status: int = 200) -> Response:
    if visit.signed.role not in AUDITING_ROLES:
        raise Missing("There is no such page.")
    told = await visit.ask(LookLedgerProof(handle=""), LedgerProofIs)
    return visit.page(
        "ledger_proof.html",
        status,
        proof=told.proof,
        checkpoint=await _checkpoint(visit),
        witnesses=_witnesses(visit.settings.witnesses),
        failure=failure,
    )


def _witnesses(text: str) -> tuple[str, ...]:
    """Return the names of the witnesses that the settings name."""
    return tuple(one.key.name for one in witnesses.parse(text))


async def begin_proof(visit: Visit) -> Response:
    """Have the ledger proven; the page then shows how far it is."""
    await visit.take_form()
    try:
        await visit.ask(BeginLedgerProof(handle=""), Done)
    except Conflict as failure:
        return await _proof(visit, failure, status_of(failure))
    return visit.go("/ledger/proof")


async def _checkpoint(visit: Visit) -> CheckpointIs | None:
    try:
        return await visit.ask(LatestCheckpoint(handle=""), CheckpointIs)
    except Missing:
        return None


def _search(query: Form) -> SearchLedger:
    after = query["after"]
    if after and not (after.isascii() and after.isdigit() and len(after) < 16):  # noqa: PLR2004  # below 2^53
        raise Invalid("The page number is not valid.")
    until = _day(query["until"])
    return SearchLedger(
        handle="",
        after=int(after or 0),
        limit=_PAGE,
        since=_day(query["since"]),
        until=None if until is None else until + timedelta(days=1),
        user=query["user"],
        path=query["path"],
        session=query["session"],
        address=query["address"],
        outcome=_outcome(query["outcome"]),
    )


def _outcome(text: str) -> Literal["", "done", "refused", "damaged"]:
    match text:
        case "done" | "refused" | "damaged":
            return text
        case _:
            return ""


def _day(text: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Invalid("Write a day as YEAR-MONTH-DAY, 2026-11-23.") from None
