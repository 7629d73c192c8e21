"""PDF documents: the text of each page, by pdfium. A page of pictures without text is told as such, never as nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from sealane.exposure.model import PartUnreadable, Unreadable, Why
from sealane.exposure.readers.prose import people_of_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealane.exposure.model import Found
    from sealane.exposure.readers.part import Part


def read_pdf(part: Part) -> Iterator[Found]:
    """Yield the mentions of a PDF, and which pages could not be read."""
    document = _opened(part)
    try:
        pages = len(document)
        if pages > part.limits.pages_max:
            raise PartUnreadable(Why.TOO_LARGE)
        blind: list[int] = []
        texts: list[str] = []
        for number in range(pages):
            text, pictured = _page(document, number, part.limits.page_characters_max)
            if text.strip():
                texts.append(text + "\n\n")
            elif pictured:
                blind.append(number + 1)
    finally:
        document.close()
    if blind and not texts:
        raise PartUnreadable(Why.IMAGE_ONLY)
    yield from people_of_text(part, texts)
    for number in blind:
        yield Unreadable(f"page {number}", Why.IMAGE_ONLY)


def _opened(part: Part) -> pdfium.PdfDocument:
    try:
        return pdfium.PdfDocument(part.source.anywhere())
    except pdfium.PdfiumError as failure:
        locked = getattr(failure, "err_code", None) == pdfium_c.FPDF_ERR_PASSWORD or "assword" in str(failure)
        raise PartUnreadable(Why.ENCRYPTED if locked else Why.DAMAGED) from None


def _page(document: pdfium.PdfDocument, number: int, characters_max: int) -> tuple[str, bool]:
    """Return a page's text, and whether there are pictures on it. Raises `PartUnreadable` where it is damaged."""
    try:
        page = document[number]
        words = page.get_textpage()
        count = words.count_chars()
        if count > characters_max:
            raise PartUnreadable(Why.TOO_LARGE)
        text = words.get_text_bounded() if count > 0 else ""
        pictured = not text.strip() and any(
            True for _ in page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_IMAGE], max_depth=3)
        )
        words.close()
        page.close()
    except pdfium.PdfiumError:
        raise PartUnreadable(Why.DAMAGED) from None
    return text, pictured
