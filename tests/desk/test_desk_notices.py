"""Notices: what owners, individuals, authorities and the public are told, and what is owed until when."""

import base64
import csv
import email
import email.policy
import hashlib
import html
import io
import json
import re
import tarfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import httpx
import hypothesis
import msgspec
import polars as pl
import pypdfium2
import pytest
import python_calamine
from hypothesis import strategies as st

from sealane.desk import taking
from sealane.desk.failures import DeskDamaged, OutputExists, PageHidden, PartyInvalid, RulesInvalid
from sealane.desk.incidents import answering, deadlines, records
from sealane.desk.incidents.records import Called, Dated, Decided, Delivered, Died, Disclosed, Done
from sealane.desk.notices import attestation, charts, fetching, kinds, letters, making, markup, page, party
from sealane.desk.notices.addressees import Addressee, Exposed, InFiles, everybody, of_incident
from sealane.desk.notices.merges import as_csv, as_xlsx
from sealane.vault.age import files
from sealane.vault.age.x25519 import X25519Identity
from tests.desk.worlds import START, person
from tests.tries import tries

pytestmark = pytest.mark.slow  # together they take longer than make check may

OCCURRED, DISCOVERED = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 12, tzinfo=UTC)
NOW = datetime(2026, 4, 2, tzinfo=UTC)
URL = "https://example.org/notice"
PARTY = party.Party(
    name="Example Processing", address=("1 Main St", "Augusta, ME 04330"), phone="1-800-555-0100",
    happened=("A thief copied files.",), doing=("We closed the hole.",), signed_by="Dana Doe, Privacy Officer",
)  # fmt: skip


@pytest.fixture
def told(desk, world):
    """An incident over two owners who share a person, with a child and somebody without an address."""
    world.now = datetime(2026, 2, 1, tzinfo=UTC)
    world.file(
        "north:/claims/a.csv",
        [person(1), person(2, birth_date=date(2015, 5, 5)), person(3, line=None, zip=None, city=None)],
    )
    world.file(
        "south:/roll.csv", [person(1, classes=("name", "address")), person(4, state="MA", given='=HYPERLINK("x")')]
    )
    taken = taking.sync(desk, world.publish()).taken
    number = records.open_(desk, "Theft", occurred=OCCURRED, discovered=DISCOVERED, now=NOW)
    return taken, number


def made(desk, told, **more):
    taken, number = told
    incident = records.load(desk, number)
    figures = more.pop("figures", None) or answering.look(taken, incident).figures
    given = {"party": PARTY, "rules": deadlines.load(), "recipients": {}, "url": URL, "now": NOW} | more
    return making.make(desk, taken, incident, figures, **given)


def texts(pdf):
    with pypdfium2.PdfDocument(pdf) as document:
        return [one.get_textpage().get_text_range() for one in document]


def test_everybody_on_the_strict_list_gets_a_letter_and_nobody_two_from_one_party(desk, told):
    _, number = told
    for owner in ("north", "south"):
        records.add(desk, number, Decided(at=NOW, owner=owner, notifier="processor"))
    done = made(desk, told)
    assert done.letters == {"the processor": 3}
    assert done.without_address == {"the processor": 1}
    pages = [
        text
        for name, pdf in done.files.items()
        if name.startswith("letters/") and name.endswith(".pdf")
        for text in texts(pdf)
    ]
    assert len(pages) == 3
    shared = " ".join(next(text for text in pages if "of north" in text and "of south" in text).split())
    north, south = shared.split("A file of south:")
    assert "Social Security number" in north.partition("A file of north:")[2]
    assert "Social Security number" not in south


def test_each_owner_who_notifies_itself_writes_to_its_own_people_about_its_own_files(desk, told):
    done = made(desk, told)
    assert done.letters == {"north": 2, "south": 2}
    south = [
        text
        for name, pdf in done.files.items()
        if "letters/south" in name and name.endswith(".pdf")
        for text in texts(pdf)
    ]
    assert all("north" not in text for text in south)
    assert any("Social Security number" not in text for text in south)


