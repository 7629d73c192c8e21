"""How a run is shown while it runs: bars on a terminal, a plain line now and then elsewhere, JSON lines for programs.

Events come from many threads; each face takes them under a lock and is quick.
"""

from __future__ import annotations

import dataclasses
import json
import re
import sys
import threading
from typing import TYPE_CHECKING, Protocol

from sealane.cli.showing import printable, show_size
from sealane.client.events import (
    Event,
    FileBegan,
    FileChecked,
    FileDone,
    FileFailed,
    FileMoved,
    FileSkipped,
    FileWaits,
    FolderSeals,
    Planned,
)
from sealane.client.rate import RateWindow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.progress import Progress, TaskID

    from sealane.clock import Clock
    from sealane.settings import ClientSettings

_BARS_MAX = 6
_RECIPIENTS_SHOWN_MAX = 10
_JSON_EVERY_SECONDS = 0.5
_NAME_CHARACTERS_MAX = 40


class Face(Protocol):
    """Something that shows events."""

    def tell(self, event: Event) -> None:
        """Show an event; called from many threads."""
        ...

    def close(self) -> None:
        """Stop showing; may be called twice."""
        ...


def shown_as(settings: ClientSettings, clock: Clock, *, as_json: bool) -> Face:
    """Return the face for where the output goes."""
    if as_json:
        return JsonLines(clock)
    totals = Totals(settings, clock)
    return Bars(totals) if sys.stderr.isatty() else PlainLines(totals, settings, clock)


class Totals:
    """Where the whole run stands, by its events; what an earlier run moved counts as done, not as speed."""

    def __init__(self, settings: ClientSettings, clock: Clock) -> None:
        """Nothing is known yet."""
        self._clock = clock
        self._window = RateWindow(settings.rate_window_seconds)
        self._positions: dict[str, int] = {}
        self._sizes: dict[str, int] = {}
        self._earlier = 0
        self._ended_bytes = 0
        self.files = 0
        self.bytes = 0
        self.files_done = 0

    def count(self, event: Event) -> None:
        """Count an event."""
        match event:
            case Planned():
                self.files, self.bytes = event.files, event.bytes
            case FileBegan():
                self._sizes[event.name] = event.size
                self._positions[event.name] = 0
            case FileMoved():
                before = self._positions.get(event.name, 0)
                self._positions[event.name] = event.position
                if event.resumed:
                    self._earlier += event.position - before
                self._window.read(self._clock.monotonic(), self.moved - self._earlier)
            case FileDone():
                self.files_done += 1
                if event.unchanged:
                    self._earlier += event.size
                self._ended_bytes += event.size
                self._positions.pop(event.name, None)
            case FileFailed():
                self._ended_bytes += self._positions.pop(event.name, 0)
            case _:
                pass

    @property
    def moved(self) -> int:
        """Bytes that are where they should be, of all files."""
        return self._ended_bytes + sum(self._positions.values())

    def in_words(self) -> str:
        """Return one line: how much of what, how fast, how long yet."""
        now = self._clock.monotonic()
        left = self._window.seconds_left(now, max(self.bytes - self.moved, 0))
        return (
            f"{self.files_done} of {self.files} files, {show_size(self.moved)} of {show_size(self.bytes)},"
            f" {show_size(self._window.rate(now))}/s" + ("" if left is None else f", {show_duration(left)} left")
        )


class PlainLines:
    """A line at most every some seconds, on stderr, and one for what went wrong."""

    def __init__(self, totals: Totals, settings: ClientSettings, clock: Clock) -> None:
        """Print the first line after the first pause."""
        self._totals = totals
        self._every = settings.plain_line_seconds
        self._clock = clock
        self._last = clock.monotonic()
        self._lock = threading.Lock()

    def tell(self, event: Event) -> None:
        """Count an event and print when it is time."""
        with self._lock:
            self._totals.count(event)
            if isinstance(event, FileWaits):
                _print(f"{printable(event.name)}: {printable(event.sentence)} Trying again in {event.seconds:.0f} s.")
            elif isinstance(event, FileSkipped):
                _print(f"{printable(event.name)}: left out. {event.sentence}")
            elif isinstance(event, FolderSeals):
                _print(seals_in_words(event))
            elif (now := self._clock.monotonic()) - self._last >= self._every:
                self._last = now
                _print(self._totals.in_words())

    def close(self) -> None:
        """Nothing is open."""


