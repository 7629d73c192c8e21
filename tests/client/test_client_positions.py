import functools
import hashlib
import os
import threading

import pytest

from sealane.client.failures import ChangedHere, Interrupted
from sealane.client.parts import Part
from sealane.client.patience import Stop
from sealane.client.positions import FollowingDigest, Positions, hash_file, read_at

PARTS = (Part(0, 10), Part(10, 10), Part(20, 5))


def test_the_front_is_where_the_first_gap_is():
    positions = Positions(PARTS, [0, 0, 0])
    assert positions.set(1, 10) == 10
    assert positions._front() == 0
    assert positions.set(0, 4) == 14
    assert positions._front() == 4
    positions.set(0, 10)
    assert positions._front() == 20
    positions.set(2, 5)
    assert positions._front() == 25
    assert positions.total() == 25


def test_positions_begin_where_an_earlier_run_ended():
    assert Positions(PARTS, [10, 3, 5])._front() == 13


@pytest.fixture
def opened(tmp_path):
    content = os.urandom(25)
    path = tmp_path / "file"
    path.write_bytes(content)
    descriptor = os.open(path, os.O_RDWR)
    yield descriptor, content
    os.close(descriptor)


def following(descriptor, positions, check=lambda: None, size=25):
    return FollowingDigest(functools.partial(read_at, descriptor), size, positions, block_bytes=4, check=check)


def test_the_digest_is_of_the_whole_file_whatever_the_order_of_its_parts(opened):
    descriptor, content = opened
    positions = Positions(PARTS, [0, 0, 0])
    digest = following(descriptor, positions)
    for number, moved in ((2, 5), (0, 3), (1, 10), (0, 10)):
        positions.set(number, moved)
    assert digest.result() == hashlib.sha256(content).digest()
    assert digest.result() == hash_file(descriptor, 25, block_bytes=7, check=lambda: None)


def test_bytes_behind_a_gap_are_not_read_before_they_are_there(opened):
    descriptor, content = opened
    positions = Positions(PARTS, [0, 10, 5])
    digest = following(descriptor, positions)
    os.pwrite(descriptor, b"z" * 10, 0)
    positions.set(0, 10)
    assert digest.result() == hashlib.sha256(b"z" * 10 + content[10:]).digest()


def test_a_file_that_was_cut_meanwhile_has_changed(opened):
    descriptor, _ = opened
    os.ftruncate(descriptor, 12)
    digest = following(descriptor, Positions(PARTS, [10, 10, 5]))
    with pytest.raises(ChangedHere):
        digest.result()


def test_a_digest_that_waits_ends_when_the_run_is_stopped_or_it_is_closed(opened):
    descriptor, _ = opened
    stop = Stop()
    digest = following(descriptor, Positions(PARTS, [0, 0, 0]), stop.check)
    stop.now()
    with pytest.raises(Interrupted):
        digest.result()
    other = following(descriptor, Positions(PARTS, [0, 0, 0]))
    other.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "digest"]


def test_an_empty_file_has_the_digest_of_nothing(opened):
    descriptor, _ = opened
    assert following(descriptor, Positions((), []), size=0).result() == hashlib.sha256().digest()
