"""The ledger's statements. There is none that changes an entry.

Must stay true: what is read of the ledger is read as it is stored, whatever somebody has put there: SQLite keeps any
type in any column. So columns are cast to what a driver always hands over (`_as_stored`), and `sound` says whether the
cast changed anything; no value is believed that is not sound.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import sqlalchemy as sa

from sealane.database.columns import Moment
from sealane.database.statements import Statement, parameters
from sealane.database.tables import ledger, ledger_openings, node
from sealane.ledger.limits import ENTRY_BYTES_MAX


class LastRow(NamedTuple):
    """The newest entry, as it is stored."""

    seq: int
    kind: bytes | str | None
    leaf: bytes | None
    chain: bytes | None
    sound: bool


class HeadRow(NamedTuple):
    """The head at a size, as it is stored."""

    chain: bytes | None
    sound: bool


class OriginRow(NamedTuple):
    """The ledger's own name, as it is stored."""

    value: bytes | None


class StoredRow(NamedTuple):
    """An entry as it is stored. Text comes as bytes from SQLite and as text from PostgreSQL; `at` in microseconds."""

    seq: int
    body: bytes | None
    leaf: bytes | None
    chain: bytes | None
    openings: bytes | None
    at: int | None
    kind: bytes | str | None
    organization_id: int | None
    user_id: int | None
    session_id: bytes | str | None
    file_id: int | None
    version_id: bytes | str | None
    path_digest: bytes | None
    target_digest: bytes | None
    sound: bool
    """Every value has its column's type, is there if it must be, and is no larger than any event can make it."""


def text_of(stored: bytes | str) -> str:
    """Return text that came as it is stored. Raises `UnicodeDecodeError`."""
    return stored.decode() if isinstance(stored, bytes) else stored


_TEXT_BYTES = sa.LargeBinary().with_variant(sa.String(), "postgresql")
_WHOLE_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _is_number(column: sa.ColumnElement[Any]) -> bool:
    return isinstance(column.type, sa.Integer | Moment)


def _in_bytes(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    return sa.cast(column, sa.LargeBinary() if isinstance(column.type, sa.LargeBinary) else _TEXT_BYTES)


def _fits(column: sa.Column[Any]) -> sa.ColumnElement[bool]:
    return sa.func.length(_in_bytes(column)) <= ENTRY_BYTES_MAX


def _as_stored(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """Return the column's value in a type that the driver hands over whatever is stored; NULL for what is too large."""
    if _is_number(column):
        return sa.cast(column, _WHOLE_NUMBER).label(column.name)
    return sa.case((_fits(column), _in_bytes(column)), else_=None).label(column.name)


def _sound(*columns: sa.Column[Any]) -> sa.ColumnElement[bool]:
    """Return whether all of these hold what they may: SQLite never finds values of different types equal."""
    return sa.and_(*(_is_sound(column) for column in columns))


def _is_sound(column: sa.Column[Any]) -> sa.ColumnElement[bool]:
    raw = sa.type_coerce(column, _WHOLE_NUMBER) if _is_number(column) else column
    right = raw == sa.cast(column, raw.type)
    if not _is_number(column):
        right = sa.and_(right, _fits(column))
    return sa.or_(column.is_(None), right) if column.nullable else sa.and_(column.is_not(None), right)


_LAST = (ledger.c.seq, ledger.c.kind, ledger.c.leaf, ledger.c.chain)
LAST = Statement(
    "ledger.last",
    sa.select(*map(_as_stored, _LAST), _sound(*_LAST).label("sound")).order_by(ledger.c.seq.desc()).limit(1),
    LastRow,
)
HEAD_AT = Statement(
    "ledger.head_at",
    sa.select(_as_stored(ledger.c.chain), _sound(ledger.c.chain).label("sound")).where(
        ledger.c.seq == sa.bindparam("seq")
    ),
    HeadRow,
)
ORIGIN_NAME = "ledger-origin"
ORIGIN = Statement(
    "ledger.origin", sa.select(_as_stored(node.c.value)).where(node.c.name == sa.bindparam("named")), OriginRow
)
NAME_ORIGIN = Statement("ledger.name_origin", sa.insert(node).values(**parameters("name", "value")))
APPEND = Statement(
    "ledger.append",
    sa.insert(ledger).values(
        **parameters(
            "seq",
            "at",
            "kind",
            "organization_id",
            "user_id",
            "session_id",
            "file_id",
            "version_id",
            "body",
            "leaf",
            "chain",
        )
    ),
)
APPEND_OPENINGS = Statement(
    "ledger.append_openings",
    sa.insert(ledger_openings).values(**parameters("seq", "openings", "path_digest", "target_digest")),
)

_PROVEN = (ledger.c.seq, ledger.c.body, ledger.c.leaf, ledger.c.chain)
_FOUND_BY = (
    ledger.c.at,
    ledger.c.kind,
    ledger.c.organization_id,
    ledger.c.user_id,
    ledger.c.session_id,
    ledger.c.file_id,
    ledger.c.version_id,
)
_DIGESTS = (ledger_openings.c.path_digest, ledger_openings.c.target_digest)
_ENTRIES = (
    sa.select(
        *map(_as_stored, (*_PROVEN, ledger_openings.c.openings, *_FOUND_BY, *_DIGESTS)),
        sa.and_(
            _sound(*_PROVEN, *_FOUND_BY),
            sa.or_(ledger_openings.c.seq.is_(None), _sound(ledger_openings.c.openings, *_DIGESTS)),
        ).label("sound"),
    )
    .select_from(ledger.outerjoin(ledger_openings, ledger_openings.c.seq == ledger.c.seq))
    .where(ledger.c.seq > sa.bindparam("after"))
    .order_by(ledger.c.seq)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
_FILTERS: dict[str, sa.ColumnElement[bool]] = {
    "since": ledger.c.at >= sa.bindparam("since"),
    "kind": ledger.c.kind == sa.bindparam("kind"),
    "user_id": ledger.c.user_id == sa.bindparam("user_id"),
    "paths": sa.or_(
        ledger_openings.c.path_digest.in_(sa.bindparam("paths", expanding=True)),
        ledger_openings.c.target_digest.in_(sa.bindparam("paths", expanding=True)),
    ),
}
ENTRIES: dict[frozenset[str], Statement[StoredRow]] = {
    frozenset(names): Statement(
        ".".join(("ledger.entries", *names)), _ENTRIES.where(*(_FILTERS[name] for name in names)), StoredRow
    )
    for count in range(len(_FILTERS) + 1)
    for names in itertools.combinations(_FILTERS, count)
}
"""A page of entries, by the filters that it is narrowed by."""
