"""Whatever is uploaded: no crash, no hang, no memory without bound, and never a part that is silently nobody."""

import base64
import gzip
import io
import json
import tarfile
import time
import zipfile

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from tests.exposure.populations import people, roster
from tests.exposure.rosters import WRITERS
from tests.exposure.scanning import limits, scanned, told

pytestmark = pytest.mark.slow  # together with the others they take longer than make check may

ROWS = roster(people(seed=1, households=4), seed=1)
CONTENTS = {name: write(ROWS) for name, (write, _) in WRITERS.items()}
QUICK = settings(deadline=None, max_examples=5, suppress_health_check=list(HealthCheck))


def zipped(**members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def reasons(found):
    return {(each["part"], each["why"]) for each in found["unreadable"]}


@pytest.mark.slow
@QUICK
@given(st.binary(max_size=3000))
def test_any_bytes_are_scanned_without_a_failure_of_ours(content):
    found = told(content)
    assert (found["coverage"] == "complete") == (not found["unreadable"])


@pytest.mark.slow
@QUICK
@given(st.text(max_size=3000))
def test_any_text_is_scanned(text):
    found = told(text.encode("utf-8", "surrogatepass"))
    assert found["people"] <= max(1, len(text))


@pytest.mark.slow
@pytest.mark.parametrize("name", CONTENTS)
@QUICK
@given(data=st.data())
def test_a_file_that_is_cut_is_scanned(name, data, caplog):
    content = CONTENTS[name]
    cut = data.draw(st.integers(0, len(content)))
    told(content[:cut], name)
    assert "a reader failed" not in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize("name", CONTENTS)
@QUICK
@given(data=st.data())
def test_a_file_that_is_changed_somewhere_is_scanned(name, data, caplog):
    content = bytearray(CONTENTS[name])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=6))
        content = content or bytearray(b"x")
    told(bytes(content), name)
    assert "a reader failed" not in caplog.text


def test_an_entity_bomb_is_refused_and_told():
    bomb = (
        b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "' + b"x" * 1000 + b'"><!ENTITY b "&a;&a;&a;&a;">]>'
        b'<ClinicalDocument xmlns="urn:hl7-org:v3"><title>&b;</title></ClinicalDocument>'
    )
    assert reasons(told(bomb, "d.xml")) == {("d.xml", "damaged")}


@pytest.mark.slow
def test_a_zip_bomb_is_stopped_by_its_ratio():
    found = told(zipped(bomb=b"a,b\n" * 5_000_000), limits=limits(expansion_bytes_free=100_000, expansion_ratio_max=10))
    assert ("bomb", "too-large") in reasons(found)
    assert found["coverage"] == "unreadable"


@pytest.mark.slow
def test_a_gzip_bomb_is_stopped_by_its_ratio():
    found = told(
        gzip.compress(b"a,b\n" * 5_000_000), "x.gz", limits=limits(expansion_bytes_free=100_000, expansion_ratio_max=10)
    )
    assert reasons(found) == {("x.gz", "too-large")}


def test_archives_in_archives_end_at_the_limit():
    content = WRITERS["csv"][0](ROWS)
    for _ in range(4):
        content = zipped(inner=content)
    assert told(content, limits=limits(archive_depth_max=4))["people"] > 0
    deeper = told(content, limits=limits(archive_depth_max=3))
    assert reasons(deeper) == {("inner/inner/inner/inner", "too-large")}
    assert deeper["people"] == 0


def test_an_archive_of_too_many_entries_is_told():
    assert told(zipped(a=b"1", b=b"2"), "x.zip", limits=limits(archive_entries_max=2))["coverage"] != "unreadable"
    assert reasons(told(zipped(a=b"1", b=b"2", c=b"3"), "x.zip", limits=limits(archive_entries_max=2))) == {
        ("x.zip", "too-large")
    }


def test_a_line_past_its_limit_is_told():
    long = b"name,ssn\n" + b"x" * 3_000_000 + b",1\n"
    found = told(long, "x.csv", limits=limits(record_bytes_max=100_000, block_bytes=50_000))
    assert reasons(found) == {("x.csv", "too-large")}


@pytest.mark.slow
def test_a_line_of_ten_megabytes_within_the_limit_is_read():
    long = b"first name,last name\nAnn,Lee\nBob," + b"x" * 10_000_000 + b"\nJoe,Ray\n"
    assert told(long, "x.csv")["people"] == 3


def test_nul_bytes_and_bad_utf8_lose_nobody():
    content = b"first name,last name,ssn\nAnn,Lee\x00,123-45-6781\nB\xe9la,Kov\xe1cs,123-45-6782\n"
    assert told(content, "x.csv")["people"] == 2


