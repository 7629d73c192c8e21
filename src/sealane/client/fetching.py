"""Fetching one file: parallel ranges of one version into an unfinished file beside its place, verified, then renamed.

A sealed file is opened while it comes where an identity at hand opens it, else it is kept as it is (`arrivals.py`).
Must stay true: under its own name a file is never there half; what an earlier run fetched is taken only for the very
same version; ranges of two versions are never mixed (`If-Match`).
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import threading
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from sealane import paths
from sealane.client import arrivals, journals, remote, sealing, unfinished
from sealane.client.arrivals import Opened
from sealane.client.events import FileBegan, FileDone, FileMoved
from sealane.client.failures import (
    ChangedThere,
    Interrupted,
    LocalFailure,
    NotVerified,
    Unreachable,
)
from sealane.client.journals import DownloadJournal, Journal
from sealane.client.parts import Part, plan_parts
from sealane.client.positions import FollowingDigest, Positions, read_at
from sealane.client.verifying import verify
from sealane.errors import SealaneError
from sealane.settings import MIB
from sealane.vault.age.failures import NoIdentityMatches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    import httpx

    from sealane.client.arrivals import Sight
    from sealane.client.events import Form
    from sealane.client.runs import Run
    from sealane.client.sealing import TagRecord
    from sealane.client.unfinished import Place

_TRIES = 4
"""How often a file is begun that is replaced while it is fetched."""
_AHEAD_BYTES = 8 * MIB
"""So close to a part's end the next one is asked for, so that it is on its way when a lane comes to it."""


@dataclass(frozen=True, slots=True)
class WantedFile:
    """A file to fetch, and where to."""

    path: paths.Path
    name: str
    """What to call it to the user."""
    place: Place | None
    """Where the file itself goes; None where a sealed file shall stay sealed."""
    kept: Place | None
    """Where a sealed file goes that no identity opens; None where the file is not sealed, by what was known of it."""
    size: int
    """Of the file itself."""
    sha256: str | None
    """Of the file itself, as the listing said; hexadecimal."""
    version: str = ""
    """This very version, which may have stood there before; empty: whatever stands there."""


def fetch(run: Run, wanted: WantedFile) -> None:
    """Fetch one file and tell of it. Raises the `SealaneError` that it failed with."""
    if wanted.kept is None and _is_here(run, wanted, wanted.sha256, "plain"):
        return None
    sight = _look(run, wanted)
    place = _place_of(wanted, sight)
    if (
        wanted.kept is not None
        and sight.arrival.form == "opened"
        and _is_here(run, wanted, sight.file.sha256, "opened")
    ):
        return None
    about = (run.server.url, paths.show(wanted.path), str(place.unfinished))
    with journals.hold(run.journals, DownloadJournal, *about) as journal:
        for _ in range(_TRIES - 1):
            resumed = False
            try:
                with _Download(run, wanted.name, place, sight, journal) as download:
                    resumed = download.resumed
                    return download.fetch()
            except ChangedThere:
                sight = _look(run, wanted)
                if _place_of(wanted, sight) != place:
                    raise NoIdentityMatches from None
            except NotVerified:
                unfinished.discard(place.unfinished, journal)
                # What an earlier run left may have been altered on this disk; that is tried anew.
                if not resumed:
                    raise
        with _Download(run, wanted.name, place, sight, journal) as download:
            return download.fetch()


def _look(run: Run, wanted: WantedFile) -> Sight:
    identities = run.identities() if wanted.kept is not None and wanted.place is not None else ()
    return run.patiently(wanted.name, lambda: arrivals.look(run.server, wanted.path, identities, wanted.version))


def _place_of(wanted: WantedFile, sight: Sight) -> Place:
    """Return where the file goes as it will arrive; one that was sealed just now is not what was asked for."""
    place = wanted.kept if sight.arrival.form == "kept" else wanted.place
    if place is None:
        raise ChangedThere
    return place


def _is_here(run: Run, wanted: WantedFile, sha256: str | None, form: Form) -> bool:
    """Say whether the file is here already, by its SHA-256, and tell of it."""
    if sha256 is None or wanted.place is None or unfinished.hash_of(run, wanted.place.target, wanted.size) != sha256:
        return False
    run.tell(FileDone(wanted.name, wanted.size, sha256, verified=True, unchanged=True, form=form))
    return True


