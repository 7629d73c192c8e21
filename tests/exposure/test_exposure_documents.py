"""Formats that others wrote: 7z, old spreadsheets, PDF; and messages, mailboxes, documents in documents."""

import base64
import io
import json
import zipfile
from pathlib import Path

import pytest

from tests.exposure.scanning import limits, listed, scanned, told

pytestmark = pytest.mark.slow  # together with the others they take longer than make check may

DATA = Path(__file__).parent / "data"
THREE = {"123456781", "123456782", "123456783"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((f"{method}.7z", "archive") for method in ("lzma2", "lzma1", "bzip2", "deflate", "stored", "x86")),
        ("members.xls", "xls"),
        ("members.ods", "ods"),
        ("members.pdf", "pdf"),
    ],
)
def test_the_people_of_a_file_that_others_wrote(name, kind):
    found = scanned((DATA / name).read_bytes(), name)
    assert (found.format.value, found.coverage.value) == (kind, "complete")
    assert {line["ssn"] for line in listed(found)} == THREE
    assert found.count.states == {"FL": 1, "MA": 1, "ME": 1}


@pytest.mark.parametrize(
    ("name", "part", "why"),
    [
        ("encrypted.7z", "in/members.csv", "encrypted"),
        ("hidden.7z", "hidden.7z", "encrypted"),
        ("ppmd.7z", "in/members.csv", "unknown-format"),
        ("encrypted.pdf", "encrypted.pdf", "encrypted"),
        ("picture.pdf", "picture.pdf", "image-only"),
    ],
)
def test_what_of_them_cannot_be_read_is_told(name, part, why):
    found = told((DATA / name).read_bytes(), name)
    assert {"part": part, "why": why} in found["unreadable"]
    assert (found["people"], found["coverage"]) == (0, "unreadable")


def test_a_page_that_is_a_picture_makes_a_document_partial():
    found = told((DATA / "partly.pdf").read_bytes(), "x.pdf")
    assert found["unreadable"] == [{"part": "page 4", "why": "image-only"}]
    assert (found["people"], found["coverage"]) == (3, "partial")


def test_a_7z_bomb_is_stopped():
    content = (DATA / "lzma2.7z").read_bytes()
    found = told(content, "x.7z", limits=limits(expansion_bytes_free=10, expansion_ratio_max=1))
    assert found["unreadable"][0]["why"] == "too-large"


def test_a_document_inside_a_c_cda_is_read_too():
    inner = base64.b64encode((DATA / "members.pdf").read_bytes()).decode()
    content = (
        '<ClinicalDocument xmlns="urn:hl7-org:v3"><recordTarget><patientRole><id extension="7" root="1.2"/><patient>'
        "<name><given>Eva</given><family>Fox</family></name></patient></patientRole></recordTarget><component>"
        f'<nonXMLBody><text mediaType="application/pdf" representation="B64">{inner}</text></nonXMLBody>'
        "</component></ClinicalDocument>"
    )
    found = told(content.encode(), "d.xml")
    assert (found["format"], found["people"], found["coverage"]) == ("ccda", 4, "complete")


def test_a_mailbox_is_read_message_by_message():
    one = "From a@x.org Sat Jan  3 01:05:34 2026\nFrom: Ann Lee <ann@x.org>\nTo: bob@x.org\n\nSSN {} of Zoe Kim\n\n"
    content = "".join(one.format(f"123-45-678{n}") for n in range(1, 4)).encode()
    found = scanned(content, "x.mbox")
    assert found.format.value == "email"
    assert {line.get("ssn") for line in listed(found)} >= THREE


def test_a_workbook_tells_each_sheet_and_what_is_embedded():
    import xlsxwriter

    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        for sheet, number in (("A", 123456781), ("B", 123456782)):
            page = book.add_worksheet(sheet)
            page.write_row(0, 0, ["Members of 2026"])
            page.write_row(2, 0, ["first name", "last name", "ssn", "dob"])
            page.write_row(3, 0, ["Ann", "Lee", number, 22401], None)
        book.add_worksheet("empty")
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("xl/media/image1.png", b"\x89PNG\r\n\x1a\n")
    found = told(out.getvalue(), "x.xlsx")
    assert found["classes"]["ssn"] == 2
    assert found["unreadable"] == [{"part": "xl/media/image1.png", "why": "image-only"}]


