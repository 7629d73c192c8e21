"""Where the desk takes people lists and ledger entries from, and a directory of files as the simplest of them.

A source is not trusted: what it gives is proven against what was taken before and against the ledger (`taking.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Protocol

import msgspec

from sealane.desk.failures import DeskDamaged, LedgerForked, ListMissing
from sealane.operations.audit import LedgerEntry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIST_BYTES_MAX: Final = 4 << 30
_LINE_BYTES_MAX: Final = 16 << 20
_NOTE_BYTES_MAX: Final = 1 << 20


class PartUnread(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a file that could not be read."""

    part: Annotated[str, msgspec.Meta(max_length=4096)]
    why: Annotated[str, msgspec.Meta(max_length=64)]


class ListedFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a server says in clear of one file's people list."""

    version_id: Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
    coverage: str
    """complete, partial or unreadable."""
    unreadable: tuple[PartUnread, ...] = ()
    records: Annotated[int, msgspec.Meta(ge=0)] = 0
    people: Annotated[int, msgspec.Meta(ge=0)] = 0
    digest: str = ""
    """SHA-256 of the sealed list's payload (the bytes after its header) in hex; empty where there is no list."""
    owner: Annotated[str, msgspec.Meta(max_length=1024)] = ""
    """The data owner of individuals of whom the file tells none."""


class Source(Protocol):
    """A server, or a directory, that people lists and ledger entries come from."""

    def entries(self, after: int) -> Iterator[LedgerEntry]:
        """Yield the ledger's entries after this one that the desk may see, in order."""

    def leaves(self, after: int, size: int) -> Iterator[bytes]:
        """Yield the leaves of the ledger's tree after this entry up to `size`, those of entries not given out too."""

    def checkpoint(self) -> str:
        """Return the newest checkpoint as it was signed, or its text alone; empty where there is none."""

    def key(self) -> str:
        """Return the ledger's long-term key (C2SP vkey); empty: not told, and signatures are not looked at."""

    def lists(self) -> Iterator[ListedFile]:
        """Yield what is known of every file that was read, in the order in which they were."""

    def sealed_list(self, version_id: str) -> bytes:
        """Return a file's people list as it is kept: sealed (age)."""


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line of `entries.jsonl`."""

    seq: int
    body: str
    leaf: str
    openings: dict[str, tuple[str, str]] | None = None


class Directory:
    """A directory: `entries.jsonl`, `checkpoint`, `key`, `lists.jsonl`, and `lists/VERSION.age`."""

    def __init__(self, path: Path) -> None:
        """Read from this directory."""
        self._path = path

    def entries(self, after: int) -> Iterator[LedgerEntry]:
        """Yield the entries after this one. Raises `DeskDamaged` for a line that is none."""
        decoder = msgspec.json.Decoder(_Line)
        for line in _lines(self._path / "entries.jsonl"):
            try:
                told = decoder.decode(line)
                entry = LedgerEntry(told.seq, told.body.encode(), bytes.fromhex(told.leaf), told.openings)
            except (ValueError, RecursionError):
                raise DeskDamaged("A line of entries.jsonl is no ledger entry.") from None
            if entry.seq > after:
                yield entry

    def leaves(self, after: int, size: int) -> Iterator[bytes]:
        """Yield the leaves of the entries: here are all of them. Raises `LedgerForked` where one is missing."""
        for expected, entry in enumerate(self.entries(after), start=after + 1):
            if expected > size:
                return
            if entry.seq != expected:
                raise LedgerForked(f"Entry {expected} of the ledger is missing.")
            yield entry.leaf

    def checkpoint(self) -> str:
        """Return the checkpoint, if one is there."""
        return self._text("checkpoint")

    def key(self) -> str:
        """Return the ledger's key, if it is there."""
        return self._text("key").strip()

    def _text(self, name: str) -> str:
        try:
            with (self._path / name).open("rb") as file:
                return file.read(_NOTE_BYTES_MAX).decode("utf-8", errors="replace")
        except OSError:
            return ""

    def lists(self) -> Iterator[ListedFile]:
        """Yield the lines of `lists.jsonl`."""
        decoder = msgspec.json.Decoder(ListedFile)
        for line in _lines(self._path / "lists.jsonl"):
            try:
                yield decoder.decode(line)
            except (ValueError, RecursionError):
                raise DeskDamaged("A line of lists.jsonl does not tell of a people list.") from None

    def sealed_list(self, version_id: str) -> bytes:
        """Return the list of this version. Raises `ListMissing`."""
        try:
            with (self._path / "lists" / f"{version_id}.age").open("rb") as file:
                return file.read(LIST_BYTES_MAX)
        except OSError:
            raise ListMissing from None


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while line := file.readline(_LINE_BYTES_MAX):
                yield line
    except FileNotFoundError:
        return
