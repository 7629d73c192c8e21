"""What was said of an incident, held against the figures: contradictions come up by themselves, on their first day."""

from datetime import UTC, date, datetime, timedelta

import pytest

from sealane.desk.incidents import deadlines, reconciling
from sealane.desk.incidents.counting import Cited, Figures
from sealane.desk.incidents.reconciling import Why
from sealane.desk.incidents.records import Dated, Disclosed, Done, Incident

pytestmark = pytest.mark.slow  # together they take longer than make check may

NOW = datetime(2026, 6, 1, tzinfo=UTC)
TODAY = NOW.date()


def figures(*, union=100, owners=None, shared=0, rows=150, coverage=None):
    owners = owners or {"north": 60, "south": 60}
    return Figures(
        people={"strict": union, "loose": union}, evidence={}, people_by_evidence={}, by_owner=owners, by_state={},
        by_class={}, owners_sum=sum(owners.values()), shared=shared, rows=rows, files=3,
        coverage=coverage or {"complete": 3, "partial": 0, "unreadable": 0}, unreadable=(), policy="strict-4",
        checkpoint="", cited=Cited("", 1, 1, "", 1, ""),
    )  # fmt: skip


def incident(*records):
    made = Incident(1, "Theft", NOW)
    for what, day in (("occurred", 1), ("discovered", 12)):
        made.take(Dated(at=NOW, what=what, value=datetime(2026, 3, day, tzinfo=UTC)))
    for record in records:
        made.take(record)
    return made


def said(by, count, day, **more):
    return Disclosed(at=NOW, by=by, to=more.pop("to", "everybody"), count=count, on=date(2026, 4, day), **more)


def found(*records, told=None, duties=()):
    told = told or figures(shared=20)
    return reconciling.contradictions(incident(*records), told, duties, TODAY)


def whys(*records, **more):
    return {one.why for one in found(*records, **more)}


def test_what_is_right_contradicts_nothing():
    assert found(said("processor", 100, 1), said("north", 60, 2, about="north")) == []


def test_a_total_below_the_union_of_its_owners():
    (one,) = found(said("processor", 80, 3))
    assert (one.why, one.seen, one.figures) == (Why.BELOW_UNION, date(2026, 4, 3), {"told": 80, "people": 100})
    assert "20 more" in one.sentence


def test_a_total_below_one_of_its_parts():
    assert Why.BELOW_PART in whys(said("processor", 50, 1), said("north", 60, 2, about="north"))


def test_the_sum_over_the_total_names_the_overlap_and_the_day_it_could_be_seen():
    records = (said("processor", 100, 5), said("north", 60, 2, about="north"), said("south", 60, 9, about="south"))
    (one,) = found(*records)
    assert (one.why, one.seen) == (Why.SUM_OVER_TOTAL, date(2026, 4, 9))
    assert one.figures == {"told": 100, "sum": 120, "excess": 20, "overlap": 20, "shared": 20}
    assert "double counting" in one.sentence
    assert "unexplained" not in one.sentence


def test_what_overlap_does_not_explain_stays_unexplained():
    records = (said("processor", 100, 1), said("north", 60, 2, about="north"), said("south", 65, 2, about="south"))
    (one, _) = sorted(found(*records), key=lambda each: each.why is not Why.SUM_OVER_TOTAL)
    assert "5 stay unexplained" in one.sentence


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (said("north", 59, 1, about="north"), Why.OWNER_BELOW),
        (said("north", 61, 1, about="north"), Why.ABOVE_COUNT),
        (said("processor", 150, 1), Why.ROWS_AS_PEOPLE),
        (said("broker", 150, 1, unit="rows"), Why.ROWS_AS_PEOPLE),
    ],
)
def test_figures_that_are_not_the_lists(record, why):
    assert whys(record) == {why}


def test_more_than_is_a_floor():
    assert found(said("processor", 101, 1, at_least=True)) == []
    assert whys(said("processor", 90, 1, at_least=True)) == {Why.BELOW_UNION}


def test_a_count_that_shrank():
    records = (said("processor", 120, 1), said("processor", 100, 8))
    assert Why.COUNT_SHRANK in whys(*records)
    assert Why.COUNT_SHRANK not in whys(*reversed((said("processor", 100, 1), said("processor", 120, 8))))


def test_a_date_that_moved():
    moved = Dated(
        at=NOW + timedelta(days=2), what="discovered", value=datetime(2026, 2, 20, tzinfo=UTC), why="the logs"
    )
    (one,) = found(moved)
    assert (one.why, one.seen) == (Why.DATE_MOVED, date(2026, 6, 3))
    assert "the logs" in one.sentence


def test_a_missed_deadline_is_raised_and_says_how_late():
    duties = deadlines.duties(deadlines.load(), incident(), figures())
    missed = [one for one in found(duties=duties) if one.why is Why.DEADLINE_MISSED]
    assert {one.seen for one in missed} == {date(2026, 5, 12)}
    late = incident(Done(at=NOW, duty="hipaa-individuals@north", on=date(2026, 5, 20)))
    told = reconciling.contradictions(late, figures(), deadlines.duties(deadlines.load(), late, figures()), TODAY)
    assert any("9 days late" in one.sentence for one in told)


def test_a_final_total_over_files_that_were_not_read():
    blind = figures(coverage={"complete": 1, "partial": 1, "unreadable": 1})
    assert whys(said("processor", 100, 1), told=blind) == {Why.COVERAGE_OPEN}
    assert whys(said("processor", 100, 1, at_least=True), told=blind) == set()
