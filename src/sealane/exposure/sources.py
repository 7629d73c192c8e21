"""The bytes of one part: looked at from the front, read in order, or, where a format needs it, in any order.

A source is made of anything with `read`, and seeks only where the thing below says that it can (a local file, a range
reader of stored content). Where a format must be read in any order and its source cannot seek (an archive's member), it
is held in memory up to `buffered_bytes_max`. Nothing is ever written to a disk.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, Protocol

from sealane.exposure.model import PartUnreadable, Why

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealane.exposure.limits import ExposureLimits

READ_BYTES = 1 << 20


class Readable(Protocol):
    """Anything that bytes can be read from in order."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; nothing at the end."""
        ...


class Source:
    """The bytes of one part."""

    def __init__(self, stream: Readable, limits: ExposureLimits) -> None:
        """Take a stream at its beginning. Who opened it closes it."""
        self._stream = stream
        self._limits = limits
        self._ahead = b""
        self.head = self._look()
        """The first `head_bytes`, or all there is."""

    def _look(self) -> bytes:
        pieces: list[bytes] = []
        missing = self._limits.head_bytes
        while missing and (piece := self._stream.read(missing)):
            pieces.append(piece)
            missing -= len(piece)
        self._ahead = b"".join(pieces)
        return self._ahead

    def read(self, size: int) -> bytes:
        """Return up to `size` of the next bytes; nothing at the end."""
        if self._ahead:
            taken, self._ahead = self._ahead[:size], self._ahead[size:]
            return taken
        return self._stream.read(size)

    def blocks(self, size: int) -> Iterator[bytes]:
        """Yield what is left in blocks of `size`, the last one shorter."""
        while True:
            pieces: list[bytes] = []
            missing = size
            while missing and (piece := self.read(missing)):
                pieces.append(piece)
                missing -= len(piece)
            if pieces:
                yield b"".join(pieces)
            if missing:
                return

    def whole(self, bytes_max: int) -> bytes:
        """Return all that is left. Raises `PartUnreadable` (too large) past `bytes_max`."""
        pieces: list[bytes] = []
        held = 0
        for block in self.blocks(READ_BYTES):
            held += len(block)
            if held > bytes_max:
                raise PartUnreadable(Why.TOO_LARGE)
            pieces.append(block)
        return b"".join(pieces)

    def anywhere(self) -> BinaryIO:
        """Return a stream of all bytes that can seek: the one below where it can, else a copy in memory.

        Only before anything else is read. Raises `PartUnreadable` (too large) where the copy would be past its limit.
        """
        stream = self._stream
        if isinstance(stream, io.IOBase) and stream.seekable():
            stream.seek(0)
            return stream  # type: ignore[return-value]
        return io.BytesIO(self.whole(self._limits.buffered_bytes_max))
