"""A real keeper on a data directory, in this process, without sockets: the same face as `KeeperCaller`, no waiting.

keeper = KeeperInProcess(tmp_path)
keeper.admin(AddOrganization(name="clinic"))
door = keeper.door()
signed_in = await door.ask(SignInWithToken(...))
door.break_off()            # what a broken connection of the door does
keeper.restart()            # what a restart of the keeper does (doors keep working)
keeper.close()
"""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING

from argon2 import PasswordHasher, Type

from sealane.clock import Clock
from sealane.configuration import changeable_of
from sealane.domain import passwords
from sealane.keeper.core import Keeper
from sealane.operations.envelope import Answer, Asker, Operation, SessionsEnded, SettingsInForce, WatchesEnded
from sealane.operations.inspection import ArrivalsWaiting
from sealane.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from sealane.keeper.core import Batch, Request


@contextlib.contextmanager
def hashing_quickly() -> Iterator[None]:
    """Make password hashes that cost next to nothing, where a test signs in again and again."""
    ours = passwords._HASHER
    passwords._HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1, type=Type.ID)
    try:
        yield
    finally:
        passwords._HASHER = ours


# An RSA host key takes a quarter of a second to make; no test of other rooms needs one.
SETTINGS = Settings(ssh_rsa_host_key_bits=0)


class _Watched(Keeper):
    """Hands every batch's notices on, as the server does."""

    told: Callable[[Batch], None]

    def perform_batch(self, requests: Sequence[Request]) -> Batch:
        batch = super().perform_batch(requests)
        self.told(batch)
        return batch


class Asking:
    """One connection to the keeper."""

    def __init__(self, home: KeeperInProcess, asker: Asker, name: str) -> None:
        self.asker = asker
        self.name = name
        self.listeners: list[Callable[[Answer], None]] = []
        self.connection = 1
        self.has_unread = False
        self._home = home

    async def ask(self, operation: Operation) -> Answer:
        return self.ask_now(operation)

    def ask_now(self, operation: Operation) -> Answer:
        return self._home.keeper.perform(operation, asker=self.asker, connection=self.name)

    def on_notice(self, listener: Callable[[Answer], None]) -> None:
        self.listeners.append(listener)

    def start(self) -> None:
        """There is nothing to connect."""

    def break_off(self) -> None:
        self.connection += 1
        self._home.keeper.connection_closed(self.name)

    async def close(self) -> None:
        self.break_off()


class KeeperInProcess:
    """The node and all who ask it."""

    def __init__(
        self, data_dir: Path, settings: Settings = SETTINGS, clock: Clock | None = None, *, reading: bool = False
    ) -> None:
        """`reading`: whose data is in what arrives is read, as tests of that ask for."""
        self.data_dir = data_dir
        self.settings = dataclasses.replace(settings, ssh_rsa_host_key_bits=0, exposure_read=int(reading))
        self.clock = clock or Clock()
        self._askings: list[Asking] = []
        self.keeper = self._opened()

    def _opened(self) -> Keeper:
        keeper = _Watched.open(self.data_dir, self.settings, self.clock)
        assert isinstance(keeper, _Watched)
        keeper.told = self._tell
        return keeper

    def restart(self) -> None:
        self.keeper.close()
        for asking in self._askings:
            asking.connection += 1
        self.keeper = self._opened()

    def close(self) -> None:
        self.keeper.close()

    def door(self) -> Asking:
        return self._asking(Asker.DOOR, "doors")

    def inspector(self) -> Asking:
        return self._asking(Asker.INSPECTOR, "inspector")

    def jobs(self) -> Asking:
        return self._asking(Asker.JOBS, "jobs")

    def admin(self, operation: Operation) -> Answer:
        return self.keeper.perform(operation, asker=Asker.ADMIN, connection="admin-0")

    def _asking(self, asker: Asker, name: str) -> Asking:
        asking = Asking(self, asker, f"{name}-{len(self._askings) + 1}")
        self._askings.append(asking)
        return asking

    def _tell(self, batch: Batch) -> None:
        for asking in self._askings:
            ended = tuple(number for connection, number in batch.watches if connection == asking.name)
            for listener in asking.listeners:
                if asking.asker is Asker.DOOR and (ended or batch.watches_up_to):
                    listener(WatchesEnded(ended, batch.watches_up_to))
                if batch.ended and asking.asker is Asker.DOOR:
                    listener(SessionsEnded(sessions=tuple(batch.ended)))
                if batch.settings_changed and asking.asker is Asker.DOOR:
                    listener(SettingsInForce(changeable_of(self.keeper.settings)))
                if batch.arrivals and asking.asker is Asker.INSPECTOR:
                    listener(ArrivalsWaiting())
