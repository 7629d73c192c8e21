"""The power goes while files come in: catalogue and blob store together never lose what was acknowledged.

The catalogue keeps what it committed (SQLite with synchronous=FULL; an open transaction is gone). The blob store stands
on a disk that forgets at random what was not synced. The order between the two is what is tried here: a segment is
durable before it is recorded, a blob is deleted only after the row that says so is durable.
"""

import contextlib
import random
from datetime import timedelta
from pathlib import Path

import pytest

from sealane.domain.blob_sweep import BlobSweeper
from sealane.errors import SealaneError, UploadMissing
from sealane.operations import accounts
from sealane.operations import uploads as operations
from sealane.operations.files import RemoveFile
from sealane.vault.local import LocalStore
from tests.domain.transfers import World
from tests.vault.power_cut import ForgetfulDisk, PowerCutError

SOMEWHERE = Path("/nowhere")


class LostError(AssertionError):
    """What was acknowledged is not there."""


class LateStore:
    """The order taken away: a blob is said to be durable at once and made so only when the next one is begun."""

    def __init__(self, store):
        self.store = store
        self.owed = []

    def create(self, name):
        while self.owed:
            self.owed.pop().commit()
        writer = self.store.create(name)
        owed = self.owed

        class Late:
            append = staticmethod(writer.append)
            abort = staticmethod(writer.abort)

            @staticmethod
            def commit():
                owed.append(writer)

        return Late

    def __getattr__(self, name):
        return getattr(self.store, name)


class House:
    """A node whose power goes again and again, and what it has promised."""

    def __init__(self, world, seed, *, lies_about="", late=False):
        self.world = world
        self.generator = random.Random(seed)
        self.disk = ForgetfulDisk(self.generator, lies_about=lies_about)
        self.late = late
        self.files = {}
        self.unsure = {}
        self.uploads = {}
        self.number = 0
        self.power_on()

    def power_on(self):
        self.disk.cut_after = None
        store = LocalStore(SOMEWHERE, self.disk)
        self.world.store = LateStore(store) if self.late else store
        self.anna = self.world.session("anna@clinic")

    def rounds(self, count):
        for _ in range(count):
            self.disk.cut_after = self.generator.randint(0, 60)
            with contextlib.suppress(PowerCutError):
                for _ in range(6):
                    self.generator.choice((self.put, self.put, self.upload, self.go_on, self.remove, self.sweep))()
                    self.moment()
            self.disk.cut()
            self.world.crash()
            self.power_on()
            self.check()

    def moment(self):
        """Any moment may be the last one, also between the store and the catalogue."""
        if self.generator.random() < 0.05:
            raise PowerCutError

    def content(self):
        return self.generator.randbytes(self.generator.choice((10, 300, 1500)))

    # --- what is done -----------------------------------------------------------------------------------------------

    def put(self):
        path = f"/in/{self.generator.randint(0, 3)}"
        content = self.content()
        writing = self.anna.begin(path)
        self.moment()
        writing.write(0, content)
        self.moment()
        self.unsure[path] = content
        writing.finish()
        del self.unsure[path]
        self.files[path] = content

    def upload(self):
        self.number += 1
        path = f"/in/running-{self.number}"
        writing = self.anna.begin(path)
        self.uploads[path] = (writing.upload, b"", b"")
        self.send(path, writing, b"")

    def go_on(self):
        if self.uploads:
            path = self.generator.choice(sorted(self.uploads))
            upload, acknowledged, _ = self.uploads[path]
            writing = self.anna.take(upload) if self.world.act(lambda work: work.holds.of(upload)) is None else None
            if writing is not None:
                assert writing.size >= len(acknowledged)
                self.send(path, writing, acknowledged)

    def send(self, path, writing, acknowledged):
        content = self.content()
        self.moment()
        writing.write(len(acknowledged), content)
        self.moment()
        self.uploads[path] = (writing.upload, acknowledged, acknowledged + content)
        writing.record()
        self.uploads[path] = (writing.upload, acknowledged + content, b"")
        self.moment()
        writing.suspend()

    def remove(self):
        if self.files:
            path = self.generator.choice(sorted(self.files))
            self.anna.ask(RemoveFile, path=path)
            del self.files[path]
            self.unsure.pop(path, None)

    def sweep(self):
        if self.generator.random() < 0.3:
            self.world.clock.advance(timedelta(days=31))  # what was removed or is interrupted is past its time
            self.anna = self.world.session("anna@clinic")
            self.world.admin(accounts.Sweep())
            self.uploads.clear()
        BlobSweeper(self.world.store, self.world.home.settings, self.world.clock).clear(self.world.act)

    # --- what must be so --------------------------------------------------------------------------------------------

    def check(self):
        for path in sorted(self.files.keys() | self.unsure.keys()):
            self.check_file(path)
        self.unsure.clear()
        for path in sorted(self.uploads):
            self.check_upload(path)

    def check_file(self, path):
        may_be = [self.files.get(path), self.unsure.get(path)]
        try:
            found = self.anna.read(path)
        except SealaneError as failure:
            if path in self.files or failure.code != "missing":
                raise LostError(path) from failure
            return
        if found not in may_be:
            raise LostError(path)
        self.files[path] = found

    def check_upload(self, path):
        upload, acknowledged, perhaps = self.uploads[path]
        try:
            stands = self.anna.ask(operations.LookUpload, upload=upload)
        except UploadMissing:
            raise LostError(path) from None
        if stands.size not in {len(acknowledged), len(perhaps)}:
            raise LostError(path)
        content = perhaps if perhaps and stands.size == len(perhaps) else acknowledged
        self.uploads[path] = (upload, content, b"")
        if self.generator.random() < 0.5:
            return
        writing = self.anna.take(upload)
        writing.finish()
        del self.uploads[path]
        self.files[path] = content
        self.check_file(path)


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path).populate()
    yield made
    made.close()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_nothing_acknowledged_is_lost_whenever_the_power_goes(world, seed):
    House(world, seed).rounds(12)


def lost(world, **broken):
    """Whether any of some rounds loses something."""
    for seed in range(12):
        house = House(world, seed, **broken)
        try:
            house.rounds(8)
        except (LostError, AssertionError, SealaneError):
            return True
        for path in house.anna.names():
            house.anna.ask(RemoveFile, path=f"/in/{path}")
    return False


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["file", "rename"])
def test_a_sync_that_lies_loses_what_was_acknowledged(world, kind):
    assert lost(world, lies_about=kind)


@pytest.mark.slow
def test_recording_before_the_segment_is_durable_loses_what_was_acknowledged(world):
    assert lost(world, late=True)


@pytest.mark.slow
def test_with_every_sync_and_in_order_the_same_rounds_lose_nothing(world):
    assert not lost(world)
