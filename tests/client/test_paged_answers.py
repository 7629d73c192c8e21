"""Answers that come in pages: all rows once where the server goes on, and an end where it does not."""

from itertools import pairwise
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealane.client.answers import Paged, pages
from sealane.client.failures import AnswerInvalid
from sealane.errors import TooMany

ROWS_MAX = 40


class Rows(Paged, frozen=True, kw_only=True):
    rows: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        return len(self.rows)


class Told:
    """A server that answers with what it is told, the last again and again."""

    def __init__(self, answers):
        self.answers = answers
        self.asked = []

    def ask(self, method, target, *, params):
        assert (method, target) == ("GET", "/rows")
        self.asked.append(params)
        return SimpleNamespace(body=msgspec.json.encode(self.answers[min(len(self.asked), len(self.answers)) - 1]))


def asked_for(server, *, ordered=True):
    return list(pages(server, "/rows", {"limit": "5"}, Rows, rows_max=ROWS_MAX, ordered=ordered))


@given(st.lists(st.lists(st.integers(0, 9), max_size=4), min_size=1, max_size=10), st.sampled_from([str, int]))
def test_every_page_is_had_once_and_in_order(rows, kind):
    marks = [kind(f"{number:04}") for number in range(1, len(rows))] + [kind()]
    server = Told([{"rows": page, "after": mark} for page, mark in zip(rows, marks, strict=True)])
    assert [list(page.rows) for page in asked_for(server)] == rows
    assert server.asked == [{"limit": "5"}] + [{"limit": "5", "after": str(mark)} for mark in marks[:-1]]


marks = st.one_of(st.sampled_from(["", "a", "b", "c", 0, 1, 2, -1]), st.integers(-(2**60), 2**60), st.text(max_size=3))


@given(st.lists(st.tuples(st.integers(0, 4), marks), min_size=1, max_size=20), st.booleans())
def test_no_server_keeps_a_client_for_ever(told, ordered):
    server = Told([{"rows": [7] * count, "after": mark} for count, mark in told])
    try:
        found = asked_for(server, ordered=ordered)
    except (AnswerInvalid, TooMany):
        pass
    else:
        assert not found[-1].after, "it ended because the server said so"
    if ordered:
        assert all(str(params.get("after", "")) for params in server.asked[1:])
        said = [mark for _, mark in told][: len(server.asked) - 1]
        assert all(type(a) is type(b) and a < b for a, b in pairwise(said)), "each went on"
    assert len(server.asked) <= len(told) + ROWS_MAX


@pytest.mark.parametrize("mark", [-1, "a"])
def test_a_mark_that_comes_again_is_no_answer(mark):
    with pytest.raises(AnswerInvalid):
        asked_for(Told([{"rows": [1], "after": mark}, {"rows": [2], "after": mark}]))


def test_a_page_may_have_no_rows_and_go_on():
    """A server looks at so many at a time, and none of them may be what is asked for."""
    told = [{"rows": [], "after": "b"}, {"rows": [2], "after": "a"}, {"rows": [], "after": "c"}, {"rows": [3]}]
    assert [page.rows for page in asked_for(Told(told), ordered=False)] == [(), (2,), (), (3,)]
    told = [{"rows": [], "after": 1}, {"rows": [], "after": 2}, {"rows": [3], "after": 0}]
    assert [page.rows for page in asked_for(Told(told))] == [(), (), (3,)]


def test_pages_without_rows_do_not_go_on_for_ever():
    rising = [{"rows": [], "after": number} for number in range(1, 1000)]
    with pytest.raises(TooMany):
        asked_for(Told(rising))
    turning = [{"rows": [], "after": "ab"[number % 2]} for number in range(1000)]
    with pytest.raises(TooMany):
        asked_for(Told(turning), ordered=False)
