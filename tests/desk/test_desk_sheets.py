"""Field sheets: the authorities' forms, in their order, with what is known; whether they are owed; forms as data."""

import importlib.resources
import json
from datetime import UTC, date, datetime

import msgspec
import pytest

from sealane.desk.failures import RulesInvalid
from sealane.desk.incidents import deadlines, records
from sealane.desk.incidents.records import Dated, Delivered, Done
from sealane.desk.notices import letters, sheets
from sealane.desk.notices.party import Party
from sealane.exposure.model import DataClass
from tests.desk.test_desk_reconciling import figures

pytestmark = pytest.mark.slow  # together they take longer than make check may

OCCURRED, DISCOVERED = date(2026, 3, 1), date(2026, 3, 12)
STATES = ("CA", "NY", "TX", "WA", "FL", "MA", "CO", "ME")
FORMS = sheets.load()
RULES = deadlines.load()
PARTY = Party(
    name="Example Processing", address=("1 Main St", "Augusta, ME 04330"), phone="1-800-555-0100",
    happened=("A thief copied files.",), doing=("We closed the hole.",), contact_name="Dana Doe",
)  # fmt: skip


def at(day):
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def incident(*more):
    return records.told(
        1,
        [
            records.Opened(at=at(DISCOVERED), title="Theft"),
            Dated(at=at(DISCOVERED), what="occurred", value=at(OCCURRED)),
            Dated(at=at(DISCOVERED), what="discovered", value=at(DISCOVERED)),
            *more,
        ],
    )


def made(by_state, *more, classes=("name", "ssn", "diagnosis"), party=PARTY, rules=RULES, unread=0):
    people = sum(by_state.values())
    told = msgspec.structs.replace(
        figures(union=people, coverage={"complete": 3, "partial": 0, "unreadable": unread}),
        by_state=by_state,
        by_class=dict.fromkeys(classes, people),
    )
    occasion = letters.Occasion(party, party.name, OCCURRED, DISCOVERED, date(2026, 4, 2))
    return {one.name: one for one in sheets.sheets(FORMS, occasion, told, incident(*more), rules)}


def values(sheet):
    return {field["name"]: field["value"] for field in json.loads(sheet.as_json())["fields"]}


def test_maines_form_is_in_its_order_with_what_is_known():
    sheet = made({"ME": 3, "MA": 1})["maine-attorney-general"]
    told = values(sheet)
    assert told["Total number of Maine residents affected"] == "3"
    assert told["Total number of persons affected (including Maine residents)"] == "4"
    assert told["Social Security number"] == "yes"
    assert told["Driver's license or non-driver identification number"] == "no"
    assert told["Type of organization"] is None
    assert told["Street address"] == "1 Main St"
    assert told["City, state, zip"] == "Augusta, ME 04330"
    sections = list(dict.fromkeys(field.section for field in sheet.fields))
    assert sections[:3] == ["Entity", "Submitted by", "Breach"]
    assert "[by hand]" in sheet.as_text()


def test_each_state_of_the_issue_has_a_form_and_gets_the_number_of_its_own_residents():
    counts = {state: 1000 + 7 * place for place, state in enumerate(STATES)}
    found = made(counts)
    assert {form.where for form in FORMS.form} == {*STATES, "US"}
    for form in FORMS.form:
        told = values(found[form.id])
        asked = [field.name for field in form.fields if field.fill == "residents"]
        assert all(told[name] == str(counts[form.where]) for name in asked)
        assert asked or form.where == "US"


def test_an_authority_of_whose_residents_nobody_is_affected_has_no_sheet():
    assert set(made({"CA": 600, "unknown": 5})) == {"california-attorney-general", "hhs-portal"}


@pytest.mark.parametrize(
    ("state", "form", "last", "due"),
    [
        ("CA", "california-attorney-general", 500, "without"),
        ("TX", "texas-attorney-general", 249, "by 2026-04-11"),
        ("WA", "washington-attorney-general", 500, "by 2026-04-11"),
        ("FL", "florida-legal-affairs", 499, "by 2026-04-11"),
        ("CO", "colorado-attorney-general", 499, "by 2026-04-11"),
        ("NY", "new-york-attorney-general", 0, "by 2026-04-11"),
        ("MA", "massachusetts-attorney-general", 0, "without unreasonable delay"),
    ],
)
def test_a_form_is_owed_from_the_states_own_threshold_on(state, form, last, due):
    sent = Delivered(at=at(DISCOVERED), owner="north", state="sent", count=9, on=date(2026, 3, 20))
    if last:
        assert made({state: last})[form].owed.startswith("Not owed by these figures")
    owed = made({state: last + 1}, sent)[form].owed
    assert owed.startswith("Owed by 2026-04-04" if state == "CA" else f"Owed {due}")


