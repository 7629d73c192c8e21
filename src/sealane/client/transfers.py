"""`put` and `get` as the user asks for them: which files there are, where each goes, folders made on the way, the run.

Must stay true: what a server calls a file becomes a local name only after `paths.check_name`; links are never followed
inside a folder that is sent; two files never share an unfinished name; to whom a folder seals is asked before a file
of it is read.
"""

from __future__ import annotations

import contextlib
import functools
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sealane import paths
from sealane.client import journals, listings, remote, sealed_remote
from sealane.client.events import FileFailed, FileSkipped, FolderSeals, Planned
from sealane.client.failures import FolderNotSealed, LocalFailure
from sealane.client.fetching import WantedFile, fetch
from sealane.client.runs import Lanes, Run, Tally, move_all
from sealane.client.sending import NOTHING, LocalFile, Present, send
from sealane.client.unfinished import Place
from sealane.errors import AlreadyExists, IsAFolder, Missing, NotAllowed, PathInvalid, SealaneError, TooMany

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sealane.client.events import Event, Tell
    from sealane.client.patience import Stop
    from sealane.client.remote import RemoteEntry
    from sealane.client.sealed_remote import SealsTo
    from sealane.client.server import Server
    from sealane.clock import Clock
    from sealane.settings import ClientSettings
    from sealane.vault.age.keys import Identity

_UNFINISHED = ".part"
_SEALED_NAME = ".age"


@dataclass(frozen=True, slots=True)
class Errand:
    """What a `put` or `get` is given besides what to move."""

    server: Server
    settings: ClientSettings
    clock: Clock
    stop: Stop
    tell: Tell
    journals: Path
    identities: Callable[[], Sequence[Identity]] = tuple
    """Gives the private keys at hand; asked once, and only where a sealed file is to be fetched."""
    must_seal: bool = False
    """Send nothing to a folder that is not sealed."""
    keep_sealed: bool = False
    """Open nothing that is fetched."""
    send_people: bool = False
    """Read each file that is sealed here for whose data is in it, and send the sealed list along."""
    version: str = ""
    """Fetch this version of the one file, which may have stood there before."""


def put(errand: Errand, sources: Sequence[Path], target: str) -> Tally:
    """Send files and folders. A target that ends in `/`, or is a folder, is where they go; else the one file's name."""
    tally = Tally()
    run = _run(errand, tally)
    try:
        to = _Target(run, tally, must_seal=errand.must_seal)
        files = list(_local_files(to, sources, _put_target(run, sources, target)))
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
        files = _remote_files(run, tally, paths.parse(source), target or Path(), errand)
        if not errand.keep_sealed and any(file.kept is not None for file in files):
            run.identities()
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
    return Run(
        errand.server,
        errand.settings,
        errand.clock,
        errand.stop,
        tell,
        lanes,
        ahead,
        errand.journals,
        functools.cache(lambda: tuple(errand.identities())),
        send_people=errand.send_people,
    )


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


class _Target:
    """The server's side of a `put`: to whom each folder seals, asked once a folder and told of."""

    def __init__(self, run: Run, tally: Tally, *, must_seal: bool) -> None:
        self.run = run
        self.tally = tally
        self._must_seal = must_seal
        self._known: dict[paths.Path, SealsTo | None] = {}

    def seals_to(self, folder: paths.Path) -> SealsTo | None:
        """Return to whom this folder seals; None where it does not. Raises `FolderNotSealed` where it must."""
        if folder not in self._known:
            name, run = paths.show(folder), self.run
            found = run.patiently(name, lambda: sealed_remote.seals_to(run.server, folder, run.settings))
            if found is None and self._must_seal:
                raise FolderNotSealed(f"{name} is not a sealed folder; nothing was sent.")
            if found is not None:
                run.tell(FolderSeals(name, found.names, found.without_key))
            self._known[folder] = found
        return self._known[folder]


def _local_files(to: _Target, sources: Sequence[Path], target: _PutTarget) -> Iterator[LocalFile]:
    """Yield the files to send; folders are made at the server before the files in them are yielded.

    What was named and cannot be sent fails; what only turns up inside a folder is told of and left out.
    """
    for source in sources:
        try:
            status = source.stat()
            below = (*target.folder, paths.check_name(target.name or _text(source.absolute().name)))
            if stat.S_ISDIR(status.st_mode):
                yield from _files_below(to, source, below)
            elif stat.S_ISREG(status.st_mode):
                seals_to = to.seals_to(target.folder)
                yield _local_file(source, below, status, None if target.listable else NOTHING, seals_to)
            else:
                _failed(to.run, to.tally, str(source), LocalFailure(f"{source} is neither a file nor a folder."))
        except (OSError, PathInvalid) as problem:
            _failed(to.run, to.tally, str(source), problem)


def _files_below(to: _Target, folder: Path, target: paths.Path) -> Iterator[LocalFile]:
    """Yield the ordinary files of a folder and below it. A link is told of and left out: it could lead anywhere."""
    present = _ensure_remote_folder(to.run, str(folder), target)
    seals_to = to.seals_to(target)
    with os.scandir(folder) as scan:
        found = sorted(scan, key=lambda entry: entry.name)
    for entry in found:
        path = folder / entry.name
        try:
            status = entry.stat(follow_symlinks=False)
            below = (*target, paths.check_name(_text(entry.name)))
            if stat.S_ISDIR(status.st_mode):
                yield from _files_below(to, path, below)
            elif stat.S_ISREG(status.st_mode):
                yield _local_file(path, below, status, _at(present, below[-1], sealed=seals_to is not None), seals_to)
            else:
                to.run.tell(FileSkipped(str(path), "It is a link or no ordinary file."))
        except (OSError, PathInvalid) as problem:
            _failed(to.run, to.tally, str(path), problem)


