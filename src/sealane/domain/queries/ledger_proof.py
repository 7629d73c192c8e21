"""Statements of the latest proof of the ledger: one row of `node`."""

from __future__ import annotations

from typing import Final, NamedTuple

import sqlalchemy as sa

from sealane.database.statements import Statement, parameters
from sealane.database.tables import node

NAME: Final = "ledger-proof"


class ValueRow(NamedTuple):
    """What is kept."""

    value: bytes


LATEST = Statement("ledger_proof.latest", sa.select(node.c.value).where(node.c.name == sa.bindparam("named")), ValueRow)
ADD = Statement("ledger_proof.add", sa.insert(node).values(**parameters("name", "value")))
REMOVE = Statement("ledger_proof.remove", sa.delete(node).where(node.c.name == sa.bindparam("of_name")))
