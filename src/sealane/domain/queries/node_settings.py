"""Statements of the settings that were changed at a page: rows of `node` under names of their own."""

from __future__ import annotations

from typing import Final, NamedTuple

import sqlalchemy as sa

from sealane.database.statements import Statement, parameters
from sealane.database.tables import node

PREFIX: Final = "setting-"
_END: Final = "setting."
"""What comes after every name that begins so."""


class KeptRow(NamedTuple):
    """A setting that was changed: its name in `node`, and its number in decimal."""

    name: str
    value: bytes


KEPT = Statement(
    "node_settings.all",
    sa.select(node.c.name, node.c.value).where(node.c.name >= PREFIX, node.c.name < _END).order_by(node.c.name),
    KeptRow,
)
ADD = Statement("node_settings.add", sa.insert(node).values(**parameters("name", "value")))
REMOVE = Statement("node_settings.remove", sa.delete(node).where(node.c.name == sa.bindparam("of_name")))
