"""`put` and `get` as the user asks for them: which files there are, where each goes, folders made on the way, the run.

Must stay true: what a server calls a file becomes a local name only after `paths.check_name`; links are never followed
inside a folder that is sent; two files never share an unfinished name.
"""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sealane import paths
from sealane.client import journals, remote
from sealane.client.events import FileFailed, FileSkipped, Planned
from sealane.client.failures import LocalFailure
from sealane.client.fetching import WantedFile, fetch
from sealane.client.runs import Lanes, Run, Tally, move_all
from sealane.client.sending import NOTHING, LocalFile, Present, send
from sealane.errors import AlreadyExists, IsAFolder, Missing, NotAllowed, PathInvalid, SealaneError, TooMany

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sealane.client.events import Event, Tell
    from sealane.client.patience import Stop
    from sealane.client.server import Server
    from sealane.clock import Clock
    from sealane.settings import ClientSettings

_UNFINISHED = ".part"


@dataclass(frozen=True, slots=True)
class Errand:
    """What a `put` or `get` is given besides what to move."""

    server: Server
    settings: ClientSettings
    clock: Clock
    stop: Stop
    tell: Tell
    journals: Path


def put(errand: Errand, sources: Sequence[Path], target: str) -> Tally:
    """Send files and folders. A target that ends in `/`, or is a folder, is where they go; else the one file's name."""
    tally = Tally()
    run = _run(errand, tally)
    try:
        files = list(_local_files(run, tally, sources, _put_target(run, sources, target)))
        run.tell(Planned(len(files), sum(file.size for file in files)))
        move_all(run, tally, files, lambda file: file.name, lambda file: send(run, file))
    finally:
        run.close()
    return tally


def get(errand: Errand, source: str, target: Path | None) -> Tally:
    """Fetch a file or a folder, into `target` where that is a folder, else under that name."""
    tally = Tally()
    run = _run(errand, tally)
    try:
        files = _remote_files(run, tally, paths.parse(source), target or Path())
        run.tell(Planned(len(files), sum(file.size for file in files)))
        move_all(run, tally, files, lambda file: file.name, lambda file: fetch(run, file))
    finally:
        run.close()
    return tally


def _run(errand: Errand, tally: Tally) -> Run:
    def tell(event: Event) -> None:
        tally.count(event)
        errand.tell(event)

    journals.clear_old(errand.journals, keep_days=errand.settings.journal_keep_days, clock=errand.clock)
    lanes, ahead = Lanes(errand.settings.parallel), Lanes(errand.settings.parallel)
    return Run(errand.server, errand.settings, errand.clock, errand.stop, tell, lanes, ahead, errand.journals)


# --- what to send ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _PutTarget:
    folder: paths.Path
    name: str | None
    """What the one file shall be called; None: as it is called here."""
    listable: bool


def _put_target(run: Run, sources: Sequence[Path], target: str) -> _PutTarget:
    """Return where things go. Looks at folders only: to ask for a file in a drop folder is a refusal on record."""
    path = paths.parse(target)
    sight = run.patiently(target, lambda: remote.sight_of(run.server, path))
    if sight == "none":
        if target.endswith("/") or len(sources) > 1 or sources[0].is_dir():
            raise Missing(f"There is no folder {paths.show(path)}. 'sealane mkdir' makes one.")
        above = path[:-1]
        sight = run.patiently(target, lambda: remote.sight_of(run.server, above))
        return _PutTarget(above, path[-1], listable=sight == "listable")
    return _PutTarget(path, None, listable=sight == "listable")


def _local_files(run: Run, tally: Tally, sources: Sequence[Path], target: _PutTarget) -> Iterator[LocalFile]:
    """Yield the files to send; folders are made at the server before the files in them are yielded.

    What was named and cannot be sent fails; what only turns up inside a folder is told of and left out.
    """
    for source in sources:
        try:
            status = source.stat()
            below = (*target.folder, paths.check_name(target.name or _text(source.absolute().name)))
            if stat.S_ISDIR(status.st_mode):
                yield from _files_below(run, tally, source, below)
            elif stat.S_ISREG(status.st_mode):
                yield _local_file(source, below, status, None if target.listable else NOTHING)
            else:
                _failed(run, tally, str(source), LocalFailure(f"{source} is neither a file nor a folder."))
        except (OSError, PathInvalid) as problem:
            _failed(run, tally, str(source), problem)


