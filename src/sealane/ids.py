"""Typed identifiers. Numbers name rows; random text names what is spoken of outside or must not be guessed."""

from __future__ import annotations

import secrets
from typing import NewType

OrganizationId = NewType("OrganizationId", int)
UserId = NewType("UserId", int)
GroupId = NewType("GroupId", int)
FolderId = NewType("FolderId", int)
FileId = NewType("FileId", int)
KeyId = NewType("KeyId", int)
"""A row of `upload_keys`: one random key an upload."""
TokenId = NewType("TokenId", int)
SshKeyId = NewType("SshKeyId", int)
DownloadId = NewType("DownloadId", int)

VersionId = NewType("VersionId", str)
UploadId = NewType("UploadId", str)
SessionId = NewType("SessionId", str)
"""Names a session in the ledger and in listings. Not a secret: the secret is its handle."""
SessionHandle = NewType("SessionHandle", str)
"""The secret by which a door speaks for a session; stored hashed."""
SegmentId = NewType("SegmentId", str)
"""32 hex digits, random; also the blob's name in the store."""

_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_LENGTH = 26  # 130 bits: 32 letters are 5 bits each
_LETTER_OF_BYTE = bytes(ord(_ALPHABET[byte % len(_ALPHABET)]) for byte in range(256))


def random_name() -> str:
    """Return 26 random letters and digits (130 bits), safe in URLs and read aloud without doubt."""
    return secrets.token_bytes(_LENGTH).translate(_LETTER_OF_BYTE).decode()


def new_segment_id() -> SegmentId:
    """Return a fresh random segment id (128 bits, hex)."""
    return SegmentId(secrets.token_hex(16))


def new_session_handle() -> SessionHandle:
    """Return a fresh session handle (256 bits, URL-safe base64)."""
    return SessionHandle(secrets.token_urlsafe(32))
