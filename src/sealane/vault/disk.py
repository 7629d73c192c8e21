"""The few calls of the operating system that the local store stands on, so that a test can put a failing disk under it.

`Disk` is the real one. `tests/vault/power_cut.py` has one that forgets what was not synced. Folders are spoken to by
open descriptors, never by paths put together at run time; nothing here follows a symbolic link.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from sealane.vault.blobs import Buffer


class Disk:
    """The operating system. Every call may raise `OSError`; none retries."""

    def open_root(self, path: Path) -> int:
        """Return a descriptor of a folder by its path, made with mode 0700 (durably) where it is missing."""
        if not path.is_dir():
            path.mkdir(mode=0o700)
            parent = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(parent)
            finally:
                os.close(parent)
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)

    def make_folder(self, folder: int, name: str) -> None:
        """Make a folder inside a folder."""
        os.mkdir(name, 0o700, dir_fd=folder)

    def open_folder(self, folder: int, name: str) -> int:
        """Return a descriptor of a folder inside a folder."""
        return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)

    def create(self, folder: int, name: str) -> int:
        """Make an empty file, mode 0600, for writing; `FileExistsError` if the name is taken."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(name, flags, 0o600, dir_fd=folder)

    def open(self, folder: int, name: str) -> int:
        """Open a file for reading."""
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)

    def write(self, file: int, buffer: Buffer) -> int:
        """Write at the file's end; return how many bytes were taken."""
        return os.write(file, buffer)

    def read(self, file: int, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset` on."""
        return os.pread(file, length, offset)

    def length(self, file: int) -> int:
        """Return a file's length in bytes."""
        return os.fstat(file).st_size

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
