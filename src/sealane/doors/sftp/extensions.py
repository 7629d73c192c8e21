"""The extended requests (draft-ietf-secsh-filexfer-02, section 8): OpenSSH's, copy-data and check-file.

Sources: OpenSSH PROTOCOL (posix-rename, statvfs, fstatvfs, fsync, limits, expand-path; lsetstat is SETSTAT, there are
no links), draft-ietf-secsh-filexfer-extensions-00 (check-file, copy-data, home-directory).
"""

from __future__ import annotations

import asyncio
import hashlib
import struct
from typing import TYPE_CHECKING, Final

from sealane import paths
from sealane.doors.sftp import attributes, packets
from sealane.doors.sftp.engine import READ_BYTES_MAX
from sealane.doors.sftp.handles import OpenFolder, ReadingFile, WritingFile
from sealane.doors.sftp.packets import HANDLE_BYTES_MAX, WORD_BYTES_MAX, Malformed, read_path, read_text
from sealane.errors import CopyNotShared, Invalid, IsAFolder, NotAllowed, TooMany, Unsupported

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sealane.doors.sftp.files import Files
    from sealane.doors.sftp.handles import Handles
    from sealane.doors.sftp.packets import Fields
    from sealane.vault.blobs import Buffer

ANNOUNCED: Final = (
    (b"posix-rename@openssh.com", b"1"),
    (b"statvfs@openssh.com", b"2"),
    (b"fstatvfs@openssh.com", b"2"),
    (b"fsync@openssh.com", b"1"),
    (b"lsetstat@openssh.com", b"1"),
    (b"limits@openssh.com", b"1"),
    (b"expand-path@openssh.com", b"1"),
    (b"home-directory", b"1"),
    (b"copy-data", b"1"),
    (b"check-file", b"1"),
)
_BLOCK_BYTES_MIN: Final = 256
_HASHES_BYTES_MAX: Final = 128 * 1024
_VFS_BLOCK: Final = 4096
_VFS_UNBOUNDED: Final = 1 << 50
"""Bytes told where no quota bounds them: clients want a number."""
_VFS_FILES_UNBOUNDED: Final = 1 << 40
_VFS_NO_SUID: Final = 2
_VFS: Final = struct.Struct(">11Q")
_LIMITS: Final = struct.Struct(">4Q")


