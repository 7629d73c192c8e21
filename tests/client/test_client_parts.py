from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from sealane.client.parts import plan_parts, plan_sealed_parts
from sealane.settings import GIB, MIB, TIB, ClientSettings

SETTINGS = ClientSettings()


@given(st.integers(0, 5 * TIB), st.integers(1, 16))
def test_parts_cover_a_file_without_gap_or_overlap(size, parallel):
    parts = plan_parts(size, replace(SETTINGS, parallel=parallel))
    reached = 0
    for part in parts:
        assert part.start == reached
        assert part.length > 0
        reached = part.end
    assert reached == size


@given(st.integers(1, 5 * TIB), st.integers(1, 16))
def test_parts_are_never_too_many_for_one_request_to_name(size, parallel):
    parts = plan_parts(size, replace(SETTINGS, parallel=parallel))
    assert 1 <= len(parts) <= SETTINGS.parts_max


@given(st.integers(1, 5 * TIB))
def test_parts_are_equally_long_but_for_the_last(size):
    lengths = [part.length for part in plan_parts(size, SETTINGS)]
    assert set(lengths[:-1]) <= {lengths[0]}
    assert lengths[-1] <= lengths[0]


def test_a_long_line_gets_long_parts_and_every_connection_several():
    assert len(plan_parts(16 * MIB, SETTINGS)) == 1
    assert len(plan_parts(16 * MIB + 1, SETTINGS)) == 2
    assert len(plan_parts(64 * MIB, SETTINGS)) == SETTINGS.parallel
    parts = plan_parts(4 * GIB, SETTINGS)
    assert len(parts) == 8 * SETTINGS.parallel
    assert parts[0].length == 128 * MIB
    assert plan_parts(100 * GIB, SETTINGS)[0].length == 256 * MIB


def test_sealed_parts_are_no_longer_than_what_is_kept_for_the_digest_of_all_lanes():
    for size in (GIB, 10 * GIB):
        parts = plan_sealed_parts(size, SETTINGS, prefix=200)
        assert max(part.length for part in parts) * SETTINGS.parallel <= 1.01 * SETTINGS.sealed_ahead_bytes_max
    assert len(plan_sealed_parts(5 * TIB, SETTINGS, prefix=200)) <= SETTINGS.parts_max


def test_an_empty_file_has_no_parts():
    assert plan_parts(0, SETTINGS) == ()
