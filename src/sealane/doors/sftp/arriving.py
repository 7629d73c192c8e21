"""SSH packets as they arrive on the express path: which is whole, how one is opened, and what it brings.

Must stay true: no length is believed that a packet cannot have; nothing of a packet is looked at before its tag is
verified; a packet of a channel is exactly as long as what it says of itself.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

import asyncssh

from sealane.doors.sftp.channel import WINDOW_ADJUST
from sealane.doors.sftp.gcm import TAG_BYTES
from sealane.doors.sftp.packing import BLOCK_BYTES, DATA, LENGTH, PADDING_MIN
from sealane.doors.sftp.stage import HEAD_BYTES

if TYPE_CHECKING:
    from sealane.doors.sftp.channel import SessionChannel
    from sealane.doors.sftp.gcm import Gcm
    from sealane.doors.sftp.stage import Stage

_HEAD: Final = struct.Struct(">BBII")
"""Padding length, type, channel; data length, or the bytes by which a window grows."""


class Taker(Protocol):
    """The session whose data comes by express."""

    stage: Stage

    @property
    def may_move(self) -> bool:
        """Whether no request waits in the stage."""
        ...

    def arrived(self) -> None:
        """Serve what has been placed in the stage."""
        ...


Lane: TypeAlias = "tuple[SessionChannel, Taker]"
"""The channel whose data comes by express, and who takes it."""


def whole_packet(received: memoryview, first: int, last: int, length_max: int) -> int:
    """Return the length that the next packet between these places says, if all of it is there; else 0."""
    there = last - first
    if there < LENGTH.size:
        return 0
    (length,) = LENGTH.unpack_from(received, first)
    if length > length_max or not length or length % BLOCK_BYTES:
        raise asyncssh.ProtocolError("The packet's length is not possible.")
    return length if there >= LENGTH.size + length + TAG_BYTES else 0


def told(opened: memoryview, channel: SessionChannel) -> tuple[int, int] | None:
    """Return what a packet is and how much it brings: data, or window. None: it is neither, or another channel's."""
    padding, kind, number, size = _HEAD.unpack_from(opened)
    if number != channel.number or kind not in {DATA, WINDOW_ADJUST}:
        return None
    if padding < PADDING_MIN or len(opened) != HEAD_BYTES + padding + (size if kind == DATA else 0):
        raise asyncssh.ProtocolError("A packet of a channel is malformed.")
    return kind, size


def opened(cipher: Gcm, head: memoryview, sealed: memoryview, length: int) -> bytes:
    """Return a packet opened, without its length, which is `head`. Raises `MACError`."""
    plain = bytearray(length)
    if not cipher.open_into(head, sealed, plain):
        raise asyncssh.MACError("MAC verification failed")
    return bytes(plain)
