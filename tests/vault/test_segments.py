"""Slots and segments: every boundary, every way to tamper with them, and the published layout byte for byte."""

import hashlib
import secrets
import tracemalloc

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from sealane.errors import Integrity
from sealane.ids import new_segment_id
from sealane.settings import SLOT_BYTES
from sealane.vault.content import Content
from sealane.vault.extents import Extent
from sealane.vault.segments import (
    OVERHEAD_BYTES,
    STORED_SLOT_BYTES,
    SegmentPlace,
    SegmentReader,
    SegmentWriter,
    stored_length,
)
from tests.tries import tries

EDGES = [1, SLOT_BYTES - 1, SLOT_BYTES, SLOT_BYTES + 1, 9 * SLOT_BYTES - 1, 9 * SLOT_BYTES, 9 * SLOT_BYTES + 1]
KEY_ID = 7


class MemoryStore:
    """The least of a blob store: what tampering needs to get at."""

    def __init__(self):
        self.blobs = {}

    def create(self, name):
        store, taken = self, bytearray()

        class Writer:
            def append(self, buffer):
                taken.extend(buffer)

            def commit(self):
                store.blobs[name] = bytes(taken)

            def abort(self):
                taken.clear()

        return Writer()

    def read_into(self, name, offset, target):
        got = self.blobs.get(name, b"")[offset : offset + len(target)]
        if len(got) < len(target):
            raise Integrity
        target[:] = got


class DroppingStore(MemoryStore):
    """Keeps nothing of what is written."""

    def create(self, name):
        writer = super().create(name)
        writer.append = len
        return writer


def write(store, key, content, *, pieces=(1 << 20,), inline_bytes_max=0):
    writer = SegmentWriter(AESGCM(key), store, inline_bytes_max=inline_bytes_max)
    at = 0
    while at < len(content):
        for piece in pieces:
            writer.append(memoryview(content)[at : at + piece])
            at += piece
    written = writer.finish()
    return written, SegmentPlace(written.segment, KEY_ID, written.length, written.inline)


def read(store, key, place, start=0, length=None):
    length = place.length - start if length is None else length
    target = bytearray(length)
    SegmentReader(store, [place], {KEY_ID: key}).read_into(Extent(place.segment, start, length), target)
    return bytes(target)


@pytest.fixture
def key():
    return secrets.token_bytes(32)


@pytest.mark.parametrize("size", EDGES)
def test_what_was_written_is_read_back(key, size):
    store = MemoryStore()
    content = secrets.token_bytes(size)
    written, place = write(store, key, content)
    assert written.length == size
    assert len(store.blobs[written.segment]) == stored_length(size)
    assert read(store, key, place) == content


@given(
    size=st.integers(1, 3 * SLOT_BYTES + 10),
    pieces=st.lists(st.integers(1, 2 * SLOT_BYTES), min_size=1, max_size=4),
    parts=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=4),
    inline=st.booleans(),
)
@settings(max_examples=tries(20), deadline=None)
def test_any_pieces_in_and_any_ranges_out(size, pieces, parts, inline):
    key, store = secrets.token_bytes(32), MemoryStore()
    content = secrets.token_bytes(size)
    pieces = [max(piece, 1000) for piece in pieces]
    written, place = write(store, key, content, pieces=pieces, inline_bytes_max=SLOT_BYTES if inline else 0)
    assert (written.inline is not None) == (inline and size <= SLOT_BYTES)
    reader = SegmentReader(store, [place], {KEY_ID: key})
    for begin, length in parts:
        start = int(begin * (size - 1))
        count = max(1, int(length * (size - start)))
        target = bytearray(count)
        reader.read_into(Extent(place.segment, start, count), target)
        assert target == content[start : start + count]


def test_the_layout_is_the_published_one(key):
    """A reader written from docs/formats/segment.md alone, with nothing of ours."""
    store = MemoryStore()
    content = secrets.token_bytes(2 * 262144 + 100)
    written, _ = write(store, key, content)
    stored = store.blobs[written.segment]
    clear, tags, at = b"", b"", 0
    for number, length in enumerate((262144, 262144, 100)):
        slot = stored[at : at + 12 + length + 16]
        bound = b"sealane slot 1\0" + bytes.fromhex(written.segment) + number.to_bytes(8, "big")
        clear += AESGCM(key).decrypt(slot[:12], slot[12:], bound)
        tags += slot[-16:]
        at += len(slot)
    assert at == len(stored)
    assert clear == content
    assert written.tags_digest == hashlib.sha256(tags).digest()


