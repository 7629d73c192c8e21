"""PDF documents: text of pages, what was filled into forms, notes, attached files, by pdfium.

A page of pictures without text, or with no more than a line beside a scan (as fax machines print it), is told as such
and never as nobody.
"""

from __future__ import annotations

import ctypes
import io
from typing import TYPE_CHECKING, Final

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from sealane.exposure.model import Nested, PartUnreadable, Unreadable, Why
from sealane.exposure.readers.prose import people_of_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealane.exposure.model import Found
    from sealane.exposure.readers.part import Part

_FEW_CHARACTERS: Final = 300
"""A page with less text is looked at for a picture of a whole page."""
_SCAN_SHARE: Final = 0.5
"""Of the page, that a picture covers which may be a scanned page."""
_PICTURES_LOOKED_AT: Final = 200
_NOTES_MAX: Final = 5_000
"""Fields and notes of one page."""
_VALUE_BYTES_MAX: Final = 64 * 1024
_ATTACHMENTS_MAX: Final = 1_000


class _Pages:
    """The pages of a document, read one by one."""

    def __init__(self, document: pdfium.PdfDocument, characters_max: int) -> None:
        self._document = document
        self._characters_max = characters_max
        self.blind: list[int] = []
        """Pages of which a picture is all or nearly all, from 1 on."""
        self.written = False
        """Whether some page has text."""

    def texts(self) -> Iterator[str]:
        """Yield the text of each page that has some. Raises `PartUnreadable` where one is damaged."""
        for number in range(len(self._document)):
            try:
                text, pictured = self._page(number)
            except pdfium.PdfiumError:
                raise PartUnreadable(Why.DAMAGED) from None
            if pictured:
                self.blind.append(number + 1)
            if text.strip():
                self.written = True
                yield text + "\n\n"

    def _page(self, number: int) -> tuple[str, bool]:
        page = self._document[number]
        words = page.get_textpage()
        count = words.count_chars()
        if count > self._characters_max:
            raise PartUnreadable(Why.TOO_LARGE)
        text = words.get_text_range() if count > 0 else ""
        text += _filled_in(page, self._document.formenv)
        pictured = len(text.strip()) < _FEW_CHARACTERS and _is_scan(page, anything=not text.strip())
        words.close()
        page.close()
        return text, pictured


def read_pdf(part: Part) -> Iterator[Found]:
    """Yield the mentions of a PDF, the files attached to it, and which pages could not be read."""
    document = _opened(part)
    try:
        if len(document) > part.limits.pages_max:
            raise PartUnreadable(Why.TOO_LARGE)
        document.init_forms()
        pages = _Pages(document, part.limits.page_characters_max)
        yield from people_of_text(part, pages.texts())
        attached = document.count_attachments()
        if pages.blind and not pages.written and not attached:
            raise PartUnreadable(Why.IMAGE_ONLY)
        for number in pages.blind:
            yield Unreadable(f"page {number}", Why.IMAGE_ONLY)
        if attached > _ATTACHMENTS_MAX:
            raise PartUnreadable(Why.TOO_LARGE)
        for number in range(attached):
            yield _attached(part, document, number)
    finally:
        document.close()


def _opened(part: Part) -> pdfium.PdfDocument:
    try:
        return pdfium.PdfDocument(part.source.anywhere())
    except pdfium.PdfiumError as failure:
        locked = getattr(failure, "err_code", None) == pdfium_c.FPDF_ERR_PASSWORD or "assword" in str(failure)
        raise PartUnreadable(Why.ENCRYPTED if locked else Why.DAMAGED) from None


def _is_scan(page: pdfium.PdfPage, *, anything: bool) -> bool:
    """Return whether a picture covers much of a page; `anything`: whether there is a picture at all."""
    width, height = page.get_size()
    pictures = page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_IMAGE], max_depth=3)
    for _, picture in zip(range(_PICTURES_LOOKED_AT), pictures, strict=False):
        left, bottom, right, top = picture.get_bounds()
        if anything or (right - left) * (top - bottom) >= _SCAN_SHARE * width * height:
            return True
    return False


def _filled_in(page: pdfium.PdfPage, forms: pdfium.PdfFormEnv | None) -> str:
    """Return what stands in the fields and notes of a page, a line each: a field's name, then its value."""
    lines: list[str] = []
    for number in range(min(pdfium_c.FPDFPage_GetAnnotCount(page), _NOTES_MAX)):
        note = pdfium_c.FPDFPage_GetAnnot(page, number)
        if not note:
            continue
        if pdfium_c.FPDFAnnot_GetSubtype(note) == pdfium_c.FPDF_ANNOT_WIDGET and forms is not None:
            name = _text(pdfium_c.FPDFAnnot_GetFormFieldName, forms, note)
            value = _text(pdfium_c.FPDFAnnot_GetFormFieldValue, forms, note)
            lines += [f"{name}: {value}" if name else value] if value.strip() else []
        else:
            lines.append(_text(pdfium_c.FPDFAnnot_GetStringValue, note, b"Contents"))
        pdfium_c.FPDFPage_CloseAnnot(note)
    return "".join(f"\n{line}" for line in lines if line.strip())


def _text(function: object, *given: object) -> str:
    """Return what one of pdfium's functions writes into a buffer, in UTF-16."""
    assert callable(function), "one of pdfium's"
    size = min(function(*given, None, 0), _VALUE_BYTES_MAX)
    if size <= 2:  # noqa: PLR2004  its end alone
        return ""
    buffer = (ctypes.c_ushort * (size // 2 + 1))()
    function(*given, buffer, size)
    return bytes(buffer)[:size].decode("utf-16-le", "replace").partition("\x00")[0]


def _attached(part: Part, document: pdfium.PdfDocument, number: int) -> Found:
    try:
        attachment = document.get_attachment(number)
        name, content = attachment.get_name() or f"attachment {number + 1}", bytes(attachment.get_data())
    except pdfium.PdfiumError:
        return Unreadable(f"attachment {number + 1}", Why.DAMAGED)
    part.budget.expand(len(content))
    return Nested(name[:255].replace("/", "_"), part.inside(io.BytesIO(content)))
