"""One path parser: what it takes, what it refuses, and that nothing leaves its root."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealane import paths
from sealane.errors import PathInvalid

good_names = (
    st.text(
        st.characters(codec="utf-8", categories=("L", "N", "P", "S", "M"), exclude_characters="/\\"),
        min_size=1,
        max_size=40,
    )
    .filter(lambda text: text not in {".", ".."})
    .filter(lambda text: _accepted(text) is not None)
)


def _accepted(text):
    try:
        return paths.check_name(text)
    except PathInvalid:
        return None


@pytest.mark.parametrize(
    "text",
    [
        "..", ".", "a/../b", "/a/./b", "a//b", "//", "a\\b", "..\\..", "a\0b", "\n", "a\tb", "\x7f", "\x85",
        "\u202eexe.txt", "\u2066a", "\ufeffa", "a\u2028b", "\ud800", " a", "a ", "x" * 256, "é" * 128,
        "/".join("a" * 65), "/" + "a/" * 2100, "a\u0378", "a\uffff", "a\ue000",
    ],
)  # fmt: skip
def test_a_path_that_could_mislead_is_refused(text):
    with pytest.raises(PathInvalid):
        paths.parse(text)


@pytest.mark.parametrize("raw", [b"\xc0\xae\xc0\xae", b"\xe0\x80\xae", b"\xf0\x80\x80\xaf", b"\xff", b"a\xed\xa0\x80"])
def test_overlong_and_broken_utf8_is_refused(raw):
    with pytest.raises(PathInvalid):
        paths.decode(raw)


def test_limits_hold_at_the_limit_and_one_past_it():
    assert paths.parse("x" * paths.NAME_BYTES_MAX)
    assert len(paths.parse("/".join(["a"] * paths.DEPTH_MAX))) == paths.DEPTH_MAX
    longest = "/" + "/".join(["x" * 254] * 16) + "/" + "y" * 15
    assert len(longest) == paths.PATH_BYTES_MAX
    assert paths.parse(longest)
    with pytest.raises(PathInvalid, match="longer than 4096"):
        paths.parse(longest + "y")


def test_percent_signs_and_dots_inside_names_are_ordinary():
    assert paths.parse("/%2e%2e/...a/a..b/.hidden") == ("%2e%2e", "...a", "a..b", ".hidden")


def test_names_that_look_alike_become_one():
    assert paths.parse("/cafe\u0301") == paths.parse("/caf\u00e9") == ("café",)


@given(st.lists(good_names, max_size=8))
def test_showing_and_parsing_are_inverse(names):
    path = paths.parse("/" + "/".join(names)) if names else paths.ROOT
    assert paths.parse(paths.show(path)) == path
    assert all(unicodedata.is_normalized("NFC", name) for name in path)


@given(st.text(max_size=200))
def test_whatever_parses_stays_below_the_root(text):
    try:
        path = paths.parse(text)
    except PathInvalid:
        return
    assert all(name not in {"", ".", ".."} and "/" not in name and "\0" not in name for name in path)


@given(st.lists(st.sampled_from(["a", "b", ".", "..", ""]), max_size=12))
def test_resolving_folds_as_posix_does_and_never_climbs_out(parts):
    text = "/".join(parts)
    depth, climbs = 0, False
    for part in parts:
        if part == "..":
            climbs |= depth == 0
            depth = max(0, depth - 1)
        elif part not in {"", "."}:
            depth += 1
    assert len(paths.resolve(text, clamp=True)) == depth
    if climbs:
        with pytest.raises(PathInvalid):
            paths.resolve(text)
    else:
        assert paths.resolve(text) == paths.resolve(text, clamp=True)
