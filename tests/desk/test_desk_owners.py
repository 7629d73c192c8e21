"""Of a person in several data owners' files each owner gets what its own files hold, by every way out."""

import csv
import io
import json
import tarfile
from datetime import UTC, date, datetime

import polars as pl
import pypdfium2
import pytest
import python_calamine
from click.testing import CliRunner

from sealane.cli.main import cli
from sealane.client import identities
from sealane.desk import taking
from sealane.desk.incidents import answering, deadlines, records
from sealane.desk.incidents.records import Decided
from sealane.desk.notices import addressees, making, party
from sealane.exposure.people.crowd import INDIVIDUAL
from sealane.vault.age import files
from sealane.vault.age.x25519 import X25519Identity
from tests.desk.worlds import frame_of, person

pytestmark = pytest.mark.slow  # letters are made

OCCURRED, DISCOVERED = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 12, tzinfo=UTC)
NOW = datetime(2026, 4, 2, tzinfo=UTC)
OWNERS = ("east", "north", "south", "west")
ONE = person(1)
NAME = {name: ONE[name] for name in ("given", "family")}
NOTHING = dict.fromkeys(("birth_date", "ssn", "line", "city", "state", "zip"))
TOLD = {  # the same person, as the file of each owner has them
    "east": person(1, line="1 East Road", zip="04101", classes=("name", "birth_date", "ssn", "address")),
    "north": person(1, line="2 North Road", zip="04102", email="north@example.org", classes=("name", "ssn", "email")),
    "south": person(1, classes=("name", "ssn", "member_id")) | NOTHING | {"ssn": ONE["ssn"], "member_id": "S-77"},
    "west": person(1, ssn=None, line="4 West Road", city="Boston", state="MA", zip="04101", classes=("name",)),
}
OF_ONE = {  # what only this owner's file holds
    "east": ("1 East Road",), "north": ("2 North Road", "north@example.org"), "south": (),
    "west": ("4 West Road", "Boston"),
}  # fmt: skip


@pytest.fixture
def told(desk, world):
    """One theft of four files, each of another owner; the latest has no address and no birth date of the person."""
    world.now = datetime(2026, 2, 1, tzinfo=UTC)
    for owner in ("west", "east", "north", "south"):
        world.file(
            f"{owner}:/rolls/{owner}.csv",
            [TOLD[owner], person(10 + len(owner) + ord(owner[0]))],
            coverage="partial",
            unreadable=[{"part": f"{owner}-inner.zip", "why": "encrypted"}],
        )
    world.file("processor:/all.csv", None, unreadable=[{"part": "all-inner.zip", "why": "encrypted"}])
    taken = taking.sync(desk, world.publish()).taken
    return taken, records.open_(desk, "Theft", occurred=OCCURRED, discovered=DISCOVERED, now=NOW)


def text_of(name, content):
    if name.endswith(".xlsx"):
        return str(
            python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
        )
    if name.endswith(".pdf"):
        with pypdfium2.PdfDocument(content) as document:
            return " ".join(" ".join(one.get_textpage().get_text_range() for one in document).split())
    return content.decode()


def of_others(owner):
    return [text for other, texts in OF_ONE.items() if other != owner for text in texts]


def test_the_four_are_one_person(desk, told):
    taken, number = told
    figures = answering.look(taken, records.load(desk, number)).figures
    assert figures.people["strict"] == 5
    assert figures.by_owner == dict.fromkeys(OWNERS, 2)
    assert figures.shared == 1


