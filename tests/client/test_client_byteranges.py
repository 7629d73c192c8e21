"""Several ranges of one answer, as our server writes them and as a hostile one might."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealane.client.byteranges import Piece, pieces_of
from sealane.client.failures import AnswerInvalid
from sealane.doors.http.ranges import Span, multipart

TYPE = "multipart/byteranges; boundary=b0"


def written(spans, content):
    layout = multipart(tuple(spans), len(content), "application/age", "b0")
    return b"".join(piece if isinstance(piece, bytes) else content[piece.start : piece.end] for piece in layout.pieces)


def test_what_our_server_writes_is_read():
    content = bytes(range(256))
    body = written([Span(0, 10), Span(200, 256)], content)
    assert pieces_of(TYPE, body) == (Piece(0, content[:10], 256), Piece(200, content[200:], 256))


@given(
    st.lists(st.tuples(st.integers(0, 99), st.integers(1, 100)), min_size=1, max_size=5),
    st.binary(min_size=200, max_size=200),
)
def test_any_ranges_come_back_whatever_is_in_them(told, content):
    spans = [Span(start, start + length) for start, length in told]
    pieces = pieces_of(TYPE, written(spans, content))
    assert [(piece.first, piece.past, piece.content) for piece in pieces] == [
        (span.start, span.end, content[span.start : span.end]) for span in spans
    ]


@given(st.data())
def test_what_is_cut_or_altered_is_refused_or_has_what_it_says(data):
    content = bytes(range(100))
    body = bytearray(written([Span(0, 10), Span(50, 100)], content))
    if data.draw(st.booleans()):
        del body[data.draw(st.integers(0, len(body) - 3)) :]
        with pytest.raises(AnswerInvalid):
            pieces_of(TYPE, bytes(body))
        return
    body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        pieces = pieces_of(TYPE, bytes(body))
    except AnswerInvalid:
        return
    assert all(piece.past <= piece.total for piece in pieces)


@pytest.mark.parametrize(
    "kind",
    ["", "application/age", "multipart/byteranges", "multipart/byteranges; boundary=", "multipart/mixed; boundary=b0"],
)
def test_another_type_is_refused(kind):
    with pytest.raises(AnswerInvalid):
        pieces_of(kind, written([Span(0, 1)], b"x"))


def test_no_more_pieces_are_read_than_anybody_asks_for():
    with pytest.raises(AnswerInvalid):
        pieces_of(TYPE, written([Span(0, 1)] * 17, b"x"))
