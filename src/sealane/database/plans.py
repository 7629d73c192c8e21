"""A plan: a statement compiled for one database, with what turns its parameters and rows from and to Python.

SQLAlchemy compiles the expression and gives the processors of its types; running it is then one call of the driver.
That is several times faster than SQLAlchemy's own execution, and the text that runs is fixed when the plan is made:
a parameter can only ever become a value.

What one database would take and the other refuse (NUL in text, numbers beyond 64 bits, text longer than its column)
is refused here, for both, before the driver sees it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Generic, cast

import sqlalchemy as sa
from sqlalchemy.sql.compiler import SQLCompiler

from sealane.database.statements import RowT, Statement
from sealane.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy.engine import Dialect

ROWS_AT_ONCE_MAX = 128
"""Rows of one insert: a power of two, so that few texts exist, and far fewer values than a database takes."""
LIST_PARAMETER_MAX = 16_384
"""Values of one list parameter; both databases take at least twice as many parameters in a statement."""

_VALUES = " VALUES "
_INTEGER_BITS = 31
_BIG_INTEGER_BITS = 63


@dataclass(frozen=True, slots=True)
class Text:
    """The SQL of a plan and, for each of its places, the parameter's name and its processor."""

    sql: str
    places: tuple[tuple[str, Callable[[Any], object] | None], ...]
    expansion: dict[str, list[str]]
    """The names that a list parameter became."""


class Plan(Generic[RowT]):
    """A statement, compiled for a dialect."""

    def __init__(self, statement: Statement[RowT], dialect: Dialect) -> None:
        """Compile; an expression that does not fit its row class is a programming error (`TypeError`)."""
        self.name = statement.name
        self._compiled = _compiled(statement, dialect)
        self._dialect = dialect
        self._binds = {name: bind for bind, name in self._compiled.bind_names.items()}
        self._processors = {name: _bind_processor(self._compiled, bind, dialect) for name, bind in self._binds.items()}
        self._known = frozenset(name for name, bind in self._binds.items() if not bind.unique)
        self._required = frozenset(name for name in self._known if self._binds[name].required)
        self._defaults = {
            name: bind.effective_value for name, bind in self._binds.items() if name not in self._required
        }
        self._lists = tuple(name for name, bind in self._binds.items() if bind.expanding)
        self._texts: dict[tuple[int, ...], Text] = {}
        self.writes = not statement.expression.is_select
        self.row = statement.row
        self._columns = _result_processors(self._compiled, dialect)
        if statement.row is not None:
            _check_row(statement, [column.keyname for column in self._compiled._result_columns])  # noqa: SLF001 - the only place where SQLAlchemy tells the names of what it selects, in order
        if not self._lists:
            self._texts[()] = self._expand({})

    def bound(self, values: Mapping[str, object]) -> tuple[str, list[object]]:
        """Return the SQL and its positional arguments; a missing or unknown parameter is a `TypeError`."""
        if values.keys() != self._required:
            self._check_names(values)
        if self._defaults:
            values = {**self._defaults, **values}
        if not self._lists:
            text = self._texts[()]
        else:
            text, values = self._listed(values)
        return text.sql, [
            values[name] if processor is None else processor(values[name]) for name, processor in text.places
        ]

    def bound_for_all(self, values: Sequence[Mapping[str, object]]) -> tuple[str, list[tuple[object, ...]]]:
        """Return the SQL and the positional arguments of each, as `bound` does, column by column: in half the time.

        A list as a parameter is a `TypeError`: its SQL has the list's length in it.
        """
        if self._lists:
            raise TypeError(f"statement {self.name!r} takes a list; it cannot be run for many at once")
        if any(one.keys() != self._required for one in values):
            for one in values:
                self._check_names(one)
            values = [{**self._defaults, **one} for one in values]
        elif self._defaults:
            values = [{**self._defaults, **one} for one in values]
        text = self._texts[()]
        columns = (
            [one[name] for one in values] if processor is None else [processor(one[name]) for one in values]
            for name, processor in text.places
        )
        return text.sql, list(zip(*columns, strict=True))

    def bound_in_rows(self, columns: Mapping[str, Sequence[object]]) -> Iterator[tuple[str, list[object]]]:
        """Yield the SQL of inserts of many rows each and its positional arguments, from columns of equal length.

        One that is not a plain insert of one row, a missing or unknown column: `TypeError`.
        """
        if columns.keys() != self._required:
            self._check_names(columns)
        text = self._texts[()]
        head, _, row = text.sql.partition(_VALUES)
        if row.count("(") != 1 or not row.endswith(")") or self._defaults:
            raise TypeError(f"statement {self.name!r} is not a plain insert of one row")
        rows = list(
            zip(
                *(
                    columns[name] if processor is None else map(processor, columns[name])
                    for name, processor in text.places
                ),
                strict=True,
            )
        )
        start = 0
        while start < len(rows):
            count = min(ROWS_AT_ONCE_MAX, 1 << ((len(rows) - start).bit_length() - 1))
            arguments = list(chain.from_iterable(rows[start : start + count]))
            yield head + _VALUES + ", ".join([row] * count), arguments
            start += count

    def rows(self, fetched: Sequence[tuple[object, ...]]) -> list[RowT]:
        """Return typed rows from the driver's tuples."""
        row = self.row
        if row is None:
            raise TypeError(f"statement {self.name!r} has no row class")
        columns = self._columns
        if not any(columns):
            return [row(*values) for values in fetched]
        return [
            row(*[value if column is None else column(value) for value, column in zip(values, columns, strict=True)])
            for values in fetched
        ]

    def _check_names(self, values: Mapping[str, object]) -> None:
        missing = self._required - values.keys()
        unknown = values.keys() - self._known
        if missing or unknown:
            raise TypeError(
                f"statement {self.name!r}: missing parameters {sorted(missing)}, unknown parameters {sorted(unknown)}"
            )

    def _listed(self, values: Mapping[str, object]) -> tuple[Text, Mapping[str, object]]:
        """Return the text for these lists' lengths (rounded up to powers of two, so that few texts exist)."""
        filled: dict[str, list[object]] = {}
        for name in self._lists:
            items = list(values[name])  # pyrefly: ignore  # a list parameter is an iterable by contract
            if len(items) > LIST_PARAMETER_MAX:
                raise Invalid("The request names too many things at once.")
            if items:
                items += [items[-1]] * ((1 << (len(items) - 1).bit_length()) - len(items))
            filled[name] = items
        shape = tuple(len(items) for items in filled.values())
        text = self._texts.get(shape)
        if text is None:
            text = self._texts[shape] = self._expand(filled)
        flat = dict(values)
        for name, items in filled.items():
            flat.update(zip(text.expansion[name], items, strict=True))
        return text, flat

    def _expand(self, lists: Mapping[str, list[object]]) -> Text:
        sample: dict[str, object] = dict.fromkeys(self._known)
        sample.update(lists)
        state = self._compiled.construct_expanded_state(sample)
        origin = {part: name for name, parts in state.parameter_expansion.items() for part in parts}
        places = tuple((name, self._processors[origin.get(name, name)]) for name in state.positiontup or ())
        return Text(state.statement, places, {name: list(parts) for name, parts in state.parameter_expansion.items()})


