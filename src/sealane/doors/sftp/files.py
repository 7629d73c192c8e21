"""A signed-in client's files: what SFTP and scp ask the keeper in its name, and how they open files.

One method an act; each is one operation, or the few that opening a file takes. Nothing here decides.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

from sealane.doors.incoming import Incoming
from sealane.doors.outgoing import Outgoing
from sealane.doors.sftp.handles import ReadingFile, WritingFile
from sealane.doors.sftp.remembered import Remembered
from sealane.errors import Missing
from sealane.operations.envelope import Done
from sealane.operations.failures import ReadingBehind, UploadInTheWay
from sealane.operations.files import (
    ListFolder,
    Look,
    MakeFolder,
    Move,
    OpenVersion,
    Page,
    RemoveFile,
    RemoveFolder,
    Seen,
    SetModified,
    Space,
    SpaceIs,
    VersionOpened,
)
from sealane.operations.uploads import BeginUpload, UploadOpened

if TYPE_CHECKING:
    from datetime import datetime

    from sealane.doors.sftp.door import SftpDoor
    from sealane.operations.files import Entry
    from sealane.operations.signing import SignedIn


class Files:
    """What one session may ask, in its own name."""

    def __init__(self, door: SftpDoor, signed: SignedIn) -> None:
        """Speak for the session `signed`."""
        self.door = door
        self.session_handle = signed.handle
        self._remembered = Remembered(door.watching)
        self._shown_unfinished: dict[str, None] = {}
        """Paths, as far as they are remembered, at which the client was last shown its own unfinished upload."""

    async def look(self, path: str, *, own_uploads: bool = True) -> Entry:
        """Return what is at `path`; the caller's own interrupted upload stands before the file."""
        seen = await self.door.ask(Look(self.session_handle, path, own_uploads=own_uploads), Seen)
        if own_uploads:
            self._remember(path, seen.entry)
        return seen.entry

    def attributes_now(self, path: str) -> bytes | None:
        """Return the packed attributes of what is at `path`, where they were told lately and still stand."""
        return self._remembered.attributes_of(path, self.door.clock.now())

    async def look_or_none(self, path: str) -> Entry | None:
        """Return what is at `path`, or None when nothing is there."""
        try:
            return await self.look(path)
        except Missing:
            return None

    async def page(self, path: str, after: str = "") -> Page:
        """Return a page of a folder."""
        limit, connection = self.door.settings.page_entries_max, self._remembered.connection
        page = await self.door.ask(
            ListFolder(self.session_handle, path, after=after, limit=limit, own_uploads=True, watch=bool(connection)),
            Page,
        )
        self._remembered.listed(path, page, connection)
        for entry in page.entries:
            self._remember(f"{path.rstrip('/')}/{entry.name}", entry)
        return page

    def _remember(self, path: str, entry: Entry) -> None:
        """Remember whether the client was shown an upload of its own where a file may stand."""
        if not entry.unfinished:
            self._shown_unfinished.pop(path, None)
        elif len(self._shown_unfinished) < self.door.settings.page_entries_max:
            self._shown_unfinished[path] = None

    async def make_folder(self, path: str, modified: datetime | None = None) -> None:
        """Make a folder."""
        await self.door.ask(MakeFolder(self.session_handle, path, modified), Seen)

    async def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        await self.door.ask(RemoveFolder(self.session_handle, path), Done)

    async def remove_file(self, path: str) -> None:
        """Remove a file, or the caller's interrupted upload of it."""
        await self.door.ask(RemoveFile(self.session_handle, path, own_uploads=True), Done)

    async def move(self, source: str, target: str, *, replace: bool, writing: WritingFile | None = None) -> None:
        """Rename or move. `writing`: what this session is writing at `source`; it goes along."""
        if writing is not None:
            await writing.incoming.keep()
        await self.door.ask(Move(self.session_handle, source, target, replace=replace, own_uploads=True), Done)
        if writing is not None:
            writing.path = target

    async def set_modified(self, path: str, modified: datetime) -> None:
        """Set the time that is shown."""
        await self.door.ask(SetModified(self.session_handle, path, modified), Done)

    async def space(self, path: str) -> SpaceIs:
        """Return quota and use at `path`."""
        return await self.door.ask(Space(self.session_handle, path), SpaceIs)

    async def open_reading(self, path: str, version: str = "") -> ReadingFile:
        """Open a file for reading; that it was opened is on record before this returns.

        Raises `UploadInTheWay` where the client was shown its own unfinished upload, with another size: it would
        take the first bytes of what stands behind it for the file.
        """
        if path in self._shown_unfinished and not version and (await self.look(path)).unfinished:
            raise UploadInTheWay
        opened = await self.door.ask(OpenVersion(self.session_handle, path, version), VersionOpened)
        return ReadingFile(path, Outgoing(opened, self.session_handle, self.door.ask_any, self.door.plane))

    async def begin(
        self,
        path: str,
        mode: Literal["create", "update", "resume"],
        *,
        may_create: bool = True,
        exclusive: bool = False,
        declared: int | None = None,
    ) -> Incoming:
        """Begin an upload. Where arrivals outrun their reading it waits for a while, since SFTP knows no later."""
        is_new = mode == "create" and not exclusive and declared is None
        connection = self._remembered.connection
        begin = BeginUpload(
            self.session_handle,
            path,
            mode,
            may_create=may_create,
            exclusive=exclusive,
            declared=declared,
            lasting=False,
            ahead=self._remembered.wanted(path, self.door.settings.uploads_ahead_max) if is_new and connection else 0,
        )
        waited = 0
        while True:
            try:
                opened = await self.door.ask(begin, UploadOpened)
                break
            except ReadingBehind:
                if waited >= self.door.settings.reading_behind_wait_seconds:
                    raise
            await asyncio.sleep(1)
            waited += 1
        if begin.ahead:
            self._remembered.begin(path, opened, connection, self.door.clock.monotonic())
        return Incoming(opened, self.session_handle, self.door.ask_any, self.door.plane)

    def open_new_now(self, path: str) -> WritingFile | None:
        """Open a file for a new content, if its upload was begun ahead; None: `open_writing` is to be awaited."""
        opened = self._remembered.upload(path, self.door.clock.monotonic())
        if opened is None:
            return None
        incoming = Incoming(opened, self.session_handle, self.door.ask_any, self.door.plane)
        return WritingFile(path, incoming, modified=self.door.clock.now())

    async def open_writing(
        self,
        path: str,
        *,
        truncate: bool,
        may_create: bool,
        exclusive: bool = False,
        readable: bool = False,
        appending: bool = False,
        declared: int | None = None,
    ) -> WritingFile:
        """Open a file for writing as OPEN's flags say.

        Without `truncate` the caller's interrupted upload of this path is taken up again, else the present content is
        what is changed. The latter can be read too, through a download of its own that begins at the first read.
        `declared` is the length that a new file will have, where the client says it.
        """
        now = self.door.clock.now()
        if truncate or exclusive:
            incoming = await self.begin(path, "create", may_create=may_create, exclusive=exclusive, declared=declared)
            return WritingFile(
                path,
                incoming,
                modified=now,
                exclusive=exclusive,
                readable=readable,
                appending=appending,
                settles=declared is None,
            )
        before = await self.look_or_none(path)
        interrupted = before is not None and before.unfinished
        incoming = await self.begin(path, "resume", may_create=may_create or interrupted)
        changes_present = before is not None and before.kind == "file" and not before.unfinished
        return WritingFile(
            path,
            incoming,
            modified=before.modified if before is not None else now,
            appending=appending,
            readable=readable,
            base=(lambda: self.open_reading(path, before.version)) if before is not None and changes_present else None,
            unchanged_if_untouched=changes_present,
        )

    def forget(self) -> None:
        """Forget what the keeper told, since the session is over."""
        self._remembered.forget()

    def end_later(self, opened: ReadingFile) -> None:
        """End a download as its client asked; how much was read is told to the keeper a little later."""
        self.door.end_later(opened)

    async def close(self, opened: WritingFile) -> None:
        """End a handle as its client asked: what was written is published, durably, before this returns."""
        changed = await opened.finish()
        self._remembered.finished(opened.path, opened.size)
        if not changed and opened.untouched_change is not None:
            await self.set_modified(opened.path, opened.untouched_change)
