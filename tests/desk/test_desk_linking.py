"""Linking part by part: however aliases come and however few are looked at together, people are the same."""

from itertools import pairwise

import hypothesis
import numpy as np
import polars as pl
import pytest
from hypothesis import strategies as st

from sealane.desk.identity import blocks, candidates, linking
from sealane.desk.identity.linking import link
from sealane.desk.identity.slips import HALF, one_slip, slip_in_half
from tests.desk.sources_of_people import population, rows_about
from tests.tries import tries

SEED = 4711
NUMBERS = st.integers(0, 999_999_999)


@pytest.fixture(scope="module")
def rows():
    return rows_about(population(8, 60), 8)[0]


@pytest.fixture(scope="module")
def whole(rows):
    return link(rows, SEED)


@hypothesis.given(st.data())
@hypothesis.settings(max_examples=tries(8))
def test_people_are_the_same_however_aliases_are_parted(rows, whole, data):
    cuts = data.draw(st.lists(st.integers(0, len(rows)), max_size=4).map(sorted))
    at_once = data.draw(st.sampled_from((7, 50, 1 << 20)))
    frames = [rows[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    with pytest.MonkeyPatch.context() as patch:
        for place, name in (
            (blocks, "_AT_ONCE"),
            (linking, "_JUDGED_AT_ONCE"),
            (linking, "_PARENTS_AT_ONCE"),
            (candidates, "_PAIRS_AT_ONCE"),
        ):
            patch.setattr(place, name, max(at_once, 50) if place is blocks else at_once)
        parted = link(iter(frames), SEED)
    assert parted.strict.tolist() == whole.strict.tolist()
    assert parted.loose.tolist() == whole.loose.tolist()
    assert (parted.vetoed, parted.quarantined) == (whole.vetoed, whole.quarantined)


@hypothesis.given(st.lists(st.integers(0, 40), max_size=80), st.sampled_from((np.uint32, np.uint64)))
@hypothesis.settings(max_examples=tries(80))
def test_rows_of_a_key_that_others_have_are_found_and_no_other(keys, kind):
    told = np.array(keys, dtype=kind)
    if kind is np.uint64:
        told *= np.uint64(0x9E3779B97F4A7C15)
    rows = blocks.repeated_rows(told.__getitem__, len(told)).tolist()
    assert sorted(rows) == [row for row, key in enumerate(keys) if key and keys.count(key) > 1]
    beside = [keys[row] for row in rows]
    assert len([1 for one, other in pairwise(beside) if one != other]) == max(0, len(set(beside)) - 1)


def test_keys_that_are_the_same_in_their_first_half_alone_are_two():
    told = np.array([5 << 40, (5 << 40) + 1, 7, 8], dtype=np.uint64)
    assert blocks.repeated_rows(told.__getitem__, 4).tolist() == []


@hypothesis.given(NUMBERS, st.integers(0, 8), st.integers(0, 9), st.booleans())
@hypothesis.settings(max_examples=tries(200))
def test_a_slip_within_a_half_is_a_slip(number, place, digit, swapped):
    text = list(f"{number:09d}")
    if swapped and place:
        text[place - 1], text[place] = text[place], text[place - 1]
    else:
        text[place] = str(digit)
    ours, theirs = np.array([number], dtype=np.uint32), np.array([int("".join(text))], dtype=np.uint32)
    if ours[0] // HALF == theirs[0] // HALF or ours[0] % HALF == theirs[0] % HALF:
        assert slip_in_half(ours, theirs)[0] == one_slip(ours, theirs)[0] == (ours[0] != theirs[0])


@hypothesis.given(NUMBERS, st.integers(0, 99_999))
@hypothesis.settings(max_examples=tries(200))
def test_numbers_with_a_half_in_common_are_a_slip_apart_only_where_they_are(number, half):
    ours = np.array([number] * 2, dtype=np.uint32)
    theirs = np.array([number // HALF * HALF + half % HALF, half * HALF + number % HALF], dtype=np.uint32)
    assert slip_in_half(ours, theirs).tolist() == one_slip(ours, theirs).tolist()


def test_a_number_of_more_digits_than_nine_is_nobodys(rows):
    one = rows.filter(pl.col("ssn").is_not_null() & pl.col("birth_date").is_not_null()).head(1)
    two = pl.concat([one, one]).with_columns(ssn=pl.Series(["4000001234", "000001234"]).cast(one["ssn"].dtype))
    assert len(link(two, SEED).strict) == 2