def _at(present: dict[str, RemoteEntry], name: str, *, sealed: bool) -> Present | None:
    """Return what is at a name; of a sealed file of the same size its digest is asked for when it is its turn."""
    entry = present.get(name) or (present.get(f"{name}{_SEALED_NAME}") if sealed else None)
    if entry is None:
        return NOTHING
    return None if entry.sealed and entry.sha256 is None else Present(entry.plain_size, entry.sha256)


def _text(name: str) -> str:
    """Return a local name as text, or raise `PathInvalid` where its bytes are none."""
    return paths.decode(os.fsencode(name))


def _ensure_remote_folder(run: Run, name: str, target: paths.Path) -> dict[str, RemoteEntry]:
    """Make a folder at the server unless it is there; return which files are in it, as far as that may be seen."""

    def listed() -> dict[str, RemoteEntry]:
        found = listings.entries(run.server, target, run.settings)
        return {entry.name: entry for entry in found if entry.kind == "file"}

    def made() -> dict[str, RemoteEntry]:
        with contextlib.suppress(AlreadyExists):  # by a try whose answer was lost
            remote.make_folder(run.server, target)
        return {}

    try:
        return run.patiently(name, listed)
    except NotAllowed:
        return {}
    except Missing:
        return run.patiently(name, made)


def _local_file(
    path: Path, target: paths.Path, status: os.stat_result, present: Present | None, seals_to: SealsTo | None
) -> LocalFile:
    return LocalFile(
        path=path.absolute(),
        name=str(path),
        target=target,
        size=status.st_size,
        modified_ns=status.st_mtime_ns,
        inode=status.st_ino,
        present=present,
        seals_to=seals_to,
    )


# --- what to fetch ---------------------------------------------------------------------------------------------------


def _remote_files(run: Run, tally: Tally, source: paths.Path, target: Path, errand: Errand) -> list[WantedFile]:
    """Return the files to fetch; local folders are made on the way."""
    keep_sealed, version = errand.keep_sealed, errand.version
    try:
        file = run.patiently(paths.show(source), lambda: remote.look(run.server, source, version))
    except IsAFolder:
        if version:
            raise
        place = (target / source[-1] if source and target.is_dir() else target).absolute()
        return list(_files_of_folder(run, tally, source, place, keep_sealed=keep_sealed))
    if not file.sealed:
        place = (target / source[-1] if target.is_dir() else target).absolute()
        into = _Folder(place.parent, {place.name})
        return [WantedFile(source, paths.show(source), into.place(place.name), None, file.size, file.sha256, version)]
    # A LOCAL that ends in .age asks for the sealed file: what is opened never gets such a name.
    place = (target / _opened_name(source[-1]) if target.is_dir() else target).absolute()
    plain = None if keep_sealed or place.name.endswith(_SEALED_NAME) else place.name
    kept = _kept_name(place.name)
    into = _Folder(place.parent, {kept} | ({plain} if plain else set()))
    places = into.place(plain) if plain else None, into.place(kept)
    return [WantedFile(source, paths.show(source), *places, file.plain_size, file.sha256, version)]


def _files_of_folder(
    run: Run, tally: Tally, source: paths.Path, folder: Path, *, keep_sealed: bool
) -> Iterator[WantedFile]:
    """Yield the files of a folder and of those below it. A part that cannot be listed or made fails alone."""
    if len(source) > paths.DEPTH_MAX:
        raise TooMany("The folders are nested too deep.")
    entries = run.patiently(paths.show(source), lambda: list(listings.entries(run.server, source, run.settings)))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise LocalFailure(f"{folder} cannot be made: {problem.strerror}.") from None
    taken = {entry.name for entry in entries}
    opened = {_opened_name(entry.name) for entry in entries if entry.sealed}
    into = _Folder(folder, taken | opened | {_kept_name(entry.name) for entry in entries if entry.sealed})
    for entry in entries:
        path = (*source, entry.name)
        if entry.kind == "file":
            plain = _opened_name(entry.name) if entry.sealed else entry.name
            # Where a file has the name already that another would have once it is opened, that one stays sealed.
            taken_by_other = plain != entry.name and plain in taken
            stays = entry.sealed and (keep_sealed or taken_by_other or plain.endswith(_SEALED_NAME))
            kept = into.place(_kept_name(entry.name)) if entry.sealed else None
            place = None if stays else into.place(plain)
            yield WantedFile(path, paths.show(path), place, kept, entry.plain_size, entry.sha256)
            continue
        try:
            yield from _files_of_folder(run, tally, path, folder / entry.name, keep_sealed=keep_sealed)
        except SealaneError as error:
            _failed(run, tally, paths.show(path), error)


def _opened_name(name: str) -> str:
    """Return what a sealed file is called once it is opened; where that would be no name, it keeps its own."""
    try:
        return paths.check_name(name.removesuffix(_SEALED_NAME))
    except PathInvalid:
        return name


def _kept_name(name: str) -> str:
    """Return what a sealed file is called that stays so."""
    return name if name.endswith(_SEALED_NAME) else f"{name}{_SEALED_NAME}"


class _Folder:
    """A local folder in which these names have a meaning: no file grows under one of them."""

    def __init__(self, folder: Path, names: set[str]) -> None:
        self._folder = folder
        self._unfinished = unfinished_names(sorted(names))

    def place(self, name: str) -> Place:
        return Place(self._folder / name, self._folder / self._unfinished[name])


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
