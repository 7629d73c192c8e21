"""The statements by which entries are read and searched for: in a row of their own, or as the driver has them.

What `queries.py` says of what is stored holds here too: no value is believed that is not sound.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import sqlalchemy as sa

from sealane.database.ledger_tables import ledger, ledger_openings
from sealane.database.statements import Statement
from sealane.ledger.limits import ENTRY_BYTES_MAX
from sealane.ledger.queries import WITHIN, all_sound, as_stored, is_number, plain


class StoredRow(NamedTuple):
    """An entry as it is stored. Text comes as bytes from SQLite and as text from PostgreSQL; `at` in microseconds."""

    seq: int
    body: bytes | None
    leaf: bytes | None
    openings: bytes | None
    at: int | None
    kind: bytes | str | None
    organization_id: int | None
    user_id: int | None
    session_id: bytes | str | None
    folder_id: int | None
    file_id: int | None
    version_id: bytes | str | None
    door: bytes | str | None
    path_digest: bytes | None
    target_digest: bytes | None
    address_digest: bytes | None
    sound: bool
    """Every value has its column's type, is there if it must be, and is no larger than any event can make it."""


_PROVEN = (ledger.c.seq, ledger.c.body, ledger.c.leaf)
_FOUND_BY = (
    ledger.c.at,
    ledger.c.kind,
    ledger.c.organization_id,
    ledger.c.user_id,
    ledger.c.session_id,
    ledger.c.folder_id,
    ledger.c.file_id,
    ledger.c.version_id,
    ledger.c.door,
)
_DIGESTS = (ledger_openings.c.path_digest, ledger_openings.c.target_digest, ledger_openings.c.address_digest)
_FOUND = ledger.outerjoin(ledger_openings, ledger_openings.c.seq == ledger.c.seq)
_ENTRIES = sa.select(
    *map(as_stored, (*_PROVEN, ledger_openings.c.openings, *_FOUND_BY, *_DIGESTS)),
    sa.and_(
        all_sound(*_PROVEN, *_FOUND_BY),
        sa.or_(ledger_openings.c.seq.is_(None), all_sound(ledger_openings.c.openings, *_DIGESTS)),
    ).label("sound"),
)


class PlainRow(NamedTuple):
    """An entry exactly as the driver hands it over: nothing is cast, so the types have to be looked at."""

    seq: int
    body: object
    leaf: object
    openings: object
    at: object
    kind: object
    organization_id: object
    user_id: object
    session_id: object
    folder_id: object
    file_id: object
    version_id: object
    door: object
    path_digest: object
    target_digest: object
    address_digest: object
    opened: object
    """The number of the row of openings; None where there is none."""


_PLAIN = (*_PROVEN, ledger_openings.c.openings, *_FOUND_BY, *_DIGESTS)
_ALL_PLAIN = (
    sa.select(*(plain(column, column.name) for column in _PLAIN), plain(ledger_openings.c.seq, "opened"))
    .select_from(_FOUND)
    .where(*WITHIN)
    .order_by(ledger.c.seq)
)
PLAIN = Statement("ledger.plain", _ALL_PLAIN, PlainRow)
"""Entries of a range, whatever is in them: for a connection that reads nothing too large (`Reading.limits_values`)."""
PLAIN_SHORT = Statement(
    "ledger.plain_short",
    _ALL_PLAIN.where(
        *(sa.func.coalesce(sa.func.length(column), 0) <= ENTRY_BYTES_MAX for column in _PLAIN if not is_number(column))
    ),
    PlainRow,
)
"""The same, without those of which a value is larger than any that was written here; two thirds dearer."""
_FILTERS: dict[str, sa.ColumnElement[bool]] = {
    "since": ledger.c.at >= sa.bindparam("since"),
    "until": ledger.c.at <= sa.bindparam("until"),
    "last": ledger.c.seq <= sa.bindparam("last"),
    "not_kinds": ledger.c.kind.not_in(sa.bindparam("not_kinds", expanding=True)),
    **{
        name: column == sa.bindparam(name)
        for name, column in {
            "kind": ledger.c.kind,
            "door": ledger.c.door,
            "organization_id": ledger.c.organization_id,
            "user_id": ledger.c.user_id,
            "session_id": ledger.c.session_id,
            "version_id": ledger.c.version_id,
            "folder_id": ledger.c.folder_id,
            "path": ledger_openings.c.path_digest,
            "target": ledger_openings.c.target_digest,
            "address": ledger_openings.c.address_digest,
        }.items()
    },
}
_BY_OPENING = frozenset({"path", "target", "address"})
"""Filters whose index lies with the openings: there the order comes from."""


@functools.cache
def entries(filters: frozenset[str]) -> Statement[StoredRow]:
    """Return the statement of a page of entries, by the names of the filters that it is narrowed by."""
    return Statement(".".join(("ledger.entries", *sorted(filters))), _narrowed(_ENTRIES, filters), StoredRow)


class SeqRow(NamedTuple):
    """The number of an entry, where there is one."""

    seq: int | None


@functools.cache
def numbers(filters: frozenset[str]) -> Statement[SeqRow]:
    """Return the statement of the numbers alone of such a page: an index has them."""
    seq = ledger_openings.c.seq if filters & _BY_OPENING else ledger.c.seq
    return Statement(".".join(("ledger.numbers", *sorted(filters))), _narrowed(sa.select(seq), filters), SeqRow)


BY_NUMBERS = Statement(
    "ledger.by_numbers",
    _ENTRIES.select_from(_FOUND).where(ledger.c.seq.in_(sa.bindparam("seqs", expanding=True))).order_by(ledger.c.seq),
    StoredRow,
)


def _narrowed(selected: sa.Select[*tuple[Any, ...]], filters: frozenset[str]) -> sa.Select[*tuple[Any, ...]]:
    by_opening = bool(filters & _BY_OPENING)
    seq = ledger_openings.c.seq if by_opening else ledger.c.seq
    found = ledger_openings.join(ledger, ledger.c.seq == ledger_openings.c.seq) if by_opening else _FOUND
    return (
        selected.select_from(found)
        .where(seq > sa.bindparam("after"), *(_FILTERS[name] for name in sorted(filters)))
        .order_by(seq)
        .limit(sa.bindparam("limit", type_=sa.Integer))
    )


_NUMBER = ledger.c.seq + 0
"""The number as a value: a database would else look for the least by going through the entries from the first on."""
FIRST_SINCE = Statement(
    "ledger.first_since",
    sa.select(sa.func.min(_NUMBER).label("seq")).where(ledger.c.at >= sa.bindparam("since")),
    SeqRow,
)
LAST_UNTIL = Statement(
    "ledger.last_until",
    sa.select(sa.func.max(_NUMBER).label("seq")).where(ledger.c.at <= sa.bindparam("until")),
    SeqRow,
)
"""By number, whatever the order of times: all entries of that time are gone through."""
