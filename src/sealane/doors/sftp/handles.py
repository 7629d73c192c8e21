"""What a client has open: files being read, files being written, folders being listed; and the table of their handles.

SFTP and scp share these. The bytes go through `doors/incoming.py` and `doors/outgoing.py`.
Must stay true: a file that is written is published by `finish` alone; whatever else ends its handle suspends it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from sealane.doors.sftp.packets import Malformed
from sealane.errors import NotAllowed, SealaneError, TooMany

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from datetime import datetime

    from sealane.doors.incoming import Incoming
    from sealane.doors.outgoing import Outgoing
    from sealane.operations.files import Entry
    from sealane.vault.blobs import Buffer

log = logging.getLogger(__name__)

NAME_BYTES: Final = 4
"""Of a handle's name, as the client has it."""


class ReadingFile:
    """A file that is read."""

    def __init__(self, path: str, outgoing: Outgoing) -> None:
        """Read from `outgoing`; `close` ends it."""
        self.path = path
        self.outgoing = outgoing

    @property
    def size(self) -> int:
        """Bytes of the version that was opened."""
        return self.outgoing.size

    @property
    def modified(self) -> datetime:
        """The version's modification time."""
        return self.outgoing.modified

    def read_now(self, offset: int, length: int) -> list[Buffer] | None:
        """Return bytes that lie ready, or None when they have to be waited for. Good until the event loop goes on."""
        return self.outgoing.read_now(offset, length)

    async def blocks(self, offset: int, length: int) -> list[Buffer]:
        """Return up to `length` bytes, none at the end of the file. Good until the event loop goes on."""
        return await self.outgoing.blocks(offset, length)

    async def read(self, offset: int, length: int) -> Buffer:
        """Return up to `length` bytes, none at the end of the file."""
        return await self.outgoing.read(offset, length)

    async def let_go(self) -> None:
        """End the download, on record."""
        await _quietly(self.outgoing.close())


class WritingFile:
    """A file that is written, seen by its own session only until it is closed."""

    def __init__(
        self,
        path: str,
        incoming: Incoming,
        *,
        modified: datetime,
        appending: bool = False,
        exclusive: bool = False,
        base: Callable[[], Awaitable[ReadingFile]] | None = None,
        readable: bool = False,
        unchanged_if_untouched: bool = False,
        settles: bool = True,
    ) -> None:
        """Write to `incoming`.

        `base` opens the content that was there before, for a client that also reads; it is asked at the first read.
        `unchanged_if_untouched`: closing without a change makes no new version. `settles`: closing does not say that
        the file is whole, since a client that is interrupted closes too. An interrupted upload that was taken up again
        stays interrupted where nothing is written to it.
        """
        self.path = path
        self.incoming = incoming
        self.modified = modified
        self._modified_set: datetime | None = None
        self._appending = appending
        self._exclusive = exclusive
        self._base = base
        self._base_opened: ReadingFile | None = None
        self._readable = readable
        self._touched = not (unchanged_if_untouched or incoming.interrupted)
        self._settles = settles

    @property
    def size(self) -> int:
        """Bytes of the file as its writer sees it."""
        return self.incoming.size

    @property
    def untouched_change(self) -> datetime | None:
        """The time to set on the file as it is, when the handle was closed without a change of its bytes."""
        return self._modified_set

    def write_now(self, offset: int, block: memoryview) -> bool:
        """Take a block if there is room for it; False means that `write` has to be awaited."""
        self._touched = True
        return self.incoming.write_now(self.size if self._appending else offset, block)

    async def write(self, offset: int, block: memoryview) -> None:
        """Take a block, waiting for room. The block may be used again once this returns."""
        self._touched = True
        await self.incoming.write(self.size if self._appending else offset, block)

    async def resize(self, size: int) -> None:
        """Cut the file, or make it longer with zeros."""
        self._touched = True
        await self.incoming.resize(size)

    def set_modified(self, modified: datetime) -> None:
        """Remember the time that the file is to show once it is closed."""
        self.modified = modified
        self._modified_set = modified

    async def read(self, offset: int, length: int) -> Buffer:
        """Return up to `length` bytes as they stand now, its own new ones among them."""
        if not self._readable:
            raise NotAllowed("This handle was opened for writing only.")
        if self._base is not None and self._base_opened is None:
            self._base_opened = await self._base()
            self.incoming.read_base_from(self._base_opened.outgoing)
        return await self.incoming.read(offset, length)

    async def copy_from(self, source: ReadingFile, start: int, length: int, offset: int) -> None:
        """Share `length` bytes of another file from `start` on, at `offset`. Raises `CopyNotShared`."""
        self._touched = True
        await self.incoming.copy_from(source.outgoing, start, length, offset)

    async def flush(self) -> None:
        """Return once everything that was written is durable."""
        await self.incoming.flush()

    async def finish(self) -> bool:
        """Publish the file, durably; False if the file that stands there is as it was. A failure suspends it."""
        try:
            if self._touched:
                await self.incoming.finish(
                    modified=self._modified_set, exclusive=self._exclusive, settles=self._settles
                )
            elif self.incoming.interrupted:
                await self.incoming.suspend()
            else:
                await self.incoming.abandon()
        except SealaneError:
            await self.let_go()
            raise
        await self._close_base()
        return self._touched or self.incoming.interrupted

    async def let_go(self) -> None:
        """Suspend the upload: what was acknowledged can be resumed, nothing becomes visible."""
        await self._close_base()
        await _quietly(self.incoming.suspend())

    async def _close_base(self) -> None:
        if self._base_opened is not None:
            await self._base_opened.let_go()
            self._base_opened = None