def test_a_letter_is_tagged_reads_in_order_and_does_not_hedge(desk, told):
    done = made(desk, told)
    name, pdf = next(
        (name, pdf) for name, pdf in done.files.items() if name.startswith("letters/north") and name.endswith(".pdf")
    )
    assert b"pdfuaid" in pdf
    assert b"/MarkInfo" in pdf
    assert b"/Lang" in pdf
    text = " ".join(texts(pdf)[0].split())
    parts = [
        "What happened",
        "Which data was in the files",
        "What you should do",
        "What we are doing",
        "How to reach us",
    ]
    assert [text.index(part) for part in parts] == sorted(text.index(part) for part in parts)
    assert "March 12, 2026" in text
    assert not {"may", "might", "potentially", "possibly"} & set(text.lower().split())
    assert made(desk, told).files[name] == pdf


def test_a_letter_says_in_which_kind_of_file_which_data_was(desk, told):
    taken, number = told
    taken.history.formats = {one.version_id: "x12-834" for one in taken.facts.files}
    records.add(
        desk,
        number,
        Called(at=NOW, path="/claims", name="file of claims"),
        Called(at=NOW, path="north:/claims/a.csv", name="claims file of March"),
        Called(at=NOW, path="/claim", name="nothing"),
    )
    incident = records.load(desk, number)
    exposed = of_incident(incident, taken.history)
    assert sorted(exposed.kinds.values()) == ["claims file of March", "health plan enrollment file"]
    people = everybody(taken.facts, taken.map, exposed, date(2026, 3, 12))
    both = next(one for one in people if len(one.owners) == 2)
    assert [(one.kind, one.owner) for one in both.files] == [
        ("claims file of March", "north"), ("health plan enrollment file", "south"),
    ]  # fmt: skip
    occasion = letters.Occasion(PARTY, "X", date(2026, 3, 1), date(2026, 3, 12), date(2026, 4, 2))
    text = letters.as_text(occasion, both)
    assert "A health plan enrollment file of south:\n- name\n- address\n" in text
    assert {kinds.with_article(one) for one in ("e-mail", "claims file")} == {"an e-mail", "a claims file"}


def test_a_childs_letter_goes_to_the_parent(desk, told):
    pages = [
        text
        for name, pdf in made(desk, told).files.items()
        if "north" in name and name.endswith(".pdf")
        for text in texts(pdf)
    ]
    assert sum("Parent or guardian of" in text for text in pages) == 1


def test_about_somebody_who_has_died_the_next_of_kin_is_written_to(desk, told):
    taken, number = told
    one, three = (
        taken.facts.aliases.whole().filter(pl.col("family") == person(who)["family"]).select("key", "check").row(0)
        for who in (1, 3)
    )
    records.add(
        desk,
        number,
        Died(at=NOW, alias=one, kin="Kim Doe", line="5 Elm St", city="Bangor", state="ME", zip="04401"),
        Died(at=NOW, alias=three),
    )
    done = made(desk, told, by_email=True)
    pages = [text for name, pdf in done.files.items() if "letters/north" in name and name.endswith(".pdf")
             for text in texts(pdf)]  # fmt: skip
    (letter,) = [" ".join(text.split()) for text in pages if "Kim Doe" in text]
    assert "5 Elm St" in letter
    assert "who has died. We write to you as the next of kin." in letter
    assert f"{person(1)['given']} {person(1)['family']}'s data was" in letter
    rows = list(csv.DictReader(io.StringIO(done.files["letters/north/without-address.csv"].decode())))
    assert [(row["deceased"], row["addressed_to"][:11]) for row in rows] == [("yes", "Next of kin")]


