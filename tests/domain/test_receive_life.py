"""The life of uploads against a simple model: whatever is done in whatever order, and whatever is lost in between,
readers see exactly what was last finished, no acknowledged byte is lost, and nothing half-done is visible."""

import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from sealane.database.tables import dead_blobs, segments, upload_segments, uploads, version_segments, versions
from sealane.domain import upload_map
from sealane.domain.blob_sweep import BlobSweeper
from sealane.domain.queries import uploads as upload_queries
from sealane.errors import Missing, UploadBusy, UploadMissing, UploadTakenOver
from sealane.operations import accounts
from sealane.operations import uploads as operations
from sealane.operations.versions import RestoreVersion
from tests.domain.transfers import World

pytestmark = pytest.mark.slow  # together they take longer than make check may

NAMES = st.sampled_from(["a", "b"])
SESSIONS = st.integers(0, 1)
PICK = st.integers(0, 7)
OFFSETS = st.integers(0, 2600)
CONTENTS = st.binary(min_size=1, max_size=40).map(lambda seed: (seed * 60)[: 30 + seed[0] * 9])
"""30 to 2,325 bytes: inline and stored, one segment and several."""


@dataclass
class Draft:
    """A file's bytes, and which of them somebody wrote."""

    content: bytearray = field(default_factory=bytearray)
    written: bytearray = field(default_factory=bytearray)

    def place(self, offset, content):
        gap = offset - len(self.content)
        if gap > 0:
            self.content += bytes(gap)
            self.written += bytes(gap)
        self.content[offset : offset + len(content)] = content
        self.written[offset : offset + len(content)] = b"\1" * len(content)

    def resize(self, size):
        grown = max(0, size - len(self.content))
        self.content = self.content[:size] + bytes(grown)
        self.written = self.written[:size] + b"\1" * grown

    @property
    def contiguous(self):
        gap = self.written.find(0)
        return len(self.content) if gap < 0 else gap

    def copy(self):
        return Draft(self.content[:], self.written[:])


@dataclass
class Upload:
    """What the model knows of an upload that is not finished, or of a part."""

    writing: object
    name: str
    session: int
    base: str | None
    """The version that stood at the name when it began; nobody goes on with it by its name once another does."""
    durable: Draft
    ahead: Draft
    """What it will be once all that was written is recorded."""
    last: object = None
    """The last record, as it was sent."""
    held: bool = True
    partial: bool = False
    whole: bool = False

    @property
    def id(self):
        return self.writing.upload