def _files_below(run: Run, tally: Tally, folder: Path, target: paths.Path) -> Iterator[LocalFile]:
    """Yield the ordinary files of a folder and below it. A link is told of and left out: it could lead anywhere."""
    present = _ensure_remote_folder(run, str(folder), target)
    with os.scandir(folder) as scan:
        found = sorted(scan, key=lambda entry: entry.name)
    for entry in found:
        path = folder / entry.name
        try:
            status = entry.stat(follow_symlinks=False)
            below = (*target, paths.check_name(_text(entry.name)))
            if stat.S_ISDIR(status.st_mode):
                yield from _files_below(run, tally, path, below)
            elif stat.S_ISREG(status.st_mode):
                yield _local_file(path, below, status, present.get(below[-1], NOTHING))
            else:
                run.tell(FileSkipped(str(path), "It is a link or no ordinary file."))
        except (OSError, PathInvalid) as problem:
            _failed(run, tally, str(path), problem)


def _text(name: str) -> str:
    """Return a local name as text, or raise `PathInvalid` where its bytes are none."""
    return paths.decode(os.fsencode(name))


def _ensure_remote_folder(run: Run, name: str, target: paths.Path) -> dict[str, Present]:
    """Make a folder at the server unless it is there; return which files are in it, as far as that may be seen."""

    def listed() -> dict[str, Present]:
        found = remote.entries(run.server, target, run.settings)
        return {entry.name: Present(entry.size, entry.sha256) for entry in found if entry.kind == "file"}

    def made() -> dict[str, Present]:
        with contextlib.suppress(AlreadyExists):  # by a try whose answer was lost
            remote.make_folder(run.server, target)
        return {}

    try:
        return run.patiently(name, listed)
    except NotAllowed:
        return {}
    except Missing:
        return run.patiently(name, made)


def _local_file(path: Path, target: paths.Path, status: os.stat_result, present: Present | None) -> LocalFile:
    return LocalFile(
        path=path.absolute(),
        name=str(path),
        target=target,
        size=status.st_size,
        modified_ns=status.st_mtime_ns,
        inode=status.st_ino,
        present=present,
    )


# --- what to fetch ---------------------------------------------------------------------------------------------------


def _remote_files(run: Run, tally: Tally, source: paths.Path, target: Path) -> list[WantedFile]:
    """Return the files to fetch; local folders are made on the way."""
    place = (target / source[-1] if source and target.is_dir() else target).absolute()
    try:
        file = run.patiently(paths.show(source), lambda: remote.look(run.server, source))
    except IsAFolder:
        return list(_files_of_folder(run, tally, source, place))
    unfinished = place.with_name(unfinished_names([place.name])[place.name])
    return [WantedFile(source, paths.show(source), place, unfinished, file.size, file.sha256)]


def _files_of_folder(run: Run, tally: Tally, source: paths.Path, folder: Path) -> Iterator[WantedFile]:
    """Yield the files of a folder and of those below it. A part that cannot be listed or made fails alone."""
    if len(source) > paths.DEPTH_MAX:
        raise TooMany("The folders are nested too deep.")
    entries = run.patiently(paths.show(source), lambda: list(remote.entries(run.server, source, run.settings)))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise LocalFailure(f"{folder} cannot be made: {problem.strerror}.") from None
    unfinished = unfinished_names([entry.name for entry in entries])
    for entry in entries:
        path = (*source, entry.name)
        place = folder / entry.name
        if entry.kind == "file":
            rest = place.with_name(unfinished[entry.name])
            yield WantedFile(path, paths.show(path), place, rest, entry.size, entry.sha256)
            continue
        try:
            yield from _files_of_folder(run, tally, path, place)
        except SealaneError as error:
            _failed(run, tally, paths.show(path), error)


def unfinished_names(names: Sequence[str]) -> dict[str, str]:
    """Return for each name of a folder the one under which it grows: `NAME.part`, unless that is taken or too long."""
    taken = set(names)
    chosen: dict[str, str] = {}
    for name in names:
        number = 0
        candidate = f"{name}{_UNFINISHED}"
        while candidate in taken or len(candidate.encode()) > paths.NAME_BYTES_MAX:
            number += 1
            short = name.encode()[: paths.NAME_BYTES_MAX - 20].decode(errors="ignore")
            candidate = f"{short}.{number}{_UNFINISHED}"
        taken.add(candidate)
        chosen[name] = candidate
    return chosen


def _failed(run: Run, tally: Tally, name: str, problem: SealaneError | OSError) -> None:
    error = problem if isinstance(problem, SealaneError) else LocalFailure(f"{name}: {problem.strerror}.")
    tally.note(error)
    run.tell(FileFailed(name, error.code, error.sentence))
