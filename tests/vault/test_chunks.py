"""Segments of age chunks: what was written in pieces is one age file, any bytes of it; another map is none."""

import hashlib
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealane.errors import Integrity
from sealane.vault.age.failures import PayloadDamaged
from sealane.vault.age.payload import (
    CHUNK_BYTES,
    NONCE_BYTES,
    STORED_CHUNK_BYTES,
    TAG_BYTES,
    PayloadKey,
    plain_length,
    sealed_length,
)
from sealane.vault.age.streams import Sealer
from sealane.vault.chunks import ChunkWriter, SealedContent
from sealane.vault.extents import Extent
from sealane.vault.segments import SegmentPlace
from tests.tries import tries
from tests.vault.test_segments import MemoryStore

KEY = PayloadKey(bytes(range(16)), bytes(NONCE_BYTES))
PREFIX = b"a header and a nonce"
CONTENT = bytes(range(256)) * (3 * CHUNK_BYTES // 256) + b"and a tail"


def age_bytes(content):
    sealer = Sealer(KEY)
    return PREFIX + bytes(sealer.update(content)) + bytes(sealer.finish())


def written(store, first, content, *, last=False, inline=0):
    writer = ChunkWriter(KEY, store, first_chunk=first, inline_bytes_max=inline)
    if last:
        writer.append_last(content)
    else:
        writer.append(content)
    done = writer.finish()
    return done, SegmentPlace(done.segment, 7, done.length, done.inline, done.first_chunk)


def whole(store, *, inline=0):
    """CONTENT in three segments: two chunks, one, the last."""
    cuts = (0, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES, len(CONTENT))
    places = [
        written(store, start // CHUNK_BYTES, CONTENT[start:end], last=end == len(CONTENT), inline=inline)[1]
        for start, end in itertools.pairwise(cuts)
    ]
    return places, [Extent(place.segment, 0, place.length) for place in places]


def read(content, offset=0, length=None):
    target = bytearray(content.size if length is None else length)
    return bytes(target[: content.read_into(offset, target)])


@pytest.mark.parametrize("inline", [0, CHUNK_BYTES])
def test_what_was_sealed_in_pieces_is_one_age_file(inline):
    store = MemoryStore()
    places, extents = whole(store, inline=inline)
    assert read(SealedContent(store, extents, places, PREFIX)) == age_bytes(CONTENT)
    assert len(store.blobs) == (3 if not inline else 1), "what is small is kept in the catalogue"


STORE = MemoryStore()
PLACES, EXTENTS = whole(STORE, inline=CHUNK_BYTES)
AGE = age_bytes(CONTENT)


@given(st.integers(0, len(AGE) + 5), st.integers(0, 2 * STORED_CHUNK_BYTES))
@settings(max_examples=tries(60), deadline=None)
def test_any_bytes_of_it_are_those_of_the_whole(offset, length):
    content = SealedContent(STORE, EXTENTS, PLACES, PREFIX)
    assert content.size == len(AGE)
    assert read(content, offset, length) == AGE[offset : offset + length]


@pytest.mark.parametrize("how", ["exchanged", "another number", "slots", "begun amid", "unknown"])
def test_chunks_in_another_place_than_their_own_are_an_integrity_failure(how):
    places, extents = list(PLACES), list(EXTENTS)
    if how == "exchanged":
        extents[:2] = reversed(extents[:2])
    elif how in {"another number", "slots"}:
        first = None if how == "slots" else 1
        places[0] = SegmentPlace(places[0].segment, 7, places[0].length, places[0].inline, first)
    elif how == "begun amid":
        extents[0] = Extent(extents[0].segment, CHUNK_BYTES, CHUNK_BYTES)
    else:
        del places[0]
    with pytest.raises(Integrity):
        read(SealedContent(STORE, extents, places, PREFIX))


@pytest.mark.parametrize("spoilt", [b"", b"short", bytes(STORED_CHUNK_BYTES + 1)])
def test_what_is_kept_inline_has_its_length_or_is_not_handed_out(spoilt):
    places = [*PLACES[:-1], SegmentPlace(PLACES[-1].segment, 7, PLACES[-1].length, spoilt, PLACES[-1].first_chunk)]
    with pytest.raises(Integrity):
        read(SealedContent(STORE, EXTENTS, places, PREFIX))


def test_a_segment_is_known_by_the_tags_of_its_chunks():
    done, place = written(STORE, 5, CONTENT[: 2 * CHUNK_BYTES])
    stored = STORE.blobs[place.segment]
    tags = b"".join(stored[end - TAG_BYTES : end] for end in (STORED_CHUNK_BYTES, 2 * STORED_CHUNK_BYTES))
    assert done.tags_digest == hashlib.sha256(tags).digest()
    assert (done.length, done.first_chunk, done.inline) == (2 * CHUNK_BYTES, 5, None)


def test_an_aborted_segment_reaches_no_store():
    store = MemoryStore()
    writer = ChunkWriter(KEY, store, first_chunk=0, inline_bytes_max=0)
    writer.append(bytes(CHUNK_BYTES))
    writer.abort()
    assert not store.blobs


@given(st.integers(0, 1 << 50))
def test_every_length_has_its_sealed_one_and_is_told_from_it(length):
    assert plain_length(sealed_length(length)) == length


@pytest.mark.parametrize("chunks", [1, 3])
@pytest.mark.parametrize("beyond", [1, TAG_BYTES - 1, TAG_BYTES])
def test_a_length_that_no_payload_has_is_refused(chunks, beyond):
    """Of a file that is not empty the last chunk is not either, and no tag is cut."""
    with pytest.raises(PayloadDamaged):
        plain_length(chunks * STORED_CHUNK_BYTES + beyond)
    for cut in (0, TAG_BYTES - 1):
        with pytest.raises(PayloadDamaged):
            plain_length(cut)