@pytest.mark.parametrize("decided", ["owner", "processor"])
def test_packages_and_letters_tell_an_owner_what_its_own_files_hold(desk, told, decided):
    taken, number = told
    records.add(desk, number, *(Decided(at=NOW, owner=owner, notifier=decided) for owner in OWNERS))
    keys = {owner: X25519Identity.new() for owner in OWNERS}
    incident = records.load(desk, number)
    done = making.make(
        desk, taken, incident, answering.look(taken, incident).figures, party=party.Party(), rules=deadlines.load(),
        recipients={owner: [str(key.recipient())] for owner, key in keys.items()}, url="", now=NOW, by_email=True,
    )  # fmt: skip
    for owner, key in keys.items():
        with tarfile.open(
            fileobj=io.BytesIO(files.open_sealed(done.files[f"owners/{owner}.tar.age"], [key]))
        ) as package:
            notice = json.load(package.extractfile("notice.json"))
            table = package.extractfile("individuals.csv").read().decode()
        assert not [text for text in of_others(owner) if text in table or text in json.dumps(notice)]
        assert all(text in table for text in OF_ONE[owner])
        assert f"{NAME['given']},{NAME['family']}" in table
        assert not [other for other in OWNERS if other != owner and f"{other}-inner.zip" in json.dumps(notice)]
        parts = {one["part"] for one in notice["could_not_be_read"]}
        assert parts == {f"{owner}-inner.zip", ""}
        assert len(notice["could_not_be_read"]) == 5  # that there is more is told, and not what it is called
    if decided == "owner":
        for owner in OWNERS:
            written = {name: content for name, content in done.files.items() if name.startswith(f"letters/{owner}/")}
            assert f"letters/{owner}/mail-merge.csv" in written
            text = "\n".join(text_of(name, content) for name, content in written.items())
            assert not [other for other in of_others(owner) if other in text]
            assert all(own in text for own in OF_ONE[owner])
        assert b"north@example.org" in b"".join(
            content for name, content in done.files.items() if name.endswith(".eml") and "/north/" in name
        )
        assert not [name for name in done.files if name.endswith(".eml") and "/north/" not in name]
        assert NAME["family"].encode() in done.files["letters/south/without-address.csv"]


def test_who_writes_for_some_owners_uses_the_addresses_of_those_alone(desk, told):
    taken, number = told
    records.add(desk, number, *(Decided(at=NOW, owner=owner, notifier="processor") for owner in ("east", "south")))
    exposed = addressees.of_incident(records.load(desk, number), taken.history)
    parties = dict(addressees.by_party(taken.facts, taken.map, exposed, date(2026, 3, 12)))
    (one,) = [one for one in parties[addressees.PROCESSOR] if one.family == NAME["family"]]
    assert one.owners == ("east", "south")
    assert (one.line, one.email) == ("1 East Road", "")


def test_a_list_for_one_owner_has_nothing_of_anothers(desk, identity, told, tmp_path):
    _, number = told
    out, key = tmp_path / "south.csv", tmp_path / "key.txt"
    identities.keep(key, identities.written(identity, NOW, None))
    command = ["desk", "incident", "people", str(number), "--owner", "south", "--csv", str(out)]
    done = CliRunner().invoke(cli, [*command, "--desk", str(desk.path), "--identity", str(key)])
    assert done.exit_code == 0, done.output
    text = out.read_text()
    assert not [each for each in of_others("south") if each in text]
    rows = {row["family"]: row for row in csv.DictReader(io.StringIO(text))}
    assert len(rows) == 2
    assert rows[NAME["family"]]["owners"] == "south"
    assert rows[NAME["family"]]["data"] == "name; Social Security number; health plan member number"


def test_rows_of_one_individual_in_one_list_are_one_person_however_little_each_tells(desk, world):
    little = ONE | NOTHING | {"given": None, "family": None, "member_id": "S-77", "owner": "south"}
    rows = [person(1, owner="north"), little, person(2, owner="north")]
    listed = frame_of(rows).with_columns(pl.Series(INDIVIDUAL, [7, 7, None], dtype=pl.UInt32))
    world.file("plan:/both.csv", listed)
    world.file("plan:/again.csv", [little])
    taken = taking.sync(desk, world.publish()).taken
    strict = taken.map.strict.tolist()
    assert strict == [0, 0, 2]
    number = records.open_(desk, "Theft", occurred=OCCURRED, discovered=DISCOVERED, now=NOW)
    figures = answering.look(taken, records.load(desk, number)).figures
    assert figures.by_owner == {"north": 2, "south": 1}
    assert figures.people["strict"] == 2


def test_what_a_list_says_of_its_own_rows_joins_nobody_who_contradicts(desk, world):
    rows = [person(1, owner="north"), person(2, owner="south", family=ONE["family"], birth_date=date(1931, 7, 9))]
    world.file("plan:/x.csv", frame_of(rows).with_columns(pl.Series(INDIVIDUAL, [7, 7], dtype=pl.UInt32)))
    assert taking.sync(desk, world.publish()).taken.map.strict.tolist() == [0, 1]
