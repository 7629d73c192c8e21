"""Legacy scp, the server's side (`scp -O`, WinSCP's SCP mode): receives and sends files over one channel.

One task speaks the protocol from top to bottom; what the client sends ahead is kept, up to a bound, then left unread.
Must stay true: a file is published only after all its bytes and the client's own word that they were read well.
"""

from __future__ import annotations

import asyncio
import contextlib
import fnmatch
import logging
from typing import TYPE_CHECKING, Final

from sealane import paths
from sealane.doors.sftp import attributes, scp_words
from sealane.doors.sftp.engine import READ_BYTES_MAX
from sealane.doors.sftp.scp_words import Item
from sealane.errors import Invalid, IsAFolder, Missing, NotAFolder, SealaneError, SessionEnded

if TYPE_CHECKING:
    from datetime import datetime

    from sealane.doors.sftp.files import Files
    from sealane.doors.sftp.handles import WritingFile
    from sealane.doors.sftp.scp_words import Command
    from sealane.doors.sftp.session import Line
    from sealane.operations.files import Entry

log = logging.getLogger(__name__)

_AHEAD_BYTES_MAX: Final = 1 << 20
"""Received bytes that may wait before the channel is left unread."""


class Gone(Exception):
    """The client stopped, or spoke something else than scp."""


class Ahead:
    """What the client has sent and nobody has read yet."""

    def __init__(self, line: Line) -> None:
        """Nothing came yet."""
        self._line = line
        self._kept = bytearray()
        self._eof = False
        self._came = asyncio.Event()

    def put(self, data: bytes) -> None:
        """Keep what came."""
        self._kept += data
        self._came.set()
        if len(self._kept) >= _AHEAD_BYTES_MAX:
            self._line.read(on=False)

    def end(self) -> None:
        """No more will come."""
        self._eof = True
        self._came.set()

    async def some(self, length_max: int) -> bytes:
        """Return between 1 and `length_max` bytes. Raises `Gone` at the end."""
        while not self._kept:
            if self._eof:
                raise Gone
            self._came.clear()
            await self._came.wait()
        taken = bytes(self._kept[:length_max])
        del self._kept[:length_max]
        if len(self._kept) < _AHEAD_BYTES_MAX // 2:
            self._line.read(on=True)
        return taken

    async def line(self) -> bytes | None:
        """Return the next line without its end, or None if the client is done."""
        collected = bytearray()
        while True:
            try:
                byte = await self.some(1)
            except Gone:
                if collected:
                    raise
                return None
            if byte == b"\n":
                return bytes(collected)
            collected += byte
            if len(collected) > scp_words.LINE_BYTES_MAX:
                raise Gone("A line is too long.")