_made: dict[tuple[str, object], Plan[tuple[object, ...]]] = {}


def plan_for(statement: Statement[RowT], dialect: Dialect) -> Plan[RowT]:
    """Return a statement as compiled for this kind of database; once a process, since it takes a millisecond."""
    place = (dialect.name, statement)
    found = _made.get(place)
    if found is None:
        found = _made[place] = Plan(statement, dialect)  # pyrefly: ignore  # plans of every row type in one table
    return cast("Plan[RowT]", found)


def _compiled(statement: Statement[RowT], dialect: Dialect) -> SQLCompiler:
    expression = statement.expression
    if isinstance(expression, sa.ClauseElement):
        compiled = expression.compile(dialect=dialect)
        if isinstance(compiled, SQLCompiler):
            return compiled
    raise TypeError(f"statement {statement.name!r} is not a query or a change of rows")


def _check_row(statement: Statement[RowT], selected: list[str]) -> None:
    fields = getattr(statement.row, "_fields", None)
    if fields is None:
        raise TypeError(f"statement {statement.name!r}: the row class is not a NamedTuple")
    if list(fields) != selected:
        raise TypeError(
            f"statement {statement.name!r} selects {selected}, its row has {list(fields)}: label the columns"
        )


def _result_processors(compiled: SQLCompiler, dialect: Dialect) -> tuple[Callable[[Any], object] | None, ...]:
    return tuple(
        column.type.dialect_impl(dialect).result_processor(dialect, None)
        for column in compiled._result_columns  # noqa: SLF001 - see Plan.__init__
    )


def _bind_processor(
    compiled: SQLCompiler, bind: sa.BindParameter[Any], dialect: Dialect
) -> Callable[[Any], object] | None:
    kind = bind.type
    own = kind.dialect_impl(dialect).bind_processor(dialect)
    if own is not None:
        return own
    if isinstance(kind, sa.Integer):
        return _number if isinstance(kind, sa.BigInteger) else _small_number
    if isinstance(kind, sa.String):
        return _text_up_to(kind.length) if compiled.isinsert and kind.length else _text
    if isinstance(kind, sa.types.NullType):
        return _untyped
    return None


def _number(value: int | None) -> int | None:
    if value is not None and value.bit_length() > _BIG_INTEGER_BITS:
        raise Invalid("A number in the request is out of range.")
    return value


def _small_number(value: int | None) -> int | None:
    if value is not None and value.bit_length() > _INTEGER_BITS:
        raise Invalid("A number in the request is out of range.")
    return value


def _text(value: str | None) -> str | None:
    if value is not None and "\x00" in value:
        raise Invalid("A text in the request contains a NUL character.")
    return value


def _text_up_to(length: int) -> Callable[[str | None], str | None]:
    def checked(value: str | None) -> str | None:
        if value is not None and len(value) > length:
            raise Invalid("A text in the request is too long.")
        return value if value is None or "\x00" not in value else _text(value)

    return checked


def _untyped(value: object) -> object:
    """Guard a parameter whose type SQLAlchemy cannot tell: only what both drivers take alike passes."""
    match value:
        case None | bool() | bytes():
            return value
        case int():
            return _number(value)
        case str():
            return _text(value)
    raise TypeError(f"a parameter of type {type(value).__name__} needs a typed bindparam")
