"""What an entry can hold. Part of the format (docs/formats/ledger.md), therefore not settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sealane.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable

INTEGER_BITS_MAX = 53
"""2^53 - 1 is the largest number that every JSON reader keeps whole (RFC 7493, 2.2)."""
_NUMBER_MAX = 1 << INTEGER_BITS_MAX
_NUMBER_MIN = -_NUMBER_MAX
TEXT_BYTES_MAX = 16_384
"""Of one text, in UTF-8."""
ITEMS_MAX = 10_000
"""Of one list."""
BODY_BYTES_MAX = 65_535
"""Of one body: in a bundle of entries two bytes tell its length (C2SP tlog-tiles, "Log entries")."""
ENTRY_BYTES_MAX = 4 * 1024 * 1024
"""Of one body, and of its openings, as they are read; what is larger was not written here."""


def check_fields(struct: msgspec.Struct) -> None:
    """Raise `Invalid` unless every number, text and list of this struct fits."""
    _check(msgspec.structs.astuple(struct))


def _check(values: Iterable[object]) -> None:
    for value in values:
        kind = type(value)  # looked at in place of isinstance where that is enough: every event comes through here
        if kind is str:
            fits = len(value) <= TEXT_BYTES_MAX and value.isascii()  # pyrefly: ignore  # a str
        elif kind is int:
            fits = _NUMBER_MIN < value < _NUMBER_MAX  # pyrefly: ignore  # an int
        else:
            fits = value is None or kind is bool
        if not fits:
            _check_one(value)


def _check_one(value: object) -> None:
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, int):
        if value.bit_length() > INTEGER_BITS_MAX:
            raise Invalid("A number in the request is out of range.")
    elif isinstance(value, tuple):
        if len(value) > ITEMS_MAX:
            raise Invalid("The request names too many things at once.")
        _check(value)


def _check_text(value: str) -> None:
    try:
        encoded = value.encode()
    except UnicodeEncodeError:
        raise Invalid("A text in the request is not Unicode.") from None
    if len(encoded) > TEXT_BYTES_MAX:
        raise Invalid("A text in the request is too long.")
