"""Committed means durable: whatever a power cut leaves, at whatever moment; and each single sync is needed for it."""

import contextlib
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealane.errors import Integrity, SealaneError
from sealane.ids import SegmentId
from sealane.vault.local import LocalStore
from tests.vault.power_cut import ForgetfulDisk, PowerCutError

SOMEWHERE = Path("/nowhere")


class LostError(AssertionError):
    """What was acknowledged is not there, or what was not is there and wrong."""


class Life:
    """A store that is used, cut off and started again; and what it must still hold."""

    def __init__(self, seed, *, lies_about=""):
        self.generator = random.Random(seed)
        self.disk = ForgetfulDisk(self.generator, lies_about=lies_about)
        self.committed = {}
        self.begun = {}
        self.deleted = set()
        self.unsure = set()

    def run(self, rounds):
        for _ in range(rounds):
            self.disk.cut_after = self.generator.choice([None, self.generator.randint(0, 40)])
            if self.disk.cut_after is None and self.generator.random() < 0.5:
                self.disk.cut_after = 256 + self.generator.randint(1, 60)
            with contextlib.suppress(PowerCutError):
                self.use()
            self.disk.cut()
            self.check()

    def use(self):
        store = LocalStore(SOMEWHERE, self.disk)
        for _ in range(self.generator.randint(1, 4)):
            if self.committed and self.generator.random() < 0.3:
                name = self.generator.choice(sorted(self.committed))
                self.unsure.add(name)
                store.delete(name)
                self.unsure.discard(name)
                del self.committed[name]
                self.deleted.add(name)
                continue
            name = SegmentId(f"{self.generator.getrandbits(128):032x}")
            content = self.generator.randbytes(self.generator.randint(1, 100))
            self.begun[name] = content
            writer = store.create(name)
            half = self.generator.randint(0, len(content))
            writer.append(content[:half])
            writer.append(content[half:])
            if self.generator.random() < 0.2:
                writer.abort()
                continue
            writer.commit()
            self.committed[name] = content
            if self.generator.random() < 0.2:
                store.clear_unfinished(datetime.now(UTC))

    def check(self):
        store = LocalStore(SOMEWHERE, self.disk)
        there = set(store.names())
        for name, content in self.committed.items():
            if name in self.unsure and name not in there:
                continue
            self._is_whole(store, name, content, "a committed blob was lost")
        for name in there - set(self.committed):
            if name in self.deleted:
                raise LostError("a deleted blob came back")
            self._is_whole(store, name, self.begun[name], "a blob that was not committed is seen, and not whole")
        for name in self.unsure:
            if name not in there:
                self.committed.pop(name, None)
        self.unsure.clear()

    def _is_whole(self, store, name, content, sentence):
        try:
            whole = store.size(name) == len(content) and bytes(store.read(name, 0, len(content))) == content
        except SealaneError as error:
            raise LostError(sentence) from error
        if not whole:
            raise LostError(sentence)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_a_committed_blob_is_whole_after_any_cut_and_no_other_is_seen_by_half(seed):
    Life(seed).run(4)


@pytest.mark.slow
def test_hundreds_of_lives():
    for seed in range(400):
        Life(seed).run(4)


@pytest.mark.parametrize("kind", ["root", "file", "rename", "remove"])
def test_without_this_sync_something_is_lost(kind):
    """Each sync that the store makes, taken out in turn: the claim above fails, so none is there for nothing."""

    def many_lives():
        for seed in range(200):
            Life(seed, lies_about=kind).run(4)

    with pytest.raises(LostError):
        many_lives()


def test_a_commit_whose_last_sync_fails_is_not_seen(monkeypatch):
    disk = ForgetfulDisk(random.Random(1))
    store = LocalStore(SOMEWHERE, disk)
    name = SegmentId("ab" * 16)
    writer = store.create(name)
    writer.append(b"content")
    real_sync = disk.sync

    def sync(descriptor):
        if disk.syncs[-1:] == ["file"]:
            raise OSError(5, "input/output error")
        real_sync(descriptor)

    monkeypatch.setattr(disk, "sync", sync)
    with pytest.raises(SealaneError):
        writer.commit()
    assert list(store.names()) == []
    with pytest.raises(Integrity):
        store.read(name, 0, 1)
    writer.abort()


def test_the_order_of_a_commit_is_write_sync_rename_sync():
    disk = ForgetfulDisk(random.Random(1))
    store = LocalStore(SOMEWHERE, disk)
    assert disk.syncs == ["root"]
    writer = store.create(SegmentId("cd" * 16))
    writer.append(b"content")
    assert disk.syncs == ["root"]
    writer.commit()
    assert disk.syncs == ["root", "file", "rename"]
