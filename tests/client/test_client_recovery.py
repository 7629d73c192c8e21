"""Recovery keys on paper: what the words give back is exactly the key; a slip of the pen is told, never guessed."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shamir_mnemonic import generate_mnemonics
from shamir_mnemonic.wordlist import WORDLIST

from sealane.client import recovery
from sealane.client.failures import RecoveryWordsInvalid
from sealane.client.recovery import WHOLE, Split
from sealane.vault.age.hybrid import HybridIdentity
from sealane.vault.age.x25519 import X25519Identity
from tests.tries import tries

KEY = HybridIdentity(bytes(range(32)))
THREE_OF_FIVE = Split(3, 5)
SHARES = recovery.shares_of(KEY, THREE_OF_FIVE)


def sheet_of(share, number=1, split=WHOLE):
    return recovery.sheet(share, number=number, split=split, recipient=str(KEY.recipient()), created="2026-01-01")


def test_words_give_back_exactly_the_key():
    (share,) = recovery.shares_of(KEY)
    assert len(share.split()) == 33
    assert recovery.identity_of([share]).text() == KEY.text()


def test_words_of_a_classic_key_give_back_exactly_that_and_its_sheet_says_how():
    key = X25519Identity(bytes(range(32)))
    (share,) = recovery.shares_of(key)
    sheet = recovery.sheet(share, number=1, split=WHOLE, recipient=str(key.recipient()), created="2026-01-01")
    assert recovery.identity_of(recovery.found_in(sheet), classic=True).text() == key.text()
    assert "combine --classic\n" in sheet
    assert recovery.names_classic(sheet)
    assert recovery.names_classic(str(key.recipient()))
    for other in (sheet_of(share), str(KEY.recipient()), str(key.recipient())[:-1], ""):
        assert not recovery.names_classic(other)
    assert "combine\n" in sheet_of(share)


@pytest.mark.slow
def test_any_three_of_five_shares_give_the_key_and_two_give_nothing():
    for some in itertools.combinations(SHARES, 3):
        assert recovery.identity_of(some).text() == KEY.text()
    with pytest.raises(RecoveryWordsInvalid, match=r"3 different shares are needed, and there are 2\."):
        recovery.identity_of(SHARES[:2])
    with pytest.raises(RecoveryWordsInvalid, match="there are 1"):
        recovery.identity_of([SHARES[0]] * 3)
    assert recovery.identity_of(SHARES).text() == KEY.text(), "more than are needed are no harm"


@pytest.mark.slow
@given(st.binary(min_size=32, max_size=32), st.sampled_from([WHOLE, Split(2, 2), Split(2, 3)]))
@settings(max_examples=tries(8), deadline=None)
def test_every_key_comes_back_from_its_printed_sheets(seed, split):
    key = HybridIdentity(seed)
    shares = recovery.shares_of(key, split)
    sheets = [sheet_of(share, number, split) for number, share in enumerate(shares, 1)]
    found = recovery.found_in("\n".join(sheets[: split.needed]))
    assert found == shares[: split.needed]
    assert recovery.identity_of(found).text() == key.text()


@given(st.integers(0, 32), st.sampled_from(WORDLIST))
@settings(max_examples=tries(30), deadline=None)
def test_one_wrong_word_is_always_noticed(place, other):
    words = SHARES[0].split()
    if words[place] == other:
        return
    words[place] = other
    with pytest.raises(RecoveryWordsInvalid, match="Share 1 has a mistake"):
        recovery.identity_of([" ".join(words), *SHARES[1:3]])


@given(st.text(max_size=300))
def test_any_text_is_shares_or_a_clear_failure(text):
    try:
        found = recovery.found_in(text)
    except RecoveryWordsInvalid:
        return
    assert all(len(share.split()) == 33 for share in found)


def test_four_letters_of_a_word_are_enough_and_numbers_are_left_out():
    (share,) = recovery.shares_of(KEY)
    typed = "\n".join(f"{number}. {word[:4].upper()}" for number, word in enumerate(share.split(), 1))
    assert recovery.found_in(typed) == [share]
    assert recovery.found_in("nothing of that kind\n") == []


def test_a_missing_word_and_too_long_a_text_are_said():
    with pytest.raises(RecoveryWordsInvalid, match="33 words, and 32 were found"):
        recovery.found_in(" ".join(SHARES[0].split()[:-1]))
    with pytest.raises(RecoveryWordsInvalid, match="too long"):
        recovery.found_in("x" * (recovery.TEXT_CHARACTERS_MAX + 1))
    with pytest.raises(RecoveryWordsInvalid, match="no words"):
        recovery.identity_of([])


@pytest.mark.slow
def test_shares_of_different_keys_and_words_of_something_else_are_refused():
    other = recovery.shares_of(HybridIdentity.new(), THREE_OF_FIVE)
    with pytest.raises(RecoveryWordsInvalid, match="not all of the same key"):
        recovery.identity_of([*SHARES[:2], other[0]])
    (short,) = generate_mnemonics(1, [(1, 1)], bytes(16))
    with pytest.raises(RecoveryWordsInvalid, match="something else"):
        recovery.identity_of(short)
    groups = generate_mnemonics(2, [(1, 1), (1, 1)], bytes(32))
    with pytest.raises(RecoveryWordsInvalid, match="were not made by"):
        recovery.identity_of([group[0] for group in groups])


@pytest.mark.parametrize(("needed", "made"), [(0, 1), (1, 2), (3, 2), (2, 17), (0, 0)])
def test_a_split_that_makes_no_sense_is_none(needed, made):
    assert not Split.is_possible(needed, made)