def test_a_stray_quote_costs_its_own_line_at_most():
    lines = [f'P{place},Size {place}" pipe,123-45-6{place:03d}' for place in range(300)]
    content = (
        "given name,note,ssn\n" + "\n".join(lines[:150]) + '\nAnn,"broken,123-45-7000\n' + "\n".join(lines[150:]) + "\n"
    )
    assert told(content.encode(), "x.csv")["people"] >= 300


def test_quoted_line_breaks_stay_in_their_record():
    rows = "".join(f'"P{place}","Lee","1 Main St\nApt {place}","123-45-6{place:03d}"\n' for place in range(500))
    found = told(
        ('"first name","last name","address","ssn"\n' + rows).encode(), "x.csv", limits=limits(block_bytes=4096)
    )
    assert (found["records"], found["people"]) == (500, 500)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"age-encryption.org/v1\n-> X25519 abc\n", "encrypted"),
        (b"-----BEGIN PGP MESSAGE-----\n\nabc\n", "encrypted"),
        (b"\x89PNG\r\n\x1a\n" + b"0" * 100, "image-only"),
        (b"\xff\xd8\xff\xe0" + b"0" * 100, "image-only"),
        (bytes(range(256)) * 20, "unknown-format"),
        (b"Rar!\x1a\x07\x01\x00", "unknown-format"),
        (b"PK\x03\x04 and nothing", "damaged"),
        (b"PAR1 and nothing PAR1", "damaged"),
        (b"%PDF-1.7 and nothing", "damaged"),
        (b"7z\xbc\xaf\x27\x1c and nothing at all here", "damaged"),
        (b"\x1f\x8b\x08\x00 and nothing", "damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_reason(content, why):
    found = told(content, "it")
    assert reasons(found) == {("it", why)}
    assert (found["coverage"], found["people"]) == ("unreadable", 0)


def test_an_encrypted_member_is_told_beside_those_that_were_read():
    content = bytearray(zipped(**{"a.csv": WRITERS["csv"][0](ROWS), "b.csv": WRITERS["csv"][0](ROWS)}))
    local, central = content.rfind(b"PK\x03\x04"), content.rfind(b"PK\x01\x02")
    content[local + 6] |= 1
    content[central + 8] |= 1
    found = told(bytes(content), "x.zip")
    assert reasons(found) == {("b.csv", "encrypted")}
    assert found["coverage"] == "partial"
    assert found["people"] > 0


def test_an_x12_file_that_ends_within_a_set_is_partial():
    content = CONTENTS["834"]
    found = told(content[: content.rindex(b"SE*")], "x.834")
    assert reasons(found) == {("x.834", "damaged")}
    assert found["coverage"] == "partial"
    assert found["people"] > 0


def test_a_broken_line_of_json_is_told_and_the_others_are_read():
    content = CONTENTS["ndjson"] + b'{"First Name": "Zed", \n' + CONTENTS["ndjson"]
    found = told(content, "x.ndjson")
    assert found["coverage"] == "partial"
    assert found["people"] == told(CONTENTS["ndjson"], "x.ndjson")["people"]


def test_json_too_deep_is_told():
    found = told(b'[{"a":' * 5000 + b"1" + b"}]" * 5000, "x.json")
    assert found["coverage"] == "unreadable"


@pytest.mark.slow
def test_a_long_json_list_is_cut_without_being_held():
    rows = [{"first name": f"P{n}", "last name": 'Q"[{,', "ssn": f"123-45-{n:04d}"} for n in range(1, 3000)]
    content = json.dumps({"made": "today", "rows": rows}).encode()
    found = told(content, "x.json", limits=limits(record_bytes_max=2000))
    assert found["people"] == 2999
    cut = told(content[:-20], "x.json", limits=limits(record_bytes_max=2000))
    assert cut["coverage"] == "partial"


def test_links_and_devices_of_a_tar_are_nothing_to_read():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        content = WRITERS["csv"][0](ROWS)
        member = tarfile.TarInfo("../../members.csv")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    found = told(out.getvalue(), "x.tar")
    assert found["coverage"] == "complete"
    assert found["people"] > 0


def test_an_attachment_that_is_a_picture_makes_a_message_partial():
    picture = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"0" * 50)
    content = (
        b"From: a@example.org\r\nTo: b@example.org\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
        b"--x\r\nContent-Type: text/plain\r\n\r\nSSN 123-45-6789 of Ann Lee\r\n"
        b'--x\r\nContent-Type: image/png; name="scan.png"\r\nContent-Transfer-Encoding: base64\r\n'
        b'Content-Disposition: attachment; filename="scan.png"\r\n\r\n' + picture + b"\r\n--x--\r\n"
    )
    found = told(content, "m.eml")
    assert reasons(found) == {("scan.png", "image-only")}
    assert found["coverage"] == "partial"


