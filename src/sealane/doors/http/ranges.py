"""Byte ranges (RFC 9110, 14): parsed, checked against a size, put in order, and laid out as `multipart/byteranges`.

Own parser: linear in the header's length, and bounded in the number of ranges before anything else is done.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from sealane.doors.http.problems import RangeUnsatisfiable

_SPEC = re.compile(r"(\d{0,19})-(\d{0,19})", re.ASCII)


class Span(NamedTuple):
    """Bytes from `start` up to, not including, `end`."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """Bytes in it."""
        return self.end - self.start


def content_range(span: Span, size: int) -> str:
    """Return the value of `Content-Range` for a span (its end is inclusive there)."""
    return f"bytes {span.start}-{span.end - 1}/{size}"


def parse(header: str, size: int, *, ranges_max: int) -> tuple[Span, ...] | None:
    """Return the spans asked for, ascending and merged where they meet; None where the header is to be ignored.

    Ignored (RFC 9110, 14.2) are other units and malformed specifications. Raises `RangeUnsatisfiable` when no span
    lies in the file, and when there are more than `ranges_max`.
    """
    unit, equals, listed = header.partition("=")
    if not equals or unit.strip().lower() != "bytes":
        return None
    specs = listed.split(",", ranges_max)
    if len(specs) > ranges_max:
        raise RangeUnsatisfiable(size)
    spans: list[Span] = []
    for spec in specs:
        found = _SPEC.fullmatch(spec.strip(" \t"))
        if found is None or not (found[1] or found[2]):
            return None
        if found[1] and found[2] and int(found[2]) < int(found[1]):
            return None
        if not found[1]:
            span = Span(max(size - int(found[2]), 0), size)
        else:
            span = Span(int(found[1]), min(int(found[2]) + 1, size) if found[2] else size)
        if span.length > 0:
            spans.append(span)
    if not spans:
        raise RangeUnsatisfiable(size)
    return _merged(spans)


def _merged(spans: list[Span]) -> tuple[Span, ...]:
    """Return the spans in ascending order, overlapping and touching ones as one, so that no byte is sent twice."""
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return tuple(merged)


@dataclass(frozen=True, slots=True)
class Layout:
    """What is sent, piece by piece: bytes as they are, and spans of the file; and how long it is altogether."""

    pieces: tuple[bytes | Span, ...]
    length: int


def single(span: Span) -> Layout:
    """Lay out one span, or the whole file."""
    return Layout((span,), span.length)


def multipart(spans: tuple[Span, ...], size: int, media_type: str, boundary: str) -> Layout:
    """Lay out several spans as `multipart/byteranges` (RFC 9110, 14.6), with the length known before the first byte."""
    pieces: list[bytes | Span] = []
    for number, span in enumerate(spans):
        before = "\r\n" if number else ""
        head = f"{before}--{boundary}\r\nContent-Type: {media_type}\r\n"
        pieces += [f"{head}Content-Range: {content_range(span, size)}\r\n\r\n".encode(), span]
    pieces.append(f"\r\n--{boundary}--\r\n".encode())
    length = sum(piece.length if isinstance(piece, Span) else len(piece) for piece in pieces)
    return Layout(tuple(pieces), length)
