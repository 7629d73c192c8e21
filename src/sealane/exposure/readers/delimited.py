"""Delimited text: CSV, TSV, pipes and the like, read in blocks of whole records.

A block is parsed at once by polars. Where that does not come out even (a stray quote, a line with too many fields), the
same block is read once more line by line, tolerantly, so that a broken line costs itself and not its neighbours.
"""

from __future__ import annotations

import contextlib
import csv
from typing import TYPE_CHECKING, Final

import polars as pl

from sealane.exposure.encodings import text_of, utf8_blocks, valid_utf8
from sealane.exposure.model import Format, PartUnreadable, Why
from sealane.exposure.prose.findings import findings
from sealane.exposure.readers.prose import read_text, tells_of_somebody
from sealane.exposure.tables.columns import is_header
from sealane.exposure.tables.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sealane.exposure.model import Batch
    from sealane.exposure.readers.part import Part
    from sealane.exposure.tables.dialects import Dialect

_QUOTED_LINES_MAX: Final = 100
"""Lines that one quoted record may run over before its quote is taken for a stray one."""
_LOOKED_AT: Final = 200
_HEADER_LOOKED_AT: Final = 10_000


def read_delimited(part: Part, *, dialect: Dialect) -> Iterator[Batch]:
    """Yield the mentions of a delimited table. Raises `PartUnreadable` where a record is past its limit."""
    if dialect.columns > part.limits.columns_max:
        raise PartUnreadable(Why.TOO_LARGE)
    header, skipped = _beginning(part.source.head, dialect)
    table = Table(part, header)
    if header is None and _is_text(part, table, dialect, skipped):
        part.format = Format.TEXT
        yield from read_text(part)
        return
    for block in whole_records(part, dialect):
        yield from table.feed(parsed(_behind_lines(block, skipped), dialect, table.wanted))
        skipped = 0


def _behind_lines(block: bytes, lines: int) -> bytes:
    begin = 0
    for _ in range(lines):
        begin = block.find(b"\n", begin) + 1 or len(block)
    return block[begin:] if begin else block


def _is_text(part: Part, table: Table, dialect: Dialect, skipped: int) -> bool:
    """Return whether what looks like a table without a header is sentences with commas, which tell of somebody."""
    head = valid_utf8(text_of(part.source.head).encode("utf-8", "replace"))
    whole = head.rfind(b"\n") + 1 or len(head)
    if table.is_of_people(parsed(_behind_lines(head[:whole], skipped), dialect)):
        return False
    return tells_of_somebody(head.decode("utf-8", "replace"))


def _beginning(head: bytes, dialect: Dialect) -> tuple[list[str] | None, int]:
    """Return the header, and how many lines stand before the first record."""
    text = text_of(head).replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")[:_LOOKED_AT]
    titles = 0
    while titles < len(lines) - 1 and (
        not lines[titles].strip() or len(_fields(lines[titles], dialect)) != dialect.columns
    ):
        titles += 1
    if titles == len(lines) - 1 and len(lines) > 1:
        titles = 0
    rows = [_fields(line, dialect) for line in lines[titles:] if line.strip()]
    rows = [row for row in rows if len(row) == dialect.columns]
    if not rows:
        return None, 0
    first = rows[0]
    if is_header(first, rows[1:]) and not findings(", ".join(first)[:_HEADER_LOOKED_AT]):
        return first, titles + 1
    return None, titles


def _fields(line: str, dialect: Dialect) -> list[str]:
    if not dialect.quoted:
        return line.split(dialect.delimiter)
    try:
        return next(csv.reader([line], delimiter=dialect.delimiter), [])
    except csv.Error:
        return line.split(dialect.delimiter)


def whole_records(part: Part, dialect: Dialect) -> Iterator[bytes]:
    """Yield UTF-8 blocks of whole records. Raises `PartUnreadable` (too large) for a record past its limit."""
    limits = part.limits
    left = b""
    lone_returns = b"\r" in part.source.head and b"\n" not in part.source.head
    for piece in utf8_blocks(part.source.blocks(limits.block_bytes), part.source.head):
        block = piece.replace(b"\r", b"\n") if lone_returns else piece
        if dialect.quoted:  # quotes are counted over all of it
            block, left = left + block, b""
        end = _last_end(block, quoted=dialect.quoted)
        if not end and len(left) + len(block) > limits.record_bytes_max:
            end = block.rfind(b"\n") + 1
        if not end and len(left) + len(block) > limits.record_bytes_max:
            raise PartUnreadable(Why.TOO_LARGE)
        if end:
            yield b"".join((left, memoryview(block)[:end]))
            left = b""
        left += block[end:]
    if left:
        yield left