class Life(RuleBasedStateMachine):
    template: Path

    @initialize()
    def begin_world(self):
        self.folder = tempfile.TemporaryDirectory()
        self.world = World.copied(self.template, Path(self.folder.name) / "data")
        self.sessions = [self.world.session("anna@clinic") for _ in range(2)]
        self.reader = self.world.session("carl@insurer")
        self.files = {}
        self.present = {}
        self.stood = {"a": {}, "b": {}}
        self.uploads = []

    # --- choosing ---------------------------------------------------------------------------------------------------

    def open(self):
        return [upload for upload in self.uploads if not upload.whole]

    def picked(self, pick):
        return self.open()[pick % len(self.open())]

    def of_name(self, name):
        return [upload for upload in reversed(self.open()) if upload.name == name and not upload.partial]

    def drop(self, upload):
        self.uploads = [other for other in self.uploads if other is not upload]

    def tick(self):
        self.world.clock.advance(timedelta(seconds=1))

    # --- beginning --------------------------------------------------------------------------------------------------

    @rule(name=NAMES, session=SESSIONS, mode=st.sampled_from(["create", "update"]))
    def begin(self, name, session, mode):
        self.tick()
        writing = self.sessions[session].begin(f"/in/{name}", mode)
        if mode == "create":
            for upload in self.of_name(name):
                if not upload.held:
                    self.drop(upload)
        self.begun(writing, name, session, mode)

    def begun(self, writing, name, session, mode):
        goes_on = mode != "create" and name in self.files
        draft = self.files[name].copy() if goes_on else Draft()
        assert writing.size == len(draft.content)
        self.uploads.append(Upload(writing, name, session, self.present.get(name), draft, draft.copy()))

    @rule(session=SESSIONS)
    def begin_part(self, session):
        self.tick()
        writing = self.sessions[session].begin("", partial=True)
        self.uploads.append(Upload(writing, "", session, None, Draft(), Draft(), partial=True))

    @rule(name=NAMES, session=SESSIONS)
    def resume(self, name, session):
        self.tick()
        expected = None
        for upload in self.of_name(name):
            here = upload.held and upload.session == session
            if not here and upload.base == self.present.get(name):
                expected = upload
                break
        writing = self.sessions[session].begin(f"/in/{name}", "resume")
        if expected is None:
            self.begun(writing, name, session, "resume")
            return
        assert writing.upload == expected.id
        self.taken(expected, writing, session)

    def taken(self, upload, writing, session):
        """The upload has another writer; the earlier one is told so."""
        assert writing.size == len(upload.durable.content)
        assert writing.generation > upload.writing.generation
        stale = upload.writing
        with pytest.raises(UploadTakenOver):
            stale.finish()
        if upload.last is not None:
            with pytest.raises(UploadTakenOver):
                stale.session.asking.ask_now(upload.last)
        upload.writing, upload.session, upload.held, upload.last = writing, session, True, None
        upload.ahead = upload.durable.copy()

    @precondition(lambda self: self.open())
    @rule(pick=PICK, session=SESSIONS)
    def take(self, pick, session):
        self.tick()
        upload = self.picked(pick)
        if upload.held:
            with pytest.raises(UploadBusy):
                self.sessions[session].take(upload.id)
        else:
            self.taken(upload, self.sessions[session].take(upload.id), session)

    # --- writing ----------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.open())
    @rule(pick=PICK, offset=OFFSETS, content=CONTENTS, at_end=st.booleans())
    def write(self, pick, offset, content, at_end):
        upload = self.picked(pick)
        offset = len(upload.ahead.content) if at_end else offset
        upload.writing.write(offset, content)
        upload.ahead.place(offset, content)

    @precondition(lambda self: self.open())
    @rule(pick=PICK, size=OFFSETS)
    def cut_or_grow(self, pick, size):
        upload = self.picked(pick)
        upload.writing.resize(size)
        upload.ahead.resize(size)

    @precondition(lambda self: self.open())
    @rule(pick=PICK)
    def record(self, pick):
        upload = self.picked(pick)
        upload.last = upload.writing.record_operation()
        answer = upload.writing.session.asking.ask_now(upload.last)
        upload.durable, upload.held = upload.ahead.copy(), True
        assert answer.size == upload.durable.contiguous

    @precondition(lambda self: any(upload.last for upload in self.open()))
    @rule(pick=PICK)
    def record_again(self, pick):
        sent = [upload for upload in self.open() if upload.last]
        upload = sent[pick % len(sent)]
        answer = upload.writing.session.asking.ask_now(upload.last)
        upload.held = True
        assert answer.size == upload.durable.contiguous

    # --- ending -----------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.open())
    @rule(pick=PICK, again=st.booleans())
    def finish(self, pick, again):
        self.tick()
        upload = self.picked(pick)
        operation = upload.writing.finish_operation()
        ask = upload.writing.session.asking.ask_now
        finished = ask(operation)
        if again:
            assert ask(operation) == finished
        upload.durable = upload.ahead
        assert finished.size == len(upload.durable.content)
        if upload.partial:
            upload.whole = True
            return
        self.published(upload.name, upload.durable, finished)
        self.drop(upload)

    def published(self, name, draft, finished):
        self.files[name], self.present[name] = draft.copy(), finished.version
        self.stood[name][finished.version] = draft.copy()
        self.readers_see(name)

    @precondition(lambda self: any(self.stood.values()))
    @rule(name=NAMES, pick=PICK, session=SESSIONS)
    def have_back(self, name, pick, session):
        """A version that stood there stands there again; whatever was begun since goes on as if it had been sent."""
        self.tick()
        if not self.stood[name]:
            return
        version = list(self.stood[name])[pick % len(self.stood[name])]
        self.sessions[session].ask(RestoreVersion, path=f"/in/{name}", version=version)
        self.files[name], self.present[name] = self.stood[name][version].copy(), version
        self.readers_see(name)

    @precondition(lambda self: any(upload.whole for upload in self.uploads))
    @rule(name=NAMES, picks=st.lists(PICK, min_size=1, max_size=3))
    def join(self, name, picks):
        self.tick()
        parts = [upload for upload in self.uploads if upload.whole]
        chosen = [parts[pick % len(parts)] for pick in picks]
        finished = self.sessions[0].ask(
            operations.JoinUploads, path=f"/in/{name}", uploads=tuple(upload.id for upload in chosen)
        )
        whole = Draft()
        for upload in chosen:
            whole.content += upload.durable.content
            whole.written += upload.durable.written
        self.published(name, whole, finished)

    @precondition(lambda self: self.open())
    @rule(pick=PICK)
    def suspend(self, pick):
        upload = self.picked(pick)
        upload.writing.suspend()
        upload.held = False
        try:
            self.stands(upload)
        except UploadMissing:
            assert upload.base is not None  # nothing was changed in what it went on from
            self.drop(upload)

    @precondition(lambda self: self.uploads)
    @rule(pick=PICK)
    def abandon(self, pick):
        upload = self.uploads[pick % len(self.uploads)]
        upload.writing.abandon()
        self.drop(upload)
        with pytest.raises(UploadMissing):
            self.stands(upload)

    # --- what happens to everybody ----------------------------------------------------------------------------------

    @rule()
    def crash(self):
        self.world.crash()
        for upload in self.open():
            upload.held = False
            self.stands(upload)

    @rule(session=SESSIONS)
    def lose_a_door(self, session):
        self.sessions[session].asking.break_off()
        for upload in self.open():
            if upload.session == session:
                upload.held = False

    @rule()
    def sweep(self):
        self.world.admin(accounts.Sweep())
        BlobSweeper(self.world.store, self.world.home.settings, self.world.clock).clear(self.world.act)
        self.nothing_superseded_is_kept()

    def nothing_superseded_is_kept(self):
        """What no map names any more is gone from the catalogue at once, and its blob after the sweep."""
        self.world.check_tree()
        for upload in self.uploads:
            named, needed = self.world.act(lambda work, upload=upload: made_of(work, upload.id))
            assert named == needed
        assert self.world.count(dead_blobs) == 0

    @rule(name=NAMES)
    def readers_see(self, name):
        path = f"/@clinic/in/{name}"
        if name not in self.files:
            with pytest.raises(Missing):
                self.reader.read(path)
        else:
            assert self.reader.read(path) == self.files[name].content

    def stands(self, upload):
        stands = self.sessions[0].ask(operations.LookUpload, upload=upload.id)
        assert stands.size == upload.durable.contiguous
        assert stands.finished == upload.whole

    # --- the end ----------------------------------------------------------------------------------------------------

    def teardown(self):
        if not hasattr(self, "world"):
            return
        try:
            self.world.crash()
            for name in ("a", "b"):
                self.readers_see(name)
            self.nothing_acknowledged_is_lost()
            self.nothing_is_left_behind()
        finally:
            self.world.close()
            self.folder.cleanup()

    def nothing_acknowledged_is_lost(self):
        for upload in self.uploads:
            if not upload.whole:
                again = self.sessions[0].take(upload.id)
                finished = again.finish()
            if upload.partial:
                finished = self.sessions[0].ask(operations.JoinUploads, path="/in/c", uploads=(upload.id,))
            path = "/in/c" if upload.partial else f"/in/{upload.name}"
            assert self.sessions[0].read(path, version=finished.version) == upload.durable.content

    def nothing_is_left_behind(self):
        world = self.world
        world.clock.advance(timedelta(days=60))
        swept = None
        while swept is None or swept.uploads or swept.versions:
            swept = world.admin(accounts.Sweep())
        sweeper = BlobSweeper(world.store, world.home.settings, world.clock)
        sweeper.clear(world.act)
        world.clock.advance(timedelta(days=2))
        sweeper.clear(world.act)
        present = len(self.sessions_anew().names())
        assert world.count(versions) == present
        assert world.count(uploads) == world.count(upload_segments) == world.count(dead_blobs) == 0
        assert len(list(world.store.names())) == world.count(segments, segments.c.inline.is_(None))
        assert world.count(segments) <= world.count(version_segments)

    def sessions_anew(self):
        return self.world.session("anna@clinic")


def made_of(work, upload):
    """The segments that an upload's map names, and those that it needs."""
    row = work.transaction.first(upload_queries.UPLOAD, upload=upload)
    return set(upload_map.current(work, row).segments()), set(upload_map.segments_of(work, upload))


def run(template, examples, steps):
    class Machine(Life):
        pass

    Machine.template = template
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_whatever_happens_readers_see_what_was_finished_and_nothing_acknowledged_is_lost(world_template):
    run(world_template, examples=20, steps=60)
