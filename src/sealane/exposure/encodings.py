"""The encodings of text: found from its first bytes, and read as UTF-8 whatever it was written in.

UTF-8, UTF-16 (with or without a mark), else Windows-1252, in which every byte that it leaves open stands for itself.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NULS_OF_TWO_BYTES: Final = 0.3
"""Share of zero bytes on one side of the pairs from which on text is two bytes a character."""
_CONTROL_SHARE_MAX: Final = 0.02
_STRANGE: Final = re.compile("[\x00\x02-\x07\x0e-\x19\x7f-\x9f\ufffd]")
"""Control characters that text hardly has, and what could not be decoded."""


def encoding_of(head: bytes) -> tuple[str, int]:
    """Return the encoding that text with this beginning is in, and the length of its mark."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name, len(mark)
    sample = head[:4096]
    if len(sample) >= 8:  # noqa: PLR2004  fewer bytes show nothing
        even, odd = sample[0::2].count(0) / len(sample[0::2]), sample[1::2].count(0) / len(sample[1::2])
        if odd > _NULS_OF_TWO_BYTES and even < _NULS_OF_TWO_BYTES / 10:
            return "utf-16-le", 0
        if even > _NULS_OF_TWO_BYTES and odd < _NULS_OF_TWO_BYTES / 10:
            return "utf-16-be", 0
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252", 0
    return "utf-8", 0


def is_text(head: bytes) -> bool:
    """Tell whether bytes are text of any of these encodings: hardly any control characters."""
    text = text_of(head)
    sample = text[:8192]
    return len(_STRANGE.findall(sample)) <= max(1, len(sample) * _CONTROL_SHARE_MAX)


def text_of(data: bytes) -> str:
    """Return a beginning of text, decoded; what cannot be decoded is replaced, a cut last character left out."""
    name, mark = encoding_of(data)
    decoded = codecs.getincrementaldecoder(name)("replace").decode(data[mark:])
    return decoded if name != "cp1252" else _latin(data)


def _latin(data: bytes) -> str:
    return data.decode("cp1252", "replace")


def utf8_blocks(blocks: Iterable[bytes], head: bytes) -> Iterator[bytes]:
    """Yield the same text in UTF-8, block by block, without its mark. Bytes that are not UTF-8 become Windows-1252."""
    name, mark = encoding_of(head)
    if name != "utf-8":
        decoder = codecs.getincrementaldecoder(name)("replace")
        for block in blocks:
            yield decoder.decode(block[mark:]).encode("utf-8", "replace")
            mark = 0
        yield decoder.decode(b"", final=True).encode("utf-8", "replace")
        return
    for block in blocks:
        yield block[mark:] if mark else block
        mark = 0


def valid_utf8(block: bytes) -> bytes:
    """Return a block of whole lines in UTF-8: as it is, or read as Windows-1252 where it is none."""
    if block.isascii():
        return block
    try:
        block.decode("utf-8")
    except UnicodeDecodeError:
        return _latin(block).encode("utf-8")
    return block
