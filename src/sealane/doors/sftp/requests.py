"""SFTP version 3's requests, one method each: read the fields, ask or act, build the reply.

What the flags of OPEN mean here, what times and modes do, how folders are listed. Extended requests are in
`extensions.py`; the order of requests and failures are the engine's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealane import paths
from sealane.doors.sftp import attributes, packets
from sealane.doors.sftp.engine import READ_BYTES_MAX
from sealane.doors.sftp.extensions import ANNOUNCED, Extensions, one_name
from sealane.doors.sftp.handles import OpenFolder, ReadingFile, WritingFile
from sealane.doors.sftp.packets import (
    HANDLE_BYTES_MAX,
    WORD_BYTES_MAX,
    Code,
    Flag,
    Kind,
    Malformed,
    read_path,
    read_text,
)
from sealane.errors import Invalid, NotAllowed, SealaneError, Unsupported

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sealane.doors.sftp.files import Files
    from sealane.doors.sftp.handles import Handles
    from sealane.doors.sftp.packets import Fields
    from sealane.vault.blobs import Buffer

NAMES_BYTES_MAX: Final = 30_000
"""Of one READDIR reply: libssh2 before 1.9 takes no packets above 40,000 bytes."""
_NEW: Final = int(Flag.WRITE | Flag.CREAT | Flag.TRUNC)
"""A new content that is only written, as `put` opens it."""
_ALL_FLAGS: Final = Flag.READ | Flag.WRITE | Flag.APPEND | Flag.CREAT | Flag.TRUNC | Flag.EXCL


class SftpRequests:
    """Serves one session's requests."""

    def __init__(self, files: Files, handles: Handles) -> None:
        """Serve them for the client whose files these are."""
        self._files = files
        self._handles = handles
        self._extensions = Extensions(files, handles)
        self._serving: dict[int, Callable[[int, Fields], Awaitable[list[Buffer]]]] = {
            Kind.OPEN: self._open,
            Kind.CLOSE: self._close,
            Kind.READ: self._read,
            Kind.WRITE: self._write,
            Kind.LSTAT: self._stat,
            Kind.STAT: self._stat,
            Kind.FSTAT: self._fstat,
            Kind.SETSTAT: self._setstat,
            Kind.FSETSTAT: self._fsetstat,
            Kind.OPENDIR: self._opendir,
            Kind.READDIR: self._readdir,
            Kind.REMOVE: self._remove,
            Kind.MKDIR: self._mkdir,
            Kind.RMDIR: self._rmdir,
            Kind.REALPATH: self._realpath,
            Kind.RENAME: self._rename,
            Kind.READLINK: self._no_links,
            Kind.SYMLINK: self._no_links,
            Kind.EXTENDED: self._extended,
        }

    def version(self) -> bytes:
        """Return the answer to INIT, with the extensions that there are."""
        return packets.version(ANNOUNCED)

    def close_now(self, name: bytes) -> bool:
        """Close a handle that was read from; False for any other, or none."""
        opened = self._handles.get(name)
        if not isinstance(opened, ReadingFile):
            return False
        self._handles.remove(name)
        self._files.end_later(opened)
        return True

    def open_now(self, number: int, fields: Fields) -> list[Buffer] | None:
        """Open a file for a new content whose upload was begun ahead. None for whatever else, or malformed."""
        try:
            path = read_path(fields)
            if fields.u32() != _NEW:
                return None
            wanted = attributes.parse(fields)
            self._handles.check_room()
        except (Malformed, SealaneError):
            return None  # it is said by `serve`
        writing = self._files.open_new_now(path)
        if writing is None:
            return None
        if wanted.modified is not None:
            writing.set_modified(wanted.modified)
        return [packets.handle(number, self._handles.add(writing))]

    def stat_now(self, number: int, fields: Fields) -> list[Buffer] | None:
        """Say what was told of a path and still stands. None where it has to be asked."""
        try:
            path = read_path(fields)
        except (Malformed, SealaneError):
            return None  # likewise
        writing = self._handles.writing_at(path)
        packed = self._files.attributes_now(path) if writing is None else _of_open(writing)
        return None if packed is None else [packets.attrs(number, packed)]

    async def serve(self, kind: int, number: int, fields: Fields) -> list[Buffer]:
        """Return the reply to one request."""
        serving = self._serving.get(kind)
        if serving is None:
            raise Unsupported(f"SFTP version 3 has no request of type {kind}.")
        return await serving(number, fields)

    # --- files ------------------------------------------------------------------------------------------------------

    async def _open(self, number: int, fields: Fields) -> list[Buffer]:
        path = read_path(fields)
        flags = fields.u32()
        wanted = attributes.parse(fields)
        if flags & ~int(_ALL_FLAGS):
            raise Malformed("OPEN has flags that SFTP version 3 does not know.")
        self._handles.check_room()
        if not flags & (Flag.WRITE | Flag.APPEND):
            if flags & (Flag.CREAT | Flag.TRUNC | Flag.EXCL):
                raise Invalid("A file is only made, cut or claimed by opening it for writing.")
            return [packets.handle(number, self._handles.add(await self._files.open_reading(path)))]
        writing = await self._files.open_writing(
            path,
            truncate=bool(flags & Flag.TRUNC),
            may_create=bool(flags & Flag.CREAT),
            exclusive=bool(flags & Flag.CREAT and flags & Flag.EXCL),
            readable=bool(flags & Flag.READ),
            appending=bool(flags & Flag.APPEND),
        )
        if wanted.modified is not None:
            writing.set_modified(wanted.modified)
        return [packets.handle(number, self._handles.add(writing))]

    async def _close(self, number: int, fields: Fields) -> list[Buffer]:
        opened = self._handles.remove(fields.string(HANDLE_BYTES_MAX))
        if isinstance(opened, WritingFile):
            await self._files.close(opened)
        return [packets.ok(number)]

    async def _read(self, number: int, fields: Fields) -> list[Buffer]:
        opened = self._handles.file(fields.string(HANDLE_BYTES_MAX))
        offset, length = fields.u64(), fields.u32()
        if not length:
            return [packets.data_head(number, 0)]
        wanted = min(length, READ_BYTES_MAX)
        if isinstance(opened, ReadingFile):
            blocks = await opened.blocks(offset, wanted)
        else:
            blocks = [await opened.read(offset, wanted)]
        size = sum(map(len, blocks))
        if not size:
            return [packets.status(number, Code.EOF, "End of file.")]
        return [packets.data_head(number, size), *blocks]

    async def _write(self, number: int, fields: Fields) -> list[Buffer]:
        opened = self._handles.file(fields.string(HANDLE_BYTES_MAX))
        offset = fields.u64()
        block = fields.block()
        if isinstance(opened, ReadingFile):
            raise NotAllowed("This handle was opened for reading only.")
        await opened.write(offset, block)
        return [packets.ok(number)]

    # --- attributes -------------------------------------------------------------------------------------------------

    async def _stat(self, number: int, fields: Fields) -> list[Buffer]:
        path = read_path(fields)
        writing = self._handles.writing_at(path)
        if writing is not None:
            return [packets.attrs(number, _of_open(writing))]
        return [packets.attrs(number, attributes.of(await self._files.look(path)))]

    async def _fstat(self, number: int, fields: Fields) -> list[Buffer]:
        name = fields.string(HANDLE_BYTES_MAX)
        opened = self._handles.get(name)
        if isinstance(opened, OpenFolder):
            return [packets.attrs(number, attributes.of(await self._files.look(opened.path)))]
        return [packets.attrs(number, _of_open(self._handles.file(name)))]

    async def _setstat(self, number: int, fields: Fields) -> list[Buffer]:
        path = read_path(fields)
        await self.set_attributes(path, attributes.parse(fields))
        return [packets.ok(number)]

    async def set_attributes(self, path: str, wanted: attributes.Wanted) -> None:
        """Set size and time of what is at `path`; a file that this session is writing takes them at its close."""
        writing = self._handles.writing_at(path)
        if writing is not None:
            await _set_open(writing, wanted)
            return
        if wanted.size is not None:
            changed = await self._files.open_writing(path, truncate=False, may_create=False)
            try:
                await _set_open(changed, wanted)
            except BaseException:
                await changed.let_go()
                raise
            await self._files.close(changed)
        elif wanted.modified is not None:
            await self._files.set_modified(path, wanted.modified)
        else:
            await self._files.look(path)

    async def _fsetstat(self, number: int, fields: Fields) -> list[Buffer]:
        name = fields.string(HANDLE_BYTES_MAX)
        wanted = attributes.parse(fields)
        opened = self._handles.get(name)
        if isinstance(opened, OpenFolder):
            await self.set_attributes(opened.path, wanted)
            return [packets.ok(number)]
        opened = self._handles.file(name)
        if isinstance(opened, WritingFile):
            await _set_open(opened, wanted)
        elif wanted.size is not None:
            raise NotAllowed("This handle was opened for reading only.")
        elif wanted.modified is not None:
            await self._files.set_modified(opened.path, wanted.modified)
        return [packets.ok(number)]

    # --- folders ----------------------------------------------------------------------------------------------------

    async def _opendir(self, number: int, fields: Fields) -> list[Buffer]:
        path = read_path(fields)
        self._handles.check_room()
        page = await self._files.page(path)
        return [packets.handle(number, self._handles.add(OpenFolder(path, page.entries, page.after)))]

    async def _readdir(self, number: int, fields: Fields) -> list[Buffer]:
        folder = self._handles.folder(fields.string(HANDLE_BYTES_MAX))
        if folder.next_entry is None and folder.after:
            page = await self._files.page(folder.path, folder.after)
            folder.page(page.entries, page.after)
        now = self._files.door.clock.now()
        listed: list[bytes] = []
        room = NAMES_BYTES_MAX
        while (entry := folder.next_entry) is not None:
            packed = attributes.listed(entry, now)
            if len(packed) > room and listed:
                break
            listed.append(packed)
            room -= len(packed)
            folder.advance()
        if not listed:
            return [packets.status(number, Code.EOF, "End of the folder.")]
        return [packets.names(number, listed)]

    async def _remove(self, number: int, fields: Fields) -> list[Buffer]:
        await self._files.remove_file(read_path(fields))
        return [packets.ok(number)]

    async def _mkdir(self, number: int, fields: Fields) -> list[Buffer]:
        path = read_path(fields)
        await self._files.make_folder(path, attributes.parse(fields).modified)
        return [packets.ok(number)]

    async def _rmdir(self, number: int, fields: Fields) -> list[Buffer]:
        await self._files.remove_folder(read_path(fields))
        return [packets.ok(number)]

    async def _realpath(self, number: int, fields: Fields) -> list[Buffer]:
        return [one_name(number, paths.show(paths.resolve(read_text(fields), clamp=True)))]

    async def _rename(self, number: int, fields: Fields) -> list[Buffer]:
        """Version 3 leaves an existing target alone (section 6.5); posix-rename is the extension that replaces it."""
        source = read_path(fields)
        target = read_path(fields)
        await self._files.move(source, target, replace=False, writing=self._handles.writing_at(source))
        return [packets.ok(number)]

    async def _no_links(self, number: int, fields: Fields) -> list[Buffer]:
        del number, fields
        raise Unsupported("There are no symbolic links here.")

    # --- extensions -------------------------------------------------------------------------------------------------

    async def _extended(self, number: int, fields: Fields) -> list[Buffer]:
        name = fields.string(WORD_BYTES_MAX)
        if name == b"lsetstat@openssh.com":
            return await self._setstat(number, fields)
        return await self._extensions.serve(name, number, fields)


def _of_open(opened: ReadingFile | WritingFile) -> bytes:
    """Return the attributes of an open file as this session sees it."""
    rights = ("read",) if isinstance(opened, ReadingFile) else ("read", "write")
    shown = attributes.mode(folder=False, rights=rights)
    return attributes.pack(size=opened.size, shown_mode=shown, modified=opened.modified)


async def _set_open(writing: WritingFile, wanted: attributes.Wanted) -> None:
    if wanted.size is not None:
        await writing.resize(wanted.size)
    if wanted.modified is not None:
        writing.set_modified(wanted.modified)
