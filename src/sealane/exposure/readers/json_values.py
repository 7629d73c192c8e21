"""JSON: one value a file (a list, an object with a list in it, a FHIR bundle), or one a line.

A file is cut into the elements of its first long list without being read whole; each element is decoded by itself.
FHIR resources go to `fhir.py`; anything else becomes rows, whose columns are paths (`patient.name.first`), in
`json_tables.py`.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from sealane.exposure.encodings import utf8_blocks, valid_utf8
from sealane.exposure.model import Format, PartUnreadable, Why
from sealane.exposure.readers.fhir import FhirRows, is_resource
from sealane.exposure.readers.json_tables import JsonTables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sealane.exposure.model import Found
    from sealane.exposure.readers.part import Part

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|(?P<cut>"(?:[^"\\]|\\.)*\\?\Z)|[{}\[\],]', re.DOTALL)
_LIST: Final = ord("[")
_COMMA: Final = ord(",")
_OPEN: Final = frozenset(b"{[")
_CLOSE: Final = frozenset(b"}]")


def read_json_lines(part: Part) -> Iterator[Found]:
    """Yield the mentions of one JSON value a line. A line that is none makes the part damaged; the others are read."""
    yield from _read(part, _decoded_lines(part))


def read_json(part: Part) -> Iterator[Found]:
    """Yield the mentions of a JSON file. Raises `PartUnreadable` where it is cut or past its limits."""
    yield from _read(part, _elements(part))


def _read(part: Part, values: Iterable[object]) -> Iterator[Found]:
    values = iter(values)
    first = list(itertools.islice(values, 1))
    broken = bool(first) and first[0] is _BROKEN
    if first and is_resource(first[0]):
        part.format = Format.FHIR
        fhir = FhirRows(part.limits.batch_mentions)
        for value in itertools.chain(first, values):
            broken |= value is _BROKEN
            fhir.take(value)
            yield from fhir.rows.full()
        yield from fhir.rows.rest()
    else:
        tables = JsonTables(part)
        for value in itertools.chain(first, values):
            broken |= value is _BROKEN
            if value is not _BROKEN:
                tables.take(value)
            yield from tables.full()
        yield from tables.rest()
    if broken:
        raise PartUnreadable(Why.DAMAGED)


_BROKEN: Final = object()
"""Stands for a value that could not be decoded."""


def _decoded(text: bytes) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return _BROKEN


def _decoded_lines(part: Part) -> Iterator[object]:
    left = b""
    for block in utf8_blocks(part.source.blocks(1 << 20), part.source.head):
        lines = (left + block).split(b"\n")
        left = lines.pop()
        if len(left) > part.limits.record_bytes_max:
            raise PartUnreadable(Why.TOO_LARGE)
        for line in lines:
            if line.strip():
                yield _decoded(valid_utf8(line))
    if left.strip():
        yield _decoded(valid_utf8(left))


def _elements(part: Part) -> Iterator[object]:
    """Yield the elements of an outer list; a small outer object as it is, of a large one the elements of its lists."""
    limit = part.limits.record_bytes_max
    blocks = utf8_blocks(part.source.blocks(1 << 20), part.source.head)
    held, ended = b"", False
    if part.source.head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"[":
        while len(held) <= limit and not ended:
            block = next(blocks, None)
            ended = block is None
            held += block or b""
    if ended:
        yield _decoded(valid_utf8(held))
        return
    cutter = _Cutter(limit)
    for block in itertools.chain([held], blocks):
        for piece in cutter.feed(block):
            yield _unwrapped(_decoded(valid_utf8(piece)))
    if not cutter.whole:
        yield _BROKEN


def _unwrapped(value: object) -> object:
    """Return an entry of a FHIR bundle as a bundle of one."""
    if isinstance(value, dict) and is_resource(value.get("resource")):
        return {"resourceType": "Bundle", "entry": [value]}
    return value


class _Cutter:
    """Cuts a JSON text into elements of its lists by brackets alone: strings are stepped over, nothing is decoded.

    What it holds begins at an element, and is looked at again when more has come.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._left = b""
        self._depth = 0
        self._list: int | None = None
        """The depth at which elements of the list that is being cut lie."""
        self.whole = False

    def feed(self, block: bytes) -> Iterator[bytes]:
        """Take more text; yield the elements that are complete."""
        text = self._left + block
        begin, depth, inside = 0, self._depth, self._list
        for token in _TOKEN.finditer(text):
            start, end = token.span()
            mark = text[start]
            if mark in _OPEN:
                depth += 1
                if inside is None and mark == _LIST and depth <= 2:  # noqa: PLR2004  the outer list, or one in the outer object
                    begin, inside = end, depth
                    self._depth, self._list = depth, inside
            elif mark == _COMMA or mark in _CLOSE:
                if inside is not None and depth == inside:
                    if piece := text[begin:start].strip():
                        yield piece
                    begin, inside = (end, inside) if mark == _COMMA else (start, None)
                    self._depth, self._list = depth, inside
                if mark in _CLOSE:
                    depth -= 1
                    self.whole = depth <= 0
            elif token.lastgroup == "cut":
                break
        self._left = text[begin:]
        if len(self._left) > self._limit:
            raise PartUnreadable(Why.TOO_LARGE)
