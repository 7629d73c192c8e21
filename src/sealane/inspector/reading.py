"""Reading an arrival back from the store: its SHA-256 of record. Synchronous; in a thread it frees the GIL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane.operations.contents import content_of

if TYPE_CHECKING:
    from sealane.inspector.turns import RunningHash, Turn
    from sealane.operations.inspection import ArrivalOpened
    from sealane.vault.blobs import BlobStore


def digest_of(arrival: ArrivalOpened, store: BlobStore, hashed: RunningHash, turn: Turn) -> bytes:
    """Return the SHA-256 of a whole arrival: of its plaintext, or of a sealed file's payload.

    Raises `Integrity` where the stored bytes are not those that were written, `Unavailable` where the store is away,
    `Stopped` and `TurnOver` as the turn says; `hashed` is gone on with in the next one.
    """
    content = content_of(arrival, store)
    hashed.read_on(content, content.size, turn)
    return hashed.digest()
