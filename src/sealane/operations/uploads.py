"""Operations of the way in: begin, record, finish; take up again, join, give up.

A door encrypts what arrives into segments, makes each durable in the blob store, and then reports it here together
with the edits that place its bytes in the file. An offset may be acknowledged to a client once `RecordSegments` or
`FinishUpload` has been answered, never before.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

import msgspec

from sealane.operations.envelope import Answer, Done, Operation
from sealane.operations.files import Extent, SegmentPlace


class NewSegment(msgspec.Struct, frozen=True, array_like=True):
    """A segment that a door has written and made durable, under the upload's own key."""

    segment: str
    length: int
    """Plaintext bytes."""
    tags_digest: bytes
    """SHA-256 over the slots' authentication tags in order (docs/formats/segment.md)."""
    inline: bytes | None = None
    """Small contents: the ciphertext, which then is in no blob store."""
    first_chunk: int | None = None
    """Of a sealed upload: whole age chunks under its age key, the first of this number. None: slots."""


class Place(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """An edit: `length` bytes at `offset` of the file are now those of the segment from `start` on."""

    offset: int
    length: int
    segment: str
    start: int


class Resize(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """An edit: the file is now `size` bytes long. What lies beyond is cut; what is missing reads as zeros."""

    size: int


Edit = Place | Resize


class AgeKey(msgspec.Struct, frozen=True, array_like=True):
    """The key under which a sealed upload's chunks are written as they come. It opens and writes this payload only."""

    key_id: int
    key: bytes
    next_chunk: int
    """No chunk below this number may be sealed under the key: it may have been, with other bytes."""


class SentSealed(msgspec.Struct, frozen=True, array_like=True):
    """A file that its sender sealed: what the door read of it, and what the sender says."""

    header: bytes
    """The age header as it stands at the begin of what was sent."""
    length: int
    """Plaintext bytes."""
    digest: bytes | None = None
    """SHA-256 of the plaintext, as the sender says."""
    sealed_to: bytes | None = None
    """SHA-256 of the recipients that it is sealed to, one a line as `Recipients` gave them: they are then on record."""


class BegunAhead(msgspec.Struct, frozen=True, array_like=True):
    """An upload that is begun and has no name yet, with its key and the keeper's note."""

    upload: str
    key: bytes
    begin: bytes


class Ahead(msgspec.Struct, frozen=True, array_like=True):
    """Uploads of new contents in one folder that need not be begun any more, as long as a watch has not ended.

    Its path is told with the first record or the end, where all is decided again: it lies in this folder.
    """

    watch: int
    room: int
    """How long a new file may become."""
    folders: tuple[str, ...]
    """Names that are taken by folders, which no upload may have."""
    uploads: tuple[BegunAhead, ...]


class UploadOpened(Answer, frozen=True):
    """An upload to write to. `generation` fences out a session from which the upload was taken over."""

    upload: str
    generation: int
    key_id: int
    key: bytes
    size: int
    """Where it stands: bytes of the file so far."""
    extents: tuple[Extent, ...]
    segments: tuple[SegmentPlace, ...]
    """Every segment that the extents name. Those of the upload's own key can be read back by the door."""
    declared: int | None
    room: int
    """How long the file may become under the quotas; the door refuses more at once, the keeper at the end again."""
    partial: bool = False
    """A part of a later whole: nobody asks for its digest."""
    begin: bytes = b""
    """Where nothing of the upload is kept yet: a sealed note, to be handed back with the first record or the end."""
    age: AgeKey | None = None
    """In a sealed folder, what comes in order is written as age chunks under this key."""
    sent_sealed: bool = False
    """Its name says that its sender has sealed it (`NAME.age` in a sealed folder): `FinishUpload` tells its header."""
    interrupted: bool = False
    """It was taken up again and nobody ever said that it is whole: who writes nothing to it does not say so either."""
    ahead: Ahead | None = None
    """Where more were asked for, and may be given."""
    path: str = ""
    """Of one that was begun ahead: the path that its client gave it. Set by the door."""


class BeginUpload(Operation, frozen=True):
    """Start writing the file at this path. Needs write; nobody sees anything of it before it is finished.

    `create`: from nothing; with `exclusive` the name must be free. `update`: from the present content, which is shared,
    not copied (it must exist unless `may_create`). `resume`: the caller's own interrupted upload of this path if there
    is one over which nobody has written since it began, else as `update`.
    """

    for_guests: ClassVar[bool] = True
    answer: ClassVar[type[Answer]] = UploadOpened
    handle: str
    path: str
    mode: Literal["create", "update", "resume"]
    may_create: bool = True
    exclusive: bool = False
    declared: int | None = None
    """The whole length, where the client says it: refused at once if the quota has no room."""
    metadata: str = ""
    """The client's own words about the upload (tus `Upload-Metadata`), given back by `LookUpload`."""
    partial: bool = False
    """A part of a later whole (tus `Upload-Concat: partial`): it is never published by itself. Its path, if it has one,
    is that of the whole: rights and room are asked there, and its bytes are under that organization's key."""
    whole: int | None = None
    """Of a part with a path: how long the whole will be, where the client says it."""
    lasting: bool = True
    """False, with `create`: nothing is kept before the first record or the end, since the client was promised nothing;
    a small file then costs one transaction instead of two."""
    ahead: int = 0
    """Without `lasting`: so many more of new contents in the same folder are wanted, since its client sends many."""


class UploadIs(Answer, frozen=True):
    """How an upload stands."""

    upload: str
    path: str
    size: int
    """Durable bytes, contiguous from the start."""
    declared: int | None
    metadata: str
    partial: bool
    joined: bool
    """It was made by `JoinUploads`."""
    finished: bool
    expires: datetime


class LookUpload(Operation, frozen=True):
    """How does this upload stand? Only for its own user."""

    for_guests: ClassVar[bool] = True
    answer: ClassVar[type[Answer]] = UploadIs
    handle: str
    upload: str


class TakeUpload(Operation, frozen=True):
    """Go on with an interrupted upload. `UploadBusy` while another request is sending to it."""

    for_guests: ClassVar[bool] = True
    answer: ClassVar[type[Answer]] = UploadOpened
    handle: str
    upload: str
    declared: int | None = None
    """Says the length that was deferred at creation."""


class Recorded(Answer, frozen=True):
    """It is durable. `size`: bytes of the file so far, contiguous from the start."""

    size: int


class RecordSegments(Operation, frozen=True):
    """Segments that are durable in the store, and the edits that place them, in order.

    `number` counts the records of one generation from 1 without a gap, so that a record which is sent again after a
    crash of the keeper changes nothing, whatever was recorded after it.
    """

    for_guests: ClassVar[bool] = True
    answer: ClassVar[type[Answer]] = Recorded
    handle: str
    upload: str
    generation: int
    number: int
    segments: tuple[NewSegment, ...]
    edits: tuple[Edit, ...]
    begin: bytes = b""
    """Of an upload of which nothing was kept until now."""
    path: str = ""
    """Of one that was begun ahead."""


class Finished(Answer, frozen=True):
    """The upload is whole; `visible` says whether it is published already."""

    upload: str
    version: str
    size: int
    digest: bytes | None
    visible: bool
    modified: datetime


class FinishUpload(Operation, frozen=True):
    """The last segments and edits, and the end: the file becomes a version, in the same transaction.

    `digest`: SHA-256 where the door has hashed every byte in order; otherwise the inspector owes it.
    `size` must be what the edits add up to, and the declared length where one was declared.
    """

    for_guests: ClassVar[bool] = True
    answer: ClassVar[type[Answer]] = Finished
    handle: str
    upload: str
    generation: int
    segments: tuple[NewSegment, ...]
    edits: tuple[Edit, ...]
    size: int
    digest: bytes | None
    modified: datetime | None = None
    exclusive: bool = False
    """The name must still be free (PUT with `If-None-Match: *`)."""
    expected_version: str = ""
    """The version that must still be the present one (`If-Match`)."""
    begin: bytes = b""
    """Of an upload of which nothing was kept until now."""
    settles: bool = False
    """The client cannot say that this is the end (SFTP): in a sealed folder it stays open for the settle time."""
    sent_sealed: SentSealed | None = None
    """The sender has sealed it."""
    path: str = ""
    """Of an upload that was begun ahead."""


class SuspendUpload(Operation, frozen=True):
    """Let go of an upload that was interrupted, so that it can be taken up again by any worker."""

    for_guests: ClassVar[bool] = True
    after_the_end: ClassVar[bool] = True
    answer: ClassVar[type[Answer]] = Done
    handle: str
    upload: str
    generation: int
    keep: bool = True
    """False: its client was promised nothing, so it is thrown away, unless somebody else took it up meanwhile."""
    clean: bool = False
    """Every age chunk that was sealed is recorded: whoever goes on may use the same key for what follows."""


class DropSegments(Operation, frozen=True):
    """Segments that a door has written to the store and will not record: those that no row names are deleted.

    No record can name them from now on.
    """

    for_guests: ClassVar[bool] = True
    after_the_end: ClassVar[bool] = True
    answer: ClassVar[type[Answer]] = Done
    handle: str
    segments: tuple[str, ...]


class AbandonUpload(Operation, frozen=True):
    """Throw an upload away, whoever is sending to it."""

    for_guests: ClassVar[bool] = True
    answer: ClassVar[type[Answer]] = Done
    handle: str
    upload: str


class JoinUploads(Operation, frozen=True):
    """Join finished parts, in order, into the file at this path; no byte is copied (tus concatenation)."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = Finished
    handle: str
    path: str
    uploads: tuple[str, ...]
    metadata: str = ""
    modified: datetime | None = None
    sent_sealed: SentSealed | None = None
    """The sender has sealed what the parts make together."""


class PartOpened(Answer, frozen=True):
    """A finished part, to be read back by the door for its own user."""

    size: int
    extents: tuple[Extent, ...]
    segments: tuple[SegmentPlace, ...]
    keys: dict[int, bytes]


class OpenPart(Operation, frozen=True):
    """Read a finished part of the caller's own: the header of a file that is sealed stands in the first. On record."""

    answer: ClassVar[type[Answer]] = PartOpened
    handle: str
    upload: str


class CopyInto(Operation, frozen=True):
    """Share bytes of an opened download with an upload of the same organization (SFTP copy-data). No byte is copied.

    The door has had the answers to all its records before it asks, and sends no other until this is answered.
    """

    answer: ClassVar[type[Answer]] = UploadOpened
    handle: str
    upload: str
    generation: int
    download: int
    start: int
    length: int
    offset: int
