"""A TCP proxy on loopback that does to a connection what networks do: cuts it, stalls it, alters a byte.

with CuttingProxy(port) as proxy:
    proxy.plan(Cut(up=1_000_000), Cut(up=1_000_000))     # the first two connections that carry so much
    proxy.plan(Stall(down=5_000_000)); proxy.stalled.wait(30); proxy.release()
"""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass

_BLOCK = 65536


@dataclass(frozen=True)
class Cut:
    """Break the connection off after so many bytes in one direction."""

    up: int | None = None
    down: int | None = None


@dataclass(frozen=True)
class Stall(Cut):
    """Carry nothing more after so many bytes, until `release`."""


@dataclass(frozen=True)
class Flip(Cut):
    """Alter the byte at this place."""


class CuttingProxy:
    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.up = self.down = 0
        self.connections = 0
        self.stalled = threading.Event()
        self._released = threading.Event()
        self._plans: list[Cut] = []
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.release()
        self._listener.close()
        for line in self._open:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()

    def plan(self, *cuts: Cut) -> None:
        """Each of these happens once, to the first connection that comes so far."""
        with self._lock:
            self._plans += cuts

    def release(self) -> None:
        self._released.set()

    def forget(self) -> None:
        """Count from nothing again, and stall no more."""
        self.up = self.down = 0
        with self._lock:
            self._plans.clear()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self._target), timeout=10)
                except OSError:
                    near.close()
                    continue
                far.settimeout(None)
                self.connections += 1
                self._open += [near, far]
                threading.Thread(target=self._connect, args=(near, far), daemon=True).start()

    def _connect(self, near: socket.socket, far: socket.socket) -> None:
        """Carry both ways, and close both ends when that is over: whoever still writes then hears of it."""
        up = threading.Thread(target=self._carry, args=(near, far, "up"), daemon=True)
        up.start()
        self._carry(far, near, "down")
        up.join()
        near.close()
        far.close()

    def _carry(self, source: socket.socket, sink: socket.socket, way: str) -> None:
        carried = 0
        with contextlib.suppress(OSError):
            while block := source.recv(_BLOCK):
                due = self._due(way, carried + len(block))
                if isinstance(due, Flip):
                    place = getattr(due, way) - carried
                    if 0 <= place < len(block):
                        block = block[:place] + bytes([block[place] ^ 1]) + block[place + 1 :]
                elif isinstance(due, Stall):
                    self.stalled.set()
                    self._released.wait()
                elif due is not None:
                    break
                sink.sendall(block)
                carried += len(block)
                with self._lock:
                    setattr(self, way, getattr(self, way) + len(block))
        for line in (source, sink):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def _due(self, way: str, carried: int) -> Cut | None:
        """Return (and use up) what is planned for a connection that has come so far; a stall stays."""
        with self._lock:
            for plan in self._plans:
                at = getattr(plan, way)
                if at is not None and carried > at:
                    if not isinstance(plan, Stall):
                        self._plans.remove(plan)
                    return plan
        return None
