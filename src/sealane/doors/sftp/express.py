"""The express path of an SSH connection: data packets of AES-GCM sessions go from socket to SFTP engine and back.

asyncssh keeps handshake, sign-in, new keys and channels; whatever is not data or window of an open SFTP session is
handed to it, already opened, packet by packet. Received bytes lie in a reused buffer; a data packet is opened straight
to where the engine reads requests; replies are packed into packets and written once.

Must stay true: packets take effect in the order in which they came, whichever path each takes; a packet whose tag is
wrong ends the connection before any byte of it is used; what a session holds is bounded by its stage and its window.
While a request waits and the stage is full, packets stay as they came and the socket is not read.
Rests on private names of asyncssh, checked by foundations.py; without them the door uses asyncssh's own path.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import asyncssh
from asyncssh.connection import SSHServerConnection

from sealane.doors.sftp.arriving import opened, told, whole_packet
from sealane.doors.sftp.gcm import TAG_BYTES, Gcm
from sealane.doors.sftp.packing import ALONE_BYTES_MAX, DATA, LENGTH, Packed, pack, pack_alone
from sealane.doors.sftp.stage import HEAD_BYTES

if TYPE_CHECKING:
    from sealane.doors.sftp.arriving import Lane, Taker
    from sealane.doors.sftp.channel import SessionChannel
    from sealane.doors.sftp.outlet import Outlet, Padding
    from sealane.doors.sftp.stage import Buffers

ASIDE_BYTES: Final = 256
"""A packet that is no longer is opened aside: requests but WRITE, and windows that grow."""
_UNREAD_BYTES_MAX: Final = 1 << 20
"""Received bytes that may wait for asyncssh's path to answer a message, before the socket is left unread."""
_SEQUENCE_MASK: Final = 0xFFFFFFFF


