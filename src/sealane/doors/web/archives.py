"""Several files as one ZIP archive (APPNOTE 6.3.10, stored, ZIP64), made while it is sent: nothing of it is on a disk.

Must stay true: each file is opened as a download of its own, so that its record is durable before its first byte is in
the archive; what may not be read refuses the whole before anything is sent; an archive that cannot be finished ends
with its connection and never looks whole.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from sealane import paths
from sealane.doors.http import delivery
from sealane.doors.http.receiving import let_go
from sealane.doors.outgoing import Outgoing
from sealane.errors import Invalid, NotAllowed, TooLarge
from sealane.operations.files import ListFolder, Look, OpenVersion, Page, Seen, VersionOpened

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.responses import Response

    from sealane.doors.web.visits import Visit
    from sealane.operations.files import Entry

_FIRST_YEAR: Final = 1980
"""ZIP knows no earlier one."""
_LAST_YEAR: Final = 2107
_OWNER_READS_AND_WRITES: Final = 0o100600 << 16


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file that goes into the archive."""

    path: str
    name: str
    """In the archive: where it stands below the folder that it is taken from."""
    modified: datetime


class Outbox:
    """What `zipfile` writes to: kept until it is sent. It cannot be sought in, so lengths follow their contents."""

    def __init__(self) -> None:
        """Hold nothing."""
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        """Take bytes."""
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """Do nothing: there is nothing behind it."""

    def close(self) -> None:
        """Do nothing: what was written is still to be sent."""

    def taken(self) -> bytes:
        """Return what was written since this was asked last."""
        whole = b"".join(self._pieces)
        self._pieces.clear()
        return whole


async def send_selection(visit: Visit, folder: str, names: tuple[str, ...]) -> Response | None:
    """Send what somebody has selected of a folder as an archive.

    Raises `Invalid`, `NotAllowed`, `TooLarge`, `Missing`.
    """
    if not names:
        raise Invalid("Nothing is selected.")
    wanted = [one for name in names for one in await _found(visit, folder, paths.check_name(name))]
    await _send(visit, (paths.parse(folder)[-1:] or ("files",))[0], _checked(visit, wanted))
    return None


def _checked(visit: Visit, wanted: list[Wanted]) -> list[Wanted]:
    if len(wanted) > visit.settings.archive_files_max:
        raise TooLarge("There are too many files in the selection for one archive.")
    if not wanted:
        raise Invalid("There is no file in the selection.")
    return wanted


async def _found(visit: Visit, folder: str, name: str) -> list[Wanted]:
    """Return the file of this name, or every file in and below the folder of this name."""
    path = paths.show((*paths.parse(folder), name))
    entry = (await visit.ask(Look(handle="", path=path), Seen)).entry
    if entry.kind == "file":
        return [_wanted(entry, path, name)]
    found: list[Wanted] = []
    waiting = [(path, name)]
    while waiting:
        inside, shown = waiting.pop()
        for one in await _entries(visit, inside, len(found) + len(waiting)):
            place = paths.show((*paths.parse(inside), one.name))
            if one.kind == "folder":
                waiting.append((place, f"{shown}/{one.name}"))
            elif not one.unfinished:
                found.append(_wanted(one, place, f"{shown}/{one.name}"))
    return found


async def _entries(visit: Visit, folder: str, before: int) -> list[Entry]:
    """Return all of a folder, as long as it is not too much for one archive."""
    limit = visit.settings.archive_files_max
    entries: list[Entry] = []
    after = ""
    while True:
        page = await visit.ask(ListFolder(handle="", path=folder, after=after, limit=limit), Page)
        entries += page.entries
        after = page.after
        if before + len(entries) > limit:
            raise TooLarge("There are too many files in the selection for one archive.")
        if not after:
            return entries


def _wanted(entry: Entry, path: str, name: str) -> Wanted:
    if "read" not in entry.rights:
        raise NotAllowed(f"You may not read {name}.")
    return Wanted(path, name, entry.modified)


async def _send(visit: Visit, name: str, wanted: list[Wanted]) -> None:
    exchange = visit.exchange
    headers = [
        (b"content-type", b"application/zip"),
        (b"content-disposition", f"attachment; filename*=UTF-8''{quote(name, safe='')}.zip".encode()),
    ]
    outbox = Outbox()
    async with delivery.while_connected(exchange):
        first = await _opened(visit, wanted[0])  # what refuses the first file is still told in a page
        await exchange.send({"type": "http.response.start", "status": 200, "headers": headers})
        with zipfile.ZipFile(outbox, "w", zipfile.ZIP_STORED) as archive:
            for number, one in enumerate(wanted):
                outgoing = first if number == 0 else await _opened(visit, one)
                await _add(visit, archive, outbox, one, outgoing)
        await delivery.send_block(exchange, outbox.taken())
        await exchange.send({"type": "http.response.body", "body": b"", "more_body": False})


async def _opened(visit: Visit, one: Wanted) -> Outgoing:
    opened = await visit.ask(OpenVersion(handle="", path=one.path, as_age=True), VersionOpened)
    session = await visit.exchange.sign_in()
    return Outgoing(opened, "", session.ask, visit.exchange.door.plane)


async def _add(visit: Visit, archive: zipfile.ZipFile, outbox: Outbox, one: Wanted, outgoing: Outgoing) -> None:
    try:
        with archive.open(_told(one), "w", force_zip64=True) as entry:
            async for piece in outgoing.pieces(0, outgoing.size):
                entry.write(piece)
                await delivery.send_block(visit.exchange, outbox.taken())
        await delivery.send_block(visit.exchange, outbox.taken())
    finally:
        await let_go(outgoing.close())


def _told(one: Wanted) -> zipfile.ZipInfo:
    at = one.modified
    year = min(max(at.year, _FIRST_YEAR), _LAST_YEAR)
    told = zipfile.ZipInfo(one.name, (year, at.month, at.day, at.hour, at.minute, at.second))
    told.external_attr = _OWNER_READS_AND_WRITES
    return told
