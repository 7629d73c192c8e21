"""Signed notes and cosignatures are those of C2SP; what is malformed is refused; a wrong signature spoils the note."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from sealane.errors import Invalid
from sealane.ledger import notes, witnesses
from sealane.ledger.notes import COSIGNED, Note, Signature, VerifierKey
from sealane.operations.failures import NoteInvalid, SignatureWrong
from tests.tries import tries

QUICK = settings(max_examples=tries(100), deadline=None)

# The example of C2SP signed-note.
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
# What Go's public checksum database signed when it had 35,225,469 entries, and its key.
GO_KEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
GO_NOTE = (
    "go.sum database tree\n35225469\nvt5T6GaLCXvyHFl9VUvvItR43XZxfLgftEcTyO3eJCQ=\n\n— sum.golang.org "
    "Az3grpukl5AXaVfYkLiDGORx/DN2nlcS5kZHR5uYOBV2KA2HgXpD+gu9HHONebHLAyaKbbTM75QTtPydhKCExixSfwQ=\n"
)
SECRET = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NAME = "sealane/test"
TEXT = "one\n\ntwo\n"


def key(kind=notes.SIGNED, name=NAME):
    return VerifierKey(name, notes.public_of(SECRET), kind)


def signed(text=TEXT):
    return Note(text, (notes.signed(text, NAME, SECRET),))


def test_the_published_example_verifies():
    note = notes.parse(EXAMPLE)
    known = notes.verifier_key(EXAMPLE_KEY)
    assert note.text == "This is an example message.\n"
    assert note.demand(known) == 0
    assert known.text() == EXAMPLE_KEY
    assert note.full() == EXAMPLE


def test_a_note_that_a_public_log_signed_verifies():
    note = notes.parse(GO_NOTE)
    assert note.demand(notes.verifier_key(GO_KEY)) == 0
    with pytest.raises(SignatureWrong):
        notes.parse(GO_NOTE.replace("35225469", "35225470")).demand(notes.verifier_key(GO_KEY))


def test_an_altered_example_does_not():
    known = notes.verifier_key(EXAMPLE_KEY)
    with pytest.raises(SignatureWrong):
        notes.parse(EXAMPLE.replace("example message", "other message")).demand(known)


@given(text=st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60))
@QUICK
def test_a_note_is_read_back_as_it_was_signed(text):
    note = signed(text + "\n")
    again = notes.parse(note.full())
    assert again == note
    assert again.demand(key()) == 0


def test_the_text_ends_at_the_last_empty_line():
    assert notes.parse(signed("a\n\nb\n").full()).text == "a\n\nb\n"


def test_who_has_not_signed_is_told_apart_from_who_signed_something_else():
    other = VerifierKey("other", notes.public_of(SECRET))
    assert signed().verified_by(other) is None
    with pytest.raises(SignatureWrong):
        signed().demand(other)
    bent = Note("three\n", signed().signatures)
    with pytest.raises(SignatureWrong):
        bent.verified_by(key())


def test_unknown_keys_are_passed_over_and_one_wrong_line_of_a_known_key_spoils_the_note():
    stranger = Signature("stranger", b"abcd", b"nonsense")
    note = signed().with_signatures([stranger])
    assert note.demand(key()) == 0
    forged = Signature(NAME, key().id, bytes(64))
    with pytest.raises(SignatureWrong):
        note.with_signatures([forged]).demand(key())


@given(at=st.integers(0, 2**62))
@QUICK
def test_a_cosignature_says_when_and_signs_it(at):
    line = notes.cosigned(TEXT, "w1", SECRET, at)
    witness = key(COSIGNED, "w1")
    assert Note(TEXT, (line,)).verified_by(witness) == at
    later = Signature("w1", line.key_id, (at + 1).to_bytes(8, "big") + line.signature[8:])
    with pytest.raises(SignatureWrong):
        Note(TEXT, (later,)).verified_by(witness)


def test_a_cosignature_is_not_a_signature_and_the_other_way_round():
    """The type is part of the key's id, and what is signed begins otherwise."""
    assert key().id != key(COSIGNED).id
    line = notes.cosigned(TEXT, NAME, SECRET, 0)
    assert Note(TEXT, (line,)).verified_by(key()) is None
    with pytest.raises(SignatureWrong):
        key().verify(TEXT, line.signature[8:])


