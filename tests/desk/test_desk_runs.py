"""Facts in memory, aliases that are known again, and folding: held against plain sets."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from sealane.desk import runs as runs_module
from sealane.desk.aliases import Known
from sealane.desk.folding import Folding
from sealane.desk.runs import FACT, Filling, slices, stretches
from tests.tries import tries

pytestmark = pytest.mark.slow  # many examples of each: together more than make check may

ALIASES = 40
RISING = st.sets(st.integers(0, ALIASES - 1)).map(lambda found: np.array(sorted(found), dtype=np.uint32))
MAPS = st.lists(st.integers(0, 5), min_size=ALIASES, max_size=ALIASES).map(
    lambda whose: np.array([whose.index(one) for one in whose], dtype=np.uint32)
)


@pytest.fixture(autouse=True, params=[1, 3, 1000])
def least(request, monkeypatch):
    """Stretches of one alias, of some, and none."""
    monkeypatch.setattr(runs_module, "_STRETCH_LEAST", request.param)


GIVEN = hypothesis.settings(
    max_examples=tries(25), deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)


@hypothesis.given(RISING)
@GIVEN
def test_stretches_and_what_is_in_none_are_all_of_a_run(aliases):
    long, others = stretches(aliases)
    places = [place for begin, end in long for place in range(begin, end)] + ([] if others is None else others.tolist())
    assert sorted(places) == list(range(len(aliases)))
    assert all(aliases[end - 1] - aliases[begin] == end - begin - 1 for begin, end in long)
    found = [(np.arange(len(aliases))[place], np.arange(ALIASES)[which]) for place, which in slices(aliases)]
    assert all(aliases[place].tolist() == which.tolist() for place, which in found)
    assert sum(len(place) for place, _ in found) == len(aliases)


@hypothesis.given(MAPS, st.lists(st.tuples(RISING, st.integers(1, 15)), max_size=5))
@GIVEN
def test_folding_is_what_sets_of_people_say(roots, pieces):
    folding = Folding.of(roots)
    gathered = np.zeros(ALIASES, dtype=np.uint32)
    classes = dict.fromkeys(roots.tolist(), 0)
    latest, ranks = np.zeros(ALIASES, dtype=np.uint8), np.zeros(ALIASES, dtype=np.uint32)
    states = dict.fromkeys(roots.tolist(), 0)
    for rank, (aliases, mask) in enumerate(pieces, start=1):
        gathered[aliases] |= np.uint32(mask)
        latest[aliases] = aliases + mask
        ranks[aliases] = rank
        for alias in aliases.tolist():
            classes[int(roots[alias])] |= mask
            states[int(roots[alias])] = alias + mask  # of one piece the last alias
    folding.classes(gathered)
    assert {int(root): int(gathered[root]) for root in set(roots.tolist())} == classes
    assert not gathered[roots != np.arange(ALIASES)].any()
    folding.latest(latest, ranks)
    assert {int(root): int(latest[root]) for root in set(roots.tolist())} == states
    times = np.zeros(ALIASES, dtype=np.uint16)
    people = {int(roots[alias]) for aliases, _ in pieces for alias in aliases.tolist()}
    assert folding.mark(times, (aliases for aliases, _ in pieces)) == len(people)
    assert set(np.flatnonzero(times).tolist()) == people
    assert times.max(initial=0) <= 1


@hypothesis.given(st.lists(st.lists(st.tuples(st.integers(0, 3), RISING), max_size=3), max_size=4))
@GIVEN
def test_runs_give_back_the_facts_that_were_taken(files):
    rows = [
        (number, int(alias), owner, alias % 7, alias * 3 + 1)
        for number, file in enumerate(files)
        for owner, aliases in sorted(dict(file).items())
        for alias in aliases.tolist()
    ]
    columns = {name: np.array([row[at] for row in rows], dtype=np.uint32) for at, name in enumerate(FACT)}
    cut = len(rows) // 2
    filling = Filling(len(rows))
    for part in (slice(None, cut), slice(cut, None)):
        filling.take({name: column[part] for name, column in columns.items()})
    runs = filling.runs()
    assert runs.table().rows() == rows
    assert runs.table(runs.chosen(np.array([1]))).rows() == [row for row in rows if row[0] == 1]
    wanted = np.arange(ALIASES) % 3 == 0
    assert runs.of_aliases(wanted).rows() == [row for row in rows if row[1] % 3 == 0]


@hypothesis.given(st.lists(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=9), max_size=6))
@GIVEN
def test_a_telling_keeps_its_number_and_two_that_share_half_a_key_are_two(pieces):
    known, numbers = Known(), {}
    for piece in pieces:
        keys, checks = (np.array([one[at] for one in piece], dtype=np.uint64) for at in (0, 1))
        expected = [numbers.setdefault(one, len(numbers)) for one in piece]
        before = known.count
        found, new = known.number(keys, checks)
        assert found.tolist() == expected
        assert [numbers[piece[place]] for place in new.tolist()] == list(range(before, len(numbers)))
        assert known.count == len(numbers)