class JsonLines:
    """One event a line on stdout; a file's movement at most every half second."""

    def __init__(self, clock: Clock) -> None:
        """Print from the first event on."""
        self._clock = clock
        self._last: dict[str, float] = {}
        self._lock = threading.Lock()

    def tell(self, event: Event) -> None:
        """Print an event."""
        with self._lock:
            if isinstance(event, FileMoved):
                now = self._clock.monotonic()
                if now - self._last.get(event.name, float("-inf")) < _JSON_EVERY_SECONDS:
                    return
                self._last[event.name] = now
            elif isinstance(event, FileDone | FileFailed):
                self._last.pop(event.name, None)
            kind = re.sub(r"(?<!^)([A-Z])", r"-\1", type(event).__name__).lower()
            print_json({"event": kind, **dataclasses.asdict(event)})

    def close(self) -> None:
        """Nothing is open."""


class Bars:
    """Bars on a terminal: one for the whole run, one for each file under way."""

    def __init__(self, totals: Totals) -> None:
        """Take over the bottom of the terminal."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._totals = totals
        self._lock = threading.Lock()
        self._tasks: dict[str, TaskID] = {}
        self._progress: Progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[said]}", markup=False),
            console=Console(stderr=True),
            transient=True,
        )
        self._whole = self._progress.add_task("All", total=None, said="")
        self._progress.start()

    def tell(self, event: Event) -> None:
        """Move a bar."""
        with self._lock:
            self._totals.count(event)
            match event:
                case FileBegan() if len(self._tasks) < _BARS_MAX and event.name not in self._tasks:
                    self._tasks[event.name] = self._progress.add_task(
                        _short(event.name), total=event.size, said=show_size(event.size)
                    )
                case FileMoved():
                    self._show(event.name, completed=event.position)
                case FileWaits():
                    self._show(event.name, said=f"{printable(event.sentence)} Again in {event.seconds:.0f} s.")
                case FileChecked():
                    self._show(event.name, said="comparing SHA-256")
                case FileDone() | FileFailed():
                    if (task := self._tasks.pop(event.name, None)) is not None:
                        self._progress.remove_task(task)
                case FileSkipped():
                    self._progress.console.print(f"{printable(event.name)}: left out. {event.sentence}", markup=False)
                case FolderSeals():
                    self._progress.console.print(seals_in_words(event), markup=False)
                case _:
                    pass
            self._progress.update(
                self._whole,
                completed=self._totals.moved,
                total=self._totals.bytes or None,
                said=self._totals.in_words(),
            )

    def close(self) -> None:
        """Give the terminal back."""
        self._progress.stop()

    def _show(self, name: str, *, completed: int | None = None, said: str | None = None) -> None:
        if (task := self._tasks.get(name)) is not None:
            if said is not None:
                self._progress.update(task, said=said)
            self._progress.update(task, completed=completed)


def seals_in_words(event: FolderSeals) -> str:
    """Return to whom a folder seals, and who will be left out."""
    shown = ", ".join(printable(one) for one in event.recipients[:_RECIPIENTS_SHOWN_MAX])
    more = len(event.recipients) - _RECIPIENTS_SHOWN_MAX
    said = f"{printable(event.folder)}: sealed on this machine to {shown}" + (f" and {more} more." if more > 0 else ".")
    if event.without_key:
        without = ", ".join(printable(one) for one in event.without_key[:_RECIPIENTS_SHOWN_MAX])
        said += f" Without a key, and so unable to open it: {without}."
    return said


def show_duration(seconds: float) -> str:
    """Return a time in its two largest units."""
    whole = int(seconds)
    hours, minutes = divmod(whole // 60, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"


def print_json(thing: Mapping[str, object]) -> None:
    """Print one JSON object on a line of its own, at once."""
    print(json.dumps(thing, ensure_ascii=False), flush=True)  # noqa: T201  from many threads, where click has no context


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201  likewise


def _short(name: str) -> str:
    shown = printable(name)
    return shown if len(shown) <= _NAME_CHARACTERS_MAX else f"…{shown[-_NAME_CHARACTERS_MAX + 1 :]}"
