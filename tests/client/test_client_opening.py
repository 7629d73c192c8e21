"""Opening an age file here: whole or not at all, in bounded memory, never over another file."""

import hashlib
import io
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealane.client import opening
from sealane.client.failures import LocalFailure
from sealane.errors import Integrity, SealaneError
from sealane.vault.age import armor, failures, files, payload, streams, stretches
from sealane.vault.age.x25519 import X25519Identity
from tests.tries import tries
from tests.vault.age.test_age_vectors import VECTORS, read

pytestmark = pytest.mark.slow  # together they take longer than make check may

ANA = X25519Identity.new()
CHUNK = payload.CHUNK_BYTES
SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 16 * CHUNK - 1, 16 * CHUNK, 16 * CHUNK + 1, 33 * CHUNK + 5]


def plain(size):
    return (bytes(range(251)) * (size // 251 + 1))[:size]


class Dribble(io.RawIOBase):
    """A pipe that gives little at a time."""

    def __init__(self, content, most):
        self._content, self._most = io.BytesIO(content), most

    def readable(self):
        return True

    def read(self, size=-1):
        return self._content.read(min(size, self._most))


def opened(sealed, most=1 << 20):
    out = bytearray()
    told = opening.open_to_stream(Dribble(sealed, most), [ANA], out.extend)
    assert (told.size, told.sha256) == (len(out), hashlib.sha256(out).hexdigest())
    return bytes(out)


@pytest.mark.parametrize("size", SIZES)
def test_a_file_of_any_size_opens_binary_or_as_text(size):
    sealed = files.seal(plain(size), [ANA.recipient()])
    assert opened(sealed) == plain(size)
    assert opened(sealed, most=1000) == plain(size)
    assert opened(armor.enclose(sealed)) == plain(size)


@pytest.mark.parametrize("size", [1, CHUNK, 16 * CHUNK, 17 * CHUNK])
def test_a_file_that_is_cut_anywhere_is_never_whole(size, tmp_path):
    sealed = files.seal(plain(size), [ANA.recipient()])
    stored = payload.STORED_CHUNK_BYTES
    for cut in {1, 15, 16, 17, stored, stored - 1, stored + 1, len(sealed) - 50, 16 * stored}:
        if cut < len(sealed):
            with pytest.raises(SealaneError) as raised:
                opening.open_to_file(io.BytesIO(sealed[:-cut]), [ANA], tmp_path / "out")
            assert isinstance(raised.value, Integrity | failures.HeaderInvalid)
            assert list(tmp_path.iterdir()) == []
    with pytest.raises(Integrity):
        opened(sealed + b"\0")
    with pytest.raises(Integrity):
        opened(sealed + bytes(stored))


@given(st.integers(0, 3 * CHUNK), st.integers(0, 2**32), st.integers(1, 255))
@settings(max_examples=tries(40), deadline=None)
def test_a_byte_altered_anywhere_is_noticed(size, place, how):
    sealed = bytearray(files.seal(plain(size), [ANA.recipient()]))
    sealed[place % len(sealed)] ^= how
    with pytest.raises(SealaneError):
        opened(bytes(sealed))


def test_chunks_that_changed_places_are_noticed():
    begun = files.begin([ANA.recipient()])
    sealed = stretches.seal(begun.payload, 0, plain(3 * CHUNK), last=True)
    stored = payload.STORED_CHUNK_BYTES
    one, two, three = (bytes(sealed[start : start + stored]) for start in range(0, len(sealed), stored))
    assert opened(begun.prefix + one + two + three) == plain(3 * CHUNK)
    for order in ((two, one, three), (one, three, two), (one, one, three), (one, three), (one, two, three, three)):
        with pytest.raises(Integrity):
            opened(begun.prefix + b"".join(order))


@given(st.integers(0, 4 * CHUNK), st.data())
@settings(max_examples=tries(30), deadline=None)
def test_stretches_are_what_one_stream_is(size, data):
    begun = files.begin([ANA.recipient()])
    sealer = streams.Sealer(begun.payload)
    straight = bytes(sealer.update(plain(size)) + sealer.finish())
    last = stretches.last_chunk(size)
    first = data.draw(st.integers(0, last))
    until = data.draw(st.integers(first, last))
    piece = plain(size)[first * CHUNK : (until + 1) * CHUNK]
    sealed = stretches.seal(begun.payload, first, piece, last=until == last)
    assert sealed == straight[stretches.stored_at(first * CHUNK) :][: len(sealed)]
    assert stretches.open_(begun.payload, first, sealed, last=until == last) == piece
    assert len(stretches.tags(sealed)) == 16 * (until - first + 1)
    with pytest.raises(failures.PayloadDamaged):
        stretches.open_(begun.payload, first, sealed, last=until != last)


@pytest.mark.parametrize(
    "path",
    [one for one in VECTORS if one.name.startswith(("stream", "armor", "hmac")) and "_25" not in one.name],
    ids=lambda path: path.name,
)
def test_a_published_vector_of_payloads_and_armour_is_judged_as_published(path):
    """Here in stretches: another way through a payload than the room of the format has."""
    says, identities, data = read(path)
    out = bytearray()
    if says["expect"] == ["success"]:
        told = opening.open_to_stream(io.BytesIO(data), identities, out.extend)
        assert told.sha256 == hashlib.sha256(out).hexdigest() == says["payload"][0]
        return
    expected = {
        "armor failure": failures.HeaderInvalid,
        "header failure": failures.HeaderInvalid,
        "HMAC failure": failures.HeaderForged,
        "payload failure": failures.PayloadDamaged,
        "no match": failures.NoIdentityMatches,
    }
    with pytest.raises(expected[says["expect"][0]]):
        opening.open_to_stream(io.BytesIO(data), identities, out.extend)
    assert len(out) % CHUNK == 0, "never a piece of a chunk that failed"


def test_an_empty_chunk_after_others_is_refused():
    begun = files.begin([ANA.recipient()])
    full = stretches.seal(begun.payload, 0, plain(CHUNK), last=False)
    empty = bytearray(16)
    begun.payload.seal_into(1, b"", empty, last=True)
    with pytest.raises(Integrity):
        opened(begun.prefix + bytes(full) + bytes(empty))


def test_nothing_is_overwritten_and_nothing_is_left_of_what_failed(tmp_path):
    target = tmp_path / "out"
    target.write_text("mine")
    with pytest.raises(LocalFailure, match="is there already"):
        opening.open_to_file(io.BytesIO(files.seal(b"x", [ANA.recipient()])), [ANA], target)
    assert target.read_text() == "mine"
    target.unlink()
    target.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LocalFailure):
        opening.open_to_file(io.BytesIO(files.seal(b"x", [ANA.recipient()])), [ANA], target)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_file_that_comes_meanwhile_is_not_overwritten(tmp_path):
    class Slow(io.BytesIO):
        def read(self, size=-1):
            (tmp_path / "out").write_text("mine")
            return super().read(size)

    with pytest.raises(LocalFailure, match="is there already"):
        opening.open_to_file(Slow(files.seal(b"x", [ANA.recipient()])), [ANA], tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_no_identity_opens_nothing(tmp_path):
    sealed = files.seal(b"x", [ANA.recipient()])
    with pytest.raises(failures.NoIdentityMatches):
        opening.open_to_file(io.BytesIO(sealed), [X25519Identity.new()], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_large_file_is_opened_in_little_memory(tmp_path):
    sealed = tmp_path / "big.age"
    begun = files.begin([ANA.recipient()])
    with sealed.open("wb") as file:
        file.write(begun.prefix)
        for number in range(40):
            file.write(stretches.seal(begun.payload, number * 16, bytes(16 * CHUNK), last=number == 39))
    tracemalloc.start()
    try:
        with sealed.open("rb", buffering=0) as file:
            told = opening.open_to_file(file, [ANA], tmp_path / "big")
        assert tracemalloc.get_traced_memory()[1] < 12 << 20
    finally:
        tracemalloc.stop()
    assert told.size == (tmp_path / "big").stat().st_size == 640 * CHUNK
