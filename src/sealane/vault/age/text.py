"""The two text codings of age: unpadded canonical base64 (RFC 4648, section 4) and Bech32 of any length (BIP 173)."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from sealane.vault.age.failures import HeaderInvalid, KeyInvalid

_CHARSET: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM_LENGTH: Final = 6


def encode_base64(data: bytes) -> str:
    """Return unpadded base64."""
    return base64.b64encode(data).rstrip(b"=").decode("ascii")


def decode_base64(text: str) -> bytes:
    """Return the bytes of unpadded base64. Raises `HeaderInvalid` for padding, foreign characters, stray bits."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise HeaderInvalid from None
    if encode_base64(data) != text:
        raise HeaderInvalid
    return data


def _polymod(values: list[int]) -> int:
    checksum = 1
    for value in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            if top >> bit & 1:
                checksum ^= generator
    return checksum


def _expanded(prefix: str) -> list[int]:
    return [ord(character) >> 5 for character in prefix] + [0] + [ord(character) & 31 for character in prefix]


def encode_bech32(prefix: str, data: bytes) -> str:
    """Return Bech32 of `data` under a human-readable part; upper case if the part is."""
    number = int.from_bytes(data, "big")
    bits = len(data) * 8
    padding = -bits % 5
    number <<= padding
    values = [number >> shift & 31 for shift in range(bits + padding - 5, -1, -5)]
    lower = prefix.lower()
    polymod = _polymod(_expanded(lower) + values + [0] * _CHECKSUM_LENGTH) ^ 1
    values += [polymod >> 5 * (_CHECKSUM_LENGTH - 1 - index) & 31 for index in range(_CHECKSUM_LENGTH)]
    text = lower + "1" + "".join(_CHARSET[value] for value in values)
    return text.upper() if prefix.isupper() else text


def decode_bech32(text: str) -> tuple[str, bytes]:
    """Return the human-readable part, as written, and the bytes. Raises `KeyInvalid`."""
    if text.lower() != text and text.upper() != text:
        raise KeyInvalid("The key mixes upper and lower case.")
    prefix, separator, rest = text.rpartition("1")
    if not separator or not prefix or len(rest) < _CHECKSUM_LENGTH or not text.isascii():
        raise KeyInvalid
    try:
        values = [_CHARSET.index(character) for character in rest.lower()]
    except ValueError:
        raise KeyInvalid from None
    if _polymod(_expanded(prefix.lower()) + values) != 1:
        raise KeyInvalid("The key has a typing error in it: its checksum does not match.")
    values = values[:-_CHECKSUM_LENGTH]
    number = 0
    for value in values:
        number = number << 5 | value
    length, padding = divmod(len(values) * 5, 8)
    if padding >= 5 or number & ((1 << padding) - 1):  # noqa: PLR2004 # a whole character of padding
        raise KeyInvalid
    return prefix, (number >> padding).to_bytes(length, "big")
