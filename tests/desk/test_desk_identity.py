"""Who is the same person: the two policies, their vetoes, and what junk does."""

from datetime import date

import hypothesis
import numpy as np
import polars as pl
import pytest
from hypothesis import strategies as st

from sealane.desk.identity import policies
from sealane.desk.identity.candidates import candidates, quarantine
from sealane.desk.identity.compared import compared
from sealane.desk.identity.linking import link, union
from sealane.desk.identity.pairs import compare
from sealane.desk.identity.slips import near_dates
from tests.desk.sources_of_people import COLUMNS, population, rows_about, score
from tests.tries import tries

pytestmark = pytest.mark.slow  # together they take longer than make check may

SEED = 4711
ANNA = {
    "given": "Anna",
    "family": "Brockmann",
    "birth_date": date(1961, 4, 30),
    "ssn": "219551234",
    "line": "12 Oak St",
    "city": "Portland",
    "state": "ME",
    "zip": "04101",
}


def frame(*people):
    schema = {
        name: pl.Date if name == "birth_date" else pl.String
        for name in (*COLUMNS, "medicare_id", "member_id", "phone", "email")
    }
    return pl.DataFrame([{name: person.get(name) for name in schema} for person in people], schema=schema)


def linked(*people):
    found = link(frame(*people), SEED)
    return found.strict.tolist(), found.loose.tolist()


def but(**changes):
    return ANNA | changes


def of(*kept, **more):
    return {name: ANNA[name] for name in kept} | more


@pytest.mark.parametrize(
    "other",
    [
        but(),
        but(line=None, zip=None, birth_date=None),
        but(family="Brockman"),
        but(family="Miller", ssn=None),
        but(ssn=None, city="Boston"),
        but(ssn="219551243", line="4 Elm St", zip="02101"),
        but(given="A", line="4 Elm St", zip="02101"),
        but(given="Brockmann", family="Anna", ssn=None),
        of("ssn", "birth_date", given="Annika", family="Brockmann"),
        of("ssn"),
        of("ssn", "family", birth_date=date(1961, 4, 13)),
        of("given", "family", ssn="219561234"),
    ],
)
def test_one_person_told_twice_is_one(other):
    assert linked(ANNA, other)[0] == [0, 0]


def test_a_son_of_his_fathers_name_with_his_fathers_number_mistyped_is_not_his_father():
    assert linked(ANNA, but(ssn="219561234", birth_date=date(1908, 1, 3)))[0] == [0, 1]


def test_who_tells_no_given_name_and_no_birth_date_may_be_anybody_of_a_family_with_one_number():
    unnamed = of("ssn", "family", "line", "zip")
    assert linked(ANNA, unnamed)[0] == [0, 1]
    mary = but(given="Mary", birth_date=None)
    assert linked(but(given="John", birth_date=None), mary, unnamed)[0] == [0, 1, 2]


@pytest.mark.parametrize(
    "other",
    [
        but(given="Berta", ssn="219551235"),  # twins, numbered one after the other
        but(given="Berta", ssn=None),
        but(given="Frank", birth_date=date(1959, 1, 12)),  # the husband, under his wife's number
        but(birth_date=date(1988, 11, 2), ssn="507112345"),  # a daughter of her mother's name
        but(birth_date=None, ssn=None, line="4 Elm St", zip="02101"),
        but(ssn="507112345", line="4 Elm St", zip="02101", birth_date=None),
        of("given", "family", "line", "zip"),  # who knows whether mother or daughter
        of("birth_date", "zip", given="Anna", family="Zhou"),
        of("ssn", "family", "zip"),  # a number and a family name, and not the house
        of("given", "family", ssn="219551235"),  # numbers that were given out one after the other
        but(ssn="219561234", birth_date=date(1908, 1, 3), line="4 Elm St", zip="02101"),
        but(ssn="219551235", birth_date=date(1908, 1, 3)),
    ],
)
def test_who_may_be_somebody_else_is_not_joined(other):
    assert linked(ANNA, other)[0] == [0, 1]


def test_father_and_son_do_not_become_one_through_a_row_that_tells_little():
    father = but(given="Karl", suffix="Sr", ssn="219551299")
    son = but(given="Karl", suffix="Jr", ssn="507112345", birth_date=date(1990, 2, 1))
    vague = of("family", "line", "zip", "birth_date", given="Karl")
    strict, _ = linked(father, son, vague)
    assert strict == [0, 1, 0]


