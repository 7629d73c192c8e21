"""Who is the same individual within a file: the rules one by one, and what must hold for any file."""

import random

import hypothesis.strategies as st
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings

from sealane.exposure.people.alike import MASK, alike
from sealane.exposure.people.crowd import Crowd
from sealane.exposure.people.keys import keys_of, mixed
from sealane.exposure.people.linking import individuals
from sealane.exposure.people.mentions import MARKS
from tests.exposure.scanning import TODAY
from tests.tries import tries

pytestmark = pytest.mark.slow  # together with the others they take longer than make check may


def people(*rows, seed=1):
    """How many individuals some mentions are of."""
    names = sorted({name for row in rows for name in row})
    frame = pl.DataFrame([pl.Series(name, [row.get(name) for row in rows], dtype=pl.String) for name in names])
    made = alike(frame.with_columns(pl.lit(0, dtype=pl.UInt32).alias(MARKS)), today=TODAY)
    return len(set(individuals(keys_of(made.columns, seed=seed), len(rows)).tolist()))


ANN = {
    "given": "Ann",
    "family": "Lee",
    "birth_date": "1961-04-30",
    "ssn": "123-45-6780",
    "zip": "04101",
    "line": "1 A St",
    "city": "Bath",
}


@pytest.mark.parametrize(
    ("change", "count"),
    [
        ({}, 1),
        ({"given": "ANN", "family": "LEE"}, 1),
        ({"given": "Anna"}, 1),  # the number, and the birth date
        ({"family": "Ray"}, 1),  # married
        ({"ssn": None}, 1),  # name, birth date, ZIP code
        ({"ssn": "123-45-6708"}, 1),  # two digits swapped
        ({"ssn": "987-12-0001"}, 2),  # somebody else of that name and day
        ({"ssn": None, "zip": "90210"}, 2),
        ({"ssn": None, "zip": None}, 1),  # the same street
        ({"ssn": None, "zip": None, "line": None, "city": "BATH"}, 1),
        ({"ssn": None, "zip": None, "line": None, "city": "Rome"}, 2),
        ({"ssn": None, "zip": "90210", "line": None}, 2),  # of one city, but of two ZIP codes
        ({"ssn": None, "birth_date": "1991-04-29"}, 2),
        ({"ssn": None, "family": "Lew"}, 1),  # birth date, street and the beginning of the name
        ({"given": "Bob", "birth_date": "1950-01-01", "family": "Ray"}, 2),  # a borrowed number
    ],
)
def test_a_second_mention_is_of_the_same_person_or_not(change, count):
    assert people(ANN, {**ANN, **change}) == count


def test_twins_share_everything_but_a_name_and_are_two():
    twins = {"family": "Lee", "birth_date": "2010-05-05", "member_id": "M1", "line": "1 Main St", "zip": "04101"}
    assert people({**twins, "given": "Tim"}, {**twins, "given": "Eva"}, {**twins, "given": "Tim"}) == 2


def test_twins_whose_names_begin_alike_are_two_where_only_their_home_is_told():
    twins = {"family": "Lee", "birth_date": "2010-05-05", "line": "1 Main St", "zip": "04101", "phone": "207-555-1234"}
    assert people({**twins, "given": "Jayden"}, {**twins, "given": "Jaylen"}) == 2


def test_two_letters_that_were_swapped_make_no_other_person():
    assert people({**ANN, "ssn": None, "given": "Maria"}, {**ANN, "ssn": None, "given": "Mraia"}) == 1


def test_names_that_differ_in_digits_alone_are_of_two():
    ann = {"given": "Ann12", "family": "Lee7", "birth_date": "1961-04-30", "zip": "04101"}
    assert people(ann, ann | {"given": "Ann21"}) == 2
    assert people(ann, ann | {"family": "Lee9"}) == 2
    assert people(ann, ann) == 1


def test_names_that_many_people_have_are_not_each_other_mistyped():
    twins = {"family": "Lee", "birth_date": "2010-05-05", "line": "1 Main St", "zip": "04101"}
    assert people(twins | {"given": "Christian"}, twins | {"given": "Christina"}) == 2
    assert people(twins | {"given": "Dean"}, twins | {"given": "Edna"}) == 2
    assert people(twins | {"given": "Christian"}, twins | {"given": "Chirstian"}) == 1


HOMONYM = {"given": "Ann", "family": "Lee", "birth_date": "1961-04-30", "zip": "04101", "city": "Bath"}
ONE = {"member_id": "M1", "phone": "207-555-1234", "line": "1 A St"}
OTHER = {"member_id": "M2", "phone": "207-555-9876", "line": "7 B Rd"}


@pytest.mark.parametrize(
    ("first", "second", "count"),
    [
        (ONE, OTHER, 2),
        (ONE, ONE | {"member_id": "M2"}, 1),  # a new number: street and telephone are the same
        (ONE, OTHER | {"line": "1 A St"}, 1),
        ({"member_id": "M1"}, {"member_id": "M2"}, 1),  # one thing alone may be a slip
        (ONE, {}, 1),
        ({"line": "1 A St", "phone": "207-555-1234"}, {"line": "7 B Rd", "phone": "207-555-9876"}, 1),  # moved
        ({"medicare_id": "1EG4TE5MK73", "line": "1 A St"}, {"medicare_id": "1EG4TE5MK74", "line": "7 B Rd"}, 2),
    ],
)
def test_two_of_one_name_and_birth_date_are_two_where_a_number_and_more_differs(first, second, count):
    assert people(HOMONYM | first, HOMONYM | second) == count


