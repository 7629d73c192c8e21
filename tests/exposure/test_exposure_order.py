"""How many people a table tells of does not depend on the order of its rows."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealane.exposure.people.crowd import Crowd

pytestmark = pytest.mark.slow

some = st.sampled_from
row = st.fixed_dictionaries({
    "given": some(["Ann", "Bob", "Cy", None]),
    "family": some(["Fox", "Gray", "Hill"]),
    "zip": some(["75001", "10001", None]),
    "line": some([None, None, "", "11 Oak St", "22 Elm St"]),
    "ssn": some([None, None, "123456780", "123456781"]),
    "birth_date": some([None, "1990-01-02", "1991-03-04"]),
})  # fmt: skip


def people_in(rows):
    crowd = Crowd(today=date(2026, 1, 1), seed=5, listed=False, mentions_max=10**6)
    crowd.add(pl.DataFrame(rows, schema=dict.fromkeys(rows[0], pl.String)))
    return crowd.count().people


@given(st.lists(row, min_size=4, max_size=14).flatmap(lambda rows: st.tuples(st.just(rows), st.permutations(rows))))
@settings(max_examples=60, deadline=None)
def test_shuffled_rows_tell_of_as_many_people(orders):
    rows, shuffled = orders
    assert people_in(rows) == people_in(shuffled)


def test_what_is_not_told_is_no_neighbours_address():
    """Rows without an address line, each beside others with one: they are of one person wherever they stand."""
    bare = [{"given": "Ann", "family": "Fox", "zip": "75001", "line": None, "ssn": None, "birth_date": None}] * 2
    others = [
        {"given": f"G{n}", "family": "Other", "zip": "60601", "line": f"{n}{n} oak st", "ssn": f"{123456780 + n}",
         "birth_date": "1990-01-02"}
        for n in range(4)
    ]  # fmt: skip
    together, apart = people_in([*bare, *others]), people_in([bare[0], *others[:2], bare[1], *others[2:]])
    assert together == apart
