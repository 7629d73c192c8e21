"""What every recipient type shares: the file key under ChaCha20-Poly1305 with a key that is used once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sealane.vault.age.failures import HeaderInvalid

if TYPE_CHECKING:
    from sealane.vault.age.header import Stanza

KEY_BYTES: Final = 32
_WRAPPED_BYTES: Final = 32
_NONCE: Final = bytes(12)


def derived(secret: bytes, salt: bytes, info: bytes) -> bytes:
    """Return 32 bytes of HKDF-SHA-256 (RFC 5869)."""
    return HKDF(SHA256(), KEY_BYTES, salt=salt, info=info).derive(secret)


def wrap(key: bytes, file_key: bytes) -> bytes:
    """Return the file key wrapped. The key must be used for nothing else: the nonce is zero."""
    return ChaCha20Poly1305(key).encrypt(_NONCE, file_key, None)


def unwrap(key: bytes, body: bytes) -> bytes | None:
    """Return the file key, or None if the key is not the one. The body's length has been checked (`addressed`)."""
    try:
        return ChaCha20Poly1305(key).decrypt(_NONCE, body, None)
    except InvalidTag:
        return None


def check_shape(stanza: Stanza, arguments: int) -> None:
    """Raise `HeaderInvalid` unless a stanza has that many arguments and a body of 32 bytes.

    The body is checked before anything is tried, against partitioning oracles.
    """
    if len(stanza.arguments) != arguments or len(stanza.body) != _WRAPPED_BYTES:
        raise HeaderInvalid
