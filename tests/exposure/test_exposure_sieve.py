"""What a sieve leaves out is not there: with it a text says what it says without it."""

import random
import re

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from sealane.exposure.prose import findings as prose
from sealane.exposure.prose import sieve
from sealane.exposure.prose.findings import _ADDRESS, _ADDRESS_TRACE, _KINDS, findings
from sealane.exposure.prose.sieve import Sieve
from tests.exposure.composed import composed

pytestmark = pytest.mark.slow  # together they take longer than make check may

SAID = [each.text for each in composed(5, 120)]
PIECES = [
    *("ssn", "social security no", "SS#", "219-55-1234", "219 55 1234", "219551234", "912-70-1234", "1EG4-TE5-MK73"),
    *(
        "1eg4te5mk73",
        "4111 1111 1111 1111",
        "visa",
        "411111111111111",
        "born",
        "DOB",
        "d.o.b.",
        "birthday",
        "4/30/1961",
    ),
    *("1961-04-30", "April 30, 1961", "mrn", "patient id", "A-12345", "member #", "subscriber", "policy:", "passport"),
    *("medicaid", "driver's license", "DL", "DLN", "acct", "account", "0012345678", "DE89 3704 0044 0532 0130 00"),
    *("207-555-0100", "(207) 555-0100", "+44 20 7946 0958", "cell", "fax", "office", "ring", "a@x.org", "ann@x"),
    *("12 Oak Street", "Portland", "ME", "04101", ",", ".", ":", ";", "#", "(", ")", "$"),
]
JOINTS = st.sampled_from(
    [
        " ",
        ", ",
        ": ",
        "\n",
        "-",
        "",
        "\x0b",
        "\x1f",
        "\t",
        "\x00",
        " é ",
        " ٣٤ ",
        "\u212a",
        "\u017f",
        "\u0131",
        "\u2009",
    ]
)
TEXTS = st.one_of(
    st.lists(st.tuples(st.sampled_from(PIECES), JOINTS), max_size=12).map(lambda pairs: "".join(map("".join, pairs))),
    st.tuples(st.sampled_from(SAID), st.sampled_from(SAID), st.integers(0, 80), st.integers(0, 80)).map(
        lambda told: told[0][told[2] :] + told[1][: told[3]]
    ),
)


class Silent:
    """A sieve that is never sure."""

    def found(self, _text):
        return None


class GaveUp:
    """A set of re2 that ran out of memory."""

    def Match(self, _text):  # noqa: N802  re2's own name
        return None


@given(TEXTS)
@settings(deadline=None, max_examples=120)
def test_a_text_says_the_same_with_a_sieve_and_without(text):
    with pytest.MonkeyPatch.context() as patch:
        sieved = findings(text)
        patch.setattr(prose, "_SIEVE", Silent())
        assert sieved == findings(text)


@given(st.data())
@settings(deadline=None, max_examples=40)
def test_whatever_a_form_finds_has_its_first_trace(data):
    kind = data.draw(st.sampled_from([each for each in _KINDS if each.form is not None]))
    text = data.draw(st.from_regex(kind.form))
    found = prose._SIEVE.found(text)
    assert found is None or kind.traces[0] in found


@given(st.from_regex(_ADDRESS))
@settings(deadline=None, max_examples=15)
def test_whatever_is_an_address_has_its_trace(text):
    assert _ADDRESS_TRACE in prose._SIEVE.found(text)


def test_every_kind_has_a_trace_and_one_that_wants_a_word_that_words_too():
    for kind in _KINDS:
        assert len(kind.traces) == 1 + (kind.word is not None)


def test_a_text_without_traces_is_searched_for_nothing():
    assert prose._SIEVE.found("Nothing is said of anybody here.") == {""}


@given(st.characters(min_codepoint=128))
@settings(deadline=None, max_examples=120)
def test_what_is_beyond_ascii_is_to_the_sieve_what_it_is_to_re(character):
    traces = [r"\d", r"\w", r"(?i:[a-z])", r"\ba", r"a\b", r"\W", r"(?i:ss)"]
    text = f"s{character}a a{character}a a"
    found = Sieve(traces).found(text)
    assert all(trace in found for trace in traces if re.search(trace, text))


def test_every_letter_that_re_takes_for_one_of_ascii_is_one_to_the_sieve():
    alike = {chr(place) for place in range(128, 0x2200) if re.fullmatch("[a-z]", chr(place), re.IGNORECASE)}
    assert alike == set(sieve._CASES)
    assert all(re.fullmatch(letter, character, re.IGNORECASE) for character, letter in sieve._CASES.items())


def test_a_sieve_that_gives_up_on_a_text_is_not_sure(monkeypatch):
    made = Sieve([r"\d"])
    monkeypatch.setattr(made, "_set", GaveUp())
    assert made.found("1") is None


def test_without_the_library_everything_is_searched_for(monkeypatch):
    monkeypatch.setattr(sieve, "re2", None)
    assert Sieve([r"\d"]).found("1") is None


def test_re2_says_nothing_at_all_where_its_memory_is_too_small():
    """What `Sieve` relies on: a set that gives up does not find what is everywhere either."""
    dice = random.Random(1)
    text = "".join(dice.choice("ab") for _ in range(500)) + "c"
    traces = [*(f"a[ab]{{{size}}}c" for size in range(14, 18)), "c", ""]
    right = [place for place, trace in enumerate(traces) if re.search(trace, text)]
    answers = [asked(traces, text, max_mem) for max_mem in range(2_000, 60_000, 2_000)]
    assert None in answers
    assert all(answer is None or sorted(answer) == right for answer in answers)
    assert sorted(asked(traces, text, 8 << 20)) == right


def asked(traces, text, max_mem):
    options = sieve.re2.Options()
    options.log_errors = False
    options.max_mem = max_mem
    small = sieve.re2.Set.SearchSet(options)
    try:
        for trace in traces:
            small.Add(trace)
        small.Compile()
    except sieve.re2.error:
        return None
    return small.Match(text)
