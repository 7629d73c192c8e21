import contextlib
import struct

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealane.errors import SealaneError, TooLarge
from sealane.operations import frames
from sealane.operations.envelope import Answer, Asker, Done, Failed, Operation
from sealane.operations.files import Look
from sealane.operations.signing import SignInWithToken
from tests.tries import tries

LIMIT = 1 << 16
messages = st.lists(
    st.builds(Look, handle=st.text(), path=st.text(max_size=200), own_uploads=st.booleans()), max_size=6
)


@given(messages, st.data())
@settings(max_examples=tries(60))
def test_a_stream_cut_anywhere_gives_the_same_operations(sent, data):
    stream = b"".join(frames.pack(number + 1, one, bytes_max=LIMIT) for number, one in enumerate(sent))
    splitter = frames.FrameSplitter(LIMIT)
    received = []
    place = 0
    while place < len(stream):
        length = data.draw(st.integers(1, len(stream) - place))
        received += [frames.operation_of(body) for body in splitter.feed(stream[place : place + length])]
        place += length
    assert received == list(enumerate(sent, start=1))


def test_a_frame_at_the_limit_is_taken_and_one_past_it_is_refused_before_its_bytes_come():
    body = b"x" * 100
    assert list(frames.FrameSplitter(100).feed(struct.pack(">I", 100) + body)) == [body]
    with pytest.raises(frames.FrameInvalid):
        list(frames.FrameSplitter(99).feed(struct.pack(">I", 100)))
    late = frames.FrameSplitter(99)
    assert list(late.feed(struct.pack(">I", 100)[:3])) == []
    with pytest.raises(frames.FrameInvalid):
        list(late.feed(struct.pack(">I", 100)[3:]))


def test_what_is_larger_than_the_limit_is_not_packed():
    with pytest.raises(TooLarge):
        frames.pack(1, Look(handle="h", path="/" * 200), bytes_max=200)


@given(st.binary(max_size=60))
def test_foreign_bytes_are_refused_as_invalid_and_never_as_anything_else(body):
    for decode in (frames.operation_of, frames.answer_of):
        with contextlib.suppress(frames.FrameInvalid):
            decode(body)


@pytest.mark.parametrize(
    "body",
    [
        msgspec.msgpack.encode((1, ["NoSuchOperation", 1])),
        msgspec.msgpack.encode((1, ["Look"])),
        msgspec.msgpack.encode((1, ["Look", 5, 6])),
        msgspec.msgpack.encode(["one", ["Health"]]),
        msgspec.msgpack.encode((1, ["Done"])),
    ],
    ids=["unknown", "fields missing", "fields of the wrong type", "no number", "an answer"],
)
def test_what_is_not_an_operation_is_refused(body):
    with pytest.raises(frames.FrameInvalid):
        frames.operation_of(body)


def test_a_field_that_a_newer_door_sends_is_ignored_and_one_that_an_older_leaves_out_has_its_default():
    newer = msgspec.msgpack.encode((7, ["Look", "h", "/a", True, "new"]))
    older = msgspec.msgpack.encode((7, ["Look", "h", "/a"]))
    assert frames.operation_of(newer) == (7, Look(handle="h", path="/a", own_uploads=True))
    assert frames.operation_of(older) == (7, Look(handle="h", path="/a"))


def test_every_operation_says_what_it_is_answered_with_and_who_may_ask():
    assert len({one.__name__ for one in frames.OPERATIONS + frames.ANSWERS}) == len(frames.OPERATIONS + frames.ANSWERS)
    for operation in frames.OPERATIONS:
        assert issubclass(operation, Operation)
        assert operation.answer in frames.ANSWERS, operation
        assert operation.askers in Asker.DOOR | Asker.INSPECTOR | Asker.ADMIN | Asker.JOBS
        assert isinstance(operation.repeatable, bool)


def test_what_makes_something_new_is_never_asked_twice():
    twice = {one.__name__ for one in frames.OPERATIONS if one.repeatable}
    assert not {name for name in twice if name.startswith("Add")}
    assert not twice & {"Move", "RemoveFile", "RemoveFolder", "MakeFolder", "JoinUploads", "SignInWithKey"}
    assert {"BeginUpload", "RecordSegments", "FinishUpload", "OpenVersion", "TakeUpload", "Look", "Health"} <= twice


def test_an_error_comes_out_as_the_class_that_went_in():
    for code, kind in SealaneError.by_code.items():
        number, answer = frames.answer_of(frames.pack(3, Failed(code, "why"), bytes_max=LIMIT)[4:])
        assert (number, answer) == (3, Failed(code, "why"))
        assert SealaneError.by_code[answer.failure_code] is kind


def test_answers_and_operations_share_no_decoder():
    done = frames.pack(1, Done(), bytes_max=LIMIT)[4:]
    assert isinstance(frames.answer_of(done)[1], Answer)
    token = frames.pack(1, SignInWithToken(token="t", address="a", door="http"), bytes_max=LIMIT)[4:]
    with pytest.raises(frames.FrameInvalid):
        frames.answer_of(token)
