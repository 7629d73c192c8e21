"""A witness cosigns what only grew, says no to all else as the protocol says it, and never goes back."""

import json
from http import HTTPStatus
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealane.errors import Invalid
from sealane.ledger import checkpoints, notes, tree, witnessing
from sealane.ledger.checkpoints import Checkpoint
from sealane.ledger.notes import COSIGNED, Note, VerifierKey
from sealane.ledger.witnessing import Submitted
from sealane.operations.failures import NoteInvalid
from tests.tries import tries

pytestmark = pytest.mark.slow  # together with the others they take longer than make check may

ORIGIN = "sealane/test"
LOG = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SECRET = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
LOGS = {ORIGIN: VerifierKey(ORIGIN, notes.public_of(LOG))}
WITNESS = VerifierKey("w1", notes.public_of(SECRET), COSIGNED)
LEAVES = [tree.leaf_of(str(number).encode()) for number in range(40)]
QUICK = settings(max_examples=tries(100), deadline=None, suppress_health_check=[HealthCheck.too_slow])


def subtree(height, index):
    return tree.perfect_root(LEAVES[index << height : (index + 1) << height])


def checkpoint(size, origin=ORIGIN):
    return Checkpoint(origin, size, tree.root_of(size, subtree))


def submitted(old, new, *, origin=ORIGIN, key=LOG, path=None, root=None):
    made = checkpoint(new, origin)
    if root is not None:
        made = Checkpoint(origin, new, root)
    note = Note(made.text(), (notes.signed(made.text(), origin, key),))
    if path is None:
        path = tree.consistency_path(old, new, subtree) if old <= new else ()
    return Submitted(old, tuple(path), made, note)


def judged(one, seen=None):
    last = None if seen is None else checkpoint(seen)
    return witnessing.judged(one, logs=LOGS, seen=last, name="w1", secret=SECRET, at=1_800_000_000)


@given(old=st.integers(0, 40), more=st.integers(0, 40))
@QUICK
def test_growth_is_cosigned_and_remembered(old, more):
    new = min(40, old + more)
    answer = judged(submitted(old, new), old or None)
    assert answer.status == HTTPStatus.OK
    (line,) = notes.signatures(answer.body)
    note = notes.parse(answer.remember)
    assert note.verified_by(WITNESS) == 1_800_000_000
    assert note.verified_by(LOGS[ORIGIN]) == 0
    assert line in note.signatures
    assert checkpoints.parse(note.text) == checkpoint(new)


@given(old=st.integers(1, 40), said=st.integers(0, 40))
@QUICK
def test_another_old_size_than_was_seen_is_a_conflict_that_names_it(old, said):
    answer = judged(submitted(said, 40), old)
    if said != old:
        assert (answer.status, answer.body, answer.content_type) == (409, f"{old}\n", "text/x.tlog.size")
        assert not answer.remember


@pytest.mark.parametrize(
    ("one", "seen", "status"),
    [
        (submitted(0, 5, origin="sealane/other"), None, 404),
        (submitted(0, 5, key=SECRET), None, 403),
        (submitted(6, 5), 6, 400),
        (submitted(5, 9, path=()), 5, 422),
        (submitted(5, 9, path=[bytes(32)] * 3), 5, 422),
        (submitted(5, 9, root=bytes(32)), 5, 422),
        (submitted(5, 5, root=bytes(32)), 5, 422),
        (submitted(0, 0, root=bytes(32)), None, 422),
        (submitted(0, 5, path=[bytes(32)]), None, 422),
    ],
)
def test_everything_else_is_answered_as_the_protocol_says_and_never_remembered(one, seen, status):
    answer = judged(one, seen)
    assert (answer.status, answer.remember) == (status, "")


def test_a_fork_is_cosigned_for_nobody():
    """Two ledgers that share five entries: whoever comes first is witnessed, the other is refused for good."""
    assert judged(submitted(5, 9), 5).status == 200
    fork = [*LEAVES[:5], *reversed(LEAVES[5:9])]
    root = tree.root_of(9, lambda height, index: tree.perfect_root(fork[index << height : (index + 1) << height]))
    path = tree.consistency_path(5, 9, lambda h, i: tree.perfect_root(fork[i << h : (i + 1) << h]))
    assert judged(submitted(5, 9, root=root, path=path), 5).status == 200
    assert judged(submitted(9, 9, root=root), 9).status == 422


def test_the_requests_of_another_log_are_answered_as_another_witness_answers_them():
    """In order; a log that it does not know is told so by 404, as the protocol says since they were published."""
    vectors = json.loads((Path(__file__).parent / "vectors" / "witness.json").read_text())
    origin = witnessing.read(vectors["requests"][0]["request"].encode()).checkpoint.origin
    logs = {origin: VerifierKey(origin, bytes.fromhex(vectors["key"]))}
    seen = None
    for place, one in enumerate(vectors["requests"]):
        try:
            read = witnessing.read(one["request"].encode())
        except (
            NoteInvalid
        ):  # its base64 has stray bits: theirs takes it and finds the signature wrong, ours answers 400
            assert one["status"] == HTTPStatus.FORBIDDEN
            continue
        answer = witnessing.judged(read, logs=logs, seen=seen, name="w1", secret=SECRET, at=1_800_000_000)
        assert answer.status == one["status"], place
        assert not one["body"] or answer.body == one["body"]
        if answer.remember:
            seen = checkpoints.parse(notes.parse(answer.remember).text)
    assert seen is not None
    assert seen.size == 5


def test_signatures_of_others_are_not_carried_along():
    one = submitted(0, 5)
    stranger = notes.signed(one.note.text, "stranger", SECRET)
    answer = judged(Submitted(0, (), one.checkpoint, one.note.with_signatures([stranger])))
    assert "stranger" not in answer.remember


@given(old=st.integers(0, 40))
@QUICK
def test_a_request_is_read_as_it_was_written(old):
    one = submitted(old, 40)
    assert witnessing.read(witnessing.written(old, one.path, one.note.full())) == one


GOOD = witnessing.written(5, submitted(5, 9).path, submitted(5, 9).note.full())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"old 05" + GOOD[5:],
        b"old -1" + GOOD[5:],
        b"new 5" + GOOD[5:],
        GOOD.replace(b"\n\n", b"\n", 1),
        b"old 5\nnot base64\n\n" + GOOD.partition(b"\n\n")[2],
        b"old 5\n" + b"YQ==\n" + b"\n" + GOOD.partition(b"\n\n")[2],
        b"old 5\n" + (b"A" * 43 + b"=\n") * 64 + b"\n" + GOOD.partition(b"\n\n")[2],
        GOOD.replace(b"\n9\n", b"\n09\n"),
        GOOD + b"x" * witnessing.REQUEST_BYTES_MAX,
    ],
)
def test_what_is_no_request_is_refused(body):
    with pytest.raises(Invalid):
        witnessing.read(body)


@given(body=st.binary(max_size=80))
@QUICK
def test_whatever_comes_is_refused_or_read(body):
    try:
        witnessing.read(body)
    except Invalid:
        return
    raise AssertionError(body)
