"""The file that a fetch grows in: opened again where an earlier run left it, written, named once it is whole.

Must stay true: under its own name a file is never there half; what is not ours is never overwritten.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sealane.client import sealing
from sealane.client.failures import LocalFailure
from sealane.client.positions import hash_file
from sealane.vault.disk import sync_folder

if TYPE_CHECKING:
    from datetime import datetime

    from sealane.client.journals import DownloadJournal, Journal
    from sealane.client.runs import Run
    from sealane.vault.blobs import Buffer


class Place(NamedTuple):
    """Where a file goes."""

    target: Path
    unfinished: Path
    """Where it grows; in the same folder as `target`."""


def open_again(
    path: Path, journal: Journal[DownloadJournal], version: str, size: int
) -> tuple[int, int, DownloadJournal | None]:
    """Open the unfinished file; return its descriptor and inode, and the journal where it can be gone on from.

    A file of that name which is not ours is not touched, unless it is empty: a run may be killed just after making it.
    """
    kept = journal.read()
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o666)
        status = os.fstat(descriptor)
        ours = kept is not None and kept.inode == status.st_ino
        if not stat.S_ISREG(status.st_mode) or (status.st_size > 0 and not ours):
            os.close(descriptor)
            raise LocalFailure(f"{path} is in the way and was not made by this command. Move or remove it.")
        if kept is not None and ours and _adds_up(kept, version, size):
            return descriptor, status.st_ino, kept
        os.ftruncate(descriptor, 0)
    except OSError as problem:
        raise LocalFailure(f"{path} cannot be written: {problem.strerror}.") from None
    return descriptor, status.st_ino, None


def _adds_up(kept: DownloadJournal, version: str, size: int) -> bool:
    """Say whether a journal is of this very version, and its parts make it up in order, without gap or overlap."""
    if (kept.version, kept.size) != (version, size):
        return False
    reached = 0
    for start, length, written in kept.parts:
        if start != reached or length <= 0 or not 0 <= written <= length:
            return False
        reached += length
    return reached == kept.size


def write_at(descriptor: int, block: Buffer, offset: int) -> None:
    """Write all of a block at a place. Raises `LocalFailure`."""
    view = memoryview(block)
    try:
        while view:
            written = os.pwrite(descriptor, view, offset)
            view, offset = view[written:], offset + written
    except OSError as problem:
        raise LocalFailure(f"The file cannot be written: {problem.strerror}.") from None


def give_name(descriptor: int, place: Place, modified: datetime | None) -> None:
    """Make the file durable, give it its time and then its name, in one step."""
    try:
        if modified is not None:
            nanoseconds = int(modified.timestamp()) * 10**9 + modified.microsecond * 1000
            os.utime(descriptor, ns=(nanoseconds, nanoseconds))
        os.fsync(descriptor)
        place.unfinished.replace(place.target)
        sync_folder(place.target.parent)
    except OSError as problem:
        raise LocalFailure(f"{place.target} cannot be written: {problem.strerror}.") from None


def discard(unfinished: Path, journal: Journal[DownloadJournal]) -> None:
    """Drop what an earlier run left, and its journal."""
    with contextlib.suppress(OSError):
        unfinished.unlink()
    sealing.forget(journal.beside)
    journal.forget()


def hash_of(run: Run, path: Path, size: int) -> str | None:
    """Return the SHA-256 of a local file, hexadecimal; None where it is not there, is no file, or has another size."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        if os.fstat(descriptor).st_size != size:
            return None
        return hash_file(descriptor, size, block_bytes=run.settings.block_bytes, check=run.stop.check).hex()
    finally:
        os.close(descriptor)
