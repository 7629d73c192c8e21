"""The node's SSH host keys. They are made on first start, kept wrapped by the node key, and sign only here.

A door gets the public halves and, for each connection, one signature over that connection's exchange hash. Must stay
true: nothing else is ever signed with these keys, and only with the algorithms named below (RFC 8332, RFC 8709).
"""

from __future__ import annotations

import base64
import hashlib
import struct
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from sealane.errors import Invalid
from sealane.operations.failures import AlgorithmUnknown

if TYPE_CHECKING:
    from collections.abc import Iterable

HostKey = ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

EXCHANGE_HASH_BYTES = frozenset({32, 48, 64})
"""Lengths of SHA-256, SHA-384 and SHA-512: all that a key exchange that we offer can produce."""

_RSA_HASHES: dict[str, hashes.HashAlgorithm] = {"rsa-sha2-512": hashes.SHA512(), "rsa-sha2-256": hashes.SHA256()}


def _string(value: bytes) -> bytes:
    """Return an SSH string (RFC 4251, 5)."""
    return struct.pack(">I", len(value)) + value


def made(*, rsa_bits: int) -> tuple[HostKey, ...]:
    """Return fresh host keys, preferred first: Ed25519, and RSA for old clients unless `rsa_bits` is 0."""
    keys: list[HostKey] = [ed25519.Ed25519PrivateKey.generate()]
    if rsa_bits:
        keys.append(rsa.generate_private_key(public_exponent=65537, key_size=rsa_bits))
    return tuple(keys)


def packed(key: HostKey) -> bytes:
    """Return the private key as PKCS #8 DER. It leaves this module only to be wrapped."""
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def unpacked(der: bytes) -> HostKey:
    """Return the key that `packed` gave."""
    key = serialization.load_der_private_key(der, None)
    assert isinstance(key, (ed25519.Ed25519PrivateKey, rsa.RSAPrivateKey))  # only `packed` writes them
    return key


def public_blob(key: HostKey) -> bytes:
    """Return the public key blob (RFC 4253, 6.6)."""
    line = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return base64.b64decode(line.split()[1])


def fingerprint(blob: bytes) -> str:
    """Return the fingerprint as OpenSSH shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


class HostKeys:
    """The host keys in force, ready to sign."""

    def __init__(self, keys: Iterable[HostKey]) -> None:
        """Take the keys, preferred first."""
        self._keys = tuple(keys)
        self.blobs = tuple(public_blob(key) for key in self._keys)

    def sign(self, algorithm: str, exchange_hash: bytes) -> bytes:
        """Return the signature blob `string algorithm, string signature` (RFC 4253, 6.6) over an exchange hash.

        An RSA signature takes about a millisecond, so this is called in a pool, not by the writer.
        """
        if len(exchange_hash) not in EXCHANGE_HASH_BYTES:
            raise Invalid("An exchange hash has 32, 48 or 64 bytes.")
        for key in self._keys:
            if isinstance(key, ed25519.Ed25519PrivateKey) and algorithm == "ssh-ed25519":
                return _string(algorithm.encode()) + _string(key.sign(exchange_hash))
            if isinstance(key, rsa.RSAPrivateKey) and algorithm in _RSA_HASHES:
                signature = key.sign(exchange_hash, padding.PKCS1v15(), _RSA_HASHES[algorithm])
                return _string(algorithm.encode()) + _string(signature)
        raise AlgorithmUnknown
