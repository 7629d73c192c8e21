"""Committed means durable: whatever a power cut leaves, at whatever moment; and each single sync is needed for it."""

import contextlib
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealane.errors import Integrity, SealaneError, Unavailable
from sealane.ids import OrganizationId, SegmentId
from sealane.vault import blobs
from sealane.vault.keys import NodeKeys
from sealane.vault.local import LocalStore
from tests.vault.power_cut import ForgetfulDisk, PowerCutError

pytestmark = pytest.mark.slow  # hundreds of power cuts take longer than make check may

SOMEWHERE = Path("/nowhere")
KEYS = Path("/keys")
CLINIC = OrganizationId(1)


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
            whole = store.size(name) == len(content) and blobs.read(store, name, 0, len(content)) == content
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


@pytest.mark.parametrize("kind", ["root", "add", "file", "rename", "remove"])
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
        blobs.read(store, name, 0, 1)
    writer.abort()


def test_the_order_of_a_commit_is_write_sync_rename_sync():
    disk = ForgetfulDisk(random.Random(1))
    store = LocalStore(SOMEWHERE, disk)
    assert disk.syncs == ["root", "add"]
    writer = store.create(SegmentId("cd" * 16))
    writer.append(b"content")
    assert disk.syncs == ["root", "add"]
    writer.commit()
    assert disk.syncs == ["root", "add", "file", "rename"]


# --- the node's key files ---------------------------------------------------------------------------------------------


class KeysLife:
    """A node that wraps and rotates, whose process dies and whose power goes; its database keeps what it committed."""

    def __init__(self, seed, *, lies_about=""):
        self.generator = random.Random(seed)
        self.disk = ForgetfulDisk(self.generator, lies_about=lies_about)
        self.wrapped = {}
        """What the database holds: keys of organizations, wrapped by the node's."""

    def run(self, rounds):
        for _ in range(rounds):
            self.disk.cut_after = self.generator.choice([None, self.generator.randint(0, 24)])
            with contextlib.suppress(PowerCutError):
                self.use()
            self.disk.cut_after = None
            if self.generator.random() < 0.5:
                self.disk.cut()  # else the process died alone
            self.check()

    def opened(self):
        return NodeKeys.open(KEYS, may_create=not self.wrapped, disk=self.disk)

    def use(self):
        keys = self.opened()
        for _ in range(self.generator.randint(1, 3)):
            if self.generator.random() < 0.5:
                keys.rotate()
                self.wrapped = {who: keys.rewrap_organization(who, blob) for who, blob in self.wrapped.items()}
            else:
                organization = OrganizationId(len(self.wrapped) + 1)
                self.wrapped = {**self.wrapped, organization: keys.new_organization(organization)}

    def check(self):
        try:
            keys = self.opened()
            for organization, blob in self.wrapped.items():
                keys.organization(organization, blob)
        except SealaneError as error:
            raise LostError("the node does not open") from error


@given(seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_whenever_the_power_goes_the_node_opens_and_so_does_all_that_its_keys_wrapped(seed):
    KeysLife(seed).run(6)


@pytest.mark.parametrize("kind", ["root", "file", "rename"])
def test_without_this_sync_of_key_files_a_node_does_not_open(kind):
    def many_lives():
        for seed in range(200):
            KeysLife(seed, lies_about=kind).run(6)

    with pytest.raises(LostError):
        many_lives()


@pytest.mark.parametrize("steps", range(16))
@pytest.mark.parametrize("power", ["stays", "goes"])
def test_a_rotation_cut_at_any_point_leaves_a_node_that_opens(steps, power):
    for seed in range(8):
        disk = ForgetfulDisk(random.Random(seed))
        keys = NodeKeys.open(KEYS, disk=disk)
        wrapped = keys.new_organization(CLINIC)
        disk.cut_after = steps
        with contextlib.suppress(PowerCutError):
            keys.rotate()
            wrapped = keys.rewrap_organization(CLINIC, wrapped)
        disk.cut_after = None
        if power == "goes":
            disk.cut()
        again = NodeKeys.open(KEYS, may_create=False, disk=disk)
        assert again.organization(CLINIC, wrapped)
        assert again.rotate() in {2, 3}


def test_a_key_whose_name_was_not_synced_is_synced_before_it_wraps():
    """Its maker died between the rename and the sync, and the power stayed: it is found, and could still be lost."""
    disk = ForgetfulDisk(random.Random(1))
    keys = NodeKeys.open(KEYS, disk=disk)
    real_sync = disk.sync

    def dies(descriptor):
        if disk.syncs[-1:] == ["file"]:
            raise PowerCutError
        real_sync(descriptor)

    disk.sync = dies
    with pytest.raises(PowerCutError):
        keys.rotate()
    disk.sync = real_sync
    again = NodeKeys.open(KEYS, may_create=False, disk=disk)
    assert again.generation == 2
    folder = disk.root.now["keys"]
    assert folder.changes == []
    assert set(folder.durable) == {"node-1.key", "node-2.key"}


def test_a_key_that_could_not_be_made_durable_is_not_there_and_wraps_nothing():
    disk = ForgetfulDisk(random.Random(1))
    keys = NodeKeys.open(KEYS, disk=disk)
    real_sync = disk.sync

    def fails_after(kind):
        def sync(descriptor):
            if disk.syncs[-1:] == [kind]:
                raise OSError(5, "input/output error")
            real_sync(descriptor)

        return sync

    for kind in ("rename", "file"):
        disk.sync = fails_after(kind)
        with pytest.raises(Unavailable):
            keys.rotate()
        disk.sync = real_sync
        assert keys.generation == 1
        assert set(disk.root.now["keys"].now) == {"node-1.key"}
        disk.syncs.append("rename")
    assert keys.rotate() == 2
