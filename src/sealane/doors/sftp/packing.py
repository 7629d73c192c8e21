"""Replies packed into the data packets of a channel and sealed, many of them into one buffer for one write.

Not here: what may be sent, and when (`express.py`). Must stay true: no packet is longer than the client takes; its
padding is random and as RFC 4253, 6 asks for; each packet is sealed once, in the order in which they are sent.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from sealane.doors.sftp.gcm import TAG_BYTES
from sealane.doors.sftp.stage import HEAD_BYTES

if TYPE_CHECKING:
    from sealane.doors.sftp.channel import SessionChannel
    from sealane.doors.sftp.gcm import Gcm
    from sealane.doors.sftp.outlet import Outlet, Padding

DATA: Final = 94
"""SSH_MSG_CHANNEL_DATA (RFC 4254, 5.2)."""
LENGTH: Final = struct.Struct(">I")
"""Of a packet, in clear. It counts everything behind it but the tag, and is at least a block."""
BLOCK_BYTES: Final = 16
PADDING_MIN: Final = 4
ALONE_BYTES_MAX: Final = 2048
"""Data that goes in a packet by itself, without a buffer: what most requests but READ are answered with."""
_HEAD: Final = struct.Struct(">BBII")
"""Padding length, type, channel, data length."""
_WHOLE_HEAD: Final = struct.Struct(">IBBII")
"""Packet length, and the same."""
_PACKET_OVERHEAD: Final = LENGTH.size + HEAD_BYTES + BLOCK_BYTES + PADDING_MIN + TAG_BYTES


class Packed(NamedTuple):
    """Packets as they go to the socket."""

    sealed: bytes | memoryview
    packets: int
    data_bytes: int
    """Of the channel's data in them: so much of the client's window is used up."""
    plain_bytes: int
    """What was sealed of them, padding included."""


def pack_alone(cipher: Gcm, padding: Padding, channel: SessionChannel, outlet: Outlet) -> Packed:
    """Seal all that waits in the outlet, which is little, as one packet."""
    size = outlet.size
    more = _padding_bytes(size)
    head = LENGTH.pack(HEAD_BYTES + size + more)
    plain = _HEAD.pack(more, DATA, channel.peer_number, size) + outlet.drain() + padding.take(more)
    return Packed(head + cipher.seal(head, plain), 1, size, len(plain))


def pack(
    cipher: Gcm, padding: Padding, channel: SessionChannel, outlet: Outlet, left: int, buffer: memoryview
) -> Packed:
    """Seal up to `left` bytes of the outlet, as many as have room in the buffer, which holds a packet twice."""
    most = min(channel.send_packet_bytes, (len(buffer) - 2 * _PACKET_OVERHEAD) // 2)
    room = len(buffer) - most - _PACKET_OVERHEAD  # behind it is the packet that is being made
    packet = _Packet(buffer[room:], channel.peer_number)
    at = count = sent = plain = 0
    while left > 0:
        size = min(left, most)
        if size != packet.size:
            packet.resize(size)
        body = at + LENGTH.size
        end = at + packet.sealed_bytes
        if end > room:
            break
        outlet.fill(packet.data)
        packet.padding[:] = padding.take(packet.padding_bytes)
        buffer[at:body] = packet.head
        cipher.seal_into(packet.head, packet.body, buffer[body:end])
        at = end
        left -= size
        count += 1
        sent += size
        plain += packet.plain_bytes
    return Packed(buffer[:at], count, sent, plain)


def _padding_bytes(size: int) -> int:
    padding = -(HEAD_BYTES + size) % BLOCK_BYTES
    return padding if padding >= PADDING_MIN else padding + BLOCK_BYTES


class _Packet:
    """A data packet that is to be sealed, in the clear, and its parts. Many of one size are made one after another."""

    __slots__ = (
        "_channel",
        "_place",
        "body",
        "data",
        "head",
        "padding",
        "padding_bytes",
        "plain_bytes",
        "sealed_bytes",
        "size",
    )

    def __init__(self, place: memoryview, channel: int) -> None:
        """Be made in `place` for the client's channel of this number."""
        self._place = place
        self._channel = channel
        self.size = 0
        """Bytes of data."""
        self.sealed_bytes = self.plain_bytes = self.padding_bytes = 0
        """Bytes of the whole packet on the line, of what is sealed of it, of its padding."""
        self.head = self.body = self.data = self.padding = place[:0]

    def resize(self, size: int) -> None:
        """Carry so many bytes of data from now on."""
        padding = _padding_bytes(size)
        length = HEAD_BYTES + size + padding
        begin = LENGTH.size + HEAD_BYTES
        _WHOLE_HEAD.pack_into(self._place, 0, length, padding, DATA, self._channel, size)
        self.size = size
        self.plain_bytes = length
        self.padding_bytes = padding
        self.sealed_bytes = LENGTH.size + length + TAG_BYTES
        self.head = self._place[: LENGTH.size]
        self.body = self._place[LENGTH.size : LENGTH.size + length]
        self.data = self._place[begin : begin + size]
        self.padding = self._place[begin + size : begin + size + padding]
