"""How the commands of the privacy officer come to the desk: its folder, the officer's key, times, what is missing."""

from __future__ import annotations

import importlib.util
from datetime import UTC, date, datetime
from functools import update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from sealane.cli.identities import at_hand, identity_option, passphrase_stdin_option
from sealane.cli.words import Word
from sealane.errors import Unsupported

if TYPE_CHECKING:
    from collections.abc import Callable

IDENTITY: Final = "identity.txt"
"""The officer's key, in the desk's folder unless another was named."""
_NEEDED: Final = ("polars", "pyarrow", "rapidfuzz", "typst", "xlsxwriter")


class DeskLibrariesMissing(Unsupported):
    """The libraries of the desk are an extra, and are not installed."""

    code = "desk-libraries-missing"
    default = "The desk needs more libraries. Install them with: pip install 'sealane[desk]'."


def check_libraries() -> None:
    """Raise `DeskLibrariesMissing` unless all that the desk needs is installed."""
    if any(importlib.util.find_spec(name) is None for name in _NEEDED):
        raise DeskLibrariesMissing


def with_desk(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the open desk as its first argument, and the options by which it is found and opened."""

    def opened(
        desk: Path, identity_files: tuple[Path, ...], *words: Any, passphrase_stdin: bool, **options: Any
    ) -> None:
        check_libraries()
        from sealane.desk import folder

        own = desk / IDENTITY
        named = identity_files or ((own,) if own.exists() else ())
        command(folder.open_(desk, at_hand(named, passphrase_stdin=passphrase_stdin)), *words, **options)

    wrapped = update_wrapper(opened, command)
    wrapped = passphrase_stdin_option(identity_option(wrapped))
    return click.option(
        "--desk",
        envvar="SEALANE_DESK",
        default="./sealane-desk",
        show_default=True,
        type=click.Path(file_okay=False, path_type=Path),
        help="The desk's folder (or SEALANE_DESK).",
    )(wrapped)


def _moment(text: str) -> datetime:
    try:
        told = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError("a time is a date such as 2026-01-31 or 2026-01-31T08:00") from None
    return (told if told.tzinfo else told.replace(tzinfo=UTC)).astimezone(UTC)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise ValueError("a date is written as 2026-01-31") from None


MOMENT: Final = Word("time", _moment)
DAY: Final = Word("date", _day)
