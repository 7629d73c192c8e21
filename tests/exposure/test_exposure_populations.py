"""Whatever format a roster is sent in, the people in it are found, each once."""

import functools

import pytest

from tests.exposure.populations import people, roster
from tests.exposure.rosters import WRITERS
from tests.exposure.scanning import OnlyForward, listed, scanned

pytestmark = pytest.mark.slow  # together with the others they take longer than make check may

MADE = people(seed=3, households=120)
ROWS = roster(MADE, seed=3)


@functools.cache
def found_in(name):
    """One scan of a format, for all that is claimed of it."""
    return scanned(WRITERS[name][0](ROWS), f"members.{name}")


ALL = [pytest.param(name, marks=() if name in {"csv", "834"} else pytest.mark.slow) for name in WRITERS]


@pytest.mark.parametrize("name", ALL)
def test_the_people_of_a_roster_are_found_in_every_format(name):
    found = found_in(name)
    assert found.format.value == WRITERS[name][1]
    assert found.coverage.value == "complete"
    assert found.count.people == len(MADE)
    assert found.count.classes["name"] == len(MADE)
    assert found.count.classes["birth_date"] == len(MADE)
    assert found.count.classes["ssn"] == len(MADE)
    assert found.count.classes["address"] == len(MADE)


@pytest.mark.parametrize("name", ALL)
def test_a_stream_that_cannot_seek_tells_the_same(name):
    content = WRITERS[name][0](ROWS)
    ahead = scanned(content, f"members.{name}", stream=OnlyForward(content)).told()
    assert ahead == found_in(name).told()


@pytest.mark.parametrize("name", ALL)
def test_the_list_has_each_individual_once_with_their_own_number(name):
    lines = listed(found_in(name))
    assert sorted(line["ssn"] for line in lines) == sorted(person.ssn for person in MADE)
    born = {person.ssn: person.born for person in MADE}
    assert all(line["birth_date"] == born[line["ssn"]] for line in lines)


def test_a_provider_is_nobody_whose_data_it_is():
    lines = listed(found_in("837"))
    assert not {"WELBY", "KILDARE"} & {line["family"].upper() for line in lines}


def test_states_and_classes_count_each_individual_once():
    count = found_in("csv").count
    assert sum(count.states.values()) == len(MADE)
    assert sum(count.owners.values()) == len(MADE)
    assert max(count.classes.values()) <= len(MADE)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 13))  # `make bench-exposure` has ten
def test_precision_and_recall_on_seeds_that_nothing_was_tuned_on(seed):
    population = people(seed=seed, households=200)
    rows = roster(population, seed=seed)
    for name in ("csv", "834", "837", "hl7", "fhir", "text"):
        lines = listed(scanned(WRITERS[name][0](rows), f"members.{name}"))
        found = {line.get("ssn") for line in lines} - {None}
        truth = {person.ssn for person in population}
        assert len(found & truth) / len(truth) >= 0.99, name
        assert len(truth) / len(lines) >= 0.995, name


@pytest.mark.parametrize("name", ["csv", "837"])
def test_rows_that_lack_much_and_are_spelt_badly_are_still_of_whom_they_are(name):
    lines = listed(scanned(WRITERS[name][0](roster(MADE, seed=11, harsh=True)), f"members.{name}"))
    assert {line.get("ssn") for line in lines} - {None} == {person.ssn for person in MADE}
    # One moved, and is known by nothing but a name and a birth date: who that is stays open.
    assert len(lines) <= len(MADE) + 1
