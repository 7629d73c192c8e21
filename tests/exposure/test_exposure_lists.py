"""The people list keeps what was found, small, and any Parquet reader opens it."""

import io

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sealane.errors import PeopleListInvalid
from sealane.exposure.model import classes_of
from sealane.exposure.people.alike import MASK
from sealane.exposure.people.lists import _SCHEMA, people_of, read_list, read_tables, write_list
from tests.exposure.populations import people, roster
from tests.exposure.rosters import delimited, x12_834
from tests.exposure.scanning import listed, scanned

pytestmark = pytest.mark.slow  # together with the others they take longer than make check may

MADE = people(seed=5, households=30)


def written(found):
    out = io.BytesIO()
    count = write_list(found.crowd.people(), out)
    return count, out.getvalue()


def test_a_list_gives_back_what_was_found():
    found = scanned(delimited(roster(MADE, seed=5)), "x.csv")
    count, content = written(found)
    assert count == len(MADE) == sum(map(len, read_list(io.BytesIO(content))))
    again = pl.concat(read_list(io.BytesIO(content)))
    assert set(again["ssn"]) == {line["ssn"] for line in listed(found)} == {person.ssn for person in MADE}
    assert set(again["birth_date"].cast(pl.String)) == {person.born for person in MADE}
    assert again[MASK].to_list().count(0) == 0


def test_people_of_whom_no_owner_is_told_have_the_owner_of_the_folder():
    for content, owners in (
        (delimited(roster(MADE, seed=5)), {"Acme"}),
        (x12_834(roster(MADE, seed=5)), {"BEST HEALTH PLAN"}),
    ):
        out = io.BytesIO()
        write_list(scanned(content, "x").crowd.people(), out, owner="Acme")
        assert set(pl.concat(read_list(io.BytesIO(out.getvalue())))["owner"]) == owners


def test_who_is_of_two_data_owners_in_one_file_is_in_the_list_for_each_with_what_each_tells():
    content = (
        b"first_name,last_name,birth_date,ssn,address,city,state,zip,member id,diagnosis,plan name\n"
        b"Anna,Brockmann,1961-04-30,219-55-1234,12 Oak St,Portland,ME,04101,N-1001,E11.9,North\n"
        b"Anna,Brockmann,1961-04-30,,12 Oak St,Portland,ME,04101,S-2002,,South\n"
        b"Karl,Weber,1950-01-02,219-55-9876,4 Elm St,Bangor,ME,04401,N-1002,E11.9,North\n"
    )
    found = scanned(content, "plans.csv")
    count = found.crowd.count()
    assert (count.people, count.owners) == (2, {"North": 2, "South": 1})
    rows, written_list = written(found)
    assert rows == 3
    told = {
        (row["given"], row["owner"]): row for frame in read_list(io.BytesIO(written_list)) for row in frame.to_dicts()
    }
    assert set(told) == {("Anna", "North"), ("Anna", "South"), ("Karl", "North")}
    north, south = told["Anna", "North"], told["Anna", "South"]
    assert (north["ssn"], south["ssn"]) == ("219551234", None)  # a number that stood in another owner's row stays there
    assert north["individual"] == south["individual"] is not None
    assert told["Karl", "North"]["individual"] is None
    assert (north["member_id"], south["member_id"]) == ("N-1001", "S-2002")
    assert {"ssn", "diagnosis"} <= set(classes_of(north[MASK]))
    assert not {"ssn", "diagnosis"} & set(classes_of(south[MASK]))


def test_each_owners_row_has_its_own_address_and_birth_date_and_what_nobodys_row_tells():
    content = (
        b"first_name,last_name,birth_date,ssn,phone,address,city,state,zip,plan name\n"
        b"Anna,Brockmann,1961-04-30,219-55-1234,,12 Oak St,Portland,ME,04101,North\n"
        b"Anne,Brockmann,,219-55-1234,,7 Elm St,Boston,MA,02101,South\n"
        b"Anna,Brockmann,1961-04-30,219-55-1234,207-555-0100,,,,,\n"
    )
    found = scanned(content, "plans.csv")
    assert found.crowd.count().people == 1
    rows = {row["owner"]: row for frame in found.crowd.people() for row in frame.to_dicts()}
    north, south = rows["North"], rows["South"]
    assert (north["given"], north["line"], north["state"], north["zip"]) == ("Anna", "12 Oak St", "ME", "04101")
    assert (south["given"], south["line"], south["state"], south["zip"]) == ("Anne", "7 Elm St", "MA", "02101")
    assert north["phone"] == south["phone"] == "2075550100"


