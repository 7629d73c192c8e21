"""The stored format of ordinary folders: slots of AES-256-GCM in immutable segments (docs/formats/segment.md).

Lives here: encrypting into a segment (`SegmentWriter`), reading from segments (`SegmentReader`). Not here: which bytes
of a file lie where (`extents.py`), keys of keys (`keys.py`).
Must stay true: each slot of each segment is encrypted exactly once, with a fresh nonce, under a key that is the
upload's own; nothing of a slot is given out before its tag is verified.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealane.errors import Integrity
from sealane.ids import KeyId, SegmentId, new_segment_id
from sealane.settings import SLOT_BYTES
from sealane.vault.extents import HOLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sealane.vault.blobs import BlobStore, BlobWriter, Buffer
    from sealane.vault.extents import Extent

NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
OVERHEAD_BYTES: Final = NONCE_BYTES + TAG_BYTES
STORED_SLOT_BYTES: Final = SLOT_BYTES + OVERHEAD_BYTES
SLOTS_PER_READ_MAX: Final = 8
"""Slots that are read from the store at once: bounds the memory of one read at 2 MiB."""
_RECENT_SLOTS_MAX: Final = 4
_FORMAT_TAG: Final = b"sealane slot 1\0"


class SegmentPlace(msgspec.Struct, frozen=True, array_like=True):
    """Where a segment's ciphertext is and which key opens it."""

    segment: str
    key_id: int
    length: int
    """Plaintext bytes."""
    inline: bytes | None = None
    """The ciphertext itself, where it is kept in the catalogue instead of the blob store."""


class SegmentWritten(NamedTuple):
    """A finished segment. Without `inline` it is durable in the blob store."""

    segment: SegmentId
    length: int
    tags_digest: bytes
    inline: bytes | None