class Scp:
    """One scp command, from its acceptance to its exit status."""

    def __init__(self, files: Files, line: Line, command: Command) -> None:
        """Begin at once."""
        self._files = files
        self._line = line
        self._command = command
        self._ahead = Ahead(line)
        self._room = asyncio.Event()
        self._failed = False
        self._writing: WritingFile | None = None
        self._task: asyncio.Task[None] | None = asyncio.get_running_loop().create_task(self._run())

    # --- the session's face -----------------------------------------------------------------------------------------

    @property
    def is_waiting(self) -> bool:
        """Whether the client waits for us; while it is we who wait for it, it may be idle for too long."""
        return False

    @property
    def is_busy(self) -> bool:
        """Whether the command still runs."""
        return self._task is not None

    def feed(self, data: bytes) -> None:
        """Keep what came."""
        self._ahead.put(data)

    def eof(self) -> None:
        """Take it that the client sends no more."""
        self._ahead.end()

    def serve_again(self) -> None:
        """There may be room for more."""
        self._room.set()

    async def ended(self) -> None:
        """Stop, and suspend the file that was arriving."""
        self._ahead.end()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        try:
            if self._command.way == "receive":
                await self._receive(self._command.targets[0])
            else:
                await self._send_all()
        except SessionEnded as error:
            self._line.end_connection(error.sentence)
        except SealaneError as error:
            self._fail("", error, fatal=True)
        except Gone:
            self._failed = True
        except Exception:
            log.exception("an scp command failed unexpectedly")
            self._failed = True
        finally:
            if self._writing is not None:
                await self._writing.let_go()
            self._task = None
            self._line.exit(1 if self._failed else 0)

    def _ok(self) -> None:
        self._line.write([scp_words.OK])

    def _fail(self, what: str, error: SealaneError, *, fatal: bool = False) -> None:
        if isinstance(error, SessionEnded):
            raise error
        self._failed = True
        self._line.write([scp_words.failure(what, error.sentence, fatal=fatal)])

    # --- receiving --------------------------------------------------------------------------------------------------

    async def _receive(self, target: str) -> None:
        """Receive into `target`: into it if it is a folder, as it if not."""
        where = paths.resolve(target)
        there = await self._files.look_or_none(paths.show(where))
        into = there is not None and there.kind == "folder"
        if (self._command.into_folder or target.endswith("/")) and not into:
            raise NotAFolder if there is not None else Missing
        self._ok()
        modified: datetime | None = None
        folders: list[tuple[paths.Path, datetime | None]] = []
        while (line := await self._ahead.line()) is not None:
            letter = line[:1]
            if letter in (b"\1", b"\2"):
                self._failed = True
                if letter == b"\2":
                    return
            elif letter == b"T":
                modified = scp_words.times(line)
                self._ok()
            elif line == b"E" and folders:
                await self._end_folder(*folders.pop())
            else:
                item = scp_words.item(line)
                place = _place(item, folders[-1][0] if folders else where, as_named=bool(folders) or into)
                if not item.folder:
                    await self._receive_file(paths.show(place), item, modified)
                elif await self._begin_folder(paths.show(place)):
                    folders.append((place, modified))
                modified = None

    async def _begin_folder(self, path: str) -> bool:
        """Make a folder unless it is there; the client leaves its entries out if it is told that this failed."""
        if not self._command.recursive:
            raise Invalid("A folder came without -r.")
        try:
            there = await self._files.look_or_none(path)
            if there is None:
                await self._files.make_folder(path)
            elif there.kind != "folder":
                raise NotAFolder
        except SealaneError as error:
            self._fail(path, error)
            return False
        self._ok()
        return True

    async def _end_folder(self, place: paths.Path, modified: datetime | None) -> None:
        if modified is not None:
            try:
                await self._files.set_modified(paths.show(place), modified)
            except SealaneError as error:
                self._fail(paths.show(place), error)
                return
        self._ok()

    async def _receive_file(self, path: str, item: Item, modified: datetime | None) -> None:
        """Receive one file. A refusal before its bytes come makes the client leave them out."""
        try:
            self._writing = await self._files.open_writing(path, truncate=True, may_create=True, declared=item.size)
        except SealaneError as error:
            self._fail(path, error)
            return
        self._ok()
        problem = await self._take_bytes(self._writing, item.size)
        word = await self._ahead.some(1)
        if word != scp_words.OK:
            await self._ahead.line()
            problem = problem or Invalid("The sender could not read all of it.")
        writing, self._writing = self._writing, None
        if problem is None:
            if modified is not None:
                writing.set_modified(modified)
            try:
                await self._files.close(writing)
            except SealaneError as error:
                problem = error
        else:
            await writing.let_go()
        if problem is not None:
            self._fail(path, problem)
        else:
            self._ok()

    async def _take_bytes(self, writing: WritingFile, size: int) -> SealaneError | None:
        """Take `size` bytes; after a failure the rest is read and dropped, so that the two sides stay in step."""
        problem: SealaneError | None = None
        at = 0
        while at < size:
            block = await self._ahead.some(min(READ_BYTES_MAX, size - at))
            if problem is None:
                try:
                    await writing.write(at, memoryview(block))
                except SealaneError as error:
                    problem = error
            at += len(block)
        return problem

    # --- sending ----------------------------------------------------------------------------------------------------

    async def _send_all(self) -> None:
        await self._answered()
        for target in self._command.targets:
            try:
                found = await self._expand(target)
            except SealaneError as error:
                self._fail(target, error)
                continue
            for path, entry in found:
                await self._send(path, entry)

    async def _expand(self, target: str) -> list[tuple[str, Entry]]:
        """Return what a target names: itself, or else what its last name matches as a pattern."""
        place = paths.resolve(target)
        path = paths.show(place)
        there = await self._files.look_or_none(path)
        if there is not None:
            return [(path, there)]
        if not place or not any(letter in place[-1] for letter in "*?["):
            raise Missing
        above = place[:-1]
        entries = await self._entries(paths.show(above))
        matching = [entry for entry in entries if fnmatch.fnmatchcase(entry.name, place[-1])]
        if not matching:
            raise Missing
        return [(paths.show((*above, entry.name)), entry) for entry in matching]

    async def _entries(self, path: str) -> list[Entry]:
        """Return all entries of a folder that are whole."""
        entries: list[Entry] = []
        after = ""
        while True:
            page = await self._files.page(path, after)
            entries += [entry for entry in page.entries if not entry.unfinished]
            after = page.after
            if not after:
                return entries

    async def _send(self, path: str, entry: Entry) -> None:
        if entry.kind == "folder":
            await self._send_folder(path, entry)
        else:
            await self._send_file(path, entry)

    async def _send_folder(self, path: str, entry: Entry) -> None:
        try:
            if not self._command.recursive:
                raise IsAFolder
            if not entry.name:
                raise Invalid("The root cannot be copied as a whole; name what is in it.")
            entries = await self._entries(path)
        except SealaneError as error:
            self._fail(path, error)
            return
        if not await self._announce(Item(folder=True, size=0, name=entry.name), entry.rights, entry.modified):
            return
        for inner in entries:
            await self._send(f"{path}/{inner.name}", inner)
        await self._say(b"E\n")
        await self._answered()

    async def _send_file(self, path: str, entry: Entry) -> None:
        try:
            reading = await self._files.open_reading(path)
        except SealaneError as error:
            self._fail(path, error)
            return
        try:
            # What is announced is the version that was opened: it may be newer than the one that was listed.
            item = Item(folder=False, size=reading.size, name=entry.name)
            if not await self._announce(item, entry.rights, reading.modified):
                return
            at = 0
            while at < reading.size:
                block = await reading.read(at, READ_BYTES_MAX)
                await self._say(block)
                at += len(block)
        except SealaneError as error:
            # Amid the bytes nothing can be told; the channel closes short of the length that was announced.
            log.warning("an scp download was broken off: %s", error.code)
            raise Gone from None
        finally:
            await reading.let_go()
        await self._say(scp_words.OK)
        await self._answered()

    async def _announce(self, item: Item, rights: tuple[str, ...], modified: datetime) -> bool:
        """Say what comes; False if the client does not want it."""
        if self._command.preserve:
            await self._say(scp_words.announce_times(modified))
            if not await self._answered():
                return False
        await self._say(scp_words.announce(item, attributes.mode(folder=item.folder, rights=rights)))
        return await self._answered()

    async def _say(self, block: bytes | bytearray | memoryview) -> None:
        """Send, waiting while the client does not read."""
        while not self._line.has_room:
            self._room.clear()
            await self._room.wait()
        self._line.write([block])

    async def _answered(self) -> bool:
        """Read the client's answer: True if it goes on, False if it does not want this. Raises `Gone` if it is done."""
        word = await self._ahead.some(1)
        if word == scp_words.OK:
            return True
        self._failed = True
        await self._ahead.line()
        if word != b"\1":
            raise Gone
        return False


def _place(item: Item, where: paths.Path, *, as_named: bool) -> paths.Path:
    """Return where an item goes: under its own name in a folder, or as the target itself."""
    return (*where, item.name) if as_named else where
