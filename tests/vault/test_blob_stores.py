"""The contract of `BlobStore`, sentence by sentence, on every store there is."""

import hashlib
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from sealane.errors import BlobExists, Integrity
from sealane.ids import new_segment_id
from sealane.settings import MIB
from sealane.vault import blobs

pytestmark = pytest.mark.slow  # together they take longer than make check may


SIZES = [1, 2, 4095, 4096, 4097, MIB, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 20 * MIB + 3]


def put(store, content, *, name=None, piece=MIB):
    name = name or new_segment_id()
    writer = store.create(name)
    for at in range(0, len(content), piece):
        writer.append(memoryview(content)[at : at + piece])
    writer.commit()
    return name


@pytest.mark.parametrize("size", SIZES)
def test_what_was_committed_is_read_back_whole_and_in_parts(store, size):
    content = secrets.token_bytes(size)
    name = put(store, content, piece=MIB + 17)
    assert store.size(name) == size
    assert hashlib.sha256(blobs.read(store, name, 0, size)).digest() == hashlib.sha256(content).digest()
    for offset, length in ((0, 1), (size - 1, 1), (size // 2, size - size // 2), (size // 3, max(1, size // 5))):
        assert blobs.read(store, name, offset, length) == content[offset : offset + length]


def test_a_buffer_may_be_used_again_as_soon_as_append_returns(store):
    buffer = bytearray(b"first")
    name = new_segment_id()
    writer = store.create(name)
    writer.append(buffer)
    buffer[:] = b"other"
    writer.append(memoryview(buffer)[1:3])
    writer.commit()
    assert blobs.read(store, name, 0, 7) == b"firstth"


@pytest.mark.parametrize("size", [10, 9 * MIB])
def test_nothing_is_seen_of_a_blob_before_its_commit_nor_after_an_abort(store, size):
    name = new_segment_id()
    writer = store.create(name)
    writer.append(bytes(size))
    assert name not in set(store.names())
    with pytest.raises(Integrity):
        store.size(name)
    with pytest.raises(Integrity):
        blobs.read(store, name, 0, 1)
    writer.abort()
    writer.abort()
    assert name not in set(store.names())
    with pytest.raises(Integrity):
        blobs.read(store, name, 0, 1)
    put(store, b"the name is free again", name=name)


@pytest.mark.parametrize("size", [10, 9 * MIB])
def test_a_blob_is_never_replaced(store, size):
    first = secrets.token_bytes(size)
    name = put(store, first)
    with pytest.raises(BlobExists):
        put(store, bytes(size), name=name)
    assert blobs.read(store, name, 0, size) == first


def test_of_many_that_write_one_name_at_once_one_wins_and_its_bytes_stay(store):
    name = new_segment_id()
    start = threading.Barrier(8)

    def write(number):
        content = bytes([number]) * 1000
        start.wait()
        try:
            put(store, content, name=name, piece=100)
        except BlobExists:
            return None
        return content

    with ThreadPoolExecutor(8) as pool:
        winners = [content for content in pool.map(write, range(1, 9)) if content]
    assert len(winners) == 1
    assert blobs.read(store, name, 0, 1000) == winners[0]


@pytest.mark.parametrize(("offset", "length"), [(0, 11), (9, 2), (10, 1), (1000, 1)])
def test_reading_past_the_end_is_an_integrity_failure(store, offset, length):
    name = put(store, b"0123456789")
    with pytest.raises(Integrity):
        blobs.read(store, name, offset, length)


def test_a_missing_blob_is_an_integrity_failure(store):
    for ask in (store.size, lambda name: blobs.read(store, name, 0, 1)):
        with pytest.raises(Integrity):
            ask(new_segment_id())


def test_deleting_removes_it_and_may_be_repeated(store):
    name = put(store, b"content")
    other = put(store, b"other")
    store.delete(name)
    store.delete(name)
    store.delete(new_segment_id())
    assert set(store.names()) == {other}
    with pytest.raises(Integrity):
        blobs.read(store, name, 0, 1)


def test_all_names_are_listed_once(store):
    names = [put(store, b"x") for _ in range(30)]
    listed = list(store.names())
    assert sorted(listed) == sorted(names)


def test_unfinished_ones_are_cleared_and_whole_ones_stay(store):
    kept = put(store, b"kept")
    writer = store.create(new_segment_id())
    writer.append(b"left behind")
    assert store.clear_unfinished(datetime.now(UTC) - timedelta(hours=1)) == 0
    store.clear_unfinished(datetime.now(UTC) + timedelta(hours=1))
    assert set(store.names()) == {kept}
    writer.abort()
    assert store.clear_unfinished(datetime.now(UTC) + timedelta(hours=1)) == 0


@pytest.mark.parametrize("name", ["", "..", "a/b", "../" * 10 + "ab", "A" * 32, "0" * 31, "0" * 33, "0" * 31 + "\n"])
def test_no_other_name_than_ours_reaches_the_store(store, name):
    for act in (store.create, store.size, store.delete, lambda name: blobs.read(store, name, 0, 1)):
        with pytest.raises(Integrity):
            act(name)


def test_there_is_room(store):
    assert store.room() > MIB


def test_many_threads_use_one_store(store):
    def round_trip(number):
        content = bytes([number]) * (number * 1000 + 1)
        name = put(store, content, piece=777)
        return blobs.read(store, name, 0, len(content)) == content

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(round_trip, range(40)))
