"""What all connections of one SFTP worker share: the keeper's line, the store, the settings, and who is connected."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, TypeVar

from sealane.clock import Clock
from sealane.configuration import as_told
from sealane.doors.keeping_alive import KeepingAlive
from sealane.doors.plane import Plane
from sealane.doors.sftp.admission import Admission
from sealane.doors.sftp.stage import HEAD_BYTES, Buffers
from sealane.doors.watching import Watching
from sealane.errors import SealaneError, SessionEnded
from sealane.operations.envelope import Answer, SessionsEnded, SettingsInForce
from sealane.operations.signing import SignOut

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator

    from sealane.doors.sftp.connection import SftpConnection
    from sealane.doors.sftp.handles import ReadingFile
    from sealane.doors.sftp.signing_in import SigningInConnection
    from sealane.doors.watching import KeeperLine
    from sealane.operations.envelope import Operation
    from sealane.operations.signing import SignedIn
    from sealane.settings import Settings
    from sealane.vault.blobs import BlobStore

log = logging.getLogger(__name__)

_RECEIVE_BYTES: Final = 1024 * 1024
"""What is read from a socket at once; room for a packet of the largest size that is not whole and as much again."""
_SEND_BYTES: Final = 512 * 1024
"""What is sealed and written at once."""
_PACKET_MORE_BYTES: Final = 4096
"""Of a packet, beside its data: heads and padding."""

_ENDS_TOGETHER_SECONDS: Final = 0.05
"""Ends of downloads are told to the keeper together, those of so long a time: they share one transaction."""

AnswerT = TypeVar("AnswerT", bound=Answer)


class SftpDoor:
    """One worker's door."""

    def __init__(
        self,
        ask: Callable[[Operation], Awaitable[Answer]],
        store: BlobStore,
        settings: Settings,
        clock: Clock | None = None,
        *,
        line: KeeperLine | None = None,
    ) -> None:
        """Nobody is connected yet. `ask` asks the keeper one operation, by `line` where what it tells is remembered."""
        self.ask_any = ask
        self.watching = Watching(line, settings.sftp_remembered_entries_max)
        self.plane = Plane(store, settings)
        self.settings = settings
        self.clock = clock or Clock()
        self.admission = Admission(
            all_max=settings.unauthenticated_connections_max,
            range_max=settings.unauthenticated_connections_per_range_max,
        )
        self.express = bool(settings.sftp_express)
        """Whether data packets take the express path (express.py)."""
        self.receiving = Buffers(_RECEIVE_BYTES)
        self.sending = Buffers(_SEND_BYTES)
        self.stages = Buffers(HEAD_BYTES + 2 * settings.sftp_packet_bytes_max + _PACKET_MORE_BYTES)
        self.connections: set[SftpConnection] = set()
        self.keeping_alive = KeepingAlive(ask, self._handles_in_use, lambda: self.settings.session_idle_seconds)
        self._by_session: dict[str, SigningInConnection] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending: list[ReadingFile] = []
        """Files that were read and closed, and whose end the keeper is still to be told."""

    async def ask(self, operation: Operation, answer: type[AnswerT]) -> AnswerT:
        """Ask the keeper and return its answer, or raise the failure that it answered."""
        answered = await self.ask_any(operation)
        if not isinstance(answered, answer):
            raise TypeError(f"{type(operation).__name__} was answered with {type(answered).__name__}")
        return answered

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Run something that must outlive the connection it is about, such as suspending its uploads."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def end_later(self, reading: ReadingFile) -> None:
        """End a download without its client's waiting for it; that it began is on record already."""
        if not self._ending:
            asyncio.get_running_loop().call_later(_ENDS_TOGETHER_SECONDS, self._end_downloads)
        self._ending.append(reading)

    def _end_downloads(self) -> None:
        for reading in self._ending:
            self.spawn(reading.let_go())
        self._ending.clear()

    async def finish_tasks(self) -> None:
        """Wait for everything that was spawned, and end what is still to be ended."""
        self._end_downloads()
        while self._tasks:
            await asyncio.wait(self._tasks)

    def signed_in(self, signed: SignedIn, connection: SigningInConnection) -> None:
        """Remember which connection to end when the keeper ends this session."""
        self._by_session[signed.session] = connection

    async def sign_out(self, signed: SignedIn) -> None:
        """Tell the keeper that nobody uses this session any more."""
        self._by_session.pop(signed.session, None)
        try:
            await self.ask(SignOut(handle=signed.handle, reason="disconnected"), Answer)
        except SessionEnded:
            pass
        except SealaneError as error:
            log.warning("a session could not be signed out: %s", error.code)

    def _handles_in_use(self) -> Iterator[str]:
        return filter(None, (connection.handle_in_use for connection in self.connections))

    def notice(self, notice: Answer) -> None:
        """End at once what the keeper says has ended; let settings that were changed count from now on."""
        self.watching.notice(notice)
        if isinstance(notice, SettingsInForce):
            self.settings = self.plane.settings = as_told(self.settings, notice.values)
            self.keeping_alive.soon()
        if isinstance(notice, SessionsEnded):
            for session in notice.sessions:
                connection = self._by_session.get(session)
                if connection is not None:
                    connection.end(SessionEnded.default)
