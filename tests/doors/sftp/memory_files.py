# ruff: noqa: ARG002 - a fake takes what its original takes
"""Files in memory under the face of `sealane.doors.sftp.files.Files`, to drive the engine without a keeper.

It keeps only what SFTP's semantics need; the real thing is used in the tests with clients.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace

from sealane.clock import ManualClock
from sealane.doors.sftp import attributes
from sealane.doors.sftp.handles import ReadingFile, WritingFile
from sealane.errors import AlreadyExists, CopyNotShared, IsAFolder, Missing, NotAFolder, NotEmpty
from sealane.operations.files import Entry, Page, SpaceIs
from sealane.settings import Settings

NOW = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)


@dataclass
class Stored:
    content: bytes
    modified: datetime = NOW


@dataclass
class MemoryOutgoing:
    content: bytes
    modified: datetime
    digest: bytes | None
    ready: object
    closed: bool = False

    @property
    def size(self):
        return len(self.content)

    def read_now(self, offset, length):
        return self._blocks(offset, length) if self.ready() else None

    async def blocks(self, offset, length):
        return self._blocks(offset, length)

    def _blocks(self, offset, length):
        block = self.content[offset : offset + length]
        return [block] if block else []

    async def read(self, offset, length):
        return self.content[offset : offset + length]

    async def close(self):
        self.closed = True


@dataclass
class MemoryIncoming:
    files: "MemoryFiles"
    path: str
    content: bytearray
    ready: object
    outcome: str = ""
    flushes: int = 0
    interrupted: bool = False

    @property
    def size(self):
        return len(self.content)

    def write_now(self, offset, block):
        if not self.ready():
            return False
        self._write(offset, block)
        return True

    async def write(self, offset, block):
        self._write(offset, block)

    def _write(self, offset, block):
        if offset > len(self.content):
            self.content += bytes(offset - len(self.content))
        self.content[offset : offset + len(block)] = block

    async def resize(self, size):
        del self.content[size:]
        self.content += bytes(size - len(self.content))

    def read_base_from(self, outgoing):
        pass

    async def read(self, offset, length):
        return bytes(self.content[offset : offset + length])

    async def flush(self):
        self.flushes += 1

    async def copy_from(self, source, start, length, offset):
        raise CopyNotShared

    async def finish(self, *, modified, exclusive, settles):
        del settles  # it is of sealed folders, and this is none
        if exclusive and self.path in self.files.stored:
            raise AlreadyExists
        self.files.stored[self.path] = Stored(bytes(self.content), modified or NOW)
        self.outcome = "finished"

    async def suspend(self):
        self.outcome = "suspended"

    async def abandon(self):
        self.outcome = "abandoned"


@dataclass
class MemoryFiles:
    """`ready` says each time whether a block can be served at once."""

    ready: object = lambda: True
    stored: dict = field(default_factory=dict)
    folders: set = field(default_factory=lambda: {"/"})
    uploads: list = field(default_factory=list)
    ended: list = field(default_factory=list)
    door: object = field(default_factory=lambda: SimpleNamespace(settings=Settings(), clock=ManualClock(NOW)))

    def _entry(self, path):
        name = path.rpartition("/")[2]
        if path in self.folders:
            return Entry(name, "folder", 0, NOW, ("list", "write"))
        stored = self.stored[path]
        return Entry(name, "file", len(stored.content), stored.modified, ("list", "read", "write"), version="v")

    async def look(self, path, *, own_uploads=True):
        if path not in self.folders and path not in self.stored:
            raise Missing
        return self._entry(path)

    def attributes_now(self, path):
        """As if everything had been listed, while it is ready."""
        known = (path in self.folders or path in self.stored) and self.ready()
        return attributes.of(self._entry(path)) if known else None

    def open_new_now(self, path):
        """As if it had been begun ahead, while it is ready."""
        return None if path in self.folders or not self.ready() else self._writing(path, bytearray())

    async def look_or_none(self, path):
        try:
            return await self.look(path)
        except Missing:
            return None

    async def page(self, path, after=""):
        if path in self.stored:
            raise NotAFolder
        await self.look(path)
        prefix = path.rstrip("/") + "/"
        names = sorted(
            other[len(prefix) :]
            for other in (*self.folders, *self.stored)
            if other.startswith(prefix) and other != prefix and "/" not in other[len(prefix) :]
        )
        names = [name for name in names if name > after]
        listed = tuple(self._entry(prefix + name) for name in names[:2])
        return Page(listed, listed[-1].name if len(names) > 2 else "")

    async def make_folder(self, path, modified=None):
        if path in self.folders or path in self.stored:
            raise AlreadyExists
        self.folders.add(path)

    async def remove_folder(self, path):
        if path in self.stored:
            raise NotAFolder
        await self.look(path)
        if (await self.page(path)).entries:
            raise NotEmpty
        self.folders.discard(path)

    async def remove_file(self, path):
        if path in self.folders:
            raise IsAFolder
        await self.look(path)
        del self.stored[path]

    async def move(self, source, target, *, replace, writing=None):
        await self.look(source)
        if target in self.folders or (target in self.stored and not replace):
            raise AlreadyExists
        if source in self.folders:
            raise IsAFolder
        self.stored[target] = self.stored.pop(source)

    async def set_modified(self, path, modified):
        await self.look(path)
        if path in self.stored:
            self.stored[path].modified = modified

    async def space(self, path):
        return SpaceIs(quota_bytes=1 << 20, used_bytes=4097, quota_files=10, used_files=3)

    async def open_reading(self, path, version=""):
        if path in self.folders:
            raise IsAFolder
        await self.look(path)
        stored = self.stored[path]
        return ReadingFile(path, MemoryOutgoing(stored.content, stored.modified, None, self.ready))

    async def open_writing(
        self, path, *, truncate, may_create, exclusive=False, readable=False, appending=False, declared=None
    ):
        if path in self.folders:
            raise IsAFolder
        there = self.stored.get(path)
        if there is None and not may_create:
            raise Missing
        if there is not None and exclusive:
            raise AlreadyExists
        content = bytearray() if truncate or there is None else bytearray(there.content)
        return self._writing(path, content, appending=appending, exclusive=exclusive, readable=readable)

    def _writing(self, path, content, **words):
        incoming = MemoryIncoming(self, path, content, self.ready)
        self.uploads.append(incoming)
        return WritingFile(path, incoming, modified=NOW, **words)

    def end_later(self, opened):
        self.ended.append(opened)

    async def close(self, opened):
        await opened.finish()
