"""The ledger's statements. There is none that changes an entry."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from sealane.database.statements import Statement, parameters
from sealane.database.tables import ledger, ledger_openings, node


class LastRow(NamedTuple):
    """The newest entry."""

    seq: int
    kind: str
    leaf: bytes
    chain: bytes


class HeadRow(NamedTuple):
    """The head at a size."""

    chain: bytes


class OriginRow(NamedTuple):
    """The ledger's own name."""

    value: bytes


class EntryRow(NamedTuple):
    """An entry with its openings (None once they are erased), and what it is found by."""

    seq: int
    body: bytes
    leaf: bytes
    chain: bytes
    openings: bytes | None
    at: datetime
    kind: str
    organization_id: int | None
    user_id: int | None
    session_id: str | None
    file_id: int | None
    version_id: str | None
    path_digest: bytes | None
    target_digest: bytes | None


LAST = Statement(
    "ledger.last",
    sa.select(ledger.c.seq, ledger.c.kind, ledger.c.leaf, ledger.c.chain).order_by(ledger.c.seq.desc()).limit(1),
    LastRow,
)
HEAD_AT = Statement("ledger.head_at", sa.select(ledger.c.chain).where(ledger.c.seq == sa.bindparam("seq")), HeadRow)
ORIGIN_NAME = "ledger-origin"
ORIGIN = Statement("ledger.origin", sa.select(node.c.value).where(node.c.name == sa.bindparam("named")), OriginRow)
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

_ENTRIES = (
    sa.select(
        ledger.c.seq,
        ledger.c.body,
        ledger.c.leaf,
        ledger.c.chain,
        ledger_openings.c.openings,
        ledger.c.at,
        ledger.c.kind,
        ledger.c.organization_id,
        ledger.c.user_id,
        ledger.c.session_id,
        ledger.c.file_id,
        ledger.c.version_id,
        ledger_openings.c.path_digest,
        ledger_openings.c.target_digest,
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
ENTRIES: dict[frozenset[str], Statement[EntryRow]] = {
    frozenset(names): Statement(
        ".".join(("ledger.entries", *names)), _ENTRIES.where(*(_FILTERS[name] for name in names)), EntryRow
    )
    for count in range(len(_FILTERS) + 1)
    for names in itertools.combinations(_FILTERS, count)
}
"""A page of entries, by the filters that it is narrowed by."""
