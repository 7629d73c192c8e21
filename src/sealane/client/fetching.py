"""Fetching one file: parallel ranges of one version into an unfinished file beside its place, verified, then renamed.

Must stay true: under its own name a file is never there half; what an earlier run fetched is taken only for the very
same version; ranges of two versions are never mixed (`If-Match`).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import threading
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from sealane import paths
from sealane.client import journals, remote
from sealane.client.events import FileBegan, FileDone, FileMoved
from sealane.client.failures import (
    AnswerInvalid,
    ChangedThere,
    Interrupted,
    LocalFailure,
    NotVerified,
    Unreachable,
)
from sealane.client.journals import DownloadJournal, Journal
from sealane.client.parts import Part, plan_parts
from sealane.client.positions import FollowingDigest, Positions, hash_file
from sealane.client.server import target_of
from sealane.client.verifying import verify
from sealane.errors import SealaneError
from sealane.settings import MIB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    import httpx

    from sealane.client.runs import Run

_TRIES = 4
"""How often a file is begun that is replaced while it is fetched."""
_AHEAD_BYTES = 8 * MIB
"""So close to a part's end the next one is asked for, so that it is on its way when a lane comes to it."""
_PARTIAL_CONTENT = 206


@dataclass(frozen=True, slots=True)
class WantedFile:
    """A file to fetch, and where to."""

    path: paths.Path
    name: str
    """What to call it to the user."""
    target: Path
    unfinished: Path
    """Where it grows; in the same folder as `target`."""
    size: int
    sha256: str | None
    """As the listing said; hexadecimal."""


def fetch(run: Run, wanted: WantedFile) -> None:
    """Fetch one file and tell of it. Raises the `SealaneError` that it failed with."""
    if wanted.sha256 is not None and _hash_of(run, wanted.target, wanted.size) == wanted.sha256:
        run.tell(FileDone(wanted.name, wanted.size, wanted.sha256, verified=True, unchanged=True))
        return None
    about = (run.server.url, paths.show(wanted.path), str(wanted.unfinished))
    with journals.hold(run.journals, DownloadJournal, *about) as journal:
        for _ in range(_TRIES - 1):
            resumed = False
            with contextlib.suppress(ChangedThere):
                try:
                    with _Download(run, wanted, journal) as download:
                        resumed = download.resumed
                        return download.fetch()
                except NotVerified:
                    _discard(wanted.unfinished, journal)
                    # What an earlier run left may have been altered on this disk; that is tried anew.
                    if not resumed:
                        raise
        with _Download(run, wanted, journal) as download:
            return download.fetch()


