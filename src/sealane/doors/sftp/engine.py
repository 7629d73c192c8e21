"""The SFTP version 3 engine: cuts a stream of bytes into requests and serves them in order. No I/O, no SSH.

Bytes come in as memoryviews of whatever buffer they lie in, and replies go out as a list of blocks; nothing is copied
on the way. A WRITE into an upload that has room and a READ of what lies ready are served at once, inside `take`. The
first request that has to wait becomes `waiting`, and nothing behind it is looked at until it is answered.

Must stay true: each request gets exactly one reply, with its number, in order of arrival, however the stream was cut.
"""

from __future__ import annotations

import logging
import secrets
import struct
from typing import TYPE_CHECKING, Final, Protocol

from sealane.doors.sftp import packets, status
from sealane.doors.sftp.handles import NAME_BYTES, ReadingFile, WritingFile
from sealane.doors.sftp.packets import U32, Code, Fields, Kind, Malformed
from sealane.errors import InternalFailure, SealaneError, SessionEnded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sealane.doors.sftp.handles import Handles
    from sealane.vault.blobs import Buffer

log = logging.getLogger(__name__)

READ_BYTES_MAX: Final = 261_120
"""Bytes of one READ's answer, and what WRITE is advised to: 255 KiB, so that the packet fits in 256 KiB."""
_HANDLE_AT: Final = 5
_NUMBER_END: Final = 5
_NAME_LENGTH: Final = U32.pack(NAME_BYTES)
_BY_HANDLE: Final = struct.Struct(">BII4sQI")
"""How a READ or a WRITE of one of our handles begins: type, number, the handle, offset, length."""


class Broken(Exception):
    """The stream makes no sense any more, so the session ends. The sentence goes to the log."""


class Requests(Protocol):
    """Serves the requests that are not served inside `take`."""

    async def serve(self, kind: int, number: int, fields: Fields) -> list[Buffer]:
        """Return the reply's blocks, good until the event loop goes on, or raise `Malformed` or a `SealaneError`."""
        ...

    def close_now(self, name: bytes) -> bool:
        """Close a handle that was read from; False for any other, or none: `serve` is to be awaited."""
        ...

    def open_now(self, number: int, fields: Fields) -> list[Buffer] | None:
        """Serve an OPEN for which nobody has to be asked. None: `serve` is to be awaited."""
        ...

    def stat_now(self, number: int, fields: Fields) -> list[Buffer] | None:
        """Serve a STAT or LSTAT likewise."""
        ...

    def version(self) -> bytes:
        """Return the answer to INIT."""
        ...


