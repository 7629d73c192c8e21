"""What is done once a value, at once for a column, or only for who shares a hint gives what the long way gives."""

import io
from collections import Counter
from datetime import date
from types import SimpleNamespace

import hypothesis.strategies as st
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings

from sealane.exposure.limits import ExposureLimits
from sealane.exposure.model import classes_of
from sealane.exposure.people import blocks, coded, linking
from sealane.exposure.people.alike import MASK, alike
from sealane.exposure.people.crowd import Crowd
from sealane.exposure.people.dates import dates_of, parse_date
from sealane.exposure.people.hints import hints_of, sharing
from sealane.exposure.people.keys import folded, folded_letters, keys_of, letters
from sealane.exposure.people.linking import individuals
from sealane.exposure.people.lists import read_list, write_list
from sealane.exposure.people.mentions import MARKS
from sealane.exposure.people.shapes import digits_of, number_of
from sealane.exposure.readers.delimited import parsed, whole_records
from sealane.exposure.sources import Source
from sealane.exposure.tables.dialects import Dialect
from tests.exposure.scanning import TODAY

pytestmark = pytest.mark.slow  # together with the others they take longer than make check may

VALUES = {
    "given": ["Ann", "ann ", "Ana", "José", "JOSE", "Bob Jr", "Mary Q.", "n/a", "伟"],
    "family": ["Lee", " LEE", "Lee Sr", "O'Neil", "van der Berg", "-"],
    "suffix": ["Jr", "III", ""],
    "full_name": ["Ann Lee", "Lee, Ann", "Dr. Bob Ray Jr"],
    "birth_date": ["1961-04-30", "1980-01-01", "04/30/1961", "1900-01-01", "30.4.1961", "19800101", "2990-01-01"],
    "ssn": ["123-45-6780", "223456781", "123456708", "078-05-1120", "1234567", "x", "000-00-0000"],
    "itin": ["912-70-1234"],
    "member_id": ["M1", "M2", "m1", " M1"],
    "medicare_id": ["1EG4-TE5-MK73", "1eg4te5mk73"],
    "account_number": ["77", "78"],
    "phone": ["207-555-1234", "(207) 555-1234", "12075551234", "5551234", "1"],
    "email": ["a@x.org", "A@X.ORG", "mailto:b@x.org", "none"],
    "line": ["1 Main St", "1 MAIN ST ", "1MainSt", "2 Élan St", "2 élan st", "Kelvin 3", "KELVIN 3"],
    "city": ["Portland", "Bath"],
    "state": ["ME", "maine", "Bayern", ""],
    "zip": ["04101", "4101", "04101-1234", "00000", "80331"],
    "owner": ["Acme", "Best"],
    "reference": ["p1", "p2"],
    "context": ["c"],
}
NAMES = st.sets(st.sampled_from(sorted(VALUES)), min_size=1, max_size=6)
ROWS = NAMES.flatmap(
    lambda names: st.lists(
        st.fixed_dictionaries({}, optional={name: st.sampled_from(VALUES[name]) for name in sorted(names)}),
        min_size=1,
        max_size=10,
    )
)
FEW = settings(deadline=None, max_examples=30)


@pytest.fixture(autouse=True)
def _even_for_few_rows(monkeypatch):
    monkeypatch.setattr(coded, "_ROWS_LEAST", 0)


def frame_of(rows):
    names = sorted({name for row in rows for name in row})
    made = [pl.Series(name, [row.get(name) for row in rows], dtype=pl.String) for name in names]
    return pl.DataFrame([*made, pl.Series(MARKS, [0] * len(rows), dtype=pl.UInt32)])


