"""A password is the same whichever keyboard typed it."""

import pytest

from sealane.domain import passwords

pytestmark = pytest.mark.slow  # a password costs a third of a second, by design


def test_a_password_typed_with_composed_or_combining_letters_is_one():
    stored = passwords.hashed("Pa\u0308sswo\u0308rter genug")
    assert passwords.is_right(stored, "P\u00e4ssw\u00f6rter genug")
    assert not passwords.is_right(stored, "Passworter genug")
