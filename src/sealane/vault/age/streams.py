"""A payload as a stream, in pieces of any size: cut into chunks here, sealed and opened in `stretches.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane.vault.age import stretches
from sealane.vault.age.payload import CHUNK_BYTES, STORED_CHUNK_BYTES

if TYPE_CHECKING:
    from sealane.vault.age.payload import PayloadKey
    from sealane.vault.blobs import Buffer


class Sealer:
    """Seals a stream. `update` gives the chunks that are certainly not the last; `finish` gives the last.

    To go on after an interruption, begin with the number of the next chunk and feed the plaintext from there on; chunks
    that were given out before are never sealed again with other bytes.
    """

    __slots__ = ("_held", "_key", "next_chunk")

    def __init__(self, key: PayloadKey, *, next_chunk: int = 0) -> None:
        """Begin at a chunk."""
        self._key = key
        self._held = bytearray()
        self.next_chunk = next_chunk

    def update(self, plain: Buffer) -> bytearray:
        """Take plaintext of any size; return sealed chunks (maybe none). One chunk's worth at most is held back."""
        view = memoryview(plain).cast("B")
        followed = max(0, len(self._held) + len(view) - 1) // CHUNK_BYTES * CHUNK_BYTES
        sealed = bytearray()
        if self._held and followed:
            missing = CHUNK_BYTES - len(self._held)
            self._held += view[:missing]
            sealed, self._held = self._sealed(self._held), bytearray()
            view, followed = view[missing:], followed - CHUNK_BYTES
        if followed:
            sealed = sealed + self._sealed(view[:followed]) if sealed else self._sealed(view[:followed])
            view = view[followed:]
        self._held += view
        return sealed

    def finish(self) -> bytearray:
        """Return the last chunk."""
        assert self._held or self.next_chunk == 0, "a payload that goes on does not end with an empty chunk"
        sealed = stretches.seal(self._key, self.next_chunk, self._held, last=True)
        self._held = bytearray()
        return sealed

    def _sealed(self, chunks: Buffer) -> bytearray:
        sealed = stretches.seal(self._key, self.next_chunk, chunks, last=False)
        self.next_chunk += len(sealed) // STORED_CHUNK_BYTES
        return sealed


class Opener:
    """Opens a stream from its first chunk. Only when `finish` has returned is the file known to be whole."""

    __slots__ = ("_held", "_key", "_number")

    def __init__(self, key: PayloadKey) -> None:
        """Begin at the first chunk."""
        self._key = key
        self._held = bytearray()
        self._number = 0

    def update(self, sealed: Buffer) -> bytearray:
        """Take sealed bytes of any size; return the plaintext of the chunks that something follows.

        Raises `PayloadDamaged`; nothing of this call is given then.
        """
        self._held += memoryview(sealed).cast("B")
        followed = max(0, len(self._held) - 1) // STORED_CHUNK_BYTES * STORED_CHUNK_BYTES
        if not followed:
            return bytearray()
        with memoryview(self._held) as held:
            plain = stretches.open_(self._key, self._number, held[:followed], last=False)
        self._number += followed // STORED_CHUNK_BYTES
        del self._held[:followed]
        return plain

    def finish(self) -> bytearray:
        """Return the plaintext of the last chunk. Raises `PayloadDamaged` if the file is not whole."""
        return stretches.open_(self._key, self._number, self._held, last=True)
