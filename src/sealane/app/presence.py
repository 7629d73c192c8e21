"""What a running server notes in its data directory of where it listens: `run/serving.json`, for `sealane doctor`.

The settings of a command need not be those that the server was started with (flags weigh more than a file). The note
counts only while the server runs: one that was killed leaves it behind. Nothing secret is in it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

_BYTES_MAX = 64 * 1024


class Presence(msgspec.Struct, frozen=True):
    """Where a server listens, and by which certificate."""

    http: tuple[str, ...]
    sftp: tuple[str, ...]
    tls_cert: str
    """The file's path; empty where HTTP is in clear."""
    accounts: str = ""
    """The setting that names the processes' accounts."""


def note(data_dir: Path, presence: Presence) -> None:
    """Write the note, whole or not at all, for this account alone."""
    place = _place(data_dir)
    place.parent.mkdir(mode=0o700, exist_ok=True)
    unfinished = place.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(presence))
    unfinished.replace(place)


def noted(data_dir: Path) -> Presence | None:
    """Return the note; None where there is none that can be read."""
    try:
        with _place(data_dir).open("rb") as file:
            return msgspec.json.decode(file.read(_BYTES_MAX), type=Presence)
    except (OSError, msgspec.DecodeError):
        return None


def forget(data_dir: Path) -> None:
    """Take the note away."""
    _place(data_dir).unlink(missing_ok=True)


def _place(data_dir: Path) -> Path:
    return data_dir / "run" / "serving.json"
