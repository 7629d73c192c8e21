"""X25519 recipients: `age1…` and `AGE-SECRET-KEY-1…` (C2SP age.md, "The X25519 recipient type")."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final, Self

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from sealane.vault.age import wrapping
from sealane.vault.age.failures import HeaderInvalid, KeyInvalid
from sealane.vault.age.header import Stanza
from sealane.vault.age.text import decode_base64, decode_bech32, encode_base64, encode_bech32

if TYPE_CHECKING:
    from collections.abc import Sequence

_TYPE: Final = "X25519"
_INFO: Final = b"age-encryption.org/v1/X25519"
_POINT_BYTES: Final = 32


def share_with(secret: bytes, point: bytes) -> bytes:
    """Return X25519(secret, point) (RFC 7748). Raises `HeaderInvalid` for a low-order point."""
    try:
        return X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(point))
    except ValueError:
        raise HeaderInvalid from None


def public_of(secret: bytes) -> bytes:
    """Return X25519(secret, basepoint)."""
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


class X25519Recipient:
    """A classic public key."""

    __slots__ = ("_point",)
    label = "classic"

    def __init__(self, point: bytes) -> None:
        """Take the 32 bytes of the point."""
        self._point = point

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read `age1…`."""
        prefix, point = decode_bech32(text)
        if prefix != "age" or len(point) != _POINT_BYTES:
            raise KeyInvalid
        return cls(point)

    def __str__(self) -> str:
        return encode_bech32("age", self._point)

    def wrap(self, file_key: bytes) -> Stanza:
        """Wrap under a fresh ephemeral key."""
        ephemeral = secrets.token_bytes(_POINT_BYTES)
        share = public_of(ephemeral)
        key = wrapping.derived(share_with(ephemeral, self._point), share + self._point, _INFO)
        return Stanza((_TYPE, encode_base64(share)), wrapping.wrap(key, file_key))


class X25519Identity:
    """A classic private key. Never printed by accident: `text` is its only way out."""

    __slots__ = ("_point", "_secret")

    def __init__(self, secret: bytes) -> None:
        """Take the 32 secret bytes."""
        self._secret = secret
        self._point = public_of(secret)

    @classmethod
    def new(cls) -> Self:
        """Make a fresh one."""
        return cls(secrets.token_bytes(_POINT_BYTES))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read `AGE-SECRET-KEY-1…`."""
        prefix, secret = decode_bech32(text)
        if prefix != "AGE-SECRET-KEY-" or len(secret) != _POINT_BYTES:
            raise KeyInvalid
        return cls(secret)

    def text(self) -> str:
        """Return the secret in its text form."""
        return encode_bech32("AGE-SECRET-KEY-", self._secret)

    def recipient(self) -> X25519Recipient:
        """Return the public half."""
        return X25519Recipient(self._point)

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """Try every X25519 stanza; they do not say whose they are."""
        for stanza in stanzas:
            if stanza.arguments[0] != _TYPE:
                continue
            wrapping.check_shape(stanza, 2)
            share = decode_base64(stanza.arguments[1])
            if len(share) != _POINT_BYTES:
                raise HeaderInvalid
            key = wrapping.derived(share_with(self._secret, share), share + self._point, _INFO)
            file_key = wrapping.unwrap(key, stanza.body)
            if file_key is not None:
                return file_key
        return None
