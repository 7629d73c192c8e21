"""The blob store on a local disk: `blobs/ab/abcdef…`, durable by fsync of file and folder.

A blob is written as `NAME.part` in its folder, synced, renamed to NAME, and the folder synced. `NAME.part` is made with
O_EXCL and held until then, so two writers of a name exclude each other and the rename never replaces a blob, without
hard links, which not every file system has. The 256 folders are made and synced when the store is opened, so that a
commit needs no more than these two syncs. Where the store's folder is its group's to write (the processes run in
accounts of their own), so are these; the group is passed down by the folder's set-group-id bit.
"""

from __future__ import annotations

import contextlib
import re
import stat
import threading
from typing import TYPE_CHECKING, Final

from sealane.errors import BlobExists, Unavailable
from sealane.ids import SegmentId
from sealane.vault.blobs import NAME_LENGTH, check_name, missing
from sealane.vault.disk import Disk, open_root, told

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from sealane.vault.blobs import BlobWriter, Buffer

_PART: Final = ".part"
_BLOB_NAME: Final = re.compile(rf"[0-9a-f]{{{NAME_LENGTH}}}")
_SHARED_FOLDER: Final = 0o2770
_SHARED_FILE: Final = 0o640
_PREFIXES: Final = tuple(f"{number:02x}" for number in range(256))


class LocalStore:
    """Blobs in one folder of a local disk. See `BlobStore` for what every method promises."""

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        """Open the store's folder, which is made where it is missing (its parent must be there)."""
        self._disk = disk or Disk()
        self._lock = threading.Lock()
        self._folders: dict[str, int] = {}
        with told():
            self._root = open_root(self._disk, folder)
            self._shared = bool(self._disk.mode(self._root) & stat.S_IWGRP)
            there = set(self._disk.list(self._root))
            for prefix in _PREFIXES:
                if prefix not in there:
                    with contextlib.suppress(FileExistsError):  # another process opens the store at this moment
                        self._disk.make_folder(self._root, prefix)
                if self._shared:
                    self._share_folder(prefix)
            # Always, even if all are there: who made them may not have lived to sync them.
            self._disk.sync(self._root)

    def create(self, name: SegmentId) -> BlobWriter:
        """Begin a blob."""
        folder = self._folder(check_name(name))
        with told():
            try:
                file = self._disk.create(folder, name + _PART)
            except FileExistsError:
                raise BlobExists from None
            if self._shared:
                self._disk.share(file, _SHARED_FILE)
        writer = _LocalWriter(self._disk, folder, name, file)
        # Asked only now: while we hold the part, no other writer can be about to rename it.
        if self._is_there(folder, name):
            writer.abort()
            raise BlobExists
        return writer

    def read_into(self, name: SegmentId, offset: int, target: memoryview) -> None:
        """Fill `target`."""
        file = self._open(name)
        try:
            with told():
                while target:  # a signal or a file system of its own kind may cut a read short
                    got = self._disk.read_into(file, offset, target)
                    if not got:
                        raise missing()
                    offset += got
                    target = target[got:]
        finally:
            self._disk.close(file)

    def size(self, name: SegmentId) -> int:
        """Return a blob's length."""
        file = self._open(name)
        try:
            with told():
                return self._disk.length(file)
        finally:
            self._disk.close(file)

    def delete(self, name: SegmentId) -> None:
        """Remove a blob durably."""
        folder = self._folder(check_name(name))
        with told():
            with contextlib.suppress(FileNotFoundError):
                self._disk.remove(folder, name)
            self._disk.sync(folder)  # also where it is gone already: a crash may have come before this

    def names(self) -> Iterator[SegmentId]:
        """Yield every committed blob's name."""
        for prefix in _PREFIXES:
            with told():
                listed = self._disk.list(self._folder(prefix))
            for name in listed:
                if _BLOB_NAME.fullmatch(name):
                    yield SegmentId(name)

    def clear_unfinished(self, older_than: datetime) -> int:
        """Remove what crashes left; what a living writer has written to since then stays."""
        cleared = 0
        for prefix in _PREFIXES:
            folder = self._folder(prefix)
            with told():
                for name in self._disk.list(folder):
                    if not name.endswith(_PART):
                        continue
                    with contextlib.suppress(FileNotFoundError):
                        if self._disk.changed(folder, name) < older_than.timestamp():
                            self._disk.remove(folder, name)
                            cleared += 1
        return cleared

    def room(self) -> int:
        """Return the bytes that can still be written."""
        with told():
            return self._disk.room(self._root)

    def close(self) -> None:
        """Close the folders."""
        with self._lock:
            for descriptor in (*self._folders.values(), self._root):
                self._disk.close(descriptor)
            self._folders.clear()

    def _share_folder(self, prefix: str) -> None:
        """Let the group use a folder; who made it may not have lived to do so. Only its owner can."""
        folder = self._folder(prefix)
        if stat.S_IMODE(self._disk.mode(folder)) != _SHARED_FOLDER:
            self._disk.share(folder, _SHARED_FOLDER)

    def _folder(self, name: str) -> int:
        prefix = name[:2]
        with self._lock:
            descriptor = self._folders.get(prefix)
            if descriptor is None:
                with told():
                    descriptor = self._folders[prefix] = self._disk.open_folder(self._root, prefix)
            return descriptor

    def _open(self, name: SegmentId) -> int:
        folder = self._folder(check_name(name))
        try:
            return self._disk.open(folder, name)
        except FileNotFoundError:
            raise missing() from None
        except OSError as problem:
            raise Unavailable("The server's disk did not answer as it should.") from problem

    def _is_there(self, folder: int, name: str) -> bool:
        try:
            self._disk.close(self._disk.open(folder, name))
        except FileNotFoundError:
            return False
        return True


class _LocalWriter:
    """One blob under construction on the disk."""

    def __init__(self, disk: Disk, folder: int, name: SegmentId, file: int) -> None:
        self._disk = disk
        self._folder = folder
        self._name = name
        self._file: int | None = file
        self._left = name + _PART
        """What `abort` has to remove; empty once there is nothing."""

    def append(self, buffer: Buffer) -> None:
        """Write all of it."""
        assert self._file is not None, "the blob was ended already"
        view = memoryview(buffer)
        with told():
            while view:
                view = view[self._disk.write(self._file, view) :]

    def commit(self) -> None:
        """Sync, rename, sync the folder."""
        assert self._file is not None, "the blob was ended already"
        with told():
            self._disk.sync(self._file)
            self._close()
            self._disk.rename(self._folder, self._name + _PART, self._name)
            self._left = self._name
            try:
                self._disk.sync(self._folder)
            except OSError:
                self.abort()  # it may not last, so it must not be seen
                raise
            self._left = ""

    def abort(self) -> None:
        """Remove what was written. What cannot be removed now, the sweeper removes later."""
        with contextlib.suppress(OSError):
            self._close()
        left, self._left = self._left, ""
        if left:
            with contextlib.suppress(OSError):
                self._disk.remove(self._folder, left)

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            self._disk.close(file)
