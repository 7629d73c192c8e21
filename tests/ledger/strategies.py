"""Events of every kind, made up."""

import functools
import typing
from datetime import UTC, datetime

from hypothesis import strategies as st

from sealane.ledger.events import AccountEvent, Event, ShareEvent, Who

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
numbers = st.integers(-(2**53) + 1, 2**53 - 1)
moments = st.datetimes(timezones=st.just(UTC))
PLAIN = {str: text, int: numbers, bool: st.booleans(), datetime: moments, type(None): st.none()}


def every_class(base=Event) -> list[type[Event]]:
    """Every class of events that can be made."""
    return [
        found
        for kind in base.__subclasses__()
        for found in ([] if kind in {AccountEvent, ShareEvent} else [kind]) + every_class(kind)
    ]


def of_type(hint):
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return of_type(arguments[0])
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        inner = [of_type(argument) for argument in arguments if argument is not Ellipsis]
        return st.lists(inner[0], max_size=4).map(tuple) if Ellipsis in arguments else st.tuples(*inner)
    if arguments:
        return st.one_of([of_type(argument) for argument in arguments])
    return st.builds(Who, **fields(Who)) if hint is Who else PLAIN[hint]


@functools.cache
def fields(kind):
    hints = typing.get_type_hints(kind, include_extras=True)
    return {name: of_type(hints[name]) for name in kind.__struct_fields__}


def events():
    """An event of any kind, with any values that its fields may have."""
    return st.sampled_from(every_class()).flatmap(lambda kind: st.builds(kind, **fields(kind)))