def test_a_name_told_once_under_a_number_that_is_anothers_is_a_slip_of_theirs():
    often = [but(), but(line="4 Elm St", zip="02101")]
    wrong = but(given="Xenia")
    assert linked(*often, wrong)[0] == [0, 0, 0]
    twin = of("family", "birth_date", "line", "zip", given="Xenia")
    assert linked(*often, but(given="Berta"), of("family", "birth_date", "zip", given="Berta"))[0][2] != 0
    assert linked(*often, wrong, twin)[0][2] != 0  # somebody of that name is told twice: she is a twin


def test_a_roster_with_the_subscribers_number_for_all_joins_no_family():
    karl = but(given="Karl", birth_date=date(1960, 3, 3))
    family = [karl, but(given="Berta", birth_date=date(1962, 9, 1)), but(given="Karl", birth_date=date(1990, 7, 21))]
    assert linked(*family)[0] == [0, 1, 2]
    assert linked(karl, karl | {"line": None}, family[2], family[1])[0] == [0, 0, 2, 3]


def test_a_mistyped_name_and_a_mistyped_number_meet_through_a_telling_that_has_all():
    name, number = but(given="Xenia"), but(ssn="507112345")
    assert linked(but(), name, number)[0] == [0, 0, 0]
    assert linked(name, number)[0] == [0, 1]
    vague = but(ssn=None)
    assert linked(vague, name, number)[0][1] != linked(vague, name, number)[0][2]


def test_a_row_with_a_family_name_alone_may_be_anybodys_of_the_family():
    assert linked(but(), of("family", "ssn", "zip"))[0] == [0, 1]
    assert linked(but(), of("family", "ssn", "birth_date"))[0] == [0, 0]


def test_twins_with_names_alike_stay_two_through_an_initial():
    anna, anne = but(ssn=None), but(given="Bea", ssn=None)
    initial = but(given="A", ssn=None)
    strict, _ = linked(anna, anne, initial)
    assert strict[0] != strict[1]
    assert strict[2] == strict[0]


def test_two_names_that_many_bear_are_two_names_however_alike():
    others = [of("zip", given=name, family=f"Fam{n}") for n in range(4) for name in ("Maria", "Marie")]
    twins = [but(given="Maria", ssn=None), but(given="Marie", ssn=None)]
    strict, _ = linked(*twins, *others)
    assert strict[0] != strict[1]


@pytest.mark.slow
def test_names_and_birth_date_alone_join_only_where_chance_would_not():
    others = [of("zip", given=f"Given{n}", family=f"Family{n}") for n in range(60)]
    far = but(ssn=None, line=None, zip=None)
    assert linked(ANNA, far, *others)[0][:2] == [0, 0]
    crowd = [but(birth_date=date(1950, 1, 1 + n % 28), ssn=None, line=None, zip=f"{n:05d}") for n in range(60)]
    assert linked(ANNA, far, *crowd)[0][:2] == [0, 1]


ONE_SLIP = but(ssn="219561234", line=None, zip=None)


@pytest.mark.parametrize(
    ("other", "rule"),
    [
        (ONE_SLIP | {"given": "Xenia", "family": "Zhou"}, policies.identifier_and_birth_date),
        (ONE_SLIP | {"family": "Zhou", "birth_date": date(1961, 4, 13)}, policies.slipped_number),
        (ONE_SLIP | {"birth_date": None}, policies.slipped_number),
    ],
)
def test_a_slip_of_a_number_joins_only_while_chance_brings_nobody_else_with_such_a_one(other, rule):
    told = compared(frame(ANNA, other), SEED)
    first, second = np.array([0]), np.array([1])
    told.count = 10_000
    assert rule(compare(told, first, second))
    told.count = 88_000_000  # of so many about eight have a number one slip apart
    told.borne, told.borne_family = told.borne * 2_000_000, told.borne_family * 1_000_000
    assert not rule(compare(told, first, second))


def test_a_number_of_many_takes_no_row_without_a_given_name():
    family = [but(given="Karl", birth_date=date(1960, 3, 3)), but(given="Berta", birth_date=date(1992, 9, 1))]
    assert linked(*family, of("ssn", "family", "line", "zip"))[0] == [0, 1, 2]


