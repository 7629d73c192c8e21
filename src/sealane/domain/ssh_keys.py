"""Users' SSH public keys: reading a line of `authorized_keys`, and checking a signature. Pure.

Accepted kinds: Ed25519 (RFC 8709), ECDSA on P-256 and P-384 (RFC 5656), RSA of 2048 bits and more with SHA-2 signatures
only (RFC 8332), and Ed25519 in a security key (OpenSSH PROTOCOL.u2f) with the user present. Everything else is refused.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512

from sealane.operations.failures import SshKeyInvalid

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

ED25519 = b"ssh-ed25519"
SK_ED25519 = b"sk-ssh-ed25519@openssh.com"
RSA = b"ssh-rsa"
RSA_BITS_MIN = 2048
RSA_BITS_MAX = 16_384
LINE_CHARACTERS_MAX = 8192
COMMENT_CHARACTERS_MAX = 255
_USER_PRESENT = 0x01
_CURVES: dict[bytes, tuple[bytes, ec.EllipticCurve, HashAlgorithm]] = {
    b"ecdsa-sha2-nistp256": (b"nistp256", ec.SECP256R1(), SHA256()),
    b"ecdsa-sha2-nistp384": (b"nistp384", ec.SECP384R1(), SHA384()),
}
_RSA_HASHES: dict[bytes, HashAlgorithm] = {b"rsa-sha2-256": SHA256(), b"rsa-sha2-512": SHA512()}

Verifier = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key, ready to check signatures."""

    kind: bytes
    verifier: Verifier
    application: bytes = b""
    """What a security key's key was made for; empty for other kinds."""


@dataclass(frozen=True, slots=True)
class KeyLine:
    """A line of `authorized_keys`."""

    blob: bytes
    fingerprint: str
    comment: str


class _Reader:
    """Reads SSH's wire types (RFC 4251, 5). Anything cut short or left over is `SshKeyInvalid`."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def string(self) -> bytes:
        length = int.from_bytes(self.take(4), "big")
        return self.take(length)

    def number(self) -> int:
        """Return a positive mpint in its shortest form."""
        raw = self.string()
        if not raw or raw[0] & 0x80 or (raw[0] == 0 and (len(raw) == 1 or not raw[1] & 0x80)):
            raise SshKeyInvalid
        return int.from_bytes(raw, "big")

    def take(self, length: int) -> bytes:
        if length > len(self._data) - self._at:
            raise SshKeyInvalid
        taken = self._data[self._at : self._at + length]
        self._at += length
        return taken

    def end(self) -> None:
        if self._at != len(self._data):
            raise SshKeyInvalid


def string(value: bytes) -> bytes:
    """Return an SSH string (RFC 4251, 5)."""
    return len(value).to_bytes(4, "big") + value


def fingerprint(blob: bytes) -> str:
    """Return the fingerprint as OpenSSH prints it: `SHA256:` and base64 without padding."""
    return "SHA256:" + base64.b64encode(sha256(blob).digest()).decode().rstrip("=")


def parse_line(line: str) -> KeyLine:
    """Return the key of a line `kind base64 comment`. Options before the kind are refused: they would not be kept.

    Raises `SshKeyInvalid`.
    """
    words = line.strip().split(None, 2)
    if len(line) > LINE_CHARACTERS_MAX or len(words) < 2:  # noqa: PLR2004  # kind and key
        raise SshKeyInvalid
    try:
        blob = base64.b64decode(words[1], validate=True)
    except (binascii.Error, ValueError):
        raise SshKeyInvalid from None
    key = parse_blob(blob)
    if key.kind != words[0].encode():
        raise SshKeyInvalid
    comment = "".join(letter for letter in "".join(words[2:]) if letter.isprintable())
    return KeyLine(blob, fingerprint(blob), comment[:COMMENT_CHARACTERS_MAX])


def parse_blob(blob: bytes) -> PublicKey:
    """Return the key of a public key blob (RFC 4253, 6.6). Raises `SshKeyInvalid` for weak or unknown ones."""
    reader = _Reader(blob)
    kind = reader.string()
    try:
        key = _parsed(kind, reader)
    except (ValueError, UnsupportedAlgorithm):
        raise SshKeyInvalid from None
    reader.end()
    return key


def _parsed(kind: bytes, reader: _Reader) -> PublicKey:
    if kind == ED25519:
        return PublicKey(kind, ed25519.Ed25519PublicKey.from_public_bytes(reader.string()))
    if kind == SK_ED25519:
        verifier = ed25519.Ed25519PublicKey.from_public_bytes(reader.string())
        return PublicKey(kind, verifier, reader.string())
    if kind in _CURVES:
        name, curve, _ = _CURVES[kind]
        if reader.string() != name:
            raise SshKeyInvalid
        return PublicKey(kind, ec.EllipticCurvePublicKey.from_encoded_point(curve, reader.string()))
    if kind == RSA:
        exponent, modulus = reader.number(), reader.number()
        if not RSA_BITS_MIN <= modulus.bit_length() <= RSA_BITS_MAX:
            raise SshKeyInvalid
        return PublicKey(kind, rsa.RSAPublicNumbers(exponent, modulus).public_key())
    raise SshKeyInvalid


def request_signed(*, session_identifier: bytes, user: str, algorithm: str, blob: bytes) -> bytes:
    """Return the bytes that a client signs to sign in by a key (RFC 4252, 7)."""
    return (
        string(session_identifier)
        + b"\x32"  # SSH_MSG_USERAUTH_REQUEST
        + string(user.encode())
        + string(b"ssh-connection")
        + string(b"publickey")
        + b"\x01"
        + string(algorithm.encode())
        + string(blob)
    )


def is_signed(*, blob: bytes, algorithm: str, signature: bytes, message: bytes) -> bool:
    """Return whether `signature` is a signature blob over `message` by this key with this algorithm. Never raises."""
    try:
        _verify(parse_blob(blob), algorithm.encode(), signature, message)
    except (SshKeyInvalid, InvalidSignature, ValueError):
        return False
    return True


def _verify(key: PublicKey, algorithm: bytes, signature: bytes, message: bytes) -> None:
    reader = _Reader(signature)
    if reader.string() != algorithm:
        raise SshKeyInvalid
    proof = reader.string()
    verifier = key.verifier
    if key.kind == SK_ED25519:
        # PROTOCOL.u2f: what is signed is sha256(application), flags, counter, sha256(message).
        flags_and_counter = reader.take(5)
        if not flags_and_counter[0] & _USER_PRESENT:
            raise SshKeyInvalid
        message = sha256(key.application).digest() + flags_and_counter + sha256(message).digest()
    reader.end()
    if isinstance(verifier, rsa.RSAPublicKey):
        if algorithm not in _RSA_HASHES:
            raise SshKeyInvalid
        # RFC 8332, 3: a signature shorter than the modulus is taken as if led by zeros.
        verifier.verify(
            proof.rjust((verifier.key_size + 7) // 8, b"\0"), message, padding.PKCS1v15(), _RSA_HASHES[algorithm]
        )
        return
    if algorithm != key.kind:
        raise SshKeyInvalid
    if isinstance(verifier, ed25519.Ed25519PublicKey):
        verifier.verify(proof, message)
        return
    numbers = _Reader(proof)
    der = encode_dss_signature(numbers.number(), numbers.number())
    numbers.end()
    verifier.verify(der, message, ec.ECDSA(_CURVES[key.kind][2]))
