"""Statements of sealed folders: which they are, whom they are sealed to, uploads on their way to be sealed, headers."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import bindparam

from sealane.database.sealed_tables import age_files, former_headers, seals
from sealane.database.statements import Statement, parameters
from sealane.database.tables import (
    files,
    organizations,
    sessions,
    upload_segments,
    uploads,
    users,
    versions,
)
from sealane.domain.queries.sealed_folders import below
from sealane.domain.queries.uploads import UploadRow
from sealane.ids import FileId, FolderId, KeyId, OrganizationId, UploadId, UserId, VersionId


class SealRow(NamedTuple):
    """An upload into a sealed folder, and how far it is on its way."""

    upload_id: UploadId
    age_key_id: KeyId
    first_chunk: int
    next_chunk: int
    clean: bool
    begun: bool
    closed: datetime | None
    settles: datetime | None
    digest: bytes | None
    modified: datetime | None
    converts: VersionId | None
    leased_until: datetime | None


class SettledRow(NamedTuple):
    """An upload that may be sealed."""

    upload_id: UploadId
    folder_id: FolderId
    size: int
    leased_until: datetime | None


class ClosedRow(NamedTuple):
    """A closed upload, and from when it may be sealed; None: its sender goes on with it, or it is damaged."""

    upload_id: UploadId
    settles: datetime | None


class MomentRow(NamedTuple):
    """A time, or none."""

    at: datetime | None


class AgeFileRow(NamedTuple):
    """What makes a version an age file."""

    version_id: VersionId
    header: bytes
    revision: int
    start: bytes
    skip: int | None
    plain_size: int
    payload_digest: bytes | None
    recipients: bytes


class FormerRow(NamedTuple):
    """A header that was replaced."""

    id: int


class SealedFileRow(NamedTuple):
    """A sealed file that is visible, and its header."""

    file_id: FileId
    folder_id: FolderId
    name: str
    version_id: VersionId
    header: bytes
    recipients: bytes


class SessionRow(NamedTuple):
    """From where a session was."""

    door: str
    address: str
    user_id: UserId
    name: str
    organization_id: OrganizationId
    organization: str


# --- Uploads on their way --------------------------------------------------------------------------------------------

SEAL = Statement(
    "sealing.one",
    sa.select(*[seals.c[name] for name in SealRow._fields]).where(seals.c.upload_id == bindparam("upload")),
    SealRow,
)
ADD_SEAL = Statement("sealing.add", sa.insert(seals).values(**parameters(*seals.c.keys())))
DELETE_SEAL = Statement("sealing.delete", sa.delete(seals).where(seals.c.upload_id == bindparam("upload")))
REACHED = Statement(
    "sealing.reached",
    sa.update(seals).where(seals.c.upload_id == bindparam("upload")).values(next_chunk=bindparam("next")),
)
SUSPENDED = Statement(
    "sealing.suspended",
    sa.update(seals).where(seals.c.upload_id == bindparam("upload")).values(clean=bindparam("is_clean")),
)
TAKEN_UP = Statement(
    "sealing.taken_up",
    sa.update(seals)
    .where(seals.c.upload_id == bindparam("upload"))
    .values(
        clean=sa.false(),
        begun=sa.false(),
        settles=sa.null(),
        digest=sa.null(),
        leased_until=sa.null(),
        **parameters("age_key_id", "first_chunk", "next_chunk"),
    ),
)
CLOSED = Statement(
    "sealing.closed",
    sa.update(seals)
    .where(seals.c.upload_id == bindparam("upload"))
    .values(clean=sa.true(), **parameters("closed", "settles", "digest", "modified")),
)
SETTLE = Statement(
    "sealing.settle",
    sa.update(seals).where(seals.c.upload_id == bindparam("upload")).values(settles=bindparam("at")),
)
SET_MODIFIED = Statement(
    "sealing.set_modified",
    sa.update(seals).where(seals.c.upload_id == bindparam("upload")).values(modified=bindparam("at")),
)
_settled = (
    sa.select(seals.c.upload_id, uploads.c.folder_id, uploads.c.size, seals.c.leased_until)
    .join_from(seals, uploads, uploads.c.id == seals.c.upload_id)
    .where(seals.c.settles <= bindparam("now"), uploads.c.size <= bindparam("size_max"))
    .limit(bindparam("limit", type_=sa.Integer))
)
SETTLED = Statement(
    "sealing.settled",
    _settled.where(seals.c.leased_until.is_(None)).order_by(seals.c.settles, seals.c.closed, seals.c.upload_id),
    SettledRow,
)
"""Oldest first; what was leased before, and failed, or is huge and had its turn, is in `TRIED`."""
TRIED = Statement(
    "sealing.tried",
    _settled.where(seals.c.leased_until.is_not(None)).order_by(
        seals.c.leased_until, seals.c.settles, seals.c.closed, seals.c.upload_id
    ),
    SettledRow,
)
"""Tried longest ago first."""
CLOSED_OF_NAME = Statement(
    "sealing.closed_of_name",
    sa.select(seals.c.upload_id, seals.c.settles)
    .join_from(seals, uploads, uploads.c.id == seals.c.upload_id)
    .where(
        uploads.c.folder_id == bindparam("folder"),
        uploads.c.name == bindparam("name"),
        uploads.c.state == "open",
        uploads.c.id != bindparam("but"),
        seals.c.closed.is_not(None),
        seals.c.converts.is_(None),
    ),
    ClosedRow,
)
"""What was acknowledged under a name and is not sealed yet; not files from before the folder was sealed."""
NEXT_TO_SETTLE = Statement(
    "sealing.next_to_settle",
    sa.select(sa.func.min(seals.c.settles).label("at")).where(seals.c.settles > bindparam("now")),
    MomentRow,
)
LEASE = Statement(
    "sealing.lease",
    sa.update(seals).where(seals.c.upload_id == bindparam("upload")).values(leased_until=bindparam("until")),
)
BEGUN = Statement(
    "sealing.begun",
    sa.update(seals)
    .where(seals.c.upload_id == bindparam("upload"))
    .values(begun=sa.true(), clean=sa.false(), **parameters("age_key_id", "first_chunk", "next_chunk")),
)
_whole = upload_segments.alias("whole")
PARTS_OF = Statement(
    "sealing.parts_of",
    sa.select(*[uploads.c[name] for name in UploadRow._fields]).where(
        uploads.c.partial.is_(True),
        uploads.c.id.in_(
            sa.select(upload_segments.c.upload_id)
            .join(_whole, _whole.c.segment_id == upload_segments.c.segment_id)
            .where(_whole.c.upload_id == bindparam("upload"), upload_segments.c.upload_id != bindparam("upload"))
        ),
    ),
    UploadRow,
)
"""Parts that an upload was joined from: they keep its plaintext readable."""
SESSION_OF = Statement(
    "sealing.session_of",
    sa.select(
        sessions.c.door,
        sessions.c.address,
        users.c.id.label("user_id"),
        users.c.name,
        organizations.c.id.label("organization_id"),
        organizations.c.name.label("organization"),
    )
    .join_from(sessions, users, users.c.id == sessions.c.user_id)
    .join(organizations, organizations.c.id == users.c.organization_id)
    .where(sessions.c.id == bindparam("session")),
    SessionRow,
)

# --- Sealed files ----------------------------------------------------------------------------------------------------

AGE_FILE = Statement(
    "sealing.age_file",
    sa.select(*[age_files.c[name] for name in AgeFileRow._fields]).where(
        age_files.c.version_id == bindparam("version")
    ),
    AgeFileRow,
)
ADD_AGE_FILE = Statement("sealing.add_age_file", sa.insert(age_files).values(**parameters(*age_files.c.keys())))
SET_HEADER = Statement(
    "sealing.set_header",
    sa.update(age_files)
    .where(age_files.c.version_id == bindparam("version"))
    .values(revision=age_files.c.revision + 1, **parameters("header", "recipients")),
)
KEEP_HEADER = Statement(
    "sealing.keep_header",
    sa.insert(former_headers).values(**parameters("version_id", "header", "user_id", "replaced")),
)
_others = former_headers.alias("others")
SPARE_HEADER = Statement(
    "sealing.spare_header",
    sa.select(former_headers.c.id)
    .where(
        former_headers.c.version_id == bindparam("version"),
        sa.exists().where(_others.c.version_id == former_headers.c.version_id, _others.c.id < former_headers.c.id),
        sa.select(sa.func.count())
        .select_from(_others)
        .where(_others.c.version_id == bindparam("version"))
        .scalar_subquery()
        > bindparam("limit", type_=sa.Integer),
    )
    .order_by(former_headers.c.id)
    .limit(1),
    FormerRow,
)
"""The oldest former header of a version but the first, where there are more than are kept."""
LEFT_OUT = Statement(
    "sealing.left_out",
    sa.update(former_headers)
    .where(former_headers.c.version_id == bindparam("version"), former_headers.c.forgotten.is_(None))
    .values(forgotten=bindparam("at")),
)
"""The former headers of a version let in somebody whom the present one leaves out."""
DROP_HEADER = Statement(
    "sealing.drop_header", sa.delete(former_headers).where(former_headers.c.id == bindparam("former"))
)
SET_PAYLOAD_DIGEST = Statement(
    "sealing.set_payload_digest",
    sa.update(age_files)
    .where(age_files.c.version_id == bindparam("version"))
    .values(payload_digest=bindparam("digest")),
)
_tree = below("folder")
_page = (
    sa.select(files.c.id)
    .join_from(files, age_files, age_files.c.version_id == files.c.version_id)
    .where(files.c.folder_id.in_(sa.select(_tree.c.id)), files.c.id > bindparam("after"))
    .order_by(files.c.id)
    .limit(bindparam("limit", type_=sa.Integer))
    .subquery("page")
)
"""Numbers alone are put in order: headers are long, and of a large folder each page would sort all of them."""
SEALED_FILES = Statement(
    "sealing.files",
    sa.select(
        files.c.id.label("file_id"),
        files.c.folder_id,
        files.c.name,
        files.c.version_id,
        age_files.c.header,
        age_files.c.recipients,
    )
    .join_from(_page, files, files.c.id == _page.c.id)
    .join(age_files, age_files.c.version_id == files.c.version_id)
    .order_by(files.c.id),
    SealedFileRow,
)
SEALED_FILE = Statement(
    "sealing.file",
    sa.select(
        files.c.id.label("file_id"),
        files.c.folder_id,
        files.c.name,
        files.c.version_id,
        age_files.c.header,
        age_files.c.recipients,
    )
    .join_from(versions, files, files.c.id == versions.c.file_id)
    .join(age_files, age_files.c.version_id == versions.c.id)
    .where(versions.c.id == bindparam("version"), files.c.version_id == versions.c.id),
    SealedFileRow,
)
"""Of a version that is its file's present one. By the version's row, since files are not filed by their versions."""
