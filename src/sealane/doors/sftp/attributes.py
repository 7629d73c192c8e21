"""File attributes of SFTP version 3 (draft-ietf-secsh-filexfer-02, section 5): what clients set, what they are shown.

Sealane keeps sizes and modification times. Modes show what the caller may do, owners are always 0: there are none.
"""

from __future__ import annotations

import enum
import stat
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from sealane.doors.sftp import packets
from sealane.doors.sftp.packets import Fields, Malformed

if TYPE_CHECKING:
    from collections.abc import Collection

    from sealane.operations.files import Entry

EXTENDED_PAIRS_MAX: Final = 64
_EXTENDED_BYTES_MAX: Final = 4096
_TIME_MAX: Final = 0xFFFFFFFF
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_RECENT: Final = timedelta(days=182)
_PACKED: Final = struct.Struct(">IQIIIII")

NONE: Final = b"\0\0\0\0"
"""No attribute at all."""


class Present(enum.IntFlag):
    """Which attributes follow."""

    SIZE = 0x01
    UIDGID = 0x02
    PERMISSIONS = 0x04
    ACMODTIME = 0x08
    EXTENDED = 0x80000000


_KNOWN: Final = Present.SIZE | Present.UIDGID | Present.PERMISSIONS | Present.ACMODTIME | Present.EXTENDED
_SHOWN: Final = Present.SIZE | Present.UIDGID | Present.PERMISSIONS | Present.ACMODTIME


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a client asks to set, as far as it is kept. Owners and modes were asked for and are let go."""

    size: int | None
    modified: datetime | None


def parse(fields: Fields) -> Wanted:
    """Return what the attributes at this place of a request ask for."""
    flags = fields.u32()
    if flags & ~int(_KNOWN):
        raise Malformed("The attributes have flags that SFTP version 3 does not know.")
    size = fields.u64() if flags & Present.SIZE else None
    if flags & Present.UIDGID:
        fields.u32()
        fields.u32()
    if flags & Present.PERMISSIONS:
        fields.u32()
    modified = None
    if flags & Present.ACMODTIME:
        fields.u32()
        modified = _EPOCH + timedelta(seconds=fields.u32())
    if flags & Present.EXTENDED:
        pairs = fields.u32()
        if pairs > EXTENDED_PAIRS_MAX:
            raise Malformed("There are too many extended attributes.")
        for _ in range(2 * pairs):
            fields.string(_EXTENDED_BYTES_MAX)
    return Wanted(size=size, modified=modified)


def seconds(at: datetime) -> int:
    """Return a time as SFTP version 3 has it: seconds since 1970 in 32 unsigned bits, held within them."""
    return min(max(int((at - _EPOCH).total_seconds()), 0), _TIME_MAX)


def mode(*, folder: bool, rights: Collection[str]) -> int:
    """Return the POSIX mode that shows these rights: the owner's bits are the caller's, nobody else has any."""
    if folder:
        return stat.S_IFDIR | (0o500 if "list" in rights else 0o100) | (0o200 if "write" in rights else 0)
    return stat.S_IFREG | (0o400 if "read" in rights else 0) | (0o200 if "write" in rights else 0)


def pack(*, size: int, shown_mode: int, modified: datetime) -> bytes:
    """Return packed attributes."""
    at = seconds(modified)
    return _PACKED.pack(_SHOWN, size, 0, 0, shown_mode, at, at)


def of(entry: Entry) -> bytes:
    """Return the packed attributes of what the keeper told of a path."""
    shown = mode(folder=entry.kind == "folder", rights=entry.rights)
    return pack(size=entry.size, shown_mode=shown, modified=entry.modified)


def listed(entry: Entry, now: datetime) -> bytes:
    """Return the entry of a NAME reply, with a line as `ls -l` in the C locale prints it."""
    shown = mode(folder=entry.kind == "folder", rights=entry.rights)
    at = entry.modified
    when = f"{at:%H:%M}" if abs(now - at) < _RECENT else f"{at:%Y}"
    date = f"{_MONTHS[at.month - 1]} {at.day:2} {when:>5}"
    line = f"{stat.filemode(shown)}    1 0        0        {entry.size:>12} {date} {entry.name}"
    packed = pack(size=entry.size, shown_mode=shown, modified=at)
    return packets.name_entry(entry.name.encode(), line.encode(), packed)