@given(ROWS)
@FEW
def test_a_column_by_value_is_the_column_by_row(rows):
    frame = frame_of(rows * 3)
    quick, long = (alike(frame, today=TODAY, by_value=by_value).frame() for by_value in (True, False))
    assert quick.select(sorted(quick.columns)).equals(long.select(sorted(long.columns)), null_equal=True)
    seeded = [keys_of(alike(frame, today=TODAY, by_value=each).columns, 5) for each in (True, False)]
    assert {name: key.tolist() for name, key in seeded[0].items()} == {
        name: key.tolist() for name, key in seeded[1].items()
    }


@given(ROWS)
@FEW
def test_whoever_is_joined_shares_a_hint(rows):
    made = alike(frame_of(rows), today=TODAY)
    roots = individuals(keys_of(made.columns, 5), len(rows)).tolist()
    shared = sharing([hints_of(made.columns, len(rows), 5)], [len(rows)])
    several = {root for root, count in Counter(roots).items() if count > 1}
    assert all(shared[place] for place, root in enumerate(roots) if root in several)


@given(ROWS, st.integers(1, 10), st.booleans())
@FEW
def test_a_crowd_counts_what_the_long_way_counts(rows, piece, compressed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_SMALL", 2 if compressed else 100)
        patch.setattr(blocks, "_PLAIN_BYTES_MAX", 0 if compressed else 1 << 20)
        crowd = Crowd(today=TODAY, seed=5, listed=True, mentions_max=1000)
        for begin in range(0, len(rows), piece):
            crowd.add(frame_of(rows[begin : begin + piece]))
        count = crowd.count()
    long = alike(
        pl.concat([frame_of([row]) for row in rows], how="diagonal").fill_null(""), today=TODAY, by_value=False
    )
    somebody = ("given", "family", "reference", "line", "phone", "email", "ssn", "itin", "member_id", "medicare_id")
    frame = long.frame()
    kept = [
        place
        for place, row in enumerate(frame.iter_rows(named=True))
        if any(row.get(name) is not None for name in (*somebody, "account_number"))
    ]
    roots = [individuals(keys_of(long.columns, 5), len(rows)).tolist()[place] for place in kept]
    masks: dict[int, int] = {}
    for place, root in zip(kept, roots, strict=True):
        masks[root] = masks.get(root, 0) | frame[MASK][place]
    assert count.people == len(masks)
    told = Counter(kind.value for mask in masks.values() for kind in classes_of(mask))
    assert count.classes == told
    assert sum(count.states.values()) == len(masks)
    if len({row["owner"] for row in rows if row.get("owner")}) > 1:
        return  # who is of two data owners has a row for each
    assert sum(map(len, crowd.people())) == len(masks)
    out = io.BytesIO()
    assert write_list(crowd.people(), out) == len(masks)
    again = pl.concat([*read_list(io.BytesIO(out.getvalue())), frame.clear().select(MASK)], how="diagonal")
    assert sorted(again[MASK].to_list()) == sorted(masks.values())


WRITTEN = st.dates(date(1870, 1, 1), date(2030, 1, 1))
SHAPES = ["%Y-%m-%d", "%m/%d/%Y", "%d.%m.%Y", "%Y%m%d", "%m-%d-%Y", "%Y/%m/%d"]


@given(
    st.lists(WRITTEN, min_size=1, max_size=20),
    st.sampled_from(SHAPES),
    st.booleans(),
    st.sampled_from(["", "x", "99999999"]),
)
@FEW
def test_dates_of_one_shape_are_those_that_are_read_one_by_one(days, shape, day_first, odd):
    texts = [day.strftime(shape) for day in days] + [odd]
    made = dates_of(pl.Series(texts, dtype=pl.String), today=TODAY, day_first=day_first).to_list()
    assert made == [parse_date(text, today=TODAY, day_first=day_first) for text in texts]


@given(st.lists(st.integers(0, 999_999_999), min_size=1), st.sampled_from(["{0:09d}", "{1}-{2}-{3}", "{1} {2} {3}"]))
@FEW
def test_numbers_of_one_shape_are_read_off_their_digits(numbers, shape):
    texts = [shape.format(n, f"{n:09d}"[:3], f"{n:09d}"[3:5], f"{n:09d}"[5:]) for n in numbers]
    digits = digits_of(pl.Series(texts), b"- ")
    assert digits is not None
    assert number_of(digits).tolist() == numbers
    assert digits_of(pl.Series([*texts, "12x456789"]), b"- ") is None
    assert digits_of(pl.Series([*texts, texts[0] + "1"]), b"- ") is None


CELL = st.text(st.sampled_from('ab ",\n\r\té'), max_size=4)


@given(
    st.lists(CELL.map(lambda cell: cell + ",b,"), max_size=12).map("\n".join),
    st.booleans(),
    st.sets(st.integers(0, 2), min_size=1),
)
@FEW
def test_a_table_of_some_columns_is_part_of_the_whole_table(text, quoted, wanted):
    dialect = Dialect(delimiter=",", quoted=quoted, columns=3)
    block = text.encode()
    names = [f"c{place}" for place in sorted(wanted)]
    some, every = parsed(block, dialect, sorted(wanted)), parsed(block, dialect).select(names)
    # Blank lines tell of nobody, and space around a value is taken away later.
    assert told(some) == told(every)


def told(frame):
    rows = [tuple((value or "").strip() for value in row) for row in frame.rows()]
    return [row for row in rows if any(row)]


@given(st.lists(st.none() | st.text("aZéŻİK1 .'伟", max_size=8), min_size=1, max_size=12))
@FEW
def test_letters_of_names_in_ascii_are_those_of_the_folded_names(names):
    column = pl.Series(names, dtype=pl.String)
    together = folded_letters(column, folded, 3).tolist()
    alone = [folded_letters(pl.Series([name], dtype=pl.String), folded, 3).tolist()[0] for name in names]
    assert together == alone == letters(folded(column), 3).tolist()


@given(
    st.lists(
        st.sampled_from([None, "", " x", "N/A", "unknown ", "\u00a0-\u00a0", "é", "Ann", "Anneliese M", "\x01"]),
        min_size=1,
    )
)
@FEW
def test_values_are_clean_whatever_stands_beside_them(values):
    together = alike(frame_of([{"city": value} for value in values]), today=TODAY).frame()
    plain = [value and value.strip(" \u00a0") for value in values]
    wanted = [None if not value or value in {"N/A", "unknown", "-"} else value for value in plain]
    assert (together["city"].to_list() if "city" in together.columns else [None] * len(values)) == wanted


def _all_of_one_key(rows, wide, parent):
    kept = np.isin(wide, [key for key, count in Counter(wide.tolist()).items() if count > 1])
    return rows[kept], wide[kept]


@given(ROWS)
@FEW
def test_leaving_out_whom_earlier_rules_joined_joins_the_same(rows):
    keys = keys_of(alike(frame_of(rows * 2), today=TODAY).columns, 5)
    quick = individuals(keys, 2 * len(rows)).tolist()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linking, "_unjoined", _all_of_one_key)
        assert quick == individuals(keys, 2 * len(rows)).tolist()


@given(st.lists(st.sampled_from(["a,b", 'a,"b', 'c"', "", "\r", "é,1"])), st.integers(5, 30), st.booleans())
@FEW
def test_blocks_of_whole_records_are_the_text_whatever_their_size(lines, size, quoted):
    content = "\n".join(lines).encode()
    limits = ExposureLimits(block_bytes=size, head_bytes=8)
    part = SimpleNamespace(source=Source(io.BytesIO(content), limits), limits=limits)
    blocks = list(whole_records(part, Dialect(",", quoted=quoted, columns=2)))
    text = b"".join(blocks)
    alone = b"\r" in content[:8] and b"\n" not in content[:8]  # returns that end lines
    assert text == (content.replace(b"\r", b"\n") if alone else content)
    assert all(block.endswith(b"\n") for block in blocks[:-1])
    assert not quoted or all(block.count(b'"') % 2 == 0 for block in blocks[:-1])
