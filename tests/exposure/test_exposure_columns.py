"""What columns hold is told by their header's words, else by their values."""

import random
from datetime import date, timedelta

import pytest

from sealane.exposure.tables.columns import find_layout, is_header
from sealane.exposure.tables.headers import meaning_of
from sealane.exposure.tables.slots import Slot
from tests.exposure.scanning import TODAY, listed, scanned, told

pytestmark = pytest.mark.slow  # together with the others they take longer than make check may

HEADERS = {
    "SSN": "ssn", "Social Security Number": "ssn", "SocialSecurityNo": "ssn", "soc_sec_num": "ssn", "MBR_SSN": "ssn",
    "DOB": "birth_date", "BirthDate": "birth_date", "MBR_BIRTH_DT": "birth_date", "patient.birthDate": "birth_date",
    "First Name": "given", "FNAME": "given", "first_nm": "given", "PatientFirstName": "given", "Vorname": "given",
    "LAST_NAME": "family", "Surname": "family", "MemberLastName": "family", "patient.name.family": "family",
    "claims.diagnosis": "diagnosis", "diagnoses.name": "diagnosis",
    "Full Name": "full_name", "Patient Name": "full_name", "employee": "full_name", "Name": "full_name",
    "Address 1": "line", "ADDR1": "line", "Street Address": "line", "addr_line_1": "line", "City": "city",
    "State": "state", "ST": "state", "Zip Code": "zip", "ZIP5": "zip", "PostalCode": "zip",
    "Phone": "phone", "Mobile Number": "phone", "HomePhone": "phone", "E-mail Address": "email", "email": "email",
    "MBI": "medicare_id", "Medicare Number": "medicare_id", "HICN": "medicare_id", "Medicaid ID": "medicaid_id",
    "Member ID": "member_id", "SUBSCRIBER_ID": "member_id", "Policy Number": "member_id", "memberId": "member_id",
    "MRN": "medical_record_number", "Medical Record #": "medical_record_number", "PatientID": "medical_record_number",
    "Driver License": "drivers_license", "DL Number": "drivers_license", "Passport No": "passport", "ITIN": "itin",
    "Diagnosis Code": "diagnosis", "DX1": "diagnosis", "ICD10": "diagnosis", "CPT": "procedure", "HCPCS": "procedure",
    "Drug Name": "medication", "NDC": "medication", "Claim Number": "claim", "claim_id": "claim",
    "Account Number": "account_number", "IBAN": "account_number", "Card Number": "card_number",
    "Password": "credential",
    "NPI": "npi", "Plan Sponsor": "owner", "Covered Entity": "owner",
}  # fmt: skip
NOT_PEOPLE = (
    "Provider Name", "Prescriber Last Name", "Facility Address", "Pharmacy Phone", "Claim Date", "Account Balance",
    "Birth State", "Last Visit Date", "County Name", "Group Name Type", "File Name", "Employer Phone",
    "created_by_name",
)  # fmt: skip


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_says_what_its_column_holds(header):
    assert meaning_of(header).slot == HEADERS[header]


@pytest.mark.parametrize("header", NOT_PEOPLE)
def test_providers_payers_and_dates_are_nobodys_data(header):
    assert meaning_of(header).slot in {Slot.OTHER, Slot.OWNER, None}


@pytest.mark.parametrize("header", ["FIELD07", "col_3", "X12", "", "17", "Unnamed: 4"])
def test_some_headers_say_nothing(header):
    assert meaning_of(header).slot is None


