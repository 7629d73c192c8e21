"""HL7 messages read by the column are those read one by one."""

import hypothesis.strategies as st
import polars as pl
import pytest
from hypothesis import given, settings

from sealane.exposure.readers import hl7, hl7_columns
from tests.exposure.scanning import told

pytestmark = pytest.mark.slow  # together with the others they take longer than make check may

COMPONENT = st.sampled_from(
    ["", "Lee", "Ann", "O'Neil&&x", '""', "é", "MR", "SS", "1EG4TE5MK73", "a@x.org", "7", " b "]
)
REPETITION = st.lists(COMPONENT, max_size=7).map("^".join)
FIELD = st.lists(REPETITION, max_size=2).map("~".join)
PERSON = st.lists(FIELD, max_size=22).map(lambda fields: "|".join(["PID", *fields]))
SEGMENT = st.one_of(
    PERSON,
    PERSON,
    st.lists(FIELD, max_size=4).map(lambda fields: "|".join(["NK1", *fields])),
    st.sampled_from(["DG1|1||E11.9", "PR1|x", "OBX|1|é", "PIDX", "", "RXA"]),
)
MESSAGE = st.tuples(FIELD, st.lists(SEGMENT, max_size=3)).map(
    lambda made: "\r".join([f"MSH|^~\\&|APP|{made[0]}|x", *made[1]]) + "\r"
)


def one_by_one(block, starts):
    (batch,) = hl7._by_message(block, starts)
    return batch


@given(st.lists(MESSAGE, min_size=1, max_size=5))
@settings(deadline=None, max_examples=30)
def test_messages_by_the_column_are_messages_one_by_one(texts):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hl7_columns, "_LEAST", 1)
        blocks = [text.encode() for text in texts]
        starts = [sum(map(len, blocks[:place])) for place in range(len(blocks))]
        whole = b"".join(blocks)
        lines = hl7_columns.lines_of(whole, len(starts))
        assert lines is not None
        (quick,) = hl7._by_column(whole, lines, starts)
    long = one_by_one(whole, starts)
    assert quick.records == long.records == len(texts)
    names = [name for name in long.mentions.columns if name in quick.mentions.columns]
    for name in set(long.mentions.columns) - set(names):
        assert long.mentions[name].null_count() == len(long.mentions), name
    got = quick.mentions.select(names).with_columns(pl.col(pl.String).replace("", None))
    assert got.equals(long.mentions.select(names), null_equal=True)


def test_messages_that_begin_behind_a_control_character_are_messages_too():
    usual = "MSH|^~\\&|A|GENERAL|x\rPID|1||M{}^^^GH^MR||Lee^Ann||19{:02d}0430\r"
    text = (
        "".join(usual.format(n, n % 100) for n in range(100))
        + "\x1c\r\x0b"
        + usual.format(777, 50).replace("Lee", "Ray")
    )
    assert told(text.encode())["people"] == 101


def test_a_message_with_other_delimiters_makes_all_be_read_one_by_one():
    usual = "MSH|^~\\&|A|GENERAL|x\rPID|1||M{}^^^GH^MR||Lee^Ann||19{:02d}0430\r"
    text = "".join(usual.format(n, n % 100) for n in range(100))
    text += "MSH#*~\\&#A#OTHER#x\rPID#1##M7*##Ray*Bob##19500101\r"
    assert told(text.encode())["people"] == 101
    assert told(text.encode())["owners"] == {"GENERAL": 100, "OTHER": 1}


@pytest.mark.parametrize(("header", "trailer"), [("FHS", "FTS"), ("BHS", "BTS")])
def test_a_batch_that_is_cut_is_told(header, trailer):
    message = "MSH|^~\\&|A|B|C|D|20260101||ADT^A01|1|P|2.3\rPID|1||{0}^^^H^MR||Lee^{1}||19610430\r"
    begun = f"{header}|^~\\&|A|B\r" + "".join(message.format(*one) for one in ((1, "Ann"), (2, "Bob")))
    whole = told((begun + f"{trailer}|2\r").encode())
    assert (whole["format"], whole["people"], whole["coverage"]) == ("hl7v2", 2, "complete")
    cut = told(begun.encode())
    assert (cut["people"], cut["coverage"]) == (2, "partial")
    assert [each["why"] for each in cut["unreadable"]] == ["damaged"]
