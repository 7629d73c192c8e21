"""The caller's side of the keeper's sockets: many operations at once over one connection, and patience.

`KeeperCaller` is for the long-lived processes (doors, inspector, supervisor): it pipelines, reconnects while the keeper
is being restarted and asks again what may be repeated, so that transfers wait instead of failing. `ask_once` is for
the command line. Must stay true: an operation that may not be repeated is never sent twice; nothing waits for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import select
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sealane.errors import Invalid, KeeperAway, OutcomeUnknown, TooMany, raised_again
from sealane.operations import frames
from sealane.operations.envelope import NOTICE, Answer, Failed, PlaceIs, WatchesEnded
from sealane.operations.told import NOBODY, Hearing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sealane.operations.envelope import Operation
    from sealane.settings import Settings

log = logging.getLogger(__name__)

SocketName = Literal["doors", "inspector", "admin", "jobs"]

_RETRY_SECONDS = 0.02
"""The first pause before the keeper is tried again; it doubles up to `keeper_retry_seconds_max`."""


@contextlib.contextmanager
def socket_path(run_dir: Path, name: SocketName) -> Iterator[str]:
    """Give a path to the socket that is short enough for `sun_path` however long the data directory's is."""
    folder = os.open(run_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{name}.sock"
    finally:
        os.close(folder)


@dataclass(slots=True)
class _Asked:
    """An operation that waits for its answer."""

    operation: Operation
    frame: bytes
    answered: asyncio.Future[Answer]
    deadline: float
    sent: bool = False


class KeeperCaller:
    """One process's connection to the keeper. All of it runs on one event loop."""

    def __init__(self, run_dir: Path, name: SocketName, settings: Settings) -> None:
        """Nothing is opened yet; the first `ask` (or `start`) does."""
        self._run_dir = run_dir
        self._name: SocketName = name
        self._settings = settings
        self._asked: dict[int, _Asked] = {}
        self._number = NOTICE
        self._listeners: list[Callable[[Answer], None]] = []
        self._transport: asyncio.Transport | None = None
        self._to_write: list[bytes] = []
        self._connecting: asyncio.Task[None] | None = None
        self._line: _Connection | None = None
        self._unread = select.poll()
        self._hearing: Hearing | None = None
        self.connection = 0
        """Which connection it is, counted from 1; 0 while there is none."""
        self._connections = 0
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def on_notice(self, listener: Callable[[Answer], None]) -> None:
        """Call `listener` with everything that the keeper pushes. It must not block or raise."""
        self._listeners.append(listener)

    @property
    def has_unread(self) -> bool:
        """Whether the keeper may have said something that was not heard yet."""
        if not self.connection or self._line is None or self._line.holds_part:
            return True
        return (self._hearing is not None and not self._hearing.is_complete) or bool(self._unread.poll(0))

    def start(self) -> None:
        """Begin to connect, so that notices come before the first operation is asked."""
        if self._transport is None and self._connecting is None and not self._closed:
            self._connecting = asyncio.get_running_loop().create_task(self._connect(), name="keeper-connect")

    async def ask(self, operation: Operation) -> Answer:
        """Return the keeper's answer, or raise the `SealaneError` that it failed with.

        Waits while the keeper is being restarted, at most `keeper_wait_seconds` (then `KeeperAway`); raises
        `OutcomeUnknown` when an operation that may not be repeated was under way, `TooMany` when too many wait already.
        """
        answer = await self._answer(operation)
        if _is_unknown(answer) and operation.repeatable:
            answer = await self._answer(operation)  # the keeper's database went away; by now it knows what was done
        if isinstance(answer, Failed):
            raise raised_again(answer.failure_code, answer.sentence)
        return answer

    async def _answer(self, operation: Operation) -> Answer:
        if self._closed:
            raise KeeperAway
        if len(self._asked) >= self._settings.caller_operations_max:
            raise TooMany
        loop = asyncio.get_running_loop()
        self._number += 1
        number = self._number
        asked = _Asked(
            operation=operation,
            frame=frames.pack(number, operation, bytes_max=self._settings.frame_bytes_max),
            answered=loop.create_future(),
            deadline=loop.time() + self._settings.keeper_wait_seconds,
        )
        self._asked[number] = asked
        self._watch_oldest()
        if self._transport is None:
            self.start()
        else:
            self._send(asked)
        try:
            return await asked.answered
        finally:
            self._asked.pop(number, None)

    async def close(self) -> None:
        """End the connection; whatever still waits fails with `KeeperAway`."""
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._connecting
        if self._timer is not None:
            self._timer.cancel()
        self.connection = 0
        self._hear_nothing()
        if self._transport is not None:
            self._transport.close()
            self._transport = None
        for asked in self._asked.values():
            _fail(asked.answered, KeeperAway())

    # --- connecting -------------------------------------------------------------------------------------------------

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        pause = _RETRY_SECONDS
        while True:
            try:
                with socket_path(self._run_dir, self._name) as path:
                    transport, line = await loop.create_unix_connection(lambda: _Connection(self), path)
            except OSError as problem:
                log.debug("the keeper is away: %s", problem)
                await asyncio.sleep(pause)
                pause = min(pause * 2, self._settings.keeper_retry_seconds_max)
            else:
                break
        self._connecting = None
        self._transport = transport
        self._connections += 1
        self.connection, self._line = self._connections, line
        self._unread = select.poll()
        self._unread.register(transport.get_extra_info("socket"), select.POLLIN)
        for asked in self._asked.values():
            self._send(asked)

    def _send(self, asked: _Asked) -> None:
        """Write at the end of this turn of the loop, together with all else that is asked in it."""
        asked.sent = True
        if not self._to_write:
            asyncio.get_running_loop().call_soon(self._write)
        self._to_write.append(asked.frame)

    def _write(self) -> None:
        if self._transport is not None and self._to_write:
            self._transport.write(b"".join(self._to_write))
        self._to_write.clear()

    def _lost(self, transport: asyncio.Transport) -> None:
        """Fail what may not be asked twice, and keep the rest for the next connection."""
        if transport is not self._transport:
            return
        self._transport = None
        self.connection = 0
        self._hear_nothing()
        self._to_write.clear()
        for asked in self._asked.values():
            if asked.sent and not asked.operation.repeatable:
                _fail(asked.answered, OutcomeUnknown())
            asked.sent = False
        self._asked = {number: asked for number, asked in self._asked.items() if not asked.answered.done()}
        self.start()

    # --- what comes back --------------------------------------------------------------------------------------------

    def _received(self, number: int, answer: Answer) -> None:
        if number == NOTICE and isinstance(answer, PlaceIs):
            self._look_at(answer)
            return
        if number == NOTICE:
            if isinstance(answer, WatchesEnded) and self._hearing is not None:
                self._hearing.hear(answer.told)
            for listener in self._listeners:
                listener(answer)
            return
        asked = self._asked.get(number)
        if asked is not None and not asked.answered.done():
            asked.answered.set_result(answer)

    def _look_at(self, place: PlaceIs) -> None:
        """See from now on how often the keeper said that watches have ended, also what has not come yet (`told.py`)."""
        self._hear_nothing()
        try:
            self._hearing = Hearing(self._run_dir, place.place, place.told)
        except OSError as problem:
            log.warning("what the keeper has said cannot be counted, so nothing is remembered: %s", problem)
            self._hearing = Hearing(self._run_dir, NOBODY, 0)

    def _hear_nothing(self) -> None:
        if self._hearing is not None:
            self._hearing.close()
            self._hearing = None

    def _watch_oldest(self) -> None:
        """Keep one timer, for the operation that waits longest: all wait equally long, so that is the first."""
        if self._timer is None and self._asked:
            oldest = next(iter(self._asked.values()))
            self._timer = asyncio.get_running_loop().call_at(oldest.deadline, self._give_up_oldest)

    def _give_up_oldest(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        for asked in self._asked.values():
            if asked.deadline > now:
                break
            unknown = asked.sent and not asked.operation.repeatable
            _fail(asked.answered, OutcomeUnknown() if unknown else KeeperAway())
        self._asked = {number: asked for number, asked in self._asked.items() if not asked.answered.done()}
        self._watch_oldest()


def _is_unknown(answer: Answer) -> bool:
    return isinstance(answer, Failed) and answer.failure_code == OutcomeUnknown.code


def _fail(answered: asyncio.Future[Answer], error: Exception) -> None:
    if not answered.done():
        answered.set_exception(error)


class _Connection(asyncio.Protocol):
    """Cuts what one connection receives into answers."""

    def __init__(self, caller: KeeperCaller) -> None:
        self._caller = caller
        self._splitter = frames.FrameSplitter(caller._settings.answer_bytes_max)  # noqa: SLF001  # its own half
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport: only the connection in force may report its loss."""
        assert isinstance(transport, asyncio.Transport)  # asyncio's promise for stream sockets
        self._transport = transport

    @property
    def holds_part(self) -> bool:
        """Whether a frame has come that is not whole yet."""
        return self._splitter.holds_part

    def data_received(self, data: bytes) -> None:
        """Hand on every answer that is whole."""
        try:
            for body in self._splitter.feed(data):
                self._caller._received(*frames.answer_of(body))  # noqa: SLF001  # its own half
        except Invalid as problem:
            log.error("the keeper's answer was not understood: %s", problem)  # noqa: TRY400  # not our traceback
            if self._transport is not None:
                self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the caller, which connects again."""
        del exc
        if self._transport is not None:
            self._caller._lost(self._transport)  # noqa: SLF001  # its own half


def ask_once(run_dir: Path, name: SocketName, operation: Operation, settings: Settings) -> Answer:
    """Ask one operation over a connection of its own and return its answer, or raise its failure.

    Raises `KeeperAway` at once when no keeper listens (the command line then works on the data directory itself), and
    `OutcomeUnknown` when the keeper goes away in the middle or does not answer for `keeper_wait_seconds`.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(settings.keeper_wait_seconds)
        try:
            with socket_path(run_dir, name) as path:
                line.connect(path)
        except OSError:
            raise KeeperAway("No server runs on this data directory.") from None
        try:
            line.sendall(frames.pack(NOTICE + 1, operation, bytes_max=settings.frame_bytes_max))
            splitter = frames.FrameSplitter(settings.answer_bytes_max)
            while received := line.recv(1 << 20):
                for body in splitter.feed(received):
                    number, answer = frames.answer_of(body)
                    if number == NOTICE:
                        continue
                    if isinstance(answer, Failed):
                        raise raised_again(answer.failure_code, answer.sentence)
                    return answer
        except OSError:
            raise OutcomeUnknown from None
    raise OutcomeUnknown
