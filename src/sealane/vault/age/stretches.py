"""Stretches of a payload: consecutive chunks, sealed or opened at once, in any order (C2SP age.md, "Payload").

For whoever sends or fetches parts of one file side by side. Here a chunk is sealed as often as it is asked for: that it
is always the same plaintext is the caller's to see to (`client/sealing.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane.vault.age.failures import PayloadDamaged
from sealane.vault.age.payload import CHUNK_BYTES, STORED_CHUNK_BYTES, TAG_BYTES

if TYPE_CHECKING:
    from sealane.vault.age.payload import PayloadKey
    from sealane.vault.blobs import Buffer


def last_chunk(length: int) -> int:
    """Return the number of the last chunk of `length` plaintext bytes; an empty file has one chunk too."""
    return max(0, -(-length // CHUNK_BYTES) - 1)


def stored_at(offset: int) -> int:
    """Return where the chunk that begins at plaintext `offset` begins, counted from the first chunk."""
    assert offset % CHUNK_BYTES == 0
    return offset // CHUNK_BYTES * STORED_CHUNK_BYTES


def seal(key: PayloadKey, first: int, plain: Buffer, *, last: bool) -> bytearray:
    """Seal consecutive chunks from number `first` on, all full but the last; `last`: that one ends the payload."""
    view = memoryview(plain).cast("B")
    count = max(1, -(-len(view) // CHUNK_BYTES))
    assert last or len(view) == count * CHUNK_BYTES, "only a payload's last chunk is short"
    sealed = bytearray(len(view) + count * TAG_BYTES)
    out = memoryview(sealed)
    for index in range(count):
        key.seal_into(
            first + index,
            view[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES],
            out[index * STORED_CHUNK_BYTES : (index + 1) * STORED_CHUNK_BYTES],
            last=last and index == count - 1,
        )
    return sealed


def open_(key: PayloadKey, first: int, sealed: Buffer, *, last: bool) -> bytearray:
    """Open what `seal` made. Raises `PayloadDamaged`: nothing of the stretch is given then."""
    view = memoryview(sealed).cast("B")
    count = -(-len(view) // STORED_CHUNK_BYTES)
    rest = len(view) - (count - 1) * STORED_CHUNK_BYTES
    if count == 0 or rest < TAG_BYTES or (rest == TAG_BYTES and first + count > 1):
        raise PayloadDamaged  # only an empty file has an empty chunk
    plain = bytearray(len(view) - count * TAG_BYTES)
    out = memoryview(plain)
    for index in range(count):
        key.open_into(
            first + index,
            view[index * STORED_CHUNK_BYTES : (index + 1) * STORED_CHUNK_BYTES],
            out[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES],
            last=last and index == count - 1,
        )
    return plain


def tags(sealed: Buffer) -> bytes:
    """Return the tags of sealed consecutive chunks, one after another."""
    view = memoryview(sealed).cast("B")
    return b"".join(
        bytes(view[min(start + STORED_CHUNK_BYTES, len(view)) - TAG_BYTES : start + STORED_CHUNK_BYTES])
        for start in range(0, len(view), STORED_CHUNK_BYTES)
    )
