"""Forms, addresses to go on to, and the table of a folder, without a server."""

import contextlib
from datetime import UTC, datetime
from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from sealane.doors.http import browser
from sealane.doors.http.problems import MediaTypeUnsupported
from sealane.doors.web import forms
from sealane.doors.web.listings import Asked, ordered
from sealane.errors import Invalid
from sealane.operations.files import Entry

pytestmark = pytest.mark.slow  # together they take longer than make check may

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30)


@given(st.lists(st.tuples(TEXT, TEXT), max_size=8))
def test_a_form_comes_out_as_it_was_filled_in(pairs):
    form = forms.parse(urlencode(pairs).encode(), forms.MEDIA_TYPE + "; charset=utf-8")
    for name, _ in pairs:
        assert form.every(name) == tuple(value for key, value in pairs if key == name)
        assert form.exact(name) == form.every(name)[0]


@given(st.binary(max_size=80))
def test_foreign_bytes_are_a_form_or_invalid(body):
    with contextlib.suppress(Invalid):
        forms.parse(body, forms.MEDIA_TYPE)


def test_a_form_at_its_limits_is_taken_and_one_past_them_is_not():
    assert forms.parse(urlencode([("a", "1")] * forms.FIELDS_MAX).encode(), forms.MEDIA_TYPE)
    assert forms.parse(b"a=" + b"x" * (forms.FIELD_CHARACTERS_MAX - 1), forms.MEDIA_TYPE)
    for body in (urlencode([("a", "1")] * (forms.FIELDS_MAX + 1)).encode(), b"a=" + b"x" * forms.FIELD_CHARACTERS_MAX):
        with pytest.raises(Invalid):
            forms.parse(body, forms.MEDIA_TYPE)
    with pytest.raises(MediaTypeUnsupported):
        forms.parse(b"a=1", "multipart/form-data; boundary=x")


@given(
    st.text(max_size=40) | st.sampled_from(["//evil.test", "/\\evil.test", "https://evil.test", "/%2f/evil", "/a\t/b"])
)
def test_nobody_is_led_to_another_server(text):
    address = forms.local_address(text)
    parts = urlsplit(address)
    assert (parts.scheme, parts.netloc) == ("", "")
    assert address.startswith("/")
    assert not address.startswith(("//", "/\\"))
    assert forms.local_address(address) == address


def test_an_own_address_is_kept_with_its_query():
    assert forms.local_address("/files/a%20b?sort=size&q=x%2Fy") == "/files/a%20b?sort=size&q=x%2Fy"


def entry(name, kind="file", size=0, second=0):
    return Entry(name, kind, size, datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC), ())


@given(
    st.lists(st.builds(entry, TEXT, st.sampled_from(["file", "folder"]), st.integers(0, 9), st.integers(0, 9))),
    st.sampled_from(["name", "size", "modified"]),
    st.booleans(),
    st.text(max_size=2),
)
def test_a_table_is_the_found_entries_folders_first_in_order(entries, sort, down, search):
    shown = ordered(entries, Asked(sort=sort, down=down, search=search))
    assert sorted(shown, key=str) == sorted((e for e in entries if search.casefold() in e.name.casefold()), key=str)
    kinds = [e.kind for e in shown]
    assert kinds == sorted(kinds, key=lambda kind: kind != "folder")
    for kind in ("file", "folder"):
        values = [e.name.casefold() if sort == "name" else getattr(e, sort) for e in shown if e.kind == kind]
        assert values == sorted(values, reverse=down)


def test_a_cookie_that_is_there_twice_counts_as_none():
    name = browser.COOKIE
    assert browser.handle_of(Headers(raw=[(b"cookie", f"a=1; {name}=h".encode()), (b"cookie", b"b=2")])) == "h"
    for lines in ([f"{name}=h; {name}=i"], [f"{name}=h", f"{name}=i"], [f"{name}={'x' * 129}"]):
        assert browser.handle_of(Headers(raw=[(b"cookie", line.encode()) for line in lines])) == ""


@given(st.text(min_size=1, max_size=50), st.text(max_size=80))
def test_only_the_form_token_of_the_same_secret_counts(secret, given_token):
    assert browser.is_form_token(secret, browser.form_token(secret))
    assert not browser.is_form_token("", browser.form_token(""))
    assert not browser.is_form_token(secret, given_token)
