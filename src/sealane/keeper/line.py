"""One connection to a socket of the keeper: frames in, answers and notices out, at the pace of whoever is slower.

Must stay true: the socket a connection came in by, and the account of the process at its other end, are all that is
believed about it; what does not parse ends the connection; nothing more is read while too much is unanswered or unread.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from typing import TYPE_CHECKING, Any

from sealane.errors import Invalid, SealaneError, TooLarge
from sealane.operations import frames
from sealane.operations.envelope import NOTICE, Answer, Failed
from sealane.operations.told import NOBODY

if TYPE_CHECKING:
    from sealane.keeper.server import Server
    from sealane.operations.caller import SocketName
    from sealane.operations.envelope import Asker

log = logging.getLogger(__name__)

_PEER = struct.Struct("3i")  # struct ucred: pid, uid, gid


class Line(asyncio.Protocol):
    """One connection to a socket of the keeper."""

    def __init__(self, server: Server, socket_name: SocketName, asker: Asker) -> None:
        """Wait for `connection_made`."""
        self.socket_name: SocketName = socket_name
        self.asker = asker
        self.name = ""
        self.place = NOBODY
        """Where a door sees how often it was told something (`told.py`)."""
        self._server = server
        self._settings = server.settings
        self._splitter = frames.FrameSplitter(server.settings.frame_bytes_max)
        self._transport: asyncio.Transport | None = None
        self._to_write: list[bytes] = []
        self._unanswered = 0
        self._choked = False
        self._reading = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection if its process runs in an account that this socket is for."""
        assert isinstance(transport, asyncio.Transport)  # asyncio's promise for stream sockets
        line = transport.get_extra_info("socket")
        pid, uid, _ = _PEER.unpack(line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
        if not self._server.is_welcome(self.asker, uid):
            log.warning("refused a connection to %s.sock by process %d of user %d", self.socket_name, pid, uid)
            transport.abort()
            return
        self._transport = transport
        self.name = self._server.opened(self)
        log.info("%s: process %d of user %d", self.name, pid, uid)

    def data_received(self, data: bytes) -> None:
        """Begin every operation that is whole."""
        try:
            for body in self._splitter.feed(data):
                number, operation = frames.operation_of(body)
                if number == NOTICE:
                    raise frames.FrameInvalid  # answered like every frame that makes no sense
                self._unanswered += 1
                self._server.asked(self, number, operation)
        except Invalid:
            log.warning("%s sent what is not an operation; the connection is ended", self.name)
            if self._transport is not None:
                self._transport.abort()
            return
        self.flush()
        self._pace()

    def answer(self, number: int, outcome: Any) -> None:
        """Write the outcome of an operation with the next `flush`."""
        self._unanswered -= 1
        self.send(number, outcome if isinstance(outcome, Answer) else _failed(outcome))

    def send(self, number: int, answer: Answer) -> None:
        """Write a message with the next `flush`."""
        try:
            frame = frames.pack(number, answer, bytes_max=self._settings.answer_bytes_max)
        except TooLarge as failure:
            frame = frames.pack(number, _failed(failure), bytes_max=self._settings.answer_bytes_max)
        self._to_write.append(frame)

    def flush(self) -> None:
        """Write what is gathered, in one piece, and read on if there is now room for more."""
        if self._to_write:
            if self._transport is not None and not self._transport.is_closing():
                self._transport.write(b"".join(self._to_write))
            self._to_write.clear()
            self._pace()

    def pause_writing(self) -> None:
        """Read no more while the other side does not take its answers."""
        self._choked = True
        self._pace()

    def resume_writing(self) -> None:
        """Read again."""
        self._choked = False
        self._pace()

    def hush(self) -> None:
        """Read nothing more."""
        if self._reading and self._transport is not None:
            self._reading = False
            self._transport.pause_reading()

    def close(self) -> None:
        """Write what is left and end the connection."""
        self.flush()
        if self._transport is not None:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the server."""
        del exc
        self._transport = None
        self._server.closed(self)

    def _pace(self) -> None:
        """Read on, or not, by how much is unanswered and unread."""
        if self._transport is None or self._transport.is_closing() or self._server.stopping:
            return
        wanted = not self._choked and self._unanswered < self._settings.connection_operations_max
        if wanted and not self._reading:
            self._transport.resume_reading()
        elif self._reading and not wanted:
            self._transport.pause_reading()
        self._reading = wanted


def _failed(failure: SealaneError) -> Failed:
    return Failed(failure_code=failure.code, sentence=failure.sentence)
