"""The map of a file: every edit against a plain bytearray, one packed form for one content, limits at and past them."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sealane.errors import Integrity, NotASegment, TooLarge, TooMany
from sealane.vault.extents import HOLE, SIZE_MAX, ZEROS, Extent, ExtentMap
from tests.tries import tries

SEGMENTS = [f"{number:032x}" for number in range(1, 5)]
A, B, C, D = SEGMENTS
EXTENTS_MAX = 40


def byte_of(segment, position):
    """The plaintext byte at a position of a segment in the model: enough to tell places apart."""
    return (int(segment, 16) * 61 + position * 7) % 255 + 1


def make(*extents, extents_max=1000):
    return ExtentMap((Extent(*extent) for extent in extents), extents_max=extents_max)


def bytes_of(extent_map, offset=0, length=None):
    made = bytearray()
    for run in extent_map.runs(offset, extent_map.size if length is None else length):
        if run.segment == HOLE:
            made += bytes(run.length)
        else:
            made += bytes(byte_of(run.segment, run.start + at) for at in range(run.length))
    return bytes(made)


class MapAgainstBytes(RuleBasedStateMachine):
    """Whatever edits come in whatever order, the map is what a plain file would be."""

    def __init__(self):
        super().__init__()
        self.map = ExtentMap(extents_max=EXTENTS_MAX)
        self.content = bytearray()
        self.written = bytearray()

    def edit(self, act, apply, *, added_max=2):
        before = self.map.pack()
        try:
            act()
        except TooMany:
            assert self.map.pack() == before
            assert len(self.map) + added_max > EXTENTS_MAX
        else:
            apply()

    @rule(
        offset=st.integers(0, 120),
        length=st.integers(1, 40),
        segment=st.sampled_from(SEGMENTS),
        start=st.integers(0, 60),
    )
    def place(self, offset, length, segment, start):
        def apply():
            for model in (self.content, self.written):
                model.extend(bytes(max(0, offset + length - len(model))))
            self.content[offset : offset + length] = bytes(byte_of(segment, start + at) for at in range(length))
            self.written[offset : offset + length] = b"\1" * length

        self.edit(lambda: self.map.place(offset, length, segment, start), apply)

    @precondition(lambda self: self.content)
    @rule(data=st.data(), length=st.integers(1, 10), segment=st.sampled_from(SEGMENTS))
    def write_on(self, data, length, segment):
        """Places that continue what is there, so that merging is met often."""
        run = data.draw(st.sampled_from(list(self.map)))
        offset = data.draw(st.sampled_from([0, len(self.content)]))
        start = run.start + run.length if run.segment else 0
        self.place(offset, length, run.segment or segment, start)

    @rule(size=st.integers(0, 150))
    def resize(self, size):
        def apply():
            for model, fill in ((self.content, b"\0"), (self.written, b"\1")):
                del model[size:]
                model.extend(fill * (size - len(model)))

        self.edit(lambda: self.map.resize(size), apply)

    @rule()
    def join_with_itself(self):
        def apply():
            self.content += bytes(self.content)
            self.written += bytes(self.written)

        if self.map.size <= 300:
            self.edit(lambda: self.map.join(list(self.map)), apply, added_max=len(self.map))

    @rule(data=st.data())
    def read_a_part(self, data):
        offset = data.draw(st.integers(0, len(self.content)))
        length = data.draw(st.integers(0, 200))
        assert bytes_of(self.map, offset, length) == self.content[offset : offset + length]

    @invariant()
    def the_bytes_are_those_of_a_plain_file(self):
        assert self.map.size == len(self.content)
        assert bytes_of(self.map) == bytes(self.content)
        assert self.map.contiguous == (self.written + b"\0").index(0)

    @invariant()
    def neighbours_are_merged_and_the_packed_form_is_the_only_one(self):
        runs = list(self.map)
        assert len(runs) == len(self.map) <= EXTENTS_MAX
        for left, right in itertools.pairwise(runs):
            continues = right.start == (left.start + left.length if left.segment else left.start)
            assert left.segment != right.segment or not continues
        packed = self.map.pack()
        again = ExtentMap.unpack(packed, extents_max=EXTENTS_MAX)
        assert list(again) == runs
        assert again.pack() == packed
        assert ExtentMap(runs, extents_max=EXTENTS_MAX).pack() == packed


MapAgainstBytes.TestCase.settings = settings(max_examples=tries(40), stateful_step_count=25, deadline=None)
TestMapAgainstBytes = MapAgainstBytes.TestCase


@given(st.data())
@settings(max_examples=tries(150), deadline=None)
def test_a_packed_form_that_was_altered_is_refused_or_is_another_canonical_one(data):
    runs = data.draw(
        st.lists(st.builds(Extent, st.sampled_from(SEGMENTS), st.integers(0, 3), st.integers(1, 9)), max_size=6)
    )
    packed = bytearray(make(*((r.segment, r.start, r.length) for r in runs)).pack())
    at = data.draw(st.integers(0, len(packed) - 1))
    packed[at] ^= data.draw(st.integers(1, 255))
    try:
        taken = ExtentMap.unpack(bytes(packed), extents_max=100)
    except Integrity:
        return
    assert taken.pack() == bytes(packed)


@given(st.binary(max_size=120))
@settings(max_examples=tries(150), deadline=None)
def test_any_bytes_unpack_or_fail_as_integrity(noise):
    try:
        taken = ExtentMap.unpack(noise, extents_max=100)
    except Integrity:
        return
    assert taken.pack() == noise


@pytest.mark.parametrize(
    "runs",
    [
        [(A, 0, 5), (A, 5, 5)],
        [(HOLE, ZEROS, 5), (HOLE, ZEROS, 5)],
        [(HOLE, 2, 5)],
        [(A, 0, 0)],
        [(A, 0, 5), (B, 0, SIZE_MAX)],
    ],
    ids=["mergeable", "mergeable hole", "unknown hole", "empty", "too large"],
)
def test_a_form_that_pack_would_not_write_is_refused(runs):
    odd = ExtentMap(extents_max=10)
    offset = 0
    for segment, start, length in runs:
        odd._offsets.append(offset)
        odd._segments.append(segment)
        odd._starts.append(start)
        offset += length
    odd._size = offset
    with pytest.raises(Integrity):
        ExtentMap.unpack(odd.pack(), extents_max=10)


def test_in_order_appends_of_one_segment_stay_one_extent():
    one = ExtentMap(extents_max=1)
    for number in range(1000):
        one.place(number * 32, 32, A, number * 32)
    assert list(one) == [Extent(A, 0, 32000)]


def test_placing_the_same_bytes_where_they_are_changes_nothing():
    one = make((A, 0, 10), (B, 4, 10))
    before = one.pack()
    one.place(3, 5, A, 3)
    one.place(10, 2, B, 4)
    assert one.pack() == before


def test_a_gap_is_not_contiguous_and_zeros_that_were_asked_for_are():
    one = make((A, 0, 10))
    one.resize(20)
    assert one.contiguous == 20
    one.place(30, 5, B, 0)
    assert (one.size, one.contiguous) == (35, 20)
    one.place(20, 10, C, 0)
    assert one.contiguous == 35
    assert one.segments() == (A, C, B)


def test_an_edit_past_the_limit_changes_nothing_and_one_at_the_limit_is_taken():
    full = make((A, 0, 10), (B, 0, 10), extents_max=3)
    full.place(15, 5, C, 0)
    before = full.pack()
    for act in (
        lambda: full.place(3, 2, D, 0),
        lambda: full.place(20, 1, D, 0),
        lambda: full.place(21, 1, C, 5),
        lambda: full.resize(21),
        lambda: full.join([Extent(C, 5, 1), Extent(A, 0, 1)]),
    ):
        with pytest.raises(TooMany):
            act()
        assert full.pack() == before
    full.place(20, 1, C, 5)
    full.place(0, 10, D, 0)
    full.place(0, 20, D, 0)
    assert list(full) == [Extent(D, 0, 20), Extent(C, 5, 1)]


@pytest.mark.parametrize(
    ("offset", "length", "segment", "start", "error"),
    [
        (0, 0, A, 0, NotASegment),
        (0, -1, A, 0, NotASegment),
        (0, 1, A, -1, NotASegment),
        (0, 1, "", 0, NotASegment),
        (0, 1, A.upper().replace("0", "G"), 0, NotASegment),
        (0, 1, A + "0", 0, NotASegment),
        (-1, 1, A, 0, TooLarge),
        (SIZE_MAX, 1, A, 0, TooLarge),
        (0, 1, A, SIZE_MAX, NotASegment),
    ],
)
def test_an_impossible_place_is_refused(offset, length, segment, start, error):
    one = make((B, 0, 4))
    with pytest.raises(error):
        one.place(offset, length, segment, start)
    assert list(one) == [Extent(B, 0, 4)]


@pytest.mark.parametrize("extent", [("", 2, 1), ("", 0, 0), (A, 0, 0), ("zz", 0, 1)])
def test_an_impossible_extent_is_refused(extent):
    with pytest.raises(NotASegment):
        make(extent)


@pytest.mark.parametrize("size", [-1, SIZE_MAX + 1])
def test_an_impossible_size_is_refused(size):
    with pytest.raises(TooLarge):
        make().resize(size)


def test_more_extents_than_the_limit_do_not_unpack():
    packed = make((A, 0, 1), (B, 0, 1)).pack()
    ExtentMap.unpack(packed, extents_max=2)
    with pytest.raises(Integrity):
        ExtentMap.unpack(packed, extents_max=1)