def _last_end(block: bytes, *, quoted: bool) -> int:
    """Return where the last record of a block ends: behind a line break with an even number of quotes before it."""
    end = block.rfind(b"\n") + 1
    if not quoted or not end:
        return end
    quotes = block.count(b'"', 0, end)
    while end and quotes % 2:
        before = block.rfind(b'"', 0, end)
        behind, end = end, block.rfind(b"\n", 0, before) + 1
        quotes -= block.count(b'"', end, behind)
    return end


def parsed(block: bytes, dialect: Dialect, wanted: Sequence[int] | None = None) -> pl.DataFrame:
    """Return the rows of a block as columns of text `c0`, `c1`, …; only those `wanted`, where that is told."""
    block = valid_utf8(block)
    frame = _at_once(block, dialect, wanted)
    if frame is None:
        frame = _tolerantly(block, dialect)
    return frame if wanted is None else frame.select([f"c{place}" for place in wanted])


def _at_once(block: bytes, dialect: Dialect, wanted: Sequence[int] | None) -> pl.DataFrame | None:
    """Return the rows as polars reads them, or None where some line would go nowhere."""
    quotes = dialect.quoted and b'"' in block
    try:
        frame = pl.read_csv(
            block,
            has_header=False,
            schema={f"c{place}": pl.String for place in range(dialect.columns)},
            # A stray quote shows only where all columns are read.
            columns=list(wanted) if wanted is not None and not quotes else None,
            separator=dialect.delimiter,
            quote_char='"' if dialect.quoted else None,
            raise_if_empty=False,
        )
    except pl.exceptions.PolarsError:
        return None
    return frame if not quotes or _is_even(frame, block) else None


def _is_even(frame: pl.DataFrame, block: bytes) -> bool:
    """Whether every line went somewhere: a stray quote swallows those behind it."""
    lines = block.count(b"\n") + (not block.endswith(b"\n"))
    if len(frame) >= lines:
        return True
    breaks = [frame[name].str.count_matches("\n", literal=True).fill_null(0).to_list() for name in frame.columns]
    inside = sum(map(sum, breaks))
    most = max((max(each, default=0) for each in breaks), default=0)
    blank = block.count(b"\n\n") + block.count(b"\n\r\n")
    return len(frame) + inside + blank >= lines and most < _QUOTED_LINES_MAX


def _tolerantly(block: bytes, dialect: Dialect) -> pl.DataFrame:
    rows: list[tuple[str | None, ...]] = []
    lines = [line.removesuffix("\r") for line in block.decode("utf-8", "replace").replace("\x00", "").split("\n")]
    place = 0
    while place < len(lines):
        row, taken = _record(lines, place, dialect)
        place += taken
        if row:
            filled = [value or None for value in row[: dialect.columns]]
            rows.append((*filled, *[None] * (dialect.columns - len(filled))))
    columns = list(zip(*rows, strict=True)) or [()] * dialect.columns
    return pl.DataFrame([pl.Series(f"c{place}", values, dtype=pl.String) for place, values in enumerate(columns)])


def _record(lines: list[str], place: int, dialect: Dialect) -> tuple[list[str], int]:
    """Return the record that begins at a line, and how many lines it takes."""
    line = lines[place]
    if not dialect.quoted or '"' not in line:
        return (line.split(dialect.delimiter) if line else []), 1
    window = lines[place : place + _QUOTED_LINES_MAX]
    csv.field_size_limit(max(csv.field_size_limit(), sum(map(len, window)) + 1))
    reader = csv.reader((f"{each}\n" for each in window), delimiter=dialect.delimiter, strict=True)
    row: list[str] = []
    with contextlib.suppress(csv.Error):
        row = next(reader, row)
    if row and (reader.line_num == 1 or len(row) == dialect.columns):
        return row, reader.line_num
    # The quote is a stray one: it stands for itself, and costs no other line.
    return line.replace('"', "").split(dialect.delimiter), 1
