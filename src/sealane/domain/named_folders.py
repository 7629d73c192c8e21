"""Folders as the administrator names them: `ORG:/PATH`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane.domain import accounts, names
from sealane.domain.queries import folders as folder_statements
from sealane.errors import Missing

if TYPE_CHECKING:
    from sealane.domain.queries.folders import FolderRow
    from sealane.domain.work import Work


def find(work: Work, place: str) -> FolderRow:
    """Return the folder `ORG:/PATH`. Raises `Missing`."""
    organization, path = names.parse_place(place)
    folder = root(work, organization)
    for name in path:
        below = work.transaction.first(folder_statements.BY_NAME, parent_id=folder.id, name=name)
        if below is None:
            raise Missing("There is no such folder.")
        folder = below
    return folder


def root(work: Work, organization: str) -> FolderRow:
    """Return the root folder of an organization."""
    row = work.transaction.first(
        folder_statements.ROOT_OF, organization_id=accounts.find_organization(work, organization).id
    )
    if row is None:
        raise LookupError(f"organization {organization} has no root folder")
    return row
