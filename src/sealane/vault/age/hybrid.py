"""Post-quantum hybrid recipients: `age1pq1…` (C2SP age.md, "The MLKEM768-X25519 hybrid post-quantum recipient type").

HPKE (RFC 9180) with MLKEM768-X25519, HKDF-SHA-256 and ChaCha20-Poly1305. The identity is a 32-byte seed, expanded as
X-Wing
does: SHAKE256(seed, 96) gives the 64-byte seed of ML-KEM-768 (FIPS 203) and the X25519 secret.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from sealane.vault.age import wrapping
from sealane.vault.age.failures import HeaderInvalid, KeyInvalid
from sealane.vault.age.header import Stanza
from sealane.vault.age.text import decode_base64, decode_bech32, encode_base64, encode_bech32
from sealane.vault.age.x25519 import share_with

if TYPE_CHECKING:
    from collections.abc import Sequence

_TYPE: Final = "mlkem768x25519"
_INFO: Final = b"age-encryption.org/mlkem768x25519"
_SUITE: Final = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_SEED_BYTES: Final = 32
_MLKEM_SEED_BYTES: Final = 64
_MLKEM_PUBLIC_BYTES: Final = 1184
_POINT_BYTES: Final = 32
_ENCAPSULATED_BYTES: Final = 1120


class HybridRecipient:
    """A post-quantum public key."""

    __slots__ = ("_key", "_raw")
    label = "hybrid"

    def __init__(self, raw: bytes) -> None:
        """Take the ML-KEM-768 key and the X25519 point, 1216 bytes. Raises `KeyInvalid`."""
        if len(raw) != _MLKEM_PUBLIC_BYTES + _POINT_BYTES:
            raise KeyInvalid
        try:
            lattice = MLKEM768PublicKey.from_public_bytes(raw[:_MLKEM_PUBLIC_BYTES])
        except ValueError:
            raise KeyInvalid from None
        self._raw = raw
        self._key = MLKEM768X25519PublicKey(lattice, X25519PublicKey.from_public_bytes(raw[_MLKEM_PUBLIC_BYTES:]))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read `age1pq1…`."""
        prefix, raw = decode_bech32(text)
        if prefix != "age1pq":
            raise KeyInvalid
        return cls(raw)

    def __str__(self) -> str:
        return encode_bech32("age1pq", self._raw)

    def wrap(self, file_key: bytes) -> Stanza:
        """Seal the file key with HPKE."""
        sealed = _SUITE.encrypt(file_key, self._key, _INFO)
        return Stanza((_TYPE, encode_base64(sealed[:_ENCAPSULATED_BYTES])), sealed[_ENCAPSULATED_BYTES:])


class HybridIdentity:
    """A post-quantum private key. Never printed by accident: `text` is its only way out."""

    __slots__ = ("_curve_secret", "_key", "_public", "_seed")

    def __init__(self, seed: bytes) -> None:
        """Take the 32-byte seed."""
        self._seed = seed
        expanded = hashlib.shake_256(seed).digest(_MLKEM_SEED_BYTES + _POINT_BYTES)
        lattice = MLKEM768PrivateKey.from_seed_bytes(expanded[:_MLKEM_SEED_BYTES])
        self._curve_secret = expanded[_MLKEM_SEED_BYTES:]
        curve = X25519PrivateKey.from_private_bytes(self._curve_secret)
        self._key = MLKEM768X25519PrivateKey(lattice, curve)
        self._public = lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()

    @classmethod
    def new(cls) -> Self:
        """Make a fresh one."""
        return cls(secrets.token_bytes(_SEED_BYTES))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read `AGE-SECRET-KEY-PQ-1…`."""
        prefix, seed = decode_bech32(text)
        if prefix != "AGE-SECRET-KEY-PQ-" or len(seed) != _SEED_BYTES:
            raise KeyInvalid
        return cls(seed)

    def text(self) -> str:
        """Return the secret in its text form."""
        return encode_bech32("AGE-SECRET-KEY-PQ-", self._seed)

    def recipient(self) -> HybridRecipient:
        """Return the public half."""
        return HybridRecipient(self._public)

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """Try every hybrid stanza; they do not say whose they are."""
        for stanza in stanzas:
            if stanza.arguments[0] != _TYPE:
                continue
            wrapping.check_shape(stanza, 2)
            encapsulated = decode_base64(stanza.arguments[1])
            if len(encapsulated) != _ENCAPSULATED_BYTES:
                raise HeaderInvalid
            share_with(self._curve_secret, encapsulated[-_POINT_BYTES:])  # refuses a low-order point, HPKE hides it
            try:
                return _SUITE.decrypt(encapsulated + stanza.body, self._key, _INFO)
            except InvalidTag:
                continue
        return None