def values(dice, kind, count=400):
    day = date(1930, 1, 1)
    make = {
        "ssn": lambda: f"{dice.randint(1, 665):03d}{dice.randint(1, 99):02d}{dice.randint(1, 9999):04d}",
        "claim-like": lambda: f"{dice.randint(0, 999_999_999):09d}",
        "birth_date": lambda: (day + timedelta(days=dice.randrange(30_000))).strftime("%m/%d/%Y"),
        "service": lambda: str(date(2025, 1, 1) + timedelta(days=dice.randrange(300))),
        "given": lambda: dice.choice(
            ["John", "Mary", "Robert", "Linda", "Wei", "Ana", "Omar", "Priya", "James", "Karen", "Devonte", "Xochitl"]
        ),
        "family": lambda: dice.choice(
            ["Smith", "Garcia", "Zhang", "Hassan", "Miller", "Brown", "Nowak", "Rossi", "Kim", "Achterberg"]
        ),
        "line": lambda: f"{dice.randint(1, 9999)} {dice.choice(['Oak', 'Main', 'Lake'])} St",
        "city": lambda: dice.choice(["Portland", "Boston", "Miami", "St. Paul", "Salt Lake City"]),
        "state": lambda: dice.choice(["ME", "MA", "FL", "MN", "UT"]),
        "zip": lambda: dice.choice(["04101", "02108", "33101", "55101-1234", "84101"]),
        "phone": lambda: f"({dice.randint(201, 989)}) 555-{dice.randint(0, 9999):04d}",
        "email": lambda: f"a{dice.randint(1, 99999)}@example.org",
        "medicare_id": lambda: (
            f"{dice.randint(1, 9)}EG{dice.randint(0, 9)}TE{dice.randint(0, 9)}MK{dice.randint(10, 99)}"
        ),
        "diagnosis": lambda: dice.choice(["E11.9", "I10", "J45.909", "M54.5"]),
        "amount": lambda: f"{dice.randint(1, 9999)}.{dice.randint(0, 99):02d}",
        "sex": lambda: dice.choice("MF"),
        "member_id": lambda: f"W{dice.randint(10**8, 10**9 - 1)}",
        "flag": lambda: dice.choice(["Y", "N"]),
    }[kind]
    return [make() for _ in range(count)]


OPAQUE = (
    "member_id", "given", "family", "birth_date", "sex", "ssn", "line", "city", "state", "zip", "phone", "email",
    "medicare_id", "diagnosis", "service", "amount", "claim-like", "flag",
)  # fmt: skip


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 10))])
def test_opaque_columns_are_told_by_their_values(seed):
    dice = random.Random(seed)
    kinds = list(OPAQUE)
    layout = find_layout(
        [f"FIELD{at:02d}" for at in range(len(kinds))], [values(dice, kind) for kind in kinds], today=TODAY
    )
    expected = [kind if kind in set(Slot) else "other" for kind in kinds]
    right = sum(column.slot == wanted for column, wanted in zip(layout.columns, expected, strict=True))
    assert right / len(kinds) >= 0.95, [column.slot.value for column in layout.columns]


def test_random_nine_digits_are_no_social_security_numbers():
    dice = random.Random(1)
    for _ in range(5):
        layout = find_layout(None, [values(dice, "claim-like")], today=TODAY)
        assert layout.columns[0].slot is Slot.OTHER


def test_numbers_that_count_up_are_no_social_security_numbers():
    layout = find_layout(None, [[f"{123_450_001 + n}" for n in range(500)]], today=TODAY)
    assert layout.columns[0].slot is Slot.OTHER


def test_a_typed_header_is_believed_over_the_validator():
    layout = find_layout(["ssn"], [["999-12-3456", "000-00-0002", "666-11-1111"]], today=TODAY)
    assert layout.columns[0].slot is Slot.SSN


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ([["First", "Last"], ["Ann", "Lee"], ["Bob", "Ray"]], True),
        ([["FIELD1", "FIELD2"], ["Ann", "44"], ["Bob", "45"]], True),
        ([["Ann", "Lee"], ["Bob", "Ray"], ["Joe", "Doe"]], False),
        ([["Ann", "1961-04-30"], ["Bob", "1962-04-30"]], False),
        ([["name", "1961"], ["Bob", "1962"]], False),
    ],
)
def test_a_header_is_told_from_a_first_record(rows, wanted):
    assert is_header(rows[0], rows[1:]) is wanted


