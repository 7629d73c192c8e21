"""A small world for the tests of the way in and out: a keeper, a store, users with sessions, and a sender of bytes.

The sender is what a door is: it encrypts into segments, makes them durable, then asks. Readers read what the keeper
says, through the vault, so that a test sees the very bytes that a client would get.
"""

import itertools
import random
import shutil
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import msgspec
import sqlalchemy as sa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealane.clock import ManualClock
from sealane.database.statements import Statement
from sealane.keeper.core import Request
from sealane.operations import accounts, uploads
from sealane.operations.audit import ReadLedger
from sealane.operations.envelope import Asker
from sealane.operations.files import EndDownload, ListFolder, Look, OpenVersion
from sealane.operations.signing import SignInWithToken
from sealane.settings import Settings
from sealane.vault.content import Content
from sealane.vault.local import LocalStore
from sealane.vault.segments import SegmentWriter
from tests.domain.remembered import check_tree
from tests.keeper_in_process import KeeperInProcess
from tests.vault.power_cut import ForgetfulDisk

_numbers = itertools.count()


class CountRow(NamedTuple):
    count: int


START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SMALL = Settings(inline_bytes_max=64, segment_bytes_max=1000)
"""Small enough that a test of a few kilobytes crosses every boundary."""


class World:
    """A node with two organizations: `clinic` with anna, berta and `/in`, `insurer` with carl and `/own`."""

    def __init__(self, data_dir, settings=SMALL, *, database="", store=None, reading=False):
        self.clock = ManualClock(START)
        self.data_dir = data_dir
        self.home = KeeperInProcess(data_dir, replace(settings, database=database), self.clock, reading=reading)
        self.store = store or LocalStore(data_dir / "blobs")

    def populate(self):
        for organization in ("clinic", "insurer"):
            self.admin(accounts.AddOrganization(name=organization))
        for user in ("anna@clinic", "berta@clinic", "carl@insurer"):
            self.admin(accounts.AddUser(user=user))
        self.admin(accounts.AddFolder(folder="clinic:/in"))
        self.admin(accounts.AddFolder(folder="insurer:/own"))
        everything = ("list", "read", "write", "delete")
        self.grant("clinic:/in", "anna@clinic", *everything)
        self.grant("clinic:/in", "carl@insurer", "list", "read")
        self.grant("insurer:/own", "carl@insurer", *everything)
        self.grant("insurer:/own", "anna@clinic", *everything)
        return self

    @classmethod
    def copied(cls, template, data_dir, settings=SMALL, *, database="", reading=False):
        """A world like the one that was closed in `template`, with its blobs on a disk in memory.

        Making a world anew costs a migration, and 256 folders of blobs cost more than a test.
        """
        shutil.copytree(template, data_dir, ignore=shutil.ignore_patterns("blobs"))
        disk = ForgetfulDisk(random.Random(0))
        made = cls(data_dir, settings, database=database, store=LocalStore(Path("/memory"), disk), reading=reading)
        made.disk = disk
        return made

    def swap_blobs(self, one, other):
        """Put each of two blobs in the other's place."""
        blobs = self.disk.root.now["memory"].now
        first, second = (blobs[name[:2]].now for name in (one, other))
        first[one], second[other] = second[other], first[one]

    def admin(self, operation):
        return self.home.admin(operation)

    def grant(self, folder, user, *rights):
        self.admin(accounts.GrantFolder(folder=folder, grantee=user, rights=rights))

    def session(self, user, scopes=("read", "write"), door=None):
        """A signed-in session, on a connection of its own unless it shares a door's."""
        token = self.admin(accounts.AddToken(user=user, scopes=scopes, expires=None)).token
        asking = door or self.home.door()
        signed_in = asking.ask_now(SignInWithToken(token=token, address="192.0.2.1", door="http"))
        return Session(self, asking, signed_in.handle, signed_in.session)

    def act(self, act):
        """Run a function of the domain in a transaction of its own, as the keeper's ticks do."""
        return self.home.keeper.perform_one(Request(act, Asker.ADMIN, "test"))

    def count(self, table, *conditions):
        """How many rows a table has that meet conditions."""
        expression = sa.select(sa.func.count().label("count")).select_from(table).where(*conditions)
        counted = self.act(
            lambda work: work.transaction.first(Statement(f"test.{next(_numbers)}", expression, CountRow))
        )
        return counted.count

    def number(self, column, condition):
        """The number that stands in a column of the one row that meets a condition."""
        expression = sa.select(column.label("count")).where(condition)
        statement = Statement(f"test.{next(_numbers)}", expression, CountRow)
        (row,) = self.act(lambda work: work.transaction.all(statement))
        return row.count

    def change(self, expression):
        """Change rows behind the keeper's back."""
        return self.act(lambda work: work.transaction.run(Statement(f"test.{next(_numbers)}", expression)))

    def kinds(self):
        """The kinds of everything in the ledger, in order."""
        return [body["kind"] for body in self.bodies()]

    def bodies(self):
        """Everything in the ledger, in order."""
        return [msgspec.json.decode(entry.body) for entry in self.admin(ReadLedger(limit=10_000)).entries]

    def crash(self):
        """Lose the keeper without a word, and open the same data again."""
        self.home.restart()

    def check_tree(self):
        """What the keeper remembers of folders is what the database says."""
        self.act(lambda work: check_tree(work.transaction, work.tree))

    def close(self):
        self.home.close()
        self.store.close()


