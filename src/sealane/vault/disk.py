"""The few calls of the operating system that blobs and key files stand on, so that a test can put a failing disk there.

`Disk` is the real one. `tests/vault/power_cut.py` has one that forgets what was not synced. Folders are spoken to by
open descriptors, never by paths put together at run time; below the folder that is opened first nothing here follows a
symbolic link.
"""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING, Final

from sealane.errors import StoreFull, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sealane.vault.blobs import Buffer

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Tell the operating system's failures in our own words: `StoreFull`, `Unavailable`."""
    try:
        yield
    except OSError as problem:
        if problem.errno in _FULL:
            raise StoreFull from problem
        raise Unavailable("The server's disk did not answer as it should.") from problem


class Disk:
    """The operating system. Every call may raise `OSError`; none retries."""

    def open_path(self, path: Path) -> int:
        """Return a descriptor of a folder by its path."""
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def make_folder(self, folder: int, name: str) -> None:
        """Make a folder inside a folder."""
        os.mkdir(name, 0o700, dir_fd=folder)

    def share(self, descriptor: int, mode: int) -> None:
        """Let the group of a file or folder do what `mode` says."""
        os.fchmod(descriptor, mode)

    def open_folder(self, folder: int, name: str) -> int:
        """Return a descriptor of a folder inside a folder."""
        return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)

    def create(self, folder: int, name: str, mode: int = 0o600) -> int:
        """Make an empty file for writing; `FileExistsError` if the name is taken."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(name, flags, mode, dir_fd=folder)

    def open(self, folder: int, name: str) -> int:
        """Open a file for reading."""
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)

    def write(self, file: int, buffer: Buffer) -> int:
        """Write at the file's end; return how many bytes were taken."""
        return os.write(file, buffer)

    def read(self, file: int, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset` on."""
        return os.pread(file, length, offset)

    def read_into(self, file: int, offset: int, target: memoryview) -> int:
        """Fill `target` with bytes from `offset` on; return how many there were, at most."""
        return os.preadv(file, [target], offset)

    def length(self, file: int) -> int:
        """Return a file's length in bytes."""
        return os.fstat(file).st_size

    def mode(self, file: int) -> int:
        """Return who may do what with a file, as the system keeps it."""
        return os.fstat(file).st_mode

    def sync(self, descriptor: int) -> None:
        """Make a file's bytes and length, or a folder's entries, durable."""
        os.fsync(descriptor)

    def rename(self, folder: int, old: str, new: str) -> None:
        """Rename within a folder, in one step."""
        os.rename(old, new, src_dir_fd=folder, dst_dir_fd=folder)

    def remove(self, folder: int, name: str) -> None:
        """Remove a file."""
        os.unlink(name, dir_fd=folder)

    def list(self, folder: int) -> list[str]:
        """Return the names in a folder."""
        return os.listdir(folder)

    def changed(self, folder: int, name: str) -> float:
        """Return when a file was last written, in seconds since 1970."""
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime

    def room(self, folder: int) -> int:
        """Return the bytes that can still be written by us."""
        state = os.statvfs(folder)
        return state.f_bavail * state.f_frsize

    def close(self, descriptor: int) -> None:
        """Close a descriptor."""
        os.close(descriptor)


def open_root(disk: Disk, path: Path) -> int:
    """Return a descriptor of the folder at a path, made with mode 0700 where it is missing; its name is durable then.

    The folder that it is in must be there.
    """
    parent = disk.open_path(path.parent)
    try:
        with contextlib.suppress(FileExistsError):
            disk.make_folder(parent, path.name)
        # Always: who made it may not have lived to sync it.
        disk.sync(parent)
        return disk.open_folder(parent, path.name)
    finally:
        disk.close(parent)


def make_durably(path: Path) -> None:
    """Make a folder (mode 0700) and those above it where they are missing; their names are durable when this returns.

    Raises `OSError`. What is above a folder that we may not read, or on another file system, was not made here.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    device = path.stat().st_dev
    for above in path.absolute().parents:
        if above.stat().st_dev != device or not os.access(above, os.R_OK, effective_ids=True):
            return
        sync_folder(above)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable. Raises `OSError`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