def test_an_email_has_plain_text_and_the_same_as_html_and_goes_to_nobody_else(desk, world):
    world.now = datetime(2026, 2, 1, tzinfo=UTC)
    people = [
        person(1, email="one@example.org"), person(2, birth_date=date(2015, 5, 5), email="child@example.org"),
        person(3, email="x@example.org\r\nBcc: all@example.org"), person(4, email="<a@b>"), person(5),
        person(6, given="Bcc:\r\n a@example.org,", email="six@example.org"),
    ]  # fmt: skip
    world.file("north:/claims/a.csv", people)
    taken = taking.sync(desk, world.publish()).taken
    number = records.open_(desk, "Theft", occurred=OCCURRED, discovered=DISCOVERED, now=NOW)
    with_address = msgspec.structs.replace(PARTY, email="officer@example.org")
    done = made(desk, (taken, number), by_email=True, party=with_address)
    sent = [
        email.message_from_bytes(content, policy=email.policy.default)
        for name, content in done.files.items()
        if name.endswith(".eml")
    ]
    assert done.emails == len(sent) == 2
    assert {one["To"].addresses[0].addr_spec for one in sent} == {"one@example.org", "six@example.org"}
    for one in sent:
        assert not one["Bcc"]
        assert len(one["To"].addresses) == 1
        plain, page_ = one.get_body(("plain",)).get_content(), one.get_body(("html",)).get_content()
        for said in ("What happened", "Which data was in the files", "Social Security number", "What you should do",
                     "What we are doing", "We closed the hole.", "1-800-555-0100", "March 12, 2026"):  # fmt: skip
            assert said in plain
            assert said in page_
        assert not re.search(r"(src|href)=", page_)
    assert not [name for name in made(desk, (taken, number)).files if name.endswith(".eml")]


@pytest.mark.parametrize(("people", "owed"), [(500, False), (501, True)])
def test_the_media_of_a_state_are_told_above_five_hundred(desk, told, people, owed):
    from msgspec.structs import replace as with_

    taken, number = told
    figures = answering.look(taken, records.load(desk, number)).figures
    done = made(desk, told, figures=with_(figures, by_state={"ME": people}))
    assert ("media/ME.txt" in done.files) is owed
    if owed:
        text = done.files["media/ME.txt"].decode()
        for said in ("of whom 501 live in ME", "A thief copied files.", "What people should do", "1-800-555-0100", URL):
            assert said in text
        assert person(1)["family"] not in text
        assert (
            "media/ME.txt"
            in attestation.verify(
                done.files["attestation.json"], desk.attesting.public_key().public_bytes_raw().hex()
            ).notices
        )


def test_the_letter_for_massachusetts_does_not_describe_the_breach(desk, told):
    done = made(desk, told)
    short = next(pdf for name, pdf in done.files.items() if "letters-short" in name)
    assert "What happened" not in texts(short)[0]


def test_what_a_stranger_wrote_is_no_markup_in_a_letter(told):
    occasion = letters.Occasion(PARTY, "X", date(2026, 3, 1), date(2026, 3, 12), date(2026, 4, 2))
    nasty = '#eval("1+1") *bold* $x$ <label> @ref // no \\ `raw`'
    one = Addressee(
        1,
        nasty,
        "Doe",
        False,
        "1 Main St",
        "Augusta",
        "ME",
        "04330",
        "",
        ("plan",),
        ("name",),
        (InFiles("table", nasty, ("name",)),),
    )
    ((_, pdf),) = letters.as_pdf(occasion, [one])
    assert "".join(nasty.split()) in "".join(texts(pdf)[0].split()).replace("“", '"').replace("”", '"')
    assert "Which data" in letters.as_text(occasion, one)


def test_what_the_party_did_not_say_stands_as_a_gap_and_the_letters_are_drafts(desk, told):
    done = made(desk, told, party=party.Party())
    assert set(done.gaps) >= {"name", "phone", "signed_by"}
    text = texts(next(pdf for name, pdf in done.files.items() if name.endswith(".pdf")))[0]
    assert "DRAFT" in text
    assert "[toll-free number]" in text


def test_an_owners_package_opens_with_its_key_and_has_nobody_elses_people(desk, told):
    key = X25519Identity.new()
    done = made(desk, told, recipients={"south": [str(key.recipient())]})
    assert done.unsealed == ["north"]
    (sealed,) = [content for name, content in done.files.items() if name.startswith("owners/")]
    with tarfile.open(fileobj=io.BytesIO(files.open_sealed(sealed, [key]))) as archive:
        about = json.load(archive.extractfile("notice.json"))
        rows = list(csv.DictReader(io.StringIO(archive.extractfile("individuals.csv").read().decode())))
    assert (about["individuals"], len(rows), about["under"]) == (2, 2, "45 CFR 164.410(c)")
    assert {row["owners"] for row in rows} == {"south"}


