"""What a run tells of itself, as values. The command line shows them; nothing here prints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Planned:
    """What is going to move."""

    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class FolderSeals:
    """What goes into this folder is sealed on this machine, to these keys."""

    folder: str
    recipients: tuple[str, ...]
    """Whose keys they are: a user, or the beginning of the key itself."""
    without_key: tuple[str, ...]
    """Readers of the folder who have no key: they will not be able to open it."""


@dataclass(frozen=True, slots=True)
class FileBegan:
    """A file is being moved."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class FileMoved:
    """A file stands at `position` bytes. It may fall, when unacknowledged bytes are sent again."""

    name: str
    position: int
    resumed: bool = False
    """It stands there by what an earlier run (or try) moved; nothing has moved just now."""


@dataclass(frozen=True, slots=True)
class FileWaits:
    """A try failed and another follows after `seconds`."""

    name: str
    sentence: str
    seconds: float


@dataclass(frozen=True, slots=True)
class FileChecked:
    """All bytes have moved; the digests are being compared."""

    name: str


Form = Literal["plain", "sealed", "opened", "kept"]
"""How a file went: as it is; sealed here before it left; opened here when it came; or kept sealed, as it came."""


@dataclass(frozen=True, slots=True)
class FileDone:
    """A file is whole where it should be. `verified`: its SHA-256 equals the server's digest of record.

    Of a sealed file that is the digest of what follows its header; one that was opened is verified chunk by chunk.
    """

    name: str
    size: int
    sha256: str
    verified: bool
    unchanged: bool
    """It was there already with the same content; nothing was moved."""
    form: Form = "plain"


@dataclass(frozen=True, slots=True)
class FileFailed:
    """A file could not be moved, or not verified."""

    name: str
    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class FileSkipped:
    """Something that is no ordinary file (a link, a device) was left out."""

    name: str
    sentence: str


Event = Planned | FolderSeals | FileBegan | FileMoved | FileWaits | FileChecked | FileDone | FileFailed | FileSkipped
Tell = Callable[[Event], None]
"""Is called from many threads at once."""