def test_what_could_be_of_either_of_two_homonyms_joins_neither():
    assert people(HOMONYM | ONE, HOMONYM | OTHER, HOMONYM) == 3
    assert people(HOMONYM | ONE, HOMONYM | OTHER, HOMONYM | {"phone": "207-555-1234"}) == 2


def test_one_name_and_birth_date_in_two_cities_is_of_two_where_nothing_else_is_told():
    nameless = {"given": "Ann", "family": "Lee", "birth_date": "1961-04-30"}
    assert people(nameless | {"city": "Bath"}, nameless | {"city": "Rome"}) == 2
    assert people(nameless | {"city": "Bath"}, nameless) == 1


def test_a_father_and_a_son_of_one_name_are_two():
    both = {"given": "John", "family": "Lee", "line": "1 Main St", "zip": "04101", "member_id": "M1"}
    assert people({**both, "suffix": "Sr"}, {**both, "suffix": "Jr"}) == 2
    assert people({**both, "birth_date": "1950-01-05"}, {**both, "birth_date": "1980-01-05"}) == 2
    assert people({**both, "family": "Lee Jr"}, {**both, "family": "Lee Sr."}) == 2


def test_a_family_number_joins_nobody_by_itself():
    assert (
        people(
            {"given": "Ann", "family": "Lee", "member_id": "M1"}, {"given": "Bob", "family": "Lee", "member_id": "M1"}
        )
        == 2
    )


def test_a_number_without_a_name_is_of_whom_it_is_elsewhere():
    assert people(ANN, {"ssn": "123456780"}) == 1


def test_sample_numbers_join_nobody():
    assert (
        people(
            {"given": "Ann", "family": "Lee", "ssn": "078-05-1120"},
            {"given": "Anna", "family": "Ray", "ssn": "078051120"},
        )
        == 2
    )


def test_accents_case_and_hyphens_make_no_difference():
    one = {"birth_date": "1961-04-30", "zip": "04101"}
    assert (
        people(
            {**one, "given": "José", "family": "García-Márquez"}, {**one, "given": "JOSE", "family": "GARCIA MARQUEZ"}
        )
        == 1
    )
    assert people({**one, "given": "伟", "family": "张"}, {**one, "given": "伟", "family": "张"}) == 1
    assert people({**one, "given": "伟", "family": "张"}, {**one, "given": "芳", "family": "张"}) == 2


def test_a_chain_of_mentions_is_one_person():
    rows = [
        {"given": "Ann", "family": "Lee", "member_id": f"M{n // 2}", "email": f"a{(n + 1) // 2}@x.org"}
        for n in range(9)
    ]
    assert people(*rows) == 1


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "given": st.sampled_from(["Ann", "Bob", "ann", "Zoë"]),
        "family": st.sampled_from(["Lee", "Ray"]),
        "birth_date": st.sampled_from(["1961-04-30", "1980-01-01", "1961-30-04"]),
        "ssn": st.sampled_from(["123456780", "223456781"]),
        "member_id": st.sampled_from(["M1", "M2"]),
        "email": st.sampled_from(["a@x.org", "b@x.org"]),
        "zip": st.sampled_from(["04101", "02101"]),
        "city": st.sampled_from(["Bath", "Rome"]),
        "phone": st.sampled_from(["2075551234", "2075559876"]),
        "context": st.sampled_from(["c"]),
    },
)


@pytest.mark.slow
@settings(deadline=None, max_examples=tries(40))
@given(st.lists(FIELDS, min_size=1, max_size=12), st.integers(0, 2**32))
def test_the_order_of_mentions_changes_no_count(rows, seed):
    shuffled = list(rows)
    random.Random(seed).shuffle(shuffled)
    assert people(*rows) == people(*shuffled)


@settings(deadline=None, max_examples=tries(40))
@given(st.lists(FIELDS, min_size=1, max_size=8), st.integers(2, 2**32))
def test_the_seed_of_hashes_changes_no_count(rows, seed):
    assert people(*rows) == people(*rows, seed=seed)


@pytest.mark.slow
@settings(deadline=None, max_examples=tries(40))
@given(st.lists(FIELDS, min_size=1, max_size=12))
def test_saying_the_same_again_adds_nobody(rows):
    told = [row for row in rows if row.keys() & {"ssn", "member_id", "email"} or row.keys() >= {"given", "family"}]
    if told:
        assert people(*told, *told) <= people(*told)


def test_classes_of_all_mentions_are_of_the_person():
    crowd = Crowd(today=TODAY, seed=7, listed=True, mentions_max=10)
    for place, extra in enumerate(({"phone": "207-555-1234"}, {"email": "a@x.org"})):
        frame = pl.DataFrame([{**ANN, **extra}]).with_columns(pl.lit(1 << (13 + place), dtype=pl.UInt32).alias(MARKS))
        crowd.add(frame)
    count = crowd.count()
    assert count.people == 1
    assert {"phone", "email", "diagnosis", "procedure"} <= set(count.classes)
    (frame,) = crowd.people()
    assert frame[MASK][0].bit_count() == len(count.classes)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_two_keys_in_another_order_are_another_key(one, other, third):
    a, b, c = (np.array([number], dtype=np.uint64) for number in (one, other, third))
    assert (mixed(a, b) == mixed(a, b)).all()
    if other != third:
        assert (mixed(a, b) != mixed(a, c)).all()
