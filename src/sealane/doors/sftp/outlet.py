"""Replies on their way out: what waits for a channel's window, and the padding of packets."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sealane.vault.blobs import Buffer


class Outlet:
    """Replies of one channel that wait for its window, in order."""

    __slots__ = ("_begun", "_blocks", "size")

    def __init__(self) -> None:
        """Nothing waits."""
        self._blocks: deque[Buffer] = deque()
        self._begun = 0
        """Bytes of the first block that were taken already."""
        self.size = 0

    def add(self, blocks: list[Buffer]) -> None:
        """Let blocks wait. What of them is not taken before the event loop goes on is to be kept (`keep`)."""
        self._blocks += blocks
        for block in blocks:
            self.size += len(block)

    def fill(self, place: memoryview) -> None:
        """Take as many bytes as `place` has room for; there are that many."""
        at, room = 0, len(place)
        self.size -= room
        while at < room:
            block, begun = self._blocks[0], self._begun
            left = len(block) - begun
            if left > room - at:
                left = room - at
                self._begun = begun + left
            else:
                self._blocks.popleft()
                self._begun = 0
            place[at : at + left] = memoryview(block)[begun : begun + left]
            at += left

    def keep(self) -> None:
        """Copy what waits and lies in others' memory."""
        blocks = self._blocks
        for number, block in enumerate(blocks):
            if type(block) is not bytes:
                blocks[number] = bytes(block)

    def drain(self) -> bytes:
        """Take everything."""
        if self._begun:
            self._blocks[0] = memoryview(self._blocks[0])[self._begun :]
        data = b"".join(self._blocks)
        self._blocks.clear()
        self.size = self._begun = 0
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