class Extensions:
    """Serves one session's extended requests."""

    def __init__(self, files: Files, handles: Handles) -> None:
        """Serve them for the client whose files these are."""
        self._files = files
        self._handles = handles
        self._serving: dict[bytes, Callable[[int, Fields], Awaitable[list[Buffer]]]] = {
            b"posix-rename@openssh.com": self._posix_rename,
            b"statvfs@openssh.com": self._statvfs,
            b"fstatvfs@openssh.com": self._fstatvfs,
            b"fsync@openssh.com": self._fsync,
            b"limits@openssh.com": self._limits,
            b"expand-path@openssh.com": self._expand_path,
            b"home-directory": self._home_directory,
            b"copy-data": self._copy_data,
            b"check-file": self._check_handle,
            b"check-file-handle": self._check_handle,
            b"check-file-name": self._check_name,
        }

    async def serve(self, name: bytes, number: int, fields: Fields) -> list[Buffer]:
        """Return the reply to the extended request of this name."""
        serving = self._serving.get(name)
        if serving is None:
            raise Unsupported("This extension is not offered.")
        return await serving(number, fields)

    # --- OpenSSH's --------------------------------------------------------------------------------------------------

    async def _posix_rename(self, number: int, fields: Fields) -> list[Buffer]:
        source = read_path(fields)
        target = read_path(fields)
        await self._files.move(source, target, replace=True, writing=self._handles.writing_at(source))
        return [packets.ok(number)]

    async def _statvfs(self, number: int, fields: Fields) -> list[Buffer]:
        return [await self._space(number, read_path(fields))]

    async def _fstatvfs(self, number: int, fields: Fields) -> list[Buffer]:
        opened = self._handles.get(fields.string(HANDLE_BYTES_MAX))
        if opened is None:
            raise Malformed("There is no such handle.")
        return [await self._space(number, opened.path)]

    async def _space(self, number: int, path: str) -> bytes:
        space = await self._files.space(path)
        blocks = (space.quota_bytes or _VFS_UNBOUNDED) // _VFS_BLOCK
        blocks_free = max(blocks - -(-space.used_bytes // _VFS_BLOCK), 0)
        nodes = space.quota_files or _VFS_FILES_UNBOUNDED
        nodes_free = max(nodes - space.used_files, 0)
        told = _VFS.pack(
            _VFS_BLOCK,
            _VFS_BLOCK,
            blocks,
            blocks_free,
            blocks_free,
            nodes,
            nodes_free,
            nodes_free,
            0,
            _VFS_NO_SUID,
            paths.NAME_BYTES_MAX,
        )
        return packets.extended(number, told)

    async def _fsync(self, number: int, fields: Fields) -> list[Buffer]:
        opened = self._handles.file(fields.string(HANDLE_BYTES_MAX))
        if isinstance(opened, WritingFile):
            await opened.flush()
        return [packets.ok(number)]

    async def _limits(self, number: int, fields: Fields) -> list[Buffer]:
        del fields
        settings = self._files.door.settings
        told = _LIMITS.pack(settings.sftp_packet_bytes_max, READ_BYTES_MAX, READ_BYTES_MAX, settings.sftp_handles_max)
        return [packets.extended(number, told)]

    async def _expand_path(self, number: int, fields: Fields) -> list[Buffer]:
        text = read_text(fields)
        if text == "~" or text.startswith("~/"):
            text = "/" + text[1:]
        elif text.startswith("~"):
            raise Unsupported("Other users have no home folder here.")
        return [one_name(number, paths.show(paths.resolve(text, clamp=True)))]

    async def _home_directory(self, number: int, fields: Fields) -> list[Buffer]:
        """Everybody's home is the root of what they see; nothing is told of other users."""
        fields.string(WORD_BYTES_MAX)
        return [one_name(number, "/")]

    # --- copy-data --------------------------------------------------------------------------------------------------

    async def _copy_data(self, number: int, fields: Fields) -> list[Buffer]:
        """Copy bytes of one open file into another, by sharing what is stored where that can be done."""
        source = self._handles.file(fields.string(HANDLE_BYTES_MAX))
        start, length = fields.u64(), fields.u64()
        target = self._handles.file(fields.string(HANDLE_BYTES_MAX))
        offset = fields.u64()
        if not isinstance(target, WritingFile):
            raise NotAllowed("The target of a copy has to be opened for writing.")
        if source is target:
            raise Invalid("A file cannot be copied into itself through one handle.")
        if isinstance(source, ReadingFile):
            left = max(source.size - start, 0)
            wanted = min(length, left) if length else left
            if not wanted:
                return [packets.ok(number)]
            try:
                await target.copy_from(source, start, wanted, offset)
            except CopyNotShared:
                pass
            else:
                return [packets.ok(number)]
        end = start + length if length else None
        while end is None or start < end:
            block = await source.read(start, READ_BYTES_MAX if end is None else min(READ_BYTES_MAX, end - start))
            if not block:
                break
            await target.write(offset, memoryview(block))
            start += len(block)
            offset += len(block)
        return [packets.ok(number)]

    # --- check-file -------------------------------------------------------------------------------------------------

    async def _check_name(self, number: int, fields: Fields) -> list[Buffer]:
        path = read_path(fields)
        _check_algorithm(fields)
        start, length, block_bytes = fields.u64(), fields.u64(), fields.u32()
        entry = await self._files.look(path, own_uploads=False)
        if entry.kind == "folder":
            raise IsAFolder
        whole = not start and not block_bytes and (not length or length >= entry.size)
        is_age = entry.age_size is not None and entry.size == entry.age_size
        if whole and entry.digest is not None and not is_age:
            return [_hashes(number, entry.digest)]
        reading = await self._files.open_reading(path, entry.version)
        try:
            return [await self._hash(number, reading, start, length, block_bytes)]
        finally:
            await reading.let_go()

    async def _check_handle(self, number: int, fields: Fields) -> list[Buffer]:
        name = fields.string(HANDLE_BYTES_MAX)
        opened = self._handles.get(name)
        if isinstance(opened, OpenFolder):
            raise IsAFolder
        reading = self._handles.file(name)
        _check_algorithm(fields)
        start, length, block_bytes = fields.u64(), fields.u64(), fields.u32()
        if isinstance(reading, ReadingFile):
            whole = not start and not block_bytes and (not length or length >= reading.size)
            if whole and reading.outgoing.digest is not None:
                return [_hashes(number, reading.outgoing.digest)]
        return [await self._hash(number, reading, start, length, block_bytes)]

    async def _hash(
        self, number: int, reading: ReadingFile | WritingFile, start: int, length: int, block_bytes: int
    ) -> bytes:
        """Return the reply with one hash of the range, or one of each block of it."""
        if block_bytes and block_bytes < _BLOCK_BYTES_MIN:
            raise Invalid(f"A block to check has at least {_BLOCK_BYTES_MIN} bytes.")
        end = min(start + length, reading.size) if length else reading.size
        span = max(end - start, 0)
        count = -(-span // block_bytes) if block_bytes else 1
        if count * hashlib.sha256().digest_size > _HASHES_BYTES_MAX:
            raise TooMany("These are too many blocks for one reply. Ask for larger blocks or a shorter range.")
        step = block_bytes or max(span, 1)
        starts = range(start, end, step) if span else (start,)
        digests = [await _digest(reading, at, min(at + step, end)) for at in starts]
        return _hashes(number, b"".join(digests))


def one_name(number: int, path: str) -> bytes:
    """Return a NAME reply of one path, as REALPATH and its kin are answered."""
    name = path.encode()
    return packets.names(number, [packets.name_entry(name, name, attributes.NONE)])


async def _digest(reading: ReadingFile | WritingFile, start: int, end: int) -> bytes:
    """Return the SHA-256 of bytes `start` to `end`; hashed in a thread, since a whole file may be meant."""
    hashed = hashlib.sha256()
    while start < end:
        block = await reading.read(start, min(READ_BYTES_MAX, end - start))
        if not block:
            break
        await asyncio.to_thread(hashed.update, block)
        start += len(block)
    return hashed.digest()


def _check_algorithm(fields: Fields) -> None:
    """Take SHA-256, wherever it stands in the client's list."""
    if b"sha256" not in fields.string(WORD_BYTES_MAX).split(b","):
        raise Unsupported("Only sha256 is offered to check files.")


def _hashes(number: int, digests: bytes) -> bytes:
    """Return the reply: its name, the algorithm, and the hashes one after the other up to the packet's end."""
    return packets.extended(number, packets.string(b"check-file") + packets.string(b"sha256") + digests)
