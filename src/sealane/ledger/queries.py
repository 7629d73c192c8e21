"""The ledger's statements: its end, its tree, what was signed of it. There is none that changes an entry.

Those by which entries are searched for are in `entry_queries.py`.

Must stay true: what is read of the ledger is read as it is stored, whatever somebody has put there: SQLite keeps any
type in any column. So columns are cast to what a driver always hands over (`as_stored`), and `sound` says whether the
cast changed anything; no value is believed that is not sound.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import sqlalchemy as sa

from sealane.database.columns import Moment
from sealane.database.ledger_tables import ledger, ledger_checkpoints, ledger_cosignatures, ledger_openings, ledger_tree
from sealane.database.statements import Statement, parameters
from sealane.database.tables import node
from sealane.ledger.limits import ENTRY_BYTES_MAX
from sealane.ledger.tree import HASH_BYTES


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


def text_of(stored: bytes | str) -> str:
    """Return text that came as it is stored. Raises `UnicodeDecodeError`."""
    return stored.decode() if isinstance(stored, bytes) else stored


_TEXT_BYTES = sa.LargeBinary().with_variant(sa.String(), "postgresql")
_WHOLE_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def is_number(column: sa.ColumnElement[Any]) -> bool:
    """Return whether a column holds whole numbers."""
    return isinstance(column.type, sa.Integer | Moment)


def _in_bytes(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    return sa.cast(column, sa.LargeBinary() if isinstance(column.type, sa.LargeBinary) else _TEXT_BYTES)


def _fits(column: sa.Column[Any]) -> sa.ColumnElement[bool]:
    return sa.func.length(_in_bytes(column)) <= ENTRY_BYTES_MAX


def as_stored(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """Return the column's value in a type that the driver hands over whatever is stored; NULL for what is too large."""
    if is_number(column):
        return sa.cast(column, _WHOLE_NUMBER).label(column.name)
    return sa.case((_fits(column), _in_bytes(column)), else_=None).label(column.name)


def all_sound(*columns: sa.Column[Any]) -> sa.ColumnElement[bool]:
    """Return whether all of these hold what they may: SQLite never finds values of different types equal."""
    return sa.and_(*(_is_sound(column) for column in columns))


def _is_sound(column: sa.Column[Any]) -> sa.ColumnElement[bool]:
    raw = sa.type_coerce(column, _WHOLE_NUMBER) if is_number(column) else column
    right = raw == sa.cast(column, raw.type)
    if not is_number(column):
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
WITHIN = (ledger.c.seq > sa.bindparam("after"), ledger.c.seq <= sa.bindparam("last"))
"""Past `after`, up to `last`."""
LEAVES = Statement(
    "ledger.leaves",
    sa.select(*map(as_stored, _LEAF), all_sound(*_LEAF).label("sound")).where(*WITHIN).order_by(ledger.c.seq),
    LeafRow,
)
_BODY = (ledger.c.seq, ledger.c.body, ledger.c.leaf)
BODIES = Statement(
    "ledger.bodies",
    sa.select(*map(as_stored, _BODY), all_sound(*_BODY).label("sound")).where(*WITHIN).order_by(ledger.c.seq),
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


class PlainHashRow(NamedTuple):
    """A leaf or node by its number, exactly as the driver hands it over."""

    number: int
    hash: object


def plain(column: sa.ColumnElement[Any], name: str) -> sa.Label[Any]:
    """Return a column as the driver hands it over, whatever stands in it: nothing is done to a value on the way."""
    return sa.type_coerce(column, sa.types.NullType()).label(name)


PLAIN_LEAVES = Statement(
    "ledger.plain_leaves",
    sa.select(plain(ledger.c.seq, "number"), plain(ledger.c.leaf, "hash"))
    .where(*WITHIN, sa.func.length(ledger.c.leaf) == HASH_BYTES)
    .order_by(ledger.c.seq),
    PlainHashRow,
)
PLAIN_NODES = Statement(
    "ledger.plain_nodes",
    sa.select(plain(ledger_tree.c.number, "number"), plain(ledger_tree.c.hash, "hash"))
    .where(
        ledger_tree.c.level == sa.bindparam("level"),
        ledger_tree.c.number >= sa.bindparam("first"),
        ledger_tree.c.number < sa.bindparam("end"),
        sa.func.length(ledger_tree.c.hash) == HASH_BYTES,
    )
    .order_by(ledger_tree.c.number),
    PlainHashRow,
)
"""The same, without those that are no hash, and with whatever else is that long: the types have to be looked at."""


def _whole(insert: sa.Insert) -> sa.Insert:
    """Return an insert that fails only with its whole transaction: SQLite need not keep what to undo it alone by."""
    return insert.prefix_with("OR FAIL", dialect="sqlite")


ADD_NODES = Statement(
    "ledger.add_nodes", _whole(sa.insert(ledger_tree).values(**parameters("level", "number", "hash")))
)

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
ENTRY_COLUMNS = (
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
APPEND = Statement("ledger.append", _whole(sa.insert(ledger).values(**parameters(*ENTRY_COLUMNS))))
OPENING_COLUMNS = ("seq", "openings", "path_digest", "target_digest", "address_digest")
APPEND_OPENINGS = Statement(
    "ledger.append_openings", _whole(sa.insert(ledger_openings).values(**parameters(*OPENING_COLUMNS)))
)
