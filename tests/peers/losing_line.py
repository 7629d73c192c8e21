"""A line to PostgreSQL that goes down at the worst moment: before a request gets there, or before its answer is back.

with LosingLine.to(server) as line:
    database = Database.open(line.url(name))
    ...
    line.lose("answer")          # of whatever is asked next; the server does it
"""

import contextlib
import shutil
import socket
import tempfile
import threading
from pathlib import Path

from tests.peers.postgres import PostgresServer

_SOCKET = ".s.PGSQL.5432"
_BLOCK = 65536


class LosingLine:
    """A Unix socket like the server's, which hands everything on until it is told to lose something."""

    def __init__(self, folder: Path, server: PostgresServer) -> None:
        self.folder = folder
        self._server = server
        self._losing = ""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / _SOCKET))
        self._listener.listen()
        threading.Thread(target=self._take, daemon=True).start()

    @classmethod
    @contextlib.contextmanager
    def to(cls, server: PostgresServer):
        folder = Path(tempfile.mkdtemp(prefix="sealane-line-"))
        line = cls(folder, server)
        try:
            yield line
        finally:
            line._listener.shutdown(socket.SHUT_RDWR)
            line._listener.close()
            shutil.rmtree(folder)

    def url(self, name: str) -> str:
        """The URL of the server's database of this name, over this line."""
        return f"postgresql://sealane@/{name}?host={self.folder}"

    def lose(self, what: str) -> None:
        """Lose the next "request", or the "answer" to it, and the connection with it. Others after it are carried."""
        self._losing = what

    def _take(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self._server.folder / _SOCKET))
            for what, source, target in (("request", client, server), ("answer", server, client)):
                threading.Thread(target=self._carry, args=(what, source, target), daemon=True).start()

    def _carry(self, what: str, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while block := source.recv(_BLOCK):
                if self._losing == what:
                    self._losing = ""
                    break
                target.sendall(block)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