def test_a_cell_is_never_a_formula(told, desk):
    taken, number = told
    exposed = Exposed([one.version_id for one in taken.facts.files], {}, {})
    people = everybody(taken.facts, taken.map, exposed, date(2026, 3, 12))
    cells = [cell for row in csv.reader(io.StringIO(as_csv(people).decode())) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    sheet = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(as_xlsx(people))).get_sheet_by_index(0)
    assert '=HYPERLINK("x")' in [cell for row in sheet.to_python() for cell in row]
    assert number == 1


def test_the_sample_for_authorities_has_nobodys_data_in_it(desk, told):
    done = made(desk, told)
    for name in ("sheets/sample-letter.pdf", "sheets/sample-letter-short.pdf"):
        (text,) = texts(done.files[name])
        assert "[given name] [family name]" in text
        assert person(1)["family"] not in text
    assert "What happened" not in texts(done.files["sheets/sample-letter-short.pdf"])[0]
    assert {"sheets/maine-attorney-general.txt", "sheets/massachusetts-attorney-general.json"} <= set(done.files)


def test_the_attestation_names_every_notice_and_holds_against_its_key_only(desk, told):
    done = made(desk, told)
    key = desk.attesting.public_key().public_bytes_raw().hex()
    stated = attestation.verify(done.files["attestation.json"], key)
    assert set(stated.notices) == set(done.files) - {"attestation.json"}
    assert stated.people == 4
    with pytest.raises(DeskDamaged):
        attestation.verify(done.files["attestation.json"].replace(b'"people": 4', b'"people": 3'), key)
    with pytest.raises(DeskDamaged):
        attestation.verify(done.files["attestation.json"], "00" * 32)


def test_notices_are_written_for_their_owner_alone_and_never_mixed(desk, told, tmp_path):
    done = made(desk, told)
    making.write(done, tmp_path / "out")
    for path in (tmp_path / "out").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(OutputExists):
        making.write(done, tmp_path / "out")
    assert making.plain_name("../../etc") != making.plain_name("..-..-etc")
    assert "/" not in making.plain_name("../../etc/passwd\n")


