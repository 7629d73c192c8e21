"""Replies become SSH packets that a client opens, whichever way they are packed; what arrives is told or refused."""

import struct
from types import SimpleNamespace

import asyncssh
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealane.doors.sftp.arriving import told, whole_packet
from sealane.doors.sftp.channel import WINDOW_ADJUST
from sealane.doors.sftp.express import ExpressConnection
from sealane.doors.sftp.gcm import TAG_BYTES, Gcm
from sealane.doors.sftp.outlet import Outlet, Padding
from sealane.doors.sftp.packing import ALONE_BYTES_MAX, DATA, pack, pack_alone
from sealane.doors.sftp.stage import Buffers, Stage
from tests.tries import tries

KEY, IV = bytes(range(16)), bytes(12)
LENGTH_MAX = 1 << 18
HEAD_BYTES = 10


class Channel:
    """What packing and telling need of a channel."""

    def __init__(self, number=7, packet_bytes=32768):
        self.peer_number = self.number = number
        self.send_packet_bytes = packet_bytes


def outlet_of(blocks):
    outlet = Outlet()
    outlet.add(blocks)
    return outlet


def opened(stream, packet_bytes):
    """Return the data of each packet of a stream, as a client with this key reads them."""
    cipher, data = Gcm(KEY, IV), []
    view = memoryview(bytes(stream))
    while view:
        length = whole_packet(view, 0, len(view), LENGTH_MAX)
        assert length
        plain = bytearray(length)
        assert cipher.open_into(view[:4], view[4 : 4 + length + TAG_BYTES], plain)
        kind, size = told(memoryview(plain), Channel())
        assert kind == DATA
        assert size <= packet_bytes
        data.append(bytes(plain[HEAD_BYTES : HEAD_BYTES + size]))
        view = view[4 + length + TAG_BYTES :]
    return data


blocks_of_replies = st.lists(st.binary(min_size=1, max_size=700), min_size=1, max_size=12)


@settings(max_examples=tries(60))
@given(blocks_of_replies, st.integers(1, 2000), st.integers(1, 6000))
def test_what_is_packed_is_what_waited_as_far_as_there_was_window_and_room(blocks, packet_bytes, window):
    outlet, whole = outlet_of(blocks), b"".join(blocks)
    left = min(outlet.size, window)
    buffer = memoryview(bytearray(2 * (packet_bytes + 100) + 3000))
    packed = pack(Gcm(KEY, IV), Padding(), Channel(packet_bytes=packet_bytes), outlet, left, buffer)
    told_of = opened(packed.sealed, packet_bytes)
    assert b"".join(told_of) == whole[: packed.data_bytes]
    assert 0 < packed.data_bytes <= left
    assert packed.packets == len(told_of)
    assert packed.plain_bytes == len(packed.sealed) - packed.packets * (4 + TAG_BYTES)
    assert outlet.drain() == whole[packed.data_bytes :]


@settings(max_examples=tries(60))
@given(st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=10))
def test_a_packet_by_itself_is_as_one_among_many(blocks):
    whole = b"".join(blocks)
    cipher, outlet = Gcm(KEY, IV), outlet_of(blocks)
    packed = pack_alone(cipher, Padding(), Channel(), outlet)
    assert (packed.packets, packed.data_bytes, outlet.size) == (1, len(whole), 0)
    behind = pack(cipher, Padding(), Channel(), outlet_of([b"next"]), 4, memoryview(bytearray(1 << 17)))
    assert opened(packed.sealed + bytes(behind.sealed), ALONE_BYTES_MAX) == [whole, b"next"]
    among = pack(Gcm(KEY, IV), Padding(), Channel(), outlet_of(blocks), len(whole), memoryview(bytearray(1 << 17)))
    assert packed.plain_bytes == among.plain_bytes
    assert len(packed.sealed) == len(among.sealed)


@settings(max_examples=tries(200))
@given(st.binary(min_size=HEAD_BYTES, max_size=80), st.sampled_from([DATA, WINDOW_ADJUST, 97]), st.booleans())
def test_a_packet_is_exactly_as_long_as_it_says_or_it_ends_the_connection(rest, kind, ours):
    plain = bytearray(rest)
    plain[1] = kind
    channel = Channel(number=struct.unpack_from(">I", plain, 2)[0] ^ (not ours))
    if kind == 97 or not ours:
        assert told(memoryview(plain), channel) is None
        return
    padding, size = plain[0], struct.unpack_from(">I", plain, 6)[0]
    if padding >= 4 and len(plain) == HEAD_BYTES + padding + (size if kind == DATA else 0):
        assert told(memoryview(plain), channel) == (kind, size)
    else:
        with pytest.raises(asyncssh.ProtocolError):
            told(memoryview(plain), channel)


@pytest.mark.parametrize(("kind", "size"), [(DATA, 5), (DATA, 0), (WINDOW_ADJUST, 1 << 20)])
def test_a_packet_that_is_as_long_as_it_says_is_told(kind, size):
    data = bytes(size) if kind == DATA else b""
    plain = struct.pack(">BBII", 11, kind, 7, size) + data + bytes(11)
    assert told(memoryview(plain), Channel()) == (kind, size)


@pytest.mark.parametrize("length", [0, 15, 17, LENGTH_MAX + 16])
def test_a_length_that_no_packet_has_ends_the_connection(length):
    received = memoryview(struct.pack(">I", length) + bytes(100))
    with pytest.raises(asyncssh.ProtocolError):
        whole_packet(received, 0, len(received), LENGTH_MAX)


@pytest.mark.parametrize("there", [0, 3, 4, 4 + 32 + TAG_BYTES - 1])
def test_a_packet_of_which_something_is_missing_is_waited_for(there):
    received = memoryview(b"xx" + struct.pack(">I", 32) + bytes(100))
    assert whole_packet(received, 2, 2 + there, LENGTH_MAX) == 0
    assert whole_packet(received, 2, 2 + 4 + 32 + TAG_BYTES, LENGTH_MAX) == 32


@pytest.mark.parametrize(("altered", "length"), [(True, 400), (False, 4000)], ids=["tag", "length"])
def test_a_packet_that_ends_the_connection_leaves_what_waits_before_it_as_it_was(altered, length):
    """The request that waits still comes to its end, and what it wrote is recorded."""
    stage, waiting = Stage(Buffers(1 << 20)), b"A" * 1000
    assert stage.keep(waiting, may_move=True)
    read_by_the_request = stage.unserved
    plain = struct.pack(">BBII", 6, DATA, 7, length) + bytes(400) + bytes(6)
    sealed = bytearray(Gcm(KEY, IV).seal(struct.pack(">I", len(plain)), plain))
    sealed[-1] ^= altered
    connection = SimpleNamespace(_plain=b"", _recv_seq=0, _arrived=None)
    lane = Channel(), SimpleNamespace(stage=stage, may_move=False)
    place = stage.place_for(len(plain), may_move=False)
    head = memoryview(struct.pack(">I", len(plain)))
    with pytest.raises((asyncssh.MACError, asyncssh.ProtocolError)):
        ExpressConnection._open_to_stage(connection, Gcm(KEY, IV), lane, head, memoryview(sealed), place)
    assert bytes(read_by_the_request) == waiting
