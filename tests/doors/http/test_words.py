"""The parsers of headers and paths, by properties."""

import base64
import hashlib
import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from sealane import paths
from sealane.doors.http import conditions, digests, locations, ranges, tus
from sealane.doors.http.problems import HeaderInvalid, RangeUnsatisfiable
from sealane.errors import PathInvalid
from tests.doors.http.words import show_metadata, show_target

SIZES = st.integers(0, 10**6)
BEYOND = st.integers(0, 10**7)


# --- Paths -----------------------------------------------------------------------------------------------------------

names = st.text(min_size=1, max_size=20).filter(lambda name: not _refused(name))


def _refused(name: str) -> bool:
    try:
        paths.check_name(name)
    except PathInvalid:
        return True
    return False


@given(st.lists(names, max_size=5))
def test_a_path_that_was_encoded_once_is_decoded_once(listed):
    path = tuple(paths.check_name(name) for name in listed)
    raw = show_target(paths.show(path)).encode("ascii")
    assert locations.names_of(raw) == path


@given(names)
def test_a_name_with_percent_signs_is_not_decoded_twice(name):
    once = show_target(f"/{name}")
    if "%" in once:
        twice = show_target(once)
        assert locations.names_of(twice.encode()) == (paths.check_name(once[1:]),)


@given(st.binary(max_size=60))
def test_whatever_bytes_come_they_are_names_or_refused(raw):
    try:
        found = locations.names_of(raw)
    except PathInvalid:
        return
    assert all(paths.check_name(name) == name for name in found)
    assert ".." not in found
    assert "." not in found


@pytest.mark.parametrize(
    "raw",
    [b"/../a", b"/a/../b", b"/a/..", b"/%2e%2e/a", b"/a/%2E%2e/b", b"/.%2e/a", b"/./a", b"/%2e", b"/a%2fb", b"/a%2Fb",
     b"/a%5cb", b"/a%5C..%5cb", b"/..%2fa", b"/%c0%ae%c0%ae/a", b"/%c0%afa", b"/%e0%80%afa", b"/%f0%80%80%afa",
     b"/a%00b", b"/%00", b"/a\x00", b"/%", b"/%2", b"/%zz", b"/a%0ab", b"/a%7f", b"//a", b"/a//b", b"/%ed%a0%80",
     b"/%ff", b"/a%e2%80%aeb", b"/" + b"a" * 256, b"/" + b"%61" * 256, b"/" + b"/".join([b"a"] * 65)],
)  # fmt: skip
def test_no_spelling_of_a_bad_path_is_let_through(raw):
    with pytest.raises(PathInvalid):
        locations.names_of(raw)


# --- Ranges ----------------------------------------------------------------------------------------------------------


def told(header: str, size: int) -> list[bool]:
    """By the words of RFC 9110 alone: which bytes of a file are asked for."""
    asked = [False] * size
    for spec in header.removeprefix("bytes=").split(","):
        first, _, last = spec.strip().partition("-")
        for place in range(size):
            wanted = place >= size - int(last) if not first else int(first) <= place <= (int(last) if last else size)
            asked[place] = asked[place] or wanted
    return asked


spec = st.one_of(
    st.integers(0, 70).map(lambda first: f"{first}-"),
    st.integers(0, 70).map(lambda last: f"-{last}"),
    st.tuples(st.integers(0, 70), st.integers(0, 70)).map(lambda both: f"{min(both)}-{max(both)}"),
)


@given(st.lists(spec, min_size=1, max_size=8), st.integers(0, 60))
def test_ranges_are_exactly_the_bytes_that_were_asked_for_in_order_and_once(specs, size):
    header = "bytes=" + ", ".join(specs)
    asked = told(header, size)
    if not any(asked):
        with pytest.raises(RangeUnsatisfiable):
            ranges.parse(header, size, ranges_max=8)
        return
    spans = ranges.parse(header, size, ranges_max=8)
    got = [False] * size
    for span in spans:
        assert 0 <= span.start < span.end <= size
        got[span.start : span.end] = [True] * span.length
    assert got == asked
    assert all(before.end < after.start for before, after in itertools.pairwise(spans))


@given(st.text(max_size=60), SIZES)
def test_no_range_header_breaks_the_parser(text, size):
    for header in (text, f"bytes={text}"):
        try:
            spans = ranges.parse(header, size, ranges_max=8)
        except RangeUnsatisfiable:
            continue
        assert spans is None or all(0 <= span.start < span.end <= size for span in spans)


def test_the_limit_of_ranges_holds_at_the_limit_and_one_past_it():
    at = "bytes=" + ",".join(f"{2 * n}-{2 * n}" for n in range(8))
    assert len(ranges.parse(at, 100, ranges_max=8)) == 8
    with pytest.raises(RangeUnsatisfiable):
        ranges.parse(at + ",50-50", 100, ranges_max=8)