class ExpressConnection(SSHServerConnection, asyncio.BufferedProtocol):
    """asyncssh's server connection with the express path in front of it."""

    receiving: Buffers
    """Where received bytes lie; lent while a packet is not whole."""
    sending: Buffers
    """Where packets are sealed; lent for the length of a write."""
    express_allowed: bool
    """Whether the express path may be used at all."""

    _padding: Padding
    _plain: bytes = b""
    """The packet that is being handed to asyncssh, opened."""
    _lane: Lane | None = None
    _left_unread: bool = False
    """Whether the socket is not read at present."""
    _arrived: Taker | None = None
    """The session in whose stage something was placed that it has not been told of."""
    _gained: SessionChannel | None = None
    """The channel whose client has given more window since replies were last sent."""
    _stalled: bool = False
    """Whether packets stay where they are until a request that waits has been served."""
    _aside: memoryview
    """Where short packets are opened."""
    _received: bytearray | None = None
    _received_view: memoryview
    _first: int = 0
    _last: int = 0

    # --- receiving --------------------------------------------------------------------------------------------------

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the socket's next bytes go: behind a packet that is not whole."""
        del sizehint
        if self._received is None:
            self._received = self.receiving.lend()
            self._received_view = memoryview(self._received)
            self._first = self._last = 0
        elif self._first and self._last > self.receiving.size // 2:
            kept = self._last - self._first
            self._received_view[:kept] = bytes(self._received_view[self._first : self._last])
            self._first, self._last = 0, kept
        return self._received_view[self._last :]

    def buffer_updated(self, nbytes: int) -> None:
        """Serve what the socket has brought."""
        self._last += nbytes
        self.heard()
        if self._express_ready() and not self._inpbuf:
            self._guarded_express()
        else:
            data = bytes(self._received_view[self._first : self._last])
            self._return_received()
            self.data_received(data)

    def heard(self) -> None:
        """Take note that the client said something."""

    def _return_received(self) -> None:
        if self._received is not None:
            self._received_view = memoryview(b"")
            self.receiving.give_back(self._received)
            self._received = None
        self._first = self._last = 0

    def _express_ready(self) -> bool:
        return (
            self.express_allowed
            and self._auth_complete
            and type(self._recv_encryption) is Gcm
            and self._recv_handler == self._recv_pkthdr
            and self._transport is not None
        )

    def _recv_pkthdr(self) -> bool:
        """Take the express path again as soon as a packet begins that may go there."""
        if not self._express_ready():
            return super()._recv_pkthdr()
        data, self._inpbuf = self._inpbuf, b""
        if self._received is None:
            self._received = self.receiving.lend()
            self._received_view = memoryview(self._received)
            self._first = self._last = 0
        room = len(self._received_view) - self._last
        self._received_view[self._last : self._last + min(room, len(data))] = data[:room]
        self._last += min(room, len(data))
        self._express()
        self._inpbuf += data[room:]
        return bool(self._inpbuf) and not self._stalled and self._recv_handler == self._recv_pkthdr

    def _guarded_express(self) -> None:
        try:
            self._express()
        except asyncssh.DisconnectError as problem:
            self._send_disconnect(problem.code, problem.reason, problem.lang)
            self._force_close(problem)
        except Exception:  # noqa: BLE001  # as asyncssh's own path: one connection ends, the worker goes on
            self.internal_error()

    def _express(self) -> None:
        """Serve the whole packets in the receive buffer, in order."""
        while length := whole_packet(self._received_view, self._first, self._last, self._max_recv_pktlen):
            if self._is_full(length):
                self._serve_arrived()
                if self._is_full(length) and self._is_waiting():
                    self._stall()
                    return
            view, at = self._received_view, self._first
            end = at + LENGTH.size + length + TAG_BYTES
            self._first = end
            head, sealed = view[at : at + LENGTH.size], view[at + LENGTH.size : end]
            if self._open_to_session(head, sealed, length):
                continue
            self._serve_arrived()
            if not self._hand_over(head, sealed, length):
                return
        self._serve_arrived()
        if self._first == self._last:
            self._return_received()

    def _serve_arrived(self) -> None:
        """Send what its client's window has kept back, and let the session serve what was placed in its stage."""
        if self._gained is not None:
            channel, self._gained = self._gained, None
            channel.go_on_sending()
        if self._arrived is not None:
            taker, self._arrived = self._arrived, None
            taker.arrived()

    def _is_full(self, length: int) -> bool:
        """Whether the session whose data comes by express has no room for a packet."""
        if self._lane is None or self._lane[1].stage.has_room(length, may_move=False):
            return False
        channel, taker = self._lane
        return channel.takes_express and not taker.stage.has_room(length, may_move=taker.may_move)

    def _is_waiting(self) -> bool:
        """Whether a request of that session waits; what it stands in the way of stays where it is."""
        return self._lane is not None and not self._lane[1].may_move

    def _stall(self) -> None:
        self._stalled = True
        self._pace_reading()

    def go_on(self) -> None:
        """Serve what stayed where it was, and read the socket again: no request waits any more."""
        if not self._stalled:
            return
        self._stalled = False
        if self._transport is not None and not self._transport.is_closing():
            self._guarded_express()
            if self._inpbuf and not self._stalled:
                self.data_received(b"")
            self._pace_reading()

    def _recv_data(self) -> None:
        """Serve what was received by asyncssh's path, and leave the socket unread while too much of it waits."""
        super()._recv_data()
        self._pace_reading()

    def _pace_reading(self) -> None:
        """Read the socket, or leave it, by what waits."""
        transport = self._transport
        if not isinstance(transport, asyncio.Transport) or transport.is_closing():
            return
        left = self._stalled or len(self._inpbuf) >= _UNREAD_BYTES_MAX
        if left and not self._left_unread:
            transport.pause_reading()
        elif self._left_unread and not left:
            transport.resume_reading()
        self._left_unread = left

    def _open_to_session(self, head: memoryview, sealed: memoryview, length: int) -> bool:
        """Open a packet for the session whose data comes by express. False: it is not, `_plain` holds it opened."""
        cipher = self._recv_encryption
        assert type(cipher) is Gcm
        if self._lane is not None and self._lane[0].takes_express:
            if length <= ASIDE_BYTES:
                return self._open_aside(cipher, self._lane, head, sealed)
            taker = self._lane[1]
            place = taker.stage.place_for(length, may_move=taker.may_move)
            if place is not None:
                return self._open_to_stage(cipher, self._lane, head, sealed, place)
        self._plain = opened(cipher, head, sealed, length)
        return False

    def _open_aside(self, cipher: Gcm, lane: Lane, head: memoryview, sealed: memoryview) -> bool:
        """Open a short packet, and copy what it brings behind what is in the stage."""
        channel, taker = lane
        plain = self._aside[: len(sealed) - TAG_BYTES]
        if not cipher.open_into(head, sealed, plain):
            raise asyncssh.MACError("MAC verification failed")
        brought = told(plain, channel)
        if brought is None:
            self._plain = bytes(plain)
            return False
        kind, size = brought
        if kind == DATA:
            if size and not taker.stage.keep(plain[HEAD_BYTES : HEAD_BYTES + size], may_move=taker.may_move):
                self._plain = bytes(plain)
                return False
            channel.took(size)
            self._arrived = taker
        else:
            channel.gained(size)
            self._gained = channel
        self._recv_seq = (self._recv_seq + 1) & _SEQUENCE_MASK
        return True

    def _open_to_stage(self, cipher: Gcm, lane: Lane, head: memoryview, sealed: memoryview, place: memoryview) -> bool:
        """Open a packet to `place`, where its session reads; what its head lies upon is put back."""
        channel, taker = lane
        before = bytes(place[:HEAD_BYTES])
        plain = place[: len(place) - HEAD_BYTES]
        try:
            if not cipher.open_into(head, sealed, plain):
                raise asyncssh.MACError("MAC verification failed")
            brought = told(plain, channel)
            if brought is None or brought[0] != DATA:
                self._plain = bytes(plain)
        finally:  # also after a wrong tag: a request may wait there, and what it brings is still written
            place[:HEAD_BYTES] = before
        if brought is None or brought[0] != DATA:
            taker.stage.served(0)
            return False
        channel.took(brought[1])
        taker.stage.end += brought[1]
        self._arrived = taker
        self._recv_seq = (self._recv_seq + 1) & _SEQUENCE_MASK
        return True

    def _hand_over(self, head: memoryview, sealed: memoryview, length: int) -> bool:
        """Let asyncssh serve an opened packet; False: what follows is no longer for the express path (yet)."""
        cipher = self._recv_encryption
        assert type(cipher) is Gcm
        cipher.hand_over(self._plain)
        block = self._recv_blocksize
        packet = bytes(head) + bytes(sealed)
        self._packet, self._pktlen = packet[:block], length
        self._inpbuf = packet[block:]
        self._recv_handler = self._recv_packet
        self._recv_packet()
        if self._transport is None:
            self._return_received()
            return False
        if self._express_ready():
            return True
        self._inpbuf += bytes(self._received_view[self._first : self._last])
        self._return_received()
        return False

    def lane_of(self, channel: SessionChannel, taker: Taker) -> None:
        """Let this channel's data come by express from now on; the last that asks has it."""
        self._lane = (channel, taker)

    def let_go_of_buffers(self) -> None:
        """Give back what is lent, since the connection is over."""
        self._lane = None
        self._arrived = self._gained = None
        self._stalled = False
        self._return_received()

    # --- sending ----------------------------------------------------------------------------------------------------

    def send_newkeys(self, k: bytes, h: bytes) -> None:
        """Put the reused cipher in the place of asyncssh's, in both directions."""
        super().send_newkeys(k, h)
        self._send_encryption = Gcm.instead_of(self._send_encryption)
        self._next_recv_encryption = Gcm.instead_of(self._next_recv_encryption)

    def pump(self, channel: SessionChannel) -> bool:
        """Send what waits in the channel's outlet, as far as its window lets it; False: not by this path now."""
        cipher = self._send_encryption
        if type(cipher) is not Gcm or not self.express_allowed:
            return False
        outlet = channel.outlet
        if not self._kex_complete or self._transport is None:
            return True
        if self._rekey_bytes_sent >= self._rekey_bytes:
            self._send_kexinit()
            self._kexinit_sent = True
            return True
        while (left := min(outlet.size, channel.send_window)) > 0:
            self._write_packets(cipher, channel, outlet, left)
        return True

    def _write_packets(self, cipher: Gcm, channel: SessionChannel, outlet: Outlet, left: int) -> None:
        """Seal packets, as many as go into one buffer, and write them once."""
        transport = self._transport
        assert isinstance(transport, asyncio.Transport)
        if left == outlet.size and left <= min(ALONE_BYTES_MAX, channel.send_packet_bytes):
            packed = pack_alone(cipher, self._padding, channel, outlet)
            self._note_packed(channel, packed)
            transport.write(packed.sealed)
            return
        buffer = self.sending.lend()
        packed = pack(cipher, self._padding, channel, outlet, left, memoryview(buffer))
        self._note_packed(channel, packed)
        transport.write(packed.sealed)
        if not transport.get_write_buffer_size():
            self.sending.give_back(buffer)  # else the transport may still look at it (Python 3.12 and later)

    def _note_packed(self, channel: SessionChannel, packed: Packed) -> None:
        channel.sent(packed.data_bytes)
        self._send_seq = (self._send_seq + packed.packets) & _SEQUENCE_MASK
        self._rekey_bytes_sent += packed.plain_bytes
