"""What a reading child says is a stranger's word: bounded before it is waited for, decoded into a type."""

import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealane.doors.listing import ListTaker
from sealane.errors import Invalid
from sealane.inspector import channel
from sealane.operations.inspection import Exposed, LayoutOf, PartNotRead, is_sound
from sealane.settings import Settings
from sealane.vault import blobs
from sealane.vault.age import files as age_files
from sealane.vault.age.x25519 import X25519Identity
from sealane.vault.local import LocalStore
from tests.tries import tries

pytestmark = pytest.mark.slow

KEY = X25519Identity(b"\x21" * 32)


@given(st.binary(max_size=200))
@settings(max_examples=tries(200))
def test_whatever_a_child_says_is_heard_whole_or_refused(said):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(5)
        theirs.sendall(said)
        theirs.shutdown(socket.SHUT_WR)
        try:
            while True:
                kind, body = channel.heard(ours)
                assert kind in {channel.RANGE, channel.LIST, channel.END}
                if kind == channel.RANGE:
                    offset, length = channel.place_of(body)
                    assert offset >= 0
                    assert 0 < length <= channel.RANGE_BYTES_MAX
                if kind == channel.END:
                    channel.decoded(body)
        except channel.ChannelBroken:
            pass


def test_a_piece_past_its_limit_is_refused_before_it_comes():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(channel.LIST + (channel.LIST_BYTES_MAX + 1).to_bytes(4, "big"))
        with pytest.raises(channel.ChannelBroken):
            channel.heard(ours)


def sound(**changed):
    told = {
        "format": "csv",
        "coverage": "partial",
        "records": 3,
        "people": 2,
        "classes": {"ssn": 2},
        "unreadable": (PartNotRead("a", "damaged"),),
        "readers": 1,
    }
    return is_sound(Exposed(**(told | changed)), parts_max=2)


@pytest.mark.parametrize(
    "changed",
    [
        {"coverage": "total"},
        {"format": ""},
        {"format": "x" * 17},
        {"format": "a\nb"},
        {"records": -1},
        {"people": 2**49},
        {"classes": {"ssn": 3}},
        {"classes": {"shoe_size": 1}},
        {"unreadable": (PartNotRead("a", "damaged"),) * 4},
        {"unreadable": (PartNotRead("a" * 1025, "damaged"),)},
        {"layouts": (LayoutOf("zz", ()),)},
    ],
)
def test_what_no_reading_tells_is_not_believed(changed):
    assert sound()
    assert not sound(**changed)


def taken(store, body, cuts, **fields):
    taker = ListTaker(store, Settings(**fields))
    try:
        for begin, end in zip([0, *cuts], [*cuts, len(body)], strict=True):
            taker.take(memoryview(body)[begin:end])
        return taker.finish()
    finally:
        taker.abort()


LINE = b'{"format":"csv","coverage":"complete","records":1,"people":1,"classes":{"name":1},"recipients":["age1x"]}\n'


@given(st.binary(max_size=3000), st.integers(0, 2000), st.data())
@settings(max_examples=tries(60))
def test_a_sent_list_is_the_same_however_it_comes(tmp_path_factory, plain, inline, data):
    store = LocalStore(tmp_path_factory.getbasetemp() / "lists")
    sealed = age_files.seal(plain, [KEY.recipient()])
    body = LINE + sealed
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=4)))
    made = taken(store, body, cuts, inline_bytes_max=inline).people_list
    payload = made.inline if made.inline is not None else bytes(blobs.read(store, made.blob, 0, made.size))
    assert made.header + payload == sealed
    assert made.size == len(payload)
    store.close()


@pytest.mark.parametrize("body", [b"", b"{}", b"{}\n", b"no\n", LINE[:-1], LINE + b"not an age file", b"x" * 300_000])
def test_what_is_no_list_is_refused(tmp_path, body):
    store = LocalStore(tmp_path)
    with pytest.raises(Invalid):
        taken(store, body, [])
    assert list(store.names()) == []
    store.close()
