"""Statements of the ledger's name: the origin under which its checkpoints are known."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from sealane.database.statements import Statement, parameters
from sealane.database.tables import node


class ValueRow(NamedTuple):
    """A value of the node."""

    value: bytes


NODE_VALUE = Statement("audit.node_value", sa.select(node.c.value).where(node.c.name == sa.bindparam("name")), ValueRow)
ADD_NODE_VALUE = Statement("audit.add_node_value", sa.insert(node).values(**parameters("name", "value")))