class Engine:
    """One SFTP session's requests."""

    def __init__(self, requests: Requests, handles: Handles, *, packet_bytes_max: int, replies_bytes_max: int) -> None:
        """Expect INIT. `replies_bytes_max` is how many reply bytes one `take` makes before it lets them be sent."""
        self._requests = requests
        self._handles = handles
        self._packet_bytes_max = packet_bytes_max
        self._replies_bytes_max = replies_bytes_max
        self._begun = False
        self._at_once: dict[int, Callable[[int, memoryview], list[Buffer] | None]] = {
            Kind.WRITE: self._write_now,
            Kind.READ: self._read_now,
            Kind.CLOSE: self._close_now,
            Kind.OPEN: self._open_now,
            Kind.STAT: self._stat_now,
            Kind.LSTAT: self._stat_now,
        }
        self.waiting: Awaitable[list[Buffer]] | None = None
        """The answer to the request that has to wait. Whoever runs the engine awaits it and sets this to None."""

    def take(self, stage: memoryview, replies: list[Buffer]) -> int:
        """Serve whole requests from `stage` and append their replies; return how many bytes are done with.

        Replies may lie in others' memory: they are good until the event loop goes on.
        Stops where a request has to wait, where no whole request is left, or where enough replies are made. The bytes
        of a waiting request must stay where they are until it is answered. Raises `Broken`.
        """
        at = 0
        made = 0
        end = len(stage)
        while self.waiting is None and end - at >= U32.size and made < self._replies_bytes_max:
            (length,) = U32.unpack_from(stage, at)
            if not 1 <= length <= self._packet_bytes_max:
                raise Broken(f"An SFTP packet says that it has {length} bytes.")
            if end - at < U32.size + length:
                break
            at += U32.size
            reply = self._serve(stage[at : at + length])
            at += length
            for block in reply:
                made += len(block)
            replies += reply
        return at

    def _serve(self, packet: memoryview) -> list[Buffer]:
        """Return the reply, or [] when the request has to wait."""
        kind = packet[0]
        if not self._begun:
            return self._begin(kind, packet)
        if kind == Kind.INIT or len(packet) < _NUMBER_END:
            raise Broken("An SFTP packet is out of place or has no number.")
        (number,) = U32.unpack_from(packet, 1)
        at_once = self._at_once.get(kind)
        if at_once is not None:
            try:
                reply = at_once(number, packet)
            except SessionEnded:
                raise
            except SealaneError as error:
                return [status.reply(number, error)]
            except Exception as error:  # noqa: BLE001  # a client gets an answer to every request, whatever went wrong
                return [_internal_failure(number, error)]
            if reply is not None:
                return reply
        self.waiting = self._answer(kind, number, packet[_NUMBER_END:])
        return []

    def _begin(self, kind: int, packet: memoryview) -> list[Buffer]:
        """Answer INIT with our version, whatever later one the client knows (section 4)."""
        if kind != Kind.INIT or len(packet) < 1 + U32.size:
            raise Broken("An SFTP session did not begin with INIT.")
        (spoken,) = U32.unpack_from(packet, 1)
        if spoken < packets.VERSION:
            raise Broken(f"The client speaks SFTP version {spoken}; 3 is the least.")
        self._begun = True
        return [self._requests.version()]

    async def _answer(self, kind: int, number: int, body: memoryview) -> list[Buffer]:
        try:
            return await self._requests.serve(kind, number, Fields(body))
        except Malformed as error:
            return [packets.status(number, Code.BAD_MESSAGE, str(error))]
        except SessionEnded:
            raise
        except SealaneError as error:
            return [status.reply(number, error)]
        except Exception as error:  # noqa: BLE001  # a client gets an answer to every request, whatever went wrong
            return [_internal_failure(number, error)]

    def _write_now(self, number: int, packet: memoryview) -> list[Buffer] | None:
        """Serve a WRITE into an upload that has room. Bytes after the data are ignored, as OpenSSH does."""
        if len(packet) < _BY_HANDLE.size:
            return None
        _, _, size, name, offset, length = _BY_HANDLE.unpack_from(packet)
        writing = self._handles.get(name) if size == NAME_BYTES else None
        if not isinstance(writing, WritingFile):
            return None
        data = packet[_BY_HANDLE.size : _BY_HANDLE.size + length]
        if len(data) != length or not writing.write_now(offset, data):
            return None
        return [packets.ok(number)]

    def _read_now(self, number: int, packet: memoryview) -> list[Buffer] | None:
        """Serve a READ of what lies ready."""
        if len(packet) < _BY_HANDLE.size:
            return None
        _, _, size, name, offset, length = _BY_HANDLE.unpack_from(packet)
        reading = self._handles.get(name) if size == NAME_BYTES else None
        if not isinstance(reading, ReadingFile):
            return None
        blocks = reading.read_now(offset, min(length, READ_BYTES_MAX))
        if blocks is None:
            return None
        if not blocks and length:
            return [packets.status(number, Code.EOF, "End of file.")]
        return [packets.data_head(number, sum(map(len, blocks))), *blocks]

    def _close_now(self, number: int, packet: memoryview) -> list[Buffer] | None:
        """Serve a CLOSE of a file that was read, which has nothing to wait for."""
        at = _HANDLE_AT + U32.size
        if packet[_HANDLE_AT:at] != _NAME_LENGTH or not self._requests.close_now(bytes(packet[at : at + NAME_BYTES])):
            return None
        return [packets.ok(number)]

    def _open_now(self, number: int, packet: memoryview) -> list[Buffer] | None:
        return self._requests.open_now(number, Fields(packet[_NUMBER_END:]))

    def _stat_now(self, number: int, packet: memoryview) -> list[Buffer] | None:
        return self._requests.stat_now(number, Fields(packet[_NUMBER_END:]))


def _internal_failure(number: int, error: Exception) -> bytes:
    reference = secrets.token_hex(4)
    log.error("an SFTP request failed unexpectedly; reference %s", reference, exc_info=error)
    return status.reply(number, InternalFailure(f"Something went wrong on the server. It was logged as {reference}."))
