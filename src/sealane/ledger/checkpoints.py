"""A checkpoint: the ledger's size and root in a small signed text, kept elsewhere to prove later what was there.

Pure. C2SP `tlog-checkpoint` (docs/formats/ledger.md, 5): origin, size in decimal, root in base64, each on a line that
ends with a newline; then the signatures of a signed note.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from sealane.errors import Invalid
from sealane.ledger import notes
from sealane.ledger.tree import HASH_BYTES

TEXT_BYTES_MAX = notes.NOTE_BYTES_MAX
_LINES = 3
_SIZE = re.compile(r"0|[1-9][0-9]{0,17}")
_ORIGIN = re.compile(r"[!-*,-~]{1,255}")  # visible ASCII but "+", which C2SP signed-note keeps for keys
_HOUR = "/hour"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of the ledger named `origin` after its first `size` entries."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the checkpoint as text; `parse` reads it."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


@dataclass(frozen=True, slots=True)
class SavedCheckpoint:
    """A checkpoint as somebody kept it, with whatever signatures it has."""

    checkpoint: Checkpoint
    note: notes.Note | None


def parse(text: str) -> Checkpoint:
    """Return the checkpoint of this text, a note's without its signatures. Raises `Invalid` unless it is one.

    Lines after the third are passed over: others' logs may have them (tlog-checkpoint, "Note text").
    """
    lines = text.split("\n") if len(text) <= TEXT_BYTES_MAX else []
    if len(lines) <= _LINES or lines[-1] or not all(lines[:-1]):
        raise Invalid("This is not a checkpoint: it has three lines.")
    origin, size, root = lines[:_LINES]
    if not _ORIGIN.fullmatch(origin) or not _SIZE.fullmatch(size):
        raise Invalid("This is not a checkpoint: its origin or size is malformed.")
    try:
        decoded = base64.b64decode(root, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if len(decoded) != HASH_BYTES or base64.b64encode(decoded).decode() != root:
        raise Invalid("This is not a checkpoint: its root is malformed.")
    return Checkpoint(origin, int(size), decoded)


def parse_saved(text: str) -> SavedCheckpoint:
    """Return a checkpoint that was kept: a signed note, or its text alone. Raises `Invalid`."""
    if "\n\n" not in text:
        return SavedCheckpoint(parse(text), None)
    note = notes.parse(text)
    return SavedCheckpoint(parse(note.text), note)


def hour_name(origin: str) -> str:
    """Return the name under which a ledger's signing keys of the hour sign."""
    return origin + _HOUR
