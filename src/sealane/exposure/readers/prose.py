"""Plain text and marked-up text, paragraph by paragraph."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Final

from sealane.exposure.encodings import utf8_blocks, valid_utf8
from sealane.exposure.people.mentions import FIELDS, MentionRows
from sealane.exposure.prose.speaking import Speaker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sealane.exposure.model import Batch
    from sealane.exposure.readers.part import Part

PARAGRAPH_CHARACTERS_MAX: Final = 20_000
"""A longer paragraph is read in pieces of this size, cut at a line or a space."""
_BREAK = re.compile(r"\n[ \t]*\n+")
_TAG = re.compile(r"<[^<>]{0,2000}>")
_HIDDEN = re.compile(r"<(?:(!--)|(script|style)\b)", re.IGNORECASE)
_HIDDEN_ENDS = {"!--": re.compile("-->"), "tag": re.compile(r"</(?:script|style)\s{0,20}>", re.IGNORECASE)}
_BLOCK_TAG = re.compile(r"</(?:p|div|tr|li|h\d|table|record|row)\s{0,20}>|<br\s{0,20}/?>", re.IGNORECASE)


def read_text(part: Part) -> Iterator[Batch]:
    """Yield the mentions of a plain text."""
    blocks = utf8_blocks(part.source.blocks(1 << 20), part.source.head)
    yield from people_of_text(part, (valid_utf8(block).decode("utf-8", "replace") for block in _by_lines(blocks)))


def read_markup(part: Part) -> Iterator[Batch]:
    """Yield the mentions of a text in HTML or unknown XML: what stands between its tags."""
    text = valid_utf8(b"".join(utf8_blocks([part.source.whole(part.limits.document_bytes_max)], part.source.head)))
    yield from people_of_text(part, [without_tags(text.decode("utf-8", "replace"))])


def without_tags(text: str) -> str:
    """Return the text of HTML or XML: blocks become lines, all else that is a tag a space."""
    lines = _BLOCK_TAG.sub("\n", _without_hidden(text))
    return html.unescape(_TAG.sub(" ", lines))


def _without_hidden(text: str) -> str:
    """Return a text without comments and programs. One that never ends is text as any other: it may hide somebody."""
    kept: list[str] = []
    reached = begin = 0
    endless: set[str] = set()
    while found := _HIDDEN.search(text, begin):
        kind = found[1] or "tag"
        end = None if kind in endless else _HIDDEN_ENDS[kind].search(text, found.end())
        if end is None:
            endless.add(kind)
            begin = found.end()
            continue
        kept += (text[reached : found.start()], " ")
        reached = begin = end.end()
    return "".join((*kept, text[reached:]))


def people_of_text(part: Part, pieces: Iterable[str]) -> Iterator[Batch]:
    """Yield the mentions of a text that comes in pieces of whole lines."""
    rows = MentionRows(FIELDS, part.limits.batch_mentions)
    speaker = Speaker()
    for paragraph in _paragraphs(pieces):
        rows.records += 1
        for row in speaker.paragraph(paragraph):
            rows.add(row)
        yield from rows.full()
    for row in speaker.rest():
        rows.add(row)
    yield from rows.rest()


def tells_of_somebody(text: str) -> bool:
    """Return whether in a text, read as such, somebody is told of."""
    speaker = Speaker()
    found = (speaker.paragraph(paragraph) for paragraph in _paragraphs([text]))
    return any(True for rows in found for _ in rows) or any(True for _ in speaker.rest())


def _by_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    left = b""
    for block in blocks:
        left += block
        end = left.rfind(b"\n") + 1 or (len(left) if len(left) > 1 << 20 else 0)
        if end:
            yield left[:end]
            left = left[end:]
    if left:
        yield left


def _paragraphs(pieces: Iterable[str]) -> Iterator[str]:
    left = ""
    for piece in pieces:
        left += piece.replace("\r\n", "\n").replace("\r", "\n").replace("\x0c", "\n\n")
        *whole, left = _BREAK.split(left)
        for paragraph in whole:
            yield from _in_pieces(paragraph)
        if len(left) > PARAGRAPH_CHARACTERS_MAX:
            end = left.rfind("\n") + 1 or len(left)
            yield from _in_pieces(left[:end])
            left = left[end:]
    yield from _in_pieces(left)


def _in_pieces(paragraph: str) -> Iterator[str]:
    while len(paragraph) > PARAGRAPH_CHARACTERS_MAX:
        window = paragraph[:PARAGRAPH_CHARACTERS_MAX]
        end = max(window.rfind("\n"), window.rfind(" ")) + 1 or len(window)
        yield paragraph[:end]
        paragraph = paragraph[end:]
    if paragraph.strip():
        yield paragraph