class _Download:
    """One try at fetching the present version; what an earlier try wrote of the same version counts."""

    def __init__(self, run: Run, wanted: WantedFile, journal: Journal[DownloadJournal]) -> None:
        self._run = run
        self._wanted = wanted
        self._journal = journal
        self._file = run.patiently(wanted.name, lambda: remote.look(run.server, wanted.path))
        self._failed = threading.Event()
        self._descriptor, self._inode, kept = _open_unfinished(wanted.unfinished, journal, self._file)
        if kept is None:
            self._parts: Sequence[Part] = plan_parts(self._file.size, run.settings)
            moved = [0] * len(self._parts)
        else:
            self._parts = [Part(start, length) for start, length, _ in kept.parts]
            moved = [written for _, _, written in kept.parts]
        self.resumed = any(moved)
        self._positions = Positions(self._parts, moved)
        self._coming = _Coming(run, self._ask_for)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def fetch(self) -> None:
        """Fetch what is missing, verify all of it, and give it its name."""
        run, wanted, file = self._run, self._wanted, self._file
        self._must_fit()
        self._write_journal()
        run.tell(FileBegan(wanted.name, file.size))
        if self._positions.total():
            run.tell(FileMoved(wanted.name, self._positions.total(), resumed=True))
        digest = FollowingDigest(
            self._descriptor, file.size, self._positions, block_bytes=run.settings.block_bytes, check=run.stop.check
        )
        try:
            self._fetch_parts()
            ours = digest.result()
        finally:
            self._failed.set()
            self._coming.close()
            digest.close()
            self._write_journal()
        theirs = None if file.sha256 is None else bytes.fromhex(file.sha256)
        verified = verify(run, wanted.name, wanted.path, version=file.version, size=file.size, ours=ours, theirs=theirs)
        _give_name(self._descriptor, wanted, file.modified)
        self._journal.forget()
        run.tell(FileDone(wanted.name, file.size, ours.hex(), verified=verified, unchanged=False))

    def _must_fit(self) -> None:
        missing = self._file.size - self._positions.total()
        if shutil.disk_usage(self._wanted.unfinished.parent).free < missing:
            raise LocalFailure(f"There is not enough room for {self._wanted.name} on this disk.")

    def _fetch_parts(self) -> None:
        """Fetch all parts, small files in this thread; the journal is kept up meanwhile."""
        if not self._parts:
            # An empty file is fetched too: the server's record says so.
            self._run.patiently(
                self._wanted.name, lambda: self._run.server.ask("GET", target_of("content", self._wanted.path))
            )
            return
        if len(self._parts) == 1 and self._file.size <= self._run.settings.whole_file_bytes_max:
            self._fetch_part(0)
            return
        moving = {self._run.lanes.submit(_call(self._fetch_part, number)) for number in range(len(self._parts))}
        finished: set[Future[None]] = set()
        while moving:
            done, moving = wait(moving, timeout=self._run.settings.journal_seconds, return_when=FIRST_EXCEPTION)
            finished |= done
            self._write_journal()
            if any(future.exception() is not None for future in done):
                self._failed.set()
        for future in sorted(finished, key=lambda one: isinstance(one.exception(), Interrupted)):
            future.result()

    def _fetch_part(self, number: int) -> None:
        """Bring one part to its end, through every break on the way."""
        patience = self._run.patience(self._wanted.name)
        part = self._parts[number]
        while (reached := self._positions.of(number)) < part.length:
            try:
                self._fetch_range(number, reached)
            except SealaneError as error:
                if self._positions.of(number) > reached:
                    patience.moved()
                patience.wait_after(error)

    def _fetch_range(self, number: int, reached: int) -> None:
        part = self._parts[number]
        with self._coming.take(number, reached) as response:
            _must_be_the_range(response, first=part.start + reached, last=part.end - 1, size=self._file.size)
            for block in response.iter_raw(self._run.settings.block_bytes):
                self._check()
                if reached + len(block) > part.length:
                    raise AnswerInvalid
                _write_at(self._descriptor, block, part.start + reached)
                reached += len(block)
                self._run.tell(FileMoved(self._wanted.name, self._positions.set(number, reached)))
                if part.length - reached <= _AHEAD_BYTES:
                    self._ask_ahead(number + self._run.settings.parallel)
        if reached < part.length:
            raise Unreachable

    def _ask_for(self, number: int, reached: int) -> AbstractContextManager[httpx.Response]:
        """Ask for what is missing of a part."""
        part = self._parts[number]
        headers = {
            "Range": f"bytes={part.start + reached}-{part.end - 1}",
            "If-Match": f'"{self._file.version}"',
        }
        return self._run.server.stream("GET", target_of("content", self._wanted.path), headers=headers)

    def _ask_ahead(self, number: int) -> None:
        """Ask for a part that a lane will come to."""
        if number < len(self._parts) and self._positions.of(number) < self._parts[number].length:
            self._coming.ask(number, self._positions.of(number))

    def _write_journal(self) -> None:
        moved = self._positions.snapshot()
        parts = [(part.start, part.length, written) for part, written in zip(self._parts, moved, strict=True)]
        self._journal.write(DownloadJournal(self._file.version, self._file.size, self._inode, parts))

    def _check(self) -> None:
        """End a part because the run was stopped, or because another part of the file has failed."""
        self._run.stop.check()
        if self._failed.is_set():
            raise Interrupted


class _Coming:
    """Answers that were asked for before a lane comes to their part, each taken or closed once."""

    def __init__(self, run: Run, ask_for: Callable[[int, int], AbstractContextManager[httpx.Response]]) -> None:
        """`ask_for` asks for a part from a position on."""
        self._run = run
        self._ask_for = ask_for
        self._lock = threading.Lock()
        self._asked: dict[int, Future[tuple[contextlib.ExitStack, httpx.Response]]] = {}
        self._used: set[int] = set()

    def ask(self, number: int, reached: int) -> None:
        """Ask for a part meanwhile, unless that was done already, or a lane has come to it."""
        with self._lock:
            if number not in self._used:
                self._used.add(number)
                self._asked[number] = self._run.ahead.submit(lambda: self._opened(number, reached))

    @contextlib.contextmanager
    def take(self, number: int, reached: int) -> Iterator[httpx.Response]:
        """Give the answer for a part from `reached` on: the one that is coming, or ask now."""
        with self._lock:
            self._used.add(number)
            asked = self._asked.pop(number, None)
        stack, response = self._opened(number, reached) if asked is None else asked.result()
        with stack:
            yield response

    def close(self) -> None:
        """Close what nobody came to take, now or as soon as it is there."""
        with self._lock:
            left = list(self._asked.values())
            self._asked.clear()
        for asked in left:
            asked.add_done_callback(_close_unused)

    def _opened(self, number: int, reached: int) -> tuple[contextlib.ExitStack, httpx.Response]:
        stack = contextlib.ExitStack()
        return stack, stack.enter_context(self._ask_for(number, reached))


