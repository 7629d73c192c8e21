"""Mail-merge tables for a printer's own templates: CSV and XLSX, one row an individual.

A cell that a spreadsheet would take for a formula is kept from it: names come from files that anybody may have written.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

from sealane.desk.notices.addressees import in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sealane.desk.notices.addressees import Addressee

COLUMNS: Final = (
    "number", "addressed_to", "given", "family", "minor", "deceased",
    "address", "city", "state", "zip", "email", "owners", "data",
    "files",
)  # fmt: skip
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
ROWS_MAX: Final = 1_048_575
"""Rows of a worksheet below its head; more go to further sheets."""


def rows(addressees: Iterable[Addressee]) -> list[tuple[str, ...]]:
    """Return a row for each individual."""
    return [
        (
            str(one.number), one.addressed, one.given, one.family, "yes" if one.minor else "no",
            "yes" if one.deceased else "no", one.line, one.city,
            one.state, one.zip, one.email, "; ".join(one.owners), "; ".join(in_words(kind) for kind in one.classes),
            "; ".join(
                f"{each.kind} of {each.owner}: {', '.join(in_words(kind) for kind in each.classes)}"
                for each in one.files
            ),
        )
        for one in addressees
    ]  # fmt: skip


def as_csv(addressees: Iterable[Addressee]) -> bytes:
    """Return the table as CSV (RFC 4180) in UTF-8."""
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows([_defused(cell) for cell in row] for row in rows(addressees))
    return written.getvalue().encode()


def as_xlsx(addressees: Sequence[Addressee]) -> bytes:
    """Return the table as a workbook; every cell is text."""
    import xlsxwriter  # noqa: PLC0415  only wanted here

    written = io.BytesIO()
    with xlsxwriter.Workbook(
        written, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    ) as book:
        told = rows(addressees)
        for begin in range(0, max(1, len(told)), ROWS_MAX):
            sheet = book.add_worksheet()
            for column, name in enumerate(COLUMNS):
                sheet.write_string(0, column, name)
            for place, row in enumerate(told[begin : begin + ROWS_MAX], start=1):
                for column, cell in enumerate(row):
                    sheet.write_string(place, column, cell[:32_767])
    return written.getvalue()


def _defused(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
