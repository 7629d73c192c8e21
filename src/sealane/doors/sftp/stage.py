"""Where received SFTP bytes lie until they are whole requests, and the buffers that are lent for it.

Must stay true: an idle connection holds no buffer; the bytes of a request that waits do not move.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sealane.vault.blobs import Buffer

HEAD_BYTES: Final = 10
"""Before the first byte: an SSH packet is opened so that its payload lands behind what is there. Its head (padding
length, type, channel, data length) then lies on top of the last bytes before, which are put back."""
_FREE_KEPT_MAX: Final = 32


class Buffers:
    """Buffers of one size, lent to connections while they need them. One event loop uses it."""

    __slots__ = ("_free", "size")

    def __init__(self, size: int) -> None:
        """Lend buffers of `size` bytes."""
        self.size = size
        self._free: list[bytearray] = []

    def lend(self) -> bytearray:
        """Lend a buffer. What it holds is not defined."""
        return self._free.pop() if self._free else bytearray(self.size)

    def give_back(self, buffer: bytearray) -> None:
        """Take a buffer back that nobody uses any more."""
        if len(self._free) < _FREE_KEPT_MAX:
            self._free.append(buffer)


class Stage:
    """The bytes of one session that are not served yet, contiguous."""

    __slots__ = ("_buffer", "_buffers", "_view", "end", "start")

    def __init__(self, buffers: Buffers) -> None:
        """Hold nothing, in no buffer."""
        self._buffers = buffers
        self._buffer: bytearray | None = None
        self._view = memoryview(b"")
        self.start = HEAD_BYTES
        self.end = HEAD_BYTES

    def __len__(self) -> int:
        return self.end - self.start

    @property
    def unserved(self) -> memoryview:
        """The bytes that are not served yet. They stay where they are while a request among them waits."""
        return self._view[self.start : self.end]

    def has_room(self, size: int, *, may_move: bool) -> bool:
        """Whether `size` bytes more have room. `may_move`: no request waits, so that all may be moved to the front."""
        first = HEAD_BYTES + len(self) if may_move else self.end
        return first + size <= self._buffers.size

    def place_for(self, size: int, *, may_move: bool) -> memoryview | None:
        """Return the last `HEAD_BYTES` before the end and `size` bytes behind them, to write to; None: no room."""
        if not self.has_room(size, may_move=may_move):
            return None
        if self._buffer is None:
            self._buffer = self._buffers.lend()
            self._view = memoryview(self._buffer)
        if self.end + size > len(self._view):
            kept = len(self)
            self._view[HEAD_BYTES : HEAD_BYTES + kept] = bytes(self.unserved)
            self.start, self.end = HEAD_BYTES, HEAD_BYTES + kept
        return self._view[self.end - HEAD_BYTES : self.end + size]

    def keep(self, data: Buffer, *, may_move: bool) -> bool:
        """Copy bytes behind what is there; False if there is no room for them."""
        place = self.place_for(len(data), may_move=may_move)
        if place is None:
            return False
        place[HEAD_BYTES:] = data
        self.end += len(data)
        return True

    def served(self, size: int) -> None:
        """Forget `size` bytes from the front, and give the buffer back when nothing is left."""
        self.start += size
        if self.start == self.end:
            self.clear()

    def clear(self) -> None:
        """Forget everything and give the buffer back."""
        if self._buffer is not None:
            self._view = memoryview(b"")
            self._buffers.give_back(self._buffer)
            self._buffer = None
        self.start = self.end = HEAD_BYTES
