"""The path of a request, percent-decoded exactly once from the bytes that the client sent.

Must stay true: routing and rights see the same names, since both begin with `names_of`; a server's or a proxy's own
decoding is never used. A path that leads upwards, hides a slash or is no UTF-8 is refused on every route alike.
"""

from __future__ import annotations

import re

from sealane import paths
from sealane.errors import PathInvalid

_ESCAPE = re.compile(rb"%(..?)?", re.DOTALL)
_HEX = re.compile(rb"[0-9A-Fa-f]{2}")
_ENCODED_SLASH = re.compile(rb"%(2f|5c)", re.IGNORECASE)


def _unescaped(found: re.Match[bytes]) -> bytes:
    digits = found[1] or b""
    if not _HEX.fullmatch(digits):
        raise PathInvalid("The path has a percent sign that is not followed by two hexadecimal digits.")
    return bytes([int(digits, 16)])


def names_of(raw: bytes) -> tuple[str, ...]:
    """Return the names of a request's raw path, each decoded once and checked. A leading and a trailing slash may be.

    Raises `PathInvalid` for `.` and `..` however spelt, an encoded slash or backslash, an empty name inside, a broken
    escape, overlong or broken UTF-8 (RFC 3629), and whatever `paths.check_name` refuses.
    """
    if _ENCODED_SLASH.search(raw):
        raise PathInvalid("The path has an encoded slash in it.")
    return paths.parse(paths.decode(_ESCAPE.sub(_unescaped, raw)))
