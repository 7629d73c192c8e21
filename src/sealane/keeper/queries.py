"""The keeper's own statements: what the node is, in the table `node`."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from sealane.database.statements import Statement, parameters
from sealane.database.tables import node


class NodeRow(NamedTuple):
    """One thing that is known of the node."""

    name: str
    value: bytes


NODE_VALUES = Statement("node.all", sa.select(node.c.name, node.c.value).order_by(node.c.name), NodeRow)
ADD_NODE_VALUE = Statement("node.add", sa.insert(node).values(**parameters("name", "value")))
SET_NODE_VALUE = Statement(
    "node.set", sa.update(node).where(node.c.name == sa.bindparam("of_name")).values(value=sa.bindparam("value"))
)
