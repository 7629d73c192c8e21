"""The invented people of `bench.cold`: no two of them are one by chance, so that every cell must come out."""

import numpy as np
import polars as pl

from bench import cold
from sealane.desk.identity.slips import one_slip

SOME = np.concatenate([np.arange(20_000), np.arange(88_000_000, 88_020_000)]).astype(np.uint32)


def test_no_two_people_have_both_names_and_the_birth_date_in_common():
    assert np.gcd(cold._STRIDE, cold.GIVEN * cold.FAMILY * cold._DAYS) == 1
    assert int(SOME.max()) * cold._STRIDE < 2**64
    told = pl.DataFrame(dict(zip(("given", "family", "days"), cold.called(SOME), strict=True)))
    assert told.n_unique() == len(SOME)
    assert len(set(cold.GIVEN_NAMES)) == len(cold.GIVEN_NAMES) == cold.GIVEN
    assert len(set(cold.FAMILY_NAMES)) == len(cold.FAMILY_NAMES) == cold.FAMILY
    assert told["days"].max() < cold._DAYS


def test_no_two_numbers_are_one_slip_apart():
    numbers = cold.social(SOME)
    assert len(np.unique(numbers)) == len(SOME)
    assert int(numbers.max()) < 10**9
    near = np.sort(numbers)
    assert not one_slip(near[1:], near[:-1]).any()
    ours, known = numbers[:2000].astype(np.int64), set(numbers.tolist())
    for place in range(9):
        digit, before = ours // 10**place % 10, ours // 10 ** (place + 1) % 10
        swapped = ours + (before - digit) * (1 - 10) * 10**place
        assert known.isdisjoint(swapped[before != digit].tolist())
        for other in range(1, 10):
            assert known.isdisjoint((ours + ((digit + other) % 10 - digit) * 10**place).tolist())