def test_a_row_of_a_member_and_their_subscriber_is_of_two_people():
    content = (
        b"Patient First Name,Patient Last Name,Patient DOB,Subscriber First Name,Subscriber Last Name,"
        b"Subscriber SSN,Member ID\n"
        b"Tim,Lee,2010-01-02,Ann,Lee,123-45-6789,M1\nEva,Ray,2011-01-02,Bob,Ray,123-45-6788,M2\n"
    )
    lines = {line["given"]: line for line in listed(scanned(content, "x.csv"))}
    assert set(lines) == {"Tim", "Ann", "Eva", "Bob"}
    assert lines["Ann"]["ssn"] == "123456789"
    assert "ssn" not in lines["Tim"]
    assert lines["Tim"]["member_id"] == "M1"


def test_an_emergency_contact_is_somebody_too():
    content = (
        b"employee name,ssn,emergency contact name,emergency contact phone\n"
        b"Ann Lee,123-45-6789,Bob Lee,207-555-1234\nJoe Ray,123-45-6788,,\n"
    )
    assert told(content, "x.csv")["people"] == 3


def test_a_provider_directory_is_of_nobody():
    content = (
        b"NPI,Provider Last Name,Provider First Name,Practice Address,Practice Phone\n"
        b"1234567893,Welby,Marcus,1 Main St,2075551234\n"
    )
    assert told(content, "x.csv")["people"] == 0


@pytest.mark.parametrize(
    ("written", "given", "family"),
    [
        ("Lee, Ann M", "Ann", "Lee"),
        ("Ann M. Lee", "Ann", "Lee"),
        ("Ludwig van Beethoven", "Ludwig", "van Beethoven"),
        ("Dr. Ann Lee", "Ann", "Lee"),
        ("SMITH JR, JOHN", "JOHN", "SMITH"),
        ("John Smith III", "John", "Smith"),
    ],
)
def test_names_in_one_piece_are_taken_apart(written, given, family):
    (line,) = listed(scanned(f'name,ssn\n"{written}",123-45-6789\n'.encode(), "x.csv"))
    assert (line["given"], line["family"]) == (given, family)


@pytest.mark.parametrize("shape", ["%d/%m/%Y", "%d.%m.%Y", "%Y-%m-%d", "%m/%d/%Y", "%d-%b-%Y", "%B %d, %Y", "%Y%m%d"])
def test_dates_are_read_in_the_order_of_their_column(shape):
    days = [date(1950 + n, n % 12 + 1, n + 1) for n in range(28)]
    rows = "".join(f'P{n},Lee,"{day.strftime(shape)}"\n' for n, day in enumerate(days))
    lines = listed(scanned(f"first name,last name,dob\n{rows}".encode(), "x.csv"))
    assert {line["birth_date"] for line in lines} == {day.isoformat() for day in days}


def test_titles_above_the_header_are_passed_over():
    content = b"Member report\nMade 2026-01-31\n\nfirst name,last name,ssn\nAnn,Lee,123-45-6789\nBob,Ray,123-45-6788\n"
    found = told(content, "x.csv")
    assert (found["people"], found["records"]) == (2, 2)


def test_zeros_that_a_spreadsheet_took_away_are_put_back():
    (line,) = listed(scanned(b"first name,last name,ssn,zip\nAnn,Lee,12345678,4101\n", "x.csv"))
    assert (line["ssn"], line["address"]["zip"], line["address"]["state"]) == ("012345678", "04101", "ME")


def test_a_state_is_told_by_name_by_code_or_by_zip():
    rows = b"name,state,zip\nAnn Lee,Maine,\nBob Ray,me,\nJoe Doe,,04101\nEva Kim,ON,\nUma Fox,,\n"
    assert told(rows, "x.csv")["states"] == {"ME": 3, "non-us": 1, "unknown": 1}


def test_owners_are_told_by_a_column():
    rows = b"name,ssn,plan sponsor\nAnn Lee,123-45-6789,ACME\nBob Ray,123-45-6788,Globex\nAnn Lee,123-45-6789,Globex\n"
    assert told(rows, "x.csv")["owners"] == {"ACME": 1, "Globex": 2}
