"""A run: what every file of one `put` or `get` shares, the threads it uses, and what came of it.

Three kinds of threads: each of `parallel` file threads takes the next file and sees it through; the parts of large
files go to `parallel` lanes, in the order in which they were asked for; as many others ask ahead. All are daemons: a
run that the user stops must not wait for a silent line, since everything under way is in a journal.
"""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from sealane.client.events import Event, FileDone, FileFailed, FileSkipped
from sealane.client.failures import CertificateRefused, Interrupted, LoginMissing
from sealane.client.patience import Patience
from sealane.errors import Integrity, Locked, NotSignedIn, SealaneError, SessionEnded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from sealane.client.events import Tell
    from sealane.client.patience import Stop
    from sealane.client.server import Server
    from sealane.clock import Clock
    from sealane.settings import ClientSettings
    from sealane.vault.age.keys import Identity

ResultT = TypeVar("ResultT")
ItemT = TypeVar("ItemT")

_HOPELESS = (NotSignedIn, SessionEnded, Locked, CertificateRefused, LoginMissing)
"""What will meet every other file too."""


class Lanes:
    """A fixed number of daemon threads that do what is submitted, in order."""

    def __init__(self, count: int) -> None:
        """Start `count` threads."""
        self._waiting: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._work, name=f"lane-{n}", daemon=True) for n in range(count)]
        for thread in self._threads:
            thread.start()

    def submit(self, work: Callable[[], ResultT]) -> Future[ResultT]:
        """Return the future result of `work`."""
        future: Future[ResultT] = Future()

        def settle() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(work())
            except BaseException as problem:  # noqa: BLE001  it belongs to whoever waits for the future
                future.set_exception(problem)

        self._waiting.put(settle)
        return future

    def close(self) -> None:
        """Let the threads end after what is submitted already."""
        for _ in self._threads:
            self._waiting.put(None)

    def _work(self) -> None:
        while (settle := self._waiting.get()) is not None:
            settle()


@dataclass(frozen=True, slots=True)
class Run:
    """What every file of a run shares."""

    server: Server
    settings: ClientSettings
    clock: Clock
    stop: Stop
    tell: Tell
    lanes: Lanes
    """Carry the parts of large files."""
    ahead: Lanes
    """Ask what a lane will need next, while it is busy: on a long line it must not wait for that."""
    journals: Path
    identities: Callable[[], Sequence[Identity]] = tuple
    """The private keys at hand; whoever plans a run asks first, so that a passphrase is asked for before bars move."""
    send_people: bool = False
    """Of each file that is sealed here the list of whose data is in it is sent along."""

    def close(self) -> None:
        """Let the threads end."""
        self.lanes.close()
        self.ahead.close()

    def patience(self, name: str) -> Patience:
        """Return a fresh patience for a file or part."""
        return Patience(name, settings=self.settings, clock=self.clock, stop=self.stop, tell=self.tell)

    def patiently(self, name: str, act: Callable[[], ResultT]) -> ResultT:
        """Return what `act` returns, trying again while that can help. `act` must be safe to repeat."""
        patience = self.patience(name)
        while True:
            try:
                return act()
            except SealaneError as error:
                patience.wait_after(error)


@dataclass(slots=True)
class Tally:
    """What came of a run, counted from its events."""

    files: int = 0
    bytes: int = 0
    verified: int = 0
    unchanged: int = 0
    skipped: int = 0
    sealed: int = 0
    opened: int = 0
    kept: int = 0
    """Files that stay sealed here, since no identity at hand opens them."""
    failures: list[FileFailed] = field(default_factory=list)
    worst: SealaneError | None = None
    """An integrity failure if there was one, else the first failure."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, event: Event) -> None:
        """Count an event."""
        with self._lock:
            match event:
                case FileDone():
                    self.files += 1
                    self.bytes += event.size
                    self.verified += event.verified
                    self.unchanged += event.unchanged
                    self.sealed += event.form == "sealed"
                    self.opened += event.form == "opened"
                    self.kept += event.form == "kept"
                case FileFailed():
                    self.failures.append(event)
                case FileSkipped():
                    self.skipped += 1
                case _:
                    pass

    def note(self, error: SealaneError) -> None:
        """Remember why a file failed."""
        with self._lock:
            if self.worst is None or (isinstance(error, Integrity) and not isinstance(self.worst, Integrity)):
                self.worst = error


def move_all(
    run: Run, tally: Tally, items: Iterable[ItemT], name: Callable[[ItemT], str], move: Callable[[ItemT], None]
) -> None:
    """Move every item in `parallel` threads; a file's failure is told and the others go on.

    Raises at once what will meet every file (a token that is not accepted); `KeyboardInterrupt` passes through, with
    the threads told to stop.
    """
    source = iter(items)
    taking = threading.Lock()
    hopeless: list[SealaneError] = []

    def work() -> None:
        while True:
            with taking:
                item = next(source, None)
            if item is None or hopeless:
                return
            try:
                move(item)
            except Interrupted:
                return
            except SealaneError as error:
                tally.note(error)
                run.tell(FileFailed(name(item), error.code, error.sentence))
                if isinstance(error, _HOPELESS):
                    hopeless.append(error)
                    run.stop.now()

    movers = Lanes(run.settings.parallel)
    try:
        for done in [movers.submit(work) for _ in range(run.settings.parallel)]:
            done.result()
    except BaseException:
        run.stop.now()
        raise
    finally:
        movers.close()
    if hopeless:
        raise hopeless[0]
