"""The keeper's Unix sockets: frames in, answers out, each operation to the writer or to a flow of several steps.

One event loop reads and writes; one thread performs (`writer.py`); passwords and host key signatures have pools of
their own, so that neither can hold up what runs. Must stay true: the socket a connection came in by is all that is
believed about it; what does not parse ends the connection; nothing is queued without a limit.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import socket
import struct
from typing import TYPE_CHECKING, Any

from sealane import configuration, system_accounts
from sealane.domain import sessions
from sealane.errors import Invalid, KeeperAway, SealaneError, TooLarge, TooMany
from sealane.keeper import flows
from sealane.keeper.core import Batch, Request, unexpected
from sealane.keeper.pools import Pool
from sealane.keeper.proofs import Proofs
from sealane.keeper.writer import Queued, Writer
from sealane.operations import frames
from sealane.operations.caller import socket_path
from sealane.operations.envelope import NOTICE, Answer, Asker, Failed, SessionsEnded, SettingsInForce, WatchesEnded
from sealane.operations.inspection import ArrivalsWaiting

if TYPE_CHECKING:
    from pathlib import Path

    from sealane.keeper.core import Act, Keeper
    from sealane.operations.caller import SocketName
    from sealane.operations.envelope import Operation

log = logging.getLogger(__name__)

SOCKETS: dict[SocketName, Asker] = {
    "doors": Asker.DOOR,
    "inspector": Asker.INSPECTOR,
    "admin": Asker.ADMIN,
    "jobs": Asker.JOBS,
}

_PEER = struct.Struct("3i")  # struct ucred: pid, uid, gid


class Server:
    """Serves one keeper until it is told to stop."""

    def __init__(self, keeper: Keeper, run_dir: Path) -> None:
        """Nothing listens yet."""
        self.keeper = keeper
        self.settings = keeper.settings
        self._run_dir = run_dir
        self._loop = asyncio.get_running_loop()
        self._writer = Writer(keeper, self._performed)
        self._listening: list[asyncio.Server] = []
        self._lines: set[Line] = set()
        self._flows: set[asyncio.Task[None]] = set()
        self._line_number = 0
        self.stopping = False
        self.turned_away: SealaneError | None = None
        """What everybody is told in place of an answer, as long as it stands."""
        self.much_is_dead = asyncio.Event()
        """So much in the store is needed by nothing any more that it is not to wait for the next sweep."""
        self._dead_bytes = 0
        settings = keeper.settings
        self._pools = {
            "passwords": Pool("passwords", settings.password_hash_threads, settings.password_hash_queue_max),
            "signatures": Pool("signatures", 1, settings.connection_operations_max),
        }
        self._kept_waiting = 0
        self._accounts = system_accounts.named(settings.accounts)
        self._proofs = Proofs(self, run_dir.parent)

    async def start(self) -> None:
        """Listen on the sockets, each made for whom it is for."""
        self._writer.start()
        for name, asker in SOCKETS.items():
            listener = self._listener(name)
            self._listening.append(
                await self._loop.create_unix_server(functools.partial(Line, self, name, asker), sock=listener)
            )

    async def stop(self) -> None:
        """Take nothing more, answer what was taken, end the connections."""
        self.stopping = True
        for listening in self._listening:
            listening.close()
        for line in self._lines:
            line.hush()
        await self._proofs.stop()
        while self._flows:
            await asyncio.wait(self._flows)
        await asyncio.to_thread(self._writer.stop)
        # The last batch was handed over by call_soon_threadsafe before the thread ended: one turn delivers it.
        await asyncio.sleep(0)
        for line in list(self._lines):
            line.close()
        for pool in self._pools.values():
            pool.close()
        for name in SOCKETS:
            (self._run_dir / f"{name}.sock").unlink(missing_ok=True)

    def _listener(self, name: SocketName) -> socket.socket:
        (self._run_dir / f"{name}.sock").unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # In accounts of their own the askers come by the group of `run/`; which of them it is, `is_welcome` looks at.
        apart = self._accounts is not None and SOCKETS[name] is not Asker.ADMIN
        before = os.umask(0o117 if apart else 0o177)
        try:
            with socket_path(self._run_dir, name) as path:
                listener.bind(path)
        finally:
            os.umask(before)
        return listener

    def is_welcome(self, asker: Asker, uid: int) -> bool:
        """Return whether a process of this account may ask by the socket of these askers. Root and we ourselves may."""
        welcome = {system_accounts.ROOT, os.geteuid()}
        if self._accounts is not None and asker is not Asker.ADMIN:
            rooms = {Asker.DOOR: "doors", Asker.INSPECTOR: "inspector", Asker.JOBS: "jobs"}
            welcome.add(self._accounts.of_room(rooms[asker]).uid)
        return uid in welcome

    # --- taking -----------------------------------------------------------------------------------------------------

    def opened(self, line: Line) -> str:
        """Note a connection and return its name, unique in the life of this keeper."""
        self._lines.add(line)
        self._line_number += 1
        if line.asker is Asker.DOOR:
            task = self._loop.create_task(self._tell_what_ended(line))
            self._flows.add(task)
            task.add_done_callback(self._flows.discard)
            line.send(NOTICE, self._settings_in_force())  # perhaps others than those that its process began with
            line.flush()
        if line.asker is Asker.INSPECTOR:  # the last keeper may have died before it said that something is owed
            line.send(NOTICE, ArrivalsWaiting())
            line.flush()
        return f"{line.socket_name}-{self._line_number}"

    async def _tell_what_ended(self, line: Line) -> None:
        """Tell a door that connects which sessions ended lately: the last keeper may have died before it said so."""
        try:
            ended = await self.perform(sessions.ended_lately)
        except SealaneError as failure:
            log.warning("a door could not be told which sessions ended: %s", failure.code)
            return
        if ended:
            line.send(NOTICE, SessionsEnded(sessions=ended))
            line.flush()

    def closed(self, line: Line) -> None:
        """Let go of what a connection held, after all that was asked on it."""
        self._lines.discard(line)
        if line.name and not self.stopping:
            self._writer.put_closed(line.name)

    def asked(self, line: Line, number: int, operation: Operation) -> None:
        """Begin one operation; `line.answer(number, …)` will be called once."""
        if self.stopping or self.turned_away is not None:
            line.answer(number, self.turned_away or KeeperAway())
            return
        if self._writer.waiting() >= self.settings.queued_operations_max:
            line.answer(number, TooMany())
            return
        steps = flows.flow_of(operation, self.keeper.host_keys) if line.asker in operation.askers else None
        if steps is None:
            request = Request(operation, line.asker, line.name)
            self._writer.put(Queued(request, functools.partial(line.answer, number)))
            return
        task = self._loop.create_task(self._walk(line, number, steps))
        self._flows.add(task)
        task.add_done_callback(self._flows.discard)

    async def perform(self, act: Act, *, connection: str = "keeper") -> Any:
        """Have the writer do one act in its next batch; return what it returns or raise what it failed with."""
        done: asyncio.Future[Any] = self._loop.create_future()
        self._writer.put(Queued(Request(act, Asker.ADMIN, connection), functools.partial(_settle, done)))
        return await done

    async def _walk(self, line: Line, number: int, steps: flows.Flow) -> None:
        """Take a flow's steps, each where it belongs, and answer with what it returns."""
        try:
            outcome: Any = await self._walked(line, steps)
        except SealaneError as failure:
            outcome = failure
        except Exception as problem:  # noqa: BLE001  # one flow must not end the server
            outcome = unexpected("a flow", problem)
        line.answer(number, outcome)
        line.flush()

    async def _walked(self, line: Line, steps: flows.Flow) -> Answer:
        stranger = line.asker is Asker.DOOR  # what strangers may queue never keeps the operator out
        if stranger and self._kept_waiting >= self.settings.sign_in_waits_max:
            steps.close()
            raise TooMany
        result: Any = None
        while True:
            try:
                step = steps.send(result)
            except StopIteration as end:
                return end.value
            match step:
                case flows.InTransaction(act):
                    result = await self.perform(act, connection=line.name)
                case flows.InPool(pool, work):
                    result = await self._pools[pool].run(work, limited=stranger)
                case flows.Wait(seconds):
                    self._kept_waiting += 1
                    try:
                        await asyncio.sleep(seconds)
                    finally:
                        self._kept_waiting -= 1
                    result = None

    # --- giving back ------------------------------------------------------------------------------------------------

    def _performed(self, queued: list[Queued], batch: Batch) -> None:
        """Hand a durable batch to the event loop. Called in the writer's thread."""
        self._loop.call_soon_threadsafe(self._deliver, queued, batch)

    def _deliver(self, queued: list[Queued], batch: Batch) -> None:
        """Tell what has changed, and answer: the first is written before anybody is answered of the change."""
        if batch.watches or batch.watches_up_to:
            self._tell_watchers(batch)
        if batch.settings_changed:
            self._tell(Asker.DOOR, self._settings_in_force())
            for line in self._lines:
                line.flush()
        for one, outcome in zip(queued, batch.outcomes, strict=True):
            one.told(outcome)
        if batch.ended:
            self._tell(Asker.DOOR, SessionsEnded(sessions=tuple(batch.ended)))
        self._dead_bytes += batch.dead_bytes
        if self._dead_bytes >= self.settings.sweep_dead_bytes:
            self._dead_bytes = 0
            self.much_is_dead.set()
        if batch.arrivals:
            self._tell(Asker.INSPECTOR, ArrivalsWaiting())
        if batch.proof_wanted and not self.stopping:
            self._proofs.start()
        for line in self._lines:
            line.flush()

    def _tell_watchers(self, batch: Batch) -> None:
        ended: dict[str, list[int]] = {}
        for connection, number in batch.watches:
            ended.setdefault(connection, []).append(number)
        for line in self._lines:
            if line.asker is Asker.DOOR and (batch.watches_up_to or line.name in ended):
                line.send(NOTICE, WatchesEnded(tuple(ended.get(line.name, ())), batch.watches_up_to))
                line.flush()

    def _settings_in_force(self) -> SettingsInForce:
        return SettingsInForce(configuration.changeable_of(self.keeper.settings))

    def _tell(self, asker: Asker, notice: Answer) -> None:
        for line in self._lines:
            if line.asker is asker:
                line.send(NOTICE, notice)


class Line(asyncio.Protocol):
    """One connection to a socket of the keeper."""

    def __init__(self, server: Server, socket_name: SocketName, asker: Asker) -> None:
        """Wait for `connection_made`."""
        self.socket_name: SocketName = socket_name
        self.asker = asker
        self.name = ""
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


def _settle(done: asyncio.Future[Any], outcome: Any) -> None:
    if done.done():
        return
    if isinstance(outcome, SealaneError):
        done.set_exception(outcome)
    else:
        done.set_result(outcome)
