"""Which chunks of an upload are still to be sealed, and whether under the key that it has; held against a model."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from sealane.domain.queries.sealing import SealRow
from sealane.domain.queries.uploads import SegmentRow
from sealane.domain.sealing import chunks_left, may_seal
from sealane.vault.age.payload import CHUNK_BYTES
from sealane.vault.extents import Extent, ExtentMap

KEY, OTHER = 7, 8
LENGTHS = st.sampled_from([1, 1000, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])


def seal_row(*, first=0, following=0, clean=True):
    return SealRow("upload", KEY, first, following, clean, False, None, None, None, None, None, None)


@st.composite
def maps(draw):
    """Runs of segments: slots, chunks under this key or another, in their place, moved, or begun amid themselves."""
    extents, rows, offset = [], {}, 0
    for number in range(draw(st.integers(0, 6))):
        name = f"{number:032}"
        length, start = draw(LENGTHS), draw(st.sampled_from([0, 0, 0, CHUNK_BYTES, 5]))
        first = draw(
            st.sampled_from([None, 0, offset // CHUNK_BYTES, offset // CHUNK_BYTES, (offset - start) // CHUNK_BYTES])
        )
        key = draw(st.sampled_from([KEY, KEY, KEY, OTHER]))
        rows[name] = SegmentRow(name, key, start + length, b"", None, first)
        extents.append(Extent(name, start, length))
        offset += length
    return ExtentMap(extents, extents_max=100), rows


def is_there(extents, rows, number):
    """Whether one segment of chunks under this key has all of a chunk, where its own numbers say."""
    begin, end = number * CHUNK_BYTES, min((number + 1) * CHUNK_BYTES, extents.size)
    offset = 0
    for extent in extents:
        row = rows[extent.segment]
        if offset <= begin and end <= offset + extent.length:
            begins = offset - extent.start
            return row.key_id == KEY and row.first_chunk is not None and begins == row.first_chunk * CHUNK_BYTES
        offset += extent.length
    return False


@given(maps())
def test_what_is_left_is_every_chunk_that_is_not_whole_in_its_place_under_this_key(made):
    extents, rows = made
    ranges = chunks_left(extents, rows, KEY)
    left = [number for first, after in ranges for number in range(first, after)]
    total = -(-extents.size // CHUNK_BYTES)
    assert left == [number for number in range(total) if not is_there(extents, rows, number)]
    assert all(one[1] < other[0] for one, other in itertools.pairwise(ranges)), "ranges that meet are one"


def test_a_segment_whose_chunks_say_another_place_is_sealed_again():
    whole = ExtentMap([Extent("a" * 32, 0, 2 * CHUNK_BYTES)], extents_max=10)

    def left(**fields):
        row = SegmentRow("a" * 32, KEY, 2 * CHUNK_BYTES, b"", None, 0)._replace(**fields)
        return chunks_left(whole, {"a" * 32: row}, KEY)

    assert left() == ()
    assert left(first_chunk=1) == left(first_chunk=None) == left(key_id=OTHER) == ((0, 2),)
    assert chunks_left(whole, {}, KEY) == ((0, 2),)


RANGES = st.lists(st.tuples(st.integers(0, 9), st.integers(1, 4)), max_size=4).map(
    lambda given: tuple((first, first + count) for first, count in given)
)


@given(RANGES, st.integers(0, 9), st.integers(1, 5))
def test_a_key_is_used_on_only_for_numbers_that_it_was_not_used_for(left, first, count):
    following = first + count
    used = set(range(first, following))
    asked = {number for begin, after in left for number in range(begin, after)}
    assert may_seal(left, seal_row(first=first, following=following)) == (not used & asked)


def test_where_chunks_may_be_missing_from_the_records_the_key_is_used_no_more():
    assert not may_seal((), seal_row(clean=False))
    assert not may_seal(((5, 6),), seal_row(following=5, clean=False))
    assert may_seal(((5, 6),), seal_row(following=5))
