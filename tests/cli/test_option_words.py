import contextlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealane.cli.words import parse_duration, parse_moment, parse_rights, parse_size

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("30d", timedelta(days=30)),
        ("12h", timedelta(hours=12)),
        (" 90M ", timedelta(minutes=90)),
        ("2w", timedelta(14)),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text, duration):
    assert parse_duration(text) == duration


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "0d", "1.5d", "1y", "30 d", "99999999w", "\u0661d"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("4096", 4096),
        ("10GiB", 10 * 1024**3),
        ("500 MB", 500 * 10**6),
        ("1.5kib", 1536),
        ("2T", 2 * 10**12),
        ("1.25g", 1_250_000_000),
    ],
)
def test_a_size_is_a_number_and_a_unit(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "GiB", "-1", "1e9", "1.2345G", "10GiBs", "999999999999999TiB", "0x10"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match=r"size|stored"):
        parse_size(text)


@given(st.integers(0, 10**6), st.sampled_from(["", "k", "ki", "m", "mi", "g", "gi"]))
def test_sizes_grow_with_their_units(number, unit):
    assert parse_size(f"{number}{unit}") >= number


@given(st.text(max_size=20))
def test_any_text_is_a_value_or_a_value_error(text):
    for parse in (parse_duration, parse_size, parse_rights, lambda word: parse_moment(word, now=NOW)):
        with contextlib.suppress(ValueError):
            assert parse(text) is not None


def test_a_time_is_a_date_or_how_long_ago():
    assert parse_moment("2026-01-31", now=NOW) == datetime(2026, 1, 31, tzinfo=UTC)
    assert parse_moment("2026-01-31T08:00+02:00", now=NOW) == datetime(2026, 1, 31, 6, tzinfo=UTC)
    assert parse_moment("24h", now=NOW) == NOW - timedelta(days=1)
    assert parse_moment("2026-01-31T08:00:00Z", now=NOW).tzinfo == timezone.utc  # noqa: UP017  the very zone


def test_rights_are_each_named_once_in_the_matrix_order():
    assert parse_rights("write,list, read,list") == ("list", "read", "write")
    with pytest.raises(ValueError, match="fly"):
        parse_rights("list,fly")
    with pytest.raises(ValueError, match="rights are"):
        parse_rights("")
