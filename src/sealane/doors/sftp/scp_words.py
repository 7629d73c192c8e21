"""The words of legacy scp: the command that a client asks for, and the lines of the protocol. Pure.

There is no standard but OpenSSH's scp.c: `scp -t` receives, `scp -f` sends; `T` lines carry times, `C` a file, `D` and
`E` begin and end a folder; each is answered with a zero byte, or with 1 (or 2, and the end) and a sentence.
Must stay true: a name that a client sends is one name, never a path.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from sealane import paths
from sealane.errors import Invalid

LINE_BYTES_MAX: Final = 4096
COMMAND_BYTES_MAX: Final = 64 * 1024
_FILE_OR_FOLDER: Final = re.compile(rb"[CD]0?[0-7]{3,4} (\d{1,19}) (.+)")
_TIMES: Final = re.compile(rb"T(\d{1,12}) \d{1,6} (\d{1,12}) \d{1,6}")
_YEAR_MAX_SECONDS: Final = 253_402_300_799
"""The last second of the year 9999."""

OK: Final = b"\0"


@dataclass(frozen=True, slots=True)
class Command:
    """What a client asked for."""

    way: Literal["receive", "send"]
    targets: tuple[str, ...]
    recursive: bool
    preserve: bool
    into_folder: bool
    """The target must be a folder (`-d`)."""


@dataclass(frozen=True, slots=True)
class Item:
    """A `C` or `D` line: a file with its bytes to come, or a folder with its entries to come."""

    folder: bool
    size: int
    name: str


def parse(command: str) -> Command | None:
    """Return what an `exec` request asks for, or None if it is anything but a plain scp command."""
    if len(command) > COMMAND_BYTES_MAX:
        return None
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    if not words or words[0] != "scp":
        return None
    letters: set[str] = set()
    at = 1
    while at < len(words) and words[at].startswith("-") and words[at] != "-":
        word = words[at]
        at += 1
        if word == "--":
            break
        letters |= set(word[1:])
    targets = tuple(words[at:])
    receives, sends = "t" in letters, "f" in letters
    if letters - set("tfrpdvq") or receives == sends or not targets or (receives and len(targets) != 1):
        return None
    return Command(
        way="receive" if receives else "send",
        targets=targets,
        recursive="r" in letters,
        preserve="p" in letters,
        into_folder="d" in letters,
    )


def item(line: bytes) -> Item:
    """Return what a `C` or `D` line announces. Its name is checked: one name, no path, nothing invisible."""
    found = _FILE_OR_FOLDER.fullmatch(line)
    if found is None:
        raise Invalid("This is not a line of the scp protocol.")
    return Item(folder=line[:1] == b"D", size=int(found[1]), name=paths.check_name(paths.decode(found[2])))


def times(line: bytes) -> datetime:
    """Return the modification time of a `T` line."""
    found = _TIMES.fullmatch(line)
    if found is None or int(found[1]) > _YEAR_MAX_SECONDS:
        raise Invalid("This is not a line of the scp protocol.")
    return datetime.fromtimestamp(int(found[1]), UTC)


def announce_times(modified: datetime) -> bytes:
    """Return the `T` line of a modification time."""
    seconds = max(int(modified.timestamp()), 0)
    return b"T%d 0 %d 0\n" % (seconds, seconds)


def announce(item: Item, mode: int) -> bytes:
    """Return the `C` or `D` line of a file or folder."""
    return b"%s%04o %d %s\n" % (b"D" if item.folder else b"C", mode & 0o777, item.size, item.name.encode())


def failure(what: str, sentence: str, *, fatal: bool = False) -> bytes:
    """Return the answer that something was not done."""
    told = f"scp: {what}: {sentence}" if what else f"scp: {sentence}"
    return (b"\2" if fatal else b"\1") + told.replace("\n", " ").encode() + b"\n"
