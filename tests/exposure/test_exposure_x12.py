"""Claims read by the column are those read segment by segment."""

import io

import hypothesis.strategies as st
import polars as pl
import pytest
from hypothesis import given, settings

from sealane.exposure.model import PartUnreadable
from sealane.exposure.readers import x12_columns
from sealane.exposure.readers.part import Budget, Part
from sealane.exposure.readers.x12 import read_x12
from sealane.exposure.sources import Source
from sealane.exposure.tables.layouts import Layouts
from tests.exposure.rosters import interchange
from tests.exposure.scanning import TODAY, limits

pytestmark = pytest.mark.slow  # together with the others they take longer than make check may

NUMBER = st.sampled_from(
    ["", "*34*123456780", "*MI*M1", "*MI*1EG4TE5MK73", "*HN*1EG4TE5MK73", "*MR*X", "*ZZ", "*34*", "*II* M2 "]
)
NAME = st.sampled_from(["LEE*ANN", "RAY*BOB***JR", "O'NEIL*ZOË", "*", ""])
USUAL = st.sampled_from([
    "N3*1 A ST", "N3*1 A ST*APT 2", "N4*BATH*ME*04530", "N4*BATH", "DMG*D8*19610430*F", "REF*SY*123456780", "REF*SY",
    "REF*0F*7", "REF*EA*9", "REF*G1*1", "SBR*P*18", "CLM*1*100", "HI*BK:4779", "HI*ABK:E119*BBR:0016070", "HI*BP>1",
    "LX*1", "SV1*HC:99213*100", "SV1*N4:0002", "SV2*0450*HC:1", "SV2*0450", "NM1*PR*2*PLAN", "NM1*82*1*WELBY*MARCUS",
    "NM1*QC*1*LEE*TIM", "NM1*85*1*KIL*BEN", "NM1*85*2*CLINIC", "NM1*85*2*", "LIN**N4*1", "PER*IP**TE*2075551234",
    "N1*PR*X",
])  # fmt: skip
INSURED = st.tuples(NAME, NUMBER).map(lambda made: f"NM1*IL*1*{made[0]}{'*' * (4 - made[0].count('*'))}{made[1]}")
LOOP = st.tuples(
    st.sampled_from(["HL*1**20*1", "HL*2*1*22*0", "HL*2*1*22*0", "HL*2*1*22*0", "HL*3*2*23*0", "HL*9"]),
    st.lists(st.one_of(INSURED, USUAL, USUAL), max_size=7),
).map(lambda made: [made[0], *made[1]])
BODY = st.lists(LOOP, min_size=1, max_size=8).map(lambda loops: [segment for loop in loops for segment in loop])


def mentions(content, least, block=1 << 20):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(x12_columns, "_GROUPS_LEAST", least)
        few = limits(block_bytes=block, batch_mentions=3)
        source = Source(io.BytesIO(content), few)
        part = Part("x", source, few, Budget(few), 0, TODAY, Layouts())
        batches, whole = [], True
        try:
            batches += read_x12(part)
        except PartUnreadable:
            whole = False
    frame = pl.concat([batch.mentions for batch in batches], how="diagonal_relaxed") if batches else pl.DataFrame()
    return whole, sum(batch.records for batch in batches), frame


@given(BODY, st.sampled_from([200, 1 << 20]))
@settings(deadline=None, max_examples=30)
def test_claims_by_the_column_are_claims_segment_by_segment(body, block):
    content = interchange("837", "005010X222A1", ["BHT*0019", *body])
    whole, records, long = mentions(content, least=10**9)
    quick_whole, quick_records, quick = mentions(content, least=1, block=block)
    assert (quick_whole, quick_records) == (whole, records)
    told = [name for name in long.columns if long[name].null_count() < len(long)]
    assert [name for name in quick.columns if quick[name].null_count() < len(quick) and name not in told] == []
    assert quick.select(told).equals(long.select(told), null_equal=True) if told else quick.is_empty()


def test_many_claims_are_read_by_the_column(monkeypatch):
    body = ["HL*1**20*1", "NM1*85*2*CLINIC"]
    for place in range(100):
        body += [
            f"HL*{place + 2}*1*22*0",
            f"NM1*IL*1*LEE*ANN****MI*M{place}",
            "N4*BATH*ME*04530",
            "CLM*1*1",
            "SV1*HC:1",
        ]
    seen = []
    quick = x12_columns.mentions_of
    monkeypatch.setattr("sealane.exposure.readers.x12.mentions_of", lambda *given: seen.append(1) or quick(*given))
    whole, records, frame = mentions(interchange("837", "005010X222A1", body), least=64)
    assert (whole, records, seen) == (True, 100, [1])
    assert frame["owner"].unique().to_list() == ["CLINIC"]


def test_a_provider_named_within_a_claim_is_no_other_data_owner():
    body = ["HL*1**20*1", "NM1*85*2*CLINIC"]
    for place in range(70):
        body += [f"HL*{place + 2}*1*22*0", f"NM1*IL*1*LEE*ANN****MI*M{place}", "CLM*1*1", "NM1*85*1*KIL*BEN"]
    _, _, frame = mentions(interchange("837", "005010X222A1", body), least=64)
    assert frame["owner"].unique().to_list() == ["CLINIC"]
