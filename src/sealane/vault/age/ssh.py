"""ssh-ed25519 recipients: a user's SSH key as age takes it (age's agessh; the same key under the birational map).

The key of the stanza is X25519 with the Montgomery form of the Ed25519 key (RFC 7748, section 4.1), tweaked by the
public key so that
it is bound to its use as an SSH key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from typing import TYPE_CHECKING, Final, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from sealane.vault.age import wrapping
from sealane.vault.age.failures import HeaderInvalid, KeyInvalid
from sealane.vault.age.header import Stanza
from sealane.vault.age.text import decode_base64, encode_base64
from sealane.vault.age.x25519 import public_of, share_with

if TYPE_CHECKING:
    from collections.abc import Sequence

_TYPE: Final = "ssh-ed25519"
_INFO: Final = b"age-encryption.org/v1/ssh-ed25519"
_POINT_BYTES: Final = 32
_BLOB_HEAD: Final = b"\0\0\0\x0bssh-ed25519\0\0\0\x20"
_FIELD: Final = 2**255 - 19


def _montgomery(point: bytes) -> bytes:
    """Return the u-coordinate of an Ed25519 point: (1 + y) / (1 - y) mod 2^255 - 19 (RFC 7748, section 4.1)."""
    y = int.from_bytes(point, "little") & ((1 << 255) - 1)
    if y >= _FIELD or y == 1:
        raise KeyInvalid
    return ((1 + y) * pow(1 - y, -1, _FIELD) % _FIELD).to_bytes(_POINT_BYTES, "little")


def _tag(blob: bytes) -> str:
    return encode_base64(hashlib.sha256(blob).digest()[:4])


def _wrapping_key(shared: bytes, blob: bytes, share: bytes, point: bytes) -> bytes:
    tweak = wrapping.derived(b"", blob, _INFO)
    return wrapping.derived(share_with(tweak, shared), share + point, _INFO)


class SshRecipient:
    """An SSH public key of type ssh-ed25519."""

    __slots__ = ("_blob", "_point")
    label = "classic"

    def __init__(self, blob: bytes) -> None:
        """Take the public key blob (RFC 8709, section 4)."""
        if not blob.startswith(_BLOB_HEAD) or len(blob) != len(_BLOB_HEAD) + _POINT_BYTES:
            raise KeyInvalid
        self._blob = blob
        self._point = _montgomery(blob[len(_BLOB_HEAD) :])

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read a line as in `authorized_keys`: `ssh-ed25519 BASE64 comment`."""
        words = text.split()
        try:
            return cls(base64.b64decode(words[1], validate=True))
        except (IndexError, binascii.Error, ValueError):
            raise KeyInvalid("This is not an ssh-ed25519 public key.") from None

    def __str__(self) -> str:
        return f"{_TYPE} {base64.b64encode(self._blob).decode('ascii')}"

    def wrap(self, file_key: bytes) -> Stanza:
        """Wrap under a fresh ephemeral key; the stanza says by 32 bits whose it is."""
        ephemeral = secrets.token_bytes(_POINT_BYTES)
        share = public_of(ephemeral)
        key = _wrapping_key(share_with(ephemeral, self._point), self._blob, share, self._point)
        return Stanza((_TYPE, _tag(self._blob), encode_base64(share)), wrapping.wrap(key, file_key))


class SshIdentity:
    """An SSH private key of type ssh-ed25519."""

    __slots__ = ("_blob", "_point", "_secret")

    def __init__(self, key: Ed25519PrivateKey) -> None:
        """Take the private key."""
        self._secret = hashlib.sha512(key.private_bytes_raw()).digest()[:32]
        self._blob = _BLOB_HEAD + key.public_key().public_bytes_raw()
        self._point = public_of(self._secret)

    @classmethod
    def from_file(cls, text: bytes, passphrase: bytes | None = None) -> Self:
        """Read an OpenSSH private key. Raises `KeyInvalid`."""
        try:
            key = load_ssh_private_key(text, passphrase)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise KeyInvalid("This SSH key cannot be read; it may need its passphrase.") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyInvalid("Only SSH keys of type ssh-ed25519 can open files.")
        return cls(key)

    @staticmethod
    def needs_passphrase(text: bytes) -> bool:
        """Say whether an OpenSSH private key is one that cannot be read without its passphrase."""
        try:
            load_ssh_private_key(text, None)
        except TypeError:
            return True  # what cryptography raises for a key that is encrypted, and for nothing else
        except (ValueError, UnsupportedAlgorithm):
            return False
        return False

    def recipient(self) -> SshRecipient:
        """Return the public half."""
        return SshRecipient(self._blob)

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """Open the stanzas that say they are this key's."""
        for stanza in stanzas:
            if stanza.arguments[0] != _TYPE:
                continue
            wrapping.check_shape(stanza, 3)
            share = decode_base64(stanza.arguments[2])
            if len(share) != _POINT_BYTES:
                raise HeaderInvalid
            if stanza.arguments[1] != _tag(self._blob):
                continue
            key = _wrapping_key(share_with(self._secret, share), self._blob, share, self._point)
            file_key = wrapping.unwrap(key, stanza.body)
            if file_key is not None:
                return file_key
        return None
