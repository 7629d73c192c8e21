"""What is worked on ahead comes in order, is bounded in number, and fails where its result would have come."""

import threading

import pytest

from sealane.desk.ahead import Ahead, each_ahead

LIMIT = 60


def test_results_come_in_order_though_the_first_takes_longest():
    later = threading.Event()

    def work(number):
        assert number or later.wait(LIMIT)
        if number == 1:
            later.set()
        return number

    assert list(each_ahead(work, range(5), threads=2)) == list(range(5))


def test_no_more_things_are_asked_for_than_are_under_way():
    asked = []

    def things():
        for number in range(100):
            asked.append(number)
            yield number

    results = each_ahead(lambda number: number, things(), threads=2)
    assert next(results) == 0
    assert len(asked) <= 3
    results.close()
    assert len(asked) <= 3


def test_the_first_failure_is_raised_where_its_result_would_have_come():
    def work(number):
        if number >= 2:
            raise ValueError(str(number))
        return number

    results = each_ahead(work, range(9), threads=2)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="2"):
        next(results)


def test_what_is_given_one_after_the_other_is_taken_in_order_and_whole():
    taken = []
    ahead = Ahead(lambda number: number * 2, taken.append, threads=2)
    for number in range(6):
        ahead.begin(number)
    ahead.finish()
    ahead.begin(6)
    ahead.finish()
    assert taken == [0, 2, 4, 6, 8, 10, 12]


def test_a_failure_ends_what_is_given_and_leaves_nothing_running():
    def work(number):
        raise ValueError(str(number))

    ahead = Ahead(work, print, threads=1)
    ahead.begin(0)
    with pytest.raises(ValueError, match="0"):
        ahead.begin(1)
    with pytest.raises(ValueError, match="1"):
        ahead.finish()
    assert not [one for one in threading.enumerate() if one.name.startswith("ahead")]