class Balance(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.scripts = [], 0

    def handle_starttag(self, tag, attrs):
        self.open += [tag] if tag not in {"meta", "link", "br"} else []
        self.scripts += tag == "script" and ("type", "application/ld+json") not in attrs

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_page_and_report_are_whole_without_scripts(desk, told):
    done = made(desk, told)
    for name in ("page/index.html", "report.html"):
        seen = Balance()
        seen.feed(done.files[name].decode())
        assert (seen.open, seen.scripts) == ([], 0), name
    assert "Individuals per state" in done.files["report.html"].decode()


def test_the_reports_first_page_has_the_contradictions_and_both_files_say_the_same(desk, told):
    _, number = told
    records.add(desk, number, Disclosed(at=NOW, by="x", to="the #press <b>", count=1, on=NOW.date()))
    done = made(desk, told)
    pages = texts(done.files["report.pdf"])
    first = " ".join(pages[0].split())
    assert first.index("open contradictions") < first.index("How many individuals")
    assert "the #press <b>" in first
    assert b"pdfuaid" in done.files["report.pdf"]
    written = done.files["report.html"].decode()
    assert written.index("open contradictions") < written.index("How many individuals")
    for text in ("Individuals per state", "Individuals per data owner", "What is owed", "What it was computed from"):
        assert text in written
        assert any(text in page for page in pages)
    assert made(desk, told).files["report.pdf"] == done.files["report.pdf"]


def test_the_report_lets_in_nothing_but_its_own_style(desk, told):
    written = made(desk, told).files["report.html"].decode()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', written)[1]
    style = re.search(r"<style>(.*?)</style>", written, re.DOTALL)[1]
    allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert html.unescape(policy).startswith(f"default-src 'none'; style-src 'sha256-{allowed}'")
    assert " style=" not in written
    assert not re.search(r"(src|href)=", written)


@hypothesis.given(
    st.dictionaries(st.sampled_from([*charts._SPOTS, "unknown", "elsewhere"]), st.integers(1, 10**8), max_size=60),
    st.lists(
        st.dates(date(2020, 1, 1), date(2030, 1, 1)).map(
            lambda day: NOW.replace(year=day.year, month=day.month, day=1, hour=day.day % 24)
        ),
        max_size=30,
    ),
)
@hypothesis.settings(max_examples=tries(30))
def test_every_figure_of_a_chart_is_in_the_table_beside_it(counts, moments):
    for chart in (charts.state_map("x", counts), charts.bars("x", counts, "State")):
        shown = dict(chart.rows)
        assert sum(int(count.replace(",", "")) for count in shown.values()) == sum(counts.values())
    over_time = charts.over_time("x", moments, "Files")
    told = sum(int(count) for _, count in over_time.rows)
    assert told <= len(moments)
    assert told == len(moments) or (max(moments) - min(moments)).days >= charts.ROWS_MAX - 1
    for chart in (charts.state_map("x", counts), over_time):
        if chart.rows:
            ET.fromstring(chart.drawing)


@hypothesis.given(st.text(), st.text())
@hypothesis.settings(max_examples=tries(40))
def test_no_text_becomes_markup(text, value):
    class Seen(HTMLParser):
        tags = ()

        def handle_starttag(self, tag, attrs):
            self.tags += ((tag, dict(attrs).get("title")),)

    seen = Seen()
    seen.feed(markup.tag("p", text, title=value))
    seen.close()
    assert [tag for tag, _ in seen.tags] == ["p"]


def served(content, *, headers=None, robots="", sitemap=None, status=200):
    def answer(request):
        if request.url.path == "/robots.txt":
            return httpx.Response(200 if robots else 404, text=robots)
        if request.url.path == "/sitemap.xml":
            return httpx.Response(200 if sitemap is not None else 404, text=sitemap or "")
        return httpx.Response(status, headers=headers or {}, content=content)

    return page.problems(fetching.fetched(URL, httpx.MockTransport(answer)))


def test_our_own_page_may_be_indexed(desk, told):
    done = made(desk, told)
    assert served(done.files["page/index.html"], sitemap=done.files["page/sitemap.xml"].decode()) == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"add": b'<meta name="robots" content="noindex, nofollow">'}, "robots tag"),
        ({"add": b'<meta name="Googlebot" content="none">'}, "robots tag"),
        ({"headers": {"X-Robots-Tag": "noindex"}}, "X-Robots-Tag"),
        ({"robots": "User-agent: *\nDisallow: /notice"}, "robots.txt"),
        ({"sitemap": "<urlset></urlset>"}, "sitemap"),
        ({"status": 403}, "403"),
        ({"add": b'<meta http-equiv="refresh" content="0; url=/">'}, "refresh"),
        ({"add": b"<img src=x>"}, "text alternative"),
        ({"replace": (b'lang="en"', b"")}, "language"),
        ({"replace": (b"<title>", b"<title></title><title>")}, None),
        ({"replace": (b'href="https://example.org/notice"', b'href="https://example.org/"')}, "canonical"),
    ],
)
def test_a_page_that_hides_is_found_out(desk, told, change, why):
    content = made(desk, told).files["page/index.html"].replace(b"<head>", b"<head>" + change.pop("add", b""))
    content = content.replace(*change.pop("replace", (b"", b"")))
    found = served(content, **change)
    assert (why is None and not found) or any(why in sentence for sentence in found)


def test_a_page_that_does_not_answer_is_hidden():
    def refuse(request):
        raise httpx.ConnectError("no")

    with pytest.raises(PageHidden):
        fetching.fetched(URL, httpx.MockTransport(refuse))


# --- what is owed ----------------------------------------------------------------------------------------------------


def duties(desk, told, *more, figures=None):
    taken, number = told
    for record in more:
        records.add(desk, number, record)
    incident = records.load(desk, number)
    found = answering.look(taken, incident).figures
    return {one.name: one for one in deadlines.duties(deadlines.load(), incident, figures(found) if figures else found)}