def _close_unused(asked: Future[tuple[contextlib.ExitStack, httpx.Response]]) -> None:
    if asked.exception() is None:
        stack, _ = asked.result()
        stack.close()


def _call(act: Callable[[int], None], number: int) -> Callable[[], None]:
    return lambda: act(number)


def _must_be_the_range(response: httpx.Response, *, first: int, last: int, size: int) -> None:
    """Refuse an answer that is not exactly the range asked for."""
    expected = f"bytes {first}-{last}/{size}"
    whole = first == 0 and last == size - 1
    if response.status_code == _PARTIAL_CONTENT:
        if response.headers.get("content-range") != expected:
            raise AnswerInvalid
    elif not whole:
        raise AnswerInvalid
    if "content-encoding" in response.headers:
        raise AnswerInvalid


def _open_unfinished(
    path: Path, journal: Journal[DownloadJournal], file: remote.RemoteFile
) -> tuple[int, int, DownloadJournal | None]:
    """Open the unfinished file; return its descriptor and inode, and the journal where it can be gone on from.

    A file of that name which is not ours is not touched, unless it is empty: a run may be killed just after making it.
    """
    kept = journal.read()
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o666)
        status = os.fstat(descriptor)
        ours = kept is not None and kept.inode == status.st_ino
        if not stat.S_ISREG(status.st_mode) or (status.st_size > 0 and not ours):
            os.close(descriptor)
            raise LocalFailure(f"{path} is in the way and was not made by this command. Move or remove it.")
        if kept is not None and ours and _adds_up(kept, file):
            return descriptor, status.st_ino, kept
        os.ftruncate(descriptor, 0)
    except OSError as problem:
        raise LocalFailure(f"{path} cannot be written: {problem.strerror}.") from None
    return descriptor, status.st_ino, None


def _adds_up(kept: DownloadJournal, file: remote.RemoteFile) -> bool:
    """Say whether a journal is of this very version, and its parts make it up in order, without gap or overlap."""
    if (kept.version, kept.size) != (file.version, file.size):
        return False
    reached = 0
    for start, length, written in kept.parts:
        if start != reached or length <= 0 or not 0 <= written <= length:
            return False
        reached += length
    return reached == kept.size


def _write_at(descriptor: int, block: bytes, offset: int) -> None:
    view = memoryview(block)
    try:
        while view:
            written = os.pwrite(descriptor, view, offset)
            view, offset = view[written:], offset + written
    except OSError as problem:
        raise LocalFailure(f"The file cannot be written: {problem.strerror}.") from None


def _give_name(descriptor: int, wanted: WantedFile, modified: datetime | None) -> None:
    """Make the file durable, give it its time and then its name, in one step."""
    try:
        if modified is not None:
            nanoseconds = int(modified.timestamp()) * 10**9 + modified.microsecond * 1000
            os.utime(descriptor, ns=(nanoseconds, nanoseconds))
        os.fsync(descriptor)
        wanted.unfinished.replace(wanted.target)
        folder = os.open(wanted.target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as problem:
        raise LocalFailure(f"{wanted.target} cannot be written: {problem.strerror}.") from None


def _discard(unfinished: Path, journal: Journal[DownloadJournal]) -> None:
    with contextlib.suppress(OSError):
        unfinished.unlink()
    journal.forget()


def _hash_of(run: Run, path: Path, size: int) -> str | None:
    """Return the SHA-256 of a local file, hexadecimal; None where it is not there, is no file, or has another size."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        if os.fstat(descriptor).st_size != size:
            return None
        return hash_file(descriptor, size, block_bytes=run.settings.block_bytes, check=run.stop.check).hex()
    finally:
        os.close(descriptor)