def test_a_workbook_with_more_cells_than_its_limit_is_told():
    import xlsxwriter

    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        page = book.add_worksheet("A")
        page.write(0, 0, "x")
        page.write(99, 99, "x")
    assert told(out.getvalue(), "x.xlsx", limits=limits(sheet_cells_max=9_999))["unreadable"] == [
        {"part": "A", "why": "too-large"}
    ]
    assert told(out.getvalue(), "x.xlsx", limits=limits(sheet_cells_max=10_000))["coverage"] == "complete"


def test_a_fhir_bundle_joins_what_is_told_of_a_patient():
    patient = {
        "resourceType": "Patient",
        "id": "7",
        "name": [{"family": "Lee", "given": ["Ann"]}],
        "birthDate": "1961-04-30",
    }
    condition = {"resourceType": "Condition", "subject": {"reference": "Patient/7"}}
    other = {"resourceType": "MedicationRequest", "subject": {"reference": "urn:uuid:8"}}
    doctor = {"resourceType": "Practitioner", "id": "9", "name": [{"family": "Welby", "given": ["Marcus"]}]}
    entries = [
        {"fullUrl": f"urn:uuid:{n}", "resource": each} for n, each in enumerate((patient, condition, other, doctor))
    ]
    content = json.dumps({"resourceType": "Bundle", "type": "batch", "entry": entries}).encode()
    found = told(content, "b.json")
    assert found["format"] == "fhir"
    assert found["people"] == 2
    assert found["classes"] == {"name": 1, "birth_date": 1, "diagnosis": 1, "medication": 1}
    small = limits(record_bytes_max=300)
    assert told(content, "b.json", limits=small)["people"] == 2


def test_people_inside_records_of_json_are_people_of_their_own():
    content = json.dumps(
        [
            {
                "name": {"first": "Ann", "last": "Lee"},
                "ssn": "123-45-6781",
                "claims": [{"diagnosis": "I10", "amount": 5}],
                "dependents": [{"first_name": "Tim", "last_name": "Lee", "dob": "2010-01-02"}],
            }
        ]
    ).encode()
    lines = {line["given"]: line["classes"] for line in listed(scanned(content, "x.json"))}
    assert lines == {"Ann": ["name", "ssn", "diagnosis"], "Tim": ["name", "birth_date"]}


def test_hl7_counts_relatives_and_a_patient_who_is_their_own_guarantor_once():
    content = (
        b"MSH|^~\\&|A|CLINIC|B|B|20260101||ADT^A01|1|P|2.5\r"
        b"PID|1||77^^^C^MR~123456781^^^SSA^SS||LEE^ANN||19610430|F|||1 MAIN ST^^PORTLAND^ME^04101\r"
        b"NK1|1|LEE^BOB|SPO|1 MAIN ST^^PORTLAND^ME^04101|2075551234\r"
        b"GT1|1||LEE^ANN||||||||SEL\r"
        b"IN1|1|P1|1|PLAN||||||||||||LEE^BOB|SPO|19600101||||||||||||||||||M77\r"
        b"DG1|1||I10\r"
    )
    found = scanned(content, "x.hl7")
    lines = {line["given"]: line for line in listed(found)}
    assert set(lines) == {"ANN", "BOB"}
    assert lines["ANN"]["ssn"] == "123456781"
    assert "diagnosis" in lines["ANN"]["classes"]
    assert found.count.owners == {"CLINIC": 2}


def test_every_line_of_a_list_in_running_text_is_somebody():
    text = "Enrolled:\n" + "".join(
        f"{name} 123-45-678{n}\n" for n, name in enumerate(("Ann Lee", "Xqz Vbn", "Bob Ray"), start=1)
    )
    assert {line["ssn"] for line in listed(scanned(text.encode(), "x.txt"))} == THREE