def test_the_cosigned_message_is_the_documented_one():
    line = notes.cosigned("o\n1\nr\n", "w1", SECRET, 1679315147)
    SECRET.public_key().verify(line.signature[8:], b"cosignature/v1\ntime 1679315147\no\n1\nr\n")


@given(text=st.text(max_size=80))
@QUICK
def test_whatever_is_no_note_is_refused(text):
    try:
        note = notes.parse(text)
    except NoteInvalid:
        return
    assert note.full() == text


@given(line=st.text(max_size=60))
@QUICK
def test_whatever_is_no_key_is_refused(line):
    try:
        found = notes.verifier_key(line)
    except NoteInvalid:
        return
    assert found.text() == line.strip()


@pytest.mark.parametrize(
    "text",
    [
        EXAMPLE_KEY.replace("530d903a", "530d903b"),
        EXAMPLE_KEY.replace("+Aek", "+Ael"),
        EXAMPLE_KEY.replace("example.com/foo", "example com"),
        EXAMPLE_KEY.replace("example.com/foo", ""),
        EXAMPLE_KEY[:-4],
        "name+00000000+" + base64.b64encode(b"\x02" + bytes(32)).decode(),
    ],
)
def test_a_damaged_key_is_refused(text):
    with pytest.raises(NoteInvalid):
        notes.verifier_key(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT,
        EXAMPLE[:-1],
        EXAMPLE + "\n",
        EXAMPLE.replace("—", "-"),
        EXAMPLE.replace("message.\n", "message.\r\n"),
        EXAMPLE.replace("Uw2Q", "Uw2 "),
        EXAMPLE.replace("foo Uw2QO", "foo  Uw2QO"),
        EXAMPLE + EXAMPLE.splitlines(keepends=True)[-1] * notes.SIGNATURES_MAX,
        "a\n\n— name YQ==\n",
    ],
)
def test_a_malformed_note_is_refused(text):
    with pytest.raises(NoteInvalid):
        notes.parse(text)


def test_as_many_signatures_as_the_limit_are_taken():
    line = EXAMPLE.splitlines(keepends=True)[-1]
    assert len(notes.parse(EXAMPLE + line * (notes.SIGNATURES_MAX - 1)).signatures) == notes.SIGNATURES_MAX


def test_a_key_never_shows_in_a_printed_signature():
    assert "SECRET" not in repr(signed())


# --- the setting that names witnesses ---------------------------------------------------------------------------------


def vkey(name):
    return key(COSIGNED, name).text()


def test_the_setting_names_each_witness_by_where_and_who():
    found = witnesses.parse(f" https://w1.example/x/ {vkey('w1')} , http://127.0.0.1:80 {vkey('w2')}")
    assert [(one.url, one.key.name) for one in found] == [("https://w1.example/x", "w1"), ("http://127.0.0.1:80", "w2")]
    assert witnesses.parse("") == ()


@pytest.mark.parametrize(
    "text",
    [
        "https://w1.example",
        f"http://w1.example {vkey('w1')}",
        f"https://w1.example {key().text()}",
        f"https://a {vkey('w1')}, https://b {vkey('w1')}",
        "https://w1.example nonsense",
        ",".join(f"https://w {vkey(f'w{number}')}" for number in range(witnesses.WITNESSES_MAX + 1)),
    ],
)
def test_what_names_no_witness_is_refused(text):
    with pytest.raises(Invalid):
        witnesses.parse(text)
