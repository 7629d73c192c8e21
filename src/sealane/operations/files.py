"""Operations on folders and files, and the way out: looking, listing, making, moving, removing, opening a version.

Paths are text, absolute in the caller's own view (`paths.parse` has checked them; the keeper checks them again).
`Extent` and `SegmentPlace` are the vault's own words.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

import msgspec

from sealane.operations.envelope import Answer, Done, Operation
from sealane.vault.extents import Extent
from sealane.vault.segments import SegmentPlace


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One line of a listing, or what is known of a path."""

    name: str
    kind: Literal["file", "folder"]
    size: int
    modified: datetime
    rights: tuple[str, ...]
    """What the caller may do here: of list, read, write, delete, admin."""
    version: str = ""
    """The version's id; empty for a folder and for an unfinished upload."""
    digest: bytes | None = None
    """SHA-256 of record, once it exists."""
    unfinished: bool = False
    """The caller's own interrupted upload, shown to nobody else."""
    sealed: bool = False
    """A sealed folder, or a file in one. Of a file `digest` is that of the plaintext, and `size` is that of what the
    name stands for: the age file for `NAME.age`, the plaintext for `NAME`."""
    plain_size: int | None = None
    """Plaintext bytes of a sealed file."""
    age_size: int | None = None
    """Bytes of the age file that can be had of a sealed one."""
    payload_digest: bytes | None = None
    """SHA-256 of a sealed file's payload, the bytes after the header, once it exists."""
    revision: int = 0
    """How often a sealed file's header was replaced: the age file's bytes are others each time."""


class Look(Operation, frozen=True):
    """What is at this path? With `own_uploads`, the caller's interrupted upload of that name stands before the file."""

    for_guests: ClassVar[bool] = True
    answer: ClassVar[type[Answer]]
    handle: str
    path: str
    own_uploads: bool = False


class Seen(Answer, frozen=True):
    """What is there."""

    entry: Entry
    left_behind: bool = False
    """A version that has to be restored before it can be read, since its folder is gone (`versions.LookVersion`)."""


Look.answer = Seen


class Page(Answer, frozen=True):
    """Entries in stable order (folders and files together, by name's code points). `after` is "" at the end."""

    entries: tuple[Entry, ...]
    after: str
    watch: int = 0
    """While this watch has not ended, a `Look` at one of these entries would answer the same. 0: nobody watches."""
    until: datetime | None = None
    """Where it is watched: until when the session lives for certain that was told this."""


class ListFolder(Operation, frozen=True):
    """A page of a folder's entries, those after the name `after`."""

    for_guests: ClassVar[bool] = True
    answer: ClassVar[type[Answer]] = Page
    handle: str
    path: str
    after: str = ""
    limit: int = 1000
    own_uploads: bool = False
    watch: bool = False
    """Tell this connection once what the page shows may have changed."""


class MakeFolder(Operation, frozen=True):
    """Make one folder inside an existing one. `AlreadyExists` if the name is taken."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = Seen
    handle: str
    path: str
    modified: datetime | None = None


class RemoveFolder(Operation, frozen=True):
    """Remove an empty folder."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = Done
    handle: str
    path: str


class RemoveFile(Operation, frozen=True):
    """Remove a file; its versions are kept for a set time. With `own_uploads`, an interrupted upload too."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = Done
    handle: str
    path: str
    own_uploads: bool = False


class RemovedRestorably(Answer, frozen=True):
    """A file was removed; the note undoes it for a while."""

    note: bytes


class RemoveRestorably(Operation, frozen=True):
    """Remove a file, and get what undoes it."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = RemovedRestorably
    handle: str
    path: str


class RestoreFile(Operation, frozen=True):
    """Undo a removal of the caller's own; `path` is the one that the file had as they see it."""

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = Seen
    handle: str
    path: str
    note: bytes


class Move(Operation, frozen=True):
    """Rename or move a file or folder, in one step. With `replace` an existing file (or empty folder) gives way.

    With `own_uploads` the caller's unfinished uploads of the name go along, and may be all there is of it.
    """

    repeatable: ClassVar[bool] = False
    answer: ClassVar[type[Answer]] = Done
    handle: str
    source: str
    target: str
    replace: bool = False
    own_uploads: bool = False


class SetModified(Operation, frozen=True):
    """Set the modification time that is shown. Needs write."""

    answer: ClassVar[type[Answer]] = Done
    handle: str
    path: str
    modified: datetime


class SealedForm(msgspec.Struct, frozen=True, array_like=True):
    """How the age file of a sealed version is put together."""

    prefix: bytes
    """What stands before the stored bytes: header and nonce."""
    skip: int | None
    """Of a file that its sender sealed: bytes of the stored content that the prefix replaces. None: the extents are
    age chunks, handed out as they are stored."""
    plain_size: int
    payload_digest: bytes | None
    revision: int = 0
    """How often the header was replaced."""


class VersionOpened(Answer, frozen=True):
    """A version to deliver, its keys included. The record that the session receives it is already durable."""

    download: int
    version: str
    size: int
    modified: datetime
    digest: bytes | None
    extents: tuple[Extent, ...]
    segments: tuple[SegmentPlace, ...]
    keys: dict[int, bytes]
    """Upload key by key id."""
    sealed: SealedForm | None = None
    """What is delivered is an age file; then `size` is its length and `digest` the plaintext's."""


class OpenVersion(Operation, frozen=True):
    """Open the file at this path for reading. Needs read. `version` pins one that was seen before (a resumed read)."""

    for_guests: ClassVar[bool] = True
    answer: ClassVar[type[Answer]] = VersionOpened
    handle: str
    path: str
    version: str = ""
    as_age: bool = False
    """The door says by other means that a sealed file comes as age (HTTP): then its plain name opens it too."""


class EndDownload(Operation, frozen=True):
    """What a door says it sent: bytes, and ranges as (start, end-exclusive). It adds to the evidence only."""

    for_guests: ClassVar[bool] = True
    after_the_end: ClassVar[bool] = True
    answer: ClassVar[type[Answer]] = Done
    handle: str
    download: int
    sent: int
    ranges: tuple[tuple[int, int], ...]
    whole: bool


class SpaceIs(Answer, frozen=True):
    """Quota and use in bytes and files; a quota of 0 is none."""

    quota_bytes: int
    used_bytes: int
    quota_files: int
    used_files: int


class Space(Operation, frozen=True):
    """How much room is there at this path for the caller?"""

    answer: ClassVar[type[Answer]] = SpaceIs
    handle: str
    path: str


class Transfer(msgspec.Struct, frozen=True, array_like=True):
    """Who sent or fetched which bytes, for a receipt."""

    kind: Literal["upload", "download"]
    at: datetime
    user: str
    door: str
    size: int
    """Bytes."""
    entry: int
    """Sequence number in the ledger."""
    leaf: bytes
    ended: bool = True
    """False of a download whose end is not on record (yet): how much went out is not known then."""


class ReceiptIs(Answer, frozen=True):
    """Who sent and who fetched exactly these bytes."""

    path: str
    version: str
    size: int
    digest: bytes | None
    transfers: tuple[Transfer, ...]
    payload_digest: bytes | None = None
    """Of a sealed file: SHA-256 of the bytes after its header, once somebody has asked for it and it exists."""


class Receipt(Operation, frozen=True):
    """The receipt of the file at this path, or of the version of it that is named."""

    answer: ClassVar[type[Answer]] = ReceiptIs
    handle: str
    path: str
    version: str = ""
    with_payload: bool = False
    """Of a sealed file also the digest of its payload: where nobody has asked for it before, it is worked out then."""
