"""Archives of many members: zip and tar. Spreadsheets that are zip archives inside are handed on to `sheets.py`."""

from __future__ import annotations

import re
import tarfile
import zipfile
import zlib
from typing import TYPE_CHECKING, Final

from sealane.exposure.model import Nested, PartUnreadable, Unreadable, Why
from sealane.exposure.readers.compressed import BROKEN, AsFile
from sealane.exposure.readers.part import Unfolding
from sealane.exposure.readers.sheets import office_document, read_workbook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealane.exposure.model import Found
    from sealane.exposure.readers.part import Part
    from sealane.exposure.sources import Readable

_ENCRYPTED_FLAG: Final = 0x1
_PASSED_OVER = re.compile(r"(?:^|/)(?:__MACOSX/|\.DS_Store$|Thumbs\.db$)")


class _Member:
    """A member's bytes; a broken one is damage."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream

    def read(self, size: int, /) -> bytes:
        """Return the next bytes."""
        try:
            return self._stream.read(size)
        except (*BROKEN, zipfile.BadZipFile, tarfile.TarError, RuntimeError, zlib.error):
            raise PartUnreadable(Why.DAMAGED) from None


def read_zip(part: Part) -> Iterator[Found]:
    """Yield the members of a zip archive, or the tables of a spreadsheet that is one."""
    stream = part.source.anywhere()
    try:
        archive = zipfile.ZipFile(stream)
        members = archive.infolist()
    except (zipfile.BadZipFile, *BROKEN, RuntimeError, UnicodeDecodeError):
        raise PartUnreadable(Why.DAMAGED) from None
    document = office_document({member.filename for member in members}, archive)
    if document is not None:
        yield from read_workbook(part, stream, archive, document)
        return
    part.holds = False
    if len(members) > part.limits.archive_entries_max:
        raise PartUnreadable(Why.TOO_LARGE)
    yield from _zip_members(part, archive, members)
    if not members:
        part.holds = True


def _zip_members(part: Part, archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> Iterator[Found]:
    for member in members:
        if member.is_dir() or _PASSED_OVER.search(member.filename):
            continue
        if member.flag_bits & _ENCRYPTED_FLAG:
            yield Unreadable(member.filename, Why.ENCRYPTED)
            continue
        try:
            with archive.open(member) as opened:
                unfolding = Unfolding(_Member(opened), stored=member.compress_size, part=part)
                yield Nested(member.filename, part.inside(unfolding))
        except PartUnreadable as refused:
            yield Unreadable(member.filename, refused.why)
        except (zipfile.BadZipFile, *BROKEN, RuntimeError):
            yield Unreadable(member.filename, Why.DAMAGED)


def read_tar(part: Part) -> Iterator[Found]:
    """Yield the members of a tar archive, in the order in which they come. Links and devices are nothing to read."""
    part.holds = False
    stream = AsFile(part.source)
    found = 0
    try:
        archive = tarfile.open(fileobj=stream, mode="r|", errorlevel=1)  # noqa: SIM115  nothing is owned
        for member in archive:
            found += 1
            if found > part.limits.archive_entries_max:
                raise PartUnreadable(Why.TOO_LARGE)
            opened = archive.extractfile(member) if member.isfile() else None
            if opened is not None and not _PASSED_OVER.search(member.name):
                yield from _tar_member(part, member.name, opened)
    except (tarfile.TarError, *BROKEN):
        raise PartUnreadable(Why.DAMAGED) from None
    if not found:
        part.holds = True


def _tar_member(part: Part, name: str, opened: Readable) -> Iterator[Found]:
    try:
        yield Nested(name, part.inside(Unfolding(_Member(opened), stored=None, part=part)))
    except PartUnreadable as refused:
        yield Unreadable(name, refused.why)