def test_a_number_that_many_share_is_quarantined_and_joins_nobody():
    people = [
        but(
            given=f"Anna{chr(97 + n)}b",
            family=f"{chr(97 + n)}ong",
            birth_date=date(1950 + n, 1, 1 + n),
            zip=f"{n:05d}",
            line=f"{n} Oak St",
        )
        for n in range(25)
    ]
    found = link(frame(*people), SEED)
    assert found.quarantined == {"ssn": 1}
    assert found.strict.tolist() == list(range(25))


def test_specimen_numbers_and_empty_dates_tell_nothing():
    told = compared(frame(but(ssn="078051120", birth_date=date(1900, 1, 1))), SEED)
    assert not told.social.any()
    assert not told.born.any()


def test_a_member_number_means_something_only_beside_its_owner():
    one = of("given", "family", "birth_date", member_id="H77", owner="north plan")
    assert linked(one, one | {"family": "Other"}) == ([0, 0], [0, 0])
    assert linked(one, one | {"owner": "south plan", "family": "Other"})[0] == [0, 1]


def test_a_family_number_joins_no_children():
    child = of("family", member_id="H77", owner="plan", given="Ida", birth_date=date(2015, 1, 1))
    assert linked(child, child | {"given": "Udo", "birth_date": date(2017, 5, 5)})[0] == [0, 1]


@pytest.mark.slow
def test_loose_joins_all_that_strict_joins_and_more():
    people = population(5, 150)
    rows, _ = rows_about(people, 5)
    found = link(rows, SEED)
    assert len(set(zip(found.strict.tolist(), found.loose.tolist(), strict=True))) == len(set(found.strict.tolist()))
    assert len(set(found.loose.tolist())) < len(set(found.strict.tolist()))


@pytest.mark.slow
def test_the_same_aliases_give_the_same_map():
    rows, _ = rows_about(population(6, 120), 6)
    one, other = link(rows, SEED), link(rows, SEED)
    assert one.strict.tobytes() == other.strict.tobytes()
    assert one.loose.tobytes() == other.loose.tobytes()


@pytest.mark.slow
def test_nobody_is_hidden_on_seeds_that_nothing_was_tuned_on():
    hidden = people = 0
    for seed in (31, 32):
        made = population(seed, 700)
        rows, truth = rows_about(made, seed)
        found = score(truth, link(rows, SEED).strict)
        hidden, people = hidden + found.hidden, people + found.people
        assert found.recall > 0.75
    assert hidden <= people / 10_000


def test_nobody_is_joined_where_nothing_is_told():
    assert linked({}, {}, {"city": "Portland"})[0] == [0, 1, 2]
    assert link(frame(), SEED).strict.tolist() == []


@hypothesis.given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=40))
@hypothesis.settings(max_examples=tries(60))
def test_union_makes_of_connected_ones_their_lowest(edges):
    parent = np.arange(31)
    union(parent, *(np.array([edge[side] for edge in edges], dtype=np.int64) for side in (0, 1)))
    sets = [{n} for n in range(31)]
    for one, other in edges:
        whole = sets[one] | sets[other]
        for member in whole:
            sets[member] = whole
    assert parent.tolist() == [min(group) for group in sets]


@hypothesis.given(st.dates(date(1900, 1, 1), date(2023, 1, 1)), st.dates(date(1900, 1, 1), date(2023, 1, 1)))
@hypothesis.settings(max_examples=tries(100))
def test_dates_are_near_where_two_parts_agree_or_day_and_month_are_swapped(one, other):
    shifted = [np.array([(day - date(1970, 1, 1)).days + 100_000]) for day in (one, other)]
    agree = (one.year == other.year) + (one.month == other.month) + (one.day == other.day)
    swapped = (one.year, one.month, one.day) == (other.year, other.day, other.month)
    assert near_dates(*shifted)[0] == (agree >= 2 or swapped)


@pytest.mark.slow
def test_of_a_key_that_very_many_share_not_every_pair_is_looked_at():
    many = compared(frame(*(of("family", "birth_date", given=f"G{n:04d}x") for n in range(900))), SEED)
    quarantine(many)
    assert len(candidates(many)) < 900 * 40
