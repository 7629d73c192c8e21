"""Birth dates in the shapes of the world."""

from datetime import date

import hypothesis.strategies as st
import polars as pl
import pytest
from hypothesis import given, settings

from sealane.exposure.people.dates import dates_of, is_day_first, parse_date
from tests.exposure.scanning import TODAY

pytestmark = pytest.mark.slow  # together with the others they take longer than make check may

BIRTHS = st.dates(date(1900, 1, 2), TODAY)
SHAPES = ("%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%m/%d/%Y", "%m-%d-%Y", "%d %B %Y", "%B %d, %Y", "%d-%b-%Y", "%d.%m.%Y")


@given(BIRTHS, st.sampled_from(SHAPES))
def test_a_date_is_read_in_every_shape(day, shape):
    assert parse_date(day.strftime(shape), today=TODAY) == day


@given(BIRTHS, st.sampled_from(["%d/%m/%Y", "%d-%m-%Y"]))
def test_a_date_with_the_day_first_is_read_where_its_column_is_so(day, shape):
    assert parse_date(day.strftime(shape), today=TODAY, day_first=True) == day


@given(st.text(max_size=60))
def test_any_text_is_a_date_or_none(text):
    made = parse_date(text, today=TODAY)
    assert made is None or date(1880, 1, 1) <= made <= TODAY


@pytest.mark.parametrize(
    "text", ["", "1879-12-31", "2026-11-23", "1961-13-40", "19610431", "99", "1961", "4/30", "00/00/0000"]
)
def test_what_is_no_birth_date_is_none(text):
    assert parse_date(text, today=TODAY) is None


def test_two_digits_of_a_year_lie_in_the_past():
    assert parse_date("4/30/61", today=TODAY) == date(1961, 4, 30)
    assert parse_date("4/30/26", today=TODAY) == date(2026, 4, 30)
    assert parse_date("4/30/27", today=TODAY) == date(1927, 4, 30)


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(BIRTHS.map(lambda day: day.strftime("%m/%d/%Y")), st.sampled_from(["", "x", "April 3, 1970"])),
        max_size=30,
    )
)
def test_a_column_is_read_as_its_values_are(texts):
    column = pl.Series(texts, dtype=pl.String)
    made = dates_of(column, today=TODAY, day_first=False).to_list()
    assert made == [parse_date(text, today=TODAY) for text in texts]


def test_the_order_of_a_column_is_seen_where_a_number_is_above_twelve():
    assert is_day_first(["01/02/1960", "30/04/1961"])
    assert not is_day_first(["01/02/1960", "04/30/1961"])
    assert not is_day_first(["01/02/1960"])
