"""Errors cross a socket by their code and stay themselves."""

import pytest

from sealane import errors

CROSSING = sorted(
    code for code, known in errors.SealaneError.by_code.items() if known.__init__ is errors.SealaneError.__init__
)


@pytest.mark.parametrize("code", CROSSING)
def test_every_error_comes_back_as_itself(code):
    again = errors.raised_again(code, "What happened.")
    assert type(again).code == code
    assert again.sentence == "What happened."
    assert type(again)().sentence.endswith((".", "?"))


def test_an_unknown_code_is_still_an_error_of_ours():
    assert type(errors.raised_again("from-the-future", "It is new.")) is errors.SealaneError


def test_a_code_is_never_used_twice():
    with pytest.raises(TypeError, match="missing"):

        class Again(errors.SealaneError):
            code = "missing"