def test_deadlines_run_from_the_right_day(desk, told):
    found = duties(desk, told)
    assert found["hipaa-individuals@north"].due == date(2026, 5, 11)
    assert found["me-individuals"].due == date(2026, 4, 11)
    assert found["hipaa-hhs-annual@north"].due == date(2027, 3, 1)
    assert "hipaa-hhs@north" not in found
    assert found["ma-regulator"].due is None
    moved = duties(desk, told, Dated(at=NOW, what="determined", value=DISCOVERED + timedelta(days=10)))
    assert moved["me-individuals"].due == date(2026, 4, 21)
    assert moved["hipaa-individuals@north"].due == date(2026, 5, 11)


@pytest.mark.parametrize(
    ("people", "owed"), [(499, {"hipaa-hhs-annual@north"}), (500, {"hipaa-hhs@north"}), (501, {"hipaa-hhs@north"})]
)
def test_thresholds_are_met_to_the_person(desk, told, people, owed):
    from msgspec.structs import replace as with_

    found = duties(desk, told, figures=lambda told: with_(told, by_owner={"north": people}))
    assert {name for name in found if name.startswith("hipaa-hhs")} == owed


def test_a_deadline_is_missed_the_day_after(desk, told):
    duty = duties(desk, told)["me-individuals"]
    assert not duty.missed(date(2026, 4, 11))
    assert duty.missed(date(2026, 4, 12))
    done = duties(desk, told, Done(at=NOW, duty="me-individuals", on=date(2026, 4, 11)))["me-individuals"]
    assert not done.missed(date(2027, 1, 1))


def test_ten_returned_letters_open_a_substitute_notice(desk, told):
    one = Delivered(at=NOW, owner="north", state="returned", count=9, on=date(2026, 4, 5))
    assert not [name for name in duties(desk, told, one) if name.startswith("substitute")]
    more = Delivered(at=NOW, owner="north", state="bounced", count=1, on=date(2026, 4, 9))
    assert duties(desk, told, more)["substitute@north"].begins == date(2026, 4, 9)


def test_every_rule_says_where_it_was_read_and_how_sure_it_is(desk, told):
    rules = deadlines.load()
    assert len(rules.rule) >= 20
    assert all(rule.citation and rule.source and rule.verified_on for rule in rules.rule)
    assert duties(desk, told)["ma-individuals"].unsure
    assert not duties(desk, told)["me-individuals"].unsure


@pytest.mark.parametrize("text", ["version = 1", "[[rule]]", "version='1'\nrule=[{id='A B'}]", "\x00", "x"])
def test_a_file_that_holds_no_rules_is_refused(tmp_path, text):
    (tmp_path / "rules.toml").write_text(text)
    with pytest.raises(RulesInvalid):
        deadlines.load(tmp_path / "rules.toml")
    (tmp_path / "party.toml").write_text("nobody = 1")
    with pytest.raises(PartyInvalid):
        party.load(tmp_path / "party.toml")


def unfolded(text):
    return text.replace("\r\n ", "").split("\r\n")


@hypothesis.given(st.text(min_size=1, max_size=120), st.dates(date(2020, 1, 1), date(2030, 1, 1)))
@hypothesis.settings(max_examples=tries(60))
def test_a_calendar_keeps_its_lines_whatever_is_in_them(title, day):
    rule = deadlines.load().rule[0]
    duty = deadlines.Duty("duty", rule, "US", "", 5, day, day, None)
    incident = records.Incident(1, title, datetime(2026, 1, 1, tzinfo=UTC))
    text = deadlines.calendar([duty, replace(duty, due=None)], incident, NOW)
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    lines = unfolded(text)
    assert lines.count("BEGIN:VEVENT") == 1
    assert f"DTSTART;VALUE=DATE:{day:%Y%m%d}" in lines
    summary = next(line for line in lines if line.startswith("SUMMARY:"))
    plain = summary.removeprefix("SUMMARY:").replace("\\,", ",").replace("\\;", ";").replace("\\\\", "\\")
    assert plain == " ".join(f"{title}: duty".split())
    assert START < NOW


def test_columns_of_numbers_stand_at_the_right_and_names_at_the_left():
    told = markup.table(("Owner", "People", "Share"), (("1", "1,204", "-"), ("b", "7", "7")), caption="x")
    assert told.count('class="number"') == 3
    assert '<th scope="col" class="number">People</th>' in told
    assert "<td>-</td><" in told
    assert 'class="number"' not in markup.table(("Owner", "People"), (), caption="x")