def test_word_to_the_consumer_reporting_agencies_is_asked_for_only_where_it_is_owed():
    name = "If more than 5,000 New York residents: have the consumer reporting agencies been notified?"
    assert values(made({"NY": 5000})["new-york-attorney-general"])[name] == "not owed by these figures"
    assert values(made({"NY": 5001})["new-york-attorney-general"])[name] is None
    done = Done(at=at(DISCOVERED), duty="ny-agencies", on=date(2026, 4, 1))
    assert values(made({"NY": 5001}, done)["new-york-attorney-general"])[name] == "yes, on 2026-04-01"


def test_the_kinds_of_data_are_said_in_the_forms_own_words():
    sheet = made({"TX": 300}, classes=("name", "ssn", "medication"))["texas-attorney-general"]
    assert values(sheet)["Type of information affected"] == "name, Social Security number, medical information"


def test_what_could_not_be_read_stands_beside_every_number():
    for sheet in made({"ME": 5, "CA": 600}, unread=2).values():
        counted = [field for field in sheet.fields if "umber of" in field.name and field.value.isdigit()]
        assert counted
        assert all("at least: 2 files could not be read wholly" in field.hint for field in counted)


def test_a_form_that_is_not_sure_says_to_confirm_it_with_counsel():
    found = made(dict.fromkeys(STATES, 10_000))
    for form in FORMS.form:
        assert ("Confirm with counsel" in found[form.id].verified) == (form.certainty != "A")
        assert "the live form was not seen" in found[form.id].verified


def test_a_sheet_says_when_another_way_than_letters_is_allowed():
    text = made({"CO": 600})["colorado-attorney-general"].as_text()
    assert "substitute notice is allowed from 250,001 people on" in text
    assert "C.R.S. 6-1-716" in text
    assert {one.where for one in RULES.substitute} == set(STATES)


def test_only_the_owners_own_facts_fill_a_field_and_nothing_is_invented():
    sheet = made({"CA": 600}, party=Party())["california-attorney-general"]
    told = values(sheet)
    assert told["Organization name"] is None
    assert told["Brief description of the breach"] is None
    assert told["Date(s) Individual Notice Provided to Consumers"] is None


def test_the_dates_of_notice_are_those_of_letters_that_went():
    sent = [
        Delivered(at=at(DISCOVERED), owner=owner, state=state, count=9, on=date(2026, 3, day))
        for owner, state, day in (("north", "sent", 25), ("south", "sent", 20), ("south", "returned", 30))
    ]
    told = values(made({"CA": 600}, *sent)["california-attorney-general"])
    assert told["Date(s) Individual Notice Provided to Consumers"] == "2026-03-20 to 2026-03-25"


def test_another_file_of_rules_moves_the_threshold(tmp_path):
    text = importlib.resources.files("sealane.desk.incidents").joinpath("rules.toml").read_text()
    (tmp_path / "rules.toml").write_text(text.replace("least = 250\n", "least = 100\n"))
    rules = deadlines.load(tmp_path / "rules.toml")
    assert made({"TX": 120}, rules=rules)["texas-attorney-general"].owed.startswith("Owed by")


def test_every_form_names_rules_that_exist_and_fills_that_are_whole():
    known = {rule.id for rule in RULES.rule}
    for form in FORMS.form:
        assert {*form.rules, *filter(None, [form.agencies])} <= known
        for asked in form.fields:
            assert bool(asked.kinds) == (asked.fill == "kinds")
            assert bool(asked.classes) == (asked.fill == "yes")


ONE = '[[form]]\nid="a"\ntitle="t"\nwhere="ME"\nrules=["x"]\norder="o"\nverified_on=2026-01-01\ncertainty="A"\n'


@pytest.mark.parametrize(
    "text",
    [
        "version=1",
        "[[form]]",
        'version="1"\n' + ONE + "fields=[]",
        'version="1"\n' + ONE + 'fields=[{section="s",name="n",fill="eval"}]',
        'version="1"\n' + ONE + 'fields=[{section="s",name="n",fill="yes",classes=["soul"]}]',
        'version="1"\n' + (ONE + 'fields=[{section="s",name="n"}]\n') * 2,
        "\x00",
    ],
)
def test_a_file_that_holds_no_forms_is_refused(tmp_path, text):
    (tmp_path / "forms.toml").write_text(text)
    with pytest.raises(RulesInvalid):
        sheets.load(tmp_path / "forms.toml")


def test_every_class_of_data_that_names_an_identity_is_on_some_form():
    asked = {kind for form in FORMS.form for field in form.fields for kinds in field.kinds.values() for kind in kinds}
    assert asked >= set(DataClass) - {DataClass.PHONE, DataClass.EMAIL} - {DataClass.NAME}
