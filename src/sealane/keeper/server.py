"""The keeper's Unix sockets: each operation to the writer or to a flow of several steps, and its answer back.

One event loop reads and writes (`line.py`); one thread performs (`writer.py`); passwords and host key signatures have
pools of their own, so that neither can hold up what runs. Must stay true: nothing is queued without a limit; whoever is
to know that something has changed is told before anybody is answered of the change.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import socket
from typing import TYPE_CHECKING, Any

from sealane import configuration, system_accounts
from sealane.domain import sessions
from sealane.errors import KeeperAway, SealaneError, TooMany
from sealane.keeper import flows
from sealane.keeper.batch import Batch, Request
from sealane.keeper.core import unexpected
from sealane.keeper.line import Line
from sealane.keeper.pools import Pool
from sealane.keeper.proofs import Proofs
from sealane.keeper.writer import Queued, Writer
from sealane.operations.caller import socket_path
from sealane.operations.envelope import (
    NOTICE,
    Answer,
    Asker,
    PlaceIs,
    SessionsEnded,
    SettingsInForce,
    WatchesEnded,
)
from sealane.operations.inspection import ArrivalsWaiting
from sealane.operations.told import Told

if TYPE_CHECKING:
    from pathlib import Path

    from sealane.keeper.batch import Act
    from sealane.keeper.core import Keeper
    from sealane.operations.caller import SocketName
    from sealane.operations.envelope import Operation

log = logging.getLogger(__name__)

SOCKETS: dict[SocketName, Asker] = {
    "doors": Asker.DOOR,
    "inspector": Asker.INSPECTOR,
    "admin": Asker.ADMIN,
    "jobs": Asker.JOBS,
}


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
        self.sessions_cut = asyncio.Event()
        """Sessions may end sooner than they did before."""
        self._dead_bytes = 0
        settings = keeper.settings
        self._pools = {
            "passwords": Pool("passwords", settings.password_hash_threads, settings.password_hash_queue_max),
            "signatures": Pool("signatures", 1, settings.connection_operations_max),
        }
        self._kept_waiting = 0
        self._accounts = system_accounts.named(settings.accounts)
        self._told = Told(run_dir, mode=0o600 if self._accounts is None else 0o640)
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
        self._told.close()

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
            line.place = self._told.enter()
            line.send(NOTICE, PlaceIs(line.place, self._told.count(line.place)))
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
        self._told.leave(line.place)
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
            self.sessions_cut.set()
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
                try:
                    count = self._told.add(line.place)
                except OSError as problem:  # nothing that a door remembers counts across a broken connection
                    log.warning("%s is ended: what it is told cannot be counted: %s", line.name, problem)
                    line.close()
                    continue
                line.send(NOTICE, WatchesEnded(tuple(ended.get(line.name, ())), batch.watches_up_to, count))
                line.flush()

    def _settings_in_force(self) -> SettingsInForce:
        return SettingsInForce(configuration.changeable_of(self.keeper.settings))

    def _tell(self, asker: Asker, notice: Answer) -> None:
        for line in self._lines:
            if line.asker is asker:
                line.send(NOTICE, notice)


def _settle(done: asyncio.Future[Any], outcome: Any) -> None:
    if done.done():
        return
    if isinstance(outcome, SealaneError):
        done.set_exception(outcome)
    else:
        done.set_result(outcome)
