"""Replies on their way out: what waits for a channel's window, and the padding of packets."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sealane.vault.blobs import Buffer


class Outlet:
    """Replies of one channel that wait for its window, in order."""

    __slots__ = ("_blocks", "size")

    def __init__(self) -> None:
        """Nothing waits."""
        self._blocks: deque[Buffer] = deque()
        self.size = 0

    def add(self, blocks: list[Buffer]) -> None:
        """Let blocks wait."""
        for block in blocks:
            self._blocks.append(block)
            self.size += len(block)

    def fill(self, place: memoryview) -> None:
        """Take as many bytes as `place` has room for; there are that many."""
        at, room = 0, len(place)
        self.size -= room
        while at < room:
            block = self._blocks[0]
            length = len(block)
            if length <= room - at:
                place[at : at + length] = block
                self._blocks.popleft()
                at += length
            else:
                view = memoryview(block)
                place[at:] = view[: room - at]
                self._blocks[0] = view[room - at :]
                at = room

    def drain(self) -> bytes:
        """Take everything."""
        data = b"".join(self._blocks)
        self._blocks.clear()
        self.size = 0
        return data


class Padding:
    """Random padding, fetched from the system a page at a time (RFC 4253, 6)."""

    __slots__ = ("_at", "_page")
    _PAGE_BYTES: Final = 4096

    def __init__(self) -> None:
        """Fetch when first asked."""
        self._page = b""
        self._at = 0

    def take(self, size: int) -> bytes:
        """Return `size` random bytes that were never returned before."""
        end = self._at + size
        if end > len(self._page):
            self._page = os.urandom(self._PAGE_BYTES)
            self._at, end = 0, size
        taken = self._page[self._at : end]
        self._at = end
        return taken