@dataclass
class Session:
    """Somebody who is signed in, by a door."""

    world: World
    asking: object
    handle: str
    name: str

    def ask(self, operation_class, **fields):
        return self.asking.ask_now(operation_class(handle=self.handle, **fields))

    def begin(self, path="/in/file", mode="create", **fields):
        return Writing.of(self, self.ask(uploads.BeginUpload, path=path, mode=mode, **fields))

    def take(self, upload, **fields):
        return Writing.of(self, self.ask(uploads.TakeUpload, upload=upload, **fields))

    def put(self, content, path="/in/file", **fields):
        """A whole upload."""
        writing = self.begin(path)
        if content:
            writing.write(0, content)
        return writing.finish(digest=sha256(content).digest(), **fields)

    def read(self, path="/in/file", **fields):
        """The bytes of a file, as a client gets them."""
        opened = self.ask(OpenVersion, path=path, **fields)
        content = b"".join(bytes(block) for block in contents(self.world.store, opened).blocks(bytearray(512)))
        self.ask(
            EndDownload,
            download=opened.download,
            sent=len(content),
            ranges=((0, len(content)),) if content else (),
            whole=True,
        )
        return content

    def names(self, path="/in", **fields):
        return [entry.name for entry in self.ask(ListFolder, path=path, **fields).entries]

    def look(self, path="/in/file", **fields):
        return self.ask(Look, path=path, **fields).entry


def contents(store, opened):
    """What an answer with extents, segments and keys lets one read."""
    return Content(store, opened.extents, opened.segments, opened.keys)


@dataclass
class Writing:
    """The door's side of one upload."""

    session: Session
    opened: uploads.UploadOpened
    upload: str
    generation: int
    size: int
    number: int = 0
    segments: list = field(default_factory=list)
    edits: list = field(default_factory=list)
    begin: bytes = b""
    """The keeper's note of a begin of which nothing is kept yet."""

    @classmethod
    def of(cls, session, opened):
        return cls(session, opened, opened.upload, opened.generation, opened.size, begin=opened.begin)

    def write(self, offset, content):
        """Encrypt bytes into new segments, durable in the store, and note where they belong; nothing is recorded."""
        settings = self.session.world.home.settings
        for begin in range(0, len(content), settings.segment_bytes_max):
            piece = content[begin : begin + settings.segment_bytes_max]
            writer = SegmentWriter(
                AESGCM(self.opened.key), self.session.world.store, inline_bytes_max=settings.inline_bytes_max
            )
            writer.append(piece)
            written = writer.finish()
            self.segments.append(
                uploads.NewSegment(written.segment, written.length, written.tags_digest, written.inline)
            )
            self.edits.append(uploads.Place(offset + begin, len(piece), written.segment, 0))
        self.size = max(self.size, offset + len(content))

    def resize(self, size):
        self.edits.append(uploads.Resize(size))
        self.size = size

    def record_operation(self):
        """The next record, as it would be sent; what it carries is not carried again."""
        self.number += 1
        operation = uploads.RecordSegments(
            handle=self.session.handle,
            upload=self.upload,
            generation=self.generation,
            number=self.number,
            segments=tuple(self.segments),
            edits=tuple(self.edits),
            begin=self.begin,
        )
        self.segments, self.edits = [], []
        return operation

    def record(self):
        recorded = self.session.asking.ask_now(self.record_operation())
        self.begin = b""
        return recorded

    def finish_operation(self, *, digest=None, **fields):
        return uploads.FinishUpload(
            **{
                "handle": self.session.handle,
                "upload": self.upload,
                "generation": self.generation,
                "segments": tuple(self.segments),
                "edits": tuple(self.edits),
                "size": self.size,
                "digest": digest,
                "begin": self.begin,
            }
            | fields
        )

    def finish(self, **fields):
        return self.session.asking.ask_now(self.finish_operation(**fields))

    def suspend(self):
        self.session.ask(uploads.SuspendUpload, upload=self.upload, generation=self.generation)

    def abandon(self):
        self.session.ask(uploads.AbandonUpload, upload=self.upload)
