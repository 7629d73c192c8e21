"""The list of a file's individuals as lines for programs: one object each, absent fields left out."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

from sealane.exposure.model import classes_of
from sealane.exposure.people.alike import MASK
from sealane.exposure.people.crowd import PERSON

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

_PLACE: Final = ("line", "city", "state", "zip")


def lines_of(people: pl.DataFrame) -> Iterator[dict[str, object]]:
    """Yield one object for each individual of a frame of `Crowd.people`."""
    for row in people.iter_rows(named=True):
        line: dict[str, object] = {}
        for name in PERSON:
            value = row.get(name)
            if value is not None and name not in _PLACE:
                line[name] = value.isoformat() if isinstance(value, date) else value
        address = {name: row[name] for name in _PLACE if row.get(name) is not None}
        if address:
            line["address"] = address
        line["classes"] = [kind.value for kind in classes_of(row[MASK])]
        yield line