@given(st.lists(spec, min_size=2, max_size=8), st.integers(1, 60))
def test_the_length_of_several_ranges_is_known_before_they_are_sent(specs, size):
    try:
        spans = ranges.parse("bytes=" + ",".join(specs), size, ranges_max=8)
    except RangeUnsatisfiable:
        return
    layout = ranges.multipart(spans, size, "application/octet-stream", "boundary")
    sent = b"".join(piece if isinstance(piece, bytes) else b"." * piece.length for piece in layout.pieces)
    assert len(sent) == layout.length
    assert sent.count(b"--boundary") == len(spans) + 1


# --- Digests ---------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=100))
def test_a_digest_is_read_as_it_was_written(content):
    digest = hashlib.sha256(content).digest()
    assert digests.sha256_of(digests.show(digest)) == digest
    assert digests.sha256_of(f"sha-512=:AAAA:, {digests.show(digest)}") == digest


@given(st.text(max_size=80))
def test_no_digest_header_breaks_the_parser(text):
    for reading in (digests.sha256_of, digests.checksum_of):
        try:
            found = reading(text)
        except HeaderInvalid:
            continue
        assert found is None or found


def test_a_checksum_names_its_algorithm_and_fits_it():
    sha1 = base64.b64encode(hashlib.sha1(b"x").digest()).decode()
    assert digests.checksum_of(f"sha1 {sha1}") == ("sha1", hashlib.sha1(b"x").digest())
    for wrong in (f"md5 {sha1}", f"sha256 {sha1}", "sha1", "sha1 ", "sha1 ###", sha1):
        with pytest.raises(HeaderInvalid):
            digests.checksum_of(wrong)


# --- tus -------------------------------------------------------------------------------------------------------------

keys = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=","), min_size=1, max_size=20)


@given(st.dictionaries(keys, st.binary(max_size=40), max_size=6))
def test_metadata_is_read_as_it_was_written(members):
    assert tus.parse_metadata(show_metadata(members)) == members


@given(st.text(max_size=100))
def test_no_metadata_header_breaks_the_parser(text):
    try:
        members = tus.parse_metadata(text)
    except HeaderInvalid:
        return
    assert tus.parse_metadata(show_metadata(members)) == members


@pytest.mark.parametrize(
    "wrong", ["a QQ==,a QQ==", "a Q", "a QQ==,", ",", "ä QQ==", "a QQ== QQ==", "a " + "QUFB" * 8192]
)
def test_malformed_metadata_is_refused(wrong):
    with pytest.raises(HeaderInvalid):
        tus.parse_metadata(wrong)


@given(st.text(max_size=40))
def test_offsets_are_whole_numbers_or_refused(text):
    headers = Headers(raw=[(b"upload-offset", text.encode("utf-8"))])
    try:
        number = tus.number_of(headers, "upload-offset")
    except HeaderInvalid:
        return
    assert number is not None
    assert number >= 0
    assert headers["upload-offset"].isdigit()


def test_parts_are_named_by_their_addresses_here_and_nowhere_else():
    base = "/api/v1/uploads"
    whole = tus.concatenation_of(f"final;{base}/abc https://elsewhere.example{base}/def", base, parts_max=2)
    assert whole.parts == ("abc", "def")
    assert tus.concatenation_of("partial", base, parts_max=2).partial
    for wrong in ("final;", "final", "final; ", f"final;{base}/a/b", "final;/other/abc", f"final;{base}/", "whole",
                  f"final;{base}/a {base}/b {base}/c", f"final;{base}/../abc"):  # fmt: skip
        with pytest.raises(HeaderInvalid):
            tus.concatenation_of(wrong, base, parts_max=2)


@given(st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC)))  # noqa: DTZ001
def test_a_time_is_read_in_seconds_or_as_rfc_3339(moment):
    assert tus.moment_of(moment.isoformat()) == moment
    assert tus.moment_of(moment.isoformat().replace("+00:00", "Z")) == moment
    assert tus.moment_of(str(int(moment.timestamp()))) == moment.replace(microsecond=0)


@given(st.text(max_size=40))
def test_no_time_breaks_the_parser(text):
    found = tus.moment_of(text)
    assert found is None or found.tzinfo is not None


# --- Conditions ------------------------------------------------------------------------------------------------------

versions = st.text("abcdefghijkmnpqrstuvwxyz23456789", min_size=1, max_size=26)


@given(st.lists(versions, min_size=1, max_size=5), versions)
def test_a_condition_holds_for_the_versions_it_names(listed, version):
    tags = conditions.parse_tags(", ".join(map(conditions.etag, listed)))
    assert conditions.matches(tags, version) == (version in listed)
    assert conditions.none_match(tags, version) == (version not in listed)
    weak = conditions.parse_tags(", ".join(f"W/{conditions.etag(one)}" for one in listed))
    assert not conditions.matches(weak, version)
    assert conditions.none_match(weak, version) == (version not in listed)


@given(st.text(max_size=60))
def test_no_condition_breaks_the_parser(text):
    try:
        tags = conditions.parse_tags(text)
    except HeaderInvalid:
        return
    assert not conditions.matches(tags, "")
    conditions.parse_date(text)


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC)))  # noqa: DTZ001
def test_dates_are_read_as_they_were_written_to_the_second(moment):
    assert conditions.parse_date(conditions.http_date(moment)) == moment.replace(microsecond=0)