@pytest.mark.parametrize("charset", ['"u\x00x"', "no-such-code", '"x', "utf-8;charset*=x''%00"])
def test_a_message_in_an_encoding_that_nobody_knows_is_read(charset):
    text = f"From: a@x.org\nTo: b@x.org\nSubject: x\nContent-Type: text/plain; charset={charset}\n\n"
    text += "Name: Ann Lee\nSSN: 123-45-6780\n"
    found = scanned(text.encode(), "x.eml")
    assert not found.unreadable
    assert found.count.classes["ssn"] == 1


def test_more_unreadable_parts_than_are_told_one_by_one_still_show():
    content = zipped(**{f"p{n}.png": b"\x89PNG\r\n\x1a\n" for n in range(5)})
    found = told(content, limits=limits(unreadable_told_max=3))
    assert [each["part"] for each in found["unreadable"]] == ["p0.png", "p1.png", "p2.png", "(more parts)"]
    assert scanned(content).coverage.value == "unreadable"


class PanicException(BaseException):
    """As libraries written in Rust raise it."""


def test_a_library_that_panics_costs_its_part_and_says_nothing_of_the_data(monkeypatch, caplog):
    def panic(_):
        raise PanicException("123-45-6789")

    monkeypatch.setattr("sealane.exposure.scan.reader_of", lambda _: panic)
    assert reasons(told(b"first name,last name\nAnn,Lee\n", "x.csv")) == {("x.csv", "damaged")}
    assert "PanicException" in caplog.text
    assert "123-45-6789" not in caplog.text


def test_being_stopped_stops_a_scan(monkeypatch):
    def stopped(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("sealane.exposure.scan.reader_of", lambda _: stopped)
    with pytest.raises(KeyboardInterrupt):
        told(b"first name,last name\nAnn,Lee\n", "x.csv")


# --- What takes the square of its length, or is counted as nobody -----------------------------------------------------

SLOW_ONCE = {
    "spaces behind a label": b"Name: x" + b" " * 300_000 + b"y\n",
    "tabs": b"x1 @ a" + b"\t" * 60_000,
    "comments that never end": b"<html>" + b"<!--" * 80_000,
    "programs that never end": b"<html>" + b"<script " * 40_000,
    "a stray quote before many quoted lines": b'a,b\n"x,1\n' + b'"a",1\n' * 30_000,
    "hyphened capitals": b"A-" * 100_000 + b" 1",
    "parameters of a header": b"To: a@b\nFrom: q@z\nSubject: x\nContent-Type: text/plain; "
    + b"a=b;" * 10_000
    + b"\n\nx",
}


@pytest.mark.parametrize("name", SLOW_ONCE)
def test_what_was_slow_takes_the_time_of_its_length(name):
    begun = time.process_time()
    told(SLOW_ONCE[name], "x")
    assert time.process_time() - begun < 20, "some hundredfold of what it takes"


LINE = "Patient: Anna Meier, born 1961-04-{:02d}, SSN 219-09-{:04d}, lives in Portland.\n"


def test_sentences_with_commas_are_no_table_of_nobody():
    found = told("".join(LINE.format(day, 1000 + day) for day in range(1, 21)).encode(), "notes.txt")
    assert (found["format"], found["people"]) == ("text", 20)
    assert found["classes"]["ssn"] == found["classes"]["birth_date"] == 20


def test_a_label_before_a_whole_sentence_hides_nothing_of_it():
    found = told(LINE.format(3, 1003).encode(), "note.txt")
    assert found["classes"] == {"name": 1, "birth_date": 1, "ssn": 1}


def test_a_comment_that_never_ends_hides_nobody():
    assert told(b"<html><!-- <p>Ann Smith, SSN 219-09-1001</p>")["people"] == 1


def mail(attachment, *, closed=True):
    return (
        b"From: a@example.org\nTo: b@example.org\nSubject: s\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
        b'Content-Type: text/csv; name="m.csv"\nContent-Disposition: attachment; filename="m.csv"\n'
        b"Content-Transfer-Encoding: base64\n\n" + attachment + b"\n" + (b"--b--\n" if closed else b"")
    )


def test_an_attachment_that_is_cut_is_read_so_far_and_told():
    table = b"first name,last name,ssn\n" + b"".join(b"Ann%c,Lee,219-09-%04d\n" % (97 + n, 1000 + n) for n in range(20))
    coded = base64.b64encode(table)
    whole = told(mail(coded))
    assert (whole["people"], whole["coverage"]) == (22, "complete")
    for spoilt in (coded[:401], coded[:400] + b"\x00" + coded[400:]):
        found = told(mail(spoilt))
        assert 12 < found["people"] < 22
        assert reasons(found) == {("m.csv", "damaged")}
    found = told(mail(coded, closed=False))
    assert found["people"] == 22
    assert ("part 1", "damaged") in reasons(found)


def test_an_attachment_in_a_coding_that_nobody_knows_is_told():
    found = told(mail(b"abc").replace(b"base64", b"x-secret"))
    assert ("m.csv", "damaged") in reasons(found)