def test_no_two_slots_share_a_nonce(key):
    store = MemoryStore()
    write(store, key, bytes(20 * SLOT_BYTES))
    write(store, key, bytes(20 * SLOT_BYTES))
    nonces = {blob[at : at + 12] for blob in store.blobs.values() for at in range(0, len(blob), STORED_SLOT_BYTES)}
    assert len(nonces) == 40


def test_segments_written_in_turn_do_not_disturb_each_other(key):
    store, contents = MemoryStore(), [secrets.token_bytes(2 * SLOT_BYTES + 5) for _ in range(3)]
    writers = [SegmentWriter(AESGCM(key), store, inline_bytes_max=0) for _ in contents]
    step = SLOT_BYTES // 2 + 1
    for at in range(0, len(contents[0]), step):
        for writer, content in zip(writers, contents, strict=True):
            writer.append(content[at : at + step])
    places = [SegmentPlace(done.segment, KEY_ID, done.length) for done in [writer.finish() for writer in writers]]
    for place, content in zip(places, contents, strict=True):
        assert read(store, key, place, 0, len(content)) == content


def test_an_open_segment_holds_no_memory_for_ciphertext(key):
    store, slot = DroppingStore(), bytes(SLOT_BYTES)
    tracemalloc.start()
    try:
        writers = [SegmentWriter(AESGCM(key), store, inline_bytes_max=0) for _ in range(32)]
        for writer in writers:
            writer.append(slot)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 8 * SLOT_BYTES


def test_an_aborted_segment_reaches_no_store(key):
    store = MemoryStore()
    writer = SegmentWriter(AESGCM(key), store, inline_bytes_max=0)
    writer.append(bytes(3 * SLOT_BYTES))
    writer.abort()
    writer.abort()
    assert store.blobs == {}


# --- tampering -------------------------------------------------------------------------------------------------------


def tampered(store, place, change):
    stored = bytearray(store.blobs[place.segment])
    store.blobs[place.segment] = bytes(change(stored) or stored)