def test_a_list_of_the_first_version_is_read():
    out = io.BytesIO()
    table = pa.table({"given": ["Ann"], "ssn": pa.array([1], pa.uint32()), "itin": pa.array([None], pa.uint32())})
    pq.write_table(table.replace_schema_metadata({"sealane-people-list": "1"}), out)
    (frame,) = read_list(io.BytesIO(out.getvalue()))
    assert frame["ssn"].to_list() == ["000000001"]


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("number", [None, ["1"]])
def test_a_list_whose_columns_are_others_is_refused(version, number):
    out = io.BytesIO()
    table = pa.table({"given": ["Ann"], "itin": pa.array([None], pa.uint32())} | ({"ssn": number} if number else {}))
    pq.write_table(table.replace_schema_metadata({"sealane-people-list": version}), out)
    with pytest.raises(PeopleListInvalid):
        list(read_list(io.BytesIO(out.getvalue())))


def test_lists_of_both_versions_are_people_of_one_table():
    old = pa.table({"given": ["Ann"], "ssn": pa.array([1], pa.uint32()), "itin": pa.array([None], pa.uint32())})
    _, content = written(scanned(delimited(roster(MADE, seed=5)), "x.csv"))
    tables = [old, *read_tables(io.BytesIO(content))]
    frame = people_of(tables)
    assert frame["ssn"].to_list() == [one for part in tables for one in people_of([part])["ssn"]]
    assert frame["ssn"][0] == "000000001"


def test_an_empty_list_is_a_list():
    count, content = written(scanned(b"", "x.csv"))
    assert count == 0
    assert list(read_list(io.BytesIO(content))) == []


def test_any_parquet_reader_opens_it():
    _, content = written(scanned(delimited(roster(MADE, seed=5)), "x.csv"))
    assert len(pl.read_parquet(io.BytesIO(content))) == len(MADE)


@pytest.mark.parametrize(
    "damage", [lambda content: content[:-20], lambda content: b"PAR1" + content[40:], lambda _: b""]
)
def test_a_damaged_list_is_refused(damage):
    _, content = written(scanned(delimited(roster(MADE, seed=5)), "x.csv"))
    with pytest.raises(PeopleListInvalid):
        list(read_list(io.BytesIO(damage(content))))


def crafted(name, values, column=None):
    """A list of three people of whom nothing is told but what stands in one column."""
    empty = pa.Table.from_arrays([pa.nulls(3, field.type) for field in _SCHEMA], schema=_SCHEMA)
    table = empty.set_column(empty.column_names.index(name), name, values) if column is None else empty
    if column is not None:
        table = pa.Table.from_arrays([*empty.columns, values], names=[*empty.column_names, column])
    out = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({"sealane-people-list": "2"}), out)
    return out.getvalue()


NO_TEXT = pa.Array.from_buffers(
    pa.string(), 3, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0"), pa.py_buffer(b"\xff\xfe\xc3")]
)


@pytest.mark.parametrize(
    "content",
    [
        crafted("given", NO_TEXT),
        crafted("given", pa.array(["x"] * 3), "given"),
        crafted("birth_date", pa.array([2**31 - 1, 0, 0], pa.int32()).cast(pa.date32())),
        crafted("birth_date", pa.array([None, -(2**31), 0], pa.int32()).cast(pa.date32())),
        crafted("given", pa.array(["x"] * 3), "not \u00e9").replace("not \u00e9".encode(), b"not \xff\xff"),
        crafted("ssn", pa.array([None, 1_000_000_000, 0], pa.uint32())),
        crafted("itin", pa.array([4_000_001_234, 1, 0], pa.uint32())),
    ],
    ids=[
        "no text",
        "a column twice",
        "a day after all",
        "a day before all",
        "a name that is no text",
        "ten digits",
        "more digits",
    ],
)
def test_a_list_that_was_made_to_break_its_reader_is_refused(content):
    """Whoever sends a file that they have sealed sends its list too, and no server can look into it."""
    with pytest.raises(PeopleListInvalid):
        list(read_list(io.BytesIO(content)))


def test_days_at_both_ends_of_the_calendar_are_read():
    days = pa.array([-719_162, None, 2_932_896], pa.int32()).cast(pa.date32())
    (frame,) = read_list(io.BytesIO(crafted("birth_date", days)))
    assert [day and day.year for day in frame["birth_date"].to_list()] == [1, None, 9999]


def test_another_parquet_file_is_no_list():
    out = io.BytesIO()
    pl.DataFrame({"given": ["Ann"]}).write_parquet(out)
    with pytest.raises(PeopleListInvalid):
        list(read_list(io.BytesIO(out.getvalue())))
