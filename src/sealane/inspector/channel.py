"""What the inspector and a reading child say to each other: one job down; ranges asked and given; a list and an end up.

Pure framing over a stream socket. Must stay true: what comes up is a stranger's word, since a file may have taken its
reader over; so every length is bounded before it is waited for, and everything is decoded into a type.
"""

from __future__ import annotations

import datetime as dt
import struct
from typing import TYPE_CHECKING, Final

import msgspec

from sealane.operations.inspection import LayoutOf, PartNotRead, Reading

if TYPE_CHECKING:
    import socket

    from sealane.vault.blobs import Buffer

RANGE_BYTES_MAX: Final = 4 << 20
"""What may be asked for at once."""
LIST_BYTES_MAX: Final = 8 << 20
"""A piece of the list."""
END_BYTES_MAX: Final = 16 << 20
"""What was found."""
RANGE: Final = b"R"
LIST: Final = b"L"
END: Final = b"E"
_HEAD: Final = struct.Struct(">cI")
_PLACE: Final = struct.Struct(">QI")
_LENGTH: Final = struct.Struct(">I")
_MOST: Final = {RANGE: _PLACE.size, LIST: LIST_BYTES_MAX, END: END_BYTES_MAX}


class Job(msgspec.Struct, frozen=True):
    """What a child is to read."""

    size: int
    reading: Reading
    today: dt.date
    parts_max: int


class Read(msgspec.Struct, frozen=True):
    """What a child has found. The list, if there is one, came before it."""

    format: str
    coverage: str
    records: int
    people: int
    classes: dict[str, int]
    unreadable: tuple[PartNotRead, ...]
    readers: int
    header: bytes
    """The age header of the list; empty where there is none."""
    layouts: tuple[LayoutOf, ...]


class ChannelBroken(Exception):
    """The other side went away, or said what makes no sense."""


def send_job(line: socket.socket, job: Job) -> None:
    """Say what is to be read."""
    body = msgspec.msgpack.encode(job)
    line.sendall(_LENGTH.pack(len(body)) + body)


def take_job(line: socket.socket) -> Job:
    """Take what is to be read."""
    (length,) = _LENGTH.unpack(_exactly(line, _LENGTH.size))
    return msgspec.msgpack.decode(_exactly(line, length), type=Job)


def encoded(read: Read) -> bytes:
    """Return what was found, as it is said."""
    return msgspec.msgpack.encode(read)


def decoded(body: bytes) -> Read:
    """Return what a child says that it has found. Raises `ChannelBroken`."""
    try:
        return msgspec.msgpack.decode(body, type=Read)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise ChannelBroken from None


def say(line: socket.socket, kind: bytes, body: Buffer) -> None:
    """Say something up."""
    line.sendall(_HEAD.pack(kind, len(body)))
    line.sendall(body)


def ask_range(line: socket.socket, offset: int, target: memoryview) -> int:
    """Fill `target` with the bytes from `offset` on; return how many those are."""
    say(line, RANGE, _PLACE.pack(offset, len(target)))
    (length,) = _LENGTH.unpack(_exactly(line, _LENGTH.size))
    if length > len(target):
        raise ChannelBroken
    _fill(line, target[:length])
    return length


def give_range(line: socket.socket, block: memoryview) -> None:
    """Answer a range that was asked for."""
    line.sendall(_LENGTH.pack(len(block)))
    line.sendall(block)


def heard(line: socket.socket) -> tuple[bytes, bytes]:
    """Return the next thing that a child says. Raises `ChannelBroken`, and what the socket raises (a timeout)."""
    kind, length = _HEAD.unpack(_exactly(line, _HEAD.size))
    if length > _MOST.get(kind, -1):
        raise ChannelBroken
    return kind, _exactly(line, length)


def place_of(body: bytes) -> tuple[int, int]:
    """Return the offset and length that are asked for."""
    if len(body) != _PLACE.size:
        raise ChannelBroken
    offset, length = _PLACE.unpack(body)
    if not 0 < length <= RANGE_BYTES_MAX:
        raise ChannelBroken
    return offset, length


def _exactly(line: socket.socket, length: int) -> bytes:
    room = bytearray(length)
    _fill(line, memoryview(room))
    return bytes(room)


def _fill(line: socket.socket, room: memoryview) -> None:
    while room:
        came = line.recv_into(room)
        if not came:
            raise ChannelBroken
        room = room[came:]
