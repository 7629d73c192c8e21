"""One channel's session: asyncssh on one side, the SFTP engine or scp on the other, and the pace between them.

Must stay true: while a request waits, or the client does not read its replies, nothing more is read from the channel,
so that what a session holds is bounded; a session that ends without CLOSE suspends what it was writing.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

import asyncssh

from sealane.doors.sftp import scp_words
from sealane.doors.sftp.channel import SessionChannel
from sealane.doors.sftp.engine import Broken, Engine
from sealane.doors.sftp.files import Files
from sealane.doors.sftp.handles import Handles
from sealane.doors.sftp.requests import SftpRequests
from sealane.doors.sftp.scp import Scp
from sealane.doors.sftp.stage import Stage
from sealane.errors import SessionEnded

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from asyncssh.channel import SSHServerChannel

    from sealane.doors.sftp.connection import SftpConnection
    from sealane.doors.sftp.door import SftpDoor
    from sealane.operations.signing import SignedIn
    from sealane.vault.blobs import Buffer

log = logging.getLogger(__name__)


class Speaker(Protocol):
    """What speaks on a channel once the client has said what it wants."""

    def feed(self, data: bytes) -> None:
        """Take bytes from the client."""
        ...

    def eof(self) -> None:
        """Take it that the client sends no more."""
        ...

    def serve_again(self) -> None:
        """Go on, since there may be room for replies again."""
        ...

    async def ended(self) -> None:
        """Let what runs come to its end, and suspend the rest: the channel is gone."""
        ...

    @property
    def is_waiting(self) -> bool:
        """Whether a request is being served."""
        ...

    @property
    def is_busy(self) -> bool:
        """Whether a request is being served or a file is open."""
        ...


class Line:
    """The channel as a speaker sees it: write, pause, end."""

    def __init__(self, channel: SessionChannel, connection: SftpConnection, replies_bytes_max: int) -> None:
        """Speak on `channel`."""
        self._replies_bytes_max = replies_bytes_max
        self._channel = channel
        self._connection = connection
        self._reading_paused = False
        self.writing_paused = False

    @property
    def has_room(self) -> bool:
        """Whether the client reads what it is sent."""
        waits = self._channel.outlet.size
        return not self.writing_paused and waits < self._replies_bytes_max and self._connection.has_room

    @property
    def is_sent(self) -> bool:
        """Whether everything that was written is on its way."""
        return not self._channel.outlet.size

    def write(self, blocks: list[Buffer]) -> None:
        """Send; what is said to a channel that has closed is lost."""
        if blocks and not self._channel.is_closing():
            self._channel.send(blocks)

    def read(self, *, on: bool) -> None:
        """Take bytes from the client, or leave them where they are."""
        if on:
            self._channel.give_window()
            if self._reading_paused:
                self._reading_paused = False
                self._channel.resume_reading()
        elif not on and not self._reading_paused:
            self._reading_paused = True
            self._channel.pause_reading()

    def go_on(self) -> None:
        """Take what stayed on its way here while a request waited."""
        self._connection.go_on()

    def exit(self, status: int) -> None:
        """Say how it ended and close the channel."""
        if not self._channel.is_closing():
            self._channel.exit(status)

    def by_express(self, taker: SftpSpeaker) -> None:
        """Let what the client sends come straight to the taker's stage, where that can be."""
        self._connection.lane_of(self._channel, taker)

    def end_connection(self, sentence: str) -> None:
        """Close the whole connection."""
        self._connection.end(sentence)


