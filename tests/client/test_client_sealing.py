"""No chunk nonce is ever used for two plaintexts, whatever is written to the source, whoever is killed."""

import os
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sealane.client import sealing
from sealane.client.failures import ChangedHere, LocalFailure
from sealane.client.parts import plan_sealed_parts
from sealane.settings import ClientSettings
from sealane.vault.age import files
from sealane.vault.age.payload import CHUNK_BYTES, STORED_CHUNK_BYTES, sealed_length
from sealane.vault.age.x25519 import X25519Identity
from tests.tries import tries

ANA = X25519Identity.new()
TO = [ANA.recipient()]
CHUNKS = 5
SIZE = (CHUNKS - 1) * CHUNK_BYTES + 1000


class SendersMachine(RuleBasedStateMachine):
    """A user's machine on which one file is sent by processes that come and go, while others write to the file."""

    def __init__(self):
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.home = Path(self._folder.name)
        self.path = self.home / "source"
        self.path.write_bytes(os.urandom(SIZE))
        self.given = {}
        """By age file and place, every byte that was ever given out."""
        self.stack = None
        self.whole = None

    def teardown(self):
        self.kill()
        self._folder.cleanup()

    def beside(self, suffix):
        return self.home / f"journal{suffix}"

    @precondition(lambda self: self.whole is None)
    @rule()
    def start_a_process(self):
        self.descriptor = os.open(self.path, os.O_RDONLY)
        self.stack = sealing.sealing_of(self.beside, self.descriptor, SIZE, TO)
        self.whole = self.stack.__enter__()

    @rule()
    def kill(self):
        """Nothing is put in order: what is on disk is what the next process finds."""
        if self.whole is not None:
            os.close(self.descriptor)
            self.stack = self.whole = None

    @precondition(lambda self: self.whole is not None)
    @rule(data=st.data())
    def send_some(self, data):
        source = self.whole.source
        start = data.draw(st.integers(0, source.size))
        end = data.draw(st.integers(start, min(source.size, start + 2 * STORED_CHUNK_BYTES)))
        place = start
        known = self.given.setdefault(source.prefix, {})
        try:
            for block in source.blocks(start, end):
                for number, byte in enumerate(block, place):
                    assert known.setdefault(number, byte) == byte, "one nonce, two plaintexts"
                place += len(block)
        except ChangedHere:
            self.kill()
            sealing.forget(self.beside)
        else:
            assert place == end

    @rule(chunk=st.integers(0, CHUNKS - 1), byte=st.integers(1, 255))
    def write_to_the_source_as_if_nothing_happened(self, chunk, byte):
        """Size, time and inode stay."""
        status = self.path.stat()
        with self.path.open("r+b") as file:
            file.seek(chunk * CHUNK_BYTES + 7)
            was = file.read(1)[0]
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([was ^ byte]))
        os.utime(self.path, ns=(status.st_atime_ns, status.st_mtime_ns))

    @precondition(lambda self: self.whole is None)
    @rule(which=st.sampled_from([".key", ".tags"]), how=st.sampled_from(["lost", "cut", "spoilt"]))
    def lose_a_file(self, which, how):
        path = self.beside(which)
        if path.exists():
            content = path.read_bytes()
            if how == "lost":
                path.unlink()
            elif how == "cut" and which == ".key":
                path.write_bytes(content[: len(content) // 2])
            elif which == ".key":
                path.write_bytes(b"{}")
            else:
                path.write_bytes(b"another's record" + content[16:])

    @invariant()
    def the_key_is_the_users_alone(self):
        for suffix in (".key", ".tags"):
            path = self.beside(suffix)
            if path.exists() and path.read_bytes()[:1] == b"{":
                assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


SendersMachine.TestCase.settings = settings(max_examples=tries(15), stateful_step_count=12, deadline=None)
TestNoNonceIsUsedTwice = SendersMachine.TestCase


@pytest.fixture
def beside(tmp_path):
    return lambda suffix: tmp_path / f"journal{suffix}"


def opened(tmp_path, content):
    path = tmp_path / "source"
    path.write_bytes(content)
    return os.open(path, os.O_RDONLY)


@pytest.mark.parametrize("size", [1, CHUNK_BYTES, CHUNK_BYTES + 1, 40 * CHUNK_BYTES + 3])
def test_parts_in_any_order_make_one_age_file(tmp_path, beside, size):
    content = os.urandom(size)
    descriptor = opened(tmp_path, content)
    small = ClientSettings(part_bytes_min=CHUNK_BYTES, part_bytes_max=3 * CHUNK_BYTES, block_bytes=1000)
    with sealing.sealing_of(beside, descriptor, size, TO) as begun:
        parts = plan_sealed_parts(size, small, prefix=len(begun.source.prefix))
        pieces = {part: b"".join(begun.source.blocks(part.start, part.end)) for part in reversed(parts)}
        assert [part.start for part in parts] == [0, *(part.end for part in parts[:-1])]
        assert parts[-1].end == begun.source.size
        for part in parts[1:]:
            assert (part.start - len(begun.source.prefix)) % STORED_CHUNK_BYTES == 0
    assert files.open_sealed(b"".join(pieces[part] for part in parts), [ANA]) == content
    os.close(descriptor)


def test_an_empty_file_has_one_part():
    assert [tuple(part) for part in plan_sealed_parts(0, ClientSettings(), prefix=200)] == [(0, 216)]
    assert sealed_length(0) == 16


def test_a_record_that_cannot_be_written_gives_no_byte_out(tmp_path, beside, monkeypatch):
    descriptor = opened(tmp_path, os.urandom(CHUNK_BYTES))
    with sealing.sealing_of(beside, descriptor, CHUNK_BYTES, TO) as begun:
        monkeypatch.setattr(sealing.os, "pwrite", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
        blocks = begun.source.blocks(len(begun.source.prefix), begun.source.size)
        with pytest.raises(LocalFailure):
            next(blocks)
    os.close(descriptor)


def test_a_record_that_was_written_by_half_gives_no_byte_out(tmp_path, beside, monkeypatch):
    descriptor = opened(tmp_path, os.urandom(2 * CHUNK_BYTES))
    write = os.pwrite
    with sealing.sealing_of(beside, descriptor, 2 * CHUNK_BYTES, TO) as begun:
        monkeypatch.setattr(sealing.os, "pwrite", lambda to, what, at: write(to, what[:-1], at))
        with pytest.raises(LocalFailure, match="the disk is full"):
            next(begun.source.blocks(len(begun.source.prefix), begun.source.size))
    os.close(descriptor)


def test_a_source_that_was_cut_short_gives_no_byte_out(tmp_path, beside):
    descriptor = opened(tmp_path, os.urandom(CHUNK_BYTES))
    os.truncate(tmp_path / "source", CHUNK_BYTES - 1)
    with sealing.sealing_of(beside, descriptor, CHUNK_BYTES, TO) as begun, pytest.raises(ChangedHere):
        next(begun.source.blocks(len(begun.source.prefix), begun.source.size))
    os.close(descriptor)


def test_the_tag_is_on_disk_before_the_bytes_are_given_out(tmp_path, beside):
    descriptor = opened(tmp_path, os.urandom(3 * CHUNK_BYTES))
    with sealing.sealing_of(beside, descriptor, 3 * CHUNK_BYTES, TO) as begun:
        before = beside(".tags").read_bytes()
        assert len(before) == 16
        given = next(begun.source.blocks(len(begun.source.prefix), begun.source.size))
        assert beside(".tags").read_bytes()[16:32] == given[STORED_CHUNK_BYTES - 16 : STORED_CHUNK_BYTES]
    os.close(descriptor)


def give_out(beside, descriptor, size, start=0, end=None):
    """What one process gives out of an age file before it is killed, and the file's id."""
    with sealing.sealing_of(beside, descriptor, size, TO) as begun:
        source = begun.source
        end = source.size if end is None else len(source.prefix) + end * STORED_CHUNK_BYTES
        return begun.id, b"".join(source.blocks(len(source.prefix) + start * STORED_CHUNK_BYTES, end))


@pytest.mark.parametrize("changed", range(3))
def test_a_chunk_that_was_given_out_is_never_given_out_with_other_bytes(tmp_path, beside, changed):
    """By whichever process, whatever stands beside it: one that was not sealed before, or is what it was."""
    size = 3 * CHUNK_BYTES
    descriptor = opened(tmp_path, bytes(size))
    first, given = give_out(beside, descriptor, size, end=2)
    with (tmp_path / "source").open("r+b") as file:
        file.seek(changed * CHUNK_BYTES)
        file.write(b"\1")
    for start, end in ((changed, changed + 1), (0, 3)):
        if changed < 2:
            with pytest.raises(ChangedHere):
                give_out(beside, descriptor, size, start=start, end=end)
        else:
            again, _ = give_out(beside, descriptor, size, start=start, end=end)
            assert again == first
    if changed:
        assert give_out(beside, descriptor, size, end=1) == (first, given[:STORED_CHUNK_BYTES])
    os.close(descriptor)


@pytest.mark.parametrize("lost", ["the record", "the record's id", "the key"])
def test_a_key_without_the_record_of_its_tags_is_used_no_more(tmp_path, beside, lost):
    descriptor = opened(tmp_path, bytes(CHUNK_BYTES))
    first, given = give_out(beside, descriptor, CHUNK_BYTES)
    assert give_out(beside, descriptor, CHUNK_BYTES) == (first, given)
    if lost == "the record's id":
        beside(".tags").write_bytes(b"another's record" + beside(".tags").read_bytes()[16:])
    else:
        beside(".key" if lost == "the key" else ".tags").unlink()
    second, other = give_out(beside, descriptor, CHUNK_BYTES)
    assert first != second
    assert given != other
    assert beside(".tags").read_bytes()[16:] == other[-16:], "of the one that was given up nothing is left"
    os.close(descriptor)


def test_where_the_start_of_the_machine_cannot_be_told_nothing_is_gone_on_with(tmp_path, beside, monkeypatch):
    descriptor = opened(tmp_path, bytes(CHUNK_BYTES))
    monkeypatch.setattr(sealing, "_BOOT_ID", tmp_path / "none")
    first, given = give_out(beside, descriptor, CHUNK_BYTES)
    second, other = give_out(beside, descriptor, CHUNK_BYTES)
    assert first != second
    assert given != other
    os.close(descriptor)


@pytest.mark.parametrize(("ahead", "sealed_again"), [(1 << 30, 0), (20 * STORED_CHUNK_BYTES, 24), (0, 40)])
def test_what_was_sent_is_hashed_without_being_sealed_again_as_far_as_it_is_kept(
    tmp_path, beside, monkeypatch, ahead, sealed_again
):
    content = os.urandom(39 * CHUNK_BYTES + 3)
    descriptor = opened(tmp_path, content)
    sealed = []
    plain_seal = sealing.stretches.seal
    monkeypatch.setattr(
        sealing.stretches, "seal", lambda *given, **more: sealed.append(plain_seal(*given, **more)) or sealed[-1]
    )
    with sealing.sealing_of(beside, descriptor, len(content), TO, ahead_bytes_max=ahead) as begun:
        source = begun.source
        sent = list(source.blocks(0, source.size))
        chunks_sent = sum(len(one) for one in sealed)
        hashed = in_order(source)
        assert hashed == b"".join(sent)[len(source.prefix) :]
        again = sum(len(one) for one in sealed) - chunks_sent
        assert -(-again // STORED_CHUNK_BYTES) == sealed_again
    os.close(descriptor)


def in_order(source):
    """What a digest reads."""
    offset, found = len(source.prefix), []
    while offset < source.size:
        found.append(bytes(source.read(16 * STORED_CHUNK_BYTES, offset)))
        offset += len(found[-1])
    return b"".join(found)


@given(data=st.data())
@settings(max_examples=tries(20), deadline=None)
def test_whatever_was_given_out_before_in_whatever_order_the_digest_reads_the_same_bytes(data):
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        size = data.draw(st.integers(1, 40 * CHUNK_BYTES))
        descriptor = opened(home, os.urandom(size))
        ahead = data.draw(st.integers(0, 40 * STORED_CHUNK_BYTES))
        with sealing.sealing_of(
            lambda suffix: home / f"j{suffix}", descriptor, size, TO, ahead_bytes_max=ahead
        ) as begun:
            source = begun.source
            for _ in range(data.draw(st.integers(0, 4))):
                start = data.draw(st.integers(0, source.size))
                for _block in source.blocks(start, data.draw(st.integers(start, source.size))):
                    pass
            whole = in_order(source)
            assert files.open_sealed(source.prefix + whole, [ANA]) == (home / "source").read_bytes()
        os.close(descriptor)
