"""The text form of an age file: strict PEM (RFC 7468, section 3) with the label AGE ENCRYPTED FILE.

Whole texts only: the text form is for what people paste. White space before and after is allowed, and CRLF line ends.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from sealane.vault.age.failures import ArmorInvalid

ARMOR_BYTES_MAX: Final = 64 * 1024 * 1024
_BEGIN: Final = b"-----BEGIN AGE ENCRYPTED FILE-----"
_END: Final = b"-----END AGE ENCRYPTED FILE-----"
_COLUMNS: Final = 64


def is_armored(start: bytes) -> bool:
    """Whether a file that begins so is in its text form."""
    return start.lstrip(b" \t\r\n").startswith(_BEGIN)


def enclose(data: bytes) -> bytes:
    """Return the text form."""
    text = base64.b64encode(data)
    lines = [text[start : start + _COLUMNS] for start in range(0, len(text), _COLUMNS)]
    return b"\n".join([_BEGIN, *lines, _END]) + b"\n"


def open_armor(text: bytes) -> bytes:
    """Return what the text form holds. Raises `ArmorInvalid` for anything but canonical PEM."""
    if len(text) > ARMOR_BYTES_MAX:
        raise ArmorInvalid("This text is too long; use the binary form.")
    lines = text.strip(b" \t\r\n").replace(b"\r\n", b"\n").split(b"\n")
    if len(lines) < 2 or lines[0] != _BEGIN or lines[-1] != _END:  # noqa: PLR2004  # begin and end
        raise ArmorInvalid
    body = lines[1:-1]
    if any(len(line) != _COLUMNS for line in body[:-1]) or (body and not 0 < len(body[-1]) <= _COLUMNS):
        raise ArmorInvalid
    joined = b"".join(body)
    try:
        data = base64.b64decode(joined, validate=True)
    except (binascii.Error, ValueError):
        raise ArmorInvalid from None
    if base64.b64encode(data) != joined:
        raise ArmorInvalid
    return data
