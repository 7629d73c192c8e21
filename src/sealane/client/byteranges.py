"""Several ranges of a file in one answer: `multipart/byteranges` (RFC 9110, 14.6), read strictly. Pure.

Must stay true: nothing that the server says is believed to be small or well formed; what is returned was there in full.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from sealane.client.failures import AnswerInvalid

_HEAD_BYTES_MAX: Final = 1024
_PIECES_MAX: Final = 16
_TYPE: Final = re.compile(r'multipart/byteranges; *boundary="?([0-9A-Za-z_-]{1,70})"?', re.IGNORECASE)
_RANGE: Final = re.compile(rb"\r\ncontent-range: *bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})\r\n", re.IGNORECASE)


class Piece(NamedTuple):
    """One range."""

    first: int
    """Where in the file it begins."""
    content: bytes
    total: int
    """How long the whole file is said to be."""

    @property
    def past(self) -> int:
        """Where in the file it ends."""
        return self.first + len(self.content)


def pieces_of(content_type: str, body: bytes) -> tuple[Piece, ...]:
    """Return the ranges in an answer, in its order. Raises `AnswerInvalid`."""
    kind = _TYPE.fullmatch(content_type)
    if kind is None:
        raise AnswerInvalid
    mark = b"--" + kind[1].encode()
    pieces: list[Piece] = []
    at = 0
    while body.startswith(mark, at):
        at += len(mark)
        if body.startswith(b"--", at):
            return tuple(pieces)
        end = body.find(b"\r\n\r\n", at, at + _HEAD_BYTES_MAX)
        said = _RANGE.search(body, at, end + 2) if end >= 0 else None
        if said is None or len(pieces) == _PIECES_MAX:
            raise AnswerInvalid
        first, last, total = map(int, said.groups())
        content = body[end + 4 : end + 4 + last + 1 - first]
        if not first <= last < total or len(content) != last + 1 - first:
            raise AnswerInvalid
        at = end + 4 + len(content)
        if not body.startswith(b"\r\n", at):
            raise AnswerInvalid
        at += 2
        pieces.append(Piece(first, content, total))
    raise AnswerInvalid
