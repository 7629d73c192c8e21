"""A table of every column type, and statements on it, for the tests of this room."""

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from sealane.database.columns import BigId, Moment, Name
from sealane.database.statements import Statement, parameters

metadata = sa.MetaData()
things = sa.Table(
    "things",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("name", Name, nullable=False, unique=True),
    sa.Column("size", sa.BigInteger),
    sa.Column("count", sa.Integer),
    sa.Column("seen", Moment),
    sa.Column("content", sa.LargeBinary),
    sa.Column("flag", sa.Boolean),
    sa.Column("short", sa.String(8)),
)


class Thing(NamedTuple):
    id: int
    name: str
    size: int | None
    count: int | None  # pyrefly: ignore  # a column of this name
    seen: datetime | None
    content: bytes | None
    flag: bool | None
    short: str | None


class Number(NamedTuple):
    number: int


ADD = Statement(
    "test.add",
    sa.insert(things)
    .values(**parameters("name", "size", "count", "seen", "content", "flag", "short"))
    .returning(things.c.id),
)
ADD_NAME = Statement("test.add_name", sa.insert(things).values(**parameters("name")).returning(things.c.id))
ALL = Statement("test.all", sa.select(things).order_by(things.c.id), Thing)
BY_NAME = Statement("test.by_name", sa.select(things).where(things.c.name == sa.bindparam("name")), Thing)
BY_IDS = Statement(
    "test.by_ids",
    sa.select(things).where(things.c.id.in_(sa.bindparam("ids", expanding=True))).order_by(things.c.id),
    Thing,
)
COUNT = Statement("test.count", sa.select(sa.func.count().label("number")).select_from(things), Number)
RENAME = Statement(
    "test.rename", sa.update(things).where(things.c.id == sa.bindparam("of")).values(name=sa.bindparam("name"))
)
RENAME_RETURNING = Statement(
    "test.rename_returning",
    sa.update(things)
    .where(things.c.id == sa.bindparam("of"))
    .values(name=sa.bindparam("name"))
    .returning(things.c.id.label("number")),
    Number,
)
COUNTED = Statement(
    "test.counted", sa.select(things).where(things.c.count == sa.bindparam("count")).limit(sa.bindparam("limit")), Thing
)
NAMES_AFTER = Statement(
    "test.names_after",
    sa.select(things).where(things.c.name > sa.bindparam("after"), things.c.size.is_(None)).order_by(things.c.name),
    Thing,
)
EMPTY = {"size": None, "count": None, "seen": None, "content": None, "flag": None, "short": None}


def make(database):
    """Add the table to this database."""
    metadata.create_all(database._driver.migration_engine())
    return database
