"""Statements of sealed folders: which they are, what in them is not sealed yet, and whom they are sealed to."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import bindparam

from sealane.database.sealed_tables import recovery_recipients, sealed_folders, seals
from sealane.database.statements import Statement, parameters
from sealane.database.tables import (
    files,
    folders,
    grants,
    memberships,
    organizations,
    recipients,
    ssh_keys,
    uploads,
    users,
    versions,
)
from sealane.domain.queries.uploads import CountRow
from sealane.domain.queries.versions import ExpiredRow
from sealane.ids import FileId, FolderId, OrganizationId, UserId, VersionId


class SealedFolderRow(NamedTuple):
    """How a folder is sealed."""

    folder_id: FolderId
    settle_seconds: int
    plain_names: bool


class ReaderRow(NamedTuple):
    """Somebody who is granted rights on a folder, by themselves or by a group."""

    user_id: UserId
    name: str
    organization: str
    folder_id: FolderId
    rights: int


class KeyRow(NamedTuple):
    """A public key of a user."""

    user_id: UserId
    recipient: str


class SshKeyRow(NamedTuple):
    """An SSH public key of a user."""

    user_id: UserId
    blob: bytes


class RecoveryRow(NamedTuple):
    """A recovery key of an organization."""

    recipient: str


class PlainFileRow(NamedTuple):
    """A file of a sealed folder that is not sealed yet."""

    file_id: FileId
    folder_id: FolderId
    name: str
    version_id: VersionId
    organization_id: OrganizationId
    user_id: UserId
    size: int
    modified: datetime


class ConvertingRow(NamedTuple):
    """A sealed folder of which files from before may be left."""

    folder_id: FolderId
    converted_to: int


# --- Folders ---------------------------------------------------------------------------------------------------------

SEALED_FOLDER = Statement(
    "sealing.folder",
    sa.select(*[sealed_folders.c[name] for name in SealedFolderRow._fields]).where(
        sealed_folders.c.folder_id == bindparam("folder")
    ),
    SealedFolderRow,
)
SEALED_FOLDERS = Statement(
    "sealing.folders", sa.select(*[sealed_folders.c[name] for name in SealedFolderRow._fields]), SealedFolderRow
)
ADD_SEALED_FOLDER = Statement(
    "sealing.add_folder", sa.insert(sealed_folders).values(**parameters(*sealed_folders.c.keys()))
)
SET_SEALED_FOLDER = Statement(
    "sealing.set_folder",
    sa.update(sealed_folders)
    .where(sealed_folders.c.folder_id == bindparam("folder"))
    .values(**parameters("settle_seconds", "plain_names")),
)
REMOVE_SEALED_FOLDER = Statement(
    "sealing.remove_folder", sa.delete(sealed_folders).where(sealed_folders.c.folder_id == bindparam("folder"))
)


def below(parameter: str) -> sa.CTE:
    """Return the folder that the parameter names and all folders below it."""
    start = sa.select(folders.c.id.label("id")).where(folders.c.id == bindparam(parameter, type_=sa.BigInteger))
    tree = start.cte("tree", recursive=True)
    return tree.union_all(sa.select(folders.c.id).where(folders.c.parent_id == tree.c.id))


SEAL_TREE = Statement(
    "sealing.seal_tree",
    sa.update(folders)
    .where(folders.c.id.in_(sa.select(below("folder").c.id)), folders.c.sealed_by.is_(None))
    .values(sealed_by=bindparam("sealed_by")),
)

_PLAIN = (
    folders.c.sealed_by == bindparam("folder"),
    files.c.id > bindparam("after"),
    versions.c.format == "slots-1",
    versions.c.damaged.is_(None),
    ~sa.exists().where(seals.c.converts == versions.c.id),
)

PLAIN_FILES = Statement(
    "sealing.plain_files",
    sa.select(
        files.c.id.label("file_id"),
        files.c.folder_id,
        files.c.name,
        files.c.version_id,
        versions.c.organization_id,
        versions.c.user_id,
        versions.c.size,
        files.c.modified,
    )
    .join_from(folders, files, files.c.folder_id == folders.c.id)
    .join(versions, versions.c.id == files.c.version_id)
    .where(*_PLAIN)
    .order_by(files.c.id)
    .limit(bindparam("limit", type_=sa.Integer)),
    PlainFileRow,
)
"""Files of a sealed folder that are from before it was."""
CONVERTING = Statement(
    "sealing.converting",
    sa.select(sealed_folders.c.folder_id, sealed_folders.c.converted_to)
    .where(sealed_folders.c.converted_to.is_not(None))
    .limit(1),
    ConvertingRow,
)
CONVERTED_TO = Statement(
    "sealing.converted_to",
    sa.update(sealed_folders)
    .where(sealed_folders.c.folder_id == bindparam("folder"))
    .values(converted_to=bindparam("reached")),
)

COUNT_PLAIN = Statement(
    "sealing.count_plain",
    sa.select(sa.func.count().label("count"))
    .select_from(folders)
    .join(files, files.c.folder_id == folders.c.id)
    .join(versions, versions.c.id == files.c.version_id)
    .where(folders.c.sealed_by == bindparam("folder"), versions.c.format == "slots-1"),
    CountRow,
)
COUNT_WAITING = Statement(
    "sealing.count_waiting",
    sa.select(sa.func.count().label("count"))
    .select_from(seals)
    .join(uploads, uploads.c.id == seals.c.upload_id)
    .join(folders, folders.c.id == uploads.c.folder_id)
    .where(folders.c.sealed_by == bindparam("folder"), seals.c.closed.is_not(None)),
    CountRow,
)
"""Closed uploads that are not sealed yet."""
OTHER_PLAIN_VERSIONS = Statement(
    "sealing.other_plain_versions",
    sa.select(*[versions.c[name] for name in ExpiredRow._fields]).where(
        versions.c.file_id == bindparam("file"), versions.c.format == "slots-1", versions.c.replaced.is_not(None)
    ),
    ExpiredRow,
)

# --- Whom it is sealed to --------------------------------------------------------------------------------------------

_READER = (
    users.c.id.label("user_id"),
    users.c.name,
    organizations.c.name.label("organization"),
    grants.c.folder_id,
    grants.c.rights,
)
GRANTEES = Statement(
    "sealing.grantees",
    sa.union_all(
        sa.select(*_READER)
        .join_from(grants, users, users.c.id == grants.c.user_id)
        .join(organizations, organizations.c.id == users.c.organization_id)
        .where(grants.c.folder_id.in_(bindparam("folders", expanding=True)), users.c.disabled.is_(None)),
        sa.select(*_READER)
        .join_from(grants, memberships, memberships.c.group_id == grants.c.group_id)
        .join(users, users.c.id == memberships.c.user_id)
        .join(organizations, organizations.c.id == users.c.organization_id)
        .where(grants.c.folder_id.in_(bindparam("folders", expanding=True)), users.c.disabled.is_(None)),
    ),
    ReaderRow,
)
KEYS_OF = Statement(
    "sealing.keys_of",
    sa.select(recipients.c.user_id, recipients.c.recipient)
    .where(recipients.c.user_id.in_(bindparam("users", expanding=True)))
    .order_by(recipients.c.id),
    KeyRow,
)
SSH_KEYS_OF = Statement(
    "sealing.ssh_keys_of",
    sa.select(ssh_keys.c.user_id, ssh_keys.c.blob)
    .where(ssh_keys.c.user_id.in_(bindparam("users", expanding=True)))
    .order_by(ssh_keys.c.id),
    SshKeyRow,
)
RECOVERIES = Statement(
    "sealing.recoveries",
    sa.select(recovery_recipients.c.recipient)
    .where(recovery_recipients.c.organization_id == bindparam("organization"))
    .order_by(recovery_recipients.c.id),
    RecoveryRow,
)
ADD_RECOVERY = Statement(
    "sealing.add_recovery",
    sa.insert(recovery_recipients).values(**parameters("organization_id", "recipient", "made")),
)
REMOVE_RECOVERY = Statement(
    "sealing.remove_recovery",
    sa.delete(recovery_recipients).where(
        recovery_recipients.c.organization_id == bindparam("organization"),
        recovery_recipients.c.recipient == bindparam("gone"),
    ),
)
REMOVE_RECIPIENT = Statement(
    "sealing.remove_recipient",
    sa.delete(recipients).where(recipients.c.user_id == bindparam("user"), recipients.c.recipient == bindparam("gone")),
)
