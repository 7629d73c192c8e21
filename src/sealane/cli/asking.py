"""How an operator's command reaches the keeper: by its socket while it runs, else by opening it here, under its lease.

Must stay true: a command does the same whether the server runs or not; no operation is asked twice.
"""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from sealane import configuration
from sealane.cli.showing import Told, show_rows
from sealane.errors import Missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sealane.cli.showing import Cell
    from sealane.keeper.core import Keeper
    from sealane.operations.accounts import Granted, RowsAre, Value
    from sealane.operations.envelope import Answer, Operation
    from sealane.settings import Settings

AnswerT = TypeVar("AnswerT", bound="Answer")
FunctionT = TypeVar("FunctionT", bound="Callable[..., Any]")

_STARTING_SECONDS = 15.0
"""How long a command waits for a keeper that holds the lease and does not listen yet (or not any more)."""
_PAUSE_SECONDS = 0.1


class DataDirectoryMissing(Missing):
    """The directory named by `--data` is not there."""

    code = "data-directory-missing"


class Ask(Protocol):
    """Asks one operation of the keeper and returns its answer, of the type named."""

    def __call__(self, operation: Operation, wanted: type[AnswerT]) -> AnswerT:
        """Return the answer, or raise the `SealaneError` that it failed with."""
        ...


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """The data directory a command acts on, with the settings that hold there."""

    path: Path
    settings: Settings

    @property
    def database(self) -> str:
        """Return the URL of the catalogue."""
        return self.settings.database or f"sqlite:///{(self.path / 'catalogue.sqlite').absolute()}"

    def ask(self, operation: Operation, wanted: type[AnswerT]) -> AnswerT:
        """Ask one operation."""
        with self.open() as ask:
            return ask(operation, wanted)

    @contextlib.contextmanager
    def open(self) -> Iterator[Ask]:
        """Give an `Ask` for one or more operations; without a running server the lease is held until the end."""
        deadline = time.monotonic() + _STARTING_SECONDS
        while not self.is_served():
            keeper = _open_keeper(self, patient=time.monotonic() < deadline)
            if keeper is not None:
                with contextlib.closing(keeper):
                    yield _OpenedKeeper(keeper)
                return
            time.sleep(_PAUSE_SECONDS)
        yield self._ask_running

    def is_served(self) -> bool:
        """Say whether a keeper listens on the administrator's socket."""
        from sealane.operations.caller import socket_path

        with socket.socket(socket.AF_UNIX) as line, contextlib.suppress(OSError):
            line.settimeout(self.settings.keeper_wait_seconds)
            with socket_path(self.path / "run", "admin") as path:
                line.connect(path)
            return True
        return False

    def _ask_running(self, operation: Operation, wanted: type[AnswerT]) -> AnswerT:
        """Ask a running keeper; one that is just being restarted is waited for, since nothing was sent to it."""
        from sealane.errors import KeeperAway
        from sealane.operations.caller import ask_once

        deadline = time.monotonic() + _STARTING_SECONDS
        while True:
            try:
                return _checked(ask_once(self.path / "run", "admin", operation, self.settings), wanted)
            except KeeperAway:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE_SECONDS)


def _open_keeper(place: DataDirectory, *, patient: bool) -> Keeper | None:
    """Return an opened keeper, or None where another holds the lease and it is worth to wait for its socket."""
    from sealane import system_accounts
    from sealane.errors import LeaseHeld
    from sealane.keeper.core import Keeper

    accounts = system_accounts.named(place.settings.accounts)
    if accounts is not None and os.geteuid() == system_accounts.ROOT:
        system_accounts.arrange(place.path, accounts)
    try:
        with system_accounts.acting_as_owner(place.path):
            return Keeper.open(place.path, place.settings)
    except LeaseHeld:
        if patient:
            return None
        raise


@dataclass(frozen=True, slots=True)
class _OpenedKeeper:
    """An `Ask` of the keeper that this command opened."""

    keeper: Keeper

    def __call__(self, operation: Operation, wanted: type[AnswerT]) -> AnswerT:
        from sealane.operations.envelope import Asker

        return _checked(self.keeper.perform(operation, asker=Asker.ADMIN, connection="command-line"), wanted)


def _checked(answer: Answer, wanted: type[AnswerT]) -> AnswerT:
    assert isinstance(answer, wanted), type(answer)
    return answer


def on_data(function: FunctionT) -> FunctionT:
    """Give a command `--data` and `--config`; it receives a `DataDirectory`, which must be there, first.

    So a misspelt `--data` does not make a new server.
    """
    return _on_directory(function, make=False)


def on_data_made(function: FunctionT) -> FunctionT:
    """As `on_data`, for the commands with which a server may begin: the directory is made where it is missing."""
    return _on_directory(function, make=True)


def _on_directory(function: FunctionT, *, make: bool) -> FunctionT:
    @functools.wraps(function)
    def wrapped(*, data: Path, config: Path | None, **arguments: Any) -> Any:
        if make:
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
        elif not data.is_dir():
            raise DataDirectoryMissing(
                f"There is no data directory {data}. 'sealane org add' or 'sealane serve' makes one."
            )
        return function(DataDirectory(data, configuration.load(config=config)), **arguments)

    return config_option(data_option(wrapped))  # pyrefly: ignore  # the decorated command has other parameters


data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="SEALANE_DATA",
    default=Path("sealane-data"),
    show_default="./sealane-data",
    help="The data directory (or SEALANE_DATA).",
)
config_option = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    envvar="SEALANE_CONFIG",
    help="A TOML file of settings (or SEALANE_CONFIG).",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def show_answer(rows: RowsAre, *, as_json: bool, empty: str) -> None:
    """Print a listing that the keeper answered."""
    show_rows(
        [dict(zip(row.columns, map(_cell, row.values), strict=True)) for row in rows.rows], as_json=as_json, empty=empty
    )


def _cell(value: Value) -> Cell:
    if not isinstance(value, tuple):
        return value
    return tuple(one if isinstance(one, str) else _granted(one) for one in value)


def _granted(grant: Granted) -> Told:
    seen = f"/{grant.shown_as}" if grant.shown_as else None
    words = f"{grant.grantee}={','.join(grant.rights)}" + (f" as {seen}" if seen else "")
    return Told(words, {"grantee": grant.grantee, "rights": list(grant.rights), "as": seen})


def read_password() -> str:
    """Return the password that stands on the first line of standard input."""
    line = sys.stdin.readline(4096).rstrip("\r\n")
    if not line:
        raise click.UsageError("No password came on standard input.")
    return line
