"""Fixed-width text, by columns that were given (`Layouts.fixed`) or that the first lines show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from sealane.exposure.encodings import text_of
from sealane.exposure.model import PartUnreadable, Why
from sealane.exposure.readers.delimited import whole_records
from sealane.exposure.tables.columns import is_header
from sealane.exposure.tables.dialects import Dialect, find_fixed
from sealane.exposure.tables.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealane.exposure.model import Batch
    from sealane.exposure.readers.part import Part


def read_fixed(part: Part) -> Iterator[Batch]:
    """Yield the mentions of a fixed-width table. Raises `PartUnreadable` where no columns can be seen."""
    text = text_of(part.source.head)
    borders = list(part.layouts.fixed) or find_fixed(text)
    if not borders:
        raise PartUnreadable(Why.UNKNOWN_FORMAT)
    # A value may run on up to where the next column begins.
    ends = [begin for begin, _ in borders[1:]] + [None]
    spans = [(begin, None if end is None else end - begin) for (begin, _), end in zip(borders, ends, strict=True)]
    lines = [line for line in text.split("\n")[:200] if line.strip()]
    rows = [[line[begin : None if size is None else begin + size].strip() for begin, size in spans] for line in lines]
    header = rows[0] if is_header(rows[0], rows[1:]) else None
    table = Table(part, header)
    first = header is not None
    for block in whole_records(part, Dialect(delimiter="\n", quoted=False, columns=1)):
        column = pl.Series(block.decode("utf-8", "replace").split("\n"))
        column = column.str.strip_chars_end("\r").filter(column.str.strip_chars() != "")
        column = column[1:] if first else column
        first = False
        pieces = [column.str.slice(begin, size).str.strip_chars() for begin, size in spans]
        yield from table.feed(
            pl.DataFrame([piece.set(piece == "", None).alias(f"c{place}") for place, piece in enumerate(pieces)])
        )
