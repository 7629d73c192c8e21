"""A checkpoint: the ledger's size and head in a small text, kept elsewhere to prove later that nothing was rewritten.

Pure. The text has the shape of C2SP `tlog-checkpoint` without signatures (docs/formats/ledger.md, 5): origin, size in
decimal, head in base64, each on a line that ends with a newline.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from sealane.errors import Invalid
from sealane.ledger.chain import HASH_BYTES

TEXT_BYTES_MAX = 4096
_SIZE = re.compile(r"0|[1-9][0-9]{0,17}")
_ORIGIN = re.compile(r"[!-*,-~]{1,255}")  # visible ASCII but "+", which C2SP signed-note keeps for keys


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of the ledger named `origin` after its first `size` entries."""

    origin: str
    size: int
    head: bytes

    def text(self) -> str:
        """Return the checkpoint as text; `parse` reads it."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.head).decode()}\n"


def parse(text: str) -> Checkpoint:
    """Return the checkpoint of this text. Raises `Invalid` unless it is exactly one."""
    lines = text.split("\n") if len(text) <= TEXT_BYTES_MAX else []
    if len(lines) != 4 or lines[3]:  # noqa: PLR2004 - three lines, each ended
        raise Invalid("This is not a checkpoint: it has three lines.")
    origin, size, head = lines[:3]
    if not _ORIGIN.fullmatch(origin) or not _SIZE.fullmatch(size):
        raise Invalid("This is not a checkpoint: its origin or size is malformed.")
    try:
        decoded = base64.b64decode(head, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if len(decoded) != HASH_BYTES or base64.b64encode(decoded).decode() != head:
        raise Invalid("This is not a checkpoint: its head is malformed.")
    return Checkpoint(origin, int(size), decoded)
