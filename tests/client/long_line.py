"""A TCP proxy on loopback that is a long line: every byte takes its time, and a connection has only so many on the way.

    with LongLine(port, round_trip_seconds=0.08, window_bytes=MIB) as line:
        …                       # connect to line.port; line.url is the same as a URL

`window_bytes` is what TCP lets one connection have unacknowledged, the bound that makes one stream slow on a long line
(1 MiB a round trip of 80 ms is 12.5 MiB/s); None: no bound. Nothing else is bounded: what is on the way is in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections import deque
from typing import Self

_BLOCK_BYTES = 1 << 18


class _Way:
    """One direction of one connection."""

    def __init__(self, source: socket.socket, sink: socket.socket, *, seconds: float, window_bytes: int | None) -> None:
        self._source = source
        self._sink = sink
        self._seconds = seconds
        self._window_bytes = window_bytes
        self._loop = asyncio.get_running_loop()
        self._travelling: deque[tuple[float, bytes]] = deque()
        self._unacknowledged = 0
        self._changed = asyncio.Event()

    async def carry(self, opened: float) -> None:
        """Carry to the end of the stream; nothing arrives before the connection is `opened`."""
        arriving = self._loop.create_task(self._arrive())
        try:
            while block := await self._loop.sock_recv(self._source, await self._room()):
                self._unacknowledged += len(block)
                self._send(block, opened)
            self._send(b"", opened)
            await arriving
        finally:
            arriving.cancel()

    async def _room(self) -> int:
        """Return how many bytes may be sent now; wait until there are some."""
        if self._window_bytes is None:
            return _BLOCK_BYTES
        while (room := self._window_bytes - self._unacknowledged) <= 0:
            self._changed.clear()
            await self._changed.wait()
        return min(room, _BLOCK_BYTES)

    def _send(self, block: bytes, opened: float) -> None:
        self._travelling.append((max(self._loop.time(), opened) + self._seconds, block))
        self._changed.set()

    async def _arrive(self) -> None:
        while True:
            while not self._travelling:
                self._changed.clear()
                await self._changed.wait()
            due, block = self._travelling.popleft()
            await asyncio.sleep(due - self._loop.time())
            if not block:
                with contextlib.suppress(OSError):
                    self._sink.shutdown(socket.SHUT_WR)
                return
            await self._loop.sock_sendall(self._sink, block)
            self._loop.call_later(self._seconds, self._acknowledge, len(block))

    def _acknowledge(self, size: int) -> None:
        self._unacknowledged -= size
        self._changed.set()


class LongLine:
    """A line to a port of 127.0.0.1, in a thread of its own."""

    def __init__(self, port: int, *, round_trip_seconds: float = 0.08, window_bytes: int | None = None) -> None:
        self._target = port
        self._round_trip_seconds = round_trip_seconds
        self._window_bytes = window_bytes
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._loop = asyncio.new_event_loop()
        self._accepting = self._loop.create_task(self._accept())
        self._connections: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="long line", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._accepting.cancel)
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        with contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._accepting)
        self._loop.run_until_complete(self._end())
        self._loop.close()

    async def _end(self) -> None:
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self) -> None:
        while True:
            near, _ = await self._loop.sock_accept(self._listener)
            task = self._loop.create_task(self._connect(near))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

    async def _connect(self, near: socket.socket) -> None:
        """Carry one connection. As with TCP, its first byte leaves a round trip after it was asked for."""
        opened = self._loop.time() + self._round_trip_seconds
        with near, socket.socket() as far:
            for end in (near, far):
                end.setblocking(False)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with contextlib.suppress(OSError):
                await self._loop.sock_connect(far, ("127.0.0.1", self._target))
                ways = (
                    _Way(source, sink, seconds=self._round_trip_seconds / 2, window_bytes=self._window_bytes)
                    for source, sink in ((near, far), (far, near))
                )
                await asyncio.gather(*(way.carry(opened) for way in ways))
