"""What a witness does with a checkpoint (C2SP `tlog-witness`): prove that the log only grew, cosign, remember.

Pure: a request and what was seen before in, an answer and what is to be remembered out. Who keeps and serves it is
`jobs/witness.py`. Must stay true: nothing is cosigned that does not go on from what was cosigned last.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from sealane.errors import Invalid
from sealane.ledger import checkpoints, notes, tree
from sealane.operations.failures import SignatureWrong

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from sealane.ledger.checkpoints import Checkpoint
    from sealane.ledger.notes import Note, VerifierKey

REQUEST_BYTES_MAX = notes.NOTE_BYTES_MAX + 63 * 45 + 64
SIZE_TYPE = "text/x.tlog.size"
_TEXT_TYPE = "text/plain; charset=utf-8"
_OLD = re.compile(r"old (0|[1-9][0-9]{0,17})")


@dataclass(frozen=True, slots=True)
class Submitted:
    """A request of a log, read and not yet believed."""

    old: int
    path: tuple[bytes, ...]
    checkpoint: Checkpoint
    note: Note


@dataclass(frozen=True, slots=True)
class Judged:
    """What a witness answers, and the note to be remembered (and made durable) before it does."""

    status: HTTPStatus
    body: str = ""
    content_type: str = _TEXT_TYPE
    remember: str = ""


def read(body: bytes) -> Submitted:
    """Return the request of `add-checkpoint`. Raises `Invalid`."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Invalid("This is not a request to a witness.") from None
    head, gap, rest = text.partition("\n\n")
    lines = head.split("\n")
    old = _OLD.fullmatch(lines[0])
    if old is None or not gap or len(body) > REQUEST_BYTES_MAX or len(lines) - 1 > tree.PROOF_HASHES_MAX:
        raise Invalid("This is not a request to a witness.")
    note = notes.parse(rest)
    return Submitted(int(old[1]), tuple(map(_hash, lines[1:])), checkpoints.parse(note.text), note)


def written(old: int, path: Sequence[bytes], note: str) -> bytes:
    """Return the request that asks for a cosignature of this checkpoint."""
    lines = [f"old {old}", *(base64.b64encode(one).decode() for one in path)]
    return ("\n".join(lines) + "\n\n" + note).encode()


def judged(
    submitted: Submitted,
    *,
    logs: Mapping[str, VerifierKey],
    seen: Checkpoint | None,
    name: str,
    secret: Ed25519PrivateKey,
    at: int,
) -> Judged:
    """Return what is to be answered. `logs`: the key trusted for each origin; `seen`: cosigned last, if ever."""
    new = submitted.checkpoint
    key = logs.get(new.origin)
    if key is None:
        return Judged(HTTPStatus.NOT_FOUND, "This log is not witnessed here.\n")
    try:
        submitted.note.demand(key)
    except SignatureWrong:
        return Judged(HTTPStatus.FORBIDDEN, "The checkpoint is not signed by the log's key.\n")
    if submitted.old > new.size:
        return Judged(HTTPStatus.BAD_REQUEST, "The old size is larger than the checkpoint's.\n")
    known = seen.size if seen is not None else 0
    if submitted.old != known:
        return Judged(HTTPStatus.CONFLICT, f"{known}\n", SIZE_TYPE)
    root = seen.root if seen is not None else tree.EMPTY_ROOT
    if not tree.consistent(known, root, new.size, new.root, submitted.path):
        return Judged(HTTPStatus.UNPROCESSABLE_ENTITY, "The proof does not show that the log only grew.\n")
    cosignature = notes.cosigned(submitted.note.text, name, secret, at)
    log_lines = tuple(one for one in submitted.note.signatures if (one.name, one.key_id) == (key.name, key.id))
    remembered = notes.Note(submitted.note.text, (*log_lines, cosignature))
    return Judged(HTTPStatus.OK, cosignature.line(), remember=remembered.full())


def _hash(line: str) -> bytes:
    try:
        found = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if len(found) != tree.HASH_BYTES:
        raise Invalid("A line of the proof is malformed.")
    return found