class _Download:
    """One try at fetching a version as it was seen; what an earlier try wrote of the same version counts."""

    def __init__(self, run: Run, name: str, place: Place, sight: Sight, journal: Journal[DownloadJournal]) -> None:
        self._run = run
        self._name = name
        self._place = place
        self._journal = journal
        self._file = sight.file
        self._arrival = sight.arrival
        self._failed = threading.Event()
        size = self._arrival.size
        self._descriptor, self._inode, kept = unfinished.open_again(place.unfinished, journal, self._file.version, size)
        self._record: TagRecord | None = None
        if kept is None:
            self._parts: Sequence[Part] = plan_parts(size, run.settings, step=self._arrival.step)
            moved = [0] * len(self._parts)
        else:
            self._parts = [Part(start, length) for start, length, _ in kept.parts]
            moved = [written for _, _, written in kept.parts]
        if isinstance(self._arrival, Opened):
            self._record = self._arrival.record = sealing.record_of(journal.beside, sight.nonce)
            moved = [
                self._arrival.still_there(self._descriptor, part, written)
                for part, written in zip(self._parts, moved, strict=True)
            ]
        self.resumed = any(moved)
        self._positions = Positions(self._parts, moved)
        self._coming = _Coming(run, self._ask_for)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
        if self._record is not None:
            self._record.close()

    def fetch(self) -> None:
        """Fetch what is missing, verify all of it, and give it its name."""
        run, name, size = self._run, self._name, self._arrival.size
        self._must_fit()
        self._write_journal()
        run.tell(FileBegan(name, size))
        if self._positions.total():
            run.tell(FileMoved(name, self._positions.total(), resumed=True))
        digest = FollowingDigest(
            functools.partial(read_at, self._descriptor),
            size,
            self._positions,
            block_bytes=run.settings.block_bytes,
            check=run.stop.check,
            start=self._arrival.hashed_from,
        )
        try:
            self._fetch_parts()
            ours = digest.result()
        finally:
            self._failed.set()
            self._coming.close()
            digest.close()
            self._write_journal()
        verified = self._verified(ours)
        unfinished.give_name(self._descriptor, self._place, self._file.modified)
        sealing.forget(self._journal.beside)
        self._journal.forget()
        run.tell(FileDone(name, size, ours.hex(), verified=verified, unchanged=False, form=self._arrival.form))

    def _verified(self, ours: bytes) -> bool:
        """Say whether the file is what the server has on record; one that was opened is proved whole by its chunks."""
        file, form = self._file, self._arrival.form
        if form == "opened":
            if file.sha256 is not None and file.sha256 != ours.hex():
                raise NotVerified
            return True
        known = file.payload_sha256 if form == "kept" else file.sha256
        return verify(
            self._run,
            self._name,
            file.path,
            version=file.version,
            size=file.size,
            ours=ours,
            theirs=None if known is None else bytes.fromhex(known),
            of="payload" if form == "kept" else "file",
            earlier=file.earlier,
        )

    def _must_fit(self) -> None:
        missing = self._arrival.size - self._positions.total()
        if shutil.disk_usage(self._place.unfinished.parent).free < missing:
            raise LocalFailure(f"There is not enough room for {self._name} on this disk.")

    def _fetch_parts(self) -> None:
        """Fetch all parts, small files in this thread; the journal is kept up meanwhile."""
        if not self._parts:
            self._run.patiently(self._name, self._fetch_nothing)
            return
        if len(self._parts) == 1 and self._arrival.size <= self._run.settings.whole_file_bytes_max:
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

    def _fetch_nothing(self) -> None:
        """Fetch an empty file too: the server's record says so; a sealed one must prove that it is empty."""
        first, past = self._arrival.span(0, 0)
        if first == past:
            self._run.server.ask("GET", self._file.target)
            return
        sealed = remote.range_of(self._run.server, self._file, first, past)
        for piece in self._arrival.pieces([sealed], 0, 0):
            assert not piece

    def _fetch_part(self, number: int) -> None:
        """Bring one part to its end, through every break on the way."""
        patience = self._run.patience(self._name)
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
        first, past = self._arrival.span(part.start + reached, part.end)
        with self._coming.take(number, reached) as response:
            remote.must_be_range(response, self._file, first=first, past=past)
            blocks = response.iter_raw(self._run.settings.block_bytes)
            for piece in self._arrival.pieces(blocks, part.start + reached, part.end):
                self._check()
                unfinished.write_at(self._descriptor, piece, part.start + reached)
                reached += len(piece)
                self._run.tell(FileMoved(self._name, self._positions.set(number, reached)))
                if part.length - reached <= _AHEAD_BYTES:
                    self._ask_ahead(number + self._run.settings.parallel)
        if reached < part.length:
            raise Unreachable

    def _ask_for(self, number: int, reached: int) -> AbstractContextManager[httpx.Response]:
        """Ask for what is missing of a part."""
        part = self._parts[number]
        first, past = self._arrival.span(part.start + reached, part.end)
        headers = {"Range": f"bytes={first}-{past - 1}", "If-Match": self._file.etag}
        return self._run.server.stream("GET", self._file.target, headers=headers)

    def _ask_ahead(self, number: int) -> None:
        """Ask for a part that a lane will come to."""
        if number < len(self._parts) and self._positions.of(number) < self._parts[number].length:
            self._coming.ask(number, self._positions.of(number))

    def _write_journal(self) -> None:
        moved = self._positions.snapshot()
        parts = [(part.start, part.length, written) for part, written in zip(self._parts, moved, strict=True)]
        self._journal.write(DownloadJournal(self._file.version, self._arrival.size, self._inode, parts))

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
