"""Digests in headers: `Repr-Digest` and `Content-Digest` (RFC 9530), tus's `Upload-Checksum`."""

from __future__ import annotations

import base64
import binascii
from typing import Literal, NamedTuple

from sealane.doors.http.problems import HeaderInvalid

SHA256_BYTES = 32
ChecksumAlgorithm = Literal["sha1", "sha256"]
CHECKSUM_BYTES: dict[ChecksumAlgorithm, int] = {"sha256": SHA256_BYTES, "sha1": 20}
"""What `Upload-Checksum` may name, preferred first. sha1 is here because tus requires it of every server; it guards
against line noise only, and the digest of record is SHA-256 whatever the client used."""
_MEMBERS_MAX = 16


class Checksum(NamedTuple):
    """What a tus client says of the body it sends."""

    algorithm: ChecksumAlgorithm
    digest: bytes


def show(digest: bytes) -> str:
    """Return a SHA-256 as a digest field writes it: `sha-256=:…:`."""
    return f"sha-256=:{base64.b64encode(digest).decode()}:"


def sha256_of(field: str) -> bytes | None:
    """Return the SHA-256 that a digest field names, None where it names only others (RFC 9530, 2: to be ignored).

    Raises `HeaderInvalid` for a field that is no dictionary of byte sequences (RFC 8941, 3.2 and 3.3.5).
    """
    members = field.split(",", _MEMBERS_MAX)
    if len(members) > _MEMBERS_MAX:
        raise HeaderInvalid("The digest field names too many digests.")
    found: bytes | None = None
    for member in members:
        name, _, value = member.strip(" \t").partition("=")
        if not name or name != name.lower() or len(value) < 2 or value[0] != ":" or value[-1] != ":":  # noqa: PLR2004
            raise HeaderInvalid("The digest field is not of the form sha-256=:BASE64:.")
        digest = _base64(value[1:-1])
        if name == "sha-256":
            if len(digest) != SHA256_BYTES:
                raise HeaderInvalid("The digest is not as long as a SHA-256.")
            found = digest
    return found


def checksum_of(field: str) -> Checksum:
    """Return what `Upload-Checksum: ALGORITHM BASE64` says, or raise `HeaderInvalid` (tus: 400)."""
    name, _, value = field.strip().partition(" ")
    for algorithm, length in CHECKSUM_BYTES.items():
        if name.lower() == algorithm:
            digest = _base64(value)
            if len(digest) != length:
                raise HeaderInvalid("Upload-Checksum is not as long as its algorithm's digests are.")
            return Checksum(algorithm, digest)
    raise HeaderInvalid(f"Upload-Checksum names no algorithm of {', '.join(CHECKSUM_BYTES)}.")


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise HeaderInvalid("A digest is not valid base64.") from None
