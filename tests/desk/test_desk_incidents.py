"""Incidents: scope, evidence, exact figures that travel with their coverage and come out the same again."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import duckdb
import hypothesis
import numpy as np
import polars as pl
import pytest
from hypothesis import strategies as st

from sealane.desk import taking
from sealane.desk.facts import REGIONS, Facts, TakenFile
from sealane.desk.failures import AnswerChanged, IncidentInvalid, IncidentMissing
from sealane.desk.history import History, StoredVersion
from sealane.desk.incidents import answering, records, scoping
from sealane.desk.incidents.counting import affected
from sealane.desk.incidents.records import Dated, Scope, Scoped
from sealane.desk.incidents.scoping import Evidence
from sealane.desk.maps import AboutMap, IdentityMap
from sealane.desk.runs import Filling
from sealane.exposure.model import BIT
from tests.desk.worlds import START, World, person
from tests.tries import tries

pytestmark = pytest.mark.slow  # together they take longer than make check may

NOW = datetime(2023, 9, 1, tzinfo=UTC)
STOLEN = START + timedelta(days=29)


@pytest.fixture
def opened(desk):
    return records.open_(desk, "The theft of May", occurred=STOLEN, discovered=STOLEN + timedelta(days=73), now=NOW)


def scoped(desk, number, **scope):
    records.add(desk, number, Scoped(at=NOW, scope=Scope(**scope)))
    return records.load(desk, number)


def figures(desk, world, number, **scope):
    taken = taking.sync(desk, world.publish()).taken
    return answering.look(taken, scoped(desk, number, **scope)).figures


def test_dates_are_versions_and_never_written_over(desk, opened):
    first = records.load(desk, opened).discovered
    moved = first - timedelta(days=16)
    records.add(desk, opened, Dated(at=NOW, what="discovered", value=moved, why="the alert of July"))
    incident = records.load(desk, opened)
    assert incident.discovered == moved
    assert [one.value for one in incident.dates["discovered"]] == [first, moved]


def test_an_incident_is_not_discovered_before_it_occurred(desk):
    with pytest.raises(IncidentInvalid):
        records.open_(desk, "x", occurred=NOW, discovered=NOW - timedelta(days=1), now=NOW)
    with pytest.raises(IncidentMissing):
        records.load(desk, 7)


def test_what_a_stolen_account_fetched_is_exfiltrated_and_counts_each_person_once(desk, world, opened):
    first = world.file("plan:/claims/a.csv", [person(1), person(2), person(3)])
    second = world.file("plan:/claims/b.csv", [person(3), person(4, state="MA")])
    world.file("plan:/claims/c.csv", [person(5)])
    world.at(STOLEN).download(first, "plan:/claims/a.csv")
    world.download(second, "plan:/claims/b.csv", sent=0, whole=False)
    world.download(first, "plan:/claims/a.csv", user="auditor@plan")
    found = figures(desk, world, opened, users=("thief@plan",))
    assert found.people == {"strict": 4, "loose": 4}
    assert found.evidence == {"exfiltrated": 2, "reachable": 0, "sealed": 0}
    assert found.by_owner == {"plan": 4}
    assert found.by_state == {"MA": 1, "ME": 3}
    assert found.by_class["diagnosis"] == 4
    assert found.rows == 5
    assert (found.files, found.coverage) == (2, {"complete": 2, "partial": 0, "unreadable": 0})


@pytest.mark.parametrize(
    ("scope", "versions"),
    [
        ({"sessions": ("s2",)}, {1}),
        ({"addresses": ("203.0.113.9",)}, {0}),
        ({"users": ("thief@plan",), "folders": ("/claims",)}, {0}),
        ({"users": ("thief@plan",), "folders": ("other:/claims",)}, set()),
        ({"users": ("thief@plan",), "folders": ("/claim",)}, set()),
        ({"users": ("thief@plan",), "since": STOLEN + timedelta(days=2)}, set()),
        ({"users": ("nobody@plan",)}, set()),
        ({"users": ("thief@plan",), "sessions": ("s2",)}, {1}),
    ],
)
def test_kinds_of_scope_narrow_each_other(desk, world, opened, scope, versions):
    made = [world.file("plan:/claims/a.csv", [person(1)]), world.file("plan:/rolls/b.csv", [person(2)])]
    world.at(STOLEN).download(made[0], "plan:/claims/a.csv")
    world.download(made[1], "plan:/rolls/b.csv", session="s2", address="198.51.100.7")
    taken = taking.sync(desk, world.publish()).taken
    found = scoping.exposed(scoped(desk, opened, **scope), taken.history)
    assert set(found) == {made[place] for place in versions}


def test_with_no_scope_all_that_lay_there_while_it_went_on_was_reachable(desk, world, opened):
    world.file("plan:/a.csv", [person(1)])
    world.at(STOLEN + timedelta(days=1)).file("plan:/b.csv", [person(2)])
    world.at(STOLEN + timedelta(days=100)).file("plan:/later.csv", [person(3)])
    found = figures(desk, world, opened)
    assert found.evidence == {"exfiltrated": 0, "reachable": 2, "sealed": 0}
    at = figures(desk, world, opened, everything_at=STOLEN)
    assert at.people["strict"] == 1


MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize("scope", [{}, {"everything_at": STOLEN}, {"folders": ("/",)}])
@pytest.mark.parametrize(
    ("ended", "evidence"),
    [
        ({"gone": STOLEN - MOMENT}, None),
        ({"gone": STOLEN}, Evidence.REACHABLE),
        ({"gone": STOLEN + MOMENT}, Evidence.REACHABLE),
        ({"sealed": STOLEN - MOMENT}, Evidence.SEALED),
        ({"sealed": STOLEN}, Evidence.REACHABLE),
    ],
)
def test_what_ended_in_the_moment_in_which_the_window_opens_had_not_ended(desk, opened, scope, ended, evidence):
    version = StoredVersion("v1", "plan:/a.csv", "plan", 1, 1, STOLEN - timedelta(days=1), **ended)
    found = scoping.exposed(scoped(desk, opened, **scope), History(versions={"v1": version}))
    assert found.get("v1") == evidence


def test_sealed_files_stand_apart_only_if_their_keys_were_gone_before(desk, world, opened):
    early = world.file("plan:/sealed/a.csv", [person(1)], sealed_folder=True)
    open_ = world.file("plan:/open/b.csv", [person(2)])
    late = world.at(STOLEN + timedelta(days=1)).file("plan:/sealed/c.csv", [person(3)], sealed_folder=True)
    for version in (early, open_, late):
        world.download(version, "plan:/x")
    found = figures(desk, world, opened, everything_at=world.now)
    assert found.evidence == {"exfiltrated": 0, "reachable": 2, "sealed": 1}
    assert found.people_by_evidence == {"exfiltrated": 0, "reachable": 2, "sealed": 1}
    assert found.people["strict"] == 2


def test_what_could_not_be_read_is_beside_the_figure_and_never_nobody(desk, world, opened):
    world.file("plan:/a.csv", [person(1)], coverage="partial", unreadable=[{"part": "inner.zip", "why": "encrypted"}])
    blind = world.file("plan:/b.bin")
    unread = world.file("plan:/c.csv", [person(2)])
    world.lists.pop()
    found = figures(desk, world, opened)
    assert found.coverage == {"complete": 0, "partial": 1, "unreadable": 2}
    assert {(one.version_id, one.why) for one in found.unreadable} >= {(blind, "no-list"), (unread, "no-list")}
    assert "encrypted" in {one.why for one in found.unreadable}


def test_a_person_in_the_list_of_four_owners_is_one_person_and_four_of_theirs(desk, world, opened):
    for owner in ("north", "south", "east", "west"):
        world.file(f"{owner}:/roll.csv", [person(1), person(len(owner) * 100 + ord(owner[0]))])
    found = figures(desk, world, opened)
    assert found.people["strict"] == 5
    assert found.by_owner == {"east": 2, "north": 2, "south": 2, "west": 2}
    assert (found.owners_sum, found.shared) == (8, 1)


def test_twins_at_one_address_are_two(desk, world, opened):
    twins = [person(1), person(1, given="Other", ssn="200010139")]
    world.file("plan:/roll.csv", twins)
    assert figures(desk, world, opened).people == {"strict": 2, "loose": 2}


def test_the_state_is_that_of_the_latest_address_whichever_file_told_it(desk, world, opened):
    world.file("plan:/old.csv", [person(1, state="ME")])
    world.at(STOLEN + timedelta(days=200)).file("plan:/new.csv", [person(1, state="TX", line="9 New Rd", zip="78701")])
    found = figures(desk, world, opened)
    assert (found.people["strict"], found.by_state) == (1, {"TX": 1})


def test_classes_are_those_of_this_person_in_exposed_files_only(desk, world, opened):
    world.file("plan:/a.csv", [person(1, classes=("name", "ssn"))])
    world.at(STOLEN + timedelta(days=200)).file("plan:/b.csv", [person(1, classes=("name", "diagnosis"))])
    assert figures(desk, world, opened).by_class == {"name": 1, "ssn": 1}


def test_an_answer_comes_out_the_same_after_more_was_synced(desk, world, opened):
    version = world.file("plan:/a.csv", [person(1), person(2)])
    world.at(STOLEN).download(version, "plan:/a.csv")
    taken = taking.sync(desk, world.publish()).taken
    scoped(desk, opened, users=("thief@plan",))
    first = answering.answer(desk, taken, opened, NOW)
    other = world.file("plan:/b.csv", [person(2, ssn=None), person(3)])
    world.download(other, "plan:/b.csv")
    later = taking.sync(desk, world.publish()).taken
    second = answering.answer(desk, later, opened, NOW)
    assert first.digest != second.digest
    kept = records.load(desk, opened).answers
    assert [answering.again(desk, opened, one).digest for one in kept] == [first.digest, second.digest]
    assert answering.figures_of(kept[0]) == first.figures
    assert answering.answer(desk, later, opened, NOW).digest == second.digest
    assert len(records.load(desk, opened).answers) == 2


def test_an_answer_that_was_altered_is_found(desk, world, opened):
    world.file("plan:/a.csv", [person(1)])
    taken = taking.sync(desk, world.publish()).taken
    answering.answer(desk, taken, opened, NOW)
    kept = records.load(desk, opened).answers[0]
    forged = records.Answered(at=kept.at, answer=kept.answer, digest="0" * 64)
    with pytest.raises(AnswerChanged):
        answering.again(desk, opened, forged)


def test_two_incidents_that_overlap_are_counted_each_by_itself(desk, world, opened):
    version = world.file("plan:/a.csv", [person(1), person(2)])
    other = records.open_(desk, "Another", occurred=STOLEN, discovered=STOLEN, now=NOW)
    world.at(STOLEN).download(version, "plan:/a.csv")
    assert figures(desk, world, opened, users=("thief@plan",)).people["strict"] == 2
    assert figures(desk, world, other, folders=("/a.csv",)).evidence["reachable"] == 1
    assert records.numbers(desk) == [1, 2]
    world.file("plan:/b.csv", [person(2), person(3)])
    third = records.open_(desk, "A third", occurred=STOLEN, discovered=STOLEN, now=NOW)
    figures(desk, world, third, folders=("/b.csv",), everything_at=world.now)
    taken = taking.load(desk)
    found = answering.look(taken, records.load(desk, third))
    shared = answering.overlaps(desk, taken, third, found)
    assert [(one.number, count) for one, count in shared] == [(opened, 1), (other, 1)]


def test_an_owner_that_was_renamed_is_one_and_all_that_was_said_of_it_is_of_its_name_today(desk, world, opened):
    world.file("plan:/old.csv", [person(1, owner="Plan A"), person(2, owner="Plan A")])
    world.file("plan:/new.csv", [person(2, owner="Plan A Inc."), person(3, owner="Plan A Inc."), person(3, owner="B")])
    apart = figures(desk, world, opened)
    assert (apart.by_owner, apart.shared) == ({"B": 1, "Plan A": 2, "Plan A Inc.": 2}, 2)
    records.add(
        desk,
        opened,
        records.Disclosed(at=NOW, by="x", to="y", count=1, on=NOW.date(), about="Plan A"),
        records.Decided(at=NOW, owner="Plan A", notifier="processor"),
        records.Done(at=NOW, duty="hipaa-individuals@Plan A", on=NOW.date()),
        records.Delivered(at=NOW, owner="Plan A", state="sent", count=2, on=NOW.date()),
        records.Renamed(at=NOW, owner="Plan A", to="Plan A Inc."),
        records.Renamed(at=NOW, owner="Plan A Inc.", to="Plan A"),  # back and forth, and no end to it
        records.Renamed(at=NOW, owner="Plan A", to="Plan A Inc."),
        records.Renamed(at=NOW, owner="Plan A Inc.", to="Plan A Inc."),
    )
    together = figures(desk, world, opened)
    assert (together.by_owner, together.shared) == ({"B": 1, "Plan A Inc.": 3}, 1)
    told = records.load(desk, opened)
    assert [one.about for one in told.disclosures] == ["Plan A Inc."]
    assert told.notifiers == {"Plan A Inc.": "processor"}
    assert list(told.done) == ["hipaa-individuals@Plan A Inc."]
    assert told.deliveries[0].owner == "Plan A Inc."


SQL = """
    WITH map AS (SELECT alias, root FROM roots),
         rows AS (SELECT f.file, f.owner, m.root, f.mask FROM facts f JOIN map m USING (alias)
                  WHERE f.file IN (SELECT file FROM exposed))
    SELECT 'total' AS what, '' AS name, count(DISTINCT root) AS n FROM rows
    UNION ALL SELECT 'owner', owner::VARCHAR, count(DISTINCT root) FROM rows GROUP BY owner
    UNION ALL SELECT 'class', bit::VARCHAR, count(*) FROM
        (SELECT root, bit_or(mask) AS mask FROM rows GROUP BY root), range(0, 20) bits(bit)
        WHERE (mask >> bit::INTEGER) & 1 = 1 GROUP BY bit
    UNION ALL SELECT 'state', state::VARCHAR, count(*) FROM
        (SELECT DISTINCT root FROM rows) JOIN
        (SELECT m.root, arg_max(f.state, (f.stored, f.file)) AS state FROM facts f JOIN map m USING (alias)
         WHERE f.state > 0 GROUP BY m.root)
        USING (root) GROUP BY state
