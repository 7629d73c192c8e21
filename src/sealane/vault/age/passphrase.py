"""Passphrases: the scrypt recipient (C2SP age.md, "The scrypt recipient type"; RFC 7914), for identity files."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from sealane.vault.age import wrapping
from sealane.vault.age.failures import HeaderInvalid
from sealane.vault.age.header import Stanza
from sealane.vault.age.text import decode_base64, encode_base64

if TYPE_CHECKING:
    from collections.abc import Sequence

WORK_FACTOR: Final = 18
"""Base-two logarithm of scrypt's N for what we write: about a second."""
WORK_FACTOR_MAX: Final = 22
"""What we open at the most: a file may not ask for minutes and gigabytes."""
_TYPE: Final = "scrypt"
_SALT_LABEL: Final = b"age-encryption.org/v1/scrypt"
_SALT_BYTES: Final = 16
_DECIMAL: Final = re.compile(r"[1-9][0-9]*")


class Passphrase:
    """A passphrase, as recipient and as identity."""

    __slots__ = ("_passphrase", "_work_factor")
    label = "passphrase"

    def __init__(self, passphrase: str, *, work_factor: int = WORK_FACTOR) -> None:
        """Take the passphrase; the work factor counts for wrapping only."""
        self._passphrase = passphrase.encode()
        self._work_factor = work_factor

    def wrap(self, file_key: bytes) -> Stanza:
        """Wrap under a fresh salt."""
        salt = secrets.token_bytes(_SALT_BYTES)
        key = self._key(salt, self._work_factor)
        return Stanza((_TYPE, encode_base64(salt), str(self._work_factor)), wrapping.wrap(key, file_key))

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """Open a passphrase's stanza, which stands alone (`keys.find_file_key` checks that)."""
        for stanza in stanzas:
            if stanza.arguments[0] != _TYPE:
                continue
            wrapping.check_shape(stanza, 3)
            salt = decode_base64(stanza.arguments[1])
            if len(salt) != _SALT_BYTES or not _DECIMAL.fullmatch(stanza.arguments[2]):
                raise HeaderInvalid
            if len(stanza.arguments[2]) > 2 or int(stanza.arguments[2]) > WORK_FACTOR_MAX:  # noqa: PLR2004 # digits
                raise HeaderInvalid("Opening this file would take too much work; it may be meant to stop you.")
            return wrapping.unwrap(self._key(salt, int(stanza.arguments[2])), stanza.body)
        return None

    def _key(self, salt: bytes, work_factor: int) -> bytes:
        return Scrypt(salt=_SALT_LABEL + salt, length=32, n=1 << work_factor, r=8, p=1).derive(self._passphrase)
