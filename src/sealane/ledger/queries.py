"""The ledger's statements. There is none that changes an entry.

Must stay true: what is read of the ledger is read as it is stored, whatever somebody has put there: SQLite keeps any
type in any column. So columns are cast to what a driver always hands over (`as_stored`), and `sound` says whether the
cast changed anything; no value is believed that is not sound.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import sqlalchemy as sa

from sealane.database.columns import Moment
from sealane.database.ledger_tables import ledger, ledger_checkpoints, ledger_cosignatures, ledger_openings, ledger_tree
from sealane.database.statements import Statement, parameters
from sealane.database.tables import node
from sealane.ledger.limits import ENTRY_BYTES_MAX


class LastRow(NamedTuple):
    """The newest entry, as it is stored."""

    seq: int
    kind: bytes | str | None
    leaf: bytes | None
    at: int | None
    """In microseconds."""
    sound: bool


class TimeRow(NamedTuple):
    """When an entry was made, as it is stored, in microseconds."""

    at: int | None
    sound: bool


class LeafRow(NamedTuple):
    """An entry's leaf, as it is stored."""

    seq: int
    leaf: bytes | None
    sound: bool


class BodyRow(NamedTuple):
    """An entry's body and leaf, as they are stored."""

    seq: int
    body: bytes | None
    leaf: bytes | None
    sound: bool


class NodeRow(NamedTuple):
    """A node of the tree, as it is stored."""

    number: int
    hash: bytes | None
    sound: bool


class CheckpointRow(NamedTuple):
    """A signed checkpoint, as it is stored."""

    size: int
    note: bytes | None
    sound: bool


class CosignedRow(NamedTuple):
    """The size of a checkpoint, where there is one."""

    size: int | None


class CosignatureRow(NamedTuple):
    """A witness's signature line under a checkpoint, as it is stored."""

    size: int
    line: bytes | None
    sound: bool


class OriginRow(NamedTuple):
    """The ledger's own name, as it is stored."""

    value: bytes | None


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


