"""Journals: what a run needs to know to go on where an earlier one was killed. One small JSON file a file under way.

A journal is named by what it is about (server, remote path, local file with size, time and inode), so that a changed
local file has another journal. It holds no content and no token; of a file that is being sealed its key lies beside the
journal (`sealing.py`). Must stay true: at most one process uses a journal; what it says was acknowledged is asked of
the server, or checked by the digest at the end, never believed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, Generic, TypeVar

import msgspec

from sealane.client.accounts import write_private
from sealane.client.failures import BeingMoved, LocalFailure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealane.clock import Clock

_FILE_BYTES_MAX = 1 << 20
KEY_SUFFIX: Final = ".key"
TAGS_SUFFIX: Final = ".tags"


class UploadJournal(msgspec.Struct, forbid_unknown_fields=True):
    """Parts of an upload, in order: where each begins, how long it is, and its address once the server made it."""

    parts: list[tuple[int, int, str]]
    sealing: str = ""
    """The id of the age file whose parts these are, empty where they are the file's own bytes."""


class DownloadJournal(msgspec.Struct, forbid_unknown_fields=True):
    """A download into `unfinished`: of which version, and how many bytes of each part are written there."""

    version: str
    size: int
    inode: int
    """Of `unfinished`: another file of that name is not ours."""
    parts: list[tuple[int, int, int]]


Beside = Callable[[str], Path]
"""Returns the path of a file that belongs to a journal, by its suffix."""
JournalT = TypeVar("JournalT", UploadJournal, DownloadJournal)


class Journal(Generic[JournalT]):
    """One journal file, held by this process."""

    def __init__(self, path: Path, kind: type[JournalT]) -> None:
        """Use `hold`, which also locks it."""
        self._path = path
        self._kind = kind

    def beside(self, suffix: str) -> Path:
        """Return the path of a file that belongs to this journal; whoever makes one removes it."""
        return self._path.with_suffix(suffix)

    def read(self) -> JournalT | None:
        """Return what stands in it; None where there is nothing, or nothing that can be used."""
        try:
            with self._path.open("rb") as file:
                return msgspec.json.decode(file.read(_FILE_BYTES_MAX), type=self._kind)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None
        except OSError as problem:
            raise LocalFailure(f"{self._path} cannot be read: {problem.strerror}.") from None

    def write(self, content: JournalT) -> None:
        """Replace what stands in it, in one step."""
        write_private(self._path, msgspec.json.encode(content))

    def forget(self) -> None:
        """Remove it: nothing is under way any more."""
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()


@contextlib.contextmanager
def hold(folder: Path, kind: type[JournalT], *about: str) -> Iterator[Journal[JournalT]]:
    """Give the journal about these words, locked against other processes. Raises `BeingMoved` when one has it."""
    path = folder / f"{_name(kind.__name__, *about)}.json"
    lock_path = path.with_suffix(".lock")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = _lock(lock_path)
    except BlockingIOError:
        raise BeingMoved from None
    except OSError as problem:
        raise LocalFailure(f"{folder} cannot be used: {problem.strerror}.") from None
    try:
        yield Journal(path, kind)
    finally:
        with contextlib.suppress(OSError):
            lock_path.unlink()
        os.close(lock)


def _name(*words: str) -> str:
    """Return a file name that stands for these words and no others."""
    digest = hashlib.sha256()
    for word in words:
        encoded = os.fsencode(word)
        digest.update(len(encoded).to_bytes(4, "big") + encoded)
    return digest.hexdigest()[:40]


def _lock(path: Path) -> int:
    """Return a descriptor that holds the lock file which has this name now; its holder removes it before letting go."""
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.stat().st_ino == os.fstat(lock).st_ino:
                return lock
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)


def clear_old(folder: Path, *, keep_days: int, clock: Clock) -> None:
    """Remove journals that nobody has touched for `keep_days`; what they were about has expired on the server.

    A key is overwritten first. What lies beside a journal lives as long as it does.
    """
    oldest = clock.now().timestamp() - keep_days * 86400
    with contextlib.suppress(OSError):
        for path in sorted(folder.iterdir(), key=lambda one: one.suffix != ".json"):
            if path.suffix not in {".json", KEY_SUFFIX, TAGS_SUFFIX} or path.stat().st_mtime >= oldest:
                continue
            if path.suffix == KEY_SUFFIX and not path.with_suffix(".json").exists():
                wipe(path)
            elif path.suffix == ".json" or not path.with_suffix(".json").exists():
                path.unlink()


def wipe(path: Path) -> None:
    """Overwrite a small file in its place, have that written, and remove it. Nothing happens where it is not there."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.pwrite(descriptor, bytes(os.fstat(descriptor).st_size), 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    with contextlib.suppress(OSError):
        path.unlink()
