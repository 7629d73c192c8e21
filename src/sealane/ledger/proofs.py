"""A proof of one entry as a text of its own (C2SP `tlog-proof`): whoever has the ledger's key can check it off line.

Pure. The extra data are a JSON object: `body`, the entry's exact text, and `openings`, those of its commitments that
whoever asked may see (docs/formats/ledger.md, 8).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealane.errors import Invalid
from sealane.ledger import checkpoints, notes, tree
from sealane.ledger.bodies import NOT_OURS, commitment
from sealane.operations.failures import ProofWrong

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sealane.ledger.notes import VerifierKey

TEXT_BYTES_MAX = 1 << 20
_HEAD = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,17})")


@dataclass(frozen=True, slots=True)
class EntryProof:
    """An entry, what opens it, and the way from it to a signed checkpoint."""

    index: int
    """From 0: the entry's number less one."""
    body: bytes
    openings: dict[str, tuple[str, str]]
    path: tuple[bytes, ...]
    note: notes.Note

    @property
    def entry(self) -> int:
        """Return the entry's number."""
        return self.index + 1

    def text(self) -> str:
        """Return the proof as text; `parse` reads it."""
        extra = json.dumps({"body": self.body.decode(), "openings": self.openings}, ensure_ascii=False)
        lines = [_HEAD, f"extra {_encoded(extra.encode())}", f"index {self.index}", *map(_encoded, self.path)]
        return "\n".join(lines) + "\n\n" + self.note.full()

    def check(self, key: VerifierKey, witnesses: Iterable[VerifierKey] = ()) -> tuple[str, ...]:
        """Return the names of the witnesses that signed. Raises `ProofWrong`, `SignatureWrong`, `Invalid`."""
        checkpoint = checkpoints.parse(self.note.text)
        if checkpoint.origin != key.name:
            raise ProofWrong("The proof is of another ledger than the key.")
        self.note.demand(key)
        signed = tuple(one.name for one in witnesses if self.note.verified_by(one) is not None)
        leaf = tree.leaf_of(self.body)
        if not tree.includes(leaf, self.index, checkpoint.size, self.path, checkpoint.root):
            raise ProofWrong
        if not opens(self.body, self.openings):
            raise ProofWrong("A name told with the entry is not the one that was recorded.")
        return signed


def parse(text: str) -> EntryProof:
    """Return the proof that this text is. Proves nothing. Raises `Invalid`."""
    head, gap, note = text.partition("\n\n")
    lines = head.split("\n")
    malformed = Invalid("This is not a proof of an entry.")
    if len(text) > TEXT_BYTES_MAX or not gap or lines.pop(0) != _HEAD or not lines:
        raise malformed
    extra = _decoded(lines.pop(0).removeprefix("extra ")) if lines[0].startswith("extra ") else b""
    found = _INDEX.fullmatch(lines.pop(0)) if lines else None
    path = tuple(map(_decoded, lines))
    if found is None or len(path) > tree.PROOF_HASHES_MAX or any(len(one) != tree.HASH_BYTES for one in path):
        raise malformed
    try:
        told = json.loads(extra)
        body = told["body"].encode()
        openings = {str(name): (str(salt), str(value)) for name, (salt, value) in told["openings"].items()}
    except (*NOT_OURS, KeyError, TypeError, AttributeError):
        raise malformed from None
    return EntryProof(int(found[1]), body, openings, path, notes.parse(note))


def opens(body: bytes, openings: Mapping[str, tuple[str, str]]) -> bool:
    """Return whether each of these openings fits its commitment in the body."""
    try:
        private = json.loads(body).get("private", {})
        return all(
            private.get(name) == commitment(name, value, bytes.fromhex(salt)).hex()
            for name, (salt, value) in openings.items()
        )
    except (*NOT_OURS, AttributeError):
        return False


def made(
    seq: int, body: bytes, openings: Mapping[str, tuple[str, str]], path: Sequence[bytes], note: str
) -> EntryProof:
    """Return the proof of an entry under a checkpoint."""
    return EntryProof(seq - 1, body, dict(openings), tuple(path), notes.parse(note))


def _encoded(blob: bytes) -> str:
    return base64.b64encode(blob).decode()


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
