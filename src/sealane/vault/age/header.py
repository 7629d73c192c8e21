"""The header of an age file: stanzas and MAC, parsed strictly and written canonically (C2SP age.md, "Header")."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sealane.vault.age.failures import HeaderCut, HeaderForged, HeaderInvalid, VersionUnsupported
from sealane.vault.age.text import decode_base64, encode_base64

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HEADER_BYTES_MAX: Final = 1024 * 1024
"""No header is longer; room for some 500 post-quantum recipients."""
STANZAS_MAX: Final = 1000
FILE_KEY_BYTES: Final = 16

_VERSION: Final = b"age-encryption.org/v1\n"
_VERSION_OF_ANY: Final = re.compile(rb"age-encryption\.org/[\x21-\x7e]+\n")
_ARGUMENT: Final = re.compile(r"[\x21-\x7e]+")
_COLUMNS: Final = 64
_MAC_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Stanza:
    """One recipient's wrapped file key. `arguments[0]` is the type."""

    arguments: tuple[str, ...]
    body: bytes

    def lines(self) -> Iterator[str]:
        """Yield the lines of the stanza without their line feeds."""
        yield " ".join(("->", *self.arguments))
        text = encode_base64(self.body)
        for start in range(0, len(text) + 1, _COLUMNS):
            yield text[start : start + _COLUMNS]


@dataclass(frozen=True, slots=True)
class Header:
    """A whole header. `signed` is what the MAC covers: everything up to and including `---`."""

    stanzas: tuple[Stanza, ...]
    signed: bytes
    mac: bytes

    def verify(self, file_key: bytes) -> None:
        """Raise `HeaderForged` unless the MAC was made with this file key."""
        if not hmac.compare_digest(self.mac, _mac(file_key, self.signed)):
            raise HeaderForged

    def written(self) -> bytes:
        """Return the header as it stands at the beginning of a file."""
        return self.signed + f" {encode_base64(self.mac)}\n".encode("ascii")


def make(stanzas: Sequence[Stanza], file_key: bytes) -> Header:
    """Return a header of these stanzas with its MAC."""
    assert stanzas, "a header has at least one stanza"
    lines = [line for stanza in stanzas for line in stanza.lines()]
    signed = _VERSION + "\n".join([*lines, "---"]).encode("ascii")
    return Header(tuple(stanzas), signed, _mac(file_key, signed))


def parse(data: bytes) -> tuple[Header, int]:
    """Parse the header at the beginning of `data`; return it and its length in bytes.

    Raises `HeaderCut` where more bytes could make it whole, `HeaderInvalid` where not, `VersionUnsupported`.
    """
    if not data.startswith(_VERSION):
        if _VERSION_OF_ANY.match(data[:_COLUMNS]):
            raise VersionUnsupported
        raise HeaderCut if _VERSION.startswith(data) else HeaderInvalid
    position = len(_VERSION)
    stanzas: list[Stanza] = []
    while True:
        line, after = _line(data, position)
        if line.startswith("---"):
            break
        if len(stanzas) == STANZAS_MAX:
            raise HeaderInvalid
        stanza, position = _stanza(data, line, after)
        stanzas.append(stanza)
    mark, space, mac = line[:3], line[3:4], line[4:]
    if mark != "---" or space != " " or not stanzas:
        raise HeaderInvalid
    decoded = decode_base64(mac)
    if len(decoded) != _MAC_BYTES:
        raise HeaderInvalid
    return Header(tuple(stanzas), data[: position + 3], decoded), after


def _stanza(data: bytes, line: str, position: int) -> tuple[Stanza, int]:
    if not line.startswith("-> "):
        raise HeaderInvalid
    arguments = tuple(line[3:].split(" "))
    if not all(_ARGUMENT.fullmatch(argument) for argument in arguments):
        raise HeaderInvalid
    pieces: list[str] = []
    while True:
        text, position = _line(data, position)
        if len(text) > _COLUMNS:
            raise HeaderInvalid
        pieces.append(text)
        if len(text) < _COLUMNS:
            break
    return Stanza(arguments, decode_base64("".join(pieces))), position


def _line(data: bytes, position: int) -> tuple[str, int]:
    end = data.find(b"\n", position, position + HEADER_BYTES_MAX)
    if position > HEADER_BYTES_MAX or end > HEADER_BYTES_MAX:
        raise HeaderInvalid
    if end < 0:
        raise HeaderCut
    try:
        return data[position:end].decode("ascii"), end + 1
    except UnicodeDecodeError:
        raise HeaderInvalid from None


def _mac(file_key: bytes, signed: bytes) -> bytes:
    key = HKDF(SHA256(), 32, salt=None, info=b"header").derive(file_key)
    return hmac.digest(key, signed, "sha256")
