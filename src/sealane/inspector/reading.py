"""Reading an arrival back from the store: its SHA-256 of record. Synchronous; in a thread it frees the GIL."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sealane.operations.contents import content_of
from sealane.settings import SLOT_BYTES
from sealane.vault.segments import SLOTS_PER_READ_MAX

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealane.operations.contents import AnyContent
    from sealane.operations.inspection import ArrivalOpened
    from sealane.vault.blobs import BlobStore

BUFFER_BYTES = SLOTS_PER_READ_MAX * SLOT_BYTES
"""What is read and hashed at once; as much as the store is asked for at once."""


class Stopped(Exception):
    """The reading was stopped before its end."""


def digest_of(arrival: ArrivalOpened, store: BlobStore, *, stopped: Callable[[], bool]) -> bytes:
    """Return the SHA-256 of a whole arrival: of its plaintext, or of a sealed file's payload.

    Raises `Integrity` where the stored bytes are not those that were written, `Unavailable` where the store is away,
    `Stopped` soon after `stopped` says so.
    """
    return digest_of_content(content_of(arrival, store), stopped=stopped)


def digest_of_content(content: AnyContent, *, stopped: Callable[[], bool]) -> bytes:
    """Return the SHA-256 of a whole content."""
    digest = hashlib.sha256()
    for block in content.blocks(bytearray(min(BUFFER_BYTES, max(content.size, 1)))):
        if stopped():
            raise Stopped
        digest.update(block)
    return digest.digest()
