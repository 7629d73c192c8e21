"""Statements of the way in: uploads, the edits not yet folded into them, and the segments that they still need."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy import bindparam

from sealane.database.statements import Statement, parameters
from sealane.database.tables import (
    dead_blobs,
    files,
    segments,
    sessions,
    upload_edits,
    upload_segments,
    uploads,
    version_segments,
    versions,
)
from sealane.ids import FileId, FolderId, KeyId, OrganizationId, SegmentId, SessionId, UploadId, UserId, VersionId


class UploadRow(NamedTuple):
    """An upload, without its extents, which may be long."""

    id: UploadId
    user_id: UserId
    organization_id: OrganizationId
    folder_id: FolderId | None
    name: str
    shown_path: str
    key_id: KeyId
    generation: int
    recorded: int
    session_id: SessionId
    state: str
    size: int
    contiguous: int
    pieces: int
    declared: int | None
    metadata: str
    partial: bool
    joined: bool
    base_version_id: VersionId | None
    version_id: VersionId | None
    began: datetime
    expires: datetime
    stored: int
    """Bytes of its own segments."""
    held: int
    """What it takes of the quotas until it is finished."""
    shared: int
    """How long the version is that it goes on from."""
    target_id: FolderId | None
    """Of a part: the folder that the whole is for."""


class ExtentsRow(NamedTuple):
    """A packed list of extents."""

    extents: bytes


class EditsRow(NamedTuple):
    """The edits of one record."""

    edits: bytes


class CountRow(NamedTuple):
    """A count or a sum."""

    count: int


class FileRow(NamedTuple):
    """What is visible at a name."""

    id: FileId
    version_id: VersionId
    size: int


class SegmentRow(NamedTuple):
    """A segment as recorded."""

    id: SegmentId
    key_id: KeyId
    length: int
    tags_digest: bytes
    inline: bytes | None
    first_chunk: int | None = None


class TakenRow(NamedTuple):
    """A segment's id that is in use."""

    id: SegmentId


class LengthRow(NamedTuple):
    """A segment's plaintext length."""

    length: int


_UPLOAD = [uploads.c[name] for name in UploadRow._fields]
_SEGMENT = [segments.c[name] for name in SegmentRow._fields]

UPLOAD = Statement("uploads.one", sa.select(*_UPLOAD).where(uploads.c.id == bindparam("upload")), UploadRow)

UPLOAD_EXTENTS = Statement(
    "uploads.extents", sa.select(uploads.c.extents).where(uploads.c.id == bindparam("upload")), ExtentsRow
)

OF_A_SESSION: Final = uploads.c.session_id != ""
"""Not those that the keeper made of files which were there before their folder was sealed: nobody's to go on with."""
OWN_INTERRUPTED = Statement(
    "uploads.own_interrupted",
    sa.select(*_UPLOAD)
    .where(
        uploads.c.user_id == bindparam("user"),
        uploads.c.state == "open",
        uploads.c.folder_id == bindparam("folder"),
        uploads.c.name == bindparam("name"),
        OF_A_SESSION,
    )
    .order_by(uploads.c.began.desc(), uploads.c.id),
    UploadRow,
)
"""Newest first: what `resume` takes up, and what `create` throws away."""

EXPIRED_UPLOADS = Statement(
    "uploads.expired",
    sa.select(*_UPLOAD)
    .where(uploads.c.expires < bindparam("now"))
    .order_by(uploads.c.expires)
    .limit(bindparam("limit", type_=sa.Integer)),
    UploadRow,
)

OPEN_OF_USER = Statement(
    "uploads.open_of_user",
    sa.select(sa.func.count().label("count")).where(
        uploads.c.user_id == bindparam("user"), uploads.c.state == "open", OF_A_SESSION
    ),
    CountRow,
)

OPEN_IN_FOLDER = Statement(
    "uploads.open_in_folder",
    sa.select(sa.func.count().label("count")).where(
        uploads.c.user_id == bindparam("user"),
        uploads.c.state == "open",
        uploads.c.folder_id == bindparam("folder"),
        OF_A_SESSION,
    ),
    CountRow,
)

HELD_FOR = Statement(
    "uploads.held_for",
    sa.select(sa.func.coalesce(sa.func.sum(uploads.c.held), 0).label("count")).where(
        uploads.c.user_id == bindparam("user"),
        uploads.c.state.in_(["open", "part"]),
        uploads.c.target_id == bindparam("folder"),
        uploads.c.name == bindparam("name"),
    ),
    CountRow,
)
"""What a user's own parts of one whole hold already."""

INSERT_UPLOAD = Statement(
    "uploads.add",
    sa.insert(uploads).values(**parameters(*uploads.c.keys())),
)

MARK_RECORDED = Statement(
    "uploads.mark_recorded",
    sa.update(uploads)
    .where(uploads.c.id == bindparam("upload"))
    .values(**parameters("recorded", "size", "contiguous", "pieces", "expires", "stored", "held")),
)

FOLD = Statement(
    "uploads.fold",
    sa.update(uploads)
    .where(uploads.c.id == bindparam("upload"))
    .values(**parameters("extents", "recorded", "size", "contiguous", "pieces", "expires", "stored", "held")),
)