class OpenFolder:
    """A folder that is listed, page by page."""

    def __init__(self, path: str, first: tuple[Entry, ...], after: str) -> None:
        """Hold the first page; `after` is where the next one begins, "" if there is none."""
        self.path = path
        self.after = after
        self._entries = iter(first)
        self._left: Entry | None = next(self._entries, None)

    @property
    def next_entry(self) -> Entry | None:
        """The next entry of the page at hand, or None at its end."""
        return self._left

    def advance(self) -> None:
        """Go past the next entry."""
        self._left = next(self._entries, None)

    def page(self, entries: tuple[Entry, ...], after: str) -> None:
        """Go on with the next page."""
        self._entries = iter(entries)
        self._left = next(self._entries, None)
        self.after = after


Opened = ReadingFile | WritingFile | OpenFolder


class Handles:
    """A session's open handles, at most `count_max`."""

    def __init__(self, count_max: int) -> None:
        """Nothing is open."""
        self._count_max = count_max
        self._opened: dict[bytes, Opened] = {}
        self._last = 0

    def __len__(self) -> int:
        """How many are open."""
        return len(self._opened)

    def __iter__(self) -> Iterator[Opened]:
        """All that is open."""
        return iter(tuple(self._opened.values()))

    def check_room(self) -> None:
        """Raise `TooMany` if no more may be opened."""
        if len(self._opened) >= self._count_max:
            raise TooMany(f"More than {self._count_max} handles are open. Close some first.")

    def add(self, opened: Opened) -> bytes:
        """Give a handle its name. Names are never used again within a session."""
        self._last += 1
        name = self._last.to_bytes(NAME_BYTES, "big")
        self._opened[name] = opened
        return name

    def get(self, name: bytes) -> Opened | None:
        """Return what is open under this name."""
        return self._opened.get(name)

    def file(self, name: bytes) -> ReadingFile | WritingFile:
        """Return the open file of this name."""
        opened = self._opened.get(name)
        if not isinstance(opened, ReadingFile | WritingFile):
            raise Malformed("This is not the handle of an open file.")
        return opened

    def folder(self, name: bytes) -> OpenFolder:
        """Return the open folder of this name."""
        opened = self._opened.get(name)
        if not isinstance(opened, OpenFolder):
            raise Malformed("This is not the handle of an open folder.")
        return opened

    def remove(self, name: bytes) -> Opened:
        """Take a handle out of the table."""
        opened = self._opened.pop(name, None)
        if opened is None:
            raise Malformed("There is no such handle.")
        return opened

    def writing_at(self, path: str) -> WritingFile | None:
        """Return the file that this session is writing at this path, the latest if there are several."""
        found = None
        for opened in self._opened.values():
            if isinstance(opened, WritingFile) and opened.path == path:
                found = opened
        return found

    @property
    def transfers(self) -> int:
        """How many files are open."""
        return sum(not isinstance(opened, OpenFolder) for opened in self._opened.values())

    async def let_go(self) -> None:
        """Suspend and end everything that is open."""
        while self._opened:
            _, opened = self._opened.popitem()
            if not isinstance(opened, OpenFolder):
                await opened.let_go()


async def _quietly(ending: Awaitable[object]) -> None:
    """Await something whose failure changes nothing for the client, who is gone."""
    try:
        await ending
    except SealaneError as error:
        log.info("a transfer could not be ended in order: %s", error.code)