def as_stored(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """Return the column's value in a type that the driver hands over whatever is stored; NULL for what is too large."""
    if _is_number(column):
        return sa.cast(column, _WHOLE_NUMBER).label(column.name)
    return sa.case((_fits(column), _in_bytes(column)), else_=None).label(column.name)


def all_sound(*columns: sa.Column[Any]) -> sa.ColumnElement[bool]:
    """Return whether all of these hold what they may: SQLite never finds values of different types equal."""
    return sa.and_(*(_is_sound(column) for column in columns))


def _is_sound(column: sa.Column[Any]) -> sa.ColumnElement[bool]:
    raw = sa.type_coerce(column, _WHOLE_NUMBER) if _is_number(column) else column
    right = raw == sa.cast(column, raw.type)
    if not _is_number(column):
        right = sa.and_(right, _fits(column))
    return sa.or_(column.is_(None), right) if column.nullable else sa.and_(column.is_not(None), right)


_LAST = (ledger.c.seq, ledger.c.kind, ledger.c.leaf, ledger.c.at)
LAST = Statement(
    "ledger.last",
    sa.select(*map(as_stored, _LAST), all_sound(*_LAST).label("sound")).order_by(ledger.c.seq.desc()).limit(1),
    LastRow,
)
TIME = Statement(
    "ledger.time",
    sa.select(as_stored(ledger.c.at), all_sound(ledger.c.at).label("sound")).where(ledger.c.seq == sa.bindparam("of")),
    TimeRow,
)
_LEAF = (ledger.c.seq, ledger.c.leaf)
_LEAVES = (ledger.c.seq > sa.bindparam("after"), ledger.c.seq <= sa.bindparam("last"))
LEAVES = Statement(
    "ledger.leaves",
    sa.select(*map(as_stored, _LEAF), all_sound(*_LEAF).label("sound")).where(*_LEAVES).order_by(ledger.c.seq),
    LeafRow,
)
_BODY = (ledger.c.seq, ledger.c.body, ledger.c.leaf)
BODIES = Statement(
    "ledger.bodies",
    sa.select(*map(as_stored, _BODY), all_sound(*_BODY).label("sound")).where(*_LEAVES).order_by(ledger.c.seq),
    BodyRow,
)
_NODE = (ledger_tree.c.number, ledger_tree.c.hash)
NODES = Statement(
    "ledger.nodes",
    sa.select(*map(as_stored, _NODE), all_sound(*_NODE).label("sound"))
    .where(
        ledger_tree.c.level == sa.bindparam("level"),
        ledger_tree.c.number >= sa.bindparam("first"),
        ledger_tree.c.number < sa.bindparam("end"),
    )
    .order_by(ledger_tree.c.number),
    NodeRow,
)
"""Nodes of one level, from `first` up to `end` (exclusive)."""
ADD_NODES = Statement("ledger.add_nodes", sa.insert(ledger_tree).values(**parameters("level", "number", "hash")))

_CHECKPOINT = (ledger_checkpoints.c.size, ledger_checkpoints.c.note)
_CHECKPOINTS = sa.select(*map(as_stored, _CHECKPOINT), all_sound(*_CHECKPOINT).label("sound"))
LAST_CHECKPOINT = Statement(
    "ledger.last_checkpoint", _CHECKPOINTS.order_by(ledger_checkpoints.c.size.desc()).limit(1), CheckpointRow
)
CHECKPOINTS = Statement(
    "ledger.checkpoints",
    _CHECKPOINTS.where(ledger_checkpoints.c.size > sa.bindparam("after"))
    .order_by(ledger_checkpoints.c.size)
    .limit(sa.bindparam("limit", type_=sa.Integer)),
    CheckpointRow,
)
ADD_CHECKPOINT = Statement(
    "ledger.add_checkpoint", sa.insert(ledger_checkpoints).values(**parameters("size", "at", "note"))
)
_COSIGNATURE = (ledger_cosignatures.c.size, ledger_cosignatures.c.line)
COSIGNATURES = Statement(
    "ledger.cosignatures",
    sa.select(*map(as_stored, _COSIGNATURE), all_sound(*_COSIGNATURE).label("sound"))
    .where(ledger_cosignatures.c.size >= sa.bindparam("first"), ledger_cosignatures.c.size <= sa.bindparam("last"))
    .order_by(ledger_cosignatures.c.size, ledger_cosignatures.c.witness),
    CosignatureRow,
)
"""Of the checkpoints of these sizes."""
COSIGNED_BY = Statement(
    "ledger.cosigned_by",
    sa.select(*map(as_stored, _COSIGNATURE), all_sound(*_COSIGNATURE).label("sound"))
    .where(ledger_cosignatures.c.witness == sa.bindparam("of"))
    .order_by(ledger_cosignatures.c.size.desc())
    .limit(1),
    CosignatureRow,
)
"""The largest that a witness has signed."""
LAST_COSIGNED = Statement(
    "ledger.last_cosigned",
    sa.select(sa.func.max(sa.cast(ledger_cosignatures.c.size, _WHOLE_NUMBER)).label("size")),
    CosignedRow,
)
"""The largest that any witness has signed."""
FORGET_COSIGNATURE = Statement(
    "ledger.forget_cosignature",
    sa.delete(ledger_cosignatures).where(
        ledger_cosignatures.c.size == sa.bindparam("of"), ledger_cosignatures.c.witness == sa.bindparam("by")
    ),
)
ADD_COSIGNATURE = Statement(
    "ledger.add_cosignature", sa.insert(ledger_cosignatures).values(**parameters("size", "witness", "line"))
)

ORIGIN_NAME = "ledger-origin"
ORIGIN = Statement(
    "ledger.origin", sa.select(as_stored(node.c.value)).where(node.c.name == sa.bindparam("named")), OriginRow
)
SIGNING_NAME = "ledger-signing"
"""Says whether a keeper holds a signing key of the hour in its memory."""
SET_NODE_VALUE = Statement(
    "ledger.set_node_value",
    sa.update(node).where(node.c.name == sa.bindparam("named")).values(value=sa.bindparam("value")),
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
            "folder_id",
            "file_id",
            "version_id",
            "door",
            "body",
            "leaf",
        )
    ),
)
APPEND_OPENINGS = Statement(
    "ledger.append_openings",
    sa.insert(ledger_openings).values(
        **parameters("seq", "openings", "path_digest", "target_digest", "address_digest")
    ),
)

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
PLAIN = Statement(
    "ledger.plain",
    sa.select(
        *(sa.type_coerce(column, sa.types.NullType()).label(column.name) for column in _PLAIN),
        sa.type_coerce(ledger_openings.c.seq, sa.types.NullType()).label("opened"),
    )
    .select_from(_FOUND)
    .where(
        *_LEAVES,
        *(
            sa.func.coalesce(sa.func.length(column), 0) <= ENTRY_BYTES_MAX
            for column in _PLAIN
            if not _is_number(column)
        ),
    )
    .order_by(ledger.c.seq),
    PlainRow,
)
"""Entries of a range, without those of which a value is larger than any that was written here."""
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
