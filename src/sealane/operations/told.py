"""How often the keeper has told each connection something that ends what it was told before, in memory that both see.

A notice is written to a connection's socket before anybody else is answered of the change. Where that socket is full,
because its door has left much unread, the notice waits in the keeper; the count of it does not wait. So a door that
compares knows that there is a notice which it has not heard, wherever that may be.
Must stay true: the count is raised before the notice is written, and the notice says the count; a connection without a
place here is never sure of anything; a disk that is full stops nobody (whoever writes to mapped memory of a file for
which there is no room is killed, so the keeper writes to the file, which has all its bytes from the start).
"""

from __future__ import annotations

import contextlib
import logging
import mmap
import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

FILE_NAME: Final = "told"
PLACES: Final = 1024
"""Connections that have a place at once, and one more that is nobody's."""
NOBODY: Final = 0
"""The place of whoever has none."""
_COUNT_BYTES: Final = 8


class Told:
    """The keeper's side: it alone writes."""

    def __init__(self, run_dir: Path, *, mode: int) -> None:
        """Begin anew, in a file of its own: doors that look at an earlier keeper's have lost that one.

        Where it cannot be made there are no places.
        """
        self._path = run_dir / FILE_NAME
        self._counts = [0] * (PLACES + 1)
        self._free: list[int] = []
        self._file = -1
        try:
            self._path.unlink(missing_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            self._file = os.open(self._path, flags, 0o600)
            os.fchmod(self._file, mode)
            empty = bytes(len(self._counts) * _COUNT_BYTES)
            if os.pwrite(self._file, empty, 0) == len(empty):
                self._free = list(range(PLACES, NOBODY, -1))
        except OSError as problem:
            log.warning("what doors were told cannot be counted, so they remember nothing: %s", problem)

    def enter(self) -> int:
        """Return a place for a connection, `NOBODY` where all are taken; its count goes on from whoever had it."""
        return self._free.pop() if self._free else NOBODY

    def count(self, place: int) -> int:
        """Return how often a connection was told something."""
        return self._counts[place]

    def add(self, place: int) -> int:
        """Count one more, for the notice that is written next; return how many that makes.

        Raises `OSError` where it cannot be written: then the connection must end.
        """
        self._counts[place] += 1
        if place != NOBODY:
            os.pwrite(self._file, self._counts[place].to_bytes(_COUNT_BYTES, sys.byteorder), place * _COUNT_BYTES)
        return self._counts[place]

    def leave(self, place: int) -> None:
        """Give a place back."""
        if place != NOBODY:
            self._free.append(place)

    def close(self) -> None:
        """Take the file away, unless it is a later keeper's already."""
        if self._file < 0:
            return
        with contextlib.suppress(OSError):
            if os.path.samestat(self._path.stat(), os.fstat(self._file)):
                self._path.unlink()
        os.close(self._file)
        self._file = -1


class Hearing:
    """A door's side: what it has heard, beside what it was told."""

    def __init__(self, run_dir: Path, place: int, heard: int) -> None:
        """Look at a place, of which `heard` notices were heard. Raises `OSError` where it cannot be looked at."""
        self._place = place
        self._heard = heard
        self._map: mmap.mmap | None = None
        self._counts: memoryview | None = None
        if place == NOBODY:
            return
        descriptor = os.open(run_dir / FILE_NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            self._map = mmap.mmap(descriptor, (PLACES + 1) * _COUNT_BYTES, prot=mmap.PROT_READ)
        except ValueError as problem:  # it is shorter than that
            raise OSError(str(problem)) from None
        finally:
            os.close(descriptor)
        self._counts = memoryview(self._map).cast("Q")

    def hear(self, count: int) -> None:
        """Take note of a notice that came."""
        self._heard = count

    @property
    def is_complete(self) -> bool:
        """Whether everything was heard that this connection was told."""
        return self._counts is not None and self._counts[self._place] == self._heard

    def close(self) -> None:
        """Let go of the memory; nothing is complete any more."""
        if self._counts is not None:
            self._counts.release()
            self._counts = None
        if self._map is not None:
            with contextlib.suppress(BufferError):
                self._map.close()