class SftpSpeaker:
    """Feeds the SFTP engine in order and sends its replies."""

    def __init__(self, files: Files, line: Line) -> None:
        """Serve the client whose files these are."""
        settings = files.door.settings
        self._line = line
        self._handles = Handles(settings.sftp_handles_max)
        self._engine = Engine(
            SftpRequests(files, self._handles),
            self._handles,
            packet_bytes_max=settings.sftp_packet_bytes_max,
            replies_bytes_max=settings.sftp_replies_bytes_max,
        )
        self.stage = Stage(files.door.stages)
        self._task: asyncio.Task[None] | None = None
        self._waits_at = 0
        """Bytes of the stage up to the end of the request that waits."""
        self._eof = False
        self._over = False
        line.by_express(self)

    @property
    def is_waiting(self) -> bool:
        """Whether a request is being served."""
        return self._task is not None

    @property
    def is_busy(self) -> bool:
        """Whether a request is being served or a file is open."""
        return self._task is not None or self._handles.transfers > 0

    def feed(self, data: bytes) -> None:
        """Serve what came, straight from where it lies, and keep what is not a whole request yet."""
        if self._over:
            return
        if not self.stage and self._task is None and self._line.has_room:
            used = self._take(memoryview(data))
            if used < len(data):
                self._keep(data[used:])
        else:
            self._keep(data)
        self._go_on()

    @property
    def may_move(self) -> bool:
        """Whether no request waits in the stage."""
        return self._task is None

    def arrived(self) -> None:
        """Serve what came by express."""
        if not self._over:
            self._go_on()
        elif self._task is None:
            self.stage.clear()

    def eof(self) -> None:
        """Close the channel once everything that came before is served."""
        self._eof = True
        self._go_on()

    def serve_again(self) -> None:
        """Go on after the client has read its replies."""
        if not self._over:
            self._go_on()

    async def ended(self) -> None:
        """Let the request that runs come to its end: the client asked for it. Then suspend what is open."""
        self._over = True
        if self._task is not None:
            await asyncio.wait([self._task])
        self.stage.clear()
        await self._handles.let_go()

    def _take(self, view: memoryview) -> int:
        replies: list[Buffer] = []
        try:
            used = self._engine.take(view, replies)
        except Broken as error:
            log.warning("an SFTP session was ended: %s", error)
            self._over = True
            self._line.exit(1)
            return len(view)
        except SessionEnded as error:
            self._over = True
            self._line.end_connection(error.sentence)
            return len(view)
        self._line.write(replies)
        if self._engine.waiting is not None:
            self._task = asyncio.get_running_loop().create_task(self._wait(self._engine.waiting))
        return used

    async def _wait(self, waiting: Awaitable[list[Buffer]]) -> None:
        """Send the reply to a request that had to wait, and go on behind it."""
        try:
            reply = await waiting
        except SessionEnded as error:
            self._over = True
            self._task = None
            self._line.end_connection(error.sentence)
            return
        self._engine.waiting = None
        self._task = None
        self.stage.served(self._waits_at)
        self._waits_at = 0
        self._line.write(reply)
        if self._over:
            self._line.go_on()
        else:
            self._go_on()

    def _go_on(self) -> None:
        """Serve what is kept, as far as nothing waits, and set the pace of reading."""
        while self.stage and self._task is None and self._line.has_room and not self._over:
            used = self._take(self.stage.unserved)
            if self._task is None:
                self.stage.served(used)
            else:
                self._waits_at = used
            if not used:
                break
        if self._eof and self._task is None and self._line.has_room and self._line.is_sent:
            self._over = True
            self._line.exit(0)
            return
        self._line.read(on=self._over or (self._task is None and self._line.has_room))
        if self._task is None:
            self._line.go_on()

    def _keep(self, data: bytes) -> None:
        """Copy bytes behind those that are kept. Called only while no request waits in the stage."""
        if not self.stage.keep(data, may_move=self._task is None):
            raise AssertionError("the stage has room for what one packet brings")


class Session(asyncssh.SSHServerSession[bytes]):
    """asyncssh's face of a session: nothing but the SFTP subsystem and scp commands are accepted on it."""

    def __init__(self, door: SftpDoor, signed: SignedIn, connection: SftpConnection) -> None:
        """Serve the client of `signed`."""
        self._files = Files(door, signed)
        self._connection = connection
        self._line: Line | None = None
        self._speaker: Speaker | None = None
        self._ending: asyncio.Future[None] | None = None

    def connection_made(self, chan: SSHServerChannel[bytes]) -> None:
        """Take the channel."""
        assert isinstance(chan, SessionChannel)  # connection.py makes no other
        most = self._files.door.settings.sftp_replies_bytes_max
        chan.set_write_buffer_limits(high=most)
        self._line = Line(chan, self._connection, most)

    def subsystem_requested(self, subsystem: str) -> bool:
        """Speak SFTP."""
        if subsystem != "sftp" or self._line is None:
            return False
        self._speaker = SftpSpeaker(self._files, self._line)
        return True

    def exec_requested(self, command: str) -> bool:
        """Speak scp; there is no other command."""
        words = scp_words.parse(command)
        if words is None or self._line is None:
            return False
        self._speaker = Scp(self._files, self._line, words)
        return True

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """Hand on what the client sends."""
        del datatype
        if self._speaker is not None:
            self._speaker.feed(data)

    def eof_received(self) -> bool:
        """Keep our side open until everything is answered."""
        if self._speaker is not None:
            self._speaker.eof()
        return True

    def pause_writing(self) -> None:
        """Send nothing: the channel's window is full."""
        if self._line is not None:
            self._line.writing_paused = True

    def resume_writing(self) -> None:
        """Send again: the client has read."""
        if self._line is not None:
            self._line.writing_paused = False
        self.serve_again()

    def serve_again(self) -> None:
        """Go on, since there may be room for replies again."""
        if self._speaker is not None:
            self._speaker.serve_again()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of the channel: it has closed."""
        del exc
        self._connection.session_closed(self)

    async def ended(self) -> None:
        """Suspend what is open; whoever asks again waits for the same end."""
        if self._speaker is not None:
            if self._ending is None:
                self._ending = asyncio.ensure_future(self._speaker.ended())
            await self._ending
            self._files.forget()

    @property
    def is_waiting(self) -> bool:
        """Whether a request is being served."""
        return self._speaker is not None and self._speaker.is_waiting

    @property
    def is_busy(self) -> bool:
        """Whether a request is being served or a file is open."""
        return self._speaker is not None and self._speaker.is_busy
