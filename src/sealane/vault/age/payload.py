"""The payload of an age file: chunks of 64 KiB under ChaCha20-Poly1305 (C2SP age.md, "Payload").

A payload is a 16-byte nonce and chunks; chunk i has the nonce `i (11 bytes, big-endian) || last (1 byte)`. Whatever
follows a chunk
decides whether it was the last, so a writer holds the last chunk back until bytes follow it or the file ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sealane.vault.age.failures import PayloadDamaged

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealane.vault.blobs import Buffer

CHUNK_BYTES: Final = 64 * 1024
TAG_BYTES: Final = 16
STORED_CHUNK_BYTES: Final = CHUNK_BYTES + TAG_BYTES
NONCE_BYTES: Final = 16


def sealed_length(length: int) -> int:
    """Return the bytes of the chunks of `length` plaintext bytes (without header and nonce)."""
    return length + TAG_BYTES * max(1, -(-length // CHUNK_BYTES))


def plain_length(sealed: int) -> int:
    """Return the plaintext bytes of chunks of this length. Raises `PayloadDamaged` for a length no payload has."""
    chunks = -(-sealed // STORED_CHUNK_BYTES)
    plain = sealed - TAG_BYTES * chunks
    if chunks == 0 or sealed_length(max(plain, 0)) != sealed:
        raise PayloadDamaged
    return plain


def derive(file_key: bytes, nonce: bytes) -> bytes:
    """Return the 32 bytes that the chunks of one payload are under (C2SP age.md, "Payload")."""
    assert len(nonce) == NONCE_BYTES
    return HKDF(SHA256(), 32, salt=nonce, info=b"payload").derive(file_key)


class PayloadKey:
    """The key of one payload. Chunks go in and out of the caller's buffers; the GIL is released while they do."""

    __slots__ = ("_cipher",)

    def __init__(self, file_key: bytes, nonce: bytes) -> None:
        """Derive it from the file key and the payload's nonce."""
        self._cipher = ChaCha20Poly1305(derive(file_key, nonce))

    @classmethod
    def derived(cls, key: bytes) -> Self:
        """Take a key that `derive` made elsewhere: whoever has it can read and write this payload, and no other."""
        made = cls.__new__(cls)
        made._cipher = ChaCha20Poly1305(key)  # noqa: SLF001  # its own class
        return made

    def seal_into(self, number: int, plain: Buffer, sealed: Buffer, *, last: bool) -> None:
        """Seal one chunk; `sealed` is 16 bytes longer than `plain`."""
        self._cipher.encrypt_into(_nonce(number, last=last), plain, None, sealed)

    def open_into(self, number: int, sealed: Buffer, plain: Buffer, *, last: bool) -> None:
        """Open one chunk. Raises `PayloadDamaged`; what `plain` then holds is not to be used."""
        try:
            self._cipher.decrypt_into(_nonce(number, last=last), sealed, None, plain)
        except InvalidTag:
            raise PayloadDamaged from None


class RangeReader:
    """Reads ranges of a payload whose length is known, without reading the rest.

    `read(offset, length)` gives sealed bytes, counted from the first chunk. The last chunk is opened first: only that
    proves
    where the file ends (C2SP age.md, "Seeking relatively to the end").
    """

    __slots__ = ("_key", "_last", "_read", "_tail", "length")

    def __init__(self, key: PayloadKey, read: Callable[[int, int], bytes], sealed: int) -> None:
        """Open the last chunk of a payload of `sealed` bytes. Raises `PayloadDamaged`."""
        self._key = key
        self._read = read
        self.length = plain_length(sealed)
        self._last = max(0, -(-self.length // CHUNK_BYTES) - 1)
        self._tail = b""
        self._tail = bytes(self._open(self._last))

    def read(self, offset: int, length: int) -> bytes:
        """Return `length` plaintext bytes from `offset`, fewer at the end."""
        end = min(offset + length, self.length)
        if offset >= end:
            return b""
        first, last = offset // CHUNK_BYTES, (end - 1) // CHUNK_BYTES
        plain = b"".join(self._open(number) for number in range(first, last + 1))
        start = offset - first * CHUNK_BYTES
        return plain[start : start + end - offset]

    def _open(self, number: int) -> bytearray | bytes:
        if number == self._last and self._tail:
            return self._tail
        size = min(CHUNK_BYTES, self.length - number * CHUNK_BYTES)
        sealed = self._read(number * STORED_CHUNK_BYTES, size + TAG_BYTES)
        if len(sealed) != size + TAG_BYTES:
            raise PayloadDamaged
        plain = bytearray(size)
        self._key.open_into(number, sealed, plain, last=number == self._last)
        return plain


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\1" if last else b"\0")
