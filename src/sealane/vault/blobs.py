"""What a blob store promises: the contract that the local disk and the object store both keep.

Lives here: the contract, in words, and what every store shares. Not here: the stores (`local.py`, `s3.py`), what is in
a blob (`segments.py`). `tests/vault/test_blob_stores.py` holds every store to every sentence below.

A blob is an immutable run of ciphertext bytes under a name. Names are segment ids (32 hex digits, random, made by us):
nothing from outside is ever a name. All methods are synchronous and may be called from any thread; a `BlobWriter` is
used by one thread at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from sealane.errors import Integrity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sealane.ids import SegmentId

Buffer: TypeAlias = bytes | bytearray | memoryview
"""Bytes that somebody else owns (`collections.abc.Buffer` comes with Python 3.12)."""
UNBOUNDED: Final = 2**62
"""The room of a store that knows no bound."""
NAME_LENGTH: Final = 32
_HEX: Final = frozenset("0123456789abcdef")


class BlobWriter(Protocol):
    """One blob under construction, seen by nobody before `commit` returns. Either `commit` or `abort` ends it."""

    def append(self, buffer: Buffer) -> None:
        """Add bytes at the end. They are taken before this returns, so the buffer may be used again.

        Raises `StoreFull` when there is no room, `Unavailable` when the store cannot be reached; then only `abort` is
        left to do.
        """
        ...

    def commit(self) -> None:
        """Make the blob whole, visible and durable, all at once: after this returns no power cut loses any of it.

        When it fails the blob is not visible now; `abort` is then still to be called. (After a failure in which the
        store's answer was lost the blob may turn up later, whole. Nothing names it then, and the sweeper removes it.)
        """
        ...

    def abort(self) -> None:
        """Throw away what was written, in any state but committed. Never raises; may be called again."""
        ...


class BlobStore(Protocol):
    """Immutable blobs by name, created once, read by ranges, deleted for good."""

    def create(self, name: SegmentId) -> BlobWriter:
        """Begin a blob. Raises `BlobExists`, here or at `commit`, when the name is taken: a blob is never replaced.

        A crash before `commit` leaves nothing that `read`, `size` or `names` would show.
        """
        ...

    def read_into(self, name: SegmentId, offset: int, target: memoryview) -> None:
        """Fill `target` (at least 1 byte) with the bytes from `offset` on.

        Raises `Integrity` when the blob is missing or ends before: whoever asks was told that it is there. What
        `target` holds after a failure is not defined.
        """
        ...

    def size(self, name: SegmentId) -> int:
        """Return a blob's length in bytes. Raises `Integrity` when it is missing."""
        ...

    def delete(self, name: SegmentId) -> None:
        """Remove a blob durably. One that is not there is no failure, so that a crash in between can be repeated."""
        ...

    def names(self) -> Iterator[SegmentId]:
        """Yield every committed blob's name, in no order. Blobs that come or go meanwhile may be among them or not."""
        ...

    def clear_unfinished(self, older_than: datetime) -> int:
        """Remove what crashes left of uncommitted blobs that were begun before then; return how many."""
        ...

    def room(self) -> int:
        """Return how many bytes can still be stored, as far as the store knows (`UNBOUNDED` where it does not)."""
        ...

    def close(self) -> None:
        """Let go of what the store holds open. No other method is called afterwards."""
        ...


def check_name(name: SegmentId) -> SegmentId:
    """Return the name if it is one of ours; anything else is a programming error or a tampered row: `Integrity`."""
    if len(name) != NAME_LENGTH or not _HEX.issuperset(name):
        raise Integrity
    return name


def read(store: BlobStore, name: SegmentId, offset: int, length: int) -> bytearray:
    """Return exactly `length` bytes (at least 1) from `offset` on. Raises what `read_into` raises."""
    got = bytearray(length)
    store.read_into(name, offset, memoryview(got))
    return got


def missing() -> Integrity:
    """Return the failure of a blob that was promised and is not there, or ends too early."""
    return Integrity("A stored part of this file is missing or cut. Tell the administrator.")
