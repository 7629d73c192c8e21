"""The stored format of ordinary folders: slots of AES-256-GCM in immutable segments (docs/formats/segment.md).

Lives here: encrypting into a segment of slots (`SegmentWriter`), reading plaintext from segments of both forms
(`SegmentReader`). Not here: segments of age chunks (`chunks.py`), which bytes of a file lie where (`extents.py`), keys
of keys (`keys.py`).
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
from sealane.vault.age import payload
from sealane.vault.age.failures import PayloadDamaged
from sealane.vault.age.payload import PayloadKey
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
    first_chunk: int | None = None
    """A segment of age chunks: the number of its first chunk in the age file. None: a segment of slots."""


class SegmentWritten(NamedTuple):
    """A finished segment. Without `inline` it is durable in the blob store."""

    segment: SegmentId
    length: int
    tags_digest: bytes
    inline: bytes | None
    first_chunk: int | None = None
    """As in `SegmentPlace`."""


def stored_length(length: int, *, chunks: bool = False) -> int:
    """Return the stored bytes of a segment of `length` plaintext bytes, in slots or in age chunks."""
    if chunks:
        return length + payload.TAG_BYTES * -(-length // payload.CHUNK_BYTES)
    return length + OVERHEAD_BYTES * -(-length // SLOT_BYTES)


def associated_data(segment: SegmentId, slot: int) -> bytes:
    """Return what a slot's tag binds besides its bytes: the format, the segment, the slot's place in it."""
    return _FORMAT_TAG + bytes.fromhex(segment) + slot.to_bytes(8, "big")


class _Scratch(threading.local):
    """Where a thread has the ciphertext that it makes or opens next."""

    buffer = bytearray()


_SCRATCH: Final = _Scratch()


def scratch(length: int) -> memoryview:
    """Return this thread's memory for so much ciphertext; what it held before is gone.

    A thread's and not a segment's: hundreds of segments are open at once, and few threads.
    """
    if len(_SCRATCH.buffer) < length:
        _SCRATCH.buffer = bytearray(length)
    return memoryview(_SCRATCH.buffer)[:length]


class SegmentWriter:
    """Encrypts a log of plaintext into one new segment: in memory up to `inline_bytes_max`, past it in the store.

    Used by one thread at a time. Ends with `finish` or `abort`.
    """

    __slots__ = (
        "_aead",
        "_blob",
        "_inline_bytes_max",
        "_pending",
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
        """Return the next slot's ciphertext, good until this thread seals or reads again."""
        out = scratch(len(memoryview(plain)) + OVERHEAD_BYTES)
        nonce = secrets.token_bytes(NONCE_BYTES)
        out[:NONCE_BYTES] = nonce
        self._aead.encrypt_into(nonce, plain, associated_data(self.segment, self._slot), out[NONCE_BYTES:])
        self._tags.update(out[-TAG_BYTES:])
        self._slot += 1
        return out


@dataclass(frozen=True, slots=True)
class _Slots:
    """A segment of slots, and the key that opens it."""

    place: SegmentPlace
    aead: AESGCM
    unit = SLOT_BYTES
    """Plaintext bytes that are opened at once, all of them or none."""
    overhead = OVERHEAD_BYTES

    def open_into(self, number: int, sealed: memoryview, clear: memoryview) -> None:
        """Open one slot. Raises `InvalidTag`."""
        bound = associated_data(SegmentId(self.place.segment), number)
        self.aead.decrypt_into(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound, clear)


@dataclass(frozen=True, slots=True)
class _Chunks:
    """A segment of age chunks, none of them the file's last, and the key that opens it."""

    place: SegmentPlace
    key: PayloadKey
    unit = payload.CHUNK_BYTES
    overhead = payload.TAG_BYTES

    def open_into(self, number: int, sealed: memoryview, clear: memoryview) -> None:
        """Open one chunk. Raises `PayloadDamaged`."""
        assert self.place.first_chunk is not None
        self.key.open_into(self.place.first_chunk + number, sealed, clear, last=False)


