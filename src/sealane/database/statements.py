"""A statement: a SQLAlchemy Core expression with a name and the shape of its rows. Each is known by name.

Written beside its user, once, at module level:

    class UserRow(NamedTuple):
        id: int
        name: str

    USER_BY_NAME = Statement(
        "users.by_name",
        sa.select(users.c.id, users.c.name).where(users.c.name == sa.bindparam("name")),
        UserRow,
    )
    ADD_USER = Statement(
        "users.add", sa.insert(users).values(**parameters("name", "made")).returning(users.c.id)
    )

and run by `Transaction.first(USER_BY_NAME, name="anna")`. A parameter takes the type of the column it meets. For
`column.in_(sa.bindparam("ids", expanding=True))` the parameter is a list, of any length up to `LIST_PARAMETER_MAX`.

Must stay true: a name stands for one expression; a row's fields are the selected columns, in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import sqlalchemy as sa

if TYPE_CHECKING:
    from sqlalchemy.sql.base import Executable

RowT = TypeVar("RowT", bound="tuple[object, ...]")

_registered: dict[str, Statement[tuple[object, ...]]] = {}


@dataclass(frozen=True, slots=True, eq=False)
class Statement(Generic[RowT]):
    """One named expression. `row` is the NamedTuple class of what it selects; None for one that selects nothing."""

    name: str
    expression: Executable
    row: type[RowT] | None = None

    def __post_init__(self) -> None:
        """Register the name. A second statement of the same name is a programming error."""
        if self.name in _registered:
            raise ValueError(f"there is already a statement named {self.name!r}")
        _registered[self.name] = self  # pyrefly: ignore  # a registry of statements of every row type

    def __repr__(self) -> str:
        return f"Statement({self.name!r})"


def registered() -> tuple[Statement[tuple[object, ...]], ...]:
    """Return every statement made so far, in the order they were made."""
    return tuple(_registered.values())


def parameters(*names: str) -> dict[str, sa.BindParameter[object]]:
    """Return a parameter for each name, for `insert(table).values(**parameters("name", "made"))`."""
    return {name: sa.bindparam(name) for name in names}
