"""How far each part of one file is, seen from many threads; and the SHA-256 that follows behind the gapless front."""

from __future__ import annotations

import hashlib
import os
import threading
from typing import TYPE_CHECKING

from sealane.client.failures import ChangedHere, Interrupted, LocalFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealane.client.parts import Part


_LOOK_AGAIN_SECONDS = 0.5
"""How soon a wait notices that the whole run was stopped."""


class Positions:
    """Bytes moved of each part. `front` bytes of the file have moved without a gap."""

    def __init__(self, parts: Sequence[Part], moved: Sequence[int]) -> None:
        """Begin where an earlier run ended: `moved` bytes of each part."""
        self._parts = parts
        self._moved = list(moved)
        self._changed = threading.Condition()

    def set(self, number: int, moved: int) -> int:
        """Note that part `number` stands at `moved` bytes; return how many have moved of the whole file."""
        with self._changed:
            self._moved[number] = moved
            self._changed.notify_all()
            return sum(self._moved)

    def of(self, number: int) -> int:
        """Return the bytes moved of part `number`."""
        with self._changed:
            return self._moved[number]

    def snapshot(self) -> tuple[int, ...]:
        """Return the bytes moved of each part."""
        with self._changed:
            return tuple(self._moved)

    def total(self) -> int:
        """Return the bytes moved of all parts."""
        return sum(self.snapshot())

    def wait_front(self, beyond: int, check: Callable[[], None]) -> int:
        """Return the front once it is beyond `beyond`. `check` is called now and then and may raise to end the wait."""
        with self._changed:
            while (front := self._front()) <= beyond:
                check()
                self._changed.wait(_LOOK_AGAIN_SECONDS)
            return front

    def wake(self) -> None:
        """Have whoever waits for the front call its `check` now."""
        with self._changed:
            self._changed.notify_all()

    def _front(self) -> int:
        for part, moved in zip(self._parts, self._moved, strict=True):
            if moved < part.length:
                return part.start + moved
        return self._parts[-1].end if self._parts else 0


class FollowingDigest:
    """Hashes in order, in a thread of its own, right behind the front, where the bytes are still in memory."""

    def __init__(
        self,
        read: Callable[[int, int], bytes | bytearray],
        size: int,
        positions: Positions,
        *,
        block_bytes: int,
        check: Callable[[], None],
        start: int = 0,
        before: bytes = b"",
    ) -> None:
        """Begin at once. `read(wanted, offset)` must work until `result` or `close`; `check` may raise to end it.

        Hashes `before`, and then what lies from `start` on.
        """
        self._read = read
        self._start = start
        self._before = before
        self._size = size
        self._positions = positions
        self._block_bytes = block_bytes
        self._check_run = check
        self._given_up = threading.Event()
        self._digest: bytes | None = None
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._follow, name="digest", daemon=True)
        self._thread.start()

    def result(self) -> bytes:
        """Return the SHA-256 of the whole file once all of it has moved, or raise what went wrong."""
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        assert self._digest is not None  # the thread sets one of the two
        return self._digest

    def close(self) -> None:
        """Give up, so that the descriptor may be closed. Harmless after `result`."""
        self._given_up.set()
        self._positions.wake()
        self._thread.join()

    def _check(self) -> None:
        self._check_run()
        if self._given_up.is_set():
            raise Interrupted

    def _follow(self) -> None:
        try:
            self._digest = self._hash()
        except Exception as problem:  # noqa: BLE001  it is raised again by `result`, in the thread that asks
            self._failure = problem

    def _hash(self) -> bytes:
        digest = hashlib.sha256(self._before)
        done = self._start
        while done < self._size:
            front = self._positions.wait_front(done, self._check)
            while done < front:
                self._check()
                block = self._read(min(self._block_bytes, front - done), done)
                digest.update(block)
                done += len(block)
        return digest.digest()


def read_at(descriptor: int, wanted: int, offset: int) -> bytes:
    """Return one to `wanted` bytes of a file from `offset`; a file that ends before has changed."""
    try:
        block = os.pread(descriptor, wanted, offset)
    except OSError as problem:
        raise LocalFailure(f"The file cannot be read: {problem.strerror}.") from None
    if not block:
        raise ChangedHere
    return block


def hash_file(descriptor: int, size: int, *, block_bytes: int, check: Callable[[], None]) -> bytes:
    """Return the SHA-256 of the first `size` bytes of a file; `check` may raise to end it."""
    digest, done = hashlib.sha256(), 0
    while done < size:
        check()
        block = read_at(descriptor, min(block_bytes, size - done), done)
        digest.update(block)
        done += len(block)
    return digest.digest()
