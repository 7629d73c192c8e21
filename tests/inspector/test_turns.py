"""Digests over several turns: however the reading is cut, the digest is that of the whole."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealane.inspector.turns import BUFFER_BYTES, Hashes, RunningHash, Stopped, Turn, TurnOver


class Bytes:
    """A content in memory, read in pieces as short as its test likes."""

    def __init__(self, content, most):
        self.content, self.most, self.read = content, most, 0
        self.size = len(content)

    def read_into(self, offset, target):
        piece = self.content[offset : offset + min(self.most, len(target))]
        target[: len(piece)] = piece
        self.read += len(piece)
        return len(piece)


def never():
    return False


@given(content=st.binary(max_size=400), most=st.integers(1, 100), turns=st.lists(st.integers(1, 60), max_size=20))
def test_a_digest_cut_into_turns_is_that_of_the_whole_and_reads_each_byte_once(content, most, turns):
    source, running = Bytes(content, most), RunningHash()
    for bytes_max in turns:
        try:
            running.read_on(source, source.size, Turn(bytes_max, never))
        except TurnOver:
            assert running.reached < source.size
    running.read_on(source, source.size, Turn(1 << 20, never))
    assert running.digest() == hashlib.sha256(content).digest()
    assert source.read == len(content)


@given(content=st.binary(min_size=1, max_size=200), cuts=st.lists(st.integers(0, 200), max_size=6))
def test_what_is_given_twice_counts_once(content, cuts):
    running = RunningHash()
    for cut in cuts:
        begin = min(cut, running.reached)
        running.add(begin, memoryview(content)[begin : begin + 50])
    running.add(0, memoryview(content))
    assert running.digest() == hashlib.sha256(content).digest()


def test_a_gap_is_refused():
    with pytest.raises(AssertionError):
        RunningHash().add(1, memoryview(b"x"))


def test_who_is_to_end_reads_nothing_more():
    source = Bytes(b"x" * (BUFFER_BYTES + 1), BUFFER_BYTES)
    with pytest.raises(Stopped):
        RunningHash().read_on(source, source.size, Turn(1 << 30, lambda: source.read > 0))
    assert source.read == BUFFER_BYTES


def test_a_digest_is_gone_on_with_for_the_same_content_only():
    hashes = Hashes()
    running = hashes.of("u", 1)
    assert hashes.of("u", 1) is running
    assert hashes.of("u", 2) is not running
    hashes.drop("u", 1)
    assert hashes.of("u", 1) is not running


def test_no_more_are_kept_than_a_limit():
    hashes = Hashes()
    first = hashes.of("0")
    for number in range(300):
        hashes.of(str(number + 1))
    assert hashes.of("0") is not first
    assert len(hashes._running) <= 256
