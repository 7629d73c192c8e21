"""What a request says of a file that its sender has sealed: headers of PUT, metadata of tus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane.doors.http import digests
from sealane.doors.http.problems import HeaderInvalid
from sealane.operations.uploads import SentSealed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sealane.doors.http.exchange import Exchange

AGE_SUFFIX = ".age"
_FORMAT = "age"


def sent_by_headers(exchange: Exchange) -> SentSealed | None:
    """Return what the headers of a PUT say of a file that its sender has sealed; None for any other file."""
    headers = exchange.headers
    if "sealane-sealed" not in headers:
        return None
    digest = headers.get("sealane-plaintext-digest")
    named = headers.get("sealane-sealed-to")
    return _sent(
        headers["sealane-sealed"],
        headers.get("sealane-plaintext-length", ""),
        None if digest is None else digests.sha256_of(digest),
        None if named is None else digests.sha256_of(named),
    )


def sent_by_metadata(metadata: Mapping[str, bytes]) -> SentSealed | None:
    """Return what `Upload-Metadata` says of a file that its sender has sealed; None for any other file."""
    if "sealed" not in metadata:
        return None
    return _sent(
        metadata["sealed"].decode("ascii", "replace"),
        metadata.get("plaintext-length", b"").decode("ascii", "replace"),
        _hexadecimal(metadata, "plaintext-digest"),
        _hexadecimal(metadata, "sealed-to"),
    )


def age_path(path: str) -> str:
    """Return the path of an entry's age file: what is sent there is known to be sealed already."""
    return path if path.endswith(AGE_SUFFIX) else path + AGE_SUFFIX


def _sent(form: str, length: str, digest: bytes | None, named: bytes | None) -> SentSealed:
    if form.strip() != _FORMAT:
        raise HeaderInvalid("The only form in which a file can be sealed is age.")
    if not (length.isascii() and length.isdigit() and len(length) <= len(str(2**63))):
        raise HeaderInvalid("A sealed file needs the length of its plaintext in bytes.")
    return SentSealed(b"", int(length), digest, named)


def _hexadecimal(metadata: Mapping[str, bytes], name: str) -> bytes | None:
    if name not in metadata:
        return None
    try:
        digest = bytes.fromhex(metadata[name].decode("ascii", "replace"))
    except ValueError:
        digest = b""
    if len(digest) != digests.SHA256_BYTES:
        raise HeaderInvalid(f"Upload-Metadata: {name} is not a SHA-256 in hexadecimal.")
    return digest
