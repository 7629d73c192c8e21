"""What a form sends: `application/x-www-form-urlencoded` (WHATWG URL, 5), small and flat. Pure.

Must stay true: no multipart is parsed here or anywhere; the number of fields and each one's length are bounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote

from sealane import paths
from sealane.doors.http.locations import names_of
from sealane.doors.http.problems import MediaTypeUnsupported
from sealane.errors import Invalid, PathInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping

MEDIA_TYPE: Final = "application/x-www-form-urlencoded"
FIELDS_MAX: Final = 200
FIELD_CHARACTERS_MAX: Final = 8192


class Form:
    """The fields of one form."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        """Keep them in their order."""
        self._pairs = pairs

    def __getitem__(self, name: str) -> str:
        """Return a field's text without white space around it, empty where it is not there."""
        return self.exact(name).strip()

    def exact(self, name: str) -> str:
        """Return a field as it was typed (a password), empty where it is not there; the first where there are more."""
        return next((value for key, value in self._pairs if key == name), "")

    def every(self, name: str) -> tuple[str, ...]:
        """Return all values of a field that may be there several times (check boxes)."""
        return tuple(value for key, value in self._pairs if key == name)

    def names(self) -> frozenset[str]:
        """Return which fields there are."""
        return frozenset(key for key, _ in self._pairs)


def parse(body: bytes, content_type: str) -> Form:
    """Return the form in a request's body. Raises `Invalid`, `MediaTypeUnsupported`."""
    if content_type.partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise MediaTypeUnsupported
    return Form(_pairs(body))


def parse_query(query: bytes) -> Form:
    """Return what the address says after its question mark. Raises `Invalid`."""
    return Form(_pairs(query))


def _pairs(text: bytes) -> list[tuple[str, str]]:
    try:
        pairs = parse_qsl(text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX)
    except ValueError:  # UnicodeDecodeError is one
        raise Invalid("The form is not valid, or has too many fields.") from None
    if any(len(key) + len(value) > FIELD_CHARACTERS_MAX for key, value in pairs):
        raise Invalid("A field of the form is too long.")
    return pairs


def local_address(text: str, otherwise: str = "/") -> str:
    """Return an address to go on to, if it is one of this server's own; never one that leads elsewhere.

    `//host` and its like are addresses of other servers to a browser, so a path is taken apart and put
    together again, and nothing but a plain query follows it.
    """
    path, mark, query = text.partition("?")
    if not path.startswith("/") or not text.isascii() or any(letter.isspace() or ord(letter) < 0x20 for letter in text):  # noqa: PLR2004  # C0 controls
        return otherwise
    try:
        names = names_of(path.encode("ascii"))
    except PathInvalid:
        return otherwise
    rebuilt = "/" + "/".join(quote(name, safe="") for name in names)
    return rebuilt + (mark + quote(query, safe="=&%+-._~") if mark else "")


def address(base: str, path: str = "", **query: str | int | None) -> str:
    """Return an address of ours: base, path as its user sees it, and what of the query is not empty."""
    inside = "" if not path else "/".join(quote(name, safe="") for name in paths.parse(path))
    asked: Mapping[str, str] = {key: str(value) for key, value in query.items() if value not in {None, ""}}
    tail = "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in asked.items())
    return base + (f"/{inside}" if inside else "") + (f"?{tail}" if tail else "")