TAKE = Statement(
    "uploads.take",
    sa.update(uploads)
    .where(uploads.c.id == bindparam("upload"))
    .values(generation=uploads.c.generation + 1, **parameters("session_id", "declared")),
)

END_UPLOAD = Statement(
    "uploads.end",
    sa.update(uploads)
    .where(uploads.c.id == bindparam("upload"))
    .values(
        folder_id=sa.null(),
        **parameters("state", "version_id", "extents", "size", "contiguous", "pieces", "expires", "held"),
    ),
)
"""It is whole. It names no folder any more, so that it stands in no folder's way."""

MOVE_UPLOAD = Statement(
    "uploads.move",
    sa.update(uploads)
    .where(uploads.c.id == bindparam("upload"))
    .values(**parameters("folder_id", "name", "shown_path", "base_version_id")),
)

JOIN_PART = Statement(
    "uploads.join_part",
    sa.update(uploads)
    .where(uploads.c.id == bindparam("upload"))
    .values(held=0, **parameters("state", "version_id", "organization_id", "target_id")),
)

KEEP_PART = Statement(
    "uploads.keep_part",
    sa.update(uploads)
    .where(uploads.c.id == bindparam("upload"))
    .values(held=0, **parameters("organization_id", "target_id")),
)
"""A part belongs where it was joined into; what it holds is counted there with the whole."""

DELETE_UPLOAD = Statement("uploads.delete", sa.delete(uploads).where(uploads.c.id == bindparam("upload")))

INSERT_EDITS = Statement(
    "uploads.add_edits",
    sa.insert(upload_edits).values(upload_id=bindparam("upload"), number=bindparam("number"), edits=bindparam("edits")),
)

EDITS = Statement(
    "uploads.edits",
    sa.select(upload_edits.c.edits)
    .where(upload_edits.c.upload_id == bindparam("upload"))
    .order_by(upload_edits.c.number),
    EditsRow,
)

DELETE_EDITS = Statement(
    "uploads.delete_edits", sa.delete(upload_edits).where(upload_edits.c.upload_id == bindparam("upload"))
)

FILE_AT = Statement(
    "uploads.file_at",
    sa.select(files.c.id, files.c.version_id, files.c.size).where(
        files.c.folder_id == bindparam("folder"), files.c.name == bindparam("name")
    ),
    FileRow,
)

SESSION_LIVES = Statement(
    "uploads.session_lives",
    sa.select(sa.func.count().label("count")).where(
        sessions.c.id == bindparam("session"), sessions.c.ended.is_(None), sessions.c.expires > bindparam("now")
    ),
    CountRow,
)

SEGMENT_OF_UPLOAD = Statement(
    "uploads.segment",
    sa.select(segments.c.length)
    .join(upload_segments, upload_segments.c.segment_id == segments.c.id)
    .where(upload_segments.c.upload_id == bindparam("upload"), upload_segments.c.segment_id == bindparam("segment")),
    LengthRow,
)

SEGMENT_TAKEN = Statement(
    "uploads.segment_taken",
    sa.union_all(
        sa.select(segments.c.id).where(segments.c.id == bindparam("segment")),
        sa.select(dead_blobs.c.segment_id.label("id")).where(dead_blobs.c.segment_id == bindparam("segment")),
    ),
    TakenRow,
)
"""A new segment may not have the id of one that is there, nor of one whose blob is about to be deleted."""

KNOWN = Statement(
    "uploads.known",
    sa.union_all(
        sa.select(uploads.c.id).where(uploads.c.id == bindparam("upload")),
        sa.select(versions.c.id).where(versions.c.id == bindparam("upload")),
        sa.select(segments.c.id).where(segments.c.id == bindparam("segment")),
        sa.select(dead_blobs.c.segment_id.label("id")).where(dead_blobs.c.segment_id == bindparam("segment")),
    ),
    TakenRow,
)
"""Whether anything is known of an upload or of its one segment: nothing is of a small file that is sent once."""

SEGMENTS_OF_UPLOAD = Statement(
    "uploads.segments",
    sa.select(*_SEGMENT)
    .join(upload_segments, upload_segments.c.segment_id == segments.c.id)
    .where(upload_segments.c.upload_id == bindparam("upload")),
    SegmentRow,
)

INSERT_SEGMENT = Statement(
    "uploads.add_segment",
    sa.insert(segments).values(**parameters(*segments.c.keys())),
)

ADD_UPLOAD_SEGMENT = Statement(
    "uploads.need_segment",
    sa.insert(upload_segments).values(upload_id=bindparam("upload"), segment_id=bindparam("segment")),
)

UPLOAD_NEEDS_VERSION = Statement(
    "uploads.need_version",
    sa.insert(upload_segments).from_select(
        ["upload_id", "segment_id"],
        sa.select(sa.cast(bindparam("upload"), sa.String(32)).label("upload_id"), version_segments.c.segment_id).where(
            version_segments.c.version_id == bindparam("version")
        ),
    ),
)
"""The upload goes on from a version: it needs every segment that the version needs."""
