"""What stands beside the text of a file: forms, notes, attachments, subjects, scans with a line of text above them."""

import io
import zipfile
import zlib

import pytest

from sealane.exposure.readers import seven_zip
from tests.exposure.scanning import listed, scanned, told

pytestmark = pytest.mark.slow  # together with the others they take longer than make check may

PAGE = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Resources << %s >> /Annots [%s] >>"
FONT = b"/Font << /F 5 0 R >>"


def pdf(content, *more, resources=FONT, notes=b"", catalog=b""):
    """A PDF of one page, written by hand: `more` are objects from number 6 on."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R %s >>" % catalog,
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        PAGE % (resources, notes),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        *more,
    ]
    out, places = b"%PDF-1.7\n", []
    for number, each in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    tail = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(out))
    return out + head + table + tail


def written(text):
    return b"BT /F 12 Tf 50 700 Td (%s) Tj ET" % text


PICTURE = (
    b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray"
    b" /BitsPerComponent 8 /Length 1 >>\nstream\nx\nendstream"
)


def field(name, value):
    return b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (%s) /V (%s) /Rect [50 500 300 520] /P 3 0 R >>" % (
        name,
        value,
    )


def test_what_was_filled_into_a_form_is_read():
    content = pdf(
        written(b"Intake form"),
        field(b"Name", b"Ann Lee"),
        field(b"SSN", b"219-09-1001"),
        notes=b"6 0 R 7 0 R",
        catalog=b"/AcroForm << /Fields [6 0 R 7 0 R] >>",
    )
    found = scanned(content, "x.pdf")
    (line,) = listed(found)
    assert (line["family"], line["ssn"], found.coverage.value) == ("Lee", "219091001", "complete")


def test_a_note_on_a_page_is_read():
    note = b"<< /Type /Annot /Subtype /Text /Rect [1 1 9 9] /Contents (Ann Lee, SSN 219-09-1001) >>"
    assert told(pdf(written(b"Plan"), note, notes=b"6 0 R"), "x.pdf")["classes"] == {"name": 1, "ssn": 1}


def test_a_file_attached_to_a_document_is_read():
    table = b"first name,last name,ssn\nAnn,Lee,219-09-1001\nBob,Ray,219-09-1002\n"
    content = pdf(
        written(b"See the table."),
        b"<< /Type /Filespec /F (m.csv) /UF (m.csv) /EF << /F 7 0 R >> >>",
        b"<< /Type /EmbeddedFile /Length %d /Params << /Size %d >> >>\nstream\n%s\nendstream"
        % (len(table), len(table), table),
        catalog=b"/Names << /EmbeddedFiles << /Names [(m.csv) 6 0 R] >> >>",
    )
    assert (told(content, "x.pdf")["people"], told(content, "x.pdf")["coverage"]) == (2, "complete")


@pytest.mark.parametrize(
    ("size", "text", "blind"),
    [
        (b"600 0 0 780 0 0", b"FROM 2075551234 PAGE 01/03", True),
        (b"60 0 0 60 0 0", b"A letter with a logo", False),
        (b"600 0 0 780 0 0", b"word " * 100, False),
    ],
)
def test_a_scan_with_a_line_above_it_is_a_picture(size, text, blind):
    content = pdf(b"q %s cm /I Do Q " % size + written(text), PICTURE, resources=FONT + b" /XObject << /I 6 0 R >>")
    assert told(content, "x.pdf")["unreadable"] == ([{"part": "page 1", "why": "image-only"}] if blind else [])


def test_the_subject_of_a_message_is_read():
    text = b"From: a@example.org\nTo: b@example.org\nSubject: {}\nContent-Type: text/plain\n\nSee above.\n"
    assert "ssn" in told(text.replace(b"{}", b"Ann Lee, SSN 219-09-1001"))["classes"]


def test_a_message_of_boundaries_without_end_is_told():
    pieces = b"".join(b'--b%d\nContent-Type: multipart/mixed; boundary="b%d"\n\n' % (n, n + 1) for n in range(600))
    head = b'From: a@example.org\nTo: b@example.org\nSubject: x\nContent-Type: multipart/mixed; boundary="b0"\n\n'
    assert told(head + pieces)["unreadable"][0]["why"] == "too-large"


def test_plain_text_that_a_c_cda_covers_is_read():
    content = (
        '<ClinicalDocument xmlns="urn:hl7-org:v3"><recordTarget><patientRole><id extension="7" root="1.2"/><patient>'
        "<name><given>Eva</given><family>Fox</family></name></patient></patientRole></recordTarget><component>"
        '<nonXMLBody><text mediaType="text/plain">Seen with Ann Lee, SSN 219-09-1001.</text></nonXMLBody>'
        "</component></ClinicalDocument>"
    )
    assert told(content.encode(), "d.xml")["people"] == 2


def test_notes_of_a_workbook_are_read_and_rows_that_a_pivot_table_kept_are_told():
    import xlsxwriter

    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        page = book.add_worksheet("A")
        page.write_row(0, 0, ["first name", "last name"])
        page.write_row(1, 0, ["Zoe", "Kim"])
        page.write_comment(1, 1, "Ann Lee, SSN 219-09-1001")
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("xl/pivotCache/pivotCacheRecords1.xml", "<r/>")
    found = told(out.getvalue(), "x.xlsx")
    assert (found["people"], found["classes"]["ssn"]) == (2, 1)
    assert found["unreadable"] == [{"part": "xl/pivotCache/pivotCacheRecords1.xml", "why": "unknown-format"}]


def test_what_deflate_has_not_taken_does_not_pile_up():
    plain = b"a,b,c\n" * 2_000_000
    packed = zlib.compress(plain, 1, wbits=-15)
    folder = seven_zip._Folder([seven_zip._Coder(b"\x04\x01\x08", b"")], packed=len(packed), unpacked=[len(plain)])
    unpacked = seven_zip._Unpacked(io.BytesIO(packed), folder)
    size, most = 0, 0
    while piece := unpacked.read(1 << 16):
        size += len(piece)
        most = max(most, len(unpacked._decoder.unconsumed_tail))
    assert size == len(plain)
    assert most <= 1 << 18, "no more than was read at once"