@given(at=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
@settings(max_examples=tries(60), deadline=None)
def test_any_flipped_byte_is_found(at, flip):
    key, store = secrets.token_bytes(32), MemoryStore()
    _, place = write(store, key, bytes(SLOT_BYTES + 50))

    def change(stored):
        stored[int(at * len(stored))] ^= flip

    tampered(store, place, change)
    with pytest.raises(Integrity):
        read(store, key, place)


@given(at=st.integers(0, 127), flip=st.integers(1, 255))
@settings(max_examples=tries(40), deadline=None)
def test_any_flipped_byte_of_inline_content_is_found(at, flip):
    key = secrets.token_bytes(32)
    _, place = write(MemoryStore(), key, bytes(100), inline_bytes_max=1000)
    altered = bytearray(place.inline)
    altered[at] ^= flip
    with pytest.raises(Integrity):
        read(MemoryStore(), key, SegmentPlace(place.segment, KEY_ID, 100, bytes(altered)))


@pytest.mark.parametrize("cut", [1, OVERHEAD_BYTES, SLOT_BYTES // 2, STORED_SLOT_BYTES, 2 * STORED_SLOT_BYTES + 5])
def test_a_cut_segment_is_found(key, cut):
    store = MemoryStore()
    _, place = write(store, key, secrets.token_bytes(3 * SLOT_BYTES))
    tampered(store, place, lambda stored: stored[:-cut])
    with pytest.raises(Integrity):
        read(store, key, place)


@pytest.mark.parametrize("told", [SLOT_BYTES - 1, SLOT_BYTES + 1, 2 * SLOT_BYTES, 1])
def test_another_length_than_was_written_is_found(key, told):
    store = MemoryStore()
    _, place = write(store, key, secrets.token_bytes(SLOT_BYTES + 50))
    with pytest.raises(Integrity):
        read(store, key, SegmentPlace(place.segment, KEY_ID, told))


def test_exchanged_slots_are_found(key):
    store = MemoryStore()
    _, place = write(store, key, secrets.token_bytes(2 * SLOT_BYTES))
    tampered(store, place, lambda stored: stored[STORED_SLOT_BYTES:] + stored[:STORED_SLOT_BYTES])
    for slot in range(2):
        with pytest.raises(Integrity):
            read(store, key, place, slot * SLOT_BYTES, SLOT_BYTES)


def test_exchanged_blobs_of_one_upload_are_found(key):
    store = MemoryStore()
    _, first = write(store, key, secrets.token_bytes(SLOT_BYTES))
    _, second = write(store, key, secrets.token_bytes(SLOT_BYTES))
    store.blobs[first.segment], store.blobs[second.segment] = store.blobs[second.segment], store.blobs[first.segment]
    for place in (first, second):
        with pytest.raises(Integrity):
            read(store, key, place)


def test_a_slot_of_an_older_segment_put_back_is_found(key):
    store = MemoryStore()
    _, old = write(store, key, b"old" * 100_000)
    _, new = write(store, key, b"new" * 100_000)
    tampered(store, new, lambda stored: store.blobs[old.segment][:STORED_SLOT_BYTES] + stored[STORED_SLOT_BYTES:])
    with pytest.raises(Integrity):
        read(store, key, new, 0, 10)
    assert read(store, key, new, SLOT_BYTES, 3) == (b"new" * 100_000)[SLOT_BYTES : SLOT_BYTES + 3]


def test_another_key_opens_nothing(key):
    store = MemoryStore()
    _, place = write(store, key, bytes(100))
    with pytest.raises(Integrity):
        read(store, secrets.token_bytes(32), place)


def test_nothing_of_a_bad_slot_is_given_out(key):
    store = MemoryStore()
    content = secrets.token_bytes(2 * SLOT_BYTES)
    _, place = write(store, key, content)

    def change(stored):
        stored[STORED_SLOT_BYTES + 5000] ^= 1

    tampered(store, place, change)
    reader = SegmentReader(store, [place], {KEY_ID: key})
    target = bytearray(SLOT_BYTES - 100)
    with pytest.raises(Integrity):
        reader.read_into(Extent(place.segment, SLOT_BYTES + 50, len(target)), target)
    assert target == bytes(len(target))


@pytest.mark.parametrize(("start", "length"), [(0, 101), (100, 1), (50, 51)])
def test_a_run_beyond_its_segment_is_found(key, start, length):
    store = MemoryStore()
    _, place = write(store, key, bytes(100))
    with pytest.raises(Integrity):
        read(store, key, place, start, length)


def test_a_segment_without_its_key_or_of_nobody_is_not_read(key):
    store = MemoryStore()
    _, place = write(store, key, bytes(100))
    reader = SegmentReader(store, [place], {})
    assert not reader.can_open(place.segment)
    for segment in (place.segment, new_segment_id()):
        with pytest.raises(Integrity):
            reader.read_into(Extent(segment, 0, 1), bytearray(1))


# --- content ---------------------------------------------------------------------------------------------------------


@given(
    runs=st.lists(
        st.tuples(st.integers(-1, 2), st.integers(0, 2 * SLOT_BYTES), st.integers(1, SLOT_BYTES)), max_size=8
    ),
    reads=st.lists(st.tuples(st.integers(0, 6 * SLOT_BYTES), st.integers(1, 3 * SLOT_BYTES)), max_size=3),
    buffer=st.integers(1000, 2 * SLOT_BYTES),
)
@settings(max_examples=tries(20), deadline=None)
def test_a_content_is_its_runs_in_order(runs, reads, buffer):
    key, store = secrets.token_bytes(32), MemoryStore()
    clear = [secrets.token_bytes(3 * SLOT_BYTES) for _ in range(3)]
    places = [write(store, key, content)[1] for content in clear]
    extents = [
        Extent("", 0, length) if number < 0 else Extent(places[number].segment, start, length)
        for number, start, length in runs
    ]
    whole = b"".join(
        bytes(length) if number < 0 else clear[number][start : start + length] for number, start, length in runs
    )
    content = Content(store, extents, places, {KEY_ID: key})
    assert content.size == len(whole)
    assert b"".join(bytes(block) for block in content.blocks(bytearray(buffer))) == whole
    for offset, length in reads:
        target = bytearray(length)
        count = content.read_into(offset, target)
        assert target[:count] == whole[offset : offset + length]
        if offset < len(whole):
            assert offset < content.slot_end(offset) <= min(offset + SLOT_BYTES, len(whole))