class SegmentReader:
    """Reads plaintext ranges of the segments it was told of. Safe to use from several threads at once."""

    __slots__ = ("_ciphers", "_keys", "_known", "_lock", "_recent", "_store")

    def __init__(self, store: BlobStore, places: Iterable[SegmentPlace], keys: Mapping[int, bytes]) -> None:
        """Know these segments; one whose key is not among `keys` stays closed (`can_open` says so)."""
        self._store = store
        self._keys = {KeyId(key_id): key for key_id, key in keys.items()}
        self._ciphers: dict[KeyId, AESGCM | PayloadKey] = {}
        self._known: dict[str, _Slots | _Chunks] = {}
        self._recent: OrderedDict[tuple[str, int], bytearray] = OrderedDict()
        self._lock = threading.Lock()
        for place in places:
            self.know(place)

    def know(self, place: SegmentPlace) -> None:
        """Learn of a further segment."""
        key_id = KeyId(place.key_id)
        key = self._keys.get(key_id)
        if key is None:
            return
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            cipher = self._ciphers[key_id] = AESGCM(key) if place.first_chunk is None else PayloadKey.derived(key)
        if isinstance(cipher, AESGCM) and place.first_chunk is None:
            self._known[place.segment] = _Slots(place, cipher)
        elif isinstance(cipher, PayloadKey) and place.first_chunk is not None:
            self._known[place.segment] = _Chunks(place, cipher)

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
        unit = known.unit
        at, end = extent.start, extent.start + extent.length
        if extent.length < unit and at // unit == (end - 1) // unit:
            self._read_part(known, at, view)
            return
        at_once = SLOTS_PER_READ_MAX * SLOT_BYTES // unit
        while at < end:
            first = at // unit
            after = min(-(-end // unit), first + at_once)
            stop = min(end, after * unit)
            self._read_units(known, first, after, at - first * unit, view[: stop - at])
            view = view[stop - at :]
            at = stop

    def _read_part(self, known: _Slots | _Chunks, at: int, target: memoryview) -> None:
        """Fill `target` from within one slot. The last few such slots are kept: small runs lie in few slots."""
        number = at // known.unit
        begin = number * known.unit
        place = (known.place.segment, number)
        with self._lock:
            plain = self._recent.get(place)
        if plain is None:
            plain = bytearray(min(known.unit, known.place.length - begin))
            self._read_units(known, number, number + 1, 0, memoryview(plain))
            with self._lock:
                self._recent[place] = plain
                if len(self._recent) > _RECENT_SLOTS_MAX:
                    self._recent.popitem(last=False)
        target[:] = memoryview(plain)[at - begin : at - begin + len(target)]

    def _read_units(self, known: _Slots | _Chunks, first: int, after: int, skip: int, target: memoryview) -> None:
        """Fill `target` from the slots (or chunks) `first` to `after`, beginning `skip` bytes into the first."""
        length, unit, overhead = known.place.length, known.unit, known.overhead
        stored = self._stored(known, first * (unit + overhead), min(after * unit, length) + overhead * after)
        for number in range(first, after):
            plain = min(unit, length - number * unit)
            sealed, stored = stored[: plain + overhead], stored[plain + overhead :]
            wanted = min(plain - skip, len(target))
            whole = wanted == plain
            clear = target[:wanted] if whole else memoryview(bytearray(plain))
            try:
                known.open_into(number, sealed, clear)
            except (InvalidTag, PayloadDamaged, ValueError):
                raise Integrity from None
            if not whole:
                target[:wanted] = clear[skip : skip + wanted]
            target = target[wanted:]
            skip = 0

    def _stored(self, known: _Slots | _Chunks, begin: int, end: int) -> memoryview:
        """Return stored bytes, good until this thread reads again."""
        place = known.place
        if place.inline is None:
            stored = scratch(end - begin)
            self._store.read_into(SegmentId(place.segment), begin, stored)
            return stored
        if len(place.inline) != stored_length(place.length, chunks=place.first_chunk is not None):
            raise Integrity
        return memoryview(place.inline)[begin:end]
