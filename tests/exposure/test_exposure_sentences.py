"""What stands in sentences, told of labelled ones: of those that patterns were tried on, and of those held back."""

import pytest

from sealane.exposure.prose.findings import findings
from tests.exposure.sentences import CLASSES, HELD_BACK, SENTENCES, labelled, scores

pytestmark = pytest.mark.slow  # together they take longer than make check may


@pytest.mark.parametrize(("templates", "least"), [(SENTENCES, 0.98), (HELD_BACK, 0.98)])
def test_most_values_of_each_class_are_found_and_little_else(templates, least):
    pairs = [(each.text, each.spans) for each in labelled(templates, seed=9, count=300)]
    found = scores(
        pairs, lambda text: [(one.field, one.begin, one.end) for one in findings(text) if one.field in CLASSES]
    )
    assert set(found) == set(CLASSES)
    assert min(found.values()) >= least, found


@pytest.mark.parametrize(
    ("text", "births"),
    [
        ("DOB 3/4/1950, seen on 5/6/2020.", ["3/4/1950"]),
        ("Date of birth: 3/4/1950 or 4/3/1950", ["3/4/1950", "4/3/1950"]),
        ("Seen on 5/6/2020.", []),
        ("3/4/1950 is her date of birth.", ["3/4/1950"]),
        ("Seen on 5/6/2020, date of birth 3/4/1950.", ["3/4/1950"]),
        ("Seen on 5/6/2020. Her date of birth is not known.", []),
        ("Seen on 5/6/2020, date of birth unknown", []),
        ("Ann Lee | 3/4/1950 | 219-09-1001 | date of birth and SSN as told by the caller", ["3/4/1950"]),
        ("3/4/1950, 5/6/2020 (birth date, first visit)", ["3/4/1950"]),
        ("Date of Birth:\n3/4/1950\nVisit date:\n5/6/2020", ["3/4/1950"]),
        ("Birth weight 3 kg, admitted 5/6/2020", []),
        ("Born. Visit of 5/6/2020", []),
    ],
)
def test_a_word_speaks_for_the_first_date_behind_it(text, births):
    assert [one.value for one in findings(text) if one.field == "birth_date"] == births


@pytest.mark.parametrize("letter", ["\u0130", "\u0131", "\u017f", "\u212a"])
def test_a_letter_that_only_looks_like_one_of_an_account_number_makes_no_text_unreadable(letter):
    said = f"Ann Lee, SSN 123-45-6780, pay to DE44 5001 0517 5407 3249 3{letter} and GB82 WEST 1234 5698 7654 32."
    assert {(one.field, one.value) for one in findings(said)} >= {
        ("ssn", "123-45-6780"),
        ("account_number", "GB82 WEST 1234 5698 7654 32"),
    }


def test_a_telephone_number_of_a_member_is_no_member_number():
    found = {one.field: one.value for one in findings("Member called back, alternate 937-555-1234. Member ID: W123456")}
    assert found == {"phone": "937-555-1234", "member_id": "W123456"}


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Tax form lists 337551520 as the recipient's social security no.", ["337551520"]),
        ("Reference 337551520, SSN 219-09-1001.", ["219-09-1001"]),
        ("Order 337551520 was paid.", []),
    ],
)
def test_a_word_behind_a_number_speaks_for_it_where_no_other_number_follows(text, numbers):
    assert [one.value for one in findings(text) if one.field == "ssn"] == numbers
