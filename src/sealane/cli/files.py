"""Files that commands write: new, for their owner alone, durable; nothing is overwritten.

Only `put` writes over what is there, and syncs nothing: it is for the many files of a folder that is being made.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from sealane.errors import AlreadyExists, Unavailable
from sealane.vault.disk import sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import TextIO


class NotWritten(Unavailable):
    """A file could not be written."""

    code = "not-written"


def make_folder(path: Path) -> None:
    """Make a folder for its owner alone, where it is missing. Raises `NotWritten`."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise NotWritten(f"The folder {path} cannot be made: {problem.strerror}.") from None


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[TextIO]:
    """Give a file that was not there before, readable by its owner alone, durable at the end."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise AlreadyExists(f"{path} is there already; nothing was overwritten.") from None
    except OSError as problem:
        raise NotWritten(f"{path} cannot be written: {problem.strerror}.") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path.parent)
    except BaseException as problem:
        path.unlink(missing_ok=True)
        if isinstance(problem, OSError):
            raise NotWritten(f"{path} cannot be written: {problem.strerror}.") from None
        raise


def put(path: Path, content: bytes) -> None:
    """Write a file of a folder that is being made, and the folders above it. Raises `NotWritten`."""
    try:
        make_folder(path.parent)
        path.write_bytes(content)
    except OSError as problem:
        raise NotWritten(f"{path} cannot be written: {problem.strerror}.") from None
