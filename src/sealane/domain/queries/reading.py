"""Statements of officers, of how folders are read, and of layouts that are known."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import bindparam

from sealane.database.exposure_tables import layouts, officers, read_folders
from sealane.database.statements import Statement, parameters
from sealane.database.tables import organizations, users
from sealane.ids import FolderId


class OfficerRow(NamedTuple):
    """A public key to which an organization's people lists are sealed."""

    recipient: str
    recovery: bool


class OrganizationOfficerRow(NamedTuple):
    """Likewise, with the organization's name; an organization without any has one row without a key."""

    organization: str
    recipient: str | None
    recovery: bool | None


class ReadFolderRow(NamedTuple):
    """How a folder is read with all below it."""

    folder_id: FolderId
    reading: bool
    owner: str
    owner_recipient: str | None
    publishes: int
    """When an ordinary file is visible to others (`held_back.py`)."""
    unread_after_seconds: int
    """What is held back is published unread after so long; 0: never."""


class LayoutRow(NamedTuple):
    """What the columns of a table hold."""

    fingerprint: str
    revision: int
    layout: bytes
    corrected: bool


class ListedLayoutRow(NamedTuple):
    """Likewise, with whose tables they are."""

    name: str
    organization: str
    fingerprint: str
    revision: int
    layout: bytes
    corrected: bool


# --- Officers --------------------------------------------------------------------------------------------------------

OFFICERS = Statement(
    "reading.officers",
    sa.select(officers.c.recipient, officers.c.recovery)
    .where(officers.c.organization_id == bindparam("organization"))
    .order_by(officers.c.id),
    OfficerRow,
)
ALL_OFFICERS = Statement(
    "reading.all_officers",
    sa.select(organizations.c.name.label("organization"), officers.c.recipient, officers.c.recovery)
    .join_from(organizations, officers, officers.c.organization_id == organizations.c.id, isouter=True)
    .order_by(organizations.c.name, officers.c.id),
    OrganizationOfficerRow,
)
REMOVE_OFFICERS = Statement(
    "reading.remove_officers", sa.delete(officers).where(officers.c.organization_id == bindparam("organization"))
)
ADD_OFFICER = Statement(
    "reading.add_officer",
    sa.insert(officers).values(**parameters("organization_id", "recipient", "recovery", "made")),
)

# --- Folders ---------------------------------------------------------------------------------------------------------

READ_FOLDERS = Statement(
    "reading.folders",
    sa.select(*[read_folders.c[name] for name in ReadFolderRow._fields]).order_by(read_folders.c.folder_id),
    ReadFolderRow,
)
ADD_READ_FOLDER = Statement("reading.add_folder", sa.insert(read_folders).values(**parameters(*read_folders.c.keys())))
REMOVE_READ_FOLDER = Statement(
    "reading.remove_folder", sa.delete(read_folders).where(read_folders.c.folder_id == bindparam("folder"))
)

# --- Layouts ---------------------------------------------------------------------------------------------------------

_later = layouts.alias("later")
NEWEST_LAYOUTS = Statement(
    "reading.newest_layouts",
    sa.select(*[layouts.c[name] for name in LayoutRow._fields])
    .where(
        layouts.c.user_id == bindparam("user"),
        layouts.c.folder_id == bindparam("folder"),
        ~sa.exists().where(
            _later.c.user_id == layouts.c.user_id,
            _later.c.folder_id == layouts.c.folder_id,
            _later.c.fingerprint == layouts.c.fingerprint,
            _later.c.revision > layouts.c.revision,
        ),
    )
    .order_by(layouts.c.made.desc(), layouts.c.fingerprint)
    .limit(bindparam("limit", type_=sa.Integer)),
    LayoutRow,
)
NEWEST_LAYOUT = Statement(
    "reading.newest_layout",
    sa.select(*[layouts.c[name] for name in LayoutRow._fields])
    .where(
        layouts.c.user_id == bindparam("user"),
        layouts.c.folder_id == bindparam("folder"),
        layouts.c.fingerprint == bindparam("fingerprint"),
    )
    .order_by(layouts.c.revision.desc())
    .limit(1),
    LayoutRow,
)
LAYOUTS_OF_FOLDER = Statement(
    "reading.layouts_of_folder",
    sa.select(
        users.c.name,
        organizations.c.name.label("organization"),
        layouts.c.fingerprint,
        layouts.c.revision,
        layouts.c.layout,
        layouts.c.corrected,
    )
    .join_from(layouts, users, users.c.id == layouts.c.user_id)
    .join(organizations, organizations.c.id == users.c.organization_id)
    .where(layouts.c.folder_id == bindparam("folder"))
    .order_by(organizations.c.name, users.c.name, layouts.c.fingerprint, layouts.c.revision)
    .limit(bindparam("limit", type_=sa.Integer)),
    ListedLayoutRow,
)
ADD_LAYOUT = Statement("reading.add_layout", sa.insert(layouts).values(**parameters(*layouts.c.keys())))
REMOVE_LAYOUTS = Statement(
    "reading.remove_layouts", sa.delete(layouts).where(layouts.c.folder_id == bindparam("folder"))
)
