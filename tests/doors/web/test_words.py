"""The pages' languages: every text is there in each, with the same blanks; numbers and sizes as people write them."""

import re
from string import ascii_letters

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from sealane.doors.web import words
from sealane.doors.web.rendering import TEMPLATES
from sealane.doors.web.words import LANGUAGES, chosen, words_of
from sealane.errors import SealaneError

pytestmark = pytest.mark.slow  # together they take longer than make check may


def texts():
    found = extract_from_dir(str(TEMPLATES), method_map=[("**.html", "jinja2")])
    return {text for _, _, text, _, _ in found}


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"en"}))
def test_every_text_of_the_templates_is_there_in_each_language(language):
    with (words.FOLDER / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    blanks = re.compile(r"%\([a-z]+\)s|</?[a-z]+>")
    for text in texts():
        one = text if isinstance(text, str) else text[0]
        message = catalogue.get(one)
        assert message is not None, one
        said = (message.string,) if isinstance(message.string, str) else message.string
        for form in said:
            assert form, one
            assert sorted(blanks.findall(form)) == sorted(blanks.findall(one)), one
    known = {kind.default for kind in SealaneError.by_code.values()}
    sentences = {message.id for message in catalogue if isinstance(message.id, str)}
    assert len(sentences & known) > 8


@given(st.text(alphabet=ascii_letters + ",;=.0123456789-* ", max_size=60), st.text(max_size=4))
def test_whatever_a_browser_says_a_language_that_is_there_is_spoken(header, cookie):
    assert chosen(header, cookie) in LANGUAGES


def test_the_best_liked_language_is_spoken_and_the_own_choice_goes_before():
    assert chosen("fr, es;q=0.7, de;q=0.9") == "de"
    assert chosen("es-MX") == "es"
    assert chosen("de;q=0") == "en"
    assert chosen("de", "es") == "es"


@given(st.integers(0, 10**16))
def test_a_size_has_three_digits_that_matter_and_is_never_off_by_more_than_half_of_the_last(size):
    said = words_of("en").size(size)
    value, unit = said.replace(",", "").split(" ")
    scale = 1000 ** ["B", "kB", "MB", "GB", "TB"].index(unit)
    assert abs(float(value) * scale - size) <= max(0.5, 0.006 * size)