"""


@pytest.mark.parametrize("seed", [1, 2])
def test_every_breakdown_equals_duckdbs_cell_by_cell(desk, world, opened, seed):
    for number in range(30):
        people = [
            person((seed * 31 + number * 7 + place * place) % 90, state=("ME", "MA", "TX", None)[(number + place) % 4],
                   line=f"{number % 5} Oak St", owner=f"owner{(number + place) % 3}",
                   classes=("name", "ssn", "diagnosis", "claim")[: 1 + (number * place) % 4])
            for place in range(12)
        ]  # fmt: skip
        world.file(f"plan:/{'claims' if number % 2 else 'rolls'}/{number}.csv", people)
    found = figures(desk, world, opened, folders=("/claims",), everything_at=STOLEN)
    taken = taking.load(desk)
    exposed = scoping.exposed(records.load(desk, opened), taken.history)
    numbers = taken.facts.file_numbers(list(exposed))
    tables = duckdb.connect()
    stored = [one.stored for one in taken.facts.files]
    tables.register(
        "facts",
        taken.facts.table.with_columns(pl.Series("stored", [stored[n] for n in taken.facts.table["file"]])).to_arrow(),
    )
    tables.register("roots", pl.DataFrame({"alias": range(len(taken.map.strict)), "root": taken.map.strict}).to_arrow())
    tables.register("exposed", pl.DataFrame({"file": list(numbers.values())}).to_arrow())
    told = Counter({(what, name): n for what, name, n in tables.execute(SQL).fetchall()})
    assert len(exposed) == 15
    assert found.people["strict"] == told["total", ""]
    told_owners = {name: told["owner", str(code)] for code, name in enumerate(taken.facts.owners)}
    assert found.by_owner == {name: n for name, n in told_owners.items() if n}
    told_classes = {kind.value: told["class", str(place)] for place, kind in enumerate(BIT)}
    assert found.by_class == {name: n for name, n in told_classes.items() if n}
    told_states = {REGIONS[int(name)]: n for (what, name), n in told.items() if what == "state"}
    assert {name: n for name, n in found.by_state.items() if name != "unknown"} == told_states
    assert sum(found.by_state.values()) == found.people["strict"]


@hypothesis.example([[]], [True] * 5)  # nobody is in any file
@hypothesis.given(
    st.lists(st.lists(st.integers(0, 12), max_size=6), min_size=1, max_size=5),
    st.lists(st.booleans(), min_size=5, max_size=5),
)
@hypothesis.settings(
    max_examples=tries(12), deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
def test_figures_are_those_of_sets_of_people(tmp_path_factory, identity, files, taken):
    from sealane.desk import folder

    place = tmp_path_factory.mktemp("sets")
    folder.make(place / "desk", [str(identity.recipient())])
    desk = folder.open_(place / "desk", [identity])
    world = World(place / "server", str(identity.recipient()))
    versions = [world.file(f"owner{n % 2}:/{n}.csv", [person(p) for p in people]) for n, people in enumerate(files)]
    world.at(STOLEN)
    chosen = [n for n in range(len(files)) if taken[n]]
    for number in chosen:
        world.download(versions[number], f"owner{number % 2}:/{number}.csv")
    opened = records.open_(desk, "x", occurred=STOLEN, discovered=STOLEN, now=NOW)
    found = figures(desk, world, opened, users=("thief@plan",))
    sets = {f"owner{side}": {p for n in chosen if n % 2 == side for p in files[n]} for side in (0, 1)}
    assert found.people["strict"] == len(set().union(*sets.values()))
    assert found.by_owner == {name: len(people) for name, people in sets.items() if people}
    assert found.shared == len(sets["owner0"] & sets["owner1"])
    assert found.rows == sum(len(files[n]) for n in chosen)


def test_a_list_that_nobody_could_be_sealed_to_is_told_as_unread():
    facts = Facts(1, [TakenFile("v1", STOLEN, "complete", "", 5, 5)], [], range(0), Filling(0).runs())
    nobody = np.zeros(0, dtype=np.uint32)
    identity = IdentityMap(1, AboutMap(1, "strict", "loose", "", {}, 0), nobody, nobody)
    told = affected(facts, identity, {"v1": Evidence.REACHABLE}, checkpoint="", ledger=1).figures
    assert [(one.version_id, one.why) for one in told.unreadable] == [("v1", "no-officer")]
