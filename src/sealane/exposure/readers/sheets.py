"""Spreadsheets: xlsx, xlsb, xls and ods, sheet by sheet, by calamine.

These formats must be read in any order, and their cells are held in memory; what they unfold to is checked before.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from typing import TYPE_CHECKING, Final

import polars as pl
import python_calamine

from sealane.exposure.model import Format, Nested, PartUnreadable, Unreadable, Why
from sealane.exposure.tables.columns import is_header
from sealane.exposure.tables.table import Table

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterable, Iterator, Sequence
    from typing import BinaryIO

    from sealane.exposure.model import Batch, Found
    from sealane.exposure.readers.part import Part

_ROWS_AT_ONCE: Final = 50_000
_TITLES_MAX: Final = 20
_UNFOLDED_MAX: Final = 2 << 30
"""Bytes that the sheets of one workbook may unfold to."""
_BESIDE_CELLS: Final = re.compile(
    r"/embeddings/|^xl/(?:comments|threadedComments/|drawings/drawing|externalLinks/externalLink)[^/]*\.xml$"
)
"""Embedded files, notes, boxes of text, and what was fetched of other workbooks."""
_COPIED_CELLS: Final = re.compile(r"^xl/pivotCache/pivotCacheRecords")
"""Rows that a pivot table has kept, even of a sheet that was taken away."""
_EPOCH: Final = dt.datetime(1899, 12, 30)  # noqa: DTZ001  Excel's own, of no zone


def office_document(names: set[str], archive: zipfile.ZipFile) -> Format | None:
    """Return which spreadsheet a zip archive is, by its members; None where it is none."""
    if "xl/workbook.bin" in names:
        return Format.XLSB
    if "[Content_Types].xml" in names and any(name.startswith("xl/workbook") for name in names):
        return Format.XLSX
    if "mimetype" in names and "content.xml" in names:
        member = archive.getinfo("mimetype")
        if member.file_size < 100 and b"opendocument.spreadsheet" in archive.read(member):  # noqa: PLR2004  a media type
            return Format.ODS
    return None


def read_workbook(part: Part, stream: BinaryIO, archive: zipfile.ZipFile, kind: Format) -> Iterator[Found]:
    """Yield the mentions of a workbook in a zip archive, and the files embedded in it."""
    part.format = kind
    members = archive.infolist()
    unfolded = sum(member.file_size for member in members)
    stored = sum(member.compress_size for member in members)
    most = part.limits.expansion_bytes_free + stored * part.limits.expansion_ratio_max
    if unfolded > min(most, _UNFOLDED_MAX):
        raise PartUnreadable(Why.TOO_LARGE)
    part.budget.expand(unfolded)
    stream.seek(0)
    yield from _sheets(part, stream)
    for member in members:
        if member.is_dir():
            continue
        if _BESIDE_CELLS.search(member.filename):
            with archive.open(member) as opened:
                yield Nested(member.filename, part.inside(opened))
        elif "/media/" in member.filename:
            yield Unreadable(member.filename, Why.IMAGE_ONLY)
        elif _COPIED_CELLS.search(member.filename):
            yield Unreadable(member.filename, Why.UNKNOWN_FORMAT)


def read_compound(part: Part) -> Iterator[Found]:
    """Yield the mentions of an xls workbook. Raises `PartUnreadable` for other compound files."""
    stream = part.source.anywhere()
    data = stream.read(part.limits.buffered_bytes_max)
    if "EncryptedPackage".encode("utf-16-le") in data:
        raise PartUnreadable(Why.ENCRYPTED)
    if not any(name.encode("utf-16-le") in data for name in ("Workbook", "Book")):
        part.format = Format.UNKNOWN
        raise PartUnreadable(Why.UNKNOWN_FORMAT)
    stream.seek(0)
    yield from _sheets(part, stream)


def _sheets(part: Part, stream: BinaryIO) -> Iterator[Found]:
    workbook = _opened(stream)
    for name in workbook.sheet_names:
        try:
            rows = _rows(workbook, name, part)
        except PartUnreadable as refused:
            yield Unreadable(name, refused.why)
            continue
        yield from table_of_rows(part, rows)


def _opened(stream: BinaryIO) -> python_calamine.CalamineWorkbook:
    try:
        return python_calamine.load_workbook(stream)
    except python_calamine.PasswordError:
        raise PartUnreadable(Why.ENCRYPTED) from None
    except BaseException as failure:  # noqa: BLE001  a panic of the library is no Exception
        raise _damage(failure) from None


def _rows(workbook: python_calamine.CalamineWorkbook, name: str, part: Part) -> Iterator[list[str]]:
    try:
        sheet = workbook.get_sheet_by_name(name)
        down, across = sheet.end or (0, 0)
    except BaseException as failure:  # noqa: BLE001  likewise
        raise _damage(failure) from None
    if (down + 1) * (across + 1) > part.limits.sheet_cells_max or across >= part.limits.columns_max:
        raise PartUnreadable(Why.TOO_LARGE)
    return ([_text(cell) for cell in row] for row in sheet.iter_rows())


def _damage(failure: BaseException) -> BaseException:
    if isinstance(failure, (KeyboardInterrupt, SystemExit)):
        return failure
    return PartUnreadable(Why.DAMAGED)


def _text(cell: object) -> str:
    """Return a cell as a person would write it: whole numbers without a point, dates in ISO 8601."""
    match cell:
        case str():
            return cell
        case bool():
            return ""
        case float() if cell.is_integer():
            return str(int(cell))
        case dt.datetime():
            return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat()
        case _:
            return str(cell)


def table_of_rows(part: Part, rows: Iterable[list[str]]) -> Iterator[Batch]:
    """Yield the mentions of a table that comes row by row, with titles above its header perhaps."""
    rows = iter(rows)
    first = list(itertools.islice((row for row in rows if any(row)), 200))
    if not first:
        return
    width = max(map(len, first))
    usual = max(sum(1 for cell in row if cell) for row in first)
    titles = 0
    while titles < min(len(first) - 1, _TITLES_MAX) and sum(1 for cell in first[titles] if cell) < min(2, usual):
        titles += 1
    begin = first[titles:]
    header = begin[0] if is_header(begin[0], begin[1:]) else None
    table = Table(part, [*header, *[""] * (width - len(header))] if header else None)
    waiting = itertools.chain(begin[1:] if header else begin, (row for row in rows if any(row)))
    while block := list(itertools.islice(waiting, _ROWS_AT_ONCE)):
        yield from table.feed(frame_of(block, width))


def frame_of(rows: Sequence[Sequence[str]], width: int) -> pl.DataFrame:
    """Return rows as columns of text `c0`, `c1`, …; what is empty or missing is absent."""
    even = [[cell or None for cell in row[:width]] + [None] * (width - len(row)) for row in rows]
    columns = list(zip(*even, strict=True))
    return pl.DataFrame([pl.Series(f"c{place}", values, dtype=pl.String) for place, values in enumerate(columns)])
