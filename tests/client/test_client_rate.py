import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealane.client.rate import RateWindow


def test_the_rate_is_of_the_window_and_not_of_the_whole_run():
    window = RateWindow(10)
    total = 0
    for second in range(60):
        total += 1000 if second < 30 else 100
        window.read(second, total)
    assert window.rate(59) == pytest.approx(100, rel=0.02)


def test_a_line_that_stands_still_says_so():
    window = RateWindow(10)
    window.read(0, 0)
    window.read(5, 5000)
    assert window.rate(5) == 1000
    assert window.rate(1000) < 10
    assert RateWindow(10).seconds_left(0, 100) is None


def test_time_left_is_what_remains_at_the_present_rate():
    window = RateWindow(10)
    window.read(0, 0)
    window.read(10, 1000)
    assert window.seconds_left(10, 500) == pytest.approx(5)


def test_a_total_that_falls_gives_no_negative_rate():
    window = RateWindow(10)
    window.read(0, 5000)
    window.read(1, 100)
    assert window.rate(1) == 0
    window.read(2, 200)
    assert window.rate(2) == 100


@given(st.lists(st.tuples(st.floats(0, 2), st.integers(0, 10**9)), min_size=1, max_size=300))
def test_the_rate_is_never_negative_and_memory_is_bounded(steps):
    window = RateWindow(10)
    now, total = 0.0, 0
    for seconds, moved in steps:
        now, total = now + seconds, total + moved
        window.read(now, total)
        assert window.rate(now) >= 0
        assert len(window._readings) <= RateWindow._READINGS + 3