def stored_length(length: int) -> int:
    """Return the stored bytes of a segment of `length` plaintext bytes."""
    return length + OVERHEAD_BYTES * -(-length // SLOT_BYTES)


def associated_data(segment: SegmentId, slot: int) -> bytes:
    """Return what a slot's tag binds besides its bytes: the format, the segment, the slot's place in it."""
    return _FORMAT_TAG + bytes.fromhex(segment) + slot.to_bytes(8, "big")


class SegmentWriter:
    """Encrypts a log of plaintext into one new segment: in memory up to `inline_bytes_max`, past it in the store.

    Used by one thread at a time. Ends with `finish` or `abort`.
    """

    __slots__ = (
        "_aead",
        "_blob",
        "_inline_bytes_max",
        "_pending",
        "_sink",
        "_slot",
        "_store",
        "_tags",
        "length",
        "segment",
    )

    def __init__(self, key: AESGCM, store: BlobStore, *, inline_bytes_max: int) -> None:
        """Begin a segment under a fresh random id; nothing touches the store before the first full slot."""
        self.segment = new_segment_id()
        self.length = 0
        """Plaintext bytes taken so far."""
        self._aead = key
        self._store = store
        self._inline_bytes_max = min(inline_bytes_max, SLOT_BYTES)
        self._blob: BlobWriter | None = None
        self._pending = bytearray()
        self._sink = bytearray()
        self._slot = 0
        self._tags = hashlib.sha256()

    def append(self, buffer: Buffer) -> None:
        """Add plaintext of any size. Full slots are encrypted at once, without a copy where they come whole."""
        view = memoryview(buffer).cast("B")
        self.length += len(view)
        if self._pending:
            taken = min(SLOT_BYTES - len(self._pending), len(view))
            self._pending += view[:taken]
            view = view[taken:]
            if len(self._pending) < SLOT_BYTES:
                return
            self._store_slot(self._pending)
            self._pending.clear()
        while len(view) >= SLOT_BYTES:
            self._store_slot(view[:SLOT_BYTES])
            view = view[SLOT_BYTES:]
        self._pending += view

    def finish(self) -> SegmentWritten:
        """Encrypt what is left, make the segment durable (or hand it over to be kept inline) and describe it."""
        assert self.length > 0, "an empty segment is never written"
        if self._blob is None and self.length <= self._inline_bytes_max:
            inline = bytes(self._encrypt(self._pending))
            return SegmentWritten(self.segment, self.length, self._tags.digest(), inline)
        if self._pending:
            self._store_slot(self._pending)
        assert self._blob is not None
        self._blob.commit()
        self._blob = None
        return SegmentWritten(self.segment, self.length, self._tags.digest(), None)

    def abort(self) -> None:
        """Throw the segment away; harmless after `finish` has returned."""
        if self._blob is not None:
            self._blob.abort()
            self._blob = None

    def _store_slot(self, plain: Buffer) -> None:
        if self._blob is None:
            self._blob = self._store.create(self.segment)
        self._blob.append(self._encrypt(plain))

    def _encrypt(self, plain: Buffer) -> memoryview:
        stored = len(memoryview(plain)) + OVERHEAD_BYTES
        if len(self._sink) < stored:
            self._sink = bytearray(stored)
        out = memoryview(self._sink)[:stored]
        nonce = secrets.token_bytes(NONCE_BYTES)
        out[:NONCE_BYTES] = nonce
        self._aead.encrypt_into(nonce, plain, associated_data(self.segment, self._slot), out[NONCE_BYTES:])
        self._tags.update(out[-TAG_BYTES:])
        self._slot += 1
        return out


@dataclass(frozen=True, slots=True)
class _Known:
    place: SegmentPlace
    aead: AESGCM


class SegmentReader:
    """Reads plaintext ranges of the segments it was told of. Safe to use from several threads at once."""

    __slots__ = ("_ciphers", "_known", "_lock", "_recent", "_store")

    def __init__(self, store: BlobStore, places: Iterable[SegmentPlace], keys: Mapping[int, bytes]) -> None:
        """Know these segments; one whose key is not among `keys` stays closed (`can_open` says so)."""
        self._store = store
        self._ciphers = {KeyId(key_id): AESGCM(key) for key_id, key in keys.items()}
        self._known: dict[str, _Known] = {}
        self._recent: OrderedDict[tuple[str, int], bytearray] = OrderedDict()
        self._lock = threading.Lock()
        for place in places:
            self.know(place)

    def know(self, place: SegmentPlace) -> None:
        """Learn of a further segment."""
        cipher = self._ciphers.get(KeyId(place.key_id))
        if cipher is not None:
            self._known[place.segment] = _Known(place, cipher)

    def can_open(self, segment: str) -> bool:
        """Whether the segment is known here with its key. A hole is always known."""
        return segment == HOLE or segment in self._known

    def read_into(self, extent: Extent, target: Buffer) -> None:
        """Fill `target`, exactly as long as the extent, with its plaintext.

        Raises `Integrity` for a segment that is not known, is missing or cut, or fails a tag; what `target` then holds
        is not to be used.
        """
        view = memoryview(target).cast("B")
        assert len(view) == extent.length, "the target is as long as the extent"
        if extent.segment == HOLE:
            view[:] = bytes(len(view))
            return
        known = self._known.get(extent.segment)
        if known is None or extent.start + extent.length > known.place.length:
            raise Integrity
        at, end = extent.start, extent.start + extent.length
        if extent.length < SLOT_BYTES and at // SLOT_BYTES == (end - 1) // SLOT_BYTES:
            self._read_part(known, at, view)
            return
        while at < end:
            first = at // SLOT_BYTES
            after = min(-(-end // SLOT_BYTES), first + SLOTS_PER_READ_MAX)
            stop = min(end, after * SLOT_BYTES)
            self._read_slots(known, first, after, at - first * SLOT_BYTES, view[: stop - at])
            view = view[stop - at :]
            at = stop

    def _read_part(self, known: _Known, at: int, target: memoryview) -> None:
        """Fill `target` from within one slot. The last few such slots are kept: small runs lie in few slots."""
        slot = at // SLOT_BYTES
        begin = slot * SLOT_BYTES
        place = (known.place.segment, slot)
        with self._lock:
            plain = self._recent.get(place)
        if plain is None:
            plain = bytearray(min(SLOT_BYTES, known.place.length - begin))
            self._read_slots(known, slot, slot + 1, 0, memoryview(plain))
            with self._lock:
                self._recent[place] = plain
                if len(self._recent) > _RECENT_SLOTS_MAX:
                    self._recent.popitem(last=False)
        target[:] = memoryview(plain)[at - begin : at - begin + len(target)]

    def _read_slots(self, known: _Known, first: int, after: int, skip: int, target: memoryview) -> None:
        """Fill `target` from the slots `first` to `after`, beginning `skip` bytes into the first."""
        place = known.place
        segment = SegmentId(place.segment)
        stored_end = stored_length(min(after * SLOT_BYTES, place.length))
        stored = self._stored(place, first * STORED_SLOT_BYTES, stored_end)
        for slot in range(first, after):
            plain = min(SLOT_BYTES, place.length - slot * SLOT_BYTES)
            sealed, stored = stored[: plain + OVERHEAD_BYTES], stored[plain + OVERHEAD_BYTES :]
            wanted = min(plain - skip, len(target))
            whole = wanted == plain
            clear = target[:wanted] if whole else memoryview(bytearray(plain))
            try:
                known.aead.decrypt_into(
                    sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], associated_data(segment, slot), clear
                )
            except InvalidTag:
                raise Integrity from None
            if not whole:
                target[:wanted] = clear[skip : skip + wanted]
            target = target[wanted:]
            skip = 0

    def _stored(self, place: SegmentPlace, begin: int, end: int) -> memoryview:
        if place.inline is None:
            return memoryview(self._store.read(SegmentId(place.segment), begin, end - begin)).cast("B")
        if len(place.inline) != stored_length(place.length):
            raise Integrity
        return memoryview(place.inline)[begin:end]
