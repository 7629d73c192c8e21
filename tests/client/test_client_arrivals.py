"""How fetched bytes become the file: opened in whatever pieces they come, and only what is authenticated."""

import collections
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealane.client import sealing
from sealane.client.arrivals import AsItComes, Opened
from sealane.client.failures import AnswerInvalid
from sealane.client.parts import Part
from sealane.vault.age import failures, files, payload, stretches
from sealane.vault.age.x25519 import X25519Identity

pytestmark = pytest.mark.slow  # together they take longer than make check may

ANA = X25519Identity.new()
CHUNK = payload.CHUNK_BYTES
STORED = payload.STORED_CHUNK_BYTES
CHUNKS = 5
PLAIN = os.urandom((CHUNKS - 1) * CHUNK + 1234)
BEGUN = files.begin([ANA.recipient()])
SEALED = BEGUN.prefix + bytes(stretches.seal(BEGUN.payload, 0, PLAIN, last=True))


def opened():
    return Opened(BEGUN.payload, len(BEGUN.prefix), len(SEALED))


def cut(content, data):
    """The content in blocks of any size."""
    places = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=8)))
    ends = [*places, len(content)]
    return [content[start:end] for start, end in zip([0, *places], ends, strict=True)]


@given(st.integers(0, CHUNKS - 1), st.integers(1, CHUNKS), st.data())
@settings(max_examples=60, deadline=None)
def test_any_stretch_in_any_blocks_is_what_was_sealed(first, count, data):
    arrival = opened()
    start, end = first * CHUNK, min((first + count) * CHUNK, len(PLAIN))
    begin, past = arrival.span(start, end)
    plain = b"".join(bytes(piece) for piece in arrival.pieces(cut(SEALED[begin:past], data), start, end))
    assert plain == PLAIN[start:end]


@given(st.integers(0, CHUNKS - 1), st.integers(0, 2**40), st.integers(1, 255), st.data())
@settings(max_examples=40, deadline=None)
def test_an_altered_byte_gives_no_byte_of_its_chunk(first, place, how, data):
    arrival = opened()
    begin, past = arrival.span(first * CHUNK, len(PLAIN))
    altered = bytearray(SEALED[begin:past])
    place %= len(altered)
    altered[place] ^= how
    given_out = bytearray()
    pieces = arrival.pieces(cut(bytes(altered), data), first * CHUNK, len(PLAIN))
    with pytest.raises(failures.PayloadDamaged):
        collections.deque(map(given_out.extend, pieces), maxlen=0)
    assert len(given_out) <= place // STORED * CHUNK
    assert PLAIN[first * CHUNK :].startswith(given_out)


def test_a_stretch_that_ends_early_gives_whole_chunks_only_and_more_than_asked_for_is_refused():
    arrival = opened()
    begin, past = arrival.span(0, len(PLAIN))
    half = b"".join(bytes(piece) for piece in arrival.pieces([SEALED[begin : begin + 2 * STORED + 99]], 0, len(PLAIN)))
    assert half == PLAIN[: 2 * CHUNK]
    with pytest.raises(AnswerInvalid):
        list(arrival.pieces([SEALED[begin:past], b"x"], 0, len(PLAIN)))
    with pytest.raises(AnswerInvalid):
        list(AsItComes(10).pieces([b"x" * 11], 0, 10))


def test_a_chunk_of_another_place_is_refused():
    arrival = opened()
    begin, past = arrival.span(CHUNK, 2 * CHUNK)
    with pytest.raises(failures.PayloadDamaged):
        list(arrival.pieces([SEALED[begin:past]], 0, CHUNK))
    whole = SEALED[: len(SEALED) - (len(PLAIN) % CHUNK + 16)]  # the last chunk is gone: the one before is not the last
    cut_short = Opened(BEGUN.payload, len(BEGUN.prefix), len(whole))
    begin, past = cut_short.span(0, cut_short.size)
    with pytest.raises(failures.PayloadDamaged):
        list(cut_short.pieces([whole[begin:past]], 0, cut_short.size))


@pytest.mark.parametrize("size", [0, 1, 15, STORED + 1, STORED + 16])
def test_a_size_that_no_payload_has_is_refused(size):
    with pytest.raises(failures.PayloadDamaged):
        Opened(BEGUN.payload, 200, 200 + size)


@given(st.integers(0, len(PLAIN)), st.integers(-1, len(PLAIN) - 1))
@settings(max_examples=30, deadline=None)
def test_of_what_an_earlier_run_wrote_only_what_it_opened_counts(tmp_path_factory, written, spoilt):
    folder = tmp_path_factory.mktemp("arrivals")
    arrival = opened()
    arrival.record = sealing.record_of(lambda suffix: folder / f"journal{suffix}", SEALED[: payload.NONCE_BYTES])
    for _ in arrival.pieces([SEALED[len(BEGUN.prefix) :]], 0, len(PLAIN)):
        pass
    here = bytearray(PLAIN[:written])
    if 0 <= spoilt < written:
        here[spoilt] ^= 1
    (folder / "unfinished").write_bytes(here)
    descriptor = os.open(folder / "unfinished", os.O_RDONLY)
    try:
        counted = arrival.still_there(descriptor, Part(0, len(PLAIN)), written)
    finally:
        os.close(descriptor)
        arrival.record.close()
    assert counted <= written
    assert bytes(here[:counted]) == PLAIN[:counted]
    if not 0 <= spoilt < written:
        assert counted == (written if written == len(PLAIN) else written - written % CHUNK)
